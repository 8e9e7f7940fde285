"""Do inputs that include others mean what they must, and do errors name the right file?"""

import os
from pathlib import Path

import pytest

from mdcore import InputError
from mdcore.cli import main
from mdcore.config import load
from mdcore.config.includes import text_of
from mdcore.config.load import decode, parse
from mdcore.config.load_training import load_training
from tests.test_rerun import INPUT

PARTS = INPUT.partition("[[stage]]")
COMMON = PARTS[0]
RUN = 'include = "parts/common.toml"\n[[stage]]' + PARTS[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("parts").mkdir()
    Path("parts/common.toml").write_text(COMMON)
    Path("run.toml").write_text(RUN)
    return tmp_path


def plain(settings) -> dict:
    return {name: value for name, value in vars(settings).items() if name not in ("origin", "text", "output")}


def test_it_is_the_same_as_one_file():
    whole = parse(INPUT, "run.toml")
    assert plain(load("run.toml")) == plain(whole) == plain(parse(load("run.toml").text, "run.toml"))


def test_what_the_input_says_wins():
    Path("run.toml").write_text(RUN.replace("[[stage]]", "[potential]\ntype = 'lj'\n[[stage]]", 1))
    with pytest.raises(InputError, match=r"run\.toml: .*cutoff"):
        load("run.toml")  # the whole [potential] is its own: nothing of the other one's is left
    Path("run.toml").write_text(RUN.replace("[[stage]]", "seed = 9\n[structure]\nreplicate = [4, 4, 4]\n[[stage]]", 1))
    found = load("run.toml")
    assert found.seed == 9 and found.structure.replicate == (4, 4, 4) and found.structure.species == "Ar"
    Path("parts/more.toml").write_text("seed = 5\ntitle = 'more'\n")
    Path("run.toml").write_text(RUN.replace('"parts/common.toml"', '["parts/common.toml", "parts/more.toml"]'))
    assert (load("run.toml").seed, load("run.toml").title) == (5, "more")  # the last one wins
    assert load("run.toml", ["seed=7"]).seed == 7


def test_paths_are_relative_to_the_file_they_stand_in(folder):
    Path("parts/deep").mkdir()
    Path("parts/deep/cell.xyz").write_text("1\n\nAr 0 0 0\n")
    Path("parts/deep/structure.toml").write_text('[structure]\nfile = "cell.xyz"\n')
    text = COMMON[COMMON.index("[velocities]") :]
    Path("parts/common.toml").write_text('include = "deep/structure.toml"\n' + text)
    assert load("run.toml").structure_path == os.path.join("parts", "deep", "cell.xyz")
    Path("parts/deep/structure.toml").write_text(f'[structure]\nfile = "{folder}/parts/deep/cell.xyz"\n')
    assert load("run.toml").structure_path == f"{folder}/parts/deep/cell.xyz"
    Path("parts/deep/structure.toml").write_text('[structure]\nfile = "none.xyz"\n')
    with pytest.raises(InputError, match=r"parts/deep/structure.toml: \[structure\] file = .*looked for parts/deep/n"):
        load("run.toml")


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("parts/common.toml", "cutoff = 7.0", "cutof = 7.0", "parts/common.toml: [potential] cutof = 7.0"),
        ("parts/common.toml", "cutoff = 7.0", "cutoff = -7.0", "parts/common.toml: [potential] cutoff = -7.0"),
        ("parts/common.toml", "cutoff = 7.0", "cutoff 7.0", "parts/common.toml: line"),
        ("run.toml", "steps = 12", "steps = -12", "run.toml: [[stage]] #1 steps = -12"),
        ("run.toml", "common.toml", "comon.toml", 'run.toml: include = "parts/comon.toml": no such file'),
        ("run.toml", '"parts/common.toml"', "3", "run.toml: include = 3: expected a file"),
        ("run.toml", '"parts/common.toml"', '"run.toml"', "it includes, in the end, itself"),
        ("parts/common.toml", "seed = 3", 'include = "../run.toml"', 'include = "../run.toml": it includes'),
        ("run.toml", "[output]", "[output]\nthermo_every = 0\n[limits]\nx = 1", "run.toml: [limits] x = 1"),
    ],
)
def test_errors_name_the_right_file(file, old, new, says, capsys):
    Path(file).write_text(Path(file).read_text().replace(old, new))
    assert main(["check", "run.toml"]) == 2
    assert says in capsys.readouterr().err


def test_set_is_no_place_for_it(capsys):
    assert main(["check", "run.toml", "--set", "include=x.toml"]) == 2
    assert "include stands in input files only" in capsys.readouterr().err


def test_a_run_keeps_all_it_said_and_goes_on(capsys):
    often = ["--set", "output.checkpoint_every=5"]
    assert main(["run", "run.toml", "--quiet", *often]) == 0
    Path("parts/common.toml").write_text(COMMON.replace("0.0104", "0.0105"))
    assert main(["run", "run.toml", "--restart", "--set", "stage.0.steps=14", *often]) == 0
    assert "epsilon = 0.0105, was 0.0104" in capsys.readouterr().err


def test_trainings_too():
    Path("data.xyz").write_text("1\n\nAr 0 0 0\n")
    Path("parts/data.toml").write_text('[[data]]\nfile = "../data.xyz"\n')
    own = "[descriptors]\ncutoff = 5.0\n[optimizer]\ntype = 'kalman'\nepochs = 1\n"
    Path("train.toml").write_text('include = "parts/data.toml"\n' + own)
    found = load_training("train.toml")
    assert found.data[0].file == "parts/../data.xyz" and "include =" not in found.text


def test_text_is_toml():
    document = {"a": 1, "b c": [1.5e-7, "x\n\"y\""], "t": {"u": True, "v": {"w": []}}, "s": [{"k": [{"z": 1}]}, {}]}
    assert decode(text_of(document), "x") == document
