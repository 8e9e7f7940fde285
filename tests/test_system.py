"""Are systems complete and checked, and do built crystals have the known neighbours and densities?"""

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.structure.box import Box
from mdcore.structure.system import System

# kind, neighbours in the first shell, their distance / a, atoms a cell
SHELLS = [
    ("sc", 6, 1.0, 1),
    ("bcc", 8, np.sqrt(3) / 2, 2),
    ("fcc", 12, np.sqrt(1 / 2), 4),
    ("hcp", 12, 1.0, 4),
    ("diamond", 4, np.sqrt(3) / 4, 8),
]


def distances(system, atom):
    shifts = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    images = system.positions[None] + (shifts @ system.box.matrix)[:, None]
    r = np.linalg.norm(images - system.positions[atom], axis=-1).ravel()
    return np.sort(r)[1:]  # without itself


@pytest.mark.parametrize("kind, n_neighbors, shell, n_cell", SHELLS)
@pytest.mark.parametrize("repeat", [(1, 1, 1), (3, 1, 2)])
def test_first_shells_of_crystals(kind, n_neighbors, shell, n_cell, repeat):
    a = 4.0
    system = System.build(kind, a, "Cu", repeat)
    assert system.n_atoms == n_cell * np.prod(repeat)
    assert system.box.is_orthorhombic
    for atom in range(system.n_atoms):
        r = distances(system, atom)
        np.testing.assert_allclose(r[:n_neighbors], shell * a, rtol=1e-12)
        assert r[n_neighbors] > shell * a * 1.05


@pytest.mark.parametrize(
    "kind, species, a, density, c_over_a",
    [  # lattice constants and densities (g/cm3) at room temperature: CRC Handbook, 97th edition
        ("fcc", "Cu", 3.6149, 8.93, None),
        ("bcc", "Fe", 2.8665, 7.87, None),
        ("diamond", "Si", 5.4310, 2.33, None),
        ("hcp", "Mg", 3.2094, 1.74, 1.6236),
        ("sc", "Po", 3.359, 9.2, None),
    ],
)
def test_densities_of_known_crystals(kind, species, a, density, c_over_a):
    system = System.build(kind, a, species, (2, 2, 2), c_over_a=c_over_a)
    assert system.density == pytest.approx(density, rel=5e-3)
    again = System.build(kind, species=species, density=system.density, c_over_a=c_over_a)
    assert again.info["lattice_constant"] == pytest.approx(a, rel=1e-12)


def test_rahmans_argon_and_the_lj_melt():
    argon = System.build("fcc", species="Ar", repeat=(6, 6, 6), density=1.374)
    assert argon.n_atoms == 864 and argon.box.matrix[0, 0] == pytest.approx(34.68, abs=0.01)
    melt = System.build("fcc", repeat=(2, 2, 2), density=0.8442, units="lj")
    assert melt.n_atoms / melt.box.volume == pytest.approx(0.8442)
    assert melt.symbols == ("A",) and (melt.masses == 1.0).all() and melt.density == pytest.approx(0.8442)


def test_replicate_repeats_every_column_and_shape():
    rng = np.random.default_rng(3)
    box = Box([[9, 0.3, -0.2], [2, 8, 0.5], [-1.5, 3, 7]], (True, True, False), (1, 2, 3))
    small = System(
        box, rng.normal(size=(4, 3)), ["Na", "Cl", "Na", "Cl"], velocities=rng.normal(size=(4, 3)),
        charges=[1, -1, 1, -1], info={"energy": 1.0, "source": "x"},
    )  # fmt: skip
    large = small.replicate((2, 1, 3))
    assert large.n_atoms == 24 and large.box.volume == pytest.approx(6 * box.volume)
    assert large.box.periodic == box.periodic and np.array_equal(large.box.origin, box.origin)
    assert large.names == small.names * 6 and "energy" not in large.info
    np.testing.assert_array_equal(large.velocities, np.tile(small.velocities, (6, 1)))
    np.testing.assert_array_equal(large.charges, np.tile(small.charges, 6))
    np.testing.assert_allclose(large.positions[4:8], small.positions + box.matrix[2])
    np.testing.assert_allclose(large.positions[-4:], small.positions + box.matrix[0] + 2 * box.matrix[2])


def test_arrays_are_copied_in():
    positions = np.zeros((1, 3))
    system = System(Box.cubic(5), positions, "Ar")
    positions[0, 0] = 1.0
    assert system.positions[0, 0] == 0.0
    assert system.positions.flags.c_contiguous and system.species.dtype == np.int32


def test_ase_round_trip():
    ase = pytest.importorskip("ase")
    rng = np.random.default_rng(5)
    box = Box([[9, 0.3, -0.2], [2, 8, 0.5], [-1.5, 3, 7]], (True, False, True))
    system = System(
        box, rng.normal(size=(3, 3)), ["Na", "Cl", "Na"], velocities=rng.normal(size=(3, 3)),
        charges=[1, -1, 0],
    )  # fmt: skip
    atoms = system.to_ase()
    back = System.from_ase(atoms)
    assert back.box == system.box and back.names == system.names
    np.testing.assert_array_equal(back.positions, system.positions)
    np.testing.assert_array_equal(back.masses, system.masses)
    np.testing.assert_array_equal(back.charges, system.charges)
    np.testing.assert_allclose(back.velocities, system.velocities, rtol=1e-15)
    kinetic = 0.5 * np.sum(system.masses[:, None] * (system.velocities * system.units.velocity) ** 2)
    assert atoms.get_kinetic_energy() == pytest.approx(kinetic)
    heavy = System.from_ase(ase.Atoms("H2", [[0, 0, 0], [1, 0, 0]]), masses={"H": 2.0})
    assert heavy.box.periodic == (False, False, False) and (heavy.masses == 2.0).all()


ATOM = [[0.0, 0.0, 0.0]]
BOX = Box.cubic(5.0)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: System(BOX, [[0, 0]], "Ar"), "positions: expected n x 3"),
        (lambda: System(BOX, [], "Ar"), "positions: "),
        (lambda: System(BOX, np.zeros((0, 3)), "Ar"), "no atoms"),
        (lambda: System(BOX, [[0, 0, np.nan]], "Ar"), r"positions: atom 0 .*not finite"),
        (lambda: System(BOX, [["x", 0, 0]], "Ar"), "expected numbers"),
        (lambda: System(BOX, [[1j, 0, 0]], "Ar"), "expected numbers"),
        (lambda: System(BOX, ATOM, "Argon"), "no chemical element|not a chemical element"),
        (lambda: System(BOX, ATOM, ["Ar", "Ar"]), "expected 1 integers or names"),
        (lambda: System(BOX, ATOM, [1], ("Ar",)), "indices must lie in 0..0"),
        (lambda: System(BOX, ATOM, [0], ("A r",), units="lj"), "without blanks"),
        (lambda: System(BOX, ATOM, [0], ("A", "A"), units="lj"), "must differ"),
        (lambda: System(BOX, ATOM, "Ar", masses=[-1.0]), "masses must be positive"),
        (lambda: System(BOX, ATOM, "Ar", masses={"Ar": 0}), "mass of Ar = 0"),
        (lambda: System(BOX, ATOM, "Ar", velocities=[[0, 0, 0], [0, 0, 0]]), "velocities: expected 1 x 3"),
        (lambda: System(BOX, ATOM, "Ar", units="SI"), 'expected "metal" or "lj"'),
        (lambda: System.build("cubic", 1.0, "Ar"), "expected one of sc, bcc, fcc"),
        (lambda: System.build("fcc", -1.0, "Ar"), "lattice_constant = -1.0: expected a positive"),
        (lambda: System.build("fcc", None, "Ar", density=0.0), "density = 0.0: expected a positive"),
        (lambda: System.build("fcc", None, "Ar", density="1"), "expected a positive number"),
        (lambda: System.build("fcc", None, "Ar"), "give either lattice_constant or density"),
        (lambda: System.build("fcc", 1.0, "Ar", density=1.0), "give either"),
        (lambda: System.build("fcc", 1.0), "species = None"),
        (lambda: System.build("fcc", 1.0, "Ar", c_over_a=1.6), 'applies to "hcp" only'),
        (lambda: System.build("fcc", 1.0, "Ar", (1, 0, 1)), "three positive integers"),
        (lambda: System.build("fcc", 1.0, "Ar", (1, 1)), "three positive integers"),
        (lambda: System.build("fcc", 1.0, "Ar", 2), "three positive integers"),
    ],
)
def test_incomplete_systems_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
