"""Are the potentials that the project ships whole, do they say where they come from, and are they as good as stated?"""

from pathlib import Path

import numpy as np
import pytest

import mdcore
from mdcore import System
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model
from mdcore.training import metrics
from mdcore.training.data import sources
from mdcore.training.data.labels import Labels

ROOT = Path(__file__).resolve().parents[1]
POTENTIALS = sorted((ROOT / "potentials").glob("*.h5"))
DATA = ROOT.parent / "shared" / "reference" / "datasets"
# crystal, lattice constant in Angstrom and energy of an atom in eV, of the unstrained structure among the labels (DFT);
# order of the labelled stress; largest test errors: meV an atom, meV/Angstrom
SOLIDS = {
    "silicon": ("Si", "diamond", 5.4687, -5.42532, "xx yy zz xy yz xz", 5.20, 127.3),
    "silicon_density": ("Si", "diamond", 5.4687, -5.42532, "xx yy zz xy yz xz", 3.0, 80.0),
    "molybdenum": ("Mo", "bcc", 3.1676, -10.8518, "xx yy zz xy xz yz", 4.07, 152.4),
    "molybdenum_density": ("Mo", "bcc", 3.1676, -10.8518, "xx yy zz xy xz yz", 2.9, 140.0),
}


def test_there_are_potentials():
    assert set(SOLIDS) <= {path.stem for path in POTENTIALS}


@pytest.mark.parametrize("path", POTENTIALS, ids=lambda path: path.stem)
def test_it_loads_and_has_a_card(path):
    """Loading computes the test vectors anew; the card says what a user must know."""
    model = read_model(path)
    assert len(model.test_vectors) >= 2
    potential_of(model)
    for key in ("title", "data", "licence", "data_licence", "validity", "settings", "seed"):
        assert model.provenance.get(key), f"the card of {path.name} has no {key}"
    for key in ("test energy RMSE, meV/atom", "test force RMSE, meV/Angstrom"):
        assert model.training[key] > 0
    told = (ROOT / "potentials" / "README.md").read_text()
    assert f"{path.name}" in told, f"potentials/README.md does not list {path.name}"


@pytest.mark.parametrize("name", SOLIDS)
def test_energy_and_rest_of_the_crystal(name):
    """At the lattice constant of DFT: energy within 3 meV, hardly any stress, nothing out of the training range."""
    element, kind, a, energy, *_ = SOLIDS[name]
    crystal = System.build(kind, a, element)
    found = mdcore.evaluate(ROOT / "potentials" / f"{name}.h5", crystal)
    assert abs(found.energy / len(crystal.positions) - energy) < 3e-3
    assert abs(found.pressure) < 1.0
    assert not len(found.extrapolation.atoms)


@pytest.mark.reference
@pytest.mark.skipif(not DATA.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize("name", SOLIDS)
def test_errors_of_the_test_set(name):
    element, _, _, _, order, energy, force = SOLIDS[name]
    labels = Labels(stress="virial_stress_raw", stress_unit="kbar", stress_order=order, stress_sign="pressure")
    data = sources.read(DATA / f"{element}_mlearn_test.xyz", labels=labels)
    potential = potential_of(read_model(ROOT / "potentials" / f"{name}.h5"), extrapolation="ignore")
    found = metrics.Predictions.of(mdcore.evaluate(potential, [s.structure for s in data]))
    rmse = {row.quantity: row.rmse for row in metrics.rows(data, found, "test") if row.group == "all"}
    assert rmse["energy"] < energy and rmse["force"] < force
    assert rmse["stress"] < 1.0


def test_a_proton_between_molecules_costs_what_it_should():
    """Along the shortest hydrogen bond of inputs/water.extxyz, next to GFN2-xTB (tblite 0.8.0): a potential that knew
    only whole molecules had a minimum there, and made ions in 300 ps (docs/benchmarks.md)."""
    water = System.read(ROOT / "inputs" / "water.extxyz")
    donor, hydrogen, acceptor = 11, 139, 31
    way = water.positions[acceptor] - water.positions[donor]
    way -= np.rint(way @ water.box.inverse) @ water.box.matrix
    moved = [water]
    for part in (0.4, 0.5, 0.6, 0.64):
        x = water.positions.copy()
        x[hydrogen] = x[donor] + part * way
        moved.append(System(water.box, x, [water.symbols[k] for k in water.species]))
    energies = [answer.energy for answer in mdcore.evaluate(ROOT / "potentials" / "water_PBE0-TS_density.h5", moved)]
    found = np.array(energies[1:]) - energies[0]
    np.testing.assert_allclose(found, [0.084, 0.995, 2.395, 3.184], rtol=0.1, atol=0.01)
