"""Phonons: are they those of the dynamical matrix, in any order of atoms, units and cell?"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mdcore import Coulomb, InputError, LennardJones, SimulationError, Sum, System, evaluate, phonons
from mdcore.base.units import FEMTOSECOND
from mdcore.cli import main
from tests.mpi import mpirun, needs_mpi
from tests.test_minimise import INPUT
from tests.test_properties import ARGON, CUTOFF, EPSILON, SIGMA, crystal

pytest.importorskip("phonopy", reason="phonopy is not installed")
pytest.importorskip("ase")
THZ = 1e3 * FEMTOSECOND / (2.0 * np.pi)


def dynamical(cell, q, mass=39.948):
    """Frequencies, THz, at q (Cartesian) of a crystal of one atom a cell: central differences of forces on the atoms
    of 6 x 6 x 6 cells (7 Angstrom reach two)."""
    n, h = 5, 0.001
    shifts = np.array(np.meshgrid(*[np.arange(n)] * 3, indexing="ij")).reshape(3, -1).T
    r = shifts @ cell
    super_ = System(type(crystal().box)(n * cell), r, "Ar")
    d = np.zeros((3, 3), dtype=complex)
    near = (shifts + n // 2) % n - n // 2
    for k in range(3):
        forces = []
        for sign in (1.0, -1.0):
            super_.positions = r + sign * h * np.eye(3)[k] * (np.arange(len(r)) == 0)[:, None]
            forces.append(evaluate(ARGON, super_).forces)
        d[k] = -np.exp(1j * near @ cell @ q) @ (forces[0] - forces[1]) / (2.0 * h) / mass
    return np.sqrt(np.linalg.eigvalsh(0.5 * (d + d.conj().T)).clip(0.0)) * THZ


def at(found, name):
    return found.frequencies[dict(found.points)[name]]


def test_frequencies_are_those_of_the_dynamical_matrix():
    found = phonons(ARGON, crystal(1), path="GXL", mesh=6, relaxed="nothing")
    assert found.repeat == (3, 3, 3) and found.calls == 1 and found.is_stable and found.unit == "THz"
    for name in "XL":
        q = 2.0 * np.pi * np.linalg.solve(found.primitive, found.q[dict(found.points)[name]])
        assert at(found, name) == pytest.approx(dynamical(found.primitive, q), rel=1e-3)
    assert np.trapezoid(found.density, found.levels) == pytest.approx(3.0, rel=0.01)


def test_acoustic_sum_rule():
    """Forces of a displaced atom add up to zero, so three modes at G have no frequency."""
    cell = crystal(1)
    cell.positions += 0.7
    found = phonons(ARGON, cell, path="GX", mesh=3, repeat=(2, 2, 2))
    assert found.drift < 1e-9 and np.abs(at(found, "G")).max() < 1e-4 < 1.0 < at(found, "X").min()
    assert found.distances[-1] == pytest.approx(2.0 * np.pi / np.cbrt(found.system.box.volume))


def test_any_cell_of_the_crystal_has_the_same_phonons():
    """Repeated, shuffled, left-handed, shifted: the primitive cell is found, the atoms of the supercell are."""
    want = phonons(ARGON, crystal(1), path="GXWL", mesh=3, repeat=(2, 2, 2), relaxed="nothing")
    large = System.build("fcc", 5.3, "Ar", repeat=(2, 1, 1))
    box = type(large.box)(large.box.matrix[[1, 0, 2]], True, (0.3, -2.0, 9.0))
    order = np.random.default_rng(1).permutation(large.n_atoms)
    large = System(box, large.positions[order] + 3.7 * box.matrix[0] + 0.11, "Ar")
    found = phonons(ARGON, large, path="GXWL", mesh=3, repeat=(2, 1, 2), relaxed="nothing")
    for name in "GXWL":
        assert at(found, name) == pytest.approx(at(want, name), abs=1e-4)


def test_reduced_units_and_masses():
    """The same crystal in lj units: frequencies times tau; four times as heavy: half of them."""
    lj = LennardJones(cutoff=CUTOFF / SIGMA, epsilon=1.0, sigma=1.0, truncation="force-shifted")
    same = System.build("fcc", 5.3 / SIGMA, units="lj")
    heavy = System.build("fcc", 5.3, "Ar", masses={"Ar": 4 * 39.948})
    how = {"path": "GX", "mesh": 2, "relaxed": "nothing", "repeat": (1, 1, 1)}
    metal, reduced, slow = (phonons(p, s, **how) for p, s in ((ARGON, crystal(1)), (lj, same), (ARGON, heavy)))
    tau = SIGMA * (39.948 / EPSILON) ** 0.5 / FEMTOSECOND * 1e-3  # ps
    assert reduced.unit == "1/tau" and at(reduced, "X") == pytest.approx(at(metal, "X") * tau, rel=1e-3)
    assert at(slow, "X") == pytest.approx(0.5 * at(metal, "X"), rel=1e-6)


def test_charges_go_with_their_atoms_and_tell_them_apart():
    """Rock salt of one species and two charges: two atoms in the primitive cell."""
    cell = System.build("sc", 2.8, "Ar", repeat=(2, 2, 2))
    cell.charges = np.where((cell.positions / 2.8).round().sum(axis=1) % 2 == 0, 0.3, -0.3)
    salt = Sum(LennardJones(cutoff=5.0, epsilon=0.05, sigma=2.5, truncation="force-shifted"), Coulomb(cutoff=5.0))
    found = phonons(salt, cell, repeat=(1, 1, 1), path="GX", mesh=2, relaxed="nothing")
    assert found.frequencies.shape[1] == 6 and at(found, "G")[3] > 0.5
    assert np.abs(at(found, "G")[:3]).max() < 1e-3


def test_imaginary_modes_are_told():
    simple = System.build("sc", 3.4, "Ar")  # it turns into fcc
    found = phonons(ARGON, simple, relaxed="nothing", mesh=4, repeat=(2, 2, 2))
    assert not found.is_stable and found.lowest < -0.1


def test_what_has_no_phonons_is_told(monkeypatch):
    for wrong, match in (
        ({"path": "GQ"}, "expected two or more of G"), ({"path": "X"}, "two or more"), ({"path": ""}, "two or more"),
        ({"path": "GG"}, "two or more"), ({"path": "GX,"}, "two or more"),
        ({"relaxed": "all"}, "choose one of"), ({"displacement": -1}, "displacement"),
        ({"displacement": 5.0}, "expected 1e-5 to 1"), ({"mesh": 0}, "mesh"),
        ({"repeat": (2, 2)}, "three positive integers"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=match):
            phonons(ARGON, crystal(1), **{"repeat": (1, 1, 1), "mesh": 1, "relaxed": "nothing", **wrong})
    cell = crystal(1)
    lonely = System(type(cell.box)(np.eye(3) * 3.8), [[0, 0, 0]], "Ar")
    with pytest.raises(InputError, match="larger repeat"):
        phonons(ARGON, lonely, repeat=(1, 1, 1), relaxed="nothing")
    with pytest.raises(InputError, match="give repeat"):
        phonons(lambda positions: (0.0, np.zeros((4, 3))), cell)
    cell.fixed = np.eye(4, 3, dtype=bool)
    with pytest.raises(InputError, match="held"):
        phonons(ARGON, cell)
    cluster = System(type(cell.box)(np.eye(3) * 30.0, (False,) * 3), [[1, 1, 1], [5, 1, 1]], [0, 0], ["Ar"])
    with pytest.raises(InputError, match="periodic"):
        phonons(ARGON, cluster)
    with pytest.raises(SimulationError, match="not relaxed after"):
        monkeypatch.setattr("mdcore.properties.phonons.STEPS", 2)
        phonons(ARGON, crystal(1, 5.5), max_force=1e-14, max_stress=1e-12)
    monkeypatch.setitem(__import__("sys").modules, "phonopy", None)
    with pytest.raises(InputError, match=r'pip install "mdcore\[phonons\]"'):
        phonons(ARGON, crystal(1))


@pytest.fixture
def files(tmp_path, monkeypatch):
    from mdcore.structure import extxyz

    monkeypatch.chdir(tmp_path)
    Path("lj.toml").write_text(INPUT.replace("METHOD", "fire"))
    with open("argon.xyz", "w") as stream:
        extxyz.write_frame(stream, crystal(1, a=5.5))
    return "argon.xyz", "--potential", "lj.toml"


def test_command(files, capsys):
    pytest.importorskip("matplotlib")
    how = ["--mesh", "4", "--repeat", "2", "2", "2"]
    assert main(["phonons", *files, "--plot", "bands.png", *how]) == 0
    out = capsys.readouterr().out
    assert "stable: no imaginary modes" in out and Path("bands.png").stat().st_size > 1000
    told = json.loads(Path("argon.phonons.json").read_text())
    assert np.shape(told["frequencies"]) == (len(told["q"]), 3) and told["stable"] and told["unit"] == "THz"
    assert told["points"][0] == {"name": "G", "row": 0}
    assert main(["phonons", *files]) == 4 and "exists" in capsys.readouterr().err
    assert main(["phonons", *files, "--overwrite", "--path", "GQ"]) == 2 and "path" in capsys.readouterr().err
    with open("argon.xyz", "w") as stream:
        from mdcore.structure import extxyz

        extxyz.write_frame(stream, System.build("sc", 3.4, "Ar"))
    assert main(["phonons", *files, "--overwrite", "--relax", "nothing", *how]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^M .*\di ", out, re.M) and re.search(r"^NOT stable: imaginary modes .*\di:", out, re.M)


@pytest.mark.mpi
@needs_mpi[1]
def test_the_same_bits_on_any_ranks(files):
    how = [*files, "--mesh", "2", "--repeat", "2", "1", "1", "--output"]
    assert main(["phonons", *how, "1.json"]) == 0
    mpirun(2, "-m", "mdcore", "phonons", *how, "2.json")
    assert Path("1.json").read_text() == Path("2.json").read_text()
