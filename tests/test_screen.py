"""Does a command do its work whatever its streams are: closed, full, left by their reader, short of letters?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mdcore.output import checkpoint
from mdcore.output.trajectory import Trajectory

ROOT = Path(__file__).parents[1]
ARGON = """
title = "αργόν \\u8a66 $\\\\frac{$"
structure = { build = "fcc", species = "Ar", lattice_constant = 5.26, replicate = [2, 2, 2] }
velocities = { temperature = 94.4 }
potential = { type = "lj", cutoff = 5.0, species = { Ar = { epsilon = 0.0104, sigma = 3.40 } } }
stage = [{ ensemble = "nve", timestep = 4.0, steps = 40 }]
output = { thermo_every = 2, trajectory_every = 10, dump_every = 10 }
"""
EVERYTHING = {"run-argon.extxyz", "run-argon.h5md", "argon.toml"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "argon.toml").write_text(ARGON, encoding="utf-8")
    return tmp_path


def shell(folder, line, **environment):
    """The outcome of a line of bash in which $MDCORE is the command."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "PYTHONIO", "PYTHONUTF8"))}
    environment = {**clean, "PYTHONPATH": str(ROOT), "MDCORE": f"{sys.executable} -m mdcore", **environment}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, timeout=120)


RUN = "$MDCORE run argon.toml --set output.name=run-argon"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_lead_nowhere(closed, folder):
    """Nothing that is printed lands in a file of results, which would get the free descriptor."""
    done = shell(folder, f"{RUN} {closed}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert {path.name for path in folder.iterdir()} == EVERYTHING
    with Trajectory(folder / "run-argon.h5md") as trajectory:
        assert trajectory.steps[-1] == 40 and trajectory.provenance["title"].startswith("αργόν")


def test_an_error_finds_no_stream(folder):
    done = shell(folder, "$MDCORE run none.toml >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.parametrize("command", ["$MDCORE check argon.toml", RUN, "$MDCORE --help", "$MDCORE --version"])
def test_full_disk_under_the_screen_is_told_once(command, folder):
    done = shell(folder, f"{command} >/dev/full")
    assert done.returncode == 4
    assert done.stderr.decode() == (
        "mdcore: error: standard output: No space left on device: what was printed is incomplete\n"
    )
    if command == RUN:  # its files are complete
        with Trajectory(folder / "run-argon.h5md") as trajectory:
            assert trajectory.steps[-1] == 40


def test_a_reader_that_leaves_ends_a_command_quietly(folder):
    done = shell(folder, "$MDCORE check argon.toml | true; exit ${PIPESTATUS[0]}")
    assert done.returncode in (0, 141)  # 0: it was faster
    assert done.stderr == b""


def test_a_reader_that_leaves_stops_a_run_with_a_checkpoint(folder):
    done = shell(folder, f"{RUN} --set stage.0.steps=100000000 | head -n 1; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 75
    assert done.stderr.startswith(b"mdcore: error: SIGPIPE came: stopped at step")
    assert checkpoint.read(folder / "run-argon.checkpoint")["step"] > 0


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "cp1252:strict"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX"},
    ],
)
def test_letters_that_the_terminal_has_not(environment, folder):
    for command in ("$MDCORE check argon.toml", RUN):
        done = shell(folder, command, **environment)
        assert (done.returncode, done.stderr) == (0, b"")
    with Trajectory(folder / "run-argon.h5md") as trajectory:
        assert trajectory.provenance["title"].startswith("αργόν")


@pytest.mark.parametrize("name", ["SIGHUP", "SIGXCPU", "SIGUSR2"])
def test_a_run_is_stopped_with_a_checkpoint(name, folder):
    if signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
        pytest.skip("the tests run under nohup")
    process = begin(folder, f"exec {RUN}")
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75 and f"{name} came: stopped at step" in err
    assert (folder / "run-argon.checkpoint").exists()


def test_nohup_is_respected(folder):
    process = begin(folder, f"exec nohup {RUN}")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75 and "SIGTERM came" in err


def begin(folder, line):
    """A run that is at its steps."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MDCORE": f"{sys.executable} -m mdcore"}
    process = subprocess.Popen(
        ["bash", "-c", f"{line} --set stage.0.steps=100000000"],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (folder / "run-argon.extxyz").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    return process
