"""How far is mixed precision from double, and does it keep what double promises?

Errors are relative to the largest number of their kind, unless units are given.
"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.doors import _hdnnp
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.networks.answers import Answers
from mdcore.potentials.networks.hdnnp import HDNNPotential, networks_of
from mdcore.potentials.networks.model import ACTIVATIONS, SUBTYPES
from mdcore.potentials.networks.n2p2.data import read_input_data
from mdcore.potentials.networks.n2p2.read import read_n2p2
from mdcore.potentials.networks.vectors import make_test_vectors
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.reference import hdnnp as twin
from tests.reference.hdnnp_models import random_model
from tests.systems import TRICLINIC, cells, scattered
from tests.test_hdnnp_potential import CUTOFF, FEW, REFERENCE, check_conservation, two_elements
from tests.test_symmetry_kernels import SYMBOLS, Block, angular, cluster_environments, crowd, with_functions

pytestmark = pytest.mark.usefixtures("level")
FLOAT = 2.0**-24  # rounding error of a float
WITHIN = 50 * FLOAT  # largest found: 34, median 5 (types 2-13) and 10 (types 20-25)


def differences(model, environments):
    """Largest errors of values, vjp and jvp in mixed precision, each relative to the largest number in double."""
    block = Block(model, environments)
    results = []
    for precision in ("double", "mixed"):
        networks = networks_of(model, precision)
        rng = np.random.default_rng(1)
        slopes = rng.normal(size=(len(environments), networks.n_functions))
        tangents = rng.normal(size=(3, len(block.xyz[0])))
        results.append(
            (networks.values(*block.arguments()), networks.vjp(*block.arguments(), slopes),
             _hdnnp.jvp(networks, *block.arguments(), tangents))
        )  # fmt: skip
    return [np.abs(b - a).max() / np.abs(a).max() for a, b in zip(*results, strict=True)]


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("cutoff_type", range(9))
@pytest.mark.parametrize("kind", [2, 3, 9, 12, 13])
def test_functions_with_cutoff(kind, cutoff_type, alpha):
    model = random_model(types=[kind], cutoff_type=cutoff_type, alpha=alpha)
    found = differences(model, cluster_environments(SYMBOLS, range(6)))
    assert 0 < max(found) < WITHIN


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("kind", [20, 21, 22, 23, 24, 25])
def test_functions_of_compact_support(kind, subtype):
    found = differences(random_model(types=[kind], subtype=subtype), cluster_environments(SYMBOLS, range(6)))
    assert 0 < max(found) < WITHIN


@pytest.mark.parametrize("types", [[3], [9], [13], [3, 9, 24]])
@pytest.mark.parametrize("n", [60, 150])
def test_more_triplets_than_are_kept(n, types):
    found = differences(random_model(types=[2, *types]), [("O", crowd(n)), ("H", crowd(n))])
    assert 0 < max(found) < WITHIN


def test_high_powers_of_an_exponent():
    """eta = 60 times another one: its error is not 60 times as large."""
    functions = [angular(eta=eta, lambda_=1.0, zeta=1.0) for eta in (0.004, 0.012, 0.12, 0.24)]
    model = with_functions([*functions, angular(center="H")], ("H", "O"))
    values, *_ = differences(model, cluster_environments(SYMBOLS, range(6)))
    assert 0 < values < 10 * FLOAT


@pytest.mark.parametrize("n", [0, 1, 2, 3, 17])
def test_few_neighbours(n):
    rng = np.random.default_rng(n)
    env = twin.Environment(rng.uniform(0.7, 1.2, (n, 3)), rng.choice([1, 8], n))
    block = Block(random_model(), [("O", env), ("H", env)])
    double, mixed = (networks_of(random_model(), p).values(*block.arguments()) for p in ("double", "mixed"))
    np.testing.assert_allclose(mixed, double, rtol=0, atol=WITHIN * max(1.0, np.abs(double).max()))


def test_straight_lines_and_coincident_directions():
    """theta = pi and 0, where d theta / d cos has no value: what is there instead is finite."""
    vectors = np.array([[1.0, 0, 0], [-1.2, 0, 0], [1.9, 0, 0], [0.3, 0.8, 0.1], [-0.6, -1.6, -0.2]])
    model = random_model(types=[2, 3, 9, 21, 22])
    block = Block(model, [("O", twin.Environment(vectors, np.array([1, 1, 8, 8, 1])))])
    slopes = np.random.default_rng(0).normal(size=(1, networks_of(model).n_functions))
    double, mixed = (networks_of(model, p).vjp(*block.arguments(), slopes) for p in ("double", "mixed"))
    np.testing.assert_allclose(mixed, double, rtol=0, atol=1e-4 * np.abs(double).max())


def test_neighbours_on_the_cutoff():
    model = random_model(types=[2, 3, 9, 12, 13], cutoff_type=2)
    networks = networks_of(model, "mixed")
    inner = np.array([[0.9, 0.2, 0.1], [-0.5, 0.8, 0.4]])
    reference = networks.values(*Block(model, [("O", twin.Environment(inner, np.array([1, 8])))]).arguments())
    for r in (2.9999999, np.nextafter(3.0, 0), 3.0, np.nextafter(3.0, 4), 3.1):
        env = twin.Environment(np.vstack([inner, [0.0, 0.0, r]]), np.array([1, 8, 8]))
        block = Block(model, [("O", env)])
        np.testing.assert_allclose(networks.values(*block.arguments()), reference, rtol=0, atol=1e-12)
        assert np.isfinite(networks.vjp(*block.arguments(), np.ones_like(reference))).all()


def test_an_environment_does_not_know_its_block():
    """Alone or among others, the same bits."""
    model = random_model()
    environments = [*cluster_environments(SYMBOLS, range(len(SYMBOLS))), ("H", crowd(40))]
    networks, block = networks_of(model, "mixed"), Block(model, environments)
    slopes = np.random.default_rng(2).normal(size=(len(environments), networks.n_functions))
    values, gradients = networks.values(*block.arguments()), networks.vjp(*block.arguments(), slopes)
    for a, environment in enumerate(environments):
        single = Block(model, [environment])
        assert networks.values(*single.arguments()).tobytes() == values[a].tobytes()
        alone = networks.vjp(*single.arguments(), slopes[a : a + 1])
        assert alone.tobytes() == gradients[:, block.first[a, 0] : block.first[a, -1]].tobytes()


def test_vjp_is_the_transpose_of_jvp():
    model = random_model()
    environments = [*cluster_environments(SYMBOLS, range(5)), ("O", crowd(50))]
    networks, block = networks_of(model, "mixed"), Block(model, environments)
    rng = np.random.default_rng(3)
    slopes = rng.normal(size=(len(environments), networks.n_functions))
    tangents = rng.normal(size=(3, len(block.xyz[0])))
    terms = slopes * _hdnnp.jvp(networks, *block.arguments(), tangents)
    reverse = np.sum(networks.vjp(*block.arguments(), slopes) * tangents)
    assert np.sum(terms) == pytest.approx(reverse, abs=WITHIN * np.abs(terms).sum())


CELLS = {name: two_elements(system) for name, system in cells(CUTOFF)}


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell(cell):
    """Crowded cells: descriptors are hundreds of times wider than the scaling of the random networks expects."""
    model = random_model()
    double, mixed = (Simulation(CELLS[cell], HDNNPotential(model, precision=p)) for p in ("double", "mixed"))
    n = len(CELLS[cell].positions)
    assert mixed.potential_energy == pytest.approx(double.potential_energy, abs=2e-6 * n)
    want = double.snapshot().forces
    scale = 1.0 + np.abs(want).max()
    np.testing.assert_allclose(mixed.snapshot().forces, want, rtol=0, atol=1e-4 * scale)
    np.testing.assert_allclose(mixed.stress, double.stress, rtol=0, atol=1e-5 * (1 + np.abs(double.stress).max()))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    """Networks are computed in double: what is left is the error of the descriptors."""
    model = random_model(types=[2, 3], activations=activation + "tl")
    system = two_elements(scattered(25, 4.2 * TRICLINIC, seed=6))
    double, mixed = (Simulation(system, HDNNPotential(model, precision=p)) for p in ("double", "mixed"))
    want = double.snapshot().forces
    error = np.abs(mixed.snapshot().forces - want).max() / np.abs(want).max()
    assert 0 < error < 1e-5


@pytest.mark.parametrize("cutoff_type", [1, 2, 6])
def test_forces_are_the_gradient_of_the_energy_in_double(cutoff_type):
    """Fourth-order central differences with steps that are exact on the position grid."""
    model = random_model(cutoff_type=cutoff_type)
    system = two_elements(scattered(20, 4.0 * TRICLINIC, seed=5))
    forces = Simulation(system, HDNNPotential(model, precision="mixed")).snapshot().forces
    double = HDNNPotential(model)
    h = 2.0**-10
    for i, d in ((0, 0), (7, 1), (13, 2)):
        energies = {}
        for k in (-2, -1, 1, 2):
            moved = system.positions.copy()
            moved[i, d] += k * h
            shifted = System(system.box, moved, species=system.species, symbols=system.symbols, units="lj")
            energies[k] = Simulation(shifted, double).potential_energy
        slope = (8 * (energies[1] - energies[-1]) - (energies[2] - energies[-2])) / (12 * h)
        assert -slope == pytest.approx(forces[i, d], abs=1e-5 * (1 + np.abs(forces).max()))


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize(
    ("name", "length", "energy", "rms", "largest", "per_atom"),
    [  # eV/Angstrom, eV/Angstrom, eV: about twice what was measured
        ("H2O_RPBE-D3", "bohr", "hartree", 4e-6, 2e-5, 3e-7),  # forces of 0.78 eV/Angstrom (root mean square)
        ("Cu2S_PBE", "angstrom", "ev", 3e-6, 1e-5, 7e-7),  # 0.09 eV/Angstrom
    ],
)
def test_published_potentials(name, length, energy, rms, largest, per_atom):
    model = read_n2p2(REFERENCE / name, units={"length": length, "energy": energy})
    structure = next(iter(read_input_data(REFERENCE / name / "input.data")))
    unit = model.stated_units.angstrom
    system = System(Box(structure.cell * unit), structure.positions * unit, structure.symbols)
    double, mixed = (Simulation(system, HDNNPotential(model, precision=p)) for p in ("double", "mixed"))
    error = mixed.snapshot().forces - double.snapshot().forces
    assert 0 < np.sqrt(np.mean(error**2)) < rms
    assert np.abs(error).max() < largest
    assert abs(mixed.potential_energy - double.potential_energy) < per_atom * len(structure.positions)


@pytest.mark.filterwarnings("ignore:.* of 30 atoms out of range")
def test_energy_is_conserved():
    check_conservation("mixed")


def test_lists_do_not_matter():
    """The same bits with any skin."""
    system = two_elements(scattered(40, 5.0 * TRICLINIC, seed=9))
    potential = [HDNNPotential(random_model(), precision="mixed") for _ in range(3)]
    forces = [
        Simulation(system, p, skin=skin).snapshot().forces.tobytes()
        for p, skin in zip(potential, (0.1, 0.7, 1.5), strict=True)
    ]
    assert forces[0] == forces[1] == forces[2]


def test_refuses_another_precision():
    with pytest.raises(InputError, match="precision = 'single': expected one of double, mixed"):
        HDNNPotential(FEW, precision="single")


def test_test_vectors_are_checked_in_double():
    model = random_model()
    vectors = make_test_vectors(Answers(model, networks_of(model)))
    HDNNPotential(replace(model, test_vectors=vectors), precision="mixed")
    wrong = replace(vectors[0], energy=vectors[0].energy * (1 + 1e-8))
    with pytest.raises(InputError, match="test vector 0"):
        HDNNPotential(replace(model, test_vectors=(wrong,)), precision="mixed")
