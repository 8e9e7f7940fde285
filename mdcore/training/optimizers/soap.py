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
        self.blocks = list(zip(owned, shapes, places[::2], places[1::2], strict=True))
        for own, n in places:
            self.bases[own] = np.eye(n).ravel()

    def epoch(self) -> None:
        with single_threaded_blas():
            super().epoch()

    def _direction(self, gradient: np.ndarray) -> np.ndarray:
        mean, turned = self.first.copy(), gradient.copy()
        for own, shape, left, right in self.blocks:
            g = gradient[own].reshape(shape)
            second = self.second[own].reshape(shape)  # a view
            self._follow(left, g, second)
            self._follow(right, g.T, second.T)
            for values in (turned, mean):
                values[own] = self._turned(values[own].reshape(shape), left, right).ravel()
        s = self.settings
        self.second = s.beta2 * self.second + (1 - s.beta2) * turned**2
        square = self.second / (1 - s.beta2**self.updates)
        root = np.sqrt(square) + s.epsilon
        for own, *_ in self.blocks:
            root[own] += ROUNDING * root[own].max()
        found = mean / (1 - s.beta1**self.updates) / root
        for own, shape, left, right in self.blocks:
            found[own] = self._turned(found[own].reshape(shape), left, right, back=True).ravel()
        return found

    def _follow(self, side, g: np.ndarray, second: np.ndarray) -> None:
        """Let mean and basis of one side of a block follow, and the order of what is known along its vectors: the
        iteration leads the first of these to the largest eigenvalue."""
        place, n = side
        if not n:
            return
        s, mean = self.settings, self.means[place].reshape(n, n)
        mean *= s.beta2
        mean += (1 - s.beta2) * (g @ g.T)
        if self.updates <= EXACT:
            self.bases[place] = np.linalg.eigh(mean)[1][:, ::-1].ravel()
        elif self.updates % s.every == 0:
            basis = self.bases[place].reshape(n, n)
            moved = mean @ basis
            order = np.argsort(-np.sum(basis * moved, axis=0), kind="stable")
            second[:] = second[order]
            self.bases[place] = np.linalg.qr(moved[:, order])[0].ravel()

    def _turned(self, values: np.ndarray, left, right, back: bool = False) -> np.ndarray:
        """Into the bases of a block, or back."""
        for place, n in (left, right):
            if n:
                basis = self.bases[place].reshape(n, n)
                values = (basis if back else basis.T) @ values
            values = values.T
        return values

    def state(self) -> dict[str, np.ndarray]:
        return super().state() | {"means": self.means.copy(), "bases": self.bases.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.means, self.bases = np.array(state["means"]), np.array(state["bases"])
        super().restore(state)
