"""Committees from the command line: run, restart, ranks, convert, info, verify."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mdcore import Trajectory, evaluate
from mdcore.base.comm import SelfComm
from mdcore.base.errors import Interrupted
from mdcore.cli import main
from mdcore.cli.run import run
from mdcore.config import load
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.trained import fingerprint
from mdcore.structure.extxyz import write_frame
from tests.mpi import mpirun, needs_mpi
from tests.reference.committees import MEMBERS, MODEL, SYSTEM
from tests.reference.hdnnp_models import random_model
from tests.test_committee import BY_HAND, MOST, frames_of
from tests.test_extrapolation import moving
from tests.test_networks_cli import StopAfter, assert_same, results

INPUT = """
[structure]
file = "start.extxyz"

[[potential]]
type = "hdnnp"
file = "net.h5"
extrapolation = "ignore"

[[stage]]
ensemble = "nve"
timestep = 0.05
steps = 40

[output]
thermo_every = 4
trajectory_every = 10
dump_every = 20
checkpoint_every = 10
progress = "off"
"""
LIMIT = float(np.sort(MOST)[20:22].mean())


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MDCORE_NUM_THREADS", raising=False)
    write_h5(MODEL, "net.h5")
    for k, member in enumerate(MEMBERS):
        write_h5(member, f"m{k}.h5")
    with open("start.extxyz", "w") as stream:
        write_frame(stream, moving())
    Path("water.toml").write_text(INPUT)
    return tmp_path


def command(*arguments) -> int:
    return main(["run", "water.toml", *arguments])


def sets(**values) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"potential.0.{key}={value}")]


SAVE = sets(disagreement_save=LIMIT, disagreement_every=2, disagreement_pause=6)


def test_runs_tells_and_saves(capsys):
    assert command(*SAVE) == 0
    out = capsys.readouterr().out
    assert "hdnnp net: a committee of 3, " in out or "hdnnp random: a committee of 3, " in out
    assert "max_disagreement" in out and "mean_disagreement" in out
    above = np.count_nonzero(MOST[:41:2] > LIMIT)
    assert re.search(rf"\ndisagreement: .* at step \d+; above {LIMIT:g} in {above} of 21 looks", out)
    frames = frames_of(Path("water-disputed.extxyz"))
    assert len(frames) > 1 and all(MOST[frame.info["Step"]] > LIMIT for frame in frames)
    with Trajectory("water.h5md") as found:
        np.testing.assert_allclose(found.thermo()["max_disagreement"], MOST[:41:4], atol=1e-9)
    assert main(["check", "water.toml", *SAVE]) == 0
    assert "water-disputed.extxyz (structures the committee disagrees about" in capsys.readouterr().out


def test_stops_and_goes_on(capsys):
    command("--quiet")
    straight = results("water.h5md")
    limit = float(np.sort(MOST)[-6:-4].mean())
    step = next(k for k in range(41) if MOST[k] > limit)
    stop = sets(disagreement_stop=limit, disagreement_every=1)
    assert command("--overwrite", "--quiet", *stop) == 5
    err = capsys.readouterr().err
    assert err.count("mdcore: error:") == 1 and f"step {step}: the members of" in err
    for text in (f"atom {BY_HAND[step].argmax()} (counting from 0)", f"the limit is {limit:g}", "water-disputed.extxyz",
                 "water.checkpoint", "go on with --restart", "a larger disagreement_stop"):  # fmt: skip
        assert text in err, text
    saved = Path("water-disputed.extxyz").read_text()
    assert frames_of(Path("water-disputed.extxyz"))[-1].info["Step"] == step
    assert command("--restart", "--quiet", *stop) == 5  # with the same limit at once
    assert Path("water-disputed.extxyz").read_text() == saved
    assert command("--restart", "--quiet") == 0
    assert_same(straight, results("water.h5md"))


def test_restart_keeps_columns_and_structures(capsys):
    assert command("--quiet", *SAVE) == 0
    straight, names = results("water.h5md"), ("water-disputed.extxyz", "water.extxyz")
    files = [Path(name).read_bytes() for name in names]
    halved = load("water.toml", [f"potential.0.{pair}" for pair in (
        f"disagreement_save={LIMIT}", "disagreement_every=2", "disagreement_pause=6")])  # fmt: skip
    with pytest.raises(Interrupted):
        run(halved, SelfComm(), StopAfter(21), overwrite=True, quiet=True)
    assert command("--restart", "--quiet", *SAVE) == 0
    assert_same(straight, results("water.h5md"))
    assert [Path(name).read_bytes() for name in names] == files


@pytest.mark.parametrize(
    ("file", "values", "says"),
    [
        ("m0.h5", {"disagreement_save": 0.3}, "disagreement_save = 0.3: applies to a committee; m0.h5 is one network"),
        ("m0.h5", {"disagreement_every": 5}, "disagreement_every = 5: applies to a committee"),
        ("net.h5", {"disagreement_pause": 5}, "disagreement_pause = 5: applies with disagreement_save only"),
        ("net.h5", {"disagreement_stop": 0.0}, "disagreement_stop = 0.0: expected a number > 0"),
    ],
)
def test_refuses(file, values, says, capsys):
    assert command("--quiet", *sets(file=file, **values)) == 2
    err = capsys.readouterr().err
    assert says in err, err


def test_convert_makes_a_committee_and_takes_it_apart(capsys):
    assert main(["convert", "m0.h5", "m1.h5", "m2.h5", "all.h5"]) == 0
    assert "a committee of 3" in capsys.readouterr().out
    made = read_model("all.h5")
    assert fingerprint(made) == fingerprint(MODEL) and made.test_vectors and made.name == "all"
    assert made.provenance["potential 2"] == "m1.h5"
    assert main(["convert", "all.h5", "parts"]) == 0
    out = capsys.readouterr().out
    assert "parts-1, parts-2, parts-3" in out and "each folder holds one member" in out
    assert main(["convert", "all.h5", "parts"]) == 4
    assert "parts-1/input.nn exists" in capsys.readouterr().err
    for target in (".", "..", "", "/"):
        assert main(["convert", "all.h5", target]) == 4
        assert f"{target!r}: no name of a folder" in capsys.readouterr().err
    each = [evaluate(f"parts-{k}", SYSTEM).forces for k in (1, 2, 3)]
    np.testing.assert_allclose(np.mean(each, axis=0), evaluate("all.h5", SYSTEM).forces, atol=1e-9)
    write_h5(random_model(("O", "Si")), "other.h5")
    assert main(["convert", "m0.h5", "other.h5", "no.h5"]) == 2
    assert "a committee shares elements" in capsys.readouterr().err and not Path("no.h5").exists()


def test_convert_joins_other_descriptors_and_takes_them_apart(capsys):
    """A folder of n2p2 has one type of cutoff function: each member has its own."""
    other = random_model(types=[2, 9], cutoff=2.5, cutoff_type=6, seed=2)
    other = replace(other, provenance={"settings": "of the other"})
    write_h5(other, "other.h5")
    assert main(["convert", "m0.h5", "other.h5", "mixed.h5"]) == 0
    assert read_model("mixed.h5").provenance["potential 2, settings"] == "of the other"
    assert main(["convert", "mixed.h5", "mixed"]) == 0
    np.testing.assert_allclose(evaluate("mixed-2", SYSTEM).forces, evaluate("other.h5", SYSTEM).forces, atol=1e-9)
    assert read_model("mixed-2").symmetry_functions == other.symmetry_functions


def test_info_and_verify(capsys):
    assert main(["info", "net.h5"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"members +3: a committee; energy and forces are means", out)
    assert re.search(r"network +\d+-5-4-1, .*; 1 members", out) and re.search(r"network +\d+-7-4-1", out)
    assert main(["verify", "net.h5", "start.extxyz"]) == 0


class TestRanks:
    pytestmark = needs_mpi

    def test_same_bits_on_any_number_of_ranks_and_threads(self, folder, capsys):
        one = None
        for ranks, threads in ((1, 1), (1, 2), (2, 1), (4, 1), (2, 2)):
            words = ["run", "water.toml", "--overwrite", *SAVE, "--set", f"parallel.threads={threads}"]
            if ranks == 1:
                assert main(words) == 0
                said = capsys.readouterr().out
            else:
                said = mpirun(ranks, "-m", "mdcore", *words).stdout
            told = [line for line in said.splitlines() if line.startswith("disagreement:")]
            files = [Path(f"water{end}").read_bytes() for end in ("-disputed.extxyz", ".extxyz")]
            assert len(told) == 1
            mine = results("water.h5md"), files, told
            one = one or mine
            assert_same(one[0], mine[0])
            assert one[1:] == mine[1:], f"{ranks} ranks, {threads} threads"
        stop = sets(disagreement_stop=LIMIT, disagreement_every=1)
        done = mpirun(3, "-m", "mdcore", "run", "water.toml", "--overwrite", "--quiet", *stop, check=False)
        assert done.returncode == 5 and done.stderr.count("mdcore: error: step ") == 1
