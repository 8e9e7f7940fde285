"""Which charges make the energy of charges least, and what follows from them?

    (D + C K) x + mu = b,    sum of x = total

D, hardness and what a Gaussian has in its own field, is a diagonal, C K what charges feel of each other (field.py).
Charges are x for b = -chi; what an energy that depends on them has to do with places is x for b = -dE/dq and a total of
0 (one adjoint solve: T. W. Ko et al., Nat. Commun. 12, 398 (2021), supplementary note 2).

Clusters of up to DENSE atoms are solved directly, on every rank the same. All else by conjugate gradients
(M. R. Hestenes, E. Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952)), with 1 / D before them, in the space of charges
that keep the total, until what is missing in x, its root mean square, is below a residual. They begin with
x = (b - mu - y) / D, y a guess of C K x: D is large, and b is known at the new places, so that of an error of the guess
a small part is left; C K x of steps before goes on as a polynomial. Sums over atoms are exact
(exact.py), so that every bit is the same on any number of ranks. Where the matrix is not positive, or so nearly not
that MOST_STEPS do not do, it is solved directly after all.
"""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import SimulationError
from mdcore.doors._kernels import Factors

DENSE = 300  # atoms of a cluster
MOST_DENSE = 1000  # atoms of anything that conjugate gradients do not solve
MOST_STEPS = 500


class Equilibrium:
    """The equations for one field and diagonal; `steps` : of conjugate gradients so far."""

    def __init__(self, field, diagonal: np.ndarray, residual: float):
        self.field, self.diagonal, self.residual = field, diagonal, residual
        self.steps, self._factors = 0, None
        self.direct = field.small and field.n_atoms <= DENSE

    def solve(self, b: np.ndarray, total: float, felt: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """(x, C K x + a constant) [n] of owned atoms; felt : a guess of the latter, or None (collective).
        SimulationError if there is no solution to be found."""
        if self.direct:
            return self._dense(b, total)
        found = self._iterate(b, total, felt)
        return self._dense(b, total) if found is None else found

    def _iterate(self, b, total, felt):
        field, d, comm = self.field, self.diagonal, self.field.comm
        n, per_d = field.n_atoms, 1.0 / self.diagonal
        x = (b if felt is None else b - felt) * per_d
        sum_x, sum_1 = exact.dots(comm, x, per_d)
        x += ((total - sum_x) / sum_1) * per_d
        r = b - d * x - field.product(x)
        p, before = None, 1.0
        for _ in range(MOST_STEPS):
            (pushed,) = exact.dots(comm, r * per_d)
            r = r - pushed / sum_1  # mu is free
            z = r * per_d
            rz, zz = exact.dots(comm, r * z, z * z)
            if not math.isfinite(rz) or rz < 0.0:
                return None
            if zz <= n * self.residual**2:
                return x, b - d * x - r
            p = z if p is None else z + (rz / before) * p
            ap = d * p + field.product(p)
            (curvature,) = exact.dots(comm, p * ap)
            if not curvature > 0.0:
                return None
            step, before = rz / curvature, rz
            x = x + step * p
            r = r - step * ap
            self.steps += 1
        return None

    def _dense(self, b, total):
        field, n = self.field, self.field.n_atoms
        if n > MOST_DENSE:
            error = SimulationError(
                f"charges of {n} atoms are not found in {MOST_STEPS} steps of conjugate gradients: the hardness of the "
                "potential is too small for them, or the atoms are too close to each other"
            )
            error.collective = True
            raise error
        if self._factors is None:
            matrix = np.ones((n + 1, n + 1))
            matrix[:n, :n] = field.dense()
            matrix[n, n] = 0.0
            matrix[np.arange(n), np.arange(n)] += field.everywhere(self.diagonal)
            self._factors = Factors(matrix)
        solution = self._factors.solve(np.append(field.everywhere(b), total))
        x = field.mine(solution[:n])
        return x, field.product(x)


def extrapolated(past: np.ndarray, n_past: int) -> np.ndarray | None:
    """What comes next after the last ones, [n, most], newest first, n_past of which are there: by a polynomial."""
    if n_past == 0:
        return None
    weights = [(-1) ** k * math.comb(n_past, k + 1) for k in range(n_past)]
    guess = np.zeros(len(past))
    for k, weight in enumerate(weights):
        guess += weight * past[:, k]
    return guess
