"""Do optimisers find the potential that made the labels, and continue from a saved state as if never stopped?"""

import numpy as np
import pytest

from mdcore.train.adam import Adam, AdamSettings
from mdcore.train.covariance import Covariance
from mdcore.train.environments import Environments
from mdcore.train.kalman import Kalman, KalmanSettings
from mdcore.train.lbfgs import LBFGS
from mdcore.train.loss import Regression, Weights
from mdcore.train.start import initialised
from tests.reference.hdnnp_models import random_model
from tests.training_sets import copper_model, lennard_jones_set, mixed_set, scaled

WEIGHTS = Weights(1.0, 0.1, 0.1)


@pytest.fixture(scope="module")
def copper():
    """(model, environments): labels of an analytic potential, without noise."""
    model = copper_model()
    env = Environments(model, lennard_jones_set())
    model = scaled(model, env)
    return initialised(model, env, seed=1), env


def small(threads=1):
    model = random_model(types=[2, 3])
    return Regression(model, Environments(model, mixed_set(), threads), threads)


def test_kalman_fits_a_noiseless_set(copper):
    """Below 1 meV an atom and 10 meV/Angstrom, on structures it has not seen."""
    model, env = copper
    regression = Regression(model, env)
    before = regression.errors()
    kalman = Kalman(regression, seed=3)
    for _ in range(30):
        kalman.epoch()
    unseen = Regression(regression.fitted(), Environments(model, lennard_jones_set(10, seed=5))).errors()
    assert before.forces > 0.5
    for errors in (regression.errors(), unseen):
        assert errors.energy < 1e-3 and errors.forces < 10e-3
    assert unseen.stress < 1e-3


def test_lbfgs_fits_a_noiseless_set(copper):
    model, env = copper
    regression = Regression(model, env)
    optimiser, last = LBFGS(regression, Weights(100.0, 1.0)), np.inf
    for _ in range(400):
        optimiser.epoch()
        assert optimiser.loss <= last
        last = optimiser.loss
    errors = regression.errors()
    assert errors.energy < 1e-3 and errors.forces < 20e-3


def test_adam_goes_down(copper):
    model, env = copper
    regression = Regression(model, env)
    before = regression.loss(WEIGHTS)[0]
    adam = Adam(regression, WEIGHTS, AdamSettings(epochs=60, step=1e-2, last_step=1e-4), seed=1)
    for _ in range(60):
        adam.epoch()
    assert regression.loss(WEIGHTS)[0] < 0.02 * before


OPTIMISERS = {
    "kalman": lambda r: Kalman(r, KalmanSettings(rows=8, structures=2, fading=0.999, noise=1e-6), seed=4),
    "adam": lambda r: Adam(r, WEIGHTS, AdamSettings(batch=2, epochs=6), seed=4),
    "lbfgs": lambda r: LBFGS(r, WEIGHTS),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_restart_continues_bit_by_bit(name):
    whole = OPTIMISERS[name](small())
    for _ in range(3):
        whole.epoch()
    state = {key: np.array(value) for key, value in whole.state().items()}
    for _ in range(3):
        whole.epoch()
    second = OPTIMISERS[name](small())
    second.epoch()  # whatever it was doing
    second.restore(state)
    for _ in range(3):
        second.epoch()
    assert second.regression.parameters.tobytes() == whole.regression.parameters.tobytes()
    assert not np.array_equal(state["parameters"], whole.regression.parameters)
    for key, value in whole.state().items():
        assert np.asarray(value).tobytes() == np.asarray(second.state()[key]).tobytes()


@pytest.mark.parametrize("name", OPTIMISERS)
def test_threads_change_nothing(name):
    one, two = (OPTIMISERS[name](small(n)) for n in (1, 2))
    for _ in range(3):
        one.epoch()
        two.epoch()
    np.testing.assert_allclose(two.regression.parameters, one.regression.parameters, rtol=1e-9, atol=1e-12)


def test_covariance_equals_matrices():
    """Panels of the lower half against the whole, over several updates."""
    rng, n, m = np.random.default_rng(0), 600, 7
    covariance, p = Covariance(n, 3.0), 3.0 * np.eye(n)
    for _ in range(3):
        rows, x = rng.normal(size=(m, n)), 0.05 * rng.normal(size=(n, m))
        np.testing.assert_allclose(covariance.times(rows), p @ rows.T, atol=1e-11)
        covariance.subtract_square(x, fading=0.99, noise=1e-3)
        p = (p - x @ x.T) / 0.99 + 1e-3 * np.eye(n)


def test_kalman_is_recursive_least_squares():
    """For a model linear in its parameters one pass of the filter is the ridge regression of all it was shown."""
    model = random_model(types=[2], hidden=(), activations="l", normalisation=False)
    env = Environments(model, mixed_set())
    regression = Regression(model, env)
    at, n = regression.parameters.copy(), env.n_structures
    settings = KalmanSettings(variance=10.0, structures=2, rows=2, energy=1.0, forces=0.0)
    rows = regression.energy_rows(np.arange(n)) / env.n_atoms[:, None]
    known = np.isfinite(env.energies)
    targets = (env.energies - regression.predict().energies) / env.n_atoms
    kalman = Kalman(regression, settings)
    kalman.noise = lambda *_: np.array([0.5, np.inf, np.inf])  # instead of running errors
    kalman.epoch()
    scale = np.sqrt(env.weights[known]) / 0.5
    h, y = rows[known] * scale[:, None], targets[known] * scale
    want = at + np.linalg.solve(h.T @ h + np.eye(len(at)) / 10.0, h.T @ y)
    np.testing.assert_allclose(regression.parameters, want, atol=1e-9)
