"""Stillinger-Weber: silicon, its compounds, and other tetrahedral liquids and crystals, from files of LAMMPS.

    E = sum_{i<j} A epsilon [B (sigma/r)^p - (sigma/r)^q] e^{sigma / (r - a sigma)}
      + sum_i sum_{j<k} lambda epsilon (cos theta_jik - cos theta_0)^2 g_ij g_ik,    g = e^{gamma sigma / (r - a sigma)}

F. H. Stillinger, T. A. Weber, Phys. Rev. B 31, 5262 (1985), eqs. 2.3 and 2.4. An entry i j j has the numbers of the
pair i-j and of g_ij around i; lambda, epsilon and cos theta_0 of an angle are those of i j k. tol shortens a cutoff to
where the exponential is that small, as in LAMMPS.
"""

import itertools
import math

import numpy as np

from mdcore.base.errors import InputError
from mdcore.doors._kernels import StillingerWeber as Kernels
from mdcore.potentials.manybody.threebody import MOST_CUTOFF, SAME, BoundThreeBody, ThreeBody, of_pairs

MOST_POWER = 64
SIGMA_GAMMA, HALF_P, POWER_P = 2, 4, 6  # columns of a pair, ext/manybody/threebody.h


class StillingerWeber(ThreeBody):
    """Stillinger-Weber between all atoms closer than the cutoff.

    path : of a file (.sw), or {(element, element, element): (epsilon, sigma, a, lambda, gamma, costheta0, A, B, p, q,
    tol)}; eV, Angstrom
    elements : those of the file that are used, None: all

    InputError for a file that is none, and from `bind` for a triple that is not in it.
    """

    title = "Stillinger-Weber"
    names = ("epsilon", "sigma", "a", "lambda", "gamma", "costheta0", "A", "B", "p", "q", "tol")

    @property
    def truncated(self) -> bool:
        """Shortened, or angles whose g is 1 up to the cutoff."""
        return any(it.values["tol"] > 0.0 or it.values["gamma"] == 0.0 for it in self.entries.values())

    def complaint(self, values, pair):
        for name, value in values.items():
            if value < 0.0 and name != "costheta0":
                return f"{name} = {value:g}: expected a number >= 0"
        if pair and values["sigma"] * values["a"] > MOST_CUTOFF:
            return f"a cutoff of {values['sigma'] * values['a']:g}: expected at most {MOST_CUTOFF:g}"
        for name in ("p", "q"):
            if values[name] > MOST_POWER:
                return f"{name} = {values[name]:g}: expected at most {MOST_POWER}"
        return None

    def reach(self, values, pair):
        return shortened(values) if pair else 0.0

    def sizes(self):
        pairs = {a: it.values["sigma"] for (a, b, c), it in self.entries.items() if a == b == c}
        return {name: 2.0 ** (1 / 6) * sigma for name, sigma in pairs.items() if sigma}

    def bind(self, symbols) -> BoundThreeBody:
        of, n = self.triples(symbols), len(symbols)
        pair = {name: of_pairs(values) for name, values in of.items()}
        strength, sigma = pair["A"] * pair["epsilon"], pair["sigma"]
        p, q = strength * pair["B"] * sigma ** pair["p"], strength * sigma ** pair["q"]
        cuts = np.empty((n, n))
        for a, b in itertools.product(range(n), repeat=2):
            cuts[a, b] = shortened({k: v[a, b] for k, v in pair.items()})
        rows = np.stack(
            [cuts**2, sigma * pair["a"], pair["gamma"] * sigma, sigma, 0.5 * p, 0.5 * q, pair["p"], pair["q"]], axis=-1
        )
        rows[cuts == 0.0] = 0.0
        angle, cosine = of["lambda"] * of["epsilon"], of["costheta0"]
        triples = np.stack([angle, angle * cosine, angle * cosine**2, angle * (1.0 - cosine) ** 2], axis=-1)
        self.check_pairs(symbols, np.delete(rows, SIGMA_GAMMA, axis=-1), (cuts > 0.0) & (strength > 0.0))
        self._check_angles(symbols, triples, cuts)
        whole = [_whole(rows[..., POWER_P + k][rows[..., HALF_P + k] != 0.0]) for k in (0, 1)]
        return BoundThreeBody(self, Kernels(rows, triples, self.cutoff, *whole))

    def _check_angles(self, symbols, triples, cuts) -> None:
        """An angle has one energy, whichever neighbour comes first; InputError."""
        n = range(len(symbols))
        for i, (a, b) in itertools.product(n, itertools.combinations(n, 2)):
            same = np.allclose(triples[i, a, b], triples[i, b, a], rtol=SAME, atol=0.0)
            if not same and cuts[i, a] and cuts[i, b]:
                one, other = (f"{symbols[i]} {symbols[x]} {symbols[y]}" for x, y in ((a, b), (b, a)))
                raise InputError(f"{self.name}: {one} and {other} say different energies of an angle")


def shortened(values) -> float:
    """The cutoff with `tol`, as in LAMMPS."""
    cut, tol = values["sigma"] * values["a"], values["tol"]
    if tol > 0.0:
        cut += min(values["gamma"], 1.0) * values["sigma"] / math.log(min(tol, 0.01))
    return max(cut, 0.0)


def _whole(powers: np.ndarray) -> int:
    """The power of all of them, if that is a whole number, else -1."""
    found = set(powers.tolist()) or {0.0}
    one = found.pop()
    return int(one) if not found and one == int(one) else -1
