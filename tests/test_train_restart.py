"""Does `mdcore train --restart` train on after the end, and say what it does?"""

import h5py
import pytest

from mdcore.cli import main
from mdcore.potentials.files import read_model
from mdcore.potentials.hdnnp_model import fingerprint
from tests.test_train_cli import INPUT, folder  # noqa: F401  (a fixture)

ONE = INPUT[: INPUT.index("[[optimizer]]")]
END = "\n[output]\nplot = false\n"
KINDS = {
    "kalman": "structures = 2\nfading = 0.999",
    "adam": "batch = 8\naverage = 0.9\nstep = 1e-3\nlast_step = 1e-3",  # else the steps depend on how many will come
    "lbfgs": "memory = 5",
}


def optimiser(kind: str, epochs: int, more: str = "") -> str:
    return f'[[optimizer]]\ntype = "{kind}"\nepochs = {epochs}\n{KINDS[kind]}\n{more}\n'


@pytest.fixture
def trained(folder, capsys):  # noqa: F811
    """trained(sections, name, *options) : what it told; the input has these optimisers."""

    def run(sections: str, name: str, *options: str) -> str:
        (folder / "train.toml").write_text(ONE + sections + END)
        assert main(["train", "train.toml", "--set", f"output.name={name}", *options]) == 0
        return "".join(capsys.readouterr())

    return run


def course(name: str) -> tuple[int, str]:
    """(epochs trained, fingerprint of the potential)"""
    with h5py.File(f"{name}.training.h5") as file:
        return len(file["member 0/history/epoch"]) - 1, fingerprint(read_model(f"{name}.h5"))


@pytest.mark.parametrize("kind", KINDS)
def test_more_epochs_after_the_end(kind, trained):
    """To the same bits as all at once."""
    trained(optimiser(kind, 5), "whole")
    trained(optimiser(kind, 2), "parts")
    assert course("parts")[0] == 2
    told = trained(optimiser(kind, 5), "parts", "--restart")
    assert "training goes on after epoch 2\n" in told
    assert course("parts") == course("whole") and course("parts")[0] == 5


def test_another_optimiser_after_the_end(trained):
    both = optimiser("kalman", 2) + optimiser("lbfgs", 3)
    trained(both, "whole")
    trained(optimiser("kalman", 2), "parts")
    trained(both, "parts", "--restart")
    assert course("parts") == course("whole") and course("parts")[0] == 5
    trained(optimiser("kalman", 2) + optimiser("lbfgs", 4), "parts", "--restart")
    assert course("parts")[0] == 6


def test_fewer_epochs_say_so(trained):
    trained(optimiser("kalman", 4), "parts")
    before = course("parts")
    told = trained(optimiser("kalman", 2), "parts", "--restart")
    assert "after epoch 4; nothing is left to train: 4 epochs of [[optimizer]] #1, kalman, are done" in told
    assert "it says epochs = 2" in told and course("parts") == before
    trained(optimiser("kalman", 6), "parts", "--restart")
    trained(optimiser("kalman", 6), "whole")
    assert course("parts") == course("whole")


def test_an_optimiser_taken_away(trained):
    """What is missing is told, and its state waits in the file."""
    both = optimiser("kalman", 2) + optimiser("lbfgs", 2)
    trained(both, "parts")
    before = course("parts")
    told = trained(optimiser("kalman", 9), "parts", "--restart")
    assert "nothing is left to train: [[optimizer]] #2, with which it ended, is not in the input any more" in told
    assert course("parts") == before
    trained(both.replace("epochs = 2\nmemory", "epochs = 3\nmemory"), "parts", "--restart")
    trained(both.replace("epochs = 2\nmemory", "epochs = 3\nmemory"), "whole")
    assert course("parts") == course("whole")


def test_patience_that_has_run_out(trained):
    trained(optimiser("adam", 9, "patience = 1").replace("1e-3", "5.0"), "parts")
    done = course("parts")[0]
    assert done < 9
    told = trained(optimiser("adam", 9, "patience = 1").replace("1e-3", "5.0"), "parts", "--restart")
    assert "1 epochs without a better error, patience = 1" in told and course("parts")[0] == done
    trained(optimiser("adam", 9).replace("1e-3", "5.0"), "parts", "--restart")
    assert course("parts")[0] == 9


def test_members_go_on_too(trained):
    options = ("--set", "committee.members=2")
    trained(optimiser("kalman", 3), "whole", *options)
    trained(optimiser("kalman", 1), "parts", *options)
    told = trained(optimiser("kalman", 3), "parts", "--restart", *options)
    assert "member 1 goes on after epoch 1" in told and "member 2 goes on after epoch 1" in told
    assert course("parts") == course("whole")
