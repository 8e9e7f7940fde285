"""Does the command explain itself to somebody who has nothing but it?"""

import re

import pytest

from mdcore.base import errors
from mdcore.cli import main
from mdcore.cli.arguments import EPILOG, EXIT_CODES, RUN_EPILOG, SHORT_CODES, TRAIN_EPILOG
from mdcore.config import manual, parse
from mdcore.config.parse import _all_keys
from mdcore.config.reference import EXAMPLE, TRAINING_EXAMPLE
from mdcore.config.settings import Settings
from mdcore.config.training import TrainingSettings
from tests.mpi import mpirun, needs_mpi


def said(capsys, *arguments) -> str:
    assert main(list(arguments)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys, *arguments) -> str:
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_help_has_examples_and_exit_codes(capsys):
    for arguments in (["--help"], [], ["help"]):
        out = said(capsys, *arguments)
        assert "mpirun -n 4 mdcore run input.toml" in out and "mdcore help input" in out and "75 stopped" in out
    assert "mdcore run argon.toml --restart" in said(capsys, "run", "--help")
    assert "mdcore run argon.toml --restart" in said(capsys, "help", "run")
    assert "--restart" in said(capsys, "train", "--help")
    for text in (EPILOG, RUN_EPILOG, TRAIN_EPILOG):
        assert all(len(line) < 80 for line in text.format(codes=SHORT_CODES).splitlines())


def test_exit_codes_are_those_of_the_errors(capsys):
    out = said(capsys, "help", "exit-codes")
    told = {int(line.split()[0]) for line in out.splitlines()}
    raised = {kind.exit_code for kind in vars(errors).values() if hasattr(kind, "exit_code")}
    assert told == set(EXIT_CODES) and raised <= told
    assert {int(code) for code in re.findall(r"\b(\d+) ", SHORT_CODES)} <= told


@pytest.mark.parametrize(("topic", "root"), [("input", Settings), ("train", TrainingSettings)])
def test_every_key_is_in_the_reference(capsys, monkeypatch, topic, root):
    monkeypatch.setenv("COLUMNS", "80")
    out = said(capsys, "help", topic)
    listed = set(re.findall(r"^  (\w+): ", out, re.M))
    plain = {name for part in manual.parts(root) for name in part.fields}
    assert plain <= listed and plain | set(re.findall(r"\w+", out)) >= _all_keys(root)
    example = [*EXAMPLE.splitlines(), *TRAINING_EXAMPLE.splitlines()]
    assert all(len(line) < 80 for line in out.splitlines() if line.strip() not in example)
    assert "`" not in out


def test_the_example_in_it_runs(capsys):
    out = said(capsys, "help", "input")
    text = "\n".join(line[4:] for line in out.splitlines() if line.startswith("    ") or not line)
    assert EXAMPLE.strip() in text
    parse(EXAMPLE, "argon.toml")


@pytest.mark.parametrize(
    ("topic", "says", "not_says"),
    [
        (["input", "stage"], ["[[stage]]", 'with ensemble = "langevin"', "friction: number > 0"], "[structure]"),
        (["stage"], ["[[stage]]", "friction"], "[structure]"),
        (["input", "[[stage]]"], ["friction"], "[structure]"),
        (["input", "potential.species"], ["[potential.species.<name>]", "sigma"], "cutoff:"),
        (["input", "potential"], ["[[potential]]", 'with type = "hdnnp"', "[[potential.pair]]"], "[structure]"),
        (["input", "timestep"], ["[[stage]]", "Length of one step", "required"], "friction"),
        (["input", "analysis", "seed"], ["[analysis]", "[analysis.reference]", "Seed of all"], "friction"),
        (["npt"], ['[[stage]] with ensemble = "npt"', "pressure_relaxation"], "[structure]"),
        (["input", "soft-core"], ['with type = "soft-core"'], "[structure]"),
        (["train", "optimizer"], ["[[optimizer]]", "epochs"], "[descriptors]"),
        (["units"], ["Angstrom", "eV", "1/tau"], "["),
    ],
)
def test_topics(capsys, topic, says, not_says):
    out = said(capsys, "help", *topic)
    assert all(text in out for text in says) and not_says not in out


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        (["inptu"], "did you mean: mdcore help input?"),
        (["input", "stge"], "did you mean: mdcore help input stage?"),
        (["potentail"], "did you mean: mdcore help input potential?"),
        (["langevn"], "did you mean: mdcore help input langevin?"),
        (["xxxxxx"], "sections: structure"),
        (["units", "lj"], "sections are those of an input"),
    ],
)
def test_topics_there_are_not(capsys, topic, says):
    assert says in refused(capsys, "help", *topic)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("simulate a.toml", "invalid choice: 'simulate'; did you mean: mdcore run?"),
        ("trian a.toml", "did you mean: mdcore train?"),
        ("argon.toml", "did you mean: mdcore run argon.toml?"),
        ("resume argon.toml", "mdcore run INPUT --restart"),
        ("analyze a.h5md", "did you mean: mdcore analyse?"),
        ("xyzzy", "choose from"),
        ("run", "required: INPUT; e.g. mdcore run argon.toml; see: mdcore run --help"),
        ("run argon.toml --restrt", "did you mean --restart?"),
        ("run argon.toml --resume", "did you mean --restart?"),
        ("run argon.toml --force", "did you mean --overwrite?"),
        ("run argon.toml --seed 7", "did you mean --set seed=7?"),
        ("run argon.toml --steps=7", "did you mean --set stage.0.steps=7?"),
        ("run argon.toml --dt 2", "did you mean --set stage.0.timestep=2?"),
        ("run argon.toml seed=7", "did you mean --set seed=7?"),
        ("run argon.toml b.toml", "one input a command: mdcore run b.toml"),
        ("run argon.toml -np 4", "mpirun -n 4 mdcore run INPUT"),
        ("-n 4 run argon.toml", "mpirun -n 4 mdcore run INPUT"),
        ("--restart argon.toml", "options follow the command: mdcore run INPUT --restart"),
        ("run -in argon.toml", "the input stands alone: mdcore run input.toml"),
        ("run argon.toml --restart --overwrite", "--restart goes on with results, --overwrite replaces them"),
        ("train argon.toml --epochs 5", "did you mean --set optimizer.0.epochs=5?"),
        ("-v", "did you mean --version?"),
    ],
)
def test_slips_of_the_command_line(capsys, monkeypatch, tmp_path, line, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "argon.toml").write_text(EXAMPLE)
    assert says in refused(capsys, *line.split())


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_one_rank_speaks(self):
        assert mpirun(2, "-m", "mdcore", "help", "exit-codes").stdout.count("wrong input") == 1
        assert mpirun(2, "-m", "mdcore", "--help").stdout.count("usage:") == 1
        assert mpirun(2, "-m", "mdcore", "--version").stdout.count("mdcore") == 1
