"""What is known of species: isotopes of hydrogen, and names that are no elements?"""

from pathlib import Path

import numpy as np
import pytest

import mdcore
from mdcore import VelocityVerlet
from mdcore.base.elements import stranger
from mdcore.base.errors import InputError
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.pair.zbl import ZBL
from mdcore.structure.system import System
from mdcore.training.data import sources
from tests.test_text_files import INPUT_DATA

WATER = Path(__file__).parents[1] / "potentials" / "water_PBE0-TS.h5"


def water(isotopes, n=3, seed=2):
    """n^3 molecules on a lattice, whose hydrogens are the named ones in turn."""
    rng, box = np.random.default_rng(seed), mdcore.Box.cubic(3.1 * n)
    shape = np.array([[0, 0, 0], [0.757, 0.586, 0], [-0.757, 0.586, 0]])
    corners = 3.1 * np.array([[i, j, k] for i in range(n) for j in range(n) for k in range(n)])
    positions = (corners[:, None] + shape + rng.normal(0.0, 0.03, (n**3, 3, 3))).reshape(-1, 3)
    hydrogens = [isotopes[k % len(isotopes)] for k in range(2 * n**3)]
    names = [name for k in range(n**3) for name in ("O", *hydrogens[2 * k : 2 * k + 2])]
    return System(box, positions, names)


def test_masses():
    system = water(("H", "D", "T"))
    assert set(system.masses.tolist()) == {15.999, 1.008, 2.01410177812, 3.01604928199}
    assert System(system.box, [[0, 0, 0]], ["D"], masses={"D": 2.5}).masses[0] == 2.5


@pytest.mark.parametrize("isotopes", ["D", "T", "HD", "DH", "HDT"])
@pytest.mark.parametrize("precision", ["double", "mixed"])
def test_networks_take_isotopes_for_hydrogen(isotopes, precision):
    light, heavy = water("H"), water(isotopes)
    potential = HDNNPotential(read_model(WATER), precision=precision)
    want, found = (mdcore.evaluate(potential, system) for system in (light, heavy))
    tolerance = 1e-9 if precision == "double" else 1e-4  # sums within an atom have another order
    np.testing.assert_allclose(found.forces, want.forces, atol=tolerance)
    assert found.energy == pytest.approx(want.energy, abs=10 * tolerance)
    np.testing.assert_allclose(found.virial, want.virial, atol=100 * tolerance)
    assert np.abs(want.forces).max() > 0.1


def test_they_move_more_slowly():
    """The first step of hydrogen goes as the inverse of its mass."""
    moved = []
    for name in "HD":
        system = water(name)
        sim = Simulation(system, HDNNPotential(read_model(WATER)), VelocityVerlet(0.1))
        sim.run(1)
        order = np.argsort(sim.atoms.tags[: system.n_atoms])
        moved.append(sim.velocities[order][1::3])
    light, heavy = 1.008 * moved[0], 2.01410177812 * moved[1]
    np.testing.assert_allclose(light, heavy, atol=1e-2 * np.abs(light).max())


def test_committees_and_walls():
    potential = HDNNPotential(read_model(WATER))
    assert mdcore.evaluate(ZBL(0.5, 1.5), water("HD")).energy == mdcore.evaluate(ZBL(0.5, 1.5), water("H")).energy
    with pytest.raises(InputError, match="no network for species He"):
        mdcore.evaluate(potential, System(mdcore.Box.cubic(9), [[0, 0, 0]], ["He"]))


def test_isotopes_in_files(tmp_path):
    (tmp_path / "a.xyz").write_text("3\nenergy=1\nO 0 0 0\nD 0.7 0.6 0\nt -0.7 0.6 0\n")
    assert System.read(tmp_path / "a.xyz").names == ["O", "D", "T"]
    (one,) = sources.read(tmp_path / "a.xyz")
    assert one.symbols == ("O", "H", "H")
    (tmp_path / "input.data").write_text(INPUT_DATA.replace("1.0 0.0 H", "1.0 0.0 D"))
    (one,) = sources.read(tmp_path / "input.data", units={"length": "bohr", "energy": "hartree"})
    assert one.symbols == ("O", "H")
    content = "x\n2 atoms\n2 atom types\n0 9 xlo xhi\n0 9 ylo yhi\n0 9 zlo zhi\nMasses\n\n1 2.014\n2 15.999\n\n"
    (tmp_path / "a.data").write_text(content + "Atoms\n\n1 1 0 0 0\n2 2 0 0 1\n")
    assert System.read(tmp_path / "a.data").names == ["D", "O"]


def test_isotopes_for_ase():
    pytest.importorskip("ase")
    atoms = water("HD").to_ase()
    assert set(atoms.symbols) == {"O", "H"} and 2.01410177812 in atoms.get_masses()


@pytest.mark.parametrize("name", ["X", "Xx", "XX", "X1", "Bq", "Gh", "Gh1", "DUM", "LP", "MW"])
def test_ghosts_are_told(name):
    with pytest.raises(InputError, match=f"species '{name}' is not a chemical element.*; a ghost or dummy atom"):
        System(mdcore.Box.cubic(9), [[0, 0, 0]], [name])


@pytest.mark.parametrize(
    "name, element",
    [("H1", "H"), ("O_w", "O"), ("C-", "C"), ("Fe3+", "Fe"), ("HW1", "H"), ("Ow", "O"), ("Na+", "Na"), ("Arr", "Ar")],
)
def test_labels_are_told(name, element):
    with pytest.raises(InputError, match=f"not a chemical element and has no mass.*did you mean '{element}'"):
        System(mdcore.Box.cubic(9), [[0, 0, 0]], [name])
    assert "Dy" not in stranger(name)


@pytest.mark.parametrize("name", ["8", "1", "118"])
def test_numbers_are_told(tmp_path, name):
    (tmp_path / "a.xyz").write_text(f"1\nenergy=1\n{name} 0 0 0\n")
    with pytest.raises(InputError, match=r"a number: if it is the atomic number, call the column Z \(Z:I:1\)"):
        System.read(tmp_path / "a.xyz")
    with pytest.raises(InputError, match=r"unknown element '.*'; a number"):
        sources.read(tmp_path / "a.xyz")


@pytest.mark.parametrize("name", ["Qq", "?", "-", "\u03b1", "Zzzz"])
def test_strangers_are_left_alone(name):
    assert stranger(name) == ""


def test_formats_that_know_no_deuterium_say_so(tmp_path):
    pytest.importorskip("ase")
    path = tmp_path / "POSCAR"
    path.write_text("heavy\n1.0\n9 0 0\n0 9 0\n0 0 9\nO D\n1 2\nCartesian\n0 0 0\n1 0 0\n0 1 0\n")
    with pytest.raises(InputError, match=r"it knows no D, which has its mass in \.extxyz; or write H"):
        System.read(path)
