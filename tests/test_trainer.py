"""Does mdcore.train train as the command does, from files and from structures at hand?"""

import pytest

import mdcore
from mdcore.cli import main
from mdcore.errors import InputError
from mdcore.potentials.files import read_model
from mdcore.training import sources
from tests.test_train_cli import folder  # noqa: F401

SECTIONS = {
    "seed": 3, "split": {"validation": 0.2, "test": 0.2}, "network": {"hidden": [6, 6]}, "loss": {"tags": {"hot": 2.0}},
    "descriptors": {"cutoff": 4.0, "radial": 4, "angular": 2, "zetas": [1, 4], "keep": 10},
    "optimizer": [{"type": "kalman", "structures": 1, "epochs": 4}, {"type": "adam", "epochs": 2, "batch": 8},
                  {"type": "lbfgs", "epochs": 2}],
}  # fmt: skip


def test_the_same_bits_as_the_command(folder):  # noqa: F811
    assert main(["train", "train.toml", "--quiet"]) == 0
    want, rows = read_model("train.h5"), []
    found = [mdcore.train("data.xyz", progress=rows.append, **SECTIONS)]
    found.append(mdcore.train(sources.read("data.xyz"), **SECTIONS))
    for result in found:
        for own, network in zip(result.model.networks, want.networks, strict=True):
            assert own.flat().tobytes() == network.flat().tobytes()
        assert result.rmse("force") > 0 and "force" in str(result)
    assert [row["epoch"] for row in rows] == found[0].histories[0]["epoch"]


def test_wrong_arguments_are_told_as_an_input_is(folder):  # noqa: F811
    with pytest.raises(InputError, match="did you mean 'cutoff'"):
        mdcore.train("data.xyz", descriptors={"cutof": 4.0}, optimizer={"type": "kalman", "epochs": 1})
    with pytest.raises(InputError, match="keep"):
        mdcore.train("data.xyz", **SECTIONS | {"descriptors": {"cutoff": 4.0, "keep": {"H": 3}}})
