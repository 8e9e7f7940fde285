"""How rough is what a density network of one layer says? A sum that `smooth` adds to the loss.

A product of densities is one of radial functions, each a sum over n of amplitudes phi_ln times f_n(r) Y_lm. With
    gamma_ln = (n / 4)^6 + (3 l / 8)^6
each term of a product counts by the square of its coefficient times the square of the sum of gamma over its factors:
    1 / scale^2 sum_z,k,eta (gain_k(z) w_eta,k(z))^2 sum_n1,n2,.. (gamma_l1n1 + gamma_l2n2 + ..)^2 prod_i phi_k,li,ni^2
with phi^2 summed over elements of neighbours; gain is the slope of E by m_k, of nodes where tanh is steepest, by root
sum of squares. It is the smoothness prior of linear ACE in ACEpotentials.jl (W. C. Witt et al., J. Chem. Phys. 159,
164101 (2023)), channel by channel, with a power of 6 instead of 4, of Bessel functions instead of polynomials.
"""

import numpy as np

from mdcore.potentials.density.coupling import Program
from mdcore.potentials.density.model import Design

SMOOTH_N, SMOOTH_L = 4.0, 8.0 / 3.0  # where gamma is 1
POWER = 6


class Roughness:
    """Of networks of a design of one layer: a function of theta [n_folded]."""

    def __init__(self, design: Design):
        self.design, self.contents = design, contents(design.program)
        n, l = np.arange(1, design.radial + 1), np.arange(design.l_max + 1)[:, None]
        gamma = (n / SMOOTH_N) ** POWER + (l / SMOOTH_L) ** POWER
        self.powers = np.array([np.ones_like(gamma), gamma, 0.5 * gamma**2])  # of x in exp(gamma x), to x^2

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """(roughness, its gradient [n_folded])"""
        own, found = self.design.folded_views(theta), np.zeros(len(theta))
        out, size = self.design.folded_views(found), self.design.scale**-2
        radial, mix, w = own["radial.0"], own["mix.0"], own["product.0"]
        phi = np.einsum("yzbn,yzlbk->yzlkn", radial, mix)
        # the square of a sum of gamma over factors is twice the term with x^2 in the product of their exp(gamma x)
        series = np.einsum("yzlkn,jln->ljyk", phi**2, self.powers)
        gain = own["linear"] ** 2 + np.sum((own["hidden"] * own["out"][:, None]) ** 2, axis=2)
        by_series, of_channels = np.zeros_like(series), np.zeros_like(gain)
        for eta, ls in enumerate(self.contents):
            square = 2.0 * size * w[:, eta] ** 2
            whole = _product([series[l] for l in ls])[2]
            of_channels += square * whole
            out["product.0"][:, eta] = 4.0 * size * gain * w[:, eta] * whole
            for i, l in enumerate(ls):
                by_series[l] += gain * square * _product([series[m] for m in ls[:i] + ls[i + 1 :]])[::-1]
        out["linear"][...] = 2.0 * own["linear"] * of_channels
        out["hidden"][...] = 2.0 * own["hidden"] * own["out"][:, None] ** 2 * of_channels[..., None]
        out["out"][...] = 2.0 * own["out"] * np.einsum("yk,ykh->yh", of_channels, own["hidden"] ** 2)
        by_phi = 2.0 * phi * np.einsum("ljyk,jln->ylkn", by_series, self.powers)[:, None]
        out["radial.0"][...] = np.einsum("yzlkn,yzlbk->yzbn", by_phi, mix)
        out["mix.0"][...] = np.einsum("yzlkn,yzbn->yzlbk", by_phi, radial)
        return float(np.sum(gain * of_channels)), found


def _product(series: list[np.ndarray]) -> np.ndarray:
    """Of power series [3, ...], to the second power; of none: 1."""
    found = np.zeros((3, 1, 1))
    found[0] = 1.0
    for a in series:
        found = np.array([found[0] * a[0], found[0] * a[1] + found[1] * a[0],
                          found[0] * a[2] + found[1] * a[1] + found[2] * a[0]])  # fmt: skip
    return found


def contents(program: Program) -> list[tuple[int, ...]]:
    """The l of the factors of each invariant; all its terms have the same."""
    order = [l for l in range(program.l_max + 1) for _ in range(2 * l + 1)]
    factors = [(l,) for l in order] + [()] * program.n_pairs
    for dest, i, j in program.pairs.tolist():
        factors[program.n_components + dest] = order[i], order[j]
    found = [()] * program.n_invariants
    for eta, a, b in program.terms.tolist():
        found[eta] = tuple(sorted(factors[a] + (factors[b] if b >= 0 else ())))
    return found
