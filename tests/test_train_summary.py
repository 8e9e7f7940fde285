"""Are data dealt out, summed up and suspected as they should be?"""

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.units import HARTREE
from mdcore.training.data.dataset import Dataset, atom_energies, check_units, split
from mdcore.training.data.labelled import Labelled
from mdcore.training.pairs import distances, duplicates
from mdcore.training.summary import bars, robust, summarise

CELL = np.array([[6.0, 0.0, 0.0], [1.0, 7.0, 0.0], [0.5, -0.4, 8.0]])


def structure(k, symbols="OHHO", tag="", energy=None, file="a.xyz", forces=None):
    """Atoms at random, no two closer than an Angstrom or so."""
    rng = np.random.default_rng(k)
    n = len(symbols)
    grid = np.array([(a, b, c) for a in range(3) for b in range(3) for c in range(3)]) / 3.0
    positions = (rng.permutation(grid)[:n] + 0.08 * rng.random((n, 3))) @ CELL
    force = rng.normal(size=(n, 3))
    return Labelled(
        symbols=symbols, positions=positions, cell=CELL, periodic=(True,) * 3, tag=tag, file=file, index=k,
        energy=-n - 0.01 * rng.normal() if energy is None else energy,
        forces=force - force.mean(axis=0) if forces is None else forces,
    )  # fmt: skip


def atom(element, energy, **more):
    return Labelled(symbols=[element], positions=np.zeros((1, 3)), energy=energy, **more)


# --- split ---------------------------------------------------------------------------------------------


def indices(data):
    return [s.index for s in data]


def test_split_by_fraction():
    data = [structure(k, tag="ab"[k % 4 == 0]) for k in range(40)]
    dealt = split([("split", data)], validation=0.1, test=0.2, seed=3)
    assert [len(part) for part in dealt.subsets().values()] == [28, 4, 8]
    assert sorted(indices(dealt.all)) == list(range(40))
    assert sum(s.tag == "b" for s in dealt.test) == 2 and sum(s.tag == "b" for s in dealt.validation) == 1
    again = split([("split", data)], validation=0.1, test=0.2, seed=3)
    assert indices(again.test) == indices(dealt.test) and indices(again.validation) == indices(dealt.validation)
    other = split([("split", data)], validation=0.1, test=0.2, seed=4)
    assert indices(other.test) != indices(dealt.test)
    assert indices(dealt.train) == sorted(indices(dealt.train))


def test_split_by_tag_and_file():
    data = [structure(k, tag=f"{k // 4}") for k in range(12)]
    own = [structure(k, file="b.xyz") for k in range(20, 23)]
    lone = atom("O", -1.0, index=99)
    dealt = split([("split", [*data, lone]), ("test", own)], validation_tags=["1"], validation=0.5, seed=1)
    assert indices(dealt.test) == [20, 21, 22]
    assert set(range(4, 8)) < set(indices(dealt.validation)) and len(dealt.validation) == 8
    assert 99 in indices(dealt.train)
    with pytest.raises(InputError, match=r"validation_tags: no structure to split has the tag 'x'; tags: 0, 1, 2"):
        split([("split", data)], validation_tags=["x"])
    with pytest.raises(InputError, match="no structures are left to train on"):
        split([("test", own)])
    with pytest.raises(InputError, match=r"validation = 0\.5 and test = 0\.5"):
        split([("split", data)], validation=0.5, test=0.5)
    with pytest.raises(InputError, match="use = 'training'"):
        split([("training", data)])


# --- the zero of energy ----------------------------------------------------------------------------------


def test_fitted_atom_energies():
    data = [structure(k, "O" + "H" * k, energy=-5.0 - 2.0 * k) for k in range(1, 5)]
    fitted = atom_energies(data)
    assert fitted == pytest.approx({"H": -2.0, "O": -5.0})
    one = [structure(k, "OHH", energy=-9.0) for k in range(3)]  # only the sum is determined
    fitted = atom_energies(one)
    assert fitted["O"] + 2 * fitted["H"] == pytest.approx(-9.0)


def test_given_and_isolated_atom_energies():
    data = [structure(1), atom("H", -13.6), atom("O", -432.0, cell=20 * np.eye(3), periodic=(True,) * 3)]
    assert atom_energies(data, "isolated") == {"H": -13.6, "O": -432.0}
    assert atom_energies(data, {"H": 1, "O": 2}) == {"H": 1.0, "O": 2.0}
    assert atom_energies(data, "none") == {"H": 0.0, "O": 0.0}
    for how, more, message in (
        ("isolated", [structure(2, "OS")], "no structure is one S atom alone"),
        ("isolated", [atom("H", -13.5)], r"says -13\.600000 eV for H, .* -13\.500000 eV; keep one"),
        ({"H": 1.0}, [], "none for O; give one for each of H, O"),
        ({"H": 1.0, "O": 1.0, "C": 2.0}, [], "the data have no C"),
        ("guess", [], "expected .fit., .isolated."),
    ):
        with pytest.raises(InputError, match=message):
            atom_energies([*data, *more], how)


def test_contradictory_units():
    ev = [structure(k, energy=-100.0) for k in range(3)]
    hartree = [structure(k, energy=-100.0 / HARTREE, file="b.xyz") for k in range(3)]
    check_units([ev, [structure(k, energy=-101.0, file="b.xyz") for k in range(3)]])
    check_units([ev, [structure(k, "OOOO", energy=-100.0 / HARTREE) for k in range(3)]])  # another substance
    for groups in ([ev, hartree], [hartree, ev]):
        with pytest.raises(InputError, match=r"contradictory units: .*the ratio of hartree to eV; .*units of b\.xyz"):
            check_units(groups)


# --- pairs -----------------------------------------------------------------------------------------------


def test_distances_against_all_images():
    data = [structure(k) for k in range(3)]
    found = distances(data, 6.0)
    shifts = np.array([(a, b, c) for a in range(-2, 3) for b in range(-2, 3) for c in range(-2, 3)]) @ CELL
    for pair, own in found.pairs.items():
        all_r = []
        for s in data:
            r = np.linalg.norm(s.positions[None, :, None] + shifts[None, None] - s.positions[:, None, None], axis=-1)
            for i, a in enumerate(s.symbols):
                for j, b in enumerate(s.symbols):
                    if (a, b) == pair:
                        all_r += r[i, j][(r[i, j] > 1e-9) & (r[i, j] < 6.0)].tolist()
        each = 1 if pair[0] != pair[1] else 2  # of equal species both ways are here
        expected = np.bincount((np.array(all_r) * 20).astype(int), minlength=120) // each
        np.testing.assert_array_equal(own.counts, expected)
        assert own.shortest == pytest.approx(min(all_r)), pair
    pair = found.pairs["H", "O"]
    assert ": structure " in pair.where and ", atoms " in pair.where


def test_duplicates():
    a, b = structure(1), structure(2)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    order = [3, 1, 2, 0]
    again = Labelled(
        symbols=[a.symbols[k] for k in order], positions=(a.positions[order] + 0.3) @ turn, cell=CELL @ turn,
        periodic=(True,) * 3, energy=a.energy + 1.0, index=7,
    )  # fmt: skip
    moved = Labelled(symbols=b.symbols, positions=b.positions + 1e-2 * np.eye(4, 3), cell=CELL, periodic=(True,) * 3)
    data = [a, b, again, moved, b]
    assert duplicates(data, distances(data).fingerprints) == [[0, 2], [1, 4]]
    told = str(summarise(data))
    assert "the same structure again (up to order, translation, rotation): 2 of 5" in told
    assert "structure 1 = data: structure 7, and their energies differ by 0.2500 eV/atom" in told


def test_atoms_that_coincide():
    two = Labelled(symbols="HH", positions=np.zeros((2, 3)), file="x.xyz", index=3)
    with pytest.raises(InputError, match=r"x\.xyz: structure 3"):
        distances([two])


# --- summary ---------------------------------------------------------------------------------------------


def test_outliers_are_named():
    data = [structure(k, tag="md") for k in range(60)]
    data[7] = structure(7, energy=-4.0 + 40.0)
    wild = np.zeros((4, 3))
    wild[2], wild[1] = (400.0, 0, 0), (-400.0, 0, 0)
    data[9] = structure(9, forces=wild)
    data[11] = structure(11, forces=np.ones((4, 3)))
    found = summarise([*data, atom("O", 500.0, index=70)])
    told = str(found)
    assert "energy far from the others: 1 structures" in told and "structure 7: +" in told
    assert "force far above the others: 1 structures" in told and "structure 9, atom 1: 400.000 eV" in told
    assert "forces that do not add up to zero: 1 structures" in told and "structure 11: 1.732 eV" in told
    assert "61 structures, 241 atoms: 120 H, 121 O" in told and "md (57)" in told
    assert len(found.energies) == 60 and len(found.forces) == 240
    assert "nothing looks wrong" in str(summarise(data[:7]))


def test_what_is_not_labelled_is_not_needed():
    bare = Labelled(symbols="OH", positions=np.eye(3)[:2])
    assert "labels              energy 0, forces 0, stress 0" in str(summarise([bare]))


def test_bars_and_scores():
    assert bars([0, 1, 4, 8]) == " ▁▄█" and bars([0, 0]) == "  "
    score = robust(np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 1000.0]))
    assert score[-1] == pytest.approx((1000 - 4) / (1.4826 * 2)) and abs(score[:-1]).max() < 2
    assert Dataset((structure(0),)).subsets().keys() == {"train"}


def test_structures_in_two_subsets_are_named():
    """By file and number, however they are turned; those within one subset are no leak."""
    data = [structure(k, energy=-4.0) for k in range(4)]
    turn = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    turned = Labelled(symbols=data[2].symbols, positions=(data[2].positions + 1.0) @ turn, cell=CELL @ turn,
                      periodic=(True,) * 3, file="b.xyz", index=7, energy=-4.0)  # fmt: skip
    data += [turned, structure(1, energy=-4.0, file="c.xyz"), structure(3, energy=-4.0)]
    told = str(summarise(data, subsets=["train"] * 4 + ["test", "validation", "train"]))
    assert "the same structure in train and test: 1\n  a.xyz: structure 2 = b.xyz: structure 7\n" in told
    assert "the same structure in train and validation: 1\n  a.xyz: structure 1 = c.xyz: structure 1\n" in told
    assert told.count("the same structure in") == 2 and "the same structure again" in told
    assert "the same structure in" not in str(summarise(data))


def test_energies_that_say_nothing_are_told():
    told = "energies of atoms alone fit those of all 2 structures"
    assert told in str(summarise([structure(1), structure(2, "OHH")]))
    assert told not in str(summarise([structure(1), structure(2)]))
    alike = [structure(k, energy=-3e5) for k in range(3)]
    assert "fit those of all 3 structures" in str(summarise(alike))


def test_forces_that_nobody_computed():
    data = [structure(k, forces=np.zeros((4, 3))) for k in range(4)]
    assert "forces are 0 in all 4 structures that have some" in str(summarise(data))
    assert "forces are 0" not in str(summarise([*data, structure(5)]))
