"""Which weights are best where values are linear in them, or nearly? Least squares, with a ridge.

With the offsets of energies at their best the loss of a step w is w . C w - 2 p . w + constant. What the data hardly
tell a ridge keeps where it was: (C + r) w = p, r a share of the largest eigenvalue of C. One decomposition serves all
shares: an epoch is one of them, each `fall` times the one before, and which is the best the errors of the validation
set say. Where hidden nodes bend what the weights do, this is a step of Gauss and Newton's, and a ridge bounds it
(D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963)).

A. E. Hoerl, R. W. Kennard, Technometrics 12, 55 (1970).
"""

import numpy as np

from mdcore.training.optimizers.covariance import single_threaded_blas
from mdcore.training.regression import Regression
from mdcore.training.settings import LeastSquaresSettings


class LeastSquares:
    """Solutions on a Regression; `converged` says that a smaller ridge is below rounding."""

    def __init__(self, regression: Regression, settings: LeastSquaresSettings | None = None):
        self.regression, self.settings = regression, settings or LeastSquaresSettings()
        self._begin(regression.parameters, 0)

    def _begin(self, parameters: np.ndarray, solved: int) -> None:
        """From these parameters on, after so many solutions."""
        self.start, self.solved = np.array(parameters), solved
        self.regression.set(self.start)
        with single_threaded_blas():
            self.own, curvature, pull = self.regression.quadratic(self.settings.emphasis)
            self.values, self.vectors = np.linalg.eigh(curvature)
            self.pull = self.vectors.T @ pull
        self.converged = not self.values[-1] > 0.0

    @property
    def ridge(self) -> float:
        """Of the next solution, a share of the largest eigenvalue."""
        return self.settings.ridge * self.settings.fall**self.solved

    def epoch(self) -> None:
        """The solution with the next ridge."""
        if self.converged:
            return
        parameters = self.start.copy()
        parameters[self.own] += self.vectors @ (self.pull / (self.values.clip(0.0) + self.ridge * self.values[-1]))
        self.regression.set(parameters)
        self.regression.settle()
        self.solved += 1
        self.converged = self.ridge < len(self.values) * np.finfo(np.float64).eps

    def state(self) -> dict[str, np.ndarray]:
        """All that the next solution depends on."""
        return {"start": self.start.copy(), "solved": np.array(self.solved)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from such a state, bit by bit on the same machine."""
        here = self.regression.parameters
        self._begin(state["start"], int(state["solved"]))
        self.regression.set(here)
