"""Do networks of charges say what a slow twin does, and change with their parameters as the loss's gradient says?"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore.base.units import COULOMB
from mdcore.potentials.networks.charge_model import ChargeModel
from mdcore.potentials.networks.model import ElementNetwork
from mdcore.training.charged import ChargedRegression
from mdcore.training.charged_sets import ChargedEnvironments
from mdcore.training.misfit import Weights
from mdcore.training.settings import CHARGES, SHORT, Loss
from tests.reference import charged as twin
from tests.reference import ewald
from tests.reference.hdnnp_models import random_model
from tests.test_train_loss import derivative
from tests.training_sets import CELL, Labelled, mixed_set

MODES = {
    "predicted": {"kind": "predicted"},
    "free": {"kind": "predicted", "conserve": False},
    "predicted input": {"kind": "predicted", "as_input": True},
    "equilibrated": {"kind": "equilibrated"},
    "equilibrated input": {"kind": "equilibrated", "as_input": True},
}
TERMS = {
    "energy": Weights(1.0, 0.0, 0.0),
    "forces": Weights(0.0, 1.0, 0.0),
    "stress": Weights(0.0, 0.0, 1.0),
    "charges": Weights(0.0, 0.0, 0.0, charges=1.0),
    "all": Weights(0.3, 0.7, 0.2, power=1.0, charges=0.5),
}


@pytest.mark.parametrize("cell", [None, CELL, np.diag([4.0, 5.0, 6.0])], ids=["cluster", "skew", "box"])
def test_matrix_is_the_sum_of_ewald(cell):
    """1/2 q.A q is the energy of charges, any charges; in cells smaller and larger than the cutoff."""
    rng = np.random.default_rng(7)
    positions, widths, q = rng.uniform(0, 4, (6, 3)), rng.uniform(0.4, 0.9, 6), rng.normal(size=6)
    structure = Labelled(("H",) * 6, positions, cell, 0.0, q[:, None] * np.zeros(3))
    model = charged_model("predicted")
    env = ChargedEnvironments(model, [structure])
    env.widths, env.species = widths, np.arange(6)
    a = env._interaction(0).a
    want = ewald.cluster(positions, q, widths) if cell is None else ewald.crystal(cell, positions, q, 0.8, 4, 9, widths)
    assert 0.5 * q @ a @ q == pytest.approx(COULOMB * want, rel=1e-10)


def charged_model(kind, conserve=True, as_input=False):
    """Random networks of energies and charges of H and O on the same descriptors."""
    model = random_model(types=[2, 3, 9])
    other = random_model(types=[2, 3, 9], weights_seed=5)
    networks, rng = model.networks, np.random.default_rng(4)
    if as_input:
        networks = tuple(
            ElementNetwork(
                (np.vstack([n.weights[0], rng.normal(size=(1, n.weights[0].shape[1]))]), *n.weights[1:]), n.biases,
                n.activations,
            )
            for n in networks
        )  # fmt: skip
    of_energy = kind == "equilibrated"
    charges = ChargeModel(
        kind=kind, symmetry_functions=model.symmetry_functions, scaling=model.scaling, networks=other.networks,
        widths=(0.5, 0.8), hardness=(6.0, 4.0) if of_energy else (), conserve=conserve, as_input=as_input,
        own_energy=True, constant=COULOMB, output_scale=4.0 if of_energy else 0.7, input_scale=1.7,
    )  # fmt: skip
    return replace(model, networks=networks, charges=charges)


def charged_set():
    """The mixed set with charges, of which one structure has none."""
    found, rng = mixed_set(), np.random.default_rng(8)
    for k, s in enumerate(found):
        s.total_charge = [0.0, 1.0, -1.0, 0.0, 0.5, 0.0][k]
        s.charges = None if k == 1 else rng.normal(size=len(s.symbols))
    return found


@pytest.fixture(scope="module", params=list(MODES))
def regression(request):
    model = charged_model(**MODES[request.param])
    return ChargedRegression(model, ChargedEnvironments(model, charged_set()), counts=Loss(charges=1.0))


def test_predictions_equal_twin(regression):
    """Energies and charges of clusters and cells; forces and stress are their slopes (tangents are single)."""
    p, env, rng = regression.predict(), regression.environments, np.random.default_rng(2)
    for k, s in enumerate(charged_set()[:2]):
        own = slice(*env.first[[k, k + 1]])
        energy, q = twin.evaluate(regression.model, s.symbols, s.positions, s.cell, s.total_charge)
        assert p.energies[k] == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(p.charges[own], q, rtol=0, atol=1e-10)
        along = rng.normal(size=(len(q), 3)) / len(q)
        strain = rng.normal(size=(3, 3)) if s.cell is not None else np.zeros((3, 3))
        strain = (strain + strain.T) / 6

        def moved(x, s=s, along=along, strain=strain):
            turn = np.eye(3) + x * strain
            cell = None if s.cell is None else s.cell @ turn
            positions = s.positions @ turn + x * along
            return twin.evaluate(regression.model, s.symbols, positions, cell, s.total_charge)[0]

        want = derivative(moved, 0.0, 1.0, h=2e-3)
        found = -np.sum(p.forces[own] * along)
        if s.cell is not None:
            stress = p.stresses[k][np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])]
            found += np.sum(stress * strain) * abs(np.linalg.det(s.cell))
        assert found == pytest.approx(want, abs=2e-6 * (1.0 + abs(want)))


@pytest.mark.parametrize("term", list(TERMS))
def test_gradient_equals_finite_differences(regression, term):
    """Of energies', charges' and hardness' parameters, along random directions, to 1e-6."""
    at, rng, regression.weights = regression.parameters.copy(), np.random.default_rng(0), TERMS[term]
    gradient, short = regression.loss()[1], regression.stack.n

    def loss(parameters):
        regression.set(parameters)
        return regression.loss()[0]

    parts = [slice(0, short), slice(short, short + regression.of_charges.n), regression.hardness.own]
    for own in parts[term == "charges" :]:
        if own.stop > own.start:
            along = np.zeros(len(at))
            along[own] = rng.normal(size=own.stop - own.start)
            along /= np.linalg.norm(along)
            assert gradient @ along == pytest.approx(derivative(loss, at, along), rel=1e-6)
    regression.set(at)
    assert np.abs(gradient[short:]).max() > 1e-3


def test_rows_equal_finite_differences(regression):
    """Of single energies, components of forces and stress, and charges: what the Kalman filter takes."""
    at, env, rng = regression.parameters.copy(), regression.environments, np.random.default_rng(1)
    own, components = np.array([0, 4, 2, 0]), np.array([1, 2, 2, 4])
    rows = np.concatenate([regression.rows(kind, own, components, np.ones(4)) for kind in range(4)])

    def observed(parameters):
        regression.set(parameters)
        p = regression.predict()
        atoms = env.first[own]
        forces = p.forces[atoms + components // 3, components % 3]
        return np.concatenate([p.energies[own] / env.n_atoms[own], forces, p.stresses[own, components],
                               p.charges[atoms + components]])  # fmt: skip

    for along in rng.normal(size=(2, len(at))) / np.sqrt(len(at)):
        want = derivative(observed, at, along)
        assert np.abs(rows @ along - want).max() < 1e-7 * np.abs(want).max()
    regression.set(at)
    told = regression.residuals(np.array([0, 1]))
    assert np.isfinite(told[0][3]).all() and np.isnan(told[1][3]).all()


def test_fitted_model_is_the_same(regression):
    """And begins another regression at the same numbers, hardness included."""
    rng, at = np.random.default_rng(3), regression.parameters.copy()
    regression.set(at + 0.1 * rng.normal(size=len(at)))
    p = regression.predict()
    again = ChargedRegression(regression.fitted(), regression.environments).predict()
    regression.set(at)
    np.testing.assert_allclose(again.forces, p.forces, rtol=0, atol=1e-12 * np.abs(p.forces).max())
    np.testing.assert_allclose(again.charges, p.charges, rtol=0, atol=1e-13)


def test_parts(regression):
    """What an optimiser may not change has no gradient; where charges stand still, what they add is kept."""
    regression.weights, p = TERMS["all"], regression.predict()
    (whole, gradient), short = regression.loss(), regression.stack.n
    assert regression.free.all()
    regression.release(CHARGES)
    _, of_charges = regression.loss()
    assert not of_charges[:short].any() and np.array_equal(of_charges[short:], gradient[short:])
    regression.release(SHORT)
    loss, rest = regression.loss()
    again = regression.predict()
    off = np.nan_to_num(again.charges - regression.environments.charges)
    per_atom = np.repeat(regression.environments.weights, regression.environments.n_atoms)
    assert loss + 0.5 * np.sum(per_atom * off**2) == pytest.approx(whole, rel=1e-12)
    assert not rest[short:].any()
    np.testing.assert_allclose(rest[:short], gradient[:short], rtol=0, atol=1e-12 * np.abs(gradient).max())
    np.testing.assert_allclose(again.forces, p.forces, rtol=0, atol=1e-12 * np.abs(p.forces).max())
    regression.release("all")


def test_memory_and_threads_change_no_bit():
    """Matrices that have no room are made anew."""
    model, structures = charged_model("equilibrated"), charged_set()[:2] + charged_set()[1::2] * 200
    whole = ChargedEnvironments(model, structures)
    few = ChargedEnvironments(model, structures, threads=2, memory=whole.bytes - 0.5 * whole.interaction_bytes)
    assert 0.4 < few.interaction_bytes / whole.interaction_bytes < 0.6
    one, two = ChargedRegression(model, whole), ChargedRegression(model, few, threads=2)
    one.weights = two.weights = TERMS["all"]
    assert len(one.chunks) > 1
    (a, da), (b, db) = one.loss(), two.loss()
    assert a == b and da.tobytes() == db.tobytes()
