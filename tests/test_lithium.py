"""Does inputs/lithium/espresso.py write the pseudopotential that it says, and read what pw.x answers?"""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from ase import Atoms
from ase.units import Bohr, Rydberg

SCRIPT = Path(__file__).resolve().parents[1] / "inputs" / "lithium" / "espresso.py"


@pytest.fixture(scope="module")
def espresso():
    spec = importlib.util.spec_from_file_location("espresso", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def test_points_of_k_go_with_the_edges(espresso):
    cell = Atoms(cell=[3.38, 6.76, 20.6])
    assert espresso.points(cell, espresso.FINE) == [12, 6, 2]
    assert espresso.points(cell, espresso.SLABS) == [8, 4, 1]
    assert espresso.points(Atoms(cell=[3 * 3.38] * 3), espresso.COARSE) == [2, 2, 2]


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
