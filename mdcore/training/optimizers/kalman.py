"""How do observations, a few at a time, correct all parameters at once? The extended Kalman filter.

An observation (an energy, one component of a force, of a stress) with row h = dy/dw, error e and noise sigma changes
the parameters by K e and their covariance P by -K h P, K = P h^T / (h P h^T + sigma^2): recursive Gauss-Newton, with
memory. T. B. Blank, S. D. Brown, J. Chemom. 8, 391 (1994); for network potentials A. Singraber, T. Morawietz,
J. Behler, C. Dellago, J. Chem. Theory Comput. 15, 3075 (2019).

As there, force components whose error is above the present average are preferred. Different from there: many
observations, of several structures, make one update, so that P is read once for all of them and the work is products
of matrices; and the noise is not a schedule but follows the errors, which fall: sigma = running error / weight.

Ranks compute the rows of their structures, tell them to all others, and correct their panels of P; everything between
is small and done by all alike.
"""

from itertools import count

import numpy as np

from mdcore.base.errors import SimulationError
from mdcore.training.optimizers.batches import batches, set_state, state_of
from mdcore.training.optimizers.covariance import Covariance, single_threaded_blas
from mdcore.training.regression import Regression
from mdcore.training.settings import SEED, KalmanSettings

MEMORY = 0.02  # how fast the running errors follow, a structure
SMALLEST = 1e-12  # error, native units


def mean_of(numbers: np.ndarray) -> float:
    """Of those that are no nan; nan if none is finite. Mostly all are: np.nanmean alone takes longer than a row."""
    finite = np.isfinite(numbers)
    if not finite.any():
        return np.nan
    return np.add.reduce(numbers) / len(numbers) if finite.all() else np.nanmean(numbers)


class Kalman:
    """The filter on a Regression; `epoch` shows it every structure once. `seed` decides the order and the choice."""

    def __init__(self, regression: Regression, settings: KalmanSettings | None = None, seed: int = SEED):
        self.regression, self.settings = regression, settings or KalmanSettings()
        self.free = np.flatnonzero(regression.free)
        self.covariance = Covariance(len(self.free), self.settings.variance, regression.map, regression.comm)
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.running = regression.typical()
        self.updates = 0

    def epoch(self) -> None:
        """All structures, in random order, some in each update."""
        counting = np.flatnonzero(self.regression.comm.join(self.regression.structure_weights) > 0.0)
        with single_threaded_blas():
            for group in batches(self.rng, counting, self.settings.structures):
                self.update(group)

    def update(self, structures: np.ndarray) -> None:
        """One correction, from these structures."""
        regression, settings = self.regression, self.settings
        rows, errors = map(regression.comm.join, self._observe(structures))
        if not len(errors):
            return
        p_rows, innovation, root = self._innovation(rows)
        parameters = regression.parameters.copy()
        parameters[self.free] += p_rows @ np.linalg.solve(innovation, errors)
        regression.set(parameters)
        self.covariance.subtract_square(np.linalg.solve(root, p_rows.T).T, settings.fading, settings.noise)
        self.updates += 1

    def _innovation(self, rows: np.ndarray):
        """P rows^T, S = rows P rows^T + 1, its Cholesky factor. Where rounding cost P its sign, P grows: ever more."""
        for trial in count():
            p_rows = self.covariance.times(rows)
            innovation = rows @ p_rows
            innovation[np.diag_indices_from(innovation)] += 1.0
            try:
                return p_rows, innovation, np.linalg.cholesky(innovation)
            except np.linalg.LinAlgError:
                if not np.isfinite(innovation).all():
                    error = SimulationError(
                        "training: the Kalman filter met numbers that are not finite; check the labels of the "
                        "training set, or start with a smaller variance"
                    )
                    error.collective = True
                    raise error from None
                self.covariance.mend(2.0**trial)

    def _observe(self, structures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows dy/dw [m, n_free] and errors [m], over their noise, of what is chosen of this rank's structures.

        Choices depend on seed, update and structure alone.
        """
        regression, kinds = self.regression, self.regression.kinds
        places, own = regression.local(structures)
        random = [np.random.default_rng((self.seed, self.updates, k)) for k in structures[places]]
        residuals = regression.residuals(own)
        chosen = [self._choose(of, each) for of, each in zip(residuals, random, strict=True)]
        squares = np.zeros((len(structures), len(kinds)))
        for place, of, picked in zip(places, residuals, chosen, strict=True):
            for k, kind in enumerate(kinds):
                square = (of[k][picked[k]] if kind.pick == "one" else of[k]) ** 2
                squares[place, k] = mean_of(square)
        noise = self.noise(*regression.comm.sum(squares).T)
        root = np.sqrt(regression.structure_weights[own])

        rows, errors = [np.empty((0, len(self.free)))], [np.empty(0)]
        for k, kind in enumerate(kinds):
            known = [picked[k][np.isfinite(of[k][picked[k]])] for of, picked in zip(residuals, chosen, strict=True)]
            counts = list(map(len, known))
            if not kind.weight or not any(counts):
                continue
            share = np.repeat(root, counts) / noise[k]
            found = regression.rows(k, np.repeat(own, counts), np.concatenate(known), share)
            rows.append(found if len(self.free) == found.shape[1] else found[:, self.free])
            errors.append(np.concatenate([of[k][c] for of, c in zip(residuals, known, strict=True)]) * share)
        return np.concatenate(rows), np.concatenate(errors)

    def noise(self, *squares) -> np.ndarray:
        """Of each kind; squares of errors in these structures, nan: unknown."""
        for which, own in enumerate(squares):
            for square in np.asarray(own)[np.isfinite(own)]:
                self.running[which] = np.sqrt((1 - MEMORY) * self.running[which] ** 2 + MEMORY * square)
        weights = np.array([kind.weight for kind in self.regression.kinds])
        least = np.maximum(self.regression.least(self.running), SMALLEST)
        return np.maximum(self.running, least) / np.where(weights > 0, weights, 1.0)

    def _choose(self, residuals, random: np.random.Generator) -> list[np.ndarray]:
        """Which numbers of each kind of labels of one structure; where one is drawn, that comes first."""
        kinds = self.regression.kinds
        one = {k: random.integers(len(residuals[k])) for k, kind in enumerate(kinds) if kind.pick == "one"}
        return [
            np.array([one[k]]) if k in one else np.arange(len(of)) if kinds[k].pick == "all" else self._some(of, random)
            for k, of in enumerate(residuals)
        ]

    def _some(self, errors: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Some of those with large errors; errors [n], nan where unknown."""
        known = np.flatnonzero(np.isfinite(errors))
        if not len(known):
            return known
        square = errors[known] ** 2
        large = known[square >= self.settings.threshold**2 * square.mean()]
        count = max(1, self.settings.rows // self.settings.structures)
        keys = random.random(len(errors))  # of each component, whatever the others are: rounding moves one, not all
        return np.sort(large[np.argsort(keys[large])[:count]])

    # --- restart -----------------------------------------------------------------------------------------

    def state(self) -> dict[str, np.ndarray]:
        """All that the next update depends on; the covariance is on rank 0 only."""
        return {
            "parameters": self.regression.parameters.copy(),
            "covariance": self.covariance.packed(),
            "running": self.running.copy(),
            "updates": np.array(self.updates),
            "random": state_of(self.rng),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from such a state, bit by bit on the same machine."""
        self.regression.set(state["parameters"])
        self.covariance.unpack(state.get("covariance"))
        self.running, self.updates = np.array(state["running"]), int(state["updates"])
        set_state(self.rng, state["random"])
