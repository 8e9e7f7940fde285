"""How do steps along the gradient allow for how parameters of a matrix go together? SOAP.

N. Vyas et al., arXiv:2409.11321 (2024). The gradient G of a matrix is turned into the bases of the eigenvectors of the
running means of G G^T and G^T G, Adam goes on there, and its step is turned back: there, curvature is nearly diagonal.
Bases follow the means by one power iteration and an orthogonalisation every few steps. What is no matrix has Adam.

Where eigenvalues are alike rounding chooses the vectors, so other ranks, which add in another order, take other ways.
"""

import numpy as np

from mdcore.training.optimizers.adam import Adam
from mdcore.training.optimizers.covariance import single_threaded_blas
from mdcore.training.regression import Regression
from mdcore.training.settings import SEED, SoapSettings

WIDEST = 1024  # rows or columns that are turned
ROUNDING = 1e-6  # of the largest gradient of a block: turned ones that are less, of few structures, are noise
EXACT = 4  # first steps, whose bases are exact eigenvectors
FARTHEST = 10.0  # step sizes, of a step: in bases that have just turned mean squares are those of others. Usual are 5


class Soap(Adam):
    """Steps on a Regression; `epoch` shows it every structure once. `seed` decides their order."""

    def __init__(self, regression: Regression, settings: SoapSettings | None = None, seed: int = SEED):
        super().__init__(regression, settings or SoapSettings(), seed)
        shapes = [((own.stop - own.start) // columns, columns) for own, columns in regression.blocks]
        sizes = [n if n <= WIDEST else 0 for shape in shapes for n in shape]
        ends = np.cumsum([0, *(n * n for n in sizes)])
        self.means, self.bases = np.zeros((2, ends[-1]))  # of all sides of all blocks
        places = [(slice(a, b), n) for a, b, n in zip(ends[:-1], ends[1:], sizes, strict=True)]
        owned = [own for own, _ in regression.blocks]
        self.places = list(zip(owned, shapes, places[::2], places[1::2], strict=True))
        for own, n in places:
            self.bases[own] = np.eye(n).ravel()
        self._see()

    def _see(self) -> None:
        """blocks : (where, shape, mean and basis of the left side, of the right one), views; None of a side that is not
        turned"""
        both = self.means, self.bases
        self.blocks = [
            (own, shape, *((m[place].reshape(n, n) if n else None) for place, n in sides for m in both))
            for own, shape, *sides in self.places
        ]

    def epoch(self) -> None:
        with single_threaded_blas():
            super().epoch()

    def _direction(self, gradient: np.ndarray) -> np.ndarray:
        mean, turned = self.first.copy(), gradient.copy()
        for own, shape, l_mean, l_basis, r_mean, r_basis in self.blocks:
            g = gradient[own].reshape(shape)
            second = self.second[own].reshape(shape)  # a view
            if l_basis is not None:
                self._follow(l_mean, l_basis, g, second)
            if r_basis is not None:
                self._follow(r_mean, r_basis, g.T, second.T)
            left, right = (None if basis is None else basis.T for basis in (l_basis, r_basis))
            for values in (turned, mean):
                here = values[own].reshape(shape)  # a view
                here[...] = _turned(here, left, right)
        s = self.settings
        self.second = s.beta2 * self.second + (1 - s.beta2) * turned**2
        square = self.second / (1 - s.beta2**self.updates)
        root = np.sqrt(square) + s.epsilon
        for own, *_ in self.blocks:
            root[own] += ROUNDING * root[own].max()
        found = np.clip(mean / (1 - s.beta1**self.updates) / root, -FARTHEST, FARTHEST)
        for own, shape, _, l_basis, _, r_basis in self.blocks:
            here = found[own].reshape(shape)  # a view
            here[...] = _turned(here, l_basis, r_basis)
        return found

    def _follow(self, mean: np.ndarray, basis: np.ndarray, g: np.ndarray, second: np.ndarray) -> None:
        """Let mean and basis of one side of a block follow, and the order of what is known along its vectors: the
        iteration leads the first of these to the largest eigenvalue."""
        s = self.settings
        mean *= s.beta2
        mean += (1 - s.beta2) * (g @ g.T)
        if self.updates <= EXACT:
            basis[...] = np.linalg.eigh(mean)[1][:, ::-1]
        elif self.updates % s.every == 0:
            moved = mean @ basis
            order = np.argsort(-np.sum(basis * moved, axis=0), kind="stable")
            second[:] = second[order]
            basis[...] = np.linalg.qr(moved[:, order])[0]

    def state(self) -> dict[str, np.ndarray]:
        return super().state() | {"means": self.means.copy(), "bases": self.bases.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.means, self.bases = np.array(state["means"]), np.array(state["bases"])
        self._see()
        super().restore(state)


def _turned(values: np.ndarray, left: np.ndarray | None, right: np.ndarray | None) -> np.ndarray:
    """left values right^T; None: 1"""
    values = values if left is None else left @ values
    return values if right is None else (right @ values.T).T
