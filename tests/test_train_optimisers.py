"""Do optimisers find the potential that made the labels, and continue from a saved state as if never stopped?"""

import numpy as np
import pytest

from mdcore.base.comm import SelfComm
from mdcore.training.environments import Environments
from mdcore.training.fit import Fit, Stage
from mdcore.training.loss import NetworkRegression
from mdcore.training.members import stage
from mdcore.training.misfit import Weights
from mdcore.training.optimizers import adam as adam_module
from mdcore.training.optimizers.adam import Adam, AdamSettings
from mdcore.training.optimizers.covariance import Covariance
from mdcore.training.optimizers.kalman import Kalman, KalmanSettings, mean_of
from mdcore.training.optimizers.lbfgs import LBFGS, LBFGSSettings
from mdcore.training.optimizers.soap import Soap
from mdcore.training.settings import Loss, SoapSettings, weighed
from mdcore.training.start import initialised
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
    return weighted(NetworkRegression(model, Environments(model, mixed_set(), threads), threads))


def weighted(regression, weights=WEIGHTS):
    """With these weights of the loss, in units of the potential, instead of those that the labels give."""
    regression.weights = weights
    return regression


def test_kalman_fits_a_noiseless_set(copper):
    """Below 1 meV an atom and 10 meV/Angstrom, on structures it has not seen."""
    model, env = copper
    regression = NetworkRegression(model, env)
    before = regression.errors()
    kalman = Kalman(regression, seed=3)
    for _ in range(30):
        kalman.epoch()
    unseen = NetworkRegression(regression.fitted(), Environments(model, lennard_jones_set(10, seed=5))).errors()
    assert before.forces > 0.5
    for errors in (regression.errors(), unseen):
        assert errors.energy < 1e-3 and errors.forces < 10e-3
    assert unseen.stress < 1e-3


def test_lbfgs_fits_a_noiseless_set(copper):
    model, env = copper
    regression = weighted(NetworkRegression(model, env), Weights(100.0, 1.0))
    optimiser, last = LBFGS(regression), np.inf
    for _ in range(400):
        optimiser.epoch()
        assert optimiser.loss <= last
        last = optimiser.loss
    errors = regression.errors()
    assert errors.energy < 1e-3 and errors.forces < 20e-3


def test_adam_goes_down(copper):
    model, env = copper
    regression = weighted(NetworkRegression(model, env))
    before = regression.loss()[0]
    adam = Adam(regression, AdamSettings(epochs=60, step=1e-2, last_step=1e-4), seed=1)
    for _ in range(60):
        adam.epoch()
    assert regression.loss()[0] < 0.02 * before


OPTIMISERS = {
    "kalman": lambda r: Kalman(r, KalmanSettings(rows=8, structures=2, fading=0.999, noise=1e-6), seed=4),
    "adam": lambda r: Adam(r, AdamSettings(batch=2, epochs=6), seed=4),
    "soap": lambda r: Soap(r, SoapSettings(batch=2, epochs=6, every=2, warmup=3), seed=4),
    "averaged": lambda r: Adam(r, AdamSettings(batch=2, epochs=6, average=0.9), seed=4),
    "lbfgs": lambda r: LBFGS(r),
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


def test_a_covariance_without_sign_is_mended():
    """However wrong it is, in a few trials: eigenvalues far below zero behind variances above."""
    kalman = Kalman(small(), seed=4)
    for own in kalman.covariance.panels.values():
        own[:] = 1e4 * np.random.default_rng(3).normal(size=own.shape)
        block = own[:, -len(own) :]  # on the diagonal: symmetric
        block[:] = (block + block.T.copy()) / 2
        np.fill_diagonal(block, 1.0)
    trials, mend = [], kalman.covariance.mend
    kalman.covariance.mend = lambda times: (trials.append(times), mend(times))
    rows = np.random.default_rng(5).normal(size=(20, kalman.regression.n_parameters))
    _, innovation, root = kalman._innovation(rows)
    assert 1 < len(trials) < 60
    np.testing.assert_allclose(root @ root.T, innovation, rtol=1e-9, atol=1e-9 * np.abs(innovation).max())


@pytest.mark.parametrize("missing", [0, 1, 95, 96])
def test_mean_of_known_squares_has_the_bits_of_nanmean(missing):
    squares = np.random.default_rng(3).random(96) ** 2
    squares[:missing] = np.nan
    np.testing.assert_array_equal(mean_of(squares), np.nanmean(squares) if missing < 96 else np.nan)


@pytest.mark.parametrize("power", [2.0, 0.5])
def test_kalman_is_recursive_least_squares(power):
    """For a model linear in its parameters one pass of the filter is the ridge regression of all it was shown."""
    model = random_model(types=[2], hidden=(), activations="l", normalisation=False)
    env = Environments(model, mixed_set())
    regression = NetworkRegression(model, env, counts=Loss(energy=1.0, forces=0.0, power=power))
    at, n = regression.parameters.copy(), env.n_structures
    settings = KalmanSettings(variance=10.0, structures=2, rows=2)
    size = env.n_atoms ** (power / 2)
    rows = regression.energy_rows(np.arange(n)) / size[:, None]
    known = np.isfinite(env.energies)
    targets = (env.energies - regression.predict().energies) / size
    kalman = Kalman(regression, settings)
    kalman.noise = lambda *_: np.array([0.5, np.inf, np.inf])  # instead of running errors
    kalman.epoch()
    scale = np.sqrt(env.weights[known]) / 0.5
    h, y = rows[known] * scale[:, None], targets[known] * scale
    want = at + np.linalg.solve(h.T @ h + np.eye(len(at)) / 10.0, h.T @ y)
    np.testing.assert_allclose(regression.parameters, want, atol=1e-9)


def test_power_changes_the_unit_of_energies(copper):
    """All structures alike: errors over N^(p/2) and their noise are multiples of those over N, and nothing changes."""
    model, env = copper
    assert np.ptp(env.n_atoms) == 0
    filters = [Kalman(NetworkRegression(model, env, counts=Loss(power=power)), seed=2) for power in (2.0, 1.0)]
    for kalman in filters:
        kalman.epoch()
    errors = filters[0].running[0] * np.sqrt(env.mean_atoms), filters[1].running[0]
    assert errors[0] == pytest.approx(errors[1], rel=1e-6)
    np.testing.assert_allclose(filters[1].regression.parameters, filters[0].regression.parameters, rtol=1e-5, atol=1e-7)


def test_average_of_adam_equals_a_sum():
    """Over all steps, weighted with average^(steps ago); where Adam goes does not depend on it."""

    class Watched(Adam):
        def update(self, *arguments):
            super().update(*arguments)
            self.__dict__.setdefault("seen", []).append(self.parameters.copy())

    runs = {a: Watched(small(), AdamSettings(batch=2, epochs=6, average=a), seed=4) for a in (0.0, 0.8)}
    for epoch in range(1, 4):
        for adam in runs.values():
            adam.epoch()
        seen = np.array(runs[0.0].seen)
        assert len(seen) == 3 * epoch and runs[0.0].regression.parameters.tobytes() == seen[-1].tobytes()
        assert runs[0.8].parameters.tobytes() == seen[-1].tobytes()
        weights = 0.8 ** np.arange(len(seen))[::-1]
        mean = weights @ seen / weights.sum()
        np.testing.assert_allclose(runs[0.8].regression.parameters, mean, rtol=1e-12, atol=1e-15)


def test_the_average_is_what_is_measured_and_kept():
    regression = small()
    adam = Adam(regression, AdamSettings(batch=2, epochs=6, step=1e-2, average=0.9), seed=4)
    fit = Fit(regression, None, [Stage("adam", lambda r, seed: adam, 3)])
    for row in fit.epochs():
        if row["epoch"]:
            assert row["train force"] == pytest.approx(1e3 * regression.errors().forces)
            assert not np.array_equal(adam.parameters, regression.parameters)
            np.testing.assert_array_equal(regression.parameters, adam.averaged())
            if fit.best_epoch == row["epoch"]:
                np.testing.assert_array_equal(fit.best, adam.averaged())
    assert fit.best_epoch > 0


def test_regularisation_is_of_weights_alone():
    regression = small()
    flat = [[(w.ravel(), 0.0 * b) for w, b in zip(n.weights, n.biases, strict=True)] for n in regression.model.networks]
    weights = np.concatenate([part for own in flat for pair in own for part in pair])
    assert 0 < np.count_nonzero(weights) < len(weights)
    plain = regression.loss()
    loss, gradient = LBFGS(regression, LBFGSSettings(l2=0.3))._loss()
    assert loss == pytest.approx(plain[0] + 0.3 * np.sum(weights**2), rel=1e-12)
    np.testing.assert_allclose(gradient, plain[1] + 0.6 * weights, rtol=1e-12)
    before = regression.parameters.copy()
    adam = Adam(regression, AdamSettings(step=0.1, last_step=0.1, decay=0.5))
    adam.update(np.zeros(len(before)), 10)
    np.testing.assert_allclose(regression.parameters, before - 0.05 * weights, rtol=1e-12)


def test_steps_warm_up():
    """Each of the first four is as long as its number says."""
    warm, cold = (Adam(small(), AdamSettings(step=1e-2, last_step=1e-2, warmup=n)) for n in (4, 0))
    gradient = np.ones(warm.regression.n_parameters)
    start = warm.parameters.copy()
    for k in range(1, 7):
        before = warm.parameters.copy(), cold.parameters.copy()
        warm.update(gradient, 100)
        cold.update(gradient, 100)
        of = np.abs(warm.parameters - before[0]) / np.abs(cold.parameters - before[1])
        np.testing.assert_allclose(of, min(1.0, k / 4), rtol=1e-9)
    assert np.abs(warm.parameters - start).max() > 0
    short = Adam(small(), AdamSettings(step=1e-2, last_step=1e-2, warmup=1000))
    short.update(gradient, 20)  # a tenth of all
    np.testing.assert_allclose(np.abs(short.parameters - start), 0.005, rtol=1e-9)


def test_minutes_end_it_and_steps_fall_with_the_time(monkeypatch):
    """A clock of our own: a second an update."""
    now = iter(range(1000))
    monkeypatch.setattr(adam_module.time, "monotonic", lambda: float(next(now)))
    regression = small()
    stages = [Stage("adam", lambda r, seed: Adam(r, AdamSettings(batch=2, epochs=1000, minutes=0.2), seed), 1000)]
    fit = Fit(regression, None, stages)
    rows = list(fit.epochs())
    assert fit.optimizer.converged and 11 <= fit.optimizer.updates <= 12 and len(rows) < 20
    before = regression.parameters.copy()
    fit.optimizer.spent = 1e6  # long after
    fit.optimizer.update(np.ones(len(before)), 1000)
    assert np.abs(fit.optimizer.parameters - before).max() < 30 * AdamSettings.last_step


def test_weights_of_an_optimiser_take_the_place_of_the_losss():
    regression, seen = small(), []
    each = [AdamSettings(epochs=1, **own) for own in ({}, {"energy": 40.0}, {"forces": 0.5})]
    stages = [stage(own, weighed(Loss(energy=2.0), own), "all") for own in each]
    fit = Fit(regression, None, stages)
    for row in fit.epochs():
        if row["epoch"]:
            seen.append((regression.counts.energy, regression.counts.forces, regression.weights.energy))
    assert [own[:2] for own in seen] == [(2.0, 1.0), (40.0, 1.0), (2.0, 0.5)]
    assert seen[1][2] == pytest.approx(400.0 * seen[0][2])
    again = Fit(small(), None, stages)
    again.restore(fit.state())
    assert (again.training.counts.energy, again.training.counts.forces) == (2.0, 0.5)


def test_soap_is_adam_where_bases_are_turned():
    """On a matrix W of x with loss |A W B - C|^2 / 2, badly scaled: turned bases make it as easy as a diagonal one."""
    rng = np.random.default_rng(3)


    def turn(n):
        return np.linalg.qr(rng.normal(size=(n, n)))[0]

    a, b = (turn(n) * np.geomspace(1.0, 0.03, n) @ turn(n) for n in (8, 6))
    target = rng.normal(size=(8, 6))

    class Matrix:
        n_total, n_parameters, is_weight, blocks, comm = 1, 48, np.ones(48, bool), [(slice(0, 48), 6)], SelfComm()
        parameters = np.zeros(48)

        def set(self, parameters):
            self.parameters = np.array(parameters)

        def settle(self):
            return False

        def loss(self, structures=None):
            off = a @ (self.parameters.reshape(8, 6) - target) @ b.T
            return 0.5 * float(np.sum(off**2)), (a.T @ off @ b).ravel()

    left = {}
    for kind in (Adam, Soap):
        own = Matrix()
        optimiser = kind(own, SoapSettings(epochs=300, step=0.3, last_step=1e-3, average=0.0, every=1, warmup=0))
        for _ in range(300):
            optimiser.epoch()
        left[kind] = own.loss()[0]
        assert optimiser.averaged() is optimiser.parameters
    assert left[Soap] < 0.02 * left[Adam]
    bases = optimiser.blocks[0][3::2]
    assert [own.shape for own in bases] == [(8, 8), (6, 6)]
    for own in bases:
        np.testing.assert_allclose(own.T @ own, np.eye(len(own)), atol=1e-12)


def test_soap_of_vectors_alone_is_adam():
    regressions = small(), small()
    regressions[1].blocks = []
    same = AdamSettings(batch=2, epochs=6), SoapSettings(
        **{name: getattr(AdamSettings, name) for name in ("step", "last_step", "beta1", "beta2", "average", "clip",
                                                          "warmup")}, batch=2, epochs=6)  # fmt: skip
    one, two = Adam(regressions[0], same[0], seed=4), Soap(regressions[1], same[1], seed=4)
    for _ in range(2):
        one.epoch()
        two.epoch()
    np.testing.assert_array_equal(one.parameters, two.parameters)
