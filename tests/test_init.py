"""Do the inputs that `mdcore init` writes run at once, and is nothing written over?"""

import os
import tomllib
from pathlib import Path

import pytest

from mdcore import shipped
from mdcore.cli import main
from mdcore.cli.init import WITH
from tests.documents import shorten
from tests.mpi import mpirun, needs_mpi

ROOT = Path(__file__).resolve().parents[1]
INPUTS = [name for name in shipped.templates() if not any(name in others for others in WITH.values())]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_inputs_and_they_say_what_they_are(capsys):
    assert {"lj", "water", "npt", "train", "train_density", "train_one_layer"} <= set(INPUTS)
    assert main(["init"]) == 0
    told = capsys.readouterr().out
    assert all(f"{name} " in told for name in INPUTS)
    assert not os.listdir()


@pytest.mark.parametrize("name", INPUTS)
def test_it_runs_at_once(name, folder, capsys):
    assert main(["init", name]) == 0
    told = capsys.readouterr().out
    commands = [line.split()[1:] for line in told.partition("next:\n")[2].splitlines()]
    assert commands[-1][1] == f"{name}.toml"
    for words in commands:
        if words[0] != "train":
            assert main(["check", words[1]]) == 0
        if words[0] != "learn":  # docs/learn.md does
            assert main(shorten(words)) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", INPUTS)
def test_every_key_has_a_comment_somewhere(name):
    text = (shipped.TEMPLATES / f"{name}.toml").read_text()
    assert text.startswith("# ") and text.count("#") >= 8 and tomllib.loads(text)["title"]


def test_nothing_is_written_over(folder, capsys):
    (folder / "silicon.h5").write_bytes(b"mine")
    assert main(["init", "train"]) == 4
    assert "silicon.h5 is there" in capsys.readouterr().err
    assert os.listdir() == ["silicon.h5"] and (folder / "silicon.h5").read_bytes() == b"mine"
    os.remove("silicon.h5")
    assert main(["init", "silicon"]) == main(["init", "silicon"]) == 0  # unchanged files may be there
    assert "silicon.toml was there" in capsys.readouterr().out
    with open("silicon.toml", "a") as stream:
        stream.write("\n")
    assert main(["init", "silicon"]) == 4


@pytest.mark.parametrize("name", ["nptt", "../lj", "", "/etc/passwd"])
def test_inputs_there_are_not(name, capsys):
    assert main(["init", name]) == (2 if name else 0)
    assert "no such input" in capsys.readouterr().err or not name


def test_an_installed_package_has_what_they_need():
    listed = (ROOT / "setup.py").read_text()
    for path in shipped.TEMPLATES.glob("*.toml"):
        document = tomllib.loads(path.read_text())
        for section in ("structure", "potential"):
            if (file := document.get(section, {}).get("file")) and file != "learn_start.extxyz":  # which a run makes
                assert shipped.content(file) and f"/{file}" in listed


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_one_rank_writes(self):
        assert mpirun(2, "-m", "mdcore", "init", "lj").stdout.count("wrote lj.toml") == 1
