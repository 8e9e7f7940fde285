"""Does the loss say what it should, and does it change with the parameters as its gradient says?"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore.training.environments import Environments
from mdcore.training.loss import NetworkRegression
from mdcore.training.misfit import Weights, relative
from mdcore.training.settings import BALANCED, Loss
from mdcore.training.start import initialised
from tests.reference import hdnnp as twin
from tests.reference.hdnnp_models import random_model
from tests.training_sets import Labelled, mixed_set

TERMS = [
    Weights(1.0, 0.0, 0.0),
    Weights(0.0, 1.0, 0.0),
    Weights(0.0, 0.0, 1.0),
    Weights(0.3, 0.7, 0.2, power=1.0),
]


@pytest.fixture(scope="module", params=[False, True], ids=["", "normalize_nodes"])
def regression(request):
    model = random_model(types=[2, 3, 9, 21], normalize_nodes=request.param)
    return NetworkRegression(model, Environments(model, mixed_set()))


def derivative(function, at, along, h=1e-3):
    """Along a direction, fourth order."""
    f = [function(at + k * h * along) for k in (-2, -1, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)


def test_predictions_equal_twin(regression):
    p, env = regression.predict(), regression.environments
    for k, s in enumerate(mixed_set()):
        want = twin.evaluate(regression.model, s.symbols, s.positions, s.cell)
        assert p.energies[k] == pytest.approx(want.energy, rel=1e-12)
        np.testing.assert_allclose(p.forces[env.first[k] : env.first[k + 1]], want.forces, rtol=0, atol=1e-6)
        if s.cell is not None:
            stress = -want.virial / abs(np.linalg.det(s.cell))
            voigt = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
            np.testing.assert_allclose(p.stresses[k], voigt, rtol=0, atol=1e-6)


@pytest.mark.parametrize("weights", TERMS, ids=["energy", "forces", "stress", "all"])
def test_loss_is_the_sum_of_its_terms(regression, weights):
    p, env, total = regression.predict(), regression.environments, 0.0
    for k, s in enumerate(mixed_set()):
        n = len(s.symbols)
        if s.energy is not None:
            total += s.weight * weights.energy * (p.energies[k] - s.energy) ** 2 / n**weights.power
        if s.forces is not None:
            total += s.weight * weights.forces * np.sum((p.forces[env.first[k] : env.first[k + 1]] - s.forces) ** 2)
        if s.stress is not None:
            stress = p.stresses[k][np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])]
            total += s.weight * weights.stress * np.sum((stress - s.stress) ** 2)
    regression.weights = weights
    assert regression.loss()[0] == pytest.approx(total, rel=1e-12)
    parts = sum(regression.loss([k])[0] for k in range(env.n_structures))
    assert parts == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("weights", TERMS, ids=["energy", "forces", "stress", "all"])
def test_gradient_equals_finite_differences(regression, weights):
    """In every parameter, and along random directions, to 1e-6 of its size."""
    at = regression.parameters.copy()

    def loss(parameters):
        regression.set(parameters)
        return regression.loss()[0]

    regression.weights = weights
    gradient = regression.loss()[1]
    units = np.eye(len(at))
    numerical = np.array([derivative(loss, at, unit) for unit in units])
    rng = np.random.default_rng(0)
    for along in rng.normal(size=(3, len(at))) / np.sqrt(len(at)):
        assert gradient @ along == pytest.approx(derivative(loss, at, along), rel=1e-6)
    regression.set(at)
    assert np.abs(gradient).max() > 1e-4
    assert np.abs(gradient - numerical).max() < 1e-6 * np.abs(gradient).max()


def test_rows_equal_finite_differences(regression):
    at, env = regression.parameters.copy(), regression.environments
    rng = np.random.default_rng(1)
    structures, components = np.array([0, 4, 2, 0]), np.array([0, 3, 5, 4])
    atoms, axes = rng.integers(env.first[-1], size=12), rng.integers(3, size=12)
    rows = np.concatenate([
        regression.energy_rows(structures), regression.force_rows(atoms, axes),
        regression.stress_rows(structures, components),
    ])  # fmt: skip

    def observed(parameters):
        regression.set(parameters)
        p = regression.predict()
        return np.concatenate([p.energies[structures], p.forces[atoms, axes], p.stresses[structures, components]])

    for along in rng.normal(size=(3, len(at))) / np.sqrt(len(at)):
        want = derivative(observed, at, along)
        assert np.abs(rows @ along - want).max() < 1e-7 * np.abs(want).max()
    regression.set(at)


def test_threads_change_no_bit():
    model = random_model(types=[2, 3])
    structures = [s for seed in range(80) for s in mixed_set(seed)]  # several chunks
    one, two = (NetworkRegression(model, Environments(model, structures, threads=n), threads=n) for n in (1, 2))
    assert len(one.chunks) > 1
    for weights in TERMS:
        one.weights = two.weights = weights
        (a, da), (b, db) = one.loss(), two.loss()
        assert a == b and da.tobytes() == db.tobytes()
    assert one.predict().forces.tobytes() == two.predict().forces.tobytes()


def test_start_has_the_size_and_offset_of_the_data():
    model = random_model(types=[2, 3], normalisation=False)
    structures = [replace(s, energy=500.0 * len(s.symbols) + (s.energy or 0.0)) for s in mixed_set()]
    env = Environments(model, structures)
    start = NetworkRegression(initialised(model, env, seed=2), env)
    errors, p = start.errors(), start.predict()
    known = np.isfinite(env.forces)
    assert errors.energy < 2.0
    size, want = np.sqrt(np.mean(p.forces[known] ** 2)), np.sqrt(np.mean(env.forces[known] ** 2))
    assert size == pytest.approx(want, rel=1e-6)
    again = NetworkRegression(initialised(model, env, seed=2), env)
    assert again.parameters.tobytes() == start.parameters.tobytes()
    assert NetworkRegression(start.fitted(), env).predict().energies.tobytes() == p.energies.tobytes()


def test_sets_without_forces():
    model = random_model(types=[2, 3])
    structures = [Labelled(s.symbols, s.positions, s.cell, 1.0 + k) for k, s in enumerate(mixed_set())]
    env = Environments(model, structures)
    regression = NetworkRegression(initialised(model, env), env)
    errors = regression.errors()
    assert np.isfinite(errors.energy) and np.isnan(errors.forces) and np.isnan(errors.stress)
    assert np.isfinite(regression.loss()[1]).all()


@pytest.mark.parametrize("power", [2.0, 1.0])
def test_relative_weights_have_no_units(power):
    """(weight times error over spread)^2 of each label; in other units of energy and length the same number."""
    model, structures = random_model(types=[2, 3]), mixed_set()
    env = Environments(model, structures)
    regression = NetworkRegression(model, env)
    given = Weights(3.0, 0.5, 0.2, power)
    energy, forces, stress = env.spreads()
    p, n = regression.predict(), env.n_atoms
    size = n ** (power / 2) * env.mean_atoms ** (1 - power / 2)
    of_energy = 3.0 * (p.energies - env.energies) / size / energy
    of_forces = 0.5 * (p.forces - env.forces) / forces
    of_stress = 0.2 * (p.stresses - env.stresses)[:, [0, 1, 2, 3, 4, 5, 3, 4, 5]] / stress
    each = of_energy**2, np.add.reduceat((of_forces**2).sum(axis=1), env.first[:-1]), (of_stress**2).sum(axis=1)
    want = np.nansum(env.weights * np.nan_to_num(each))
    regression.weights = relative(given, env, model.cutoff)
    assert regression.loss()[0] == pytest.approx(want, rel=1e-9)
    env.energies *= 27.2
    env.forces *= 27.2 / 0.529
    env.stresses *= 27.2 / 0.529**3
    other = relative(given, env, model.cutoff * 0.529)
    assert other.energy * 27.2**2 == pytest.approx(relative(given, Environments(model, structures), 1.0).energy)


def test_energies_that_offsets_fit_weigh_no_more_than_forces_tell():
    model, pair = random_model(types=[2, 3]), mixed_set()[:2]
    env = Environments(model, pair)
    assert env.spreads()[0] < 1e-12
    weights = relative(Weights(1.0, 1.0, 0.0), env, model.cutoff)
    least = 0.005 * model.cutoff * env.spreads()[1] / np.sqrt(env.mean_atoms)
    assert weights.energy == pytest.approx(least**-2) and weights.forces == pytest.approx(env.spreads()[1] ** -2)


def test_outliers_count_linearly(regression):
    """Huber: squares below the limit, lines that go on smoothly above; of energies over N^(p/2), of forces on atoms."""
    p, env, total = regression.predict(), regression.environments, 0.0
    weights = replace(TERMS[3], stress=0.0, energy_limit=0.5, forces_limit=1.0)

    def huber(error, limit):
        return error**2 if error < limit else 2.0 * limit * error - limit**2

    sizes = []
    for k, s in enumerate(mixed_set()):
        n = len(s.symbols)
        if s.energy is not None:
            sizes.append(abs(p.energies[k] - s.energy) / n**0.5 > 0.5)
            total += s.weight * weights.energy * huber(abs(p.energies[k] - s.energy) / n**0.5, 0.5)
        if s.forces is not None:
            errors = np.linalg.norm(p.forces[env.first[k] : env.first[k + 1]] - s.forces, axis=1)
            sizes += list(errors > 1.0)
            total += s.weight * weights.forces * sum(huber(e, 1.0) for e in errors)
    assert True in sizes and False in sizes  # both branches
    at, rng = regression.parameters.copy(), np.random.default_rng(5)
    regression.weights = weights
    loss, gradient = regression.loss()
    assert loss == pytest.approx(total, rel=1e-12)

    def of(parameters):
        regression.set(parameters)
        return regression.loss()[0]

    for along in rng.normal(size=(3, len(at))) / np.sqrt(len(at)):
        assert gradient @ along == pytest.approx(derivative(of, at, along, 1e-4), rel=1e-5)
    regression.weights = replace(weights, energy_limit=1e6, forces_limit=1e6)
    regression.set(at)
    squares = regression.loss()
    regression.weights = replace(weights, energy_limit=np.inf, forces_limit=np.inf)
    assert squares[0] == pytest.approx(regression.loss()[0], rel=1e-12)
    np.testing.assert_allclose(squares[1], regression.loss()[1], rtol=1e-9, atol=1e-12)


def test_robust_is_a_share_of_the_spread():
    model = random_model(types=[2, 3])
    env = Environments(model, mixed_set())
    own = relative(Loss(robust=0.1), env, model.cutoff)
    assert own.forces_limit == pytest.approx(0.1 * env.spreads()[1]) and np.isfinite(own.energy_limit)
    regression = NetworkRegression(model, env)
    before = regression.landscape
    regression.weigh(Loss(robust=0.1, energy=6.0))
    assert regression.landscape[0] == pytest.approx(4.0 * before[0]) and len(regression.landscape) == 6


@pytest.mark.parametrize("power", [2.0, 1.0, 0.0])
def test_balanced_energies_count_as_the_mean_of_forces(power):
    model = random_model(types=[2, 3])
    env = Environments(model, mixed_set())
    own = relative(Loss(energy=BALANCED, power=power, forces=2.0), env, model.cutoff)
    n = env.mean_atoms
    of_energies = own.energy * (0.1 * n) ** 2 / n**power  # 0.1 eV an atom
    assert of_energies == pytest.approx(own.forces * 3 * n * 0.1**2)
    bare = Loss(forces=0.0)
    assert relative(replace(bare, energy=BALANCED), env, model.cutoff) == relative(bare, env, model.cutoff)
