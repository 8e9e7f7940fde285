"""How does the loss of the whole set fall when its curvature is known from the last steps? L-BFGS.

D. C. Liu, J. Nocedal, Math. Program. 45, 503 (1989): the two-loop recursion, and a search along the line for a point
that satisfies the strong Wolfe conditions (J. Nocedal, S. J. Wright, Numerical Optimization, 2nd ed., algorithms 3.5
and 3.6). Deterministic; worth it for small sets, or to finish what another optimiser began.
"""


import numpy as np

from mdcore.training.regression import Regression
from mdcore.training.settings import LBFGSSettings


class LBFGS:
    """Steps on a Regression; `epoch` is one step, and `converged` says that no lower point was found."""

    def __init__(self, regression: Regression, settings: LBFGSSettings | None = None):
        self.regression, self.settings = regression, settings or LBFGSSettings()
        self.steps, self.changes = np.empty((2, 0, regression.n_parameters))
        self.loss, self.gradient = self._loss()
        self.converged = not np.any(self.gradient)

    def epoch(self) -> None:
        """One step."""
        if self.converged:
            return
        start, gradient = self.regression.parameters, self.gradient
        direction = -self._curved(gradient)
        slope = float(gradient @ direction)
        if slope >= 0.0:  # memory of another landscape
            self.steps, self.changes = np.empty((2, 0, len(gradient)))
            direction, slope = -gradient, -float(gradient @ gradient)
        first = 1.0 if len(self.steps) else min(1.0, 0.1 / float(np.linalg.norm(gradient)))
        found = self._search(start, direction, slope, first)
        if found is None:
            self.regression.set(start)
            self.converged = not len(self.steps)
            self.steps, self.changes = np.empty((2, 0, len(gradient)))
            return
        length, self.loss, self.gradient = found
        self.converged = not np.any(self.gradient)
        self.regression.set(start + length * direction)
        step, change = length * direction, self.gradient - gradient
        if step @ change > 1e-12 * float(np.linalg.norm(step)) * float(np.linalg.norm(change)):
            keep = self.settings.memory - 1
            self.steps = np.concatenate([self.steps[-keep:], step[None]])
            self.changes = np.concatenate([self.changes[-keep:], change[None]])

    def _of(self) -> np.ndarray:
        """What the loss is made of."""
        return np.append(self.regression.landscape, self.settings.l2)

    def _loss(self) -> tuple[float, np.ndarray]:
        """The loss, regularised, and its gradient."""
        loss, gradient = self.regression.loss()
        own = self.regression.is_weight * self.regression.parameters
        return loss + self.settings.l2 * float(own @ own), gradient + 2.0 * self.settings.l2 * own

    def _curved(self, gradient: np.ndarray) -> np.ndarray:
        """The inverse of the curvature times the gradient: the two-loop recursion."""
        q, alphas = gradient.copy(), []
        for s, y in zip(self.steps[::-1], self.changes[::-1], strict=True):
            alphas.append(float(s @ q) / float(s @ y))
            q -= alphas[-1] * y
        if len(self.steps):
            s, y = self.steps[-1], self.changes[-1]
            q *= float(s @ y) / float(y @ y)
        for s, y, alpha in zip(self.steps, self.changes, alphas[::-1], strict=True):
            q += (alpha - float(y @ q) / float(s @ y)) * s
        return q

    def _search(self, start, direction, slope, length):
        """(length, loss, gradient) of a point that satisfies Wolfe's conditions, or the lowest one found, or None."""
        s, low, high, best = self.settings, (0.0, self.loss, slope), None, None
        for _ in range(s.trials):
            self.regression.set(start + length * direction)
            loss, gradient = self._loss()
            rise = float(gradient @ direction)
            if np.isfinite(loss) and loss < self.loss and (best is None or loss < best[1]):
                best = length, loss, gradient
            if not loss <= self.loss + s.decrease * length * slope or loss >= low[1]:
                high = (length, loss, rise)
            elif abs(rise) <= -s.curvature * slope:
                return length, loss, gradient
            else:
                if rise * ((high[0] if high else np.inf) - low[0]) >= 0.0:
                    high = low
                low = (length, loss, rise)
            if high is None:
                length *= 2.0
            else:
                length = _between(low, high)
                if abs(high[0] - low[0]) <= 1e-10 * max(abs(low[0]), 1e-300):
                    break
        return best

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on."""
        return {
            "parameters": self.regression.parameters.copy(),
            "steps": self.steps.copy(),
            "changes": self.changes.copy(),
            "loss": np.array(self.loss),
            "gradient": self.gradient.copy(),
            "converged": np.array(self.converged),
            "of": self._of(),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from such a state, bit by bit on the same machine."""
        self.regression.set(state["parameters"])
        self.steps, self.changes = np.array(state["steps"]), np.array(state["changes"])
        self.loss, self.gradient = float(state["loss"]), np.array(state["gradient"])
        self.converged = bool(state["converged"])
        before, now = state["of"], self._of()
        if before.shape != now.shape or not np.allclose(before, now, rtol=1e-6, atol=0.0):  # another landscape
            self.steps, self.changes = np.empty((2, 0, len(self.gradient)))
            self.loss, self.gradient = self._loss()
            self.converged = not np.any(self.gradient)


def _between(low, high) -> float:
    """Where the parabola through low (with its slope) and high is lowest, kept away from both."""
    width = high[0] - low[0]
    curve = high[1] - low[1] - low[2] * width
    share = -low[2] * width / (2.0 * curve) if np.isfinite(curve) and curve > 0.0 else 0.5
    return low[0] + min(max(share, 0.1), 0.9) * width
