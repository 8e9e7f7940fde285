"""Does `mdcore info` tell what is in a potential?"""

import subprocess
import sys
from pathlib import Path

import pytest

from mdcore.cli import main
from mdcore.cli.info import info
from mdcore.potentials.hdnnp_h5 import write_h5
from mdcore.potentials.n2p2_write import write_n2p2
from mdcore.potentials.native_units import Units
from tests.reference.hdnnp_models import random_model, write_folder
from tests.test_networks_cli import INPUT

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
        "pair              species = O-H, epsilon = 0.2, sigma = 0.6, cutoff = 1.5\n", "tail_corrections  False\n",
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


def test_help_starts_fast():
    """Help and refusals need neither NumPy nor kernels."""
    code = "import sys; from mdcore.cli import main; main(['info', '--help']); assert 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "--units" in done.stdout, done.stderr
