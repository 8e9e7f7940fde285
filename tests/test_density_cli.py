"""Density networks by name: inputs, mdcore run, info, convert, evaluate, verify."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mdcore import evaluate
from mdcore.cli import main
from mdcore.output.trajectory import Trajectory
from mdcore.potentials.density.committee import committee
from mdcore.potentials.density.potential import DensityPotential
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.trained import fingerprint
from mdcore.potentials.networks.vectors import make_test_vectors
from mdcore.structure.extxyz import write_frame
from tests.density_twin import GENTLE, density, random_network
from tests.reference.hdnnp_models import random_model
from tests.test_density_potential import GROUP, SYSTEM, ranged
from tests.test_networks_cli import INPUT

INPUT = INPUT.replace('"hdnnp"', '"density"').replace('"net"', '"one.h5"').replace("= 3000", "= 300")
ONE = ranged()
ONE = replace(ONE.model, name="one", test_vectors=make_test_vectors(ONE.answers))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MDCORE_NUM_THREADS", raising=False)
    write_h5(ONE, "one.h5")
    write_h5(replace(GROUP.model, name="group", test_vectors=make_test_vectors(GROUP.answers)), "group.h5")
    with open("start.extxyz", "w") as stream:
        write_frame(stream, SYSTEM)
    Path("run.toml").write_text(INPUT)


def failing(capsys, *arguments) -> str:
    assert main(arguments) == 2
    return capsys.readouterr().err


def test_an_input_names_it(capsys):
    assert main(["run", "run.toml"]) == 0
    out, _ = capsys.readouterr()
    assert "density one: 2 layers of 16 channels, l_max 3, products of 3, 3,170 parameters, cutoff 2.5 Angstrom" in out
    assert "extrapolation: " in out and "\nverdict: " in out
    with Trajectory("run.h5md") as trajectory:
        energy = trajectory.thermo()["potential"][0]
    assert energy == pytest.approx(evaluate(DensityPotential(ONE), SYSTEM).energy, abs=1e-9)
    assert main(["run", "run.toml", "--overwrite", "--set", "parallel.threads=2"]) == 0
    with Trajectory("run.h5md") as again:
        assert again.thermo()["potential"][0] == energy


def test_a_committee_in_an_input(capsys):
    changes = ["--set", "potential.0.file=group.h5", "--set", "potential.0.disagreement_every=5"]
    assert main(["run", "run.toml", *changes, "--set", "potential.0.precision=mixed"]) == 0
    out, _ = capsys.readouterr()
    assert "a committee of 3" in out and "mixed precision" in out and "disagreement: the members of group" in out
    assert "verdict" not in out  # its range is not known


def test_the_type_is_that_of_the_file(capsys):
    assert 'one.h5 is of the other type; write type = "density"' in failing(
        capsys, "check", "run.toml", "--set", "potential.0.type=hdnnp"
    )
    write_n2p2(random_model(), "net")
    assert 'net is of the other type; write type = "hdnnp"' in failing(
        capsys, "check", "run.toml", "--set", "potential.0.file=net"
    )
    for change, text in (
        ("file=none.h5", "no such file"),
        ("units={length='bohr'}", "units"),
        ("disagreement_stop=1.0", "applies to a committee; one.h5 is one network"),
    ):
        assert text in failing(capsys, "check", "run.toml", "--set", f"potential.0.{change}")


def test_what_can_not_be_watched(capsys):
    changes = ["--set", "potential.0.file=group.h5", "--set", "potential.0.extrapolation=stop"]
    assert "its range of training is not known" in failing(capsys, "check", "run.toml", *changes)


def test_info(capsys):
    assert main(["info", "one.h5"]) == 0
    told = capsys.readouterr().out
    for text in ("H, O", "2 of 16 channels", "13 invariants of up to 3 factors", "3170", "the range alone"):
        assert text in told
    assert main(["info", "group.h5"]) == 0
    assert "verdicts go by    nothing; mdcore convert --data adds" in capsys.readouterr().out
    assert main(["info", "run.toml"]) == 0
    assert "[[potential]] #1: density" in capsys.readouterr().out
    write_h5(random_network(element_rank=3), "rank.h5")
    assert main(["info", "rank.h5"]) == 0
    told = capsys.readouterr().out
    assert "of rank 3 in the elements" in told and "messages" not in told
    write_h5(random_network(message_l=1), "vectors.h5")
    assert main(["info", "vectors.h5"]) == 0
    assert "messages          numbers and vectors" in capsys.readouterr().out
    write_h5(random_network(envelope=12), "window.h5")
    assert main(["info", "window.h5"]) == 0
    assert "5 Bessel functions under a window of exponent 12 mixed to 4" in capsys.readouterr().out


def test_members_of_several_designs(capsys):
    """Joined, known, told of, and alone again."""
    write_h5(replace(random_network(seed=4, layers=1, channels=32, **GENTLE), name="small"), "small.h5")
    Path("data.extxyz").write_text(2 * Path("start.extxyz").read_text())
    assert main(["convert", "one.h5", "small.h5", "both.h5", "--data", "data.extxyz"]) == 0
    both = read_model("both.h5")
    assert [own.shape for own in both.ranges] == [(2, 2, 32), (2, 2, 32)] and both.design.layers == 2
    capsys.readouterr()
    assert main(["info", "both.h5"]) == 0
    told = capsys.readouterr().out
    assert "2 of 16 channels; 1 member\n" in told and "1 of 32 channels; 1 member\n" in told
    Path("run.toml").write_text(INPUT.replace("one.h5", "both.h5"))
    assert main(["run", "run.toml"]) == 0


def test_convert(capsys):
    assert main(["convert", "one.h5", "group.h5", "both.h5", "--walls", "H-O=0.5:0.8"]) == 0
    both = read_model("both.h5")
    walls = both.walls
    assert [wall.name for wall in walls] == ["H-O"] and len(both.members) == 4 and both.test_vectors
    assert fingerprint(both) == fingerprint(replace(committee([ONE, read_model("group.h5")]), walls=walls))
    write_n2p2(random_model(), "net")
    assert "a committee is of potentials of one type" in failing(capsys, "convert", "one.h5", "net", "all.h5")
    assert "folders are of n2p2" in failing(capsys, "convert", "one.h5", "folder/")


def test_convert_learns_the_range_of_data():
    rng = np.random.default_rng(3)
    with open("data.extxyz", "w") as stream:
        for _ in range(6):
            moved = replace_positions(SYSTEM, SYSTEM.positions + rng.normal(scale=0.02, size=(30, 3)))
            write_frame(stream, moved)
    assert main(["convert", "group.h5", "known.h5", "--data", "data.extxyz"]) == 0
    model = read_model("known.h5")
    assert model.known.structures == 6 and model.known.disagreement > 0 and len(model.ranges) == 3
    assert not len(evaluate(DensityPotential(model), "data.extxyz").extrapolation.atoms)
    assert len(evaluate(DensityPotential(model), SYSTEM).extrapolation.atoms) < 30


def replace_positions(system, positions):
    return type(system)(system.box, positions, system.species, system.symbols)


def test_evaluate(capsys):
    assert main(["evaluate", "one.h5", "start.extxyz", "--output", "said.extxyz"]) == 0
    assert "verdict: within what one was trained on" in capsys.readouterr().out
    assert main(["evaluate", "one.h5", "said.extxyz", "--record", "own"]) == 0
    assert read_model("one.h5").training and fingerprint(read_model("one.h5")) == fingerprint(ONE)
    assert main(["evaluate", "group.h5", "start.extxyz"]) == 0
    assert "verdict" not in capsys.readouterr().out.split("keeps these errors")[-1]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["one.h5", "group.h5"])
def test_verify(file, capsys):
    assert main(["verify", file]) == 0
    assert "all is well (26 rows)" in capsys.readouterr().out


def test_unnamed_ones_work_as_well():
    """A potential made in Python, without a name or a card."""
    write_h5(density().model, "bare.h5")
    assert main(["info", "bare.h5"]) == 0 and main(["convert", "bare.h5", "again.h5"]) == 0
