"""Do the scripts of inputs/lithium make the structures and the pseudopotential that they say, tell pw.x what a metal's
numbers are, and read what it answers?
"""

import importlib
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from ase.units import Bohr, Rydberg

FOLDER = Path(__file__).resolve().parents[1] / "inputs" / "lithium"
MODULES = "espresso", "label", "crystals", "metal"


@pytest.fixture(scope="module")
def scripts():
    """Those of the folder, by their names, which are gone from sys.modules afterwards."""
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in MODULES}
    sys.path.remove(str(FOLDER))
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def espresso(scripts):
    return scripts["espresso"]


@pytest.fixture(scope="module")
def crystals(scripts):
    return scripts["crystals"].CRYSTALS


def test_pseudopotential(espresso):
    """The local part is that of one proton far out (-2/r Ry), finite inside; projector and density are normalised."""
    root = ElementTree.fromstring(espresso.pseudopotential())
    r, step, local, projector, guess = (
        np.array(root.find(f".//{name}").text.split(), float)
        for name in ("PP_R", "PP_RAB", "PP_LOCAL", "PP_BETA.1", "PP_RHOATOM")
    )
    far = r > 6.0
    assert far.sum() > 100
    np.testing.assert_allclose(local[far] * r[far], -2.0, rtol=1e-10)
    core = np.argmin(r)
    lowest = 2.0 * (espresso.SHAPE[0] - np.sqrt(2.0 / np.pi) / espresso.LOCAL)
    assert local[core] == pytest.approx(lowest, rel=1e-5)
    assert np.sum(projector**2 * step) == pytest.approx(1.0, abs=1e-6)
    assert np.sum(guess * step) == pytest.approx(1.0, abs=1e-6)
    near = int(root.find(".//PP_BETA.1").get("cutoff_radius_index"))
    assert abs(projector[near]) < 1e-10
    assert float(root.find(".//PP_DIJ").text) == 2.0 * espresso.STRENGTH


def test_points_of_k_go_with_the_edges(espresso, crystals):
    lithium, aluminium = crystals["lithium"].dft, crystals["aluminium"].dft
    cell = Atoms(cell=[3.38, 6.76, 20.6])
    assert espresso.points(cell, lithium.fine) == [12, 6, 2]
    assert espresso.points(cell, lithium.slabs) == [8, 4, 1]
    assert espresso.points(Atoms(cell=[3 * 3.38] * 3), lithium.coarse) == [2, 2, 2]
    edge = aluminium.lattice / np.sqrt(2.0)
    assert espresso.points(Atoms(cell=[edge] * 3), aluminium.fine) == [12, 12, 12]
    assert espresso.points(Atoms(cell=[edge, edge, 20.0]), aluminium.slabs) == [7, 7, 1]
    assert espresso.points(Atoms(cell=[np.sqrt(3.0) * aluminium.lattice] * 3), aluminium.coarse) == [3, 3, 3]


@pytest.mark.parametrize(("name", "atoms", "apart"), [("lithium", 54, 3.0), ("aluminium", 16, np.sqrt(3.0))])
def test_cells_that_move(crystals, name, atoms, apart):
    """So many atoms; the images of one are `apart` edges of the cube away."""
    crystal = crystals[name]
    cell = crystal.many()
    assert len(cell) == atoms
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3)
    distances = np.linalg.norm(steps @ cell.cell.array, axis=1)
    assert np.sort(distances)[1] == pytest.approx(apart * crystal.lattice)


FACES = [("lithium", {(1, 0, 0): 4}), ("aluminium", {(1, 0, 0): 8, (1, 1, 1): 9})]


@pytest.mark.parametrize(("name", "neighbours"), FACES)
def test_slabs_have_the_faces_asked_for(scripts, crystals, name, neighbours):
    """Atoms at the surface lack the neighbours which that face takes: bcc (100) 4 of 8, fcc (100) 4, (111) 3 of 12."""
    crystal, nearest = crystals[name], {"bcc": np.sqrt(0.75), "fcc": np.sqrt(0.5)}[crystals[name].structure]
    for face, at_surface in neighbours.items():
        (slab,) = scripts["label"].slabs(crystal, [face], [0.001], np.random.default_rng(1))
        slab.pbc[2] = False
        top = int(np.argmax(slab.positions[:, 2]))
        assert np.sum(neighbor_list("i", slab, 1.1 * nearest * crystal.lattice) == top) == at_surface


@pytest.mark.parametrize("name", ["lithium", "aluminium"])
def test_faces_held_back_are_not_trained_on(crystals, name):
    train, held = crystals[name].faces
    assert not set(train) & set(held)


def test_what_pw_is_told(scripts, crystals, espresso, monkeypatch, tmp_path):
    """Numbers of the metal, its file, and points of k by the kind of structure; energies are brought to the finest."""
    told = []

    def run(command, input, cwd, **options):
        assert command == ["pw.x"]
        assert (Path(cwd) / "Al.UPF").read_text() == "of aluminium"
        told.append(input)
        n = int(input.split("nat = ")[1].split(",")[0])
        mesh = int(input.split("K_POINTS automatic\n")[1].split()[0])
        forces = "".join(f"atom {i} type 1 force = 0.0 0.0 0.0\n" for i in range(n))
        return subprocess.CompletedProcess(command, 0, f"!    total energy = {-n * (4.0 + 0.1 / mesh)} Ry\n{forces}")

    (tmp_path / "Al.pz-vbc.UPF").write_text("of aluminium")
    monkeypatch.setattr(scripts["crystals"], "FOLDERS", (str(tmp_path), "/nowhere"))
    monkeypatch.setattr(espresso.subprocess, "run", run)
    oracle = espresso.Espresso(crystals["aluminium"])
    hot, unit = oracle.scaled(crystals["aluminium"].many()), oracle.scaled(crystals["aluminium"].unit())
    hot.info["tag"], unit.info["tag"] = "hot 300 K", "strained"
    for atoms, mesh in (hot, "3 3 3"), (unit, "12 12 12"):
        energy, forces = oracle(atoms)
        assert f"{mesh} 1 1 1" in told[-1] and "ecutwfc = 12.0" in told[-1] and "degauss = 0.1" in told[-1]
        assert energy / len(atoms) == pytest.approx(-(4.0 + 0.1 / 12) * Rydberg)
        assert forces.shape == (len(atoms), 3)


def test_no_file_of_a_pseudopotential(scripts, monkeypatch):
    monkeypatch.setattr(scripts["crystals"], "FOLDERS", ("", "/nowhere"))
    with pytest.raises(FileNotFoundError, match=r"Al\.pz-vbc\.UPF.*ESPRESSO_PSEUDO"):
        scripts["crystals"].pseudopotential("Al.pz-vbc.UPF")


def test_perturbation_theory_has_lithium_alone(scripts, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["label.py", "--metal", "aluminium"])
    with pytest.raises(SystemExit):
        scripts["label"].main()
    assert "say --dft" in capsys.readouterr().err


TOLD = """
     total energy              =     -28.10000000 Ry
!    total energy              =     -28.25000000 Ry
     Forces acting on atoms (cartesian axes, Ry/au):
     atom    1 type  1   force =     0.01000000   -0.02000000    0.00000000
     atom    2 type  1   force =    -0.01000000    0.02000000    0.00000000
     The non-local contrib.  to forces
     atom    1 type  1   force =     9.00000000    9.00000000    9.00000000
"""


def test_answer(espresso):
    energy, forces = espresso.answer(TOLD, 2)
    assert energy == pytest.approx(-28.25 * Rydberg)
    np.testing.assert_allclose(forces, np.array([[0.01, -0.02, 0.0], [-0.01, 0.02, 0.0]]) * Rydberg / Bohr)


@pytest.mark.parametrize("text", ["", TOLD.replace("!", " "), TOLD.split("     atom    2")[0]])
def test_no_answer(espresso, text):
    with pytest.raises(RuntimeError, match="no energy or no forces"):
        espresso.answer(text, 2)
