"""Can a training be told from its file alone: data, split, descriptors, course, predictions, errors?"""

import h5py
import numpy as np
import pytest

import mdcore
from mdcore.cli import main
from mdcore.potentials.networks.files import read_model
from mdcore.training.data import sources
from tests.test_train_cli import folder  # noqa: F401  (a fixture)


@pytest.fixture
def trained(folder):  # noqa: F811
    """The opened file of a short training."""
    options = [part for k in (1, 2) for part in ("--set", f"optimizer.{k}.epochs=1")]
    assert main(["train", "train.toml", "--quiet", *options]) == 0
    with h5py.File("train.training.h5") as file:
        yield file


def test_split(trained):
    everything = sources.read("data.xyz")
    sets = {name: group["index"][()] for name, group in trained["data"].items()}
    assert {name: len(own) for name, own in sets.items()} == {"train": 24, "validation": 8, "test": 8}
    assert sorted(np.concatenate(list(sets.values()))) == list(range(40))
    for name, own in sets.items():
        group = trained[f"data/{name}"]
        assert set(group["file"].asstr()[()]) == {"data.xyz"}
        assert list(group["tag"].asstr()[()]) == ["hot" if k % 2 else "cold" for k in own]
        np.testing.assert_array_equal(group["energy"], [everything[k].energy for k in own])
        np.testing.assert_array_equal(group["forces"], np.concatenate([everything[k].forces for k in own]))
        np.testing.assert_array_equal(group["weight"], np.where(own % 2, 2.0, 1.0))
        assert np.isnan(group["stress"][()]).all() and group["n_atoms"][()].tolist() == [6] * len(own)


def test_predictions_and_errors(trained):
    """Both follow from each other and from the potential that was written."""
    member, table = trained["member 0"], trained["member 0/errors"][()]
    for name, group in trained["data"].items():
        found = member[f"predictions/{name}"]
        structures = [sources.read("data.xyz")[k].structure for k in group["index"][()]]
        answers = mdcore.evaluate("train.h5", structures)
        np.testing.assert_allclose(found["energy"], [a.energy for a in answers], rtol=1e-12)
        np.testing.assert_allclose(found["forces"], np.concatenate([a.forces for a in answers]), atol=1e-10)
        (row,) = [r for r in table if (r["subset"], r["quantity"], r["group"]) == (name.encode(), b"force", b"all")]
        errors = 1e3 * (found["forces"][()] - group["forces"][()])
        assert row["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2))) and row["n"] == errors.size
        assert row["mae"] == pytest.approx(np.mean(np.abs(errors))) and row["unit"] == b"meV/Angstrom"
        if name != "test":  # as measured at the best epoch
            measured = member[f"history/{name} force"][member["best_epoch"][()]]
            assert row["rmse"] == pytest.approx(measured, rel=1e-4)
    assert {r["group"] for r in table} >= {b"all", b"tag hot", b"element H"}


def test_settings_descriptors_parameters(trained):
    model = read_model("train.h5")
    assert "seed = 3" in trained["input"].asstr()[()] and "--set" in trained["input"].asstr()[()]
    assert trained.attrs["version"] == mdcore.__version__ and trained.attrs["numpy"] == np.__version__
    for e, functions, scaling, network in zip(
        model.elements, model.symmetry_functions, model.scaling, model.networks, strict=True
    ):
        group = trained[f"descriptors/{e}"]
        assert list(group["function"].asstr()[()]) == [f.label for f in functions]
        np.testing.assert_array_equal(group["max"], scaling.max)
        assert tuple(group.attrs["layers"]) == network.layer_sizes
        assert group.attrs["atom_energy"] == model.atom_energies[model.elements.index(e)]
    assert any("constant" in text for text in trained["descriptors/dropped"].asstr()[()])
    best, initial = trained["member 0/best"][()], trained["member 0/initial"][()]
    np.testing.assert_array_equal(best, np.concatenate([n.flat() for n in model.networks]))
    assert initial.shape == best.shape and not np.array_equal(initial, best)
