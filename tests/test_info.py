"""Does `mdcore info` tell what is in a potential?"""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from mdcore.cli import main
from mdcore.cli.info import info
from mdcore.potentials.networks.answers import Answers
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.vectors import make_test_vectors
from tests.reference.hdnnp_models import random_model, write_folder
from tests.test_foreign_files import argon  # noqa: F401  (a fixture)
from tests.test_networks_cli import INPUT
from tests.test_train_cli import folder as training  # noqa: F401  (a fixture)

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "n2p2"
WRITTEN = """\
FOLDER: network potential
  name              net
  species           H, O
  units             bohr, hartree
  cutoff            6 bohr = 3.17506 Angstrom
  H
    network         3-3-2-1, tanh, softplus, linear
    parameters      23
    atom energy     0 hartree
    descriptors     3 symmetry functions
                    2 of type 2 (radial), rc = 6 bohr, cutoff type 1: cosine
                    1 of type 3 (angular), rc = 6 bohr, cutoff type 1: cosine
    scaling         scale_center to 0..1; min, max, mean, sigma of each:
    H 2 H eta=0.01 rc=6                         1.00000e-01  2.10000e+00  1.10000e+00          nan
    H 2 O eta=0.3 rs=0.9 rc=6                   2.00000e-01  2.20000e+00  1.20000e+00          nan
    H 3 H O eta=0.2 lambda=1 zeta=1 rc=6        3.00000e-01  2.30000e+00  1.30000e+00          nan
  O
    network         2-3-2-1, tanh, softplus, linear
    parameters      20
    atom energy     0 hartree
    descriptors     2 symmetry functions
                    1 of type 2 (radial), rc = 6 bohr, cutoff type 1: cosine
                    1 of type 9 (angular), rc = 6 bohr, cutoff type 1: cosine
    scaling         scale_center to 0..1; min, max, mean, sigma of each:
    O 9 H H eta=0.07 rs=0.5 lambda=-1 zeta=4 rc=6   2.00000e-01  2.20000e+00  1.20000e+00          nan
"""


def test_a_folder(tmp_path):
    folder = write_folder(tmp_path / "net")
    told = info(str(folder), Units("bohr", "hartree"))
    for line in WRITTEN.replace("FOLDER", str(folder)).splitlines():
        words = line.split()
        assert any(other.split() == words for other in told.splitlines()), line + "\n" + told
    unstated = info(str(folder))
    assert "units             not stated; give --units length=bohr,energy=hartree" in unstated
    assert "cutoff            6\n" in unstated and "rc = 6, cutoff type 1" in unstated


@pytest.mark.parametrize("kind", ["n2p2", "h5"])
def test_everything_is_told(kind, tmp_path, capsys):
    """All kinds of descriptors, normalisation, provenance and training metrics."""
    model = random_model(cutoff_type=6, alpha=0.25, normalize_nodes=True)
    path = tmp_path / ("net.h5" if kind == "h5" else "net")
    write_h5(model, path) if kind == "h5" else write_n2p2(model, path)
    assert main(["info", str(path)]) == 0
    told = capsys.readouterr().out
    for text in (
        "angstrom, ev", "-5-4-1, tanh, softplus, linear (node arguments divided by their number)",
        "cutoff type 6: polynomial of degree 5, inner cutoff 0.25 rc", "of type 12 (radial, weighted)",
        "of type 13 (angular, weighted)", "of type 22 (angular), rc = 3 angstrom, compact", "conv_energy 3.5",
        "mean energy -1.25 ev an atom",
        "scale_center to -0.5..1.5", "provenance", "program         tests", "force_rmse      0.04213",
        "epochs          12",
    ):  # fmt: skip
        assert text in told, text
    for functions, network in zip(model.symmetry_functions, model.networks, strict=True):
        assert f"parameters      {network.flat().size}" in told and f"{len(functions)} symmetry functions" in told
        assert all(f"    {function.label} " in told for function in functions)
        assert f"{model.scaling[0].max[3]:.5e}" in told


def test_an_input_file(tmp_path, monkeypatch, capsys):
    """Each [[potential]] section, with its settings and what its file holds."""
    monkeypatch.chdir(tmp_path)
    write_n2p2(random_model(types=[2, 3]), tmp_path / "net")
    (tmp_path / "start.extxyz").write_text("2\n\nO 0 0 0\nH 1 0 0\n")
    wall = """
[[potential]]
type = "lj"
cutoff = 2.0
[potential.species]
O = { epsilon = 0.1, sigma = 0.7 }
[[potential.pair]]
species = ["O", "H"]
epsilon = 0.2
sigma = 0.6
cutoff = 1.5
[[potential.pair]]
species = ["H", "H"]
epsilon = 0.0
sigma = 0.5
"""
    (tmp_path / "in.toml").write_text(INPUT.replace("\n[[stage]]", wall + "\n[[stage]]", 1))
    assert main(["info", "in.toml"]) == 0
    told = capsys.readouterr().out
    for text in (
        "in.toml: [[potential]] #1: hdnnp\n", "file              net\n", "extrapolation     warn\n",
        "species           H, O\n",
        "in.toml: [[potential]] #2: lj\n", "cutoff            2.0\n", "species O         epsilon = 0.1, sigma = 0.7\n",
        "pair              species = O-H, cutoff = 1.5, epsilon = 0.2, sigma = 0.6\n", "tail_corrections  False\n",
    ):  # fmt: skip
        assert text in told, text
    assert main(["info", "missing.toml"]) == 2
    assert "missing.toml: no such input file" in capsys.readouterr().err


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
def test_published_potentials(capsys):
    assert main(["info", str(REFERENCE / "H2O_RPBE-D3"), "--units", "length=bohr,energy=hartree"]) == 0
    told = capsys.readouterr().out
    for text in (
        "cutoff            12 bohr = 6.35013 Angstrom", "27-25-25-1, tanh, tanh, linear", "30 symmetry functions",
        "16 of type 2 (radial), rc = 12 bohr, cutoff type 2: tanh^3", "14 of type 3 (angular)",
        "H 2 H eta=0.001 rc=12                      1.08820e+00  9.61664e+00",
    ):  # fmt: skip
        assert text in told, text
    assert main(["info", str(REFERENCE / "Cu2S_PBE")]) == 0
    told = capsys.readouterr().out
    assert "(comments say: Length unit : Angstrom, Energy unit : eV)" in told and "34 of type 9" in told


OTHERS = {
    "argon.h5md": ["trajectory of a run", "2: Ar2", "7, steps 0 (0 fs) to 12 (48 fs): position, velocity, force",
                   "7 rows, steps 0 to 12: conserved", "mdcore convert argon.h5md argon.extxyz", 'y("argon.h5md")'],
    "log.h5md": ["thermo log of a run", "7 rows, steps 0 to 12: conserved", "trajectory_every is 0"],
    "argon.checkpoint": ["checkpoint of a run", "2: Ar2", "12, 48 of time", "--restart=argon.checkpoint"],
    "argon.checkpoint.previous": ["checkpoint of a run", "8, 32 of time"],
    "argon.extxyz": ["structures", "2: Ar2; periodic along a, b, c", "mdcore evaluate POTENTIAL argon.extxyz"],
    "start.extxyz": ["structures"],
    "net/input.data": ["labelled structures of n2p2", "[[data]]"],
    "data": ["labelled structures of n2p2", "[[data]]"],
    "deep": ["labelled structures of DeePMD"],
    "argon.analysis.json": ["g(r), diffusion and averages of a run"],
    "a.errors.txt": ["errors of a trained potential"],
    "a.PNG": ["a picture"],
}  # fmt: skip


def test_what_is_no_potential(argon, capsys):  # noqa: F811
    assert main(["run", "argon.toml", "--quiet"]) == 0
    log = ["--set", "stage.0.trajectory_every=0", "--set", "stage.0.dump_every=0", "--set", 'output.name="log"']
    assert main(["run", "argon.toml", "--quiet", *log]) == 0
    for folder in ("net", "data", "deep/x"):
        Path(folder).mkdir(parents=True)
    for name in ("net/input.data", "data/input.data", "deep/x/type.raw", *list(OTHERS)[-3:]):
        Path(name).touch()
    capsys.readouterr()
    for name, texts in OTHERS.items():
        assert main(["info", name]) == 0, name
        told = capsys.readouterr().out
        assert told.startswith(f"{name}: {texts[0]}") and all(text in told for text in texts), told
    Path("bad.checkpoint").write_bytes(Path("argon.checkpoint").read_bytes()[:-3])
    for name, code, text in [
        ("bad.checkpoint", 4, "damaged checkpoint"), (".", 2, "a folder without input.nn"),
        ("argon.py", 2, "no such file"), ("/dev/null", 2, "a device"),
    ]:  # fmt: skip
        assert main(["info", name]) == code
        assert text in capsys.readouterr().err
    assert main(["verify", "argon.h5md"]) == 2
    assert "mdcore info tells what it is" in capsys.readouterr().err


def test_what_a_training_left(training, capsys):  # noqa: F811
    assert main(["train", "train.toml", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["info", "train.training.h5"]) == 0
    told = capsys.readouterr().out
    assert "course of a training" in told and "the potential is train.h5" in told and " for train" in told
    assert main(["info", "train.toml"]) == 0
    assert "input of a training, which makes a potential; mdcore check train.toml" in capsys.readouterr().out


def test_a_file_without_a_checksum(tmp_path, capsys):
    """Of an earlier version: its test vectors are computed."""
    path = tmp_path / "net.h5"
    model = random_model()
    write_h5(replace(model, test_vectors=make_test_vectors(Answers(model, networks_of(model)))), path)
    assert main(["info", str(path)]) == 0
    assert re.search(r"test vectors +3$", capsys.readouterr().out, re.M)
    with h5py.File(path) as sealed, h5py.File(tmp_path / "old.h5", "w") as old:
        old.attrs.update(sealed.attrs)
        for name in sealed:
            sealed.copy(name, old)
    assert main(["info", str(tmp_path / "old.h5")]) == 0
    assert "3, computed: they hold; no checksum: an older file" in capsys.readouterr().out
    with h5py.File(tmp_path / "old.h5", "a") as old:
        old["test_vectors/1/forces"][0] += 1e-3
    assert main(["info", str(tmp_path / "old.h5")]) == 2
    assert "test vector 1" in capsys.readouterr().err


def test_help_starts_fast():
    """Help and refusals need neither NumPy nor kernels."""
    code = "import sys; from mdcore.cli import main; main(['info', '--help']); assert 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "--units" in done.stdout, done.stderr
