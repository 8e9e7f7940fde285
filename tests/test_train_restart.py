"""Does `mdcore train --restart` train on after the end, and say what it does?"""

import io
import re
from dataclasses import replace

import h5py
import numpy as np
import pytest

from mdcore.base.files import seal
from mdcore.cli import main
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.trained import fingerprint
from mdcore.training import recipe
from tests.test_train_cli import INPUT, folder  # noqa: F401  (a fixture)

ONE = INPUT[: INPUT.index("[[optimizer]]")]
END = "\n[output]\nplot = false\n"
KINDS = {
    "kalman": "structures = 2\nfading = 0.999",
    "adam": "batch = 8\naverage = 0.9\nstep = 1e-3\nlast_step = 1e-3",  # else the steps depend on how many will come
    "soap": "batch = 8\nstep = 1e-3\nlast_step = 1e-3\nwarmup = 0",
    "lbfgs": "memory = 5",
}


def optimiser(kind: str, epochs: int, more: str = "") -> str:
    return f'[[optimizer]]\ntype = "{kind}"\nepochs = {epochs}\n{KINDS[kind]}\n{more}\n'


@pytest.fixture
def trained(folder, capsys):  # noqa: F811
    """trained(sections, name, *options) : what it told; the input has these optimisers."""
    begin = (folder / "train.toml").read_text()
    begin = begin[: begin.index("[[optimizer]]")]

    def run(sections: str, name: str, *options: str) -> str:
        (folder / "train.toml").write_text(begin + sections + END)
        assert main(["train", "train.toml", "--set", f"output.name={name}", *options]) == 0
        return "".join(capsys.readouterr())

    return run


def course(name: str) -> tuple[int, str]:
    """(epochs trained, fingerprint of the potential)"""
    with h5py.File(f"{name}.training.h5") as file:
        return len(file["member 0/history/epoch"]) - 1, fingerprint(read_model(f"{name}.h5"))


@pytest.mark.parametrize("kind, folder", [*((kind, "symmetry") for kind in KINDS), ("soap", "density")],
                         indirect=["folder"])  # fmt: skip
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


@pytest.mark.parametrize("folder", ["density"], indirect=True)
def test_more_of_what_is_usual_for_one_layer(trained, monkeypatch):
    """An input that names no optimiser is not told of one; the same, written out, goes on with larger numbers."""
    for step in ("FUNCTIONS", "WEIGHTS", "NODES", "AFRESH", "END"):
        monkeypatch.setattr(recipe, step, replace(getattr(recipe, step), epochs=2))
    options = ("--set", "model.layers=1", "--set", "model.channels=16")
    trained("", "parts", *options)
    done = course("parts")
    told = trained("", "parts", *options, "--restart")
    assert "; nothing is left to train: all that is usual for one layer is done" in told and "#" not in told
    assert course("parts") == done and done[0] in (8, 10)  # the last ones follow what was better
    soap, least = '[[optimizer]]\ntype = "soap"\nsmooth = 2e-4\n', '[[optimizer]]\ntype = "least-squares"\n'
    written = f'{soap}epochs = 2\npart = "linear"\n{least}epochs = 2\nemphasis = 10.0\n{soap}step = 2e-3\nepochs = 2\n'
    written += f'[[optimizer]]\ntype = "soap"\nfresh = true\nepochs = {2 + (done[0] == 8)}\n'
    written += f'{least}part = "all"\nemphasis = 10.0\nridge = 1e-3\nepochs = 3\n'
    trained(written, "parts", *options, "--restart")
    assert course("parts")[0] in (9, 11, 12)


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


def test_other_weights_are_another_landscape(trained):
    """The loss and gradient that a quasi-Newton step starts from are those of the weights of today."""
    trained(optimiser("lbfgs", 4), "parts", "--set", "loss.forces=0.01")
    trained(optimiser("lbfgs", 9), "parts", "--restart", "--set", "loss.forces=10", "--set", "loss.energy=0.01")
    with h5py.File("parts.training.h5") as file:
        force = file["member 0/history/train force"][()]
    assert len(force) == 10 and force[9] < 0.9 * force[4]


def cut(file, name):
    del file[name]


def put(file, name, value):
    del file[name]
    file[name] = value


DAMAGE = {
    "no parameters": lambda file: cut(file, "member 0/best"),
    "other number of parameters": lambda file: put(file, "member 0/best", np.zeros(7)),
    "parameters that are none": lambda file: put(file, "member 0/best", np.nan * file["member 0/best"][()]),
    "text": lambda file: put(file, "member 0/stage", "first"),
    "text for a parameter of the optimiser": lambda file: put(file, "member 0/optimizer/covariance", "none"),
    "before the first stage": lambda file: put(file, "member 0/stage", -(2**63)),
    "several inputs": lambda file: put(file, "input", ["a", "b"]),
    "labels of another type": lambda file: put(file, "data/train/energy", np.zeros(24, "V16")),
    "labels that are text": lambda file: put(file, "data/train/forces", "none"),
    "negative": lambda file: put(file, "member 0/epoch", -1),
    "history too short": lambda file: put(file, "member 0/history/train force", np.zeros(1)),
    "epoch that was none": lambda file: put(file, "member 0/best_epoch", 99),
    "no covariance": lambda file: cut(file, "member 0/optimizer/covariance"),
    "small covariance": lambda file: put(file, "member 0/optimizer/covariance", np.zeros(3)),
    "random numbers": lambda file: put(file, "member 0/optimizer/random", np.zeros(9, dtype=np.uint8)),
    "a group for numbers": lambda file: (cut(file, "member 0/score"), file.create_group("member 0/score")),
    "no member": lambda file: (cut(file, "member 0"), file.create_group("member one")),
    "no input": lambda file: cut(file, "input"),
    "input of numbers": lambda file: put(file, "input", 3),
    "soft link": lambda file: (cut(file, "input"), file.__setitem__("input", h5py.SoftLink("/member 0/best"))),
    "external link": lambda file: (cut(file, "data"), file.__setitem__("data", h5py.ExternalLink("x.h5", "/"))),
}


def test_a_damaged_file_is_refused(trained, folder, capsys):  # noqa: F811
    """In one sentence, and nothing is changed."""
    trained(optimiser("kalman", 1), "parts")
    whole = (folder / "parts.training.h5").read_bytes()
    for kind, damage in DAMAGE.items():
        (folder / "parts.training.h5").write_bytes(whole)
        with h5py.File("parts.training.h5", "r+") as file:
            damage(file)
        seal("parts.training.h5", "mdcore training 1")  # as if it had been written so
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert main(["train", "train.toml", "--set", "output.name=parts", "--restart"]) in (2, 4), kind
        told = capsys.readouterr().err
        assert "mdcore: error: parts.training.h5" in told and "internal" not in told, (kind, told)
        assert len(told.splitlines()) == 1, (kind, told)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, kind


@pytest.mark.parametrize("name", ["steps", "changes"])
def test_steps_and_their_changes_belong_together(name, trained, folder, capsys):  # noqa: F811
    trained(optimiser("lbfgs", 4), "parts")
    with h5py.File("parts.training.h5", "r+") as file:
        put(file, f"member 0/optimizer/{name}", file[f"member 0/optimizer/{name}"][:-1])
    seal("parts.training.h5", "mdcore training 1")
    assert main(["train", "train.toml", "--set", "output.name=parts", "--restart"]) == 2
    assert "no whole state to go on from (optimizer/steps: not as many as changes)" in capsys.readouterr().err


def test_a_changed_number_is_noticed(trained, folder, capsys):  # noqa: F811
    """Of the parameters, the filter's matrix, the labels: whichever bit it is."""
    trained(optimiser("kalman", 1), "parts")
    whole = (folder / "parts.training.h5").read_bytes()
    for at in np.random.default_rng(1).integers(len(whole), size=20):
        (folder / "parts.training.h5").write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        assert main(["train", "train.toml", "--set", "output.name=parts", "--restart"]) in (2, 4)
        told = capsys.readouterr().err
        assert "mdcore: error: parts.training.h5" in told and "internal" not in told, (at, told)
    with h5py.File("parts.training.h5", "w") as file, h5py.File(io.BytesIO(whole)) as old:
        file.attrs.update(old.attrs)
        for name in old:  # as a version without checksums wrote it
            old.copy(name, file)
    trained(optimiser("kalman", 2), "parts", "--restart")
    assert course("parts")[0] == 2


def test_no_training_at_all(trained, folder, capsys):  # noqa: F811
    trained(optimiser("kalman", 1), "parts")
    whole = (folder / "parts.training.h5").read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], whole[:-1000]):
        (folder / "parts.training.h5").write_bytes(content)
        assert main(["train", "train.toml", "--set", "output.name=parts", "--restart"]) in (2, 4)
        told = capsys.readouterr().err
        assert "mdcore: error: parts.training.h5" in told and "internal" not in told, told
        assert (folder / "parts.training.h5").read_bytes() == content
    with h5py.File("parts.training.h5", "w") as file:
        file["x"] = 1.0
    assert main(["train", "train.toml", "--set", "output.name=parts", "--restart"]) == 4
    assert "not the file of a training" in capsys.readouterr().err


def test_other_labels_are_another_training(trained, folder, capsys):  # noqa: F811
    trained(optimiser("kalman", 1), "a")
    data = (folder / "data.xyz").read_text()
    (folder / "data.xyz").write_text(re.sub(r"energy=(-?\d)", r"energy=1\1", data.replace("energy=-", "energy=")))
    before = (folder / "a.training.h5").read_bytes()
    (folder / "train.toml").write_text(ONE + optimiser("kalman", 2) + END)
    assert main(["train", "train.toml", "--set", "output.name=a", "--restart"]) == 2
    assert "a.training.h5: began with other data or labels to train on (energy)" in capsys.readouterr().err
    assert (folder / "a.training.h5").read_bytes() == before
