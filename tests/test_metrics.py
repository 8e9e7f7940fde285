"""Are errors what their definitions say, in the group they belong to, and is the worst one named?"""

import numpy as np
import pytest

from mdcore import figures
from mdcore.base.units import GIGAPASCAL
from mdcore.training.data.labelled import Labelled
from mdcore.training.metrics import Predictions, rows, table
from mdcore.training.plots import draw_learning, draw_parity, from_elements, pairs


def labelled(symbols, energy, tag="", index=0, stress=None, file="a.xyz", forces=True):
    rng = np.random.default_rng(index)
    n, cell = len(symbols), None if stress is None else 5.0 * np.eye(3)
    return Labelled(
        symbols=symbols, positions=rng.random((n, 3)) * 3, energy=energy,
        forces=rng.normal(size=(n, 3)) if forces else None,
        tag=tag, index=index, file=file, cell=cell, periodic=(cell is not None,) * 3, stress=stress,
    )  # fmt: skip


@pytest.fixture
def case():
    """Errors by hand: energies 2, -4, 6 meV an atom; forces off by 0.1 eV/Angstrom along x for every O."""
    data = [
        labelled("OHH", -3.0, "wet", 0, stress=0.01 * np.eye(3)),
        labelled("OHH", -3.5, "wet", 1),
        labelled("OH", -2.0, "dry", 2),
    ]
    energies = np.array([-3.0 + 0.006, -3.5 - 0.012, -2.0 + 0.012])
    forces = []
    for s in data:
        own = s.forces.copy()
        own[0, 0] += 0.1
        forces.append(own)
    stresses = np.full((3, 3, 3), np.nan)
    stresses[0] = data[0].stress + GIGAPASCAL * np.diag([0.6, 0.0, 0.0])
    return data, Predictions(energies, forces, stresses)


def test_errors_by_hand(case):
    data, found = case
    got = {(row.quantity, row.group): row for row in rows(data, found)}
    row = got["energy", "all"]
    assert row.n == 3 and row.worst == "structure 2"
    np.testing.assert_allclose((row.rmse, row.mae, row.largest), (np.sqrt(56 / 3), 4.0, 6.0), rtol=1e-9)
    np.testing.assert_allclose(got["energy", "tag wet"].rmse, np.sqrt(10.0), rtol=1e-9)
    np.testing.assert_allclose(got["energy", "tag dry"].rmse, 6.0, rtol=1e-9)
    row = got["force", "all"]
    assert row.n == 24
    np.testing.assert_allclose((row.rmse, row.mae), (100 * np.sqrt(3 / 24), 300 / 24), rtol=1e-9)
    np.testing.assert_allclose(got["force", "element O"].rmse, 100 / np.sqrt(3), rtol=1e-9)
    assert got["force", "element O"].worst.endswith("atom 0 (O)")
    assert got["force", "element H"].rmse == 0.0
    row = got["stress", "all"]
    assert row.n == 6  # only where both sides have one
    np.testing.assert_allclose((row.rmse, row.largest), (0.6 / np.sqrt(6), 0.6), rtol=1e-9)
    label, predicted = pairs(data, found)["stress"]  # pictures show the same errors
    np.testing.assert_allclose(np.sqrt(((predicted - label) ** 2).mean()), row.rmse, rtol=1e-9)


def test_another_zero_of_energy_is_taken_off():
    """One constant for each element explains everything: told beside the plain errors."""
    data = [labelled("O" + "H" * k, 0.0, index=k, file=f"{k}.xyz") for k in range(1, 5)]
    energies = np.array([7.0 + 3.0 * k for k in range(1, 5)])
    found = Predictions(energies, [s.forces for s in data], np.full((4, 3, 3), np.nan))
    got = {(row.quantity, row.group): row for row in rows(data, found)}
    assert got["energy", "all"].rmse > 1e3 and got["energy", "all, shifted"].rmse < 1e-9
    assert got["energy", "all"].worst == "1.xyz: structure 1"  # of several files: which
    assert ("force", "tag ") not in got and ("force", "all") in got


def test_only_what_is_labelled():
    data = [labelled("OH", None, forces=False), labelled("OH", 1.0, forces=False, index=1)]
    found = Predictions(np.array([5.0, 1.001]), [np.zeros((2, 3))] * 2, np.full((2, 3, 3), np.nan))
    (row,) = rows(data, found)
    assert (row.quantity, row.n) == ("energy", 1) and row.rmse == pytest.approx(0.5)
    assert rows(data[:1], found) == []


def test_tables(case):
    data, found = case
    text = table(rows(data, found))
    assert text.splitlines()[0].split() == ["energy,", "meV/atom", "numbers", "RMSE", "MAE", "largest"]
    assert "tag wet" in text and "structure 2" in text
    both = table(rows(data, found, "train") + rows(data[:2], found, "test"))
    head, first = both.splitlines()[:2]
    assert "train RMSE" in head and "test RMSE" in head
    assert first.split() == ["all", "4.32", "4", "3.162", "3"]
    assert next(line for line in both.splitlines() if "tag dry" in line).split()[-2:] == ["-", "-"]


@pytest.mark.parametrize("formulas", [["OHH"], ["OHH", "OH", "HH", "OOHH"]])
@pytest.mark.parametrize("other", [0.0, 1000.0])
def test_energies_are_drawn_from_a_common_zero(formulas, other):
    """What is left are differences between structures; a zero elsewhere is taken off and stated."""
    rng = np.random.default_rng(4)
    zero = {"O": -2041.25, "H": -13.5}
    data, predicted = [], []
    for k in range(40):
        symbols = formulas[k % len(formulas)]
        energy = sum(zero[s] for s in symbols) + 0.05 * rng.normal()
        data.append(labelled(symbols, energy, index=k))
        predicted.append(energy + 0.01 * rng.normal() + other * sum(s == "O" for s in symbols))
    pairs = {"": (np.array([s.energy / s.n for s in data]), np.array(predicted) / [s.n for s in data])}
    drawn, words = from_elements({"": data}, pairs)
    label, value = drawn[""]
    assert np.abs(label).max() < 0.1 and np.abs(value).max() < 0.1
    errors = value - label
    assert 0.001 < np.sqrt((errors**2).mean()) < 0.01
    assert ("shifted by" in words) == bool(other)
    alone = len(formulas) == 1
    for stated in ("-689.", "eV/atom") if alone else ("O -2041.", "H -13.", " eV"):
        assert stated in words
    if other:
        assert ("-333.3" if alone else "O -1000") in words.split("\n")[1]


def test_the_chosen_epoch_is_marked(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    drawn = []
    monkeypatch.setattr(figures, "write_picture", lambda path, figure, dpi: drawn.append(figure))
    draw_learning({"epoch": [0, 1, 2], "train force": [3.0, 2.0, 2.5]}, tmp_path / "l.png", "it", chosen=1)
    labels = [text.get_text() for text in drawn[-1].axes[0].get_legend().get_texts()]
    assert labels == ["train", "chosen: epoch 1"]
    nothing = {"train energy": [2.0, 1.0], "train force": [0.0, 0.0], "validation force": [0.0, np.nan]}
    draw_learning({"epoch": [0, 1], **nothing}, tmp_path / "l.png")  # lone atoms: errors that have no logarithm
    assert [axes.get_yscale() for axes in drawn[-1].axes] == ["log", "linear"]
    assert [line.get_ydata().tolist() for line in drawn[-1].axes[1].lines] == [[0.0, 0.0], [0.0]]


def test_plots(case, tmp_path):
    pytest.importorskip("matplotlib")
    data, found = case
    draw_parity({"train": (data, found), "test": (data, found)}, tmp_path / "parity.png", "it")
    draw_learning({"epoch": [1, 2], "train force": [3.0, 2.0], "test energy": [1.0, np.nan]}, tmp_path / "curve.png")
    for name in ("parity.png", "curve.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
