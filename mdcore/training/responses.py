"""How do the charges of a structure follow what networks say of its atoms, x [n]?

Predicted charges are x, shifted so that they add up to the total. Equilibrated ones solve sum_j (A + J)_ij q_j + x_i =
the same for all atoms, and add up (T. W. Ko et al., Nat. Commun. 12, 398 (2021), eqs. 4 to 6). Both are linear in x.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(eq=False)
class Response:
    """How the charges of a structure follow x [n]: q = R x + q0, q0 without x.

    matrix : the part of R that is none of the identity; of equilibrated charges, which follow the interaction, too
    """

    equilibrated: bool
    matrix: np.ndarray | None
    q: np.ndarray

    def of(self, x: np.ndarray) -> np.ndarray:
        """R x, which is R^T x."""
        if self.equilibrated:
            return self.matrix @ x
        return x if self.matrix is None else x - x.mean()


def predicted(x: np.ndarray, total: float, conserve: bool) -> Response:
    """Charges that networks say, the same added to each so that they add up to the total."""
    if not conserve:
        return Response(False, None, x)
    return Response(False, x, x + (total - x.sum()) / len(x))


def equilibrated(x: np.ndarray, total: float, a: np.ndarray, hardness: np.ndarray) -> Response:
    """Charges for which sum_j (A + J)_ij q_j + x_i is the same for all atoms, and which add up to the total."""
    n = len(x)
    k = np.ones((n + 1, n + 1))
    k[:n, :n] = a
    k[np.arange(n), np.arange(n)] += hardness
    k[n, n] = 0.0
    inverse = np.linalg.inv(k)
    r = -0.5 * (inverse[:n, :n] + inverse[:n, :n].T)
    return Response(True, r, r @ x + inverse[:n, n] * total)


class Hardness:
    """J_e of each element, as a run of a regression's parameters: J = J0 exp(u), which stays above 0."""

    def __init__(self, begin: np.ndarray | tuple, at: int):
        self.begin, self.n, self.own = np.array(begin, dtype=np.float64), len(begin), slice(at, at + len(begin))
        self.is_weight, self.blocks, self.flat = np.zeros(self.n, dtype=bool), [], np.zeros(self.n)
        self.now = self.begin

    def set(self, parameters: np.ndarray) -> None:
        self.now = self.begin * np.exp(parameters[self.own])
