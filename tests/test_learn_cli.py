"""Does `mdcore learn` do what learn.toml says, tell where it stands, and say in one sentence what is wrong?"""

import json
import os
import runpy
from pathlib import Path

import pytest

from mdcore import System, evaluate
from mdcore.cli import main
from mdcore.config.load_learn import load_learn
from mdcore.config.reference import LEARN_EXAMPLE
from mdcore.learn.record import LOCK
from mdcore.learn.structures import from_json, write_labelled
from mdcore.output.lock import RunLock, lock_path
from mdcore.potentials.networks.h5 import write_h5
from tests import learn_parts
from tests.mpi import mpirun, needs_mpi
from tests.reference.hdnnp_models import random_model

LEARN = """\
title = "argon"
[campaign]
generations = 1
calls = 40
[start]
data = "start.extxyz"
[train]
input = "train.toml"
start = "warm"
[[explorer]]
name = "shaken"
type = "displacements"
count = 8
[select]
lower = 0.0
batch = 4
[oracle]
type = "python"
file = "reference.py"
function = "reference"
[judge]
frames = 2
[report]
plot = false
"""
REFERENCE = """\
from tests.learn_parts import LJ
from mdcore import evaluate, System, Box

def reference(positions, cell, species):
    found = evaluate(LJ, System(Box(cell), positions, species))
    return found.energy, found.forces, found.virial
"""
EXPLORE = """\
[structure]
file = "start.extxyz"
[velocities]
temperature = 20.0
[potential]
[[stage]]
ensemble = "nve"
timestep = 2.0
steps = 40
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learn_parts.prepare(tmp_path, labelled=5, others=1)
    (tmp_path / "learn.toml").write_text(LEARN)
    (tmp_path / "reference.py").write_text(REFERENCE)
    return tmp_path


def test_a_folder_without_a_campaign(folder, capsys):
    Path("sub/own").mkdir(parents=True)
    for path, said in (("sub", "sub/campaign.jsonl: not there"), (".", "name the folder of a campaign")):
        assert main(["learn", path, "--status"]) == 4
        assert said in capsys.readouterr().err
    Path("sub/own/campaign.jsonl").write_text('{"event": "begin"')
    assert main(["learn", "sub", "--status"]) == 4 and "did you mean sub/own?" in capsys.readouterr().err
    assert main(["learn", "sub/own", "--status", "--set", "seed=1"]) == 2
    assert "--set applies to" in capsys.readouterr().err
    Path("sub/own/campaign.jsonl").write_text("nothing of the kind")
    assert main(["learn", "sub/own", "--status"]) == 4 and "not the record of a campaign" in capsys.readouterr().err


def test_from_an_input_to_a_potential(folder, capsys):
    assert main(["check", "learn.toml"]) == main(["learn", "learn.toml", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert told.count("start       6 structures, 1 to be labelled first") == 2 and not Path("learn").exists()
    assert main(["learn", "learn.toml", "--status"]) == 4 and "has not begun" in capsys.readouterr().err
    assert main(["learn", "learn.toml", "--restart"]) == 4 and "nothing to go on with" in capsys.readouterr().err
    assert main(["learn", "learn.toml"]) == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    assert "ends: 1 generations are done" in told and "potential: learn/generation-001/potential.h5" in told
    events = [json.loads(line) for line in Path("learn/campaign.jsonl").read_text().splitlines()]
    assert sum(e["event"] == "label" for e in events) == 7 and not any(e["event"] == "failed" for e in events)
    whole = Path("learn/generation-001/train.toml")
    assert 'warm_start = "../generation-000/potential.h5"' in whole.read_text()
    assert main(["train", str(whole), "--set", "output.name=again", "--quiet"]) == 0
    assert Path("again.h5").exists()
    assert main(["learn", "learn.toml", "--status"]) == 0
    told = capsys.readouterr().out
    assert "calls 7 of 40" in told and "ended: 1 generations are done" in told
    for path in ("learn", "learn/campaign.jsonl"):
        assert main(["learn", path, "--status"]) == 0
        own = capsys.readouterr().out
        assert "calls 7, failed 0" in own and "ended: 1 generations are done" in own
    with RunLock(lock_path("learn", LOCK)):  # as if it went on
        assert main(["learn", "learn.toml", "--status"]) == 0
        told = capsys.readouterr().out
        assert f"; at work: process {os.getpid()} on " in told and "--restart" not in told
    assert main(["learn", "learn.toml"]) == 4 and "a campaign is there" in capsys.readouterr().err
    for path in ("learn", "learn/campaign.jsonl"):
        assert main(["info", path]) == 0
        told = capsys.readouterr().out
        assert "learn/campaign.jsonl: record of a campaign" in told and "calls 7, failed 0" in told
        assert "ended: 1 generations are done" in told and "potential: learn/generation-001/potential.h5" in told
    for file in ("train.toml", "reference.py"):
        Path(file).write_text(Path(file).read_text().replace("epochs = 2", "epochs = 3") + "# more\n")
    for changed in (True, False):
        assert main(["learn", "learn.toml", "--restart", "--set", "judge.frames=3"]) == 0
        told = capsys.readouterr().err
        assert ("judge.frames = 3, was 2" in told) is changed and "labels of two methods" not in told
        assert ("train.toml is not what it was; the campaign goes on with optimizer.0.epochs = 3" in told) is changed
        assert ("reference.py is not what it was; the campaign goes on with today's" in told) is changed
    other = ["--set", "judge.frames=3", "--set", "oracle.function=evaluate"]
    assert main(["learn", "learn.toml", "--restart", *other]) == 2  # nor is it an oracle
    assert "7 labels are of the one before: labels of two methods" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("ranks", [pytest.param(3, marks=needs_mpi)])
def test_ranks_label_for_a_campaign(ranks, folder):
    """Other ranks compute; explorers and trainings are processes without a launcher, as ever."""
    (folder / "explore.toml").write_text(EXPLORE)
    text = LEARN.replace("[select]", RUN.replace("20\"]", "40\"]"))
    (folder / "learn.toml").write_text(text.replace("frames = 2", "frames = 1"))
    how = ["-m", "mdcore", "learn", "learn.toml", "--set", "campaign.directory=ranks", "--set", "label.executor=mpi"]
    done = mpirun(ranks, "-m", "mpi4py.futures", *how, cwd=folder)
    assert "ends: 1 generations are done" in done.stdout and "lost" not in done.stdout, done.stdout
    events = [json.loads(line) for line in Path("ranks/campaign.jsonl").read_text().splitlines()]
    chosen = [own for e in events if e["event"] == "selected" for own in e["chosen"]]
    true = {own["hash"]: evaluate(learn_parts.LJ, from_json(own["structure"])).energy for own in chosen}
    assert {e["hash"]: e["energy"] for e in events if e["event"] == "label"} == true and len(true) > 5
    assert [e["generation"] for e in events if e["event"] == "trained"] == [0, 1]


WRONG = [
    ("[judge]", "[judg]", "did you mean [judge]?"),
    ('data = "start.extxyz"', 'data = "stat.extxyz"', "[start] data = \"stat.extxyz\": no such file"),
    ('input = "train.toml"', 'input = "no.toml"', "[train] input = \"no.toml\": no such file"),
    ('type = "displacements"', 'type = "displacement"', "did you mean 'displacements'?"),
    ('name = "shaken"', 'name = "a/b"', "[[explorer]] #1 name = \"a/b\": expected letters, digits"),
    ('name = "shaken"', 'name = "a.b"', "[[explorer]] #1 name = \"a.b\": expected letters, digits"),
    ('name = "shaken"\n', "", "[[explorer]] #1 name: required"),
    ("[judge]", '[[explorer]]\nname = "shaken"\ntype = "strains"\n[judge]', "another explorer has this name"),
    ("[judge]", '[[oracle]]\ntype = "ase"\ncalculator = "emt"\n[judge]', None),
    ("count = 8", 'start = "none.extxyz"', '[[explorer]] #1 start = "none.extxyz": no such file'),
    ("count = 8", 'start = "labelled"', '[[explorer]] #1 start = "labelled": no such file'),
    ("frames = 2", "frames = -2", "[judge] frames = -2: expected an integer >= 0"),
    ("calls = 40", "calls = 0", "[campaign] calls = 0: expected an integer >= 1"),
    ("plot = false", "coordinate = [[1, 1]]", "an atom has no distance from itself"),
    ("plot = false", "plot = false\ncoordinate = [[1, 2]]", "coordinate = [[1, 2]]: applies to pictures"),
    ("frames = 2", "frames = 0\nforces = 0.1", "[judge] forces = 0.1: applies to frames that are labelled"),
    ("[select]\n", "[select]\nby = 'disagreements'\n", "did you mean 'disagreement'?"),
]


def test_what_is_wrong_is_told_with_its_cure(folder, capsys):
    for old, new, says in WRONG:
        assert old in LEARN
        (folder / "wrong.toml").write_text(LEARN.replace(old, new, 1))
        assert main(["learn", "wrong.toml", "--dry-run"]) == 2, new
        told = capsys.readouterr().err
        assert (says is None or says in told) and "internal" not in told and told.count("\n") == 1, told
    assert main(["learn", "learn.toml", "--dry-run", "--set", "campaign.calls=0"]) == 2
    assert "--set campaign.calls=0" in capsys.readouterr().err
    for command in ("run", "train"):
        assert main([command, "learn.toml"]) == 2
        assert "this is the input of a campaign; the command is: mdcore learn learn.toml" in capsys.readouterr().err
    assert main(["learn", "train.toml"]) == 2
    assert "[start] is required" in capsys.readouterr().err
    (folder / "other.toml").write_text('[[data]]\nfile = "start.extxyz"\n' + learn_parts.TRAIN)
    assert main(["learn", "other.toml"]) == 2
    assert "this is the input of a training; the command is: mdcore train other.toml" in capsys.readouterr().err
    assert main(["learn", "learn.toml", "--dry-run", "--set", "train.input=other.toml"]) == 2
    assert "other.toml: [[data]]: a campaign says which; leave it out" in capsys.readouterr().err


RUN = """\
[[explorer]]
name = "warm"
type = "run"
input = "explore.toml"
every = 20
set = ["stage.0.steps=20"]
[select]"""
WRONG_INPUTS = [
    ("steps = 40", "step = 40", "warm: explore.toml: [[stage]] #1 step = 40: unknown key; did you mean 'steps'?"),
    ("steps = 40", "", None),  # the campaign's `set` has them
    ('file = "start.extxyz"', 'build = "fcc"', '[structure] build = "fcc"'),
    ("[velocities]", "[velocity]", "explorer warm: explore.toml: [velocity]: unknown key; did you mean [velocities]?"),
    ("[[stage]]", '[output]\ndump_atoms = ["Ar"]\n[[stage]]', '[output] dump_atoms = ["Ar"]: a campaign needs whole'),
    ("steps = 40", "steps = 40\ndump_every = 0", "dump_every = 0: a campaign says how often, by every = 20 of the exp"),
    ("[[stage]]", '[output]\ndump_fields = ["force"]\n[[stage]]', '[output] dump_fields = ["force"]: a campaign needs'),
]


def test_inputs_of_explorers_are_read_before_the_oracle_is_asked(folder, capsys):
    (folder / "learn.toml").write_text(LEARN.replace("[select]", RUN))
    for old, new, says in WRONG_INPUTS:
        assert old in EXPLORE
        (folder / "explore.toml").write_text(EXPLORE.replace(old, new, 1))
        assert main(["check", "learn.toml"]) == (2 if says else 0), new
        told = capsys.readouterr().err
        assert says is None or (says in told and told.count("\n") == 1), told
    (folder / "explore.toml").write_text(EXPLORE)
    wrong = {"stage.0.step=20": "--set stage.0.step=20: [[stage]] #1 step", "output.name=x": "says where its runs"}
    wrong["stage.0.steps=9"] = "explorer warm: explore.toml: stages of 9 steps end before every = 20, so no frame would"
    for item, says in wrong.items():
        (folder / "wrong.toml").write_text(LEARN.replace("[select]", RUN.replace("stage.0.steps=20", item)))
        assert main(["learn", "wrong.toml", "--dry-run"]) == 2
        assert says in capsys.readouterr().err
    band = '[[explorer]]\nname = "band"\ntype = "neb"\nstart = "explore.toml"\n[select]'
    (folder / "wrong.toml").write_text(LEARN.replace("[select]", band))
    assert main(["learn", "wrong.toml", "--dry-run"]) == 2 and "explore.toml" in capsys.readouterr().err
    write_labelled(folder / "kr.extxyz", [(System.build("fcc", 5.6, "Kr"), None, {})])
    (folder / "wrong.toml").write_text(LEARN.replace("count = 8", 'start = "kr.extxyz"'))
    assert main(["learn", "wrong.toml", "--dry-run"]) == 2
    assert "explorer shaken: kr.extxyz: Kr: nothing in [start] has it" in capsys.readouterr().err
    krypton = '\n[structure]\nbuild = "fcc"\nspecies = "Kr"\nlattice_constant = 5.6\n'
    assert "[structure]" in EXPLORE
    rest = EXPLORE[EXPLORE.index("[", EXPLORE.index("[structure]") + 1) :]
    for start, text, says in (
        ("kr.extxyz", EXPLORE, "kr.extxyz: Kr: nothing in [start] has it"),
        ("input", krypton + rest, "explore.toml: [structure]: Kr: nothing in [start] has it"),
    ):
        (folder / "explore.toml").write_text(text)
        run = RUN.replace("[select]", f'start = "{start}"\n[select]')
        (folder / "wrong.toml").write_text(LEARN.replace("[select]", run))
        assert main(["check", "wrong.toml"]) == 2
        assert says in capsys.readouterr().err
    (folder / "explore.toml").write_text(EXPLORE)
    write_h5(random_model(), folder / "net.h5")
    for item, says in (
        ("explorer.warm.input=train.toml", "train.toml: this is the input of mdcore train; expected one of mdcore run"),
        ("start.potential=train.toml", '[start] potential = "train.toml": train.toml: not an HDF5 file'),
        ("start.potential=net.h5", "it knows H, O, and the structures of data have Ar"),
    ):
        assert main(["learn", "learn.toml", "--dry-run", "--set", item]) == 2
        told = capsys.readouterr().err
        assert says in told and told.count("\n") == 1, told
    Path("learn").write_text("")
    assert main(["learn", "learn.toml"]) == 4
    assert "learn: there is a file of that name; choose another [campaign] directory" in capsys.readouterr().err
    os.remove("learn")
    assert main(["learn", "learn.toml", "--dry-run", "--set", "oracle.function=refer"]) == 2
    told = capsys.readouterr().err
    assert '[oracle] function = "refer": ' in told and "has no function refer" in told
    assert not Path("learn").exists()


def test_the_example_of_the_reference_is_right(folder):
    (folder / "explore.toml").write_text("")
    (folder / "example.toml").write_text(LEARN_EXAMPLE)
    settings = load_learn("example.toml", ["explorer.hot.quota=3"])
    assert [own.type for own in settings.explorer] == ["run", "strains"] and settings.explorer[0].quota == 3
    assert settings.campaign.directory == "example"


def test_the_campaign_of_silicon_is_right(tmp_path, monkeypatch, capsys):
    """inputs/learn/silicon: its script makes ten structures, and all inputs are as they should be."""
    own = Path(__file__).resolve().parents[1] / "inputs" / "learn" / "silicon"
    for file in own.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "oracle.py").write_text((own / "oracle.py").read_text())
    monkeypatch.setattr("sys.argv", ["start.py", str(tmp_path / "start.extxyz")])
    runpy.run_path(str(own / "start.py"), run_name="__main__")
    assert main(["check", str(tmp_path / "learn.toml")]) == 0
    assert "start       10 structures, 10 to be labelled first" in capsys.readouterr().out


def test_an_oracle_that_can_not_be_made_is_told_by_its_key(folder, capsys):
    (folder / "broken.py").write_text("import no_such_module\n")
    (folder / "other.py").write_text("def other(positions): ...\n")
    command = 'type = "command"\ncommand = "{}"'
    for oracle, says in (
        ('type = "ase"\ncalculator = "emtt"', "[oracle] calculator = \"emtt\": no calculator 'emtt'"),
        ('type = "ase"\ncalculator = "os:getcwd"', '[oracle] calculator = "os:getcwd": os:getcwd is no calculator'),
        (
            'type = "ase"\ncalculator = "ase.calculators.singlepoint:SinglePointCalculator"\narguments = { a = 1 }',
            "[oracle] arguments: ase.calculators.singlepoint:SinglePointCalculator: TypeError",
        ),
        ('type = "python"\nfile = "other.py"\nfunction = "refer"', '[oracle] function = "refer": '),
        ('type = "python"\nfile = "broken.py"\nfunction = "refer"', '[oracle] file = "broken.py": '),
        (command.format("python {input}"), '[oracle] command = "python {input}": {output} is missing'),
        (command.format("no-such {input} {output}"), "no program no-such; is it installed, and on the PATH?"),
    ):
        start = LEARN.index("[oracle]")
        end = LEARN.find("\n[", start)
        (folder / "wrong.toml").write_text(f"{LEARN[:start]}[oracle]\n{oracle}\n{LEARN[end:] if end > 0 else ''}")
        assert main(["check", "wrong.toml"]) == 2
        told = capsys.readouterr().err
        assert f"wrong.toml: {says}" in told or ("[oracle] command" in told and says in told), told
    relative = command.format("./here.sh {input} {output}")
    (folder / "wrong.toml").write_text(f"{LEARN[:start]}[oracle]\n{relative}\n{LEARN[end:]}")
    assert main(["check", "wrong.toml"]) == 0  # looked for where it will run
