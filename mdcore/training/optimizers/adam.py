"""How do many small steps along the gradient find good parameters? Adam, and an average of where it has been.

D. P. Kingma, J. Ba, arXiv:1412.6980 (2014). The step falls by a cosine from `step` to `last_step` over `epochs`, or
over `minutes` where these are over first. Steps wander around what they look for; their exponential moving average
(B. T. Polyak, A. B. Juditsky, SIAM J. Control Optim. 30, 838 (1992), average all of them) wanders less: between epochs
the regression has the average, Adam goes on from where it was.
"""


import time

import numpy as np

from mdcore.training.optimizers.batches import batches, set_state, state_of
from mdcore.training.regression import Regression
from mdcore.training.settings import SEED, AdamSettings


class Adam:
    """Steps on a Regression; `epoch` shows it every structure once. `seed` decides their order."""

    def __init__(self, regression: Regression, settings: AdamSettings | None = None, seed: int = SEED):
        self.regression, self.settings = regression, settings or AdamSettings()
        self.rng = np.random.default_rng(seed)
        self.parameters = regression.parameters
        self.first, self.second, self.average = np.zeros((3, regression.n_parameters))
        self.updates = 0
        self.length = np.nan
        self.loss = np.nan  # of the last epoch, while it went
        self.spent, self.began = 0.0, time.monotonic()  # seconds, before and since
        self.converged = False  # no time is left

    def epoch(self) -> None:
        """All structures once, in random order."""
        n, total = self.regression.n_total, 0.0
        groups = batches(self.rng, np.arange(n), self.settings.batch)
        self.regression.set(self.parameters)
        for group in groups:
            loss, gradient = self.regression.loss(group)
            total += loss
            self.update(gradient / len(group), self.settings.epochs * len(groups))
            if self.converged:
                break
        self.loss = total / n
        self._settle()

    def _settle(self) -> None:
        """Leave the regression with the average, and what a linear fit finds in it, which steps go on from, too."""
        before = self.averaged()
        self.regression.set(before)
        if self.regression.settle():
            shift = self.regression.parameters - before
            self.parameters = self.parameters + shift
            self.average = self.average + (1 - self.settings.average**self.updates) * shift

    def update(self, gradient: np.ndarray, last: int) -> None:
        """One of `last` steps, of which the first ones grow: a tenth of them at most."""
        s = self.settings
        if s.smooth:
            gradient = gradient + s.smooth * self.regression.roughness()[1]
        length = float(np.linalg.norm(gradient))
        if s.clip and length > s.clip * self.length:
            gradient = gradient * (s.clip * self.length / length)
            length = s.clip * self.length
        self.length = length if np.isnan(self.length) else 0.95 * self.length + 0.05 * length
        self.updates += 1
        self.first = s.beta1 * self.first + (1 - s.beta1) * gradient
        done = min(1.0, max(self.updates / last, self._time_done()))
        step = s.last_step + (s.step - s.last_step) * 0.5 * (1.0 + np.cos(np.pi * done))
        step *= min(1.0, self.updates / max(1.0, min(s.warmup, 0.1 * last)))
        shrink = s.decay * self.regression.is_weight * self.parameters
        self.regression.set(self.parameters - step * (self._direction(gradient) + shrink))
        self.parameters = self.regression.parameters
        self.average = s.average * self.average + (1 - s.average) * self.parameters

    def _direction(self, gradient: np.ndarray) -> np.ndarray:
        """The mean of gradients over the root of their mean square."""
        s = self.settings
        self.second = s.beta2 * self.second + (1 - s.beta2) * gradient**2
        mean, square = self.first / (1 - s.beta1**self.updates), self.second / (1 - s.beta2**self.updates)
        return mean / (np.sqrt(square) + s.epsilon)

    def _time_done(self) -> float:
        """Which share of its minutes is over, as rank 0 sees it; 0 where there is no limit."""
        if not self.settings.minutes:
            return 0.0
        share = float(self.regression.comm.bcast(self._seconds() / (60.0 * self.settings.minutes)))
        self.converged = share >= 1.0
        return share

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.began

    def averaged(self) -> np.ndarray:
        """The average of all parameters so far, those of n steps ago with weight average^n; without one: the last."""
        if not self.settings.average or not self.updates:
            return self.parameters
        return self.average / (1 - self.settings.average**self.updates)

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on."""
        return {
            "parameters": self.parameters.copy(),
            "average": self.average.copy(),
            "first": self.first.copy(),
            "second": self.second.copy(),
            "length": np.array(self.length),
            "updates": np.array(self.updates),
            "seconds": np.array(self._seconds() if self.settings.minutes else 0.0),
            "random": state_of(self.rng),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from such a state, bit by bit on the same machine."""
        self.parameters, self.average = np.array(state["parameters"]), np.array(state["average"])
        self.first, self.second = np.array(state["first"]), np.array(state["second"])
        self.length, self.updates = float(state["length"]), int(state["updates"])
        self.spent, self.began = float(state.get("seconds", 0.0)), time.monotonic()
        set_state(self.rng, state["random"])
        self.regression.set(self.averaged())
