"""Do the twins of a density network agree, and is folding what it says?"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore.base.elements import SYMBOLS
from mdcore.base.errors import InputError
from mdcore.potentials.density.model import DensityNetwork, Design
from tests.density_twin import STEP, FoldedTwin, Twin, bessel, edges, harmonics, random_network

SHAPES = {
    "one layer": {"layers": 1},
    "two layers": {"layers": 2},
    "three layers": {"layers": 3, "radial": 3, "mixed": 8},
    "four factors": {"factors": 4, "l_max": 2},
    "scalars alone": {"l_max": 0, "factors": 2},
    "without a network": {"hidden": 0},
    "one element": {"elements": ("Si",), "layers": 3},
    "three elements": {"elements": ("H", "C", "O"), "l_max": 1},
    "a rank": {"elements": ("H", "C", "N", "O"), "l_max": 1, "element_rank": 3},
    "vectors": {"message_l": 1},
    "a window": {"layers": 1, "envelope": 12},
    "vectors of three layers": {"message_l": 1, "layers": 3, "l_max": 1, "factors": 2},
}


def network(shape: str, seed: int = 1) -> DensityNetwork:
    return random_network(seed=seed, **SHAPES[shape])


def structure(net, cell=None, n: int = 7, seed: int = 2):
    rng = np.random.default_rng(seed)
    return np.arange(n) % net.design.species, rng.uniform(0.0, 4.5, (n, 3)), cell


CELL = np.array([[5.0, 0.2, 0.0], [0.7, 4.6, 0.1], [-0.4, 0.3, 5.2]])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", [None, CELL], ids=["cluster", "cell"])
def test_folded_is_the_same(shape, cell):
    net = network(shape)
    system = structure(net, cell)
    raw, folded = Twin(net, *system), FoldedTwin(net.design, net.fold(), *system)
    assert folded.energies() == pytest.approx(raw.energies(), rel=1e-12)
    assert folded.messages() == pytest.approx(raw.messages(), rel=1e-11)
    assert np.ptp(raw.energies()) > 1e-2


@pytest.mark.parametrize("shape", SHAPES)
def test_unfold_is_the_derivative_of_fold(shape):
    """Along a few directions, by complex steps."""
    net, rng = network(shape), np.random.default_rng(3)
    gradient = rng.normal(size=net.design.n_folded)
    found = net.unfold(gradient)
    for _ in range(3):
        way = rng.normal(size=net.design.n_parameters)
        moved = net.design.fold(net.parameters + 1j * STEP * way).imag / STEP
        assert found @ way == pytest.approx(gradient @ moved, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(
    "shape", ["two layers", "three layers", "without a network", "a rank", "vectors of three layers"]
)
def test_unfold_of_every_array(shape):
    """Each alone, so that a small one counts as well."""
    net, rng = network(shape), np.random.default_rng(4)
    gradient = rng.normal(size=net.design.n_folded)
    found = net.design.views(net.unfold(gradient))
    for name, values in found.items():
        way = np.zeros(net.design.n_parameters)
        net.design.views(way)[name][...] = rng.normal(size=values.shape)
        wanted = gradient @ net.design.fold(net.parameters + 1j * STEP * way).imag / STEP
        assert np.sum(values * net.design.views(way)[name]) == pytest.approx(wanted, rel=1e-10, abs=1e-10), name


def test_forces_by_differences():
    net = network("two layers")
    species, positions, cell = structure(net, CELL)
    forces, step = Twin(net, species, positions, cell).forces(), 1e-4
    assert np.abs(forces).max() > 0.1
    for atom, axis in ((0, 0), (3, 1), (6, 2)):
        moved = [positions.copy(), positions.copy()]
        moved[0][atom, axis] += step
        moved[1][atom, axis] -= step
        up, down = (Twin(net, species, x, cell).energies().sum() for x in moved)
        assert forces[atom, axis] == pytest.approx((down - up) / (2 * step), rel=1e-5, abs=1e-7)
    assert forces.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)


def test_virial_by_strain():
    net = network("two layers")
    species, positions, cell = structure(net, CELL)
    virial, step = Twin(net, species, positions, cell).virial(), 1e-5
    assert virial == pytest.approx(virial.T, abs=1e-12)
    for a, b in ((0, 0), (1, 2)):
        strain = np.zeros((3, 3))
        strain[a, b] = step
        up, down = (
            Twin(net, species, positions @ (np.eye(3) + s), cell @ (np.eye(3) + s)).energies().sum()
            for s in (strain, -strain)
        )
        assert virial[a, b] == pytest.approx((down - up) / (2 * step), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("shape", ["two layers", "vectors", "vectors of three layers"])
def test_rotation_and_inversion(shape):
    net = network(shape)
    species, positions, _ = structure(net)
    here = Twin(net, species, positions).energies()
    turn = np.linalg.qr(np.random.default_rng(8).normal(size=(3, 3)))[0]
    for other in (turn, -turn):
        assert Twin(net, species, positions @ other).energies() == pytest.approx(here, abs=1e-11)


@pytest.mark.parametrize("envelope", [2, 6, 12])
def test_atoms_enter_smoothly(envelope):
    """Value, slope and curvature of f vanish at the cutoff."""
    f = bessel(np.array([4.0 - 1e-3, 4.0 - 1e-4]), 4, 4.0, envelope)
    assert np.abs(f[0]) == pytest.approx(1e4 * np.abs(f[1]), rel=0.1)  # f is sin(..) (rc - r)^3, thus of order four
    assert np.abs(f[0]).max() < 1e-10


def test_harmonics_are_orthonormal_and_named():
    u = np.random.default_rng(5).normal(size=(200, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    y = harmonics(u, 4)
    for l in range(5):
        assert np.sum(y[:, l * l : (l + 1) ** 2] ** 2, axis=1) == pytest.approx(2 * l + 1)
    assert y[:, 1:4] == pytest.approx(np.sqrt(3.0) * u[:, [1, 2, 0]])
    x, y2, z = u.T
    assert y[:, 4] == pytest.approx(np.sqrt(15.0) * x * y2)
    assert y[:, 8] == pytest.approx(np.sqrt(15.0) / 2 * (x * x - y2 * y2))
    assert y[:, 6] == pytest.approx(np.sqrt(5.0) / 2 * (3 * z * z - 1))


def test_edges_of_small_cells():
    """A cell smaller than the cutoff: an atom sees its own images."""
    i, j, shift = edges(np.zeros((1, 3)), 2.0 * np.eye(3), 4.1)
    assert len(i) == 32 and np.all(i == 0) and np.all(j == 0)
    assert np.linalg.norm(shift, axis=1).max() == 4.0


def test_every_parameter_matters():
    net = network("three layers")
    base = Twin(net, *structure(net, CELL)).energies().sum()
    for name, values in net.design.shapes.items():
        flat = net.parameters.copy()
        net.design.views(flat)[name][...] += 0.1 * np.random.default_rng(6).normal(size=values)
        assert Twin(replace(net, parameters=flat), *structure(net, CELL)).energies().sum() != base, name


@pytest.mark.parametrize(
    "change, text",
    [
        ({"elements": ("O", "H")}, "ordered by atomic number"),
        ({"elements": ()}, "ordered by atomic number"),
        ({"elements": ("H", "Xx")}, "ordered by atomic number"),
        ({"channels": 20}, "channels = 20: expected a whole number from 16 to 1024, a multiple of 16"),
        ({"hidden": 6}, "hidden = 6"),
        ({"l_max": 5}, "l_max = 5"),
        ({"factors": 0}, "factors = 0"),
        ({"layers": 5}, "layers = 5"),
        ({"element_rank": -1}, "element_rank = -1: expected a whole number from 0 to 64"),
        ({"layers": 1.5}, "layers = 1.5"),
        ({"envelope": 1}, "envelope = 1: expected a whole number from 2 to 32"),
        ({"message_l": 2}, "message_l = 2: expected a whole number from 0 to 1"),
        ({"message_l": 1, "layers": 1}, "message_l = 1: vectors are sent between layers"),
        ({"message_l": 1, "l_max": 0}, "message_l = 1: vectors are sent between layers"),
        ({"cutoff": float("nan")}, "cutoff = nan"),
        ({"scale": 0.0}, "scale = 0.0"),
        ({"neighbours": float("inf")}, "neighbours = inf"),
        ({"channels": 1024, "layers": 4, "elements": tuple(SYMBOLS[1:40])}, "parameters: make it smaller"),
    ],
)
def test_designs_that_are_none(change, text):
    with pytest.raises(InputError, match=text):
        Design(**({"elements": ("H", "O"), "cutoff": 4.0} | change))


def test_parameters_that_are_none():
    net = network("one layer")
    with pytest.raises(InputError, match="not finite"):
        replace(net, parameters=np.full_like(net.parameters, np.nan))
    with pytest.raises(InputError, match="parameters, expected"):
        replace(net, parameters=net.parameters[1:])
