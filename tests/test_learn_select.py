"""Which structures are worth a calculation? Features, MaxVol and farthest points by brute force; the rules."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from mdcore import InputError, System, evaluate
from mdcore.learn import looks as looks_module
from mdcore.learn.alike import Alike
from mdcore.learn.base import Candidate
from mdcore.learn.farthest import Farthest, spacing
from mdcore.learn.features import FUNCTIONS, Features, hidden
from mdcore.learn.looks import Looks, looks_at
from mdcore.learn.maxvol import MORE, NOISE, ActiveSet
from mdcore.learn.select import Rules, select, sift
from mdcore.learn.structures import bare, fingerprint
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.structure.box import Box
from tests.density_twin import density
from tests.reference.committees import MEMBERS, MODEL, SYSTEM, disagreement
from tests.reference.hdnnp_models import random_model

COMMITTEE = HDNNPotential(MODEL, extrapolation="ignore")


# --- what is said of a structure --------------------------------------------------------------------------------------


def test_nothing_is_computed_twice(monkeypatch, tmp_path):
    """And what is kept are the numbers that an evaluation gives, to the last bit."""
    asked = []

    class Counting(looks_module.Worker):
        def __call__(self, index, structure, time=0.0):
            asked.append(self.asked)
            return super().__call__(index, structure, time)

    monkeypatch.setattr(looks_module, "Worker", Counting)
    looks = Looks(COMMITTEE)
    first = looks.about(SYSTEM, spread=False)
    assert first.disagreement is None and not first.layers and looks.about(SYSTEM, spread=False) is first
    full, again = looks.about(SYSTEM), bare(SYSTEM)
    assert looks.about(again) is looks.about(SYSTEM, spread=False) is full and len(asked) == 2
    looks.about(SYSTEM, layers=True)
    told = evaluate(COMMITTEE, SYSTEM, findings=True)
    for seen in (first, looks.about(SYSTEM), full):
        assert seen.energy == told.energy and np.array_equal(seen.forces, told.forces)
    assert np.array_equal(full.disagreement, told.findings["force_disagreement"]) and len(asked) == 3
    moved = bare(SYSTEM)
    moved.positions = moved.positions + 1e-12
    assert looks.about(moved) is not full and len(asked) == 4
    path = tmp_path / "a.h5"
    write_h5(MODEL, path)
    one = looks_at(path)
    assert looks_at(path) is one
    write_h5(MODEL, path, overwrite=True)
    assert looks_at(path) is not one


def isometries(system: System) -> dict[str, System]:
    """The same structure of free boundaries, told otherwise."""
    x, names = system.positions, system.names
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    order = np.random.default_rng(4).permutation(system.n_atoms)
    return {
        "turned": System(system.box, x @ turn, names),
        "mirrored": System(system.box, x * [1.0, 1.0, -1.0], names),
        "moved": System(system.box, x + np.array([0.3, -0.2, 0.1]), names),
        "renumbered": System(system.box, x[order], [names[k] for k in order]),
        "all of it": System(system.box, (x * [-1.0, 1.0, 1.0] @ turn)[order] + 0.5, [names[k] for k in order]),
    }


@pytest.mark.parametrize("potential", [COMMITTEE, density(layers=1), density(layers=2)])
def test_what_is_the_same_but_for_a_reflection_is_known(potential):
    free = System(Box.around(SYSTEM.positions, 5.0), SYSTEM.positions, SYSTEM.names)
    alike = Alike(Looks(potential), [free])
    for name, own in isometries(free).items():
        energy = evaluate(potential, own).energy
        assert energy == pytest.approx(evaluate(potential, free).energy, abs=1e-9), name
        assert fingerprint(own) != fingerprint(free) and not alike.add(own), name
    wrapped = SYSTEM.positions.copy()
    wrapped[:2] -= SYSTEM.box.matrix[[0, 2]]
    alike = Alike(alike.looks, [SYSTEM])
    assert not alike.add(System(SYSTEM.box, wrapped, SYSTEM.names))
    assert alike.add(free), "of another cell"
    near = SYSTEM.displace(1e-4, 1)
    assert alike.add(near) and not alike.add(near)
    charged = bare(SYSTEM)
    charged.info = {"total_charge": 1.0}
    assert alike.add(charged), "what descriptors don't see, and an oracle does"
    x = SYSTEM.positions.copy()
    x[0] = x[1] + 0.01
    overlap = System(SYSTEM.box, x, SYSTEM.names)
    assert alike.add(overlap) and alike.add(overlap), "nothing is said of it"


# --- MaxVol -----------------------------------------------------------------------------------------------------------


def volume(rows) -> float:
    return abs(float(np.linalg.det(rows)))


@pytest.mark.parametrize("seed", range(6))
def test_maxvol_finds_a_volume_that_no_swap_enlarges(seed):
    rows = np.random.default_rng(seed).normal(size=(14, 4)) * [1.0, 10.0, 0.1, 3.0]
    found = ActiveSet(rows)
    size = np.sqrt((rows**2).mean(axis=0))
    chosen = [int(np.argmin(np.abs(rows / size - row).sum(axis=1))) for row in found.matrix]
    assert found.matrix == pytest.approx(rows[chosen] / size) and len(set(chosen)) == 4
    own = volume(rows[chosen])
    for j, row in np.ndindex(4, 14):
        swapped = rows[chosen].copy()
        swapped[j] = rows[row]
        assert volume(swapped) <= own * (1.0 + 1.01 * MORE)
    assert own >= 0.5 * max(volume(rows[list(each)]) for each in combinations(range(14), 4))


def test_grades_are_ratios_of_volumes():
    """Cramer's rule: |(x A^-1)_j| is the volume with x in the place of row j, over that without."""
    rng = np.random.default_rng(3)
    rows, others = rng.normal(size=(20, 5)), rng.normal(scale=3.0, size=(8, 5))
    found = ActiveSet(rows)
    a, size = found.matrix, np.sqrt((rows**2).mean(axis=0))
    for x, grade in zip(others / size, found.grades(others), strict=True):
        swapped = [np.concatenate([a[:j], x[None], a[j + 1 :]]) for j in range(5)]
        assert grade == pytest.approx(max(map(volume, swapped)) / volume(a), rel=1e-9)
    assert found.grades(rows).max() <= 1.0 + MORE + 1e-9 < found.grades(others).max()
    before = volume(a)
    assert found.add(others) > 0 and volume(found.matrix) > before and found.grades(others).max() <= 1.0 + MORE + 1e-9


def test_directions_without_data_are_noise():
    rng = np.random.default_rng(4)
    plane = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 6))
    found = ActiveSet(plane)
    inside = rng.uniform(-0.3, 0.3, size=(5, 30)) @ plane / 9.0
    assert found.grades(inside).max() < 1.0
    size = np.sqrt((plane**2).mean(axis=0))
    outside = plane[:1] + 0.1 * size * rng.normal(size=6)
    assert found.grades(outside)[0] > 0.02 / NOISE
    assert ActiveSet(np.zeros((0, 3))).grades(np.eye(3)) == pytest.approx([1.0 / NOISE] * 3)


# --- farthest points --------------------------------------------------------------------------------------------------


def test_farthest_points_by_brute_force():
    rng = np.random.default_rng(1)
    points, chosen = rng.normal(size=(40, 3)), rng.normal(size=(7, 3))
    far, allowed, all_ = Farthest(points, chosen), np.ones(40, dtype=bool), [*chosen]
    for _ in range(12):
        k = far.farthest(allowed)
        slow = [min(np.linalg.norm(x - y) for y in all_) if ok else -1.0 for x, ok in zip(points, allowed, strict=True)]
        assert k == int(np.argmax(slow)) and far.distances[k] == pytest.approx(slow[k])
        far.choose(k)
        allowed[k] = False
        all_.append(points[k])
    nearest = [min(np.linalg.norm(x - y) for j, y in enumerate(points) if j != k) for k, x in enumerate(points)]
    assert spacing(points) == pytest.approx(np.median(nearest)) and spacing(points[:1]) == 0.0


# --- features ---------------------------------------------------------------------------------------------------------


def moved(width: float, seed: int) -> System:
    return SYSTEM.displace(width, seed)


@pytest.mark.parametrize("potential", [
    COMMITTEE,
    HDNNPotential(random_model(activations="sgl", normalize_nodes=True, types=[2, 3]), extrapolation="ignore"),
    density(members=2, layers=2), density(layers=2, hidden=0), density(unlike=[{"layers": 1, "channels": 32}]),
], ids=["committee", "normalised nodes", "density committee", "density without a network", "two designs"])  # fmt: skip
def test_energies_are_linear_in_features(potential):
    """Of many atoms, more than there are features: least squares leave nothing."""
    features, rows, energies = Features(potential), {}, {}
    for seed in range(16):
        found = evaluate(potential, moved(0.1, seed), descriptors=True)
        for e, (atoms, layer) in enumerate(features.seen(found, layers=True).layers):
            rows.setdefault(e, []).append(layer)
            energies.setdefault(e, []).append(found.energies[atoms])
    for e in rows:
        x, y = np.concatenate(rows[e]), np.concatenate(energies[e])
        off = np.linalg.lstsq(x, y, rcond=None)[0]
        left = x @ off - y
        assert len(y) > 1.5 * x.shape[1] and np.abs(left).max() < 1e-6 * max(1.0, np.ptp(y))


def test_activations_are_those_of_the_kernel():
    """dE/dx of a network of one node, by differences, is that of the kernel: all letters."""
    x = np.array([[0.3], [-0.7]])
    for letter, function in FUNCTIONS.items():
        model = random_model(("O",), hidden=(3,), activations=letter + "l", functions=None, types=[2])
        network = model.networks[0]
        tables = HDNNPotential(model, extrapolation="ignore").networks
        inputs = np.repeat(x, network.layer_sizes[0], axis=1) * np.linspace(0.5, 1.5, network.layer_sizes[0])
        energies, _ = tables.network(0, inputs, 0)
        layer = hidden(network, inputs)
        assert energies == pytest.approx((layer @ network.weights[-1] + network.biases[-1])[:, 0], abs=1e-12), letter
        assert np.isfinite(function(x)).all()


# --- the rules --------------------------------------------------------------------------------------------------------


def candidates(n=12, explorers=("a", "b")) -> list[Candidate]:
    return [
        Candidate(system=moved(0.02 * (k + 1), k), explorer=explorers[k % len(explorers)], place=f"structure {k}")
        for k in range(n)
    ]


LABELLED = [SYSTEM, moved(0.02, 100), moved(0.03, 101)]


def by_hand(system) -> float:
    """The largest disagreement of an atom, scaled by the forces on its species in labelled structures."""
    names, sizes = np.array(SYSTEM.names), {}
    forces = np.concatenate([evaluate(COMMITTEE, own).forces for own in LABELLED])
    for name in set(names):
        sizes[name] = np.sqrt((forces[np.tile(names, len(LABELLED)) == name] ** 2).mean())
    middle = np.sqrt(np.mean([size**2 for size in sizes.values()]))
    return max(
        value * middle / sizes[name] for name, value in zip(names, disagreement(MODEL, system)[0], strict=True)
    )


def test_selection_by_disagreement():
    met = candidates()
    hand = np.array([by_hand(own.system) for own in met])
    ranked = np.sort(hand)
    lower, upper = ranked[1:3].mean(), ranked[-2:].mean()
    rules = Rules(lower=lower, upper=upper, batch=6, quotas={"a": 2, "b": None}, redundant=0.0)
    choices, scores = sift(met, COMMITTEE, LABELLED, rules)
    assert scores == pytest.approx(hand, rel=1e-6)
    assert np.count_nonzero(scores <= lower) == 2 and np.count_nonzero(scores > upper) == 1
    chosen = [own.candidate for own in choices]
    assert len(chosen) == 6 and sum(own.explorer == "a" for own in chosen) == 2
    places = [own.place for own in chosen]
    for own in choices:
        k = next(k for k, other in enumerate(met) if other.place == own.candidate.place)
        assert own.score == pytest.approx(hand[k], rel=1e-6) and lower < own.score <= upper
        assert f"disagreement {own.score:.3g} eV/Angstrom about" in own.why
        assert own.candidate.disagreement == pytest.approx(disagreement(MODEL, met[k].system)[0], rel=1e-6)
    again = select(met, COMMITTEE, LABELLED, rules)
    assert [own.candidate.place for own in again] == places
    best = select(met, COMMITTEE, LABELLED, replace(rules, choose="score", quotas={}))
    assert [own.score for own in best] == sorted((own.score for own in best), reverse=True)


def test_what_repeats_fails_or_was_asked_before():
    met = candidates(4)
    twins = [replace(met[3], place="twin"), Candidate(system=LABELLED[1], explorer="a", place="labelled")]
    x = SYSTEM.positions.copy()
    x[0] = x[1] + 0.01
    overlap = Candidate(system=System(SYSTEM.box, x, SYSTEM.names), explorer="a", place="overlap")
    told = [replace(met[2], disagreement=np.full(SYSTEM.n_atoms, 7.5)), *twins, overlap, met[3]]
    choices, scores = sift(told, COMMITTEE, LABELLED, Rules(lower=0.0, choose="score"), np.random.default_rng(1))
    places = [own.candidate.place for own in choices]
    assert len(places) == 2 and places[0] == "structure 2" and places[1] in ("twin", "structure 3")
    assert np.isnan(scores).tolist() == [False, False, False, True, False]
    assert choices[0].candidate.disagreement[0] == 7.5  # what the explorer said, not asked again
    assert select([], COMMITTEE, LABELLED, Rules()) == [] == select(met, COMMITTEE, LABELLED, Rules(lower=1e9))
    assert len(select(met, COMMITTEE, [], Rules(lower=0.0, batch=3))) == 3


@pytest.mark.parametrize("choose", ["farthest", "score"])
def test_mirror_images_repeat(choose):
    """Whatever `redundant` says, and although no two numbers of theirs are the same."""
    free = System(Box.around(SYSTEM.positions, 5.0), SYSTEM.positions, SYSTEM.names)
    told = isometries(free.displace(0.1, 3))
    met = [Candidate(system=own, explorer="a", place=name) for name, own in told.items()]
    rules = Rules(lower=0.0, redundant=0.0, choose=choose)
    assert len(select(met, COMMITTEE, [free], rules)) == len(select(met, COMMITTEE, [], rules)) == 1
    assert not select(met, COMMITTEE, [free, free.displace(0.1, 3)], rules)
    assert not select(met, COMMITTEE, [free.displace(0.1, 3)], rules), "all is rounding here"


@pytest.mark.parametrize("of", ["atoms", "structures"])
def test_selection_by_grade_learns_from_each_choice(of):
    met = candidates(10)
    rules = Rules(by="maxvol", lower=1.5, batch=10, redundant=0.0, of=of)
    choices, scores = sift([*met, replace(met[9], place="twin")], COMMITTEE, LABELLED, rules)
    assert choices[0].score == np.nanmax(scores) > 1.5
    assert 0 < len(choices) < 11 and all(own.score > 1.5 for own in choices)
    assert len({own.candidate.place.replace("twin", "structure 9") for own in choices}) == len(choices)
    assert ("about" in choices[0].why) == (of == "atoms")
    _, known = sift(LABELLED_AGAIN, COMMITTEE, LABELLED, replace(rules, lower=0.0))
    assert known.max() <= 1.0 + 2.0 * MORE


LABELLED_AGAIN = [Candidate(system=own, explorer="a", place=f"labelled {k}") for k, own in enumerate(LABELLED)]


def test_selection_by_extrapolation():
    met = candidates(6)
    _, scores = sift(met, COMMITTEE, [], Rules(by="extrapolation"))
    excess = [evaluate(COMMITTEE, own.system, descriptors=True).extrapolation.excess.max() for own in met]
    assert scores == pytest.approx(excess) and max(excess) > 0.0


def test_what_can_not_be_asked():
    single = HDNNPotential(MEMBERS[0], extrapolation="ignore")
    with pytest.raises(InputError, match="needs a committee"):
        select(candidates(1), single, LABELLED, Rules())
    assert np.isfinite(sift(candidates(2), single, LABELLED, Rules(by="maxvol", lower=0.0))[1]).all()
    with pytest.raises(InputError, match="range of training"):
        select(candidates(1), density(layers=1), [], Rules(by="extrapolation"))
    with pytest.raises(InputError, match=r"explorer hot: extrapolation = 0.5: the range of training"):
        Looks(density(layers=1)).need_range("hot", 0.5)
    from tests.test_neb import ARGON

    with pytest.raises(InputError, match="expected one trained potential"):
        Looks(ARGON)
    for wrong in ({"by": "luck"}, {"upper": 0.1}, {"batch": 0}, {"redundant": -1.0}, {"lower": -1.0}, {"of": "bonds"}):
        with pytest.raises(InputError, match="select: "):
            Rules(**wrong)
