"""Are density networks trained on what they say: loss, gradient, start, and the ways in that a training has?"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.voigt import PLACE
from mdcore.config.load_training import parse_training
from mdcore.potentials.density.model import Design
from mdcore.training.density import DensityRegression
from mdcore.training.density_start import BEGIN, initialised, missing, sampled
from mdcore.training.graphs import Graphs
from mdcore.training.misfit import Weights
from mdcore.training.optimizers.adam import Adam
from mdcore.training.optimizers.kalman import Kalman
from mdcore.training.optimizers.soap import FARTHEST, Soap
from mdcore.training.regression import Regression
from mdcore.training.settings import BALANCED, AdamSettings, KalmanSettings, Loss, SoapSettings
from tests.density_twin import Twin
from tests.test_train_loss import TERMS, derivative
from tests.training_sets import lennard_jones_set, mixed_set

SIZES = {"cutoff": 4.0, "channels": 16, "radial": 5, "mixed": 4}
KINDS = {"": {}, "one layer": {"layers": 1, "hidden": 0, "l_max": 2, "factors": 2}, "three": {"layers": 3, "l_max": 1},
         "a rank": {"element_rank": 2, "l_max": 1}, "vectors": {"message_l": 1, "l_max": 2},
         "a window": {"layers": 1, "envelope": 9}}
ENERGIES = {"H": -1.0, "O": 2.0}


def regression_of(data, threads=1, seed=3, counts=None, elements=("H", "O"), energies=ENERGIES, **design):
    graphs = Graphs(elements, design.get("cutoff", SIZES["cutoff"]), data, threads)
    design = Design(elements=elements, **SIZES | design)
    return DensityRegression(initialised(design, graphs, energies, seed), graphs, threads, counts)


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def regression(request):
    return regression_of(mixed_set(), **request.param)


def test_predictions_equal_twin(regression):
    p, env, model = regression.predict(), regression.environments, regression.fitted()
    for k, s in enumerate(mixed_set()):
        species = [model.elements.index(e) for e in s.symbols]
        twin = Twin(model, species, s.positions, s.cell)
        assert p.energies[k] == pytest.approx(twin.energies().sum(), rel=1e-10)
        np.testing.assert_allclose(p.forces[env.first[k] : env.first[k + 1]], twin.forces(), rtol=0, atol=1e-9)
        if s.cell is not None:
            np.testing.assert_allclose(p.stresses[k][PLACE], -twin.virial() / np.linalg.det(s.cell), rtol=0, atol=1e-9)


def test_it_is_a_regression(regression):
    assert isinstance(regression, Regression) and regression.factor == regression.model.design.scale
    assert regression.is_weight.shape == regression.parameters.shape == (regression.n_parameters,)
    assert regression.fitted().parameters == pytest.approx(regression.parameters * regression.units, rel=1e-15)


def test_ranges_are_of_all_atoms(regression):
    model, seen = regression.fitted(), [[], []]
    for s in mixed_set():
        species = np.array([model.elements.index(e) for e in s.symbols])
        for own, z in zip(Twin(model, species, s.positions, s.cell).messages(), species, strict=True):
            seen[z].append(own)
    want = np.array([[np.min(own, axis=0) for own in seen], [np.max(own, axis=0) for own in seen]])
    np.testing.assert_allclose(model.ranges[0], want, rtol=1e-9, atol=1e-9)


def test_ranges_are_those_of_double_precision():
    """Also of a training in floats: what these are off by would put its own atoms outside."""
    double = regression_of(mixed_set(), l_max=1)
    mixed = DensityRegression(double.model, double.environments, precision="mixed")
    assert mixed.ranges().tobytes() == double.ranges().tobytes()
    assert np.abs(mixed.predict().forces - double.predict().forces).max() > 0.0


@pytest.mark.parametrize("weights", [*TERMS, Weights(0.3, 0.7, 0.2, 1.0, 0.5, 1.0)],
                         ids=["energy", "forces", "stress", "all", "robust"])  # fmt: skip
def test_gradient_equals_finite_differences(regression, weights):
    """In some parameters of each kind, and along random directions, to 1e-6 of its size."""
    at = regression.parameters.copy()

    def loss(parameters):
        regression.set(parameters)
        return regression.loss()[0]

    regression.weights, rng = weights, np.random.default_rng(0)
    gradient, first, units, chosen = regression.loss()[1], 0, np.eye(len(at)), []
    for own in regression.design.views(at).values():
        chosen += list(first + rng.integers(own.size, size=2))
        first += own.size
    for along in rng.normal(size=(3, len(at))) / np.sqrt(len(at)):
        assert gradient @ along == pytest.approx(derivative(loss, at, along, 1e-4), rel=1e-6)
    numerical = np.array([derivative(loss, at, units[k], 1e-4) for k in chosen])
    regression.set(at)
    assert np.abs(gradient).max() > 1e-4
    assert np.abs(gradient[chosen] - numerical).max() < 1e-6 * np.abs(gradient).max()


def test_rows_equal_finite_differences(regression):
    at, rng, own = regression.parameters.copy(), np.random.default_rng(1), np.array([0, 4, 2, 0])
    components = [np.zeros(4, int), np.array([0, 8, 5, 14]), np.array([0, 3, 5, 4])]
    rows = [regression.rows(kind, own, components[kind], np.array([1.0, 2.0, -1.0, 0.5])) for kind in range(3)]

    def observed(parameters):
        regression.set(parameters)
        p = regression.predict_each(own)
        found = [[a.energies[0] / n for a, n in zip(p, regression._sizes(own), strict=True)],
                 [a.forces.ravel()[k] for a, k in zip(p, components[1], strict=True)],
                 [a.stresses[0][k] for a, k in zip(p, components[2], strict=True)]]  # fmt: skip
        return np.array(found) * [1.0, 2.0, -1.0, 0.5]

    for along in rng.normal(size=(3, len(at))) / np.sqrt(len(at)):
        want = derivative(observed, at, along, 1e-4)
        assert np.abs([own @ along for own in rows] - want).max() < 1e-7 * np.abs(want).max()
    regression.set(at)


def test_threads_change_no_bit():
    structures = [s for seed in range(20) for s in mixed_set(seed)]  # several chunks
    one, two = (regression_of(structures, threads=n) for n in (1, 2))
    assert len(one.chunks) > 1 and one.parameters.tobytes() == two.parameters.tobytes()
    (a, da), (b, db) = one.loss(), two.loss()
    assert a == b and da.tobytes() == db.tobytes()
    assert one.predict().forces.tobytes() == two.predict().forces.tobytes()


def test_start_suits_the_data():
    """Densities of each order and features are of unit size, forces of a share of the data's; energies fit."""
    data = [replace(s, energy=500.0 * len(s.symbols) + (s.energy or 0.0)) for s in mixed_set()]
    own = regression_of(data, seed=2)
    env, p = own.environments, own.predict()
    known = np.isfinite(env.forces)
    assert own.design.scale == pytest.approx(np.sqrt(np.mean(env.forces[known] ** 2)))
    assert own.design.neighbours == pytest.approx(np.mean(np.concatenate([np.diff(e.arrays[0]) for e in env.edges])))
    assert np.sqrt(np.mean(p.forces**2)) == pytest.approx(BEGIN * own.design.scale, rel=1e-9)
    assert own.errors().energy < 2.0 and np.abs(missing(env, p.energies)).max() < 1e-9
    assert len(sampled(env)) == env.n_structures
    for t in range(own.design.layers):
        a = np.concatenate([own.kernels.densities(e, t) for e in env.edges])
        for l in range(4):
            assert np.sqrt(np.mean(a[:, l * l : (l + 1) ** 2] ** 2)) == pytest.approx(1.0, rel=1e-9)
    m = np.concatenate([own.kernels.messages(e) for e in env.edges])
    assert 0.3 < np.sqrt(np.mean(m**2)) < 3.0
    assert regression_of(data, seed=2).parameters.tobytes() == own.parameters.tobytes()
    assert regression_of(data, seed=3).parameters.tobytes() != own.parameters.tobytes()


def test_offsets_of_energies_settle():
    """E0 is where the loss is lowest; nothing else moves, and errors are of it."""
    own = regression_of([replace(s, energy=(s.energy or 0.0) + 7.0 * s.symbols.count("H")) for s in mixed_set()])
    own.set(own.parameters + 0.05 * np.random.default_rng(4).normal(size=own.n_parameters))
    for power, limit in ((2.0, np.inf), (1.0, np.inf), (2.0, 1e6)):
        own.weights = Weights(1.0, 0.0, 0.0, power, limit, limit)
        before, parameters = own.loss()[0], own.parameters.copy()
        assert own.settle()
        moved = own.design.views(own.parameters != parameters)
        assert not any(values.any() for name, values in moved.items() if name != "E0")
        loss, gradient = own.loss()
        assert loss <= before * (1 + 1e-12)
        np.testing.assert_allclose(own.design.views(gradient)["E0"], 0.0, atol=1e-9)
        errors = own.errors()
        own.set(own.parameters)
        assert errors.energy == pytest.approx(own.errors().energy, rel=1e-9)
    own.weights = Weights(0.0, 1.0, 0.0)
    assert not own.settle()


def test_adam_goes_on_from_settled_offsets():
    data = [replace(s, energy=3.0 * len(s.symbols) + (s.energy or 0.0)) for s in mixed_set()]
    own = regression_of(data)
    adam = Adam(own, AdamSettings(batch=2, average=0.9))
    adam.parameters = adam.parameters.copy()
    own.design.views(adam.parameters)["E0"][...] += 5.0
    adam.epoch()
    np.testing.assert_allclose(adam.averaged(), own.parameters, rtol=1e-12, atol=1e-12)
    assert own.errors().energy < 2.0
    own.settle()  # again: nothing is left to move
    np.testing.assert_allclose(own.parameters, adam.averaged(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("lacks", ["forces", "energy", "both"])
def test_sets_without_some_labels(lacks):
    gone = {"forces": None, "stress": None} if lacks != "energy" else {}
    gone |= {"energy": None} if lacks != "forces" else {}
    if lacks == "both":
        gone = {"forces": None, "energy": None}
    data = [replace(s, **gone) for s in mixed_set()]
    own = regression_of(data, counts=Loss(energy=1.0, forces=1.0, stress=1.0))
    loss, gradient = own.loss()
    assert np.isfinite(loss) and loss > 0.0 and np.isfinite(gradient).all() and np.abs(gradient).max() > 0.0


def test_lone_atoms_and_crystals_without_forces():
    """No neighbours, no spread of densities: nothing is divided by nothing."""
    alone = [replace(s, symbols=("H",), positions=np.zeros((1, 3)), cell=None, forces=np.zeros((1, 3)), stress=None)
             for s in mixed_set()[:2]]  # fmt: skip
    own = regression_of(alone)
    assert own.environments.neighbours == 0.0 and own.design.scale > 0.0
    assert np.isfinite(own.loss()[1]).all() and np.isfinite(own.fitted().parameters).all()


@pytest.fixture(scope="module")
def copper():
    """Crystals with energies and forces of an analytic potential."""
    data = lennard_jones_set(24)
    return data, regression_of(data[:16], elements=("Cu",), energies={"Cu": 0.0}, layers=1, l_max=2)


def test_adam_learns(copper):
    data, training = copper
    held_back = DensityRegression(training.model, Graphs(("Cu",), SIZES["cutoff"], data[16:]))
    before, adam = held_back.errors().forces, Adam(training, AdamSettings(batch=2, epochs=25, step=1e-3), seed=1)
    for _ in range(25):
        adam.epoch()
    held_back.set(training.parameters)
    assert held_back.errors().forces < 0.2 * before


def test_soap_begins_with_steps_of_its_size():
    """In the first bases, which are those of the last few gradients, mean squares are of others: unbounded steps had
    fifty times their size, and short trainings of deep networks went to 1e30 eV/Angstrom."""
    own = regression_of(mixed_set())
    soap, before = Soap(own, SoapSettings(batch=2, warmup=0)), own.parameters
    for _ in range(3):
        soap.update(own.loss()[1], 100)
        moved, before = own.parameters - before, own.parameters
        assert 0.0 < np.sqrt(np.mean(moved**2)) < FARTHEST * soap.settings.step


def test_soft_and_hard_are_trained_alike():
    """Labels times a number: the same training, of errors times that number. A power of two, so rounding is alike."""
    def trained(times):
        data = [replace(s, energy=times * s.energy, forces=times * s.forces) for s in lennard_jones_set(6)]
        own = regression_of(data, 1, 3, Loss(energy=BALANCED), ("Cu",), {"Cu": 0.0}, layers=1, l_max=1)
        soap = Soap(own, SoapSettings(batch=2, epochs=4))
        for _ in range(4):
            soap.epoch()
        errors = own.errors()
        return own.parameters, np.array([errors.energy, errors.forces])

    (hard, errors), (soft, smaller) = trained(1.0), trained(1.0 / 32.0)
    np.testing.assert_allclose(soft, hard, rtol=0, atol=1e-6)
    np.testing.assert_allclose(32.0 * smaller, errors, rtol=1e-4)


def test_the_filter_learns(copper):
    _, training = copper
    training.set(training.model.parameters / training.units)
    before = training.errors().forces
    kalman = Kalman(training, KalmanSettings(structures=2, rows=8, variance=1e-3))
    for _ in range(2):
        kalman.epoch()
    assert training.errors().forces < 0.3 * before


# --- settings ---------------------------------------------------------------------------------------------

INPUT = 'data = { file = "a.xyz" }\nmodel = { type = "density" }\noptimizer = { type = "adam", epochs = 3 }\n'


@pytest.mark.parametrize(
    "text, told",
    [
        ("[descriptors]\ncutoff = 5", '[descriptors]: applies to networks of descriptors only; [model] says all'),
        ("[network]\nhidden = [5]", "[network]: applies to networks of descriptors only"),
        ("model.channels = 24", "channels = 24: expected a multiple of 16"),
        ("model.hidden = 6", "hidden = 6: expected a multiple of 4"),
        ("model.l_max = 5", "l_max = 5: expected an integer >= 0 and <= 4"),
        ("model.chanels = 32", "unknown key; did you mean 'channels'?"),
        ("output.n2p2 = true", "n2p2 knows symmetry functions only"),
        ('model.atom_energies = { Xx = 1.0 }', "'Xx' is no chemical element"),
    ],
)
def test_what_does_not_apply_is_refused(text, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.xyz").write_text("")
    more = INPUT
    overrides = [text.replace(" = ", "=", 1)] if text[0] not in "[" else []
    with pytest.raises(InputError) as caught:
        parse_training(more + ("" if overrides else text), overrides=overrides)
    assert told in str(caught.value)


def test_the_other_type_knows_nothing_of_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.xyz").write_text("")
    text = INPUT.replace('type = "density"', "channels = 32, layers = 1") + "descriptors = { cutoff = 5 }\n"
    with pytest.raises(InputError, match='channels, layers: of type = "density" only'):
        parse_training(text)
    with pytest.raises(InputError, match=r"the section \[descriptors\] is required"):
        parse_training(INPUT.replace('type = "density"', ""))
    plan = parse_training(INPUT).plan
    assert plan.descriptors is None and plan.model.channels == 64 and plan.atom_energies == "fit"
