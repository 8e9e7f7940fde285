"""Does the command do what it says: run, refuse, stop, continue with the same bits?"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mdcore.base.comm import SelfComm
from mdcore.base.errors import Interrupted
from mdcore.cli import main
from mdcore.cli.run import run
from mdcore.config import load
from mdcore.output import checkpoint
from mdcore.output.trajectory import Trajectory
from tests.mpi import mpirun, needs_mpi
from tests.test_bad_inputs import GOOD

ROOT = Path(__file__).parents[1]
OUTPUT = """\
trajectory_every = 3
dump_every = 4
checkpoint_every = 5
progress = "off"
"""
INPUT = GOOD.replace("thermo_every = 10", "thermo_every = 2\n" + OUTPUT).replace("steps = 6", "steps = 12")
LAST = 17  # 5 + 12 steps


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "argon.toml").write_text(INPUT)
    return tmp_path


class StopAfter:
    """Asks to stop when it has been asked `steps` times, that is during that step."""

    received = "SIGTEST"

    def __init__(self, steps: int):
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def never() -> bool:
    return False


def results(path="argon.h5md") -> dict:
    """Everything in a results file that must not depend on interruptions or ranks."""
    with Trajectory(path) as t:
        out = {f"thermo/{name}": values for name, values in t.thermo().items()}
        out |= {"steps": t.steps, "times": t.times}
        for frame in t:
            for name in ("positions", "images", "velocities", "forces"):
                out[f"{frame.step}/{name}"] = getattr(frame, name)
    return out


def assert_same_bits(one: dict, two: dict):
    assert one.keys() == two.keys()
    for name, values in one.items():
        assert np.asarray(values).tobytes() == np.asarray(two[name]).tobytes(), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The results of a run that nobody interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "argon.toml").write_text(INPUT)
    run(load(folder / "argon.toml", [f'output.directory="{folder}"']), SelfComm(), never, quiet=True)
    return results(folder / "argon.h5md"), (folder / "argon.extxyz").read_bytes()


def test_run(whole, capsys):
    assert main(["run", "argon.toml"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for text in (
        "32 Ar",
        "stage 1 of 2: equilibrate, langevin, 5 steps of 2 fs at 94.4 K",
        "stage 2 of 2: produce, nve, 12 steps of 4 fs",
        "steps/s",
        "ns/day",
        "memory",
        "\n\nwrote argon.h5md (trajectory and thermo log)\nwrote argon.extxyz (extxyz dump)\nwrote argon.checkpoint",
    ):
        assert text in out
    assert_same_bits(results(), whole[0])
    files = {"argon.toml", "argon.h5md", "argon.extxyz", "argon.checkpoint", "argon.checkpoint.previous"}
    assert set(os.listdir()) == files
    with Trajectory("argon.h5md") as t:
        assert t.provenance["input"] == INPUT
        assert t.thermo()["step"].tolist() == [0, 2, 4, 5, 6, 8, 10, 12, 14, 16, 17]  # also the last of each stage
        assert t.thermo()["time"].tolist() == [0, 4, 8, 10, 14, 22, 30, 38, 46, 54, 58]
        assert t.steps.tolist() == [0, 3, 6, 9, 12, 15]


def test_quiet_run_says_nothing(capsys):
    assert main(["run", "argon.toml", "--quiet", "--set", "stage.produce.steps=1"]) == 0
    assert capsys.readouterr() == ("", "")


def test_each_stage_has_its_own_intervals():
    sets = [
        "stage.0.thermo_every=1",
        "stage.1.thermo_every=6",
        "stage.0.trajectory_every=0",
        "stage.1.trajectory_every=5",
        "stage.0.dump_every=0",
        "stage.1.dump_every=0",
    ]
    assert main(["run", "argon.toml", "--quiet", *(f"--set={item}" for item in sets)]) == 0
    with Trajectory("argon.h5md") as t:
        assert t.thermo()["step"].tolist() == [0, 1, 2, 3, 4, 5, 6, 12, 17]
        assert t.steps.tolist() == [5, 10, 15]
    assert not Path("argon.extxyz").exists()


def test_check(capsys):
    assert main(["check", "argon.toml"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for text in (
        "argon.toml: the input is right",
        "32 (32 Ar)",
        "10.52 x 10.52 x 10.52 Angstrom",
        "periodic along a, b, c",
        "density",
        "lj, cutoff 5 Angstrom",
        "stage 2 of 2: produce, nve",
        "argon.h5md (trajectory and thermo log)",
        "argon.checkpoint",
    ):
        assert text in out
    assert os.listdir() == ["argon.toml"]


@pytest.mark.parametrize("steps", [1, 4, 5, 6, 8, 16])
def test_interrupted_and_continued_run_has_the_same_bits(steps, whole):
    with pytest.raises(Interrupted, match=f"SIGTEST .* at step {steps}, .*: mdcore run argon.toml --restart"):
        run(load("argon.toml"), SelfComm(), StopAfter(steps), quiet=True)
    run(load("argon.toml"), SelfComm(), never, restart=True, quiet=True)
    assert_same_bits(results(), whole[0])
    assert Path("argon.extxyz").read_bytes() == whole[1]


def test_a_run_may_be_interrupted_again_and_again(whole):
    restart = None
    while True:
        try:
            run(load("argon.toml"), SelfComm(), StopAfter(3), restart=restart, quiet=True)
            break
        except Interrupted:
            restart = True
    assert_same_bits(results(), whole[0])
    assert Path("argon.extxyz").read_bytes() == whole[1]


def test_output_after_the_checkpoint_is_dropped(whole):
    run(load("argon.toml"), SelfComm(), never, quiet=True)
    os.replace("argon.checkpoint.previous", "argon.checkpoint")  # of step 15, as if killed at step 17
    assert main(["run", "argon.toml", "--quiet", "--restart"]) == 0
    assert_same_bits(results(), whole[0])
    assert Path("argon.extxyz").read_bytes() == whole[1]


def test_a_finished_run_can_be_made_longer(whole):
    assert main(["run", "argon.toml", "--quiet", "--set", "stage.produce.steps=5"]) == 0
    assert main(["run", "--quiet", "--restart", "argon.toml"]) == 0
    assert_same_bits(results(), whole[0])


def test_the_row_of_an_end_that_was_none_goes(whole):
    """The last step is in the log though 2 does not divide it; in a run made longer it is no last step."""
    assert main(["run", "argon.toml", "--quiet", "--set", "stage.produce.steps=4"]) == 0
    assert results()["thermo/step"].tolist()[-2:] == [8, 9]
    assert main(["run", "argon.toml", "--quiet", "--restart"]) == 0
    assert_same_bits(results(), whole[0])


def test_a_finished_run_has_nothing_to_continue(whole, capsys):
    assert main(["run", "argon.toml", "--quiet"]) == 0
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path().iterdir()}
    assert main(["run", "argon.toml", "--quiet", "--restart"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["run", "argon.toml", "--restart"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "steps/s" not in out
    assert out.startswith("argon.toml: this run is finished: argon.checkpoint is of its last step, 17. To go on, give")
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path().iterdir()} == before
    assert_same_bits(results(), whole[0])


def test_a_finished_run_is_analysed_if_that_is_missing_or_changed(capsys):
    analysis = ["--set", "analysis.plot=false", "--set", "analysis.rdf_max=5.0"]
    assert main(["run", "argon.toml", "--quiet"]) == 0
    assert main(["run", "argon.toml", "--restart", *analysis]) == 0  # wanted afterwards
    out = capsys.readouterr().out
    assert "this run is finished" in out and "g(r)" in out
    stamp = os.stat("argon.analysis.json").st_mtime_ns
    assert main(["run", "argon.toml", "--restart", *analysis, "--set", "analysis.rdf_bins=50"]) == 0
    assert os.stat("argon.analysis.json").st_mtime_ns > stamp and "g(r)" in capsys.readouterr().out


def test_a_restart_says_from_where_and_what_is_new(capsys):
    with pytest.raises(Interrupted):
        run(load("argon.toml"), SelfComm(), StopAfter(7), quiet=True)
    assert main(["run", "argon.toml", "--restart", "--set", "stage.produce.steps=13"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"\n  goes on    after step 7, 18 fs, of argon.checkpoint, written 20\d\d-\d\d-\d\d \d\d:", out)
    assert err == (
        "mdcore: note: argon.checkpoint was written with other settings; the run goes on with "
        "stage.produce.steps = 13, was 12\n"
    )


def test_overwrite_replaces_results_and_forgets_their_checkpoints(whole):
    assert main(["run", "argon.toml", "--quiet", "--set", "stage.1.steps=11", "--set", "seed=5"]) == 0
    sets = ["--set", "output.checkpoint_every=0"]
    assert main(["run", "argon.toml", "--quiet", "--overwrite", *sets]) == 0
    assert_same_bits(results(), whole[0])
    assert not Path("argon.checkpoint").exists() and not Path("argon.checkpoint.previous").exists()


@pytest.mark.parametrize(("minutes", "says", "left"), [(10.0, "", []), (1e-9, "", ["a.checkpoint"]),
                                                       (1e-9, "checkpoint_minutes = 0", [])])  # fmt: skip
def test_checkpoints_without_being_asked(minutes, says, left, monkeypatch):
    """A run that lasts goes on after a kill; a short one leaves no file that nobody asked for."""
    monkeypatch.setattr("mdcore.cli.outputs.MINUTES", minutes)
    Path("a.toml").write_text(INPUT.replace("checkpoint_every = 5", says))
    assert main(["run", "a.toml", "--quiet"]) == 0
    assert [name for name in sorted(os.listdir()) if name == "a.checkpoint"] == left
    if left:
        assert checkpoint.read("a.checkpoint")["step"] == LAST


@pytest.mark.parametrize(
    ("words", "given"), [([], "--overwrite"), (["--quiet"], "--overwrite --quiet"), (["--restart"], "--restart")]
)
def test_the_script_for_beginners(tmp_path, words, given):
    """./run replaces what is there, unless it shall go on from it."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, text in ((".ci/venv", ""), (".venv/bin/mdcore", 'echo "$@"'), ("run", (ROOT / "run").read_text())):
        (tmp_path / name).write_text(text if name == "run" else f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run([tmp_path / "run", *words], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == f"run inputs/water.toml {given}\n"


def test_terminated_process_writes_a_checkpoint_and_ends_with_its_own_code(folder):
    command = [sys.executable, "-m", "mdcore", "run", "argon.toml", "--set", "stage.0.steps=100000000"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 60
        while not Path("argon.extxyz").exists() and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 75
    assert err.startswith("mdcore: error: SIGTERM came: stopped at step")
    assert Path("argon.checkpoint").exists()


def test_help_and_version(capsys):
    assert main([]) == 0
    assert "run" in capsys.readouterr().out
    assert main(["run", "--help"]) == 0
    assert "--restart" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mdcore ")


def test_command_line_decides_on_threads_before_numpy_is_there():
    code = (
        "import os, sys; os.environ['MKL_NUM_THREADS'] = '3'; os.environ.pop('OPENBLAS_NUM_THREADS', None);"
        "import mdcore.cli; assert 'numpy' not in sys.modules;"
        "assert os.environ['OPENBLAS_NUM_THREADS'] == '1' and os.environ['MKL_NUM_THREADS'] == '3'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("words", "unused"),
    [
        (["--version"], {"numpy", "shutil", "textwrap", "tomllib"}),
        (["check", "argon.toml"], {"h5py", "ase", "csv", "mdcore.analysis", "mdcore.config.training"}),
    ],
)
def test_commands_load_what_they_need(words, unused):
    """Start-up: what is imported for nothing takes longer than the command itself."""
    code = (
        "import sys; before = set(sys.modules); from mdcore.cli import main; main(sys.argv[1:]);"
        f"print({unused} & set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    @pytest.mark.parametrize("ranks", [2, 3])
    def test_same_bits(self, ranks, whole):
        mpirun(ranks, "-m", "mdcore", "run", "argon.toml", "--quiet")
        assert_same_bits(results(), whole[0])
        assert Path("argon.extxyz").read_bytes() == whole[1]

    def test_continued_on_another_number_of_ranks(self, whole):
        with pytest.raises(Interrupted):
            run(load("argon.toml"), SelfComm(), StopAfter(7), quiet=True)
        mpirun(2, "-m", "mdcore", "run", "argon.toml", "--quiet", "--restart")
        assert_same_bits(results(), whole[0])

    @pytest.mark.parametrize(
        ("arguments", "code", "text"),
        [
            (["--set", "seed=x"], 2, '--set seed=x: seed = "x": expected an integer'),
            (["--fast"], 2, "unrecognized arguments: --fast"),
            (["--set", "parallel.grid=[2,2,1]"], 2, "[parallel] grid = [2, 2, 1]: 4 domains for 2 ranks"),
            (["--set", "stage.0.timestep=500"], 3, "farther than half the skin"),
        ],
    )
    def test_an_error_is_told_once(self, arguments, code, text):
        done = mpirun(2, "-m", "mdcore", "run", "argon.toml", *arguments, check=False)
        assert done.returncode == code
        assert done.stderr.count("mdcore: error:") == 1
        assert text in done.stderr
        assert "Traceback" not in done.stderr
