"""Do the molecules among the shipped potentials know their torsion, and are their cards' figures true?"""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from mdcore.cli.train import train
from mdcore.config.load_training import load_training
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.training import metrics
from mdcore.training.data import sources

ROOT = Path(__file__).parents[1]
BUTANE, ACAC = (ROOT / "potentials" / f"{name}.h5" for name in ("butane_GFN2", "acetylacetone_PBE-D3"))
REFERENCE = ROOT.parent / "shared" / "reference" / "datasets"

# GFN2-xTB of tblite 0.8.0, everything but the torsion relaxed; made by inputs/butane/label.py on 24 November 2026
ANGLES = (0, 30, 60, 65, 90, 120, 150, 180)  # C-C-C-C, degrees
PROFILE = (214.45, 124.87, 29.78, 26.28, 56.04, 111.31, 54.69, 0.0)  # meV from anti


@pytest.fixture(scope="module")
def barrier():
    """inputs/butane/barrier.py and torsion.py, as modules."""
    pytest.importorskip("ase")
    sys.path.insert(0, str(ROOT / "inputs" / "butane"))
    yield importlib.import_module("barrier")
    sys.path.pop(0)


@pytest.mark.parametrize("path", [BUTANE, ACAC], ids=lambda path: path.stem)
def test_card(path):
    """Loading checks the test vectors; the card says what a user must know."""
    model = read_model(path)
    assert model.test_vectors
    assert {"data", "labels", "licence", "validity", "settings", "seed"} <= set(model.provenance)
    assert model.training["validation force RMSE, meV/Angstrom"] < 40.0


def test_stored_profile(barrier):
    """The profile that ships is that of the table."""
    _, energies = barrier.reference()
    at = [list(barrier.ANGLES).index(angle) for angle in ANGLES]
    np.testing.assert_allclose(energies[at], PROFILE, atol=0.05)


def test_butane_turns_as_in_the_reference(barrier):
    """Each relaxed on its own surface; the largest difference at all 37 angles was 3.6 meV when it was trained."""
    own = barrier.own_profile(BUTANE)
    at = [list(barrier.ANGLES).index(angle) for angle in ANGLES]
    np.testing.assert_allclose(own[at], PROFILE, atol=4.0)


def test_counts_have_no_barrier(barrier, tmp_path, monkeypatch):
    """Trained on structures at all angles, a network that only counts bonded neighbours still can't tell them apart."""
    monkeypatch.chdir(tmp_path)
    data = ROOT / "inputs" / "butane" / "profile.extxyz"
    short = [f"data.0.file={data}", f"data.1.file={data}", "optimizer.0.epochs=2", "output.plot=false"]
    model = train(load_training(str(ROOT / "inputs" / "butane" / "counts.toml"), short), say=lambda text="": None)
    potential = HDNNPotential(model, extrapolation="ignore")
    butane = importlib.import_module("torsion").butane
    turned = [butane(angle) for angle in ANGLES]
    energies = np.array([e.energy for e in evaluate(potential, turned)])
    assert np.ptp(energies) < 1e-9
    stretched = turned[0].copy()
    stretched.positions[0] += (0.0, 0.05, 0.0)
    assert abs(evaluate(potential, stretched).energy - energies[0]) > 1e-5, "it sees bonds"


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="needs the data sets of shared/reference")
@pytest.mark.parametrize("name, energy, force", [("300K", 0.65, 32.5), ("600K", 2.0, 85.0)])
def test_acetylacetone(name, energy, force):
    """The test sets of Batatia et al., arXiv:2205.06643: no worse than docs/benchmarks.md says."""
    data = sources.read(REFERENCE / f"acac_test_MD_{name}.xyz")
    potential = HDNNPotential(read_model(ACAC), extrapolation="ignore")
    found = metrics.Predictions.of(evaluate(potential, [s.structure for s in data]))
    told = {row.quantity: row.rmse for row in metrics.rows(data, found, "test") if row.group == "all"}
    assert told["energy"] < energy and told["force"] < force


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="needs the data sets of shared/reference")
def test_acetylacetone_can_be_trained():
    """The input that made it is still right."""
    from mdcore.cli.train import check

    assert "the input is right" in check(os.fspath(ROOT / "inputs" / "train_acac.toml"))
