"""Are data files of LAMMPS that we write what LAMMPS, and we, read?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore import Box, InputError, LennardJones, System, evaluate, maxwell_boltzmann
from mdcore.cli import main
from mdcore.structure.lammps_write import write_data

LJ = LennardJones(6.0, epsilon=0.01, sigma=0.7)
CELLS = {
    "cubic": np.eye(3) * 9.0,
    "lower": [[9.0, 0, 0], [2.0, 8.5, 0], [-1.0, 1.5, 9.5]],
    "any": [[6.0, 5.0, -2.0], [-4.0, 8.0, 1.0], [2.0, 1.0, 9.0]],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(system, path="a.data") -> System:
    with open(path, "w") as stream:
        write_data(stream, system)
    return System.read(path, units=system.units)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("charged", [False, True])
@pytest.mark.parametrize("bonded", [False, True])
def test_it_comes_back(cell, charged, bonded):
    rng = np.random.default_rng(3)
    box = Box(CELLS[cell], origin=(1.0, -2.0, 0.5))
    system = System(box, box.cartesian(rng.random((12, 3)) * 3.0 - 1.0), ["O", "H", "H"] * 4)
    maxwell_boltzmann(system, 300.0, seed=2)
    if charged:
        system.charges = rng.normal(size=12)
    if bonded:
        system.bonds = [[0, 1, 1], [0, 2, 2], [3, 4, 1]]
    back = written(system)
    assert back.names == system.names and back.masses == pytest.approx(system.masses)
    assert back.box.volume == pytest.approx(box.volume) and back.box.matrix[0, 1] == back.box.matrix[1, 2] == 0.0
    one, other = evaluate(LJ, system), evaluate(LJ, back)
    assert other.energy == pytest.approx(one.energy, rel=1e-8)
    assert np.linalg.norm(other.forces, axis=1) == pytest.approx(np.linalg.norm(one.forces, axis=1), abs=1e-9)
    power = np.einsum("ij,ij->", one.forces, system.velocities)  # velocities turn with the forces
    assert np.einsum("ij,ij->", other.forces, back.velocities) == pytest.approx(power, abs=1e-11)
    assert (back.charges is None) == (not charged) and back.bonds.tolist() == system.bonds.tolist()
    if charged:
        assert back.charges.tolist() == system.charges.tolist()
    if cell != "any":
        assert np.array_equal(back.positions, system.box.wrap(system.positions)[0])


def test_molecules_are_what_bonds_join():
    system = System(Box.cubic(20.0), np.arange(15).reshape(5, 3), "C")
    system.bonds = [[0, 3], [3, 4]]
    written(system)
    rows = Path("a.data").read_text().split("Atoms # bond\n\n")[1].splitlines()[:5]
    assert [row.split()[1] for row in rows] == ["1", "2", "3", "1", "1"]


def test_what_has_no_room():
    with pytest.raises(InputError, match="left-handed"):
        written(System(Box(np.diag([9.0, 9.0, -9.0])[[0, 1, 2]]), [[0, 0, 0]], "C"))
    with pytest.raises(InputError, match="several masses"):
        written(System(Box.cubic(9.0), [[0, 0, 0], [1, 1, 1]], "H", masses=[1.0, 2.0]))


def test_the_command(capsys):
    Path("a.xyz").write_text('2\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\nO 1 2 3\nH 1 2 4\n')
    assert main(["convert", "a.xyz", "a.data"]) == 0
    assert "units metal; atom_style atomic; boundary p p p" in capsys.readouterr().out
    assert main(["convert", "a.data", "b.extxyz"]) == 0
    assert System.read("b.extxyz").positions.tolist() == [[1, 2, 3], [1, 2, 4]]
    assert main(["convert", "a.xyz", "a.data"]) == 4 and main(["convert", "a.xyz", "a.xyz"]) == 2
    assert main(["convert", "a.xyz", "c.data", "--walls", "off"]) == 2
    assert main(["convert", "none.xyz", "c.data"]) == 2 and not Path("c.data").exists()
    assert main(["convert", "a.xyz", "a.pdb"]) == 2
    assert "a.pdb: a.xyz is a structure; one becomes a data file of LAMMPS" in capsys.readouterr().err


def test_lammps_and_ase_read_it():
    pytest.importorskip("ase")
    from ase.io import read

    box = Box(CELLS["any"])
    system = System(box, box.cartesian(np.random.default_rng(1).random((6, 3))), ["O", "H", "H"] * 2)
    written(system)
    atoms = read("a.data", format="lammps-data")
    assert atoms.get_chemical_symbols() == system.names
    own = evaluate(LJ, system).energy
    assert evaluate(LJ, atoms).energy == pytest.approx(own, rel=1e-7)
