"""Is a density network kept without loss in one .h5 file, and is a damaged file refused?"""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.potentials.density.committee import committee, single
from mdcore.potentials.families import committee as of_any_family
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.trained import TestVector, fingerprint
from mdcore.potentials.networks.walls import Wall
from tests.density_twin import Twin, random_network
from tests.reference.hdnnp_models import random_model

KNOWN = Known(structures=10, atoms=90, share=0.1, farthest=0.2)
ONE = replace(
    random_network(layers=2),
    name="one",
    walls=(Wall(("H", "O"), 0.6, 0.8),),
    known=KNOWN,
    provenance={"title": "none", "seed": 3},
    training={"validation, force": 1.5, "epochs": 7},
    ranges=(np.sort(np.random.default_rng(1).normal(size=(2, 2, 32)), axis=0),),
    test_vectors=(TestVector(("H", "O"), np.eye(3)[:2], np.diag([5.0, 6.0, 7.0]), 1.0, np.zeros((2, 3))),),
)

MIXED = committee([ONE, random_network(seed=2, layers=1, channels=32, scale=0.3, message_l=0)])


@pytest.mark.parametrize(
    "model",
    [ONE, random_network(hidden=0, layers=1), random_network(element_rank=2), random_network(message_l=1),
     random_network(envelope=12),
     committee([ONE, random_network(seed=2), random_network(seed=3)]), MIXED]
)
def test_nothing_is_lost(model, tmp_path):
    path = tmp_path / "one.h5"
    write_h5(model, path)
    again = read_model(path)
    assert identical(again, model) and fingerprint(again) == fingerprint(model)


def test_parameters_can_be_found_by_others(tmp_path):
    write_h5(ONE, tmp_path / "one.h5")
    with h5py.File(tmp_path / "one.h5") as file:
        assert file.attrs["format"] == "mdcore-density" and list(file.attrs["elements"]) == ["H", "O"]
        assert file["design"].attrs["channels"] == 16
        views = ONE.design.views(ONE.parameters)
        assert set(file["members/0/parameters"]) == set(views)
        assert np.array_equal(file["members/0/parameters/S.1"], views["S.1"])


def test_fingerprints_tell_all_that_decides_energies():
    others = [
        replace(ONE, parameters=1.0 * ONE.parameters + 1e-15),
        replace(ONE, design=replace(ONE.design, scale=0.71)),
        replace(ONE, walls=()),
        committee([ONE, ONE]),
        replace(ONE, design=replace(ONE.design, envelope=7)),
    ]
    assert len({fingerprint(model) for model in [ONE, *others]}) == 6
    assert fingerprint(replace(ONE, ranges=(), name="two", known=None)) == fingerprint(ONE)


def _other(file, name, value):
    del file[name]
    file[name] = value


@pytest.mark.parametrize(
    "damage, text",
    [
        (lambda f: f["design"].attrs.update(channels=24), "channels = 24: expected a whole number"),
        (lambda f: f["design"].attrs.update(channels=10**9), "channels = 1000000000"),
        (lambda f: f["design"].attrs.update(channels=32), "embedding is [2, 16] of float64, expected [2, 32]"),
        (lambda f: f["design"].attrs.update(cutoff=np.nan), "cutoff = nan"),
        (lambda f: f["design"].attrs.update(colour=1), "unexpected keyword argument"),
        (lambda f: f["design"].attrs.__delitem__("cutoff"), "incomplete or damaged"),
        (lambda f: f["members"].attrs.update(n=0), "incomplete or damaged"),
        (lambda f: f["members"].attrs.update(n=2), "incomplete or damaged"),
        (lambda f: f["members"].attrs.update(n=10**9), "1,000,000,000 members"),
        (lambda f: f["members/0/parameters"].__delitem__("w2"), "incomplete or damaged"),
        (lambda f: f["members/0/parameters/E0"].__setitem__(0, np.inf), "not finite"),
        (lambda f: f["members/0/ranges"].__setitem__((0, 0, 0), np.nan), "not a least and a most"),
        (lambda f: f["members/0/ranges"].__setitem__((0, 0, 0), 1e9), "not a least and a most"),
        (lambda f: f["design"].attrs.update(layers="two"), "incomplete or damaged"),
        (lambda f: f["design"].attrs.update(layers=[1, 2]), "incomplete or damaged"),
        (lambda f: f["design"].attrs.update(scale="one"), "incomplete or damaged"),
        (lambda f: f.attrs.update(elements=["H", "H"]), "ordered by atomic number"),
        (lambda f: f.attrs.update(elements=3), "incomplete or damaged"),
        (lambda f: _other(f, "members/0/parameters/E0", np.array([b"a", b"b"])), "E0 is [2] of |S1"),
        (lambda f: _other(f, "members/0/parameters/E0", np.array([1j, 2])), "E0 is [2] of complex128"),
        (lambda f: _other(f, "members/0/parameters/E0", 1.0), "E0 is [] of float64, expected [2]"),
        (lambda f: _other(f, "members/0/parameters", 1.0), "incomplete or damaged"),
        (lambda f: _other(f, "members", 1.0), "incomplete or damaged"),
        (lambda f: f.attrs.update(version=7), "written by a newer mdcore"),
        (lambda f: f.attrs.update(format="mdcore-hdnnp"), "incomplete or damaged"),
        (lambda f: f.attrs.update(elements=["O", "H"]), "ordered by atomic number"),
        (lambda f: f.attrs.update(length_unit="bohr"), "expected angstrom, ev"),
        (lambda f: f.attrs.update(name="changed"), "damaged or changed"),
    ],
)
def test_damaged(damage, text, tmp_path):
    path = tmp_path / "one.h5"
    write_h5(ONE, path)
    with h5py.File(path, "a") as file:
        damage(file)
    with pytest.raises(InputError) as caught:
        read_model(path)
    assert text in str(caught.value) and str(path) in str(caught.value)


def test_a_committee_is_the_mean():
    """Members trained with other scales and numbers of neighbours, too."""
    models = [ONE, random_network(seed=2, neighbours=9.0, scale=1.3), random_network(seed=3, scale=0.2)]
    both = committee([committee(models[:2]), models[2]])
    rng = np.random.default_rng(4)
    system = np.arange(6) % 2, rng.uniform(0.0, 4.0, (6, 3))
    for k, model in enumerate(models):
        alone = Twin(single(both, k), *system).energies()
        assert alone == pytest.approx(Twin(model, *system).energies(), rel=1e-12)
    assert both.walls == ONE.walls and both.known is None and both.ranges == () and both.test_vectors == ()
    assert len(both.members) == 3 and single(both, 0).others == ()


def test_members_of_several_designs_stay_as_they_are():
    """Also those of committees that are joined."""
    models = [random_network(seed=5, layers=1) if k else ONE for k in range(2)]
    both = committee([committee(models), MIXED])
    assert [own.layers for own in both.member_designs] == [2, 1, 2, 1] and both.ends.tolist() == [32, 48, 80, 112]
    for k, wanted in enumerate([*models, single(MIXED, 0), single(MIXED, 1)]):
        alone = single(both, k)
        assert identical((alone.design, alone.parameters), (wanted.design, wanted.parameters)) and not alone.designs
    with pytest.raises(InputError, match=r"a member's cutoff is 3\.0, expected 4\.0"):
        replace(MIXED, designs=(replace(MIXED.designs[0], cutoff=3.0),))
    with pytest.raises(InputError, match="1 designs of 0 further members"):
        replace(MIXED, others=())


def test_ranges_of_members():
    other = replace(random_network(seed=2), ranges=(np.zeros((2, 2, 32)),))
    both = committee([ONE, other])
    assert identical(both.ranges, (*ONE.ranges, *other.ranges))
    assert identical(single(both, 1).ranges, other.ranges)


@pytest.mark.parametrize(
    "other, text",
    [
        (random_network(("H", "C")), "shares elements"),
        (random_network(cutoff=3.0), "shares cutoff, and that of number 2, without a name, is 3.0 in place of 4.0"),
        (random_model(elements=("H", "O")), "of one type, not of density and hdnnp"),
    ],
)
def test_what_makes_no_committee(other, text):
    with pytest.raises(InputError, match=text):
        of_any_family([ONE, other])


@pytest.mark.parametrize(
    "change, text",
    [
        ({"units": Units("bohr", "ev")}, "expected angstrom, ev"),
        ({"others": (np.zeros(3),)}, "3 parameters, expected"),
        ({"ranges": ()}, None),
        ({"ranges": (np.zeros((2, 2, 31)),)}, "ranges: expected"),
        ({"ranges": ONE.ranges * 2}, "ranges: expected"),
        ({"walls": (Wall(("H", "C"), 0.1, 0.2),)}, "knows H, O only"),
    ],
)
def test_models_that_are_none(change, text):
    if text is None:
        assert replace(ONE, **change).ranges == ()
        return
    with pytest.raises(InputError, match=text):
        replace(ONE, **change)
