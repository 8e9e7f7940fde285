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

from mdcore.errors import SimulationError
from mdcore.training.batches import batches, set_state, state_of
from mdcore.training.covariance import Covariance, single_threaded_blas
from mdcore.training.loss import LEVER, Regression
from mdcore.training.settings import KalmanSettings

MEMORY = 0.02  # how fast the running errors follow, a structure
SMALLEST = 1e-12  # error, native units


class Kalman:
    """The filter on a Regression; `epoch` shows it every structure once. `seed` decides the order and the choice."""

    def __init__(self, regression: Regression, settings: KalmanSettings | None = None, seed: int = 0):
        self.regression, self.settings = regression, settings or KalmanSettings()
        self.covariance = Covariance(regression.n_parameters, self.settings.variance, regression.map, regression.comm)
        self.seed, self.rng = seed, np.random.default_rng(seed)
        errors, n, p = regression.errors(), regression.environments.mean_atoms, self.settings.power
        self.running = np.array([errors.energy * n ** (1 - p / 2), errors.forces, errors.stress])
        self.least_energy = LEVER * regression.model.cutoff * n ** ((1 - p) / 2)
        self.updates = 0

    def epoch(self) -> None:
        """All structures, in random order, some in each update."""
        counting = np.flatnonzero(self.regression.comm.join(self.regression.environments.weights) > 0.0)
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
        regression.set(regression.parameters + p_rows @ np.linalg.solve(innovation, errors))
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
        """Rows dy/dw [m, n_parameters] and errors [m], over their noise, of what is chosen of this rank's structures.

        Choices depend on seed, update and structure alone.
        """
        regression, env, settings = self.regression, self.regression.environments, self.settings
        places, own = env.local(structures)
        random = [np.random.default_rng((self.seed, self.updates, k)) for k in structures[places]]
        component = np.array([each.integers(6) for each in random], dtype=int)
        predictions = regression.predict_each(own)
        size = env.n_atoms[own] ** (self.settings.power / 2)
        of_energy = (env.energies[own] - np.array([p.energies[0] for p in predictions])) / size
        of_forces = [
            (env.forces[env.first[k] : env.first[k + 1]] - p.forces).ravel()
            for k, p in zip(own, predictions, strict=True)
        ]
        of_stress = env.stresses[own, component]
        if len(own) and predictions[0].stresses is not None:
            of_stress = of_stress - np.array([p.stresses[0, c] for p, c in zip(predictions, component, strict=True)])
        squares = np.zeros((len(structures), 3))
        of_force = [np.nanmean(f**2) if np.isfinite(f).any() else np.nan for f in of_forces]
        squares[places] = np.column_stack([of_energy**2, of_force, of_stress**2])
        noise = self.noise(*regression.comm.sum(squares).T)
        root = np.sqrt(env.weights[own])

        rows, errors = [np.empty((0, regression.n_parameters))], [np.empty(0)]
        known = np.flatnonzero(np.isfinite(of_energy))
        if len(known) and settings.energy:
            share = root[known] / noise[0]
            rows.append(regression.energy_rows(own[known]) * (share / size[known])[:, None])
            errors.append(of_energy[known] * share)
        chosen = [self._choose(f, each) for f, each in zip(of_forces, random, strict=True)]
        if any(map(len, chosen)) and settings.forces:
            atoms = np.concatenate([env.first[k] + c // 3 for k, c in zip(own, chosen, strict=True)])
            share = np.repeat(root, list(map(len, chosen))) / noise[1]
            rows.append(self._force_rows(atoms, np.concatenate(chosen) % 3) * share[:, None])
            errors.append(np.concatenate([f[c] for f, c in zip(of_forces, chosen, strict=True)]) * share)
        known = np.flatnonzero(np.isfinite(of_stress))
        if len(known) and settings.stress:
            share = root[known] / noise[2]
            rows.append(regression.stress_rows(own[known], component[known]) * share[:, None])
            errors.append(of_stress[known] * share)
        return np.concatenate(rows), np.concatenate(errors)

    def noise(self, *squares) -> np.ndarray:
        """Of energies over N^(power / 2), forces, stresses; squares of errors in these structures, nan: unknown."""
        for which, own in enumerate(squares):
            for square in np.asarray(own)[np.isfinite(own)]:
                self.running[which] = np.sqrt((1 - MEMORY) * self.running[which] ** 2 + MEMORY * square)
        weights = np.array([self.settings.energy, self.settings.forces, self.settings.stress])
        least = np.full(3, SMALLEST)
        if np.isfinite(self.running[1]):
            least[0] = max(SMALLEST, self.least_energy * self.running[1])
        return np.maximum(self.running, least) / np.where(weights > 0, weights, 1.0)

    def _choose(self, errors: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Numbers of force components of one structure; errors [3 n_atoms], nan where unknown."""
        known = np.flatnonzero(np.isfinite(errors))
        if not len(known):
            return known
        square = errors[known] ** 2
        large = known[square >= self.settings.threshold**2 * square.mean()]
        count = max(1, self.settings.rows // self.settings.structures)
        keys = random.random(len(errors))  # of each component, whatever the others are: rounding moves one, not all
        return np.sort(large[np.argsort(keys[large])[:count]])

    def _force_rows(self, atoms, axes) -> np.ndarray:
        parts = np.array_split(np.arange(len(atoms)), self.regression.threads)
        return np.concatenate(self.regression.map(lambda p: self.regression.force_rows(atoms[p], axes[p]), parts))

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
