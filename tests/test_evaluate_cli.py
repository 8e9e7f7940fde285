"""Does `mdcore evaluate` tell the errors of a potential, and write what it predicts?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore import Box, System
from mdcore.base.units import GIGAPASCAL
from mdcore.cli import main
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.trained import fingerprint
from mdcore.structure import extxyz
from mdcore.training.data import sources
from mdcore.training.data.labels import Labels
from tests.reference.hdnnp_models import random_model, write_folder
from tests.test_networks_cli import INPUT

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
UNITS = "length=bohr,energy=hartree"
FRAME = """\
3
Lattice="5 0 0 0 6 0 0 0 7" Properties=species:S:1:pos:R:3{columns} config_type={tag} pbc="T T T"{labels}
O 0.1 0.2 0.3{f0}
H 1.05 0.2 0.3{f1}
H 0.1 1.15 0.3{f2}
"""


@pytest.fixture
def case(tmp_path):
    """A network, and data.xyz with its own answers: energies 30 meV too low, forces 0.2 eV/Angstrom off on one atom."""
    folder = write_folder(tmp_path / "net")
    bare = FRAME.format(columns="", labels="", tag="a", f0="", f1="", f2="")
    (tmp_path / "bare.xyz").write_text(bare)
    answer = evaluate(str(folder), str(tmp_path / "bare.xyz"), units={"length": "bohr", "energy": "hartree"})
    forces = answer.forces.copy()
    forces[2, 1] -= 0.2
    stress = answer.stress * GIGAPASCAL
    rows = [" " + " ".join(map(repr, row)) for row in forces.tolist()]
    text = ""
    for tag in "ab":
        labels = f' energy={answer.energy - 0.03!r} stress="{" ".join(map(repr, stress.ravel().tolist()))}"'
        text += FRAME.format(columns=":forces:R:3", labels=labels, tag=tag, f0=rows[0], f1=rows[1], f2=rows[2])
    (tmp_path / "data.xyz").write_text(text)
    return tmp_path, answer


def test_the_table(case, capsys):
    path, _ = case
    assert main(["evaluate", str(path / "net"), str(path / "data.xyz"), "--units", UNITS]) == 0
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert told[0][-4:] == ["2", "structures,", "6", "atoms"]
    assert ["all", "2", "10", "10", "10", "structure", "0"] in told
    force = f"{200 / np.sqrt(9):.4g}"
    assert ["all", "18", force, f"{200 / 9:.4g}", "200", "structure", "0,", "atom", "2", "(H)"] in told
    assert next(line for line in told if line[:2] == ["element", "O"])[2] == "6"
    assert any(line[:2] == ["tag", "b"] for line in told)
    assert any(line and line[0] == "stress," for line in told)


def test_predictions_are_written(case, capsys):
    path, answer = case
    arguments = ["evaluate", str(path / "net"), str(path / "data.xyz"), "--units", UNITS, "--threads", "2"]
    assert main([*arguments, "--output", str(path / "out.xyz")]) == 0
    frames = list(extxyz.iterate(path / "out.xyz", extra=("REF_forces",)))
    assert len(frames) == 2
    frame = frames[1]
    assert frame.energy == answer.energy and frame.info["tag"] == "b"
    np.testing.assert_array_equal(frame.forces, answer.forces)
    assert frame.extra["REF_forces"][2, 1] == answer.forces[2, 1] - 0.2
    assert frame.info["REF_energy"] == answer.energy - 0.03
    voigt = [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]
    np.testing.assert_allclose(frame.stress, (answer.stress * GIGAPASCAL)[voigt], rtol=1e-12)
    names = Labels(energy="REF_energy", forces="REF_forces", stress="REF_stress")
    again = sources.read(path / "out.xyz", labels=names)
    assert again[0].energy == answer.energy - 0.03
    capsys.readouterr()
    assert main([*arguments, "--output", str(path / "out.xyz")]) == 4
    assert "exists" in capsys.readouterr().err
    assert main([*arguments, "--output", str(path / "data.xyz"), "--overwrite"]) == 4
    assert "is what is read" in capsys.readouterr().err
    assert main([*arguments, "--output", str(path / "out.xyz"), "--overwrite"]) == 0


def test_written_forces_read_in_ase(case):
    ase = pytest.importorskip("ase.io")
    path, answer = case
    arguments = ["evaluate", str(path / "net"), str(path / "data.xyz"), "--units", UNITS]
    assert main([*arguments, "--output", str(path / "out.xyz")]) == 0
    atoms = ase.read(path / "out.xyz", index=0)
    np.testing.assert_allclose(atoms.get_forces(), answer.forces, rtol=1e-12)
    assert atoms.get_potential_energy() == pytest.approx(answer.energy, rel=1e-14)


def test_potentials_of_an_input(case, monkeypatch, capsys):
    path, _ = case
    monkeypatch.chdir(path)
    (path / "in.toml").write_text(INPUT)
    (path / "net" / "mdcore.toml").write_text('[units]\nlength = "bohr"\nenergy = "hartree"\n')
    (path / "start.extxyz").write_text("2\n\nO 0 0 0\nH 1 0 0\n")
    assert main(["evaluate", "in.toml", "data.xyz"]) == 0
    assert ["all", "2", "10", "10", "10", "structure", "0"] in [s.split() for s in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "options, code, fragments",
    [
        (["--labels", "energie=E"], 2, ["--labels energie=E", "energy, forces, stress"]),
        (["--labels", "energy=E_dft"], 2, ["--labels energy=E_dft: no structure of", "data.xyz has it"]),
        (["--labels", "energy"], 2, ["--labels energy: expected KEY=VALUE"]),
        (["--data-units", "length=bohr"], 2, ["--data-units length=bohr", "energy is missing"]),
        (["--threads", "0"], 2, ["threads = 0"]),
        ([], 2, ["no network for species Ar", "structure 1"]),
    ],
)
def test_wrong_command_lines(options, code, fragments, case, capsys):
    path, _ = case
    if not options:
        text = (path / "data.xyz").read_text()
        (path / "data.xyz").write_text(text[: len(text) // 2] + text[len(text) // 2 :].replace("O 0.1", "Ar 0.1"))
    assert main(["evaluate", str(path / "net"), str(path / "data.xyz"), "--units", UNITS, *options]) == code
    told = capsys.readouterr().err
    for text in fragments:
        assert text in told


def test_errors_are_kept_in_the_potential(case, capsys):
    path, _ = case
    file = str(path / "net.h5")
    assert main(["convert", str(path / "net"), file, "--units", UNITS]) == 0
    before = read_model(file)
    assert main(["evaluate", file, str(path / "data.xyz"), "--record", "test"]) == 0
    assert "keeps these errors" in capsys.readouterr().out
    after = read_model(file)
    assert fingerprint(after) == fingerprint(before) and len(after.test_vectors) == len(before.test_vectors)
    assert after.training["test force RMSE, meV/Angstrom"] == pytest.approx(200 / 3)
    assert after.training["test energy MAE, meV/atom"] == pytest.approx(10.0)
    assert before.training.items() <= after.training.items()
    assert main(["info", file]) == 0
    assert "test force RMSE" in capsys.readouterr().out
    assert main(["evaluate", str(path / "net"), str(path / "data.xyz"), "--units", UNITS, "--record", "test"]) == 2
    assert "--record test: keeps the errors of a set of that name in a .h5 file" in capsys.readouterr().err
    assert main(["evaluate", file, str(path / "bare.xyz"), "--record", "none"]) == 2
    assert "bare.xyz has no energies, forces or stress to compare with" in capsys.readouterr().err
    assert "none" not in " ".join(read_model(file).training)


def test_nothing_to_compare(case, capsys):
    path, _ = case
    assert main(["evaluate", str(path / "net"), str(path / "bare.xyz"), "--units", UNITS]) == 0
    assert "no energies, forces or stress to compare with" in capsys.readouterr().out


def test_outside_of_the_training(tmp_path, capsys):
    from mdcore.potentials.networks.n2p2.write import write_n2p2

    write_n2p2(random_model(types=[2, 3]), tmp_path / "net")
    (tmp_path / "far.xyz").write_text("2\n\nO 0 0 0\nH 0.4 0 0\n")
    assert main(["evaluate", str(tmp_path / "net"), str(tmp_path / "far.xyz")]) == 0
    assert "1 structures have atoms outside the range of training" in capsys.readouterr().out


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
def test_published_network_on_its_training_data(capsys):
    """The published Cu2S network on 20 of the structures it was made from: 0.2 meV an atom, 26 meV/Angstrom."""
    units = "length=angstrom,energy=ev"
    arguments = [str(REFERENCE / "n2p2" / "Cu2S_PBE"), str(REFERENCE / "n2p2_training" / "Cu2S_PBE")]
    assert main(["evaluate", *arguments, "--units", units, "--data-units", units]) == 0
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    energy, force = [float(line[2]) for line in told if line[:1] == ["all"]]
    assert 0.1 < energy < 0.3 and 20 < force < 32


def test_charges_of_the_structures_are_read(tmp_path, capsys):
    """As a run reads them: a column, and the charge of the whole."""
    sites = np.array([(i, j, k) for i in range(2) for j in range(2) for k in range(2)])
    charges = 0.7 * (-1.0) ** sites.sum(axis=1)
    system = System(Box(5.64 * np.eye(3)), 2.82 * sites, ["Na" if q > 0 else "Cl" for q in charges])
    rows = "".join(f"{system.symbols[s]} {x} {y} {z} {q}\n" for s, (x, y, z), q in zip(
        system.species, system.positions.tolist(), charges.tolist(), strict=True))  # fmt: skip
    lattice = 'Lattice="5.64 0 0 0 5.64 0 0 0 5.64" Properties=species:S:1:pos:R:3:initial_charges:R:1 energy=0.0'
    (tmp_path / "salt.extxyz").write_text(f"8\n{lattice}\n{rows}")
    (tmp_path / "salt.toml").write_text(
        '[structure]\nfile = "salt.extxyz"\n[[potential]]\ntype = "electrostatics"\n[[stage]]\nensemble = "nve"\n'
        "timestep = 1.0\nsteps = 1\n"
    )
    out = tmp_path / "out.extxyz"
    assert main(["evaluate", str(tmp_path / "salt.toml"), str(tmp_path / "salt.extxyz"), "--output", str(out)]) == 0
    wanted = -4 * 1.747564594633 * 0.7**2 * 14.3996454 / 2.82  # Madelung
    energy = float(out.read_text().split(" energy=")[1].split()[0])
    assert energy == pytest.approx(wanted, rel=1e-5)
    assert "charge, me" not in capsys.readouterr().out  # they are the labels
    head, *rows = out.read_text().splitlines()[1:]
    assert ":forces:R:3:charges:R:1:electric_potential:R:1" in head
    told = np.array([row.split()[-2:] for row in rows], dtype=float)
    np.testing.assert_array_equal(told[:, 0], charges)
    np.testing.assert_allclose(told[:, 1], 2.0 * wanted / 8 / charges, rtol=1e-4)  # V
    assert System.read(out).columns.keys() == {"charge"}  # the rest is of these places


@pytest.mark.parametrize("command", ["evaluate", "rerun"])
@pytest.mark.parametrize("potential", ["net", "net.h5", "lj.toml"])
def test_arguments_in_the_wrong_order(case, capsys, monkeypatch, command, potential):
    path, _ = case
    monkeypatch.chdir(path)
    if potential == "net.h5":
        assert main(["convert", "net", "net.h5", "--units", UNITS]) == 0
    capsys.readouterr()
    rest = ["--output", "new.extxyz"] if command == "rerun" else []
    assert main([command, "data.xyz", potential, *rest]) == 2
    told = capsys.readouterr().err
    assert f"data.xyz: no potential, but {potential} is one" in told and told.count("\n") == 1
    assert f"mdcore {command} {potential} data.xyz" in told and not Path("new.extxyz").exists()
    assert main([command, "nosuch.h5", "data.xyz", *rest]) == 2 and "nosuch.h5: no such" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["a\0b", "a\0b.h5", "a\0b/"])
def test_a_target_with_a_null_byte(case, capsys, target):
    path, _ = case
    assert main(["convert", str(path / "net"), target, "--units", UNITS]) == 4
    told = capsys.readouterr().err
    assert "can have such a name" in told and told.count("\n") == 1
