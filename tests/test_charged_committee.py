"""A committee of potentials with charges: is it the mean of its members, and how they differ what they say alone?"""

from dataclasses import replace

import numpy as np
import pytest

from mdcore import HDNNPotential, InputError, Simulation, VelocityVerlet, evaluate, read_model
from mdcore.potentials.charges import equilibration
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.committee import committee, single
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.trained import fingerprint
from mdcore.potentials.networks.vectors import make_test_vectors
from mdcore.training.latent_signs import turned
from mdcore.watch.disagreement import Disagreement
from tests.reference.hdnnp_models import charged_model, random_model
from tests.systems import TRICLINIC, scattered
from tests.test_network_charges import species

FINE = ChargeSettings(accuracy=1e-8, cutoff=3.0, method="ewald", residual=1e-12)
OPTIONS = {"types": [2, 3], "cutoff": 2.5, "charge_options": {"own_energy": True}}
KINDS = {"equilibrated": {}, "predicted": {"kind": "predicted", "as_input": True}}
CELLS = {
    "triclinic": species(scattered(24, 4.4 * TRICLINIC, seed=5, closest=0.9)),
    "cluster": species(scattered(12, 4.0 * np.eye(3), (False,) * 3, seed=6, closest=0.9)),
}


def members(kind, n=3):
    found = [charged_model(("H", "O"), seed=3 + k, **OPTIONS, **KINDS[kind]) for k in range(n)]
    if kind == "equilibrated":
        harder = [replace(m.charges, hardness=(20.0 + k, 23.0 - k)) for k, m in enumerate(found)]
        found = [replace(m, charges=own) for m, own in zip(found, harder, strict=True)]
    return found


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("kind", list(KINDS))
def test_it_is_the_mean_of_its_members(kind, cell, monkeypatch):
    """Energy, forces, stress, charges; disagreement is the standard deviation of what they say alone."""
    monkeypatch.setattr(equilibration, "DENSE", 16)
    own = members(kind)
    found = evaluate(HDNNPotential(committee(own), charges=FINE), CELLS[cell], findings=True)
    each = [evaluate(HDNNPotential(m, charges=FINE), CELLS[cell], findings=True) for m in own]
    for name in ("energy", "forces", "virial", "energies"):
        mean = np.mean([getattr(answer, name) for answer in each], axis=0)
        np.testing.assert_allclose(getattr(found, name), mean, rtol=1e-9, atol=1e-8)
    charges = [answer.findings["charges"] for answer in each]
    assert np.std(charges, axis=0).max() > 0.01
    np.testing.assert_allclose(found.findings["charges"], np.mean(charges, axis=0), rtol=0, atol=1e-9)
    forces = np.array([answer.forces for answer in each])
    spread = np.sqrt(((forces - forces.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    np.testing.assert_allclose(found.findings["force_disagreement"], spread, rtol=1e-6, atol=1e-8)
    differ = np.std([answer.energy for answer in each]) / CELLS[cell].n_atoms
    assert found.findings["energy_disagreement"] == pytest.approx(differ, rel=1e-6)


def test_its_file_keeps_all_members(tmp_path):
    own = members("equilibrated")
    model = committee(own)
    vectors = make_test_vectors(HDNNPotential(model, charges=FINE).answers)
    write_h5(replace(model, test_vectors=vectors), tmp_path / "own.h5")
    read = read_model(tmp_path / "own.h5")
    assert fingerprint(read) == fingerprint(model) and len(read.members) == 3 and read.test_vectors
    for k, member in enumerate(own):
        assert fingerprint(single(read, k)) == fingerprint(member)
    assert fingerprint(committee([committee(own[:2]), own[2]])) == fingerprint(model)
    HDNNPotential(read)  # its test vectors hold


def test_a_scale_of_charges_goes_into_networks():
    one, other = members("predicted", 2)
    doubled = replace(other, charges=replace(other.charges, output_scale=2.0))
    potential = HDNNPotential(committee([one, doubled]), charges=FINE)
    each = [evaluate(HDNNPotential(m, charges=FINE), CELLS["cluster"]).energy for m in (one, doubled)]
    assert evaluate(potential, CELLS["cluster"]).energy == pytest.approx(np.mean(each), rel=1e-9)


def test_in_dynamics_it_goes_on_from_charges_of_before(monkeypatch):
    """Each member from its own: so steps are few, energy is conserved, and a look changes nothing."""
    monkeypatch.setattr(equilibration, "DENSE", 0)
    model, system = committee(members("equilibrated", 2)), CELLS["triclinic"]
    settings = replace(FINE, residual=1e-9)
    runs = []
    for watch in (None, Disagreement(2)):
        potential = HDNNPotential(model, extrapolation="ignore", charges=settings, disagreement=watch)
        sim = Simulation(system, potential, VelocityVerlet(0.05))
        first = [member.steps for member in sim.work.bound.members]
        before = sim.total_energy
        sim.run(12)
        assert sim.total_energy == pytest.approx(before, abs=2e-3)
        assert all(m.steps < n for m, n in zip(sim.work.bound.members, first, strict=True))
        runs.append(sim.positions.tobytes())
    assert watch.looks >= 6 and watch.largest[0] > 0.0
    assert runs[0] == runs[1]


def test_what_does_not_go_together_is_refused():
    one, other = members("predicted", 2)
    with pytest.raises(InputError, match="of potentials with charges, or of such without; number 2"):
        committee([one, random_model(("H", "O"), types=[2, 3], cutoff=2.5)])
    with pytest.raises(InputError, match="of charges all but networks and hardnesses; number 2"):
        committee([one, replace(other, charges=replace(other.charges, widths=(0.2, 0.3)))])
    with pytest.raises(InputError, match="every member of a committee needs networks of charges"):
        replace(one, others=(other.networks,))


def test_charges_turned_round_have_the_same_energy():
    model = members("predicted", 1)[0]
    both = [evaluate(HDNNPotential(m, charges=FINE), CELLS["cluster"], findings=True) for m in (model, turned(model))]
    assert both[1].energy == pytest.approx(both[0].energy, rel=1e-12)
    np.testing.assert_allclose(both[1].findings["charges"], -both[0].findings["charges"], atol=1e-14)
