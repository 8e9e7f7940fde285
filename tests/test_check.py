"""Does `mdcore check` foresee what the first step of a stage would refuse, and does a run end in time?"""

from pathlib import Path

import pytest

from mdcore.base.signals import Deadline
from mdcore.cli import main
from tests.mpi import mpirun, needs_mpi
from tests.test_rerun import INPUT

BATH = 'ensemble = "nvt"\ntemperature = 60\nrelaxation = 50'
BAROSTAT = 'ensemble = "npt"\ntemperature = [60, 50]\nrelaxation = 50\npressure = 0.1\npressure_relaxation = 800'
BAROSTAT += "\ncompressibility = 1.0"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(*changes) -> str:
    text = INPUT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path("a.toml").write_text(text)
    return text


@pytest.mark.parametrize("stage", [BATH, BAROSTAT])
def test_atoms_at_rest(capsys, stage):
    written(("[velocities]\ntemperature = 60\n", ""), ('ensemble = "nve"', stage))
    for command in ("check", "run"):
        assert main([command, "a.toml"]) == 2
        assert "all atoms are at rest" in capsys.readouterr().err
    assert main(["check", "a.toml", "--set", "velocities.temperature=10"]) == 0
    resting = '[[stage]]\nensemble = "minimise"\nsteps = 50\n'
    written(("[velocities]\ntemperature = 60\n", ""), ('ensemble = "nve"', stage), ("[[stage]]", resting + "[[stage]]"))
    assert main(["check", "a.toml"]) == 2
    assert "[[stage]] #2" in (told := capsys.readouterr().err) and "all atoms are at rest" in told
    written(("[velocities]\ntemperature = 60\n", ""))
    assert main(["check", "a.toml"]) == 0  # at constant energy they may be


def test_a_pressure_that_nobody_tells(capsys):
    Path("own.py").write_text("def energy(positions, **more):\n    return 0.0, 0.0 * positions\n")
    own = ('type = "lj"\ncutoff = 7.0\n[potential.species.Ar]\nepsilon = 0.0104\nsigma = 3.4\n',
           'type = "python"\nfile = "own.py"\nfunction = "energy"\n')  # fmt: skip
    written(own, ('ensemble = "nve"', BAROSTAT))
    assert main(["check", "a.toml"]) == 2
    err = capsys.readouterr().err
    assert 'a.toml: [[stage]] #1 ensemble = "npt"' in err and "does not tell its virial" in err
    written(own)
    assert main(["check", "a.toml"]) == 0


def test_what_stages_say_is_shown(capsys):
    written(('ensemble = "nve"', BAROSTAT))
    assert main(["check", "a.toml"]) == 0
    out = capsys.readouterr().out
    assert "npt, 12 steps of 5 fs at 60 to 50 K" in out
    assert "relaxation 50 fs, pressure 0.1 GPa, pressure_relaxation 800 fs" in out.replace("\n", " ")
    written(('ensemble = "nve"', 'ensemble = "nve"\nstrain_rate = [0, 0, 1e-7, 0, 0, 0]'))
    assert main(["check", "a.toml"]) == 0 and "strain_rate [0.0, 0.0, 1e-07" in capsys.readouterr().out


def test_deadline():
    stop = Deadline(lambda: False, 1e6)
    assert not stop() and stop.received is None
    stop = Deadline(lambda: False, 1e-9)
    assert stop() and "wall_minutes = 1e-09" in stop.received


def test_a_run_ends_in_time_and_goes_on(capsys):
    written(("steps = 12", "steps = 400000"))
    assert main(["run", "a.toml", "--quiet", "--set", "limits.wall_minutes=0.005"]) == 75
    err = capsys.readouterr().err
    assert "the end of wall_minutes = 0.005 came: stopped at step" in err and "--restart" in err
    assert main(["run", "a.toml", "--quiet", "--restart", "--set", "limits.wall_minutes=0.005"]) == 75


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_all_ranks_end(self):
        written(("steps = 12", "steps = 400000"))
        done = mpirun(2, "-m", "mdcore", "run", "a.toml", "--quiet", "--set", "limits.wall_minutes=0.005", check=False)
        assert done.returncode == 75 and done.stderr.count("stopped at step") == 1
