"""Do least squares find the best weights of a linear density network, and are the rows they are made of right?"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.voigt import PAIRS
from mdcore.config.load_training import parse_training
from mdcore.training.density import DensityRegression
from mdcore.training.density_rows import harmonics, radial, rows_of
from mdcore.training.fit import Fit
from mdcore.training.graphs import Graphs
from mdcore.training.members import stage
from mdcore.training.optimizers.least_squares import LeastSquares
from mdcore.training.settings import LeastSquaresSettings, Loss
from tests import density_twin as twin
from tests.test_train_density import regression_of
from tests.test_train_optimisers import small
from tests.training_sets import lennard_jones_set, mixed_set

LINEAR = {"layers": 1, "hidden": 0}
ALL = Loss(energy=1.0, forces=1.0, stress=0.5, power=1.0)


def linear(data=None, **options):
    return regression_of(mixed_set() if data is None else data, **{"counts": ALL, **LINEAR, **options})


def test_functions_equal_twin():
    u = np.random.default_rng(0).normal(size=(9, 3))
    u /= np.linalg.norm(u, axis=1)[:, None]
    y, slope = harmonics(u, 4)
    np.testing.assert_allclose(y, twin.harmonics(u, 4), atol=1e-13)
    for axis, unit in enumerate(np.eye(3)):
        moved = u + 1j * twin.STEP * unit
        moved = moved / np.sqrt(np.sum(moved**2, axis=1))[:, None]
        np.testing.assert_allclose(slope[..., axis], twin.harmonics(moved, 4).imag / twin.STEP, atol=1e-12)
    r = np.linspace(0.5, 4.0, 9)
    for p in (6, 9):
        value, slope = radial(r, 6, 4.0, p)
        np.testing.assert_allclose(value, twin.bessel(r, 6, 4.0, p), atol=1e-12)
        np.testing.assert_allclose(slope, twin.bessel(r + 1j * twin.STEP, 6, 4.0, p).imag / twin.STEP, atol=1e-12)


@pytest.mark.parametrize("sizes", [{}, {"l_max": 4, "factors": 4}, {"l_max": 0, "factors": 2}], ids=str)
def test_rows_are_what_kernels_differentiate(sizes):
    """Along random tangents and strains; and with the weights they make forces and stress."""
    own, rng = linear(**sizes), np.random.default_rng(1)
    w = own.design.views(own.flat)["w.0"].ravel()
    for edges in own.environments.edges[:3]:
        energy, forces, strain = rows_of(own.design, own.flat, edges)
        tangent, e, found = rng.normal(size=forces.shape[:2]), rng.normal(size=(3, 3)), np.zeros(own.n_sums)
        own.kernels.gradient(edges, 0.3, tangent, e + e.T, found)
        times = [(2.0 if a != b else 1.0) * (e + e.T)[a, b] for a, b in PAIRS]
        made = 0.3 * energy - np.tensordot(tangent, forces, 2) + times @ strain
        want = own.design.folded_views(found)["product.0"].ravel()
        np.testing.assert_allclose(made, want, rtol=0, atol=1e-11 * np.abs(want).max())
        np.testing.assert_allclose(forces @ w, own.kernels.evaluate(edges)[1], atol=1e-11)


@pytest.mark.parametrize("emphasis", [1.0, 30.0])
def test_it_is_the_loss(emphasis):
    """w . C w - 2 p . w, once offsets are settled; its slope is that of the loss, of energies of such a weight."""
    own = linear([replace(s, energy=(s.energy or 0.0) + 90.0 * len(s.symbols)) for s in mixed_set()])
    where, c, p = own.quadratic(emphasis)
    own.weigh(replace(ALL, energy=emphasis * ALL.energy))
    start, losses, found = own.parameters[where], [], []
    for seed in range(3):
        parameters = own.parameters.copy()
        parameters[where] = 0.1 * np.random.default_rng(seed).normal(size=where.sum())
        own.set(parameters)
        own.settle()
        loss, gradient = own.loss()
        w = own.parameters[where] - start
        losses.append(loss)
        found.append(w @ c @ w - 2.0 * p @ w)
        np.testing.assert_allclose(gradient[where], 2.0 * (c @ w - p), atol=1e-9 * np.abs(gradient).max())
    np.testing.assert_allclose(np.diff(losses), np.diff(found), rtol=1e-9)


@pytest.mark.parametrize("part", ["linear", "all"])
def test_with_hidden_nodes_it_is_the_loss_where_they_are(part):
    """To second order but for what bends: the slope is the loss's, and a small step does what the rows say."""
    own = regression_of(mixed_set(), layers=1, counts=ALL)
    own.release(part)
    own.settle()
    where, _, p = own.quadratic()
    gradient = own.loss()[1]
    np.testing.assert_allclose(-2.0 * p, gradient[where], atol=1e-9 * np.abs(gradient).max())
    now, step = own.parameters, np.zeros(own.n_parameters)
    step[where] = 1e-4 * np.random.default_rng(2).normal(size=where.sum())
    design, flat, edges = own.design, own.flat.copy(), own.environments.edges[0]
    energy, forces, strain = rows_of(design, flat, edges)
    w = (step * own.units)[where]
    either = []
    for sign in (1.0, -1.0):
        own.set(now + sign * step)
        e, f, virial = own.kernels.evaluate(edges)
        either.append((e.sum(), f, [-0.5 * (virial[a, b] + virial[b, a]) for a, b in PAIRS]))
    for row, plus, minus in zip((energy, forces, strain), *either, strict=True):
        made = row @ w
        np.testing.assert_allclose(made, (np.asarray(plus) - minus) / 2.0, atol=1e-6 * np.abs(made).max())


def test_steps_with_hidden_nodes_lower_the_loss():
    """Gauss and Newton's, from where hidden nodes are; what a network says they find again from nearby."""
    own = regression_of(mixed_set(), layers=1, counts=Loss())
    own.set(own.parameters + 0.02 * np.random.default_rng(0).normal(size=own.n_parameters))
    own = DensityRegression(own.model, Graphs(own.design.elements, own.design.cutoff, answered(own)), 1, Loss())
    before = own.errors()
    for _ in range(3):
        LeastSquares(own, LeastSquaresSettings(ridge=1e-6, part="all")).epoch()
    assert own.errors().forces < 0.3 * before.forces
    assert own.design.views(own.flat)["w2"].any()


def answered(own):
    """The structures, labelled by a network like this one, with other weights."""
    parameters = own.parameters.copy()
    where = own.quadratic()[0]
    parameters[where] *= np.random.default_rng(5).normal(size=where.sum())
    other = DensityRegression(replace(own.model, parameters=parameters * own.units), own.environments)
    p, env, found = other.predict(), own.environments, []
    for k, s in enumerate(env.structures):
        forces = p.forces[env.first[k] : env.first[k + 1]]
        found.append(replace(s, energy=p.energies[k] + 7.0 * len(s.symbols), forces=forces, stress=None))
    return found


def test_what_a_network_says_is_learnt_at_once():
    own = linear(answered(linear()), counts=Loss())
    before, solver = own.errors(), LeastSquares(own, LeastSquaresSettings(ridge=1e-4, fall=0.01))
    losses = []
    while not solver.converged:
        solver.epoch()
        losses.append(own.loss()[0])
    assert len(losses) < 7 and np.all(np.diff(losses) < 0.0)
    assert own.errors().forces < 1e-5 * before.forces and own.errors().energy < 1e-5 * before.energy


def test_a_fit_keeps_the_ridge_that_suits_validation():
    """And goes on from a state, to the same bits."""

    data = lennard_jones_set(18)
    copper = {"elements": ("Cu",), "energies": {"Cu": 0.0}, "l_max": 2, "counts": Loss()}

    def fit(epochs):
        training = linear(data[:3], **copper)
        validation = DensityRegression(training.model, Graphs(("Cu",), training.design.cutoff, data[3:]))
        return Fit(training, validation, [stage(LeastSquaresSettings(epochs=epochs), Loss())])

    whole, first, second = fit(9), fit(3), fit(9)
    rows = list(whole.epochs())
    forces = [row["validation force"] for row in rows]
    assert 0 < whole.best_epoch < len(rows) - 1 and forces[whole.best_epoch] < 0.3 * forces[0]
    assert rows[-1]["train force"] < rows[whole.best_epoch]["train force"]
    list(first.epochs())
    second.restore(first.state())
    assert len(list(second.epochs())) == len(rows) - 4
    assert second.best.tobytes() == whole.best.tobytes()
    assert second.history["train force"] == whole.history["train force"]


def test_nothing_to_learn_from_is_no_fault():
    alone = [replace(s, symbols=("H",), positions=np.zeros((1, 3)), cell=None, forces=np.zeros((1, 3)), stress=None)
             for s in mixed_set()[:2]]  # fmt: skip
    solver = LeastSquares(linear(alone))
    solver.epoch()
    assert solver.converged and np.isfinite(solver.regression.parameters).all()


TOLD = "least squares take a density network that is linear in its weights: layers = 1"


@pytest.mark.parametrize("make", [small, lambda: regression_of(mixed_set(), layers=2, hidden=0)],
                         ids=["symmetry", "messages"])  # fmt: skip
def test_what_is_not_linear_is_refused(make):
    with pytest.raises(InputError, match=TOLD):
        LeastSquares(make())


@pytest.mark.parametrize(
    "model, told",
    [
        ('model = { type = "density" }', TOLD),
        ("descriptors = { cutoff = 6 }", TOLD),
        ('model = { type = "density", layers = 1, hidden = 0 }\nloss.robust = 1', "least squares go by squares"),
    ],
)
def test_an_input_is_told(model, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.xyz").write_text("")
    with pytest.raises(InputError) as caught:
        parse_training(f'data = {{ file = "a.xyz" }}\n{model}\noptimizer = {{ type = "least-squares", epochs = 3 }}\n')
    assert told in str(caught.value)
