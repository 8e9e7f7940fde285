"""Does what a structure says of the whole, charge and spin, reach a calculator of ASE, and the files of a run?"""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.calculator import Calculator, all_changes

from mdcore import (
    ASEPotential,
    Box,
    HDNNPotential,
    InputError,
    PositionRestraint,
    PythonPotential,
    Simulation,
    System,
    Trajectory,
    VelocityVerlet,
    evaluate,
)
from mdcore.ase import MDCore
from mdcore.cli import main
from mdcore.learn.oracles import ASEOracle
from mdcore.potentials.networks.charge_settings import ChargeSettings
from tests.reference.hdnnp_models import charged_model

HEARD = []
RUN = """
[structure]
file = "pair.extxyz"
[potential]
type = "ase"
calculator = "tests.test_totals:Listener"
[[stage]]
ensemble = "nve"
timestep = 1.0
steps = 1
dump_every = 1
trajectory_every = 1
[output]
checkpoint_every = 1
"""


class Listener(Calculator):
    """Its energy is the sum of initial charges plus ten times the spin in `info`; it keeps what it heard."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        charge, info = atoms.get_initial_charges().sum(), dict(atoms.info)
        HEARD.append((round(float(charge), 12), info, atoms.get_initial_magnetic_moments().tolist()))
        self.results = {"energy": charge + 10 * info.get("spin", 0), "forces": np.zeros((len(atoms), 3))}


def pair(**info) -> System:
    return System(Box.cubic(9.0, False), [[0.0, 0, 0], [1.1, 0, 0]], ["O", "H"], info=info)


@pytest.fixture(autouse=True)
def nothing_heard():
    HEARD.clear()


def test_a_calculator_hears_charge_and_spin():
    system = pair(charge=-1, spin=3, frame=7)
    system.columns["initial_magmoms"] = np.array([1.0, 0.5])
    for energy in (
        Simulation(system, ASEPotential(Listener()), VelocityVerlet(1.0)).potential_energy,
        evaluate(ASEPotential(Listener()), system).energy,
        evaluate(ASEPotential(Listener()), system.to_ase()).energy,
        ASEOracle("tests.test_totals:Listener")(system).energy,
    ):
        assert energy == pytest.approx(29.0, abs=1e-9)
    for charge, info, moments in HEARD:
        assert charge == -1.0 and (info["charge"], info["spin"]) == (-1, 3) and "frame" not in info
        assert moments == [1.0, 0.5]
    HEARD.clear()
    evaluate(ASEPotential(Listener()), pair(total_charge=2.0))
    assert HEARD[0][:2] == (2.0, {"charge": 2, "total_charge": 2})


def test_charges_of_atoms_are_shifted_to_that_of_the_whole():
    system = pair(charge=1.0)
    system.charges = [-0.5, 0.5]
    evaluate(ASEPotential(Listener()), system)
    assert HEARD[0][0] == 1.0
    HEARD.clear()
    system.info = {}
    evaluate(ASEPotential(Listener()), system)
    assert HEARD[0][:2] == (0.0, {})


def test_what_a_calculator_has_is_not_that_of_another_spin():
    """Of the same atoms in the same places, one after the other: ASE's calculators look at those alone."""
    potential, asked = ASEPotential(Listener()), [{"spin": 1}, {"spin": 3}, {"spin": 3, "charge": 1}, {"charge": 1}, {}]
    found = [own.energy for own in evaluate(potential, [pair(**info) for info in asked])]
    assert found == pytest.approx([10.0, 30.0, 31.0, 1.0, 0.0])


def test_the_calculator_sees_another_charge_and_other_columns():
    model = charged_model(("O", "H"), activations="ppl", types=[2])
    atoms = pair(charge=0).to_ase()
    atoms.calc = MDCore(HDNNPotential(model, charges=ChargeSettings(accuracy=1e-6)))
    neutral = atoms.get_potential_energy()
    atoms.info["charge"] = 1
    alone = evaluate(HDNNPotential(model, charges=ChargeSettings(accuracy=1e-6)), pair(charge=1)).energy
    assert atoms.get_potential_energy() == pytest.approx(alone, abs=1e-9) and abs(alone - neutral) > 1e-3
    atoms.calc = MDCore(PositionRestraint(2.0))
    atoms.arrays["anchor"] = np.array(atoms.positions)
    assert atoms.get_potential_energy() == 0.0
    atoms.arrays["anchor"][1, 0] += 0.5
    before = atoms.calc.evaluation
    assert atoms.get_potential_energy() == pytest.approx(0.25)
    assert atoms.calc.evaluation is not before
    before = atoms.calc.evaluation
    atoms.set_momenta(np.ones((2, 3)))
    atoms.get_forces()
    assert atoms.calc.evaluation is before  # nothing that energies go by


@pytest.mark.parametrize("info", [{"charge": "plus"}, {"charge": 1, "total_charge": 2}, {"spin": "up"}])
def test_no_numbers_are_refused(info):
    with pytest.raises(InputError, match="one number each; correct it"):
        evaluate(ASEPotential(Listener()), pair(**info))


def test_functions_may_ask_for_the_charge():
    found = []

    def energy(positions, total_charge):
        found.append(total_charge)
        return 0.0, np.zeros_like(positions)

    evaluate(PythonPotential(energy), pair(charge=2))
    evaluate(PythonPotential(energy), pair())
    assert found == [2.0, 0.0]


def test_what_is_made_of_a_structure_says_it_too():
    assert pair(charge=1, spin=2).to_ase().info == {"charge": 1, "spin": 2}
    assert System.from_ase(pair(charge=-1, frame=2).to_ase()).info == {"charge": -1}
    box = System(Box.cubic(9.0), [[0.0, 0, 0]], ["O"], info={"charge": 1, "spin": 2})
    assert box.replicate((2, 1, 1)).totals == {"charge": 2}
    assert box.replicate((1, 1, 1)).totals == {"charge": 1, "spin": 2}


def test_files_of_a_run_and_its_restart_keep_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    Path("pair.extxyz").write_text("2\ncharge=-1 spin=3\nO 0 0 0\nH 1.1 0 0\n")
    Path("run.toml").write_text(RUN)
    assert main(["run", "run.toml"]) == 0
    here = sys.modules["tests.test_totals"].HEARD  # the input imports this file by its name
    assert all(info["spin"] == 3 and charge == -1.0 for charge, info, _ in here)
    assert System.read("run.extxyz").totals == {"charge": -1, "spin": 3}
    with Trajectory("run.h5md") as trajectory:
        assert trajectory[-1].to_system().totals == {"charge": -1, "spin": 3}
    here.clear()
    assert main(["run", "run.toml", "--restart", "--set", "stage.0.steps=3"]) == 0
    assert here and all(info["spin"] == 3 and charge == -1.0 for charge, info, _ in here)
    for file in ("run.extxyz", "run.h5md"):
        here.clear()
        assert main(["rerun", "run.toml", file, "--output", f"{file}.again.extxyz"]) == 0
        assert here and all(info["spin"] == 3 and charge == -1.0 for charge, info, _ in here)
