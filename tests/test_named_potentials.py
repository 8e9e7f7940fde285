"""Potentials that an input names: functions of Python files, calculators of ASE."""

import pickle
import re

import numpy as np
import pytest

from mdcore import InputError, System, Trajectory, evaluate
from mdcore.__main__ import main
from mdcore.potentials.named import FileFunction, NamedCalculator
from mdcore.potentials.python import ASEPotential, PythonPotential
from tests.mpi import mpirun, needs_mpi

SPRINGS = """\
import numpy as np

STIFFNESS = 0.5


def springs(positions, cell):
    away = positions - positions.mean(axis=0)
    return 0.5 * STIFFNESS * (away**2).sum(), -STIFFNESS * away


def broken(positions):
    raise RuntimeError("no luck")


number = 3
"""
INPUT = """\
[structure]
build = "fcc"
species = "Cu"
lattice_constant = 3.7
replicate = [2, 2, 2]
[velocities]
temperature = 300
{potential}
[[stage]]
ensemble = "nve"
timestep = 2.0
steps = 6
trajectory_every = 3
[output]
name = "{name}"
thermo_every = 2
"""
PYTHON = '[potential]\ntype = "python"\nfile = "springs.py"\nfunction = "springs"'
EMT = '[potential]\ntype = "ase"\ncalculator = "emt"'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "springs.py").write_text(SPRINGS)
    return tmp_path


def write(potential, name="out"):
    with open(f"{name}.toml", "w") as stream:
        stream.write(INPUT.format(potential=potential, name=name))
    return f"{name}.toml"


def positions(name):
    with Trajectory(f"{name}.h5md") as trajectory:
        return np.array([frame.positions for frame in trajectory])


class TestRanks:
    pytestmark = needs_mpi

    @pytest.mark.parametrize("potential", [PYTHON, EMT], ids=["python", "ase"])
    def test_same_bits(self, folder, potential):
        if potential is EMT:
            pytest.importorskip("ase")
        assert main(["run", write(potential, "one")]) == 0
        mpirun(2, "-m", "mdcore", "run", str(folder / write(potential, "two")))
        assert np.array_equal(positions("one"), positions("two")) and not np.array_equal(*positions("one")[:2])


def test_is_what_python_says(folder, capsys):
    pytest.importorskip("ase")
    from ase.calculators.emt import EMT as Real

    assert main(["run", write(EMT)]) == 0
    told = capsys.readouterr().out
    assert "potential  ASE" in told or "potential  ase" in told
    system = System.build("fcc", 3.7, "Cu").replicate((2, 2, 2))
    named = evaluate(ASEPotential(NamedCalculator("ase.calculators.emt:EMT", {"asap_cutoff": True})), system)
    real = evaluate(ASEPotential(Real(asap_cutoff=True)), system)
    assert named.energy == real.energy and np.array_equal(named.forces, real.forces)


def test_can_be_sent(folder):
    potential = PythonPotential(FileFunction("springs.py", "springs"))
    system = System.build("fcc", 3.7, "Cu")
    system.positions[0] += 0.1
    assert evaluate(pickle.loads(pickle.dumps(potential)), system).energy == evaluate(potential, system).energy


@pytest.mark.parametrize(
    ("potential", "needle"),
    [
        (PYTHON.replace("springs.py", "spring.py"), r"\[potential\].*spring\.py.*no such file"),
        (PYTHON.replace('"springs"', '"spring"'), r"no function spring; it has springs, broken"),
        (PYTHON.replace('"springs"', '"number"'), r"no function number"),
        (PYTHON.replace('"springs"', '"broken"'), r"broken failed: RuntimeError: no luck"),
        (EMT.replace("emt", "emtt"), r"no calculator 'emtt'"),
        (EMT.replace("emt", "ase.calculators.emt:EM"), r"no calculator 'ase\.calculators\.emt:EM'"),
        (EMT.replace("emt", "ase.calculators.singlepoint:SinglePointCalculator"), r"TypeError: .*check its arguments"),
        (EMT.replace("emt", "os:getcwd"), r"os:getcwd is no calculator"),
        ('units = "lj"\n' + EMT, r"units|lj"),
    ],
)
def test_refuses(folder, potential, needle, capfd):
    if '"ase"' in potential:
        pytest.importorskip("ase")
    units, rest = potential.split("\n", 1) if potential.startswith("units") else ("", potential)
    path = folder / write(rest)
    path.write_text(f"{units}\n{path.read_text()}")
    code = main(["run", str(path)])
    told = capfd.readouterr().err
    assert code != 0 and "Traceback" not in told
    assert re.search(needle, " ".join(told.split())), told


def test_a_file_may_import_what_lies_beside_it(folder):
    (folder / "stiffness_of_springs.py").write_text("STIFFNESS = 0.5\n")
    text = SPRINGS.replace("STIFFNESS = 0.5", "from stiffness_of_springs import STIFFNESS")
    (folder / "springs.py").write_text(text)
    system = System.build("fcc", 3.7, "Cu")
    assert evaluate(PythonPotential(FileFunction("springs.py", "springs")), system).energy > 0.0


def test_a_file_that_fails_says_so(folder):
    (folder / "springs.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(InputError, match=r"springs\.py failed: ModuleNotFoundError"):
        FileFunction("springs.py", "springs")
    (folder / "springs.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(InputError, match=r"springs\.py failed: SystemExit"):
        FileFunction("springs.py", "springs")
    (folder / "springs.py").write_text("def f(:\n")
    with pytest.raises(InputError, match=r"springs\.py failed: SyntaxError"):
        FileFunction("springs.py", "springs")
