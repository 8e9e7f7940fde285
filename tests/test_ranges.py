"""Are numbers that can't be computed with refused where they enter, and lattices the same by whatever vectors?"""

from dataclasses import replace

import numpy as np
import pytest

import mdcore
from mdcore import Box, LennardJones, Simulation, System, VelocityVerlet
from mdcore.base.errors import InputError, SimulationError
from mdcore.potentials.networks.hdnnp import HDNNPotential
from tests.reference.hdnnp_models import random_model
from tests.systems import SKEW, scattered

LJ = {"cutoff": 8.5, "epsilon": 0.01, "sigma": 3.4}
FOUR = np.array([[0.0, 0, 0], [3.8, 0, 0], [0, 3.8, 0], [4, 4, 4.2]])


@pytest.mark.parametrize("far", [1.5e8, 1e12, 1e18, 1e300, -1e9, np.inf, np.nan])
@pytest.mark.parametrize("periodic", [True, False, (True, False, True)])
def test_positions_have_a_range(far, periodic):
    positions = FOUR.copy()
    positions[2, 1] = far
    for make in (
        lambda: System(Box.cubic(12.0, periodic), positions, "Ar"),
        lambda: Box.completed(np.zeros((3, 3)), False, positions),
    ):
        with pytest.raises(InputError, match=r"atom 2 \(counting from 0\)"):
            make()


def test_calculators_of_ase_keep_it_too():
    ase = pytest.importorskip("ase")
    from mdcore.ase import MDCore

    atoms = ase.Atoms("Ar4", FOUR, cell=[12, 12, 12], pbc=True, calculator=MDCore(LennardJones(**LJ)))
    atoms.get_forces()
    atoms.positions[3, 0] = 1e12
    with pytest.raises(InputError, match=r"atom 3 .* coordinates go up to \+-1e\+08"):
        atoms.get_forces()


@pytest.mark.parametrize("far", [12e3, 12e6])
def test_images_are_counted_as_far_as_that(far):
    """An atom that is many cells away acts as in the cell: each position as well as its digits say."""
    positions = FOUR.copy()
    positions[1, 0] += far
    found, want = (mdcore.evaluate(LennardJones(**LJ), System(Box.cubic(12.0), x, "Ar")) for x in (positions, FOUR))
    np.testing.assert_allclose(found.forces, want.forces, atol=1e-8)


def test_a_cell_too_small_to_count_images():
    with pytest.raises(InputError, match="cells away from the cell"):
        Box.cubic(0.02).wrap([[0.0, 9e7, 0.0]])


@pytest.mark.parametrize(
    ("matrix", "what"),
    [
        (np.diag([12.0, 1e9, 12.0]), "cell matrix = .*: coordinates go up to"),
        (np.diag([12.0, 1e300, 12.0]), "cell matrix = .*: coordinates go up to"),
        ([[12.0, 0, 0], [1e8, 1e-3, 0], [0, 0, 12]], "lie in one plane, or nearly"),
    ],
)
def test_cells_have_a_range(matrix, what):
    with pytest.raises(InputError, match=what):
        Box(matrix)


def test_a_cell_narrower_than_anything():
    with pytest.raises(InputError, match="wide along a"):
        mdcore.evaluate(LennardJones(**LJ), System(Box.cubic(1e-4), [[0.0, 0, 0]], "Ar"))


LEANING = [
    [[1, 0, 0], [100, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [-70000, 1, 0], [3, 5, 1]],
    [[1, 200, -31], [0, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [12, 1, 0], [-40, 36, 1]],
    [[13, 21, 0], [8, 13, 0], [0, 0, 1]],
]


@pytest.mark.parametrize("combination", LEANING)
@pytest.mark.parametrize("shape", [np.eye(3), SKEW])
def test_a_lattice_is_the_same_by_any_vectors(combination, shape):
    """Vectors with few digits, so that whole combinations of them are exact."""
    system = scattered(12, np.round(8.0 * shape, 6), closest=0.9)
    matrix = np.array(combination) @ system.box.matrix
    leaning = System(Box(matrix), system.positions, system.species, system.symbols, masses=system.masses, units="lj")
    lj = LennardJones(2.5, 1.0, 1.0)
    found, want = mdcore.evaluate(lj, leaning), mdcore.evaluate(lj, system)
    assert found.energy == pytest.approx(want.energy, rel=1e-8)
    np.testing.assert_allclose(found.forces, want.forces, atol=1e-6)
    np.testing.assert_allclose(found.stress, want.stress, atol=1e-8)


def test_a_leaning_cell_is_reported_as_it_was_given():
    matrix = [[12.0, 0, 0], [12e4 + 1, 12, 0], [0, 0, 12]]
    short = Box([[12.0, 0, 0], [1, 12, 0], [0, 0, 12]])
    runs = []
    for box in (Box(matrix), short):
        sim = Simulation(System(box, FOUR, "Ar"), LennardJones(**LJ), VelocityVerlet(2.0))
        sim.run(200)
        shot = sim.snapshot()
        again = Simulation(sim.system, LennardJones(**LJ), VelocityVerlet(2.0), state=sim.state()).snapshot()
        np.testing.assert_array_equal(again.positions, shot.positions)
        np.testing.assert_array_equal(again.images, shot.images)
        np.testing.assert_array_equal(shot.box.matrix, box.matrix)
        assert (np.abs(box.fractional(shot.positions) - 0.5) <= 0.5).all()
        runs.append(shot.positions + shot.images @ shot.box.matrix)
    np.testing.assert_allclose(*runs, atol=1e-6)


def test_only_periodic_vectors_are_taken_off():
    box = Box([[12.0, 0, 0], [200.0, 12, 0], [0, 500, 12]], (True, False, False)).reduced()
    np.testing.assert_array_equal(box.matrix, [[12.0, 0, 0], [-4.0, 12, 0], [0, 500, 12]])


# --- energies ----------------------------------------------------------------------------------


def test_an_offset_that_no_sum_can_hold():
    model = random_model(types=[2, 3])
    offsets = [2e8 for _ in model.elements]
    with pytest.raises(InputError, match=r"energy offset of \w+ is 2e\+08 eV.* take a constant off"):
        HDNNPotential(replace(model, atom_energies=offsets))


def test_a_network_whose_energy_no_sum_can_hold():
    """The offset of the last layer puts every atom beyond 64 bits; forces are as before."""
    model = random_model(types=[2, 3])
    networks = []
    for network in model.networks:
        networks.append(replace(network, biases=(*network.biases[:-1], network.biases[-1] + 3e9)))
    potential = HDNNPotential(replace(model, networks=tuple(networks)))
    system = scattered(8, 6.0 * np.eye(3), symbols=tuple(model.elements), closest=1.0)
    system = System(system.box, system.positions, system.names)
    with pytest.raises(SimulationError, match=r"energy of atom 0 \(counting from 0\) is beyond \+-1.34e\+08 eV"):
        mdcore.evaluate(potential, system)
    with pytest.raises(SimulationError, match="step 0: the energy of atom 0"):
        _ = Simulation(system, potential, VelocityVerlet(0.1)).potential_energy


# --- numbers from Python -----------------------------------------------------------------------------

STRANGE = [
    np.nan, np.inf, -np.inf, 1e308, 5e-324, 1e-320, -1.0, True, "3", None, 2**64, 10**400, [1.0], np.array([1.0, 2.0]),
    1e15, 0, -0.0, 1j,
]  # fmt: skip


def argon():
    return System.build("fcc", 5.26, "Ar", (2, 2, 2))


def run(system=None, potential=None, integrator=None, **options):
    Simulation(system or argon(), potential or LennardJones(**LJ), integrator or VelocityVerlet(1.0), **options).run(1)


def pair(**options):
    return System(Box.cubic(10.0), [[0.0, 0, 0], [3.5, 0, 0]], "Ar", **options)


TAKERS = {
    "lj cutoff": lambda v: run(potential=LennardJones(v, 0.01, 3.4)),
    "lj epsilon": lambda v: run(potential=LennardJones(6.0, v, 3.4)),
    "lj sigma": lambda v: run(potential=LennardJones(6.0, 0.01, v)),
    "zbl inner": lambda v: run(potential=mdcore.ZBL(v, 2.0)),
    "zbl cutoff": lambda v: run(potential=mdcore.ZBL(0.5, v)),
    "timestep": lambda v: run(integrator=VelocityVerlet(v)),
    "bath": lambda v: run(integrator=mdcore.Langevin(1.0, v, 0.01)),
    "friction": lambda v: run(integrator=mdcore.Langevin(1.0, 50.0, v)),
    "temperature": lambda v: mdcore.maxwell_boltzmann(argon(), v, 1),
    "seed of velocities": lambda v: mdcore.maxwell_boltzmann(argon(), 50.0, v),
    "skin": lambda v: run(skin=v),
    "seed": lambda v: run(seed=v),
    "grid": lambda v: run(processor_grid=(v, 1, 1)),
    "velocity": lambda v: run(pair(velocities=[[v, 0, 0], [0, 0, 0]])),
    "mass": lambda v: run(pair(masses=[v, 1.0])),
    "mass of a species": lambda v: run(pair(masses={"Ar": v})),
    "charge": lambda v: pair(charges=[v, 1.0]),
    "position": lambda v: System(Box.cubic(10.0), [[v, 0, 0]], "Ar"),
    "cell": lambda v: Box([[v, 0, 0], [0, 5, 0], [0, 0, 5]]),
    "angle": lambda v: Box.from_parameters(5, 5, 5, v, 90, 90),
    "lattice": lambda v: System.build("fcc", v, "Ar"),
    "density": lambda v: System.build("fcc", density=v, species="Ar"),
    "c over a": lambda v: System.build("hcp", 3.0, "Ar", c_over_a=v),
    "copies": lambda v: argon().replicate((v, 1, 1)),
}


@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.filterwarnings("error")
def test_numbers_are_looked_at_where_they_enter(name):
    for value in STRANGE:
        try:
            TAKERS[name](value)
        except (InputError, SimulationError):
            continue
        except Exception as error:
            pytest.fail(f"{name} = {value!r}"[:200] + f": {type(error).__name__}: {error}")
