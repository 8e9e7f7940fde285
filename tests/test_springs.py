"""Does a potential that names atoms find them, in any cell and on any number of ranks?"""

import numpy as np
import pytest

from mdcore import LennardJones, Simulation, Sum, evaluate
from mdcore.structure.system import System
from tests import contract
from tests.mpi import mpirun, needs_mpi
from tests.springs import Springs, molecules
from tests.systems import TRICLINIC, cells, scattered

CELLS = {name: system for name, system in cells(2.5) if system.n_atoms > 2}


def springs(system) -> Springs:
    """From each atom to the next one, as long as they must be."""
    tags = np.arange(system.n_atoms)
    reach = np.abs(system.box.matrix).sum() + np.ptp(system.box.wrap(system.positions)[0], axis=0).sum()
    return Springs(np.stack([tags, np.roll(tags, 1)], axis=1), float(min(reach, 12.0)))


@pytest.mark.parametrize(
    "check",
    [
        contract.assert_forces_match_energy,
        contract.assert_stress_matches_energy,
        contract.assert_atom_energies_add_up,
        contract.assert_translation_changes_nothing,
        contract.assert_rotation_turns_forces,
        contract.assert_list_does_not_matter,
        contract.assert_sums_are_of_multiples,
    ],
    ids=lambda check: check.__name__.removeprefix("assert_"),
)
@pytest.mark.parametrize("cell", CELLS)
def test_keeps_the_contract(cell, check):
    found = CELLS[cell]
    atoms = System(found.box, found.positions, "A", masses=[1.0] * found.n_atoms, units="lj")
    check(springs(atoms), atoms)


@pytest.mark.parametrize("matrix", [5.0 * np.eye(3), 5.0 * TRICLINIC])
def test_the_nearest_image(matrix):
    """Against all images within two cells."""
    system, pairs = molecules(30, matrix)
    found = evaluate(Springs(pairs, 7.0), system)
    images = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3) @ system.box.matrix
    r = system.positions[pairs[:, 1]] - system.positions[pairs[:, 0]]
    d = np.linalg.norm(r[:, None] + images, axis=2).min(axis=1)
    assert abs(found.energy - (1.5 * (d - 1.0) ** 2).sum()) < 1e-9


def test_beside_a_pair_potential_with_a_shorter_list():
    system, pairs = molecules()
    lj, bonds = LennardJones(1.5, 1.0, 0.6), Springs(pairs, 7.0)
    one, other, both = (Simulation(system, own, skin=0.4) for own in (lj, bonds, Sum(lj, bonds)))
    assert both.forces.tobytes() == (one.forces + other.forces).tobytes()
    assert both.neighbors.of(lj).list is not None and both.neighbors.of(lj).rows is None
    assert one.neighbors.rows is None  # nobody asked


def test_owned_rows_are_found_whatever_is_asked():
    sim = Simulation(scattered(20, 4.0 * TRICLINIC), Springs([[0, 1]], 5.0))
    rows = sim.neighbors.rows.owned(sim.atoms, np.array([3, 500, 0]))
    assert sim.atoms.tags[rows[[0, 2]]].tolist() == [3, 0] and rows[1] == -1


@needs_mpi[0]
@needs_mpi[1]
def test_same_bits_on_any_number_of_ranks(tmp_path):
    runs = []
    for ranks in (1, 2, 3):
        mpirun(ranks, "-m", "tests.springs", tmp_path)
        runs.append(np.load(tmp_path / f"{ranks}.npz"))
    for other in runs[1:]:
        for name in runs[0].files:
            assert other[name].tobytes() == runs[0][name].tobytes(), name
