"""Does `mdcore sweep` run every combination, each as `mdcore run` would, and tell all in a table?"""

import csv
import os
from pathlib import Path

import pytest

from mdcore import InputError, Trajectory
from mdcore.cli import main
from mdcore.cli.sweep import parse
from tests.mpi import mpirun, needs_mpi
from tests.test_rerun import INPUT

SHORT = INPUT.replace("dump_every = 3\n", "").replace("thermo_every = 3", "thermo_every = 1").replace("= 12", "= 20")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(SHORT)
    return tmp_path


def rows(path="a.sweep/sweep.csv") -> list[dict]:
    return list(csv.DictReader(Path(path).read_text().splitlines()))


def test_every_combination(capsys):
    words = ["--vary", "velocities.temperature=20,60", "--vary", "structure.lattice_constant=5.3,5.5"]
    assert main(["sweep", "a.toml", *words]) == 0
    out = capsys.readouterr().out
    found = rows()
    assert [tuple(row.values())[:2] for row in found] == [("20", "5.3"), ("20", "5.5"), ("60", "5.3"), ("60", "5.5")]
    assert "run 4 of 4: velocities.temperature = 60, structure.lattice_constant = 5.5" in out
    assert sorted(os.listdir("a.sweep"))[0] == "sweep.csv" or len(os.listdir("a.sweep")) == 5
    main(["run", "a.toml", "--set", "structure.lattice_constant=5.5", "--quiet"])
    with Trajectory("a.h5md") as one, Trajectory("a.sweep/temperature=60_lattice_constant=5.5/a.h5md") as other:
        assert (one.thermo()["total"] == other.thermo()["total"]).all()
        assert float(found[3]["temperature"]) == one.thermo()["temperature"][1:].mean()
    assert float(found[0]["temperature_error"]) > 0.0 and f"{float(found[0]['density']):.4g}" in out


def test_it_goes_on(capsys):
    assert main(["sweep", "a.toml", "--vary", "seed=1,2", "--quiet"]) == 0
    assert main(["sweep", "a.toml", "--vary", "seed=1,2,3"]) == 4
    assert "a sweep is there; --restart goes on" in capsys.readouterr().err
    before = Path("a.sweep/seed=1/a.h5md").stat().st_mtime_ns
    assert main(["sweep", "a.toml", "--vary", "seed=1,2,3", "--restart"]) == 0
    assert capsys.readouterr().out.count("is done") == 2 and len(rows()) == 3
    assert Path("a.sweep/seed=1/a.h5md").stat().st_mtime_ns == before
    assert main(["sweep", "a.toml", "--vary", "seed=1", "--overwrite", "--quiet"]) == 0 and len(rows()) == 1


def test_one_that_breaks_down_is_told_and_the_others_run(capsys):
    assert main(["sweep", "a.toml", "--vary", "stage.timestep=5,5000,4"]) == 3
    out, err = capsys.readouterr()
    assert "stage.timestep = 5000" in err and err.count("warning") == 1
    assert [row["temperature"] == "nan" for row in rows()] == [False, True, False] and "  -" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--vary seed", "expected KEY=VALUE,VALUE"),
        ("--vary seed=1,,2", "expected KEY=VALUE,VALUE"),
        ("--vary seed=1,1", "one folder"),
        ("--vary seed=1 --vary seed=2", "a key is there twice"),
        ("--vary output.directory=a,b", "a folder of its own"),
        ("--vary sed=1,2", "did you mean 'seed'?"),
        ("--vary stage.timestep=1,-1", "--set stage.timestep=-1"),
        ("", "--vary"),
    ],
)
def test_all_is_checked_before_the_first(capsys, words, says):
    assert main(["sweep", "a.toml", *words.split()]) == 2
    assert says in capsys.readouterr().err
    assert os.listdir() == ["a.toml"]


def test_commas_in_brackets_are_theirs():
    assert parse("structure.replicate=[2,2,2],[3, 3, 3]") == ("structure.replicate", ["[2,2,2]", "[3, 3, 3]"])
    assert parse('title="a, b",c') == ("title", ['"a, b"', "c"])
    with pytest.raises(InputError):
        parse("=1,2")


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_same_table(self):
        main(["sweep", "a.toml", "--vary", "seed=1,2", "--quiet"])
        mpirun(2, "-m", "mdcore", "sweep", "a.toml", "--vary", "seed=1,2", "--quiet", "--output", "b")
        assert Path("b/sweep.csv").read_bytes() == Path("a.sweep/sweep.csv").read_bytes()
