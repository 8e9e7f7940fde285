"""How do many small steps along the gradient find good parameters? Adam, and an average of where it has been.

D. P. Kingma, J. Ba, arXiv:1412.6980 (2014). The step falls by a cosine from `step` to `last_step` over `epochs`.
"""

import json
from dataclasses import dataclass

import numpy as np

from mdcore.train.loss import Regression, Weights


@dataclass(frozen=True)
class AdamSettings:
    """batch : structures a step; step, last_step : sizes of steps; epochs : over which the size falls from one to the
    other; decay : of weights, a step and unit of step size (decoupled); clip : longest gradient in units of its
    running length, 0: no limit"""

    batch: int = 4
    step: float = 2e-3
    last_step: float = 2e-5
    epochs: int = 100
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-12
    decay: float = 0.0
    clip: float = 5.0


class Adam:
    """Steps on a Regression; `epoch` shows it every structure once. `seed` decides their order."""

    def __init__(self, regression: Regression, weights: Weights, settings: AdamSettings | None = None, seed: int = 0):
        self.regression, self.weights, self.settings = regression, weights, settings or AdamSettings()
        self.rng = np.random.default_rng(seed)
        self.first, self.second = np.zeros((2, regression.n_parameters))
        self.updates = 0
        self.length = np.nan
        self.loss = np.nan  # of the last epoch, while it went

    def epoch(self) -> None:
        """All structures once, in random order."""
        env, settings = self.regression.environments, self.settings
        order = self.rng.permutation(env.n_structures)
        groups = np.array_split(order, max(1, round(len(order) / settings.batch)))
        total = 0.0
        for group in groups:
            loss, gradient = self.regression.loss(self.weights, group)
            total += loss
            self.update(gradient / len(group), settings.epochs * len(groups))
        self.loss = total / len(order)

    def update(self, gradient: np.ndarray, last: int) -> None:
        """One of `last` steps."""
        s = self.settings
        length = float(np.linalg.norm(gradient))
        if s.clip and length > s.clip * self.length:
            gradient = gradient * (s.clip * self.length / length)
            length = s.clip * self.length
        self.length = length if np.isnan(self.length) else 0.95 * self.length + 0.05 * length
        self.updates += 1
        self.first = s.beta1 * self.first + (1 - s.beta1) * gradient
        self.second = s.beta2 * self.second + (1 - s.beta2) * gradient**2
        mean, square = self.first / (1 - s.beta1**self.updates), self.second / (1 - s.beta2**self.updates)
        done = min(1.0, self.updates / last)
        step = s.last_step + (s.step - s.last_step) * 0.5 * (1.0 + np.cos(np.pi * done))
        parameters = self.regression.parameters
        self.regression.set(parameters - step * (mean / (np.sqrt(square) + s.epsilon) + s.decay * parameters))

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on."""
        return {
            "parameters": self.regression.parameters.copy(),
            "first": self.first.copy(),
            "second": self.second.copy(),
            "length": np.array(self.length),
            "updates": np.array(self.updates),
            "random": np.frombuffer(json.dumps(self.rng.bit_generator.state).encode(), dtype=np.uint8),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from such a state, bit by bit on the same machine."""
        self.regression.set(state["parameters"])
        self.first, self.second = np.array(state["first"]), np.array(state["second"])
        self.length, self.updates = float(state["length"]), int(state["updates"])
        self.rng.bit_generator.state = json.loads(bytes(np.asarray(state["random"], dtype=np.uint8)))
