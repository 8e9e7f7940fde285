"""Is a run within what its network was trained on? Judged by how often, how far and how disputed atoms were."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mdcore import Extrapolation, HDNNPotential, Simulation, System, VelocityVerlet, evaluate, read_model
from mdcore.base.errors import ExtrapolationError, InputError, SimulationError
from mdcore.cli import main
from mdcore.potentials.networks.committee import committee, single
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.trained import fingerprint
from mdcore.structure import extxyz
from mdcore.training.known import known_of
from mdcore.watch.disagreement import Disagreement
from mdcore.watch.extrapolation import ENOUGH, Count, Sighting
from mdcore.watch.verdict import verdict
from tests.reference import trained
from tests.test_extrapolation import BY_HAND, MODEL, moving
from tests.test_train_summary import structure

ROOT = Path(__file__).parents[1]
KNOWN = Known(structures=100, atoms=10_000, share=0.002, farthest=0.2, disagreement=0.1)


def count(atoms=0, excess=0.0, steps=1, looked=1000, n_atoms=100):
    """What a run of `looked` steps saw."""
    seen = Count(first=0, last=looked, looked=looked, n_atoms=n_atoms, seen=looked * n_atoms)
    if atoms:
        seen.steps, seen.atoms, seen.most = steps, atoms, 3
        seen.farthest = Sighting(excess, 0, 1, "O", "f")
    return seen


@pytest.mark.parametrize(
    ("known", "seen", "largest", "says"),
    [
        (KNOWN, count(), None, "within what net was trained on$"),
        (KNOWN, count(790, 0.79), 0.19, "within"),
        (KNOWN, count(810, 0.1, steps=500), None, "in 50 % of the steps up to 3 of 100 atoms .*, 4 times as often as"),
        (KNOWN, count(1, 0.81), None, "in 0.1 % of the steps .*, by up to 81 % of a range; see docs/networks.md$"),
        (KNOWN, count(), 0.21, "the members of net differ by up to 0.21 eV/Angstrom about an atom; .* by up to 0.1;"),
        (replace(KNOWN, disagreement=None), count(), 9.0, "within"),
        (KNOWN, count(1, 0.81, looked=20_000), None, "within"),  # one of two million
        (KNOWN, count(1, 2.41, looked=20_000), None, "by up to 241 % of a range"),
        (replace(KNOWN, share=0.3), count(), None, "too few structures: 30 % of the atoms"),
        (replace(KNOWN, farthest=0.0), count(1, 1e-3), None, "by up to 0.1 % of a range"),
        (None, count(), None, "within what net was trained on$"),
        (None, count(90_000, 0.24), None, r"within what net was trained on, or at its edge \(by up to 24 % of a range"),
        (None, count(1, 0.26), None, "in 0.1 % of the steps up to 3 of 100"),
    ],
)
def test_verdicts(known, seen, largest, says):
    seen.far = int(known is not None and bool(seen.atoms) and seen.farthest.excess > known.far)
    differ = Disagreement()
    if largest is not None:
        differ.looks, differ.largest = 900, (largest, "atom 1")
        differ.disputed = int(known.disputed is not None and largest > known.disputed)
    doubtful, text = verdict("net", known, seen, differ)
    assert doubtful == ("within" not in says)
    assert text.startswith("verdict: doubtful: " if doubtful else "verdict: within ") and "\n" not in text
    assert re.search(says, text), text


@pytest.mark.parametrize(
    "wrong", [{"share": 1.5}, {"share": float("nan")}, {"farthest": -1.0}, {"disagreement": float("inf")}, {"atoms": 0}]
)
def test_numbers_that_nothing_can_be_judged_by(wrong):
    with pytest.raises(InputError, match="known"):
        replace(KNOWN, **wrong)


def test_a_file_keeps_them(tmp_path):
    for k, known in enumerate((KNOWN, replace(KNOWN, disagreement=None), None)):
        write_h5(replace(MODEL, known=known), tmp_path / f"{k}.h5")
        back = read_h5(tmp_path / f"{k}.h5")
        assert back.known == known and fingerprint(back) == fingerprint(MODEL)  # they change no energy


def test_measured_by_hand():
    """Held-back parts of nine structures, each against the range of the others, one atom after the other."""
    data = [structure(k, "OHHOHH") for k in range(9)]
    model = trained.trained_on(trained.structure())
    found, nearest = known_of(model, data)
    answers = evaluate(HDNNPotential(model, extrapolation="ignore"), [s.structure for s in data], descriptors=True)
    rows = [
        (k, symbol, g, r)
        for k, (s, answer) in enumerate(zip(data, answers, strict=True))
        for symbol, g, r in zip(s.symbols, answer.descriptors, answer.nearest, strict=True)
    ]
    excess, apart, beyond_reach = [], [], model.cutoff * (1 - 1e-9)
    for k, symbol, g, r in rows:
        others = np.array([own for j, name, own, _ in rows if j != k and name == symbol])
        low, high = others.min(axis=0), others.max(axis=0)
        all_of_them = np.array([own for _, name, own, _ in rows if name == symbol])
        width, beyond = np.ptp(all_of_them, axis=0), np.maximum(low - g, g - high)
        excess.append(max([0.0, *(b / w for b, w in zip(beyond, width, strict=True) if w > 0)]))
        others, e = np.array([own for j, name, _, own in rows if j != k and name == symbol]), "HO".index(symbol)
        near, lone = others.min(axis=0), nearest.high[e] > beyond_reach
        apart.append((r < near * (1 - 1e-9)) & (near < beyond_reach) | (r > others.max(axis=0) * (1 + 1e-9)) & ~lone)
    assert 0 < np.count_nonzero(excess) < len(excess)
    outside = (np.array(excess) > 1e-9) | np.any(apart, axis=1)
    assert found.share == pytest.approx(np.count_nonzero(outside) / len(excess))
    assert found.farthest == pytest.approx(max(excess))
    assert (found.structures, found.atoms, found.disagreement) == (9, 54, None)
    assert known_of(model, data[:1]) == (None, None)


def test_members_are_asked_about_what_was_held_back():
    data = [structure(k, "OHHOHH") for k in range(6)]
    models = [trained.trained_on(trained.structure(), seed=k) for k in (1, 2)]
    both = committee([models[0], replace(models[0], networks=models[1].networks)])
    answers = evaluate(HDNNPotential(both, extrapolation="ignore"), [s.structure for s in data], findings=True)
    largest = [answer.findings["max_disagreement"] for answer in answers]
    assert known_of(both, data)[0].disagreement == pytest.approx(max(largest))
    assert known_of(both, data[:4], data[4:])[0].disagreement == pytest.approx(max(largest[4:]))


def test_committees_know_what_all_of_them_know():
    known = replace(KNOWN, disagreement=None)
    a, other = replace(MODEL, known=known), replace(MODEL, known=replace(known, share=0.5))
    assert committee([a, a]).known == known and committee([a, other]).known is None
    assert single(replace(committee([a, a]), known=KNOWN), 1).known == known
    assert identical(committee([replace(MODEL, known=KNOWN)]).known, KNOWN)


def run_with(known, policy="warn", steps=40, **options):
    told = []
    watch = Extrapolation(policy, tell=told.append, **options)
    sim = Simulation(moving(), HDNNPotential(replace(MODEL, known=known), extrapolation=watch), VelocityVerlet(0.05))
    sim.run(steps)
    return sim, told


FARTHEST = max(excess for _, outside in BY_HAND for _, excess in outside.values())
OUTSIDE = sum(len(outside) for _, outside in BY_HAND)


def test_policies_act_on_what_is_far():
    """Atoms that are merely outside are counted; nothing is told, saved or stopped."""
    usual = replace(KNOWN, farthest=FARTHEST, share=0.9)
    sim, told = run_with(usual, "stop")
    assert told == [] and sim.watchers[0][0].total.atoms == OUTSIDE
    assert sim.watchers[0][0].total.far == 0
    narrow = replace(usual, farthest=0.2 * FARTHEST)
    sim, told = run_with(narrow)
    far = [sum(excess > 0.8 * FARTHEST for _, excess in outside.values()) for _, outside in BY_HAND]
    total = sim.watchers[0][0].total
    assert (total.far, total.most_far) == (sum(far), max(far)) and total.since == np.flatnonzero(far)[0] > 0
    assert len(told) == 1 and f"step {total.since}: " in told[0]
    with pytest.raises(ExtrapolationError, match=rf"step {total.since}: .* atoms are far outside the range"):
        run_with(narrow, "stop")


def test_too_often_is_told_and_doubtful():
    sim, told = run_with(replace(KNOWN, farthest=FARTHEST, share=1e-6), steps=ENOUGH)
    assert [text for text in told if "times as many atoms out of range as usual" in text]
    assert all(len(f"mdcore: warning: {text}") <= 80 for text in told)
    assert sim.verdicts()[0][0]


def test_an_explosion_after_extrapolation_says_so():
    """Not only that the timestep is too large."""
    cures = r"Since step \d+ atoms had been outside what .* timestep alone", r"skin of 1\. Use a"
    for known, says in zip((replace(KNOWN, farthest=0.0), None), cures, strict=True):
        sim, _ = run_with(known, steps=40 if known else 1)
        with pytest.raises(SimulationError, match=says):
            sim.run(5, VelocityVerlet(500.0))


# --- commands --------------------------------------------------------------------------------------------

INPUT = """\
[structure]
file = "start.extxyz"

[potential]
type = "hdnnp"
file = "net.h5"

[[stage]]
ensemble = "nve"
timestep = 0.05
steps = {steps}

[output]
name = "run"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    system = trained.structure()
    with open("start.extxyz", "w") as stream:
        extxyz.write_frame(stream, moving())
    assert System.read("start.extxyz").n_atoms == system.n_atoms
    (tmp_path / "run.toml").write_text(INPUT.format(steps=20))
    return tmp_path


def test_a_run_ends_with_its_verdict(folder, capsys):
    for farthest, share, says in ((9.0, 0.09, "within what "), (1e-6, 0.09, "doubtful: in ")):
        write_h5(replace(MODEL, known=replace(KNOWN, farthest=farthest, share=share)), "net.h5", overwrite=True)
        assert main(["run", "run.toml", "--overwrite"]) == 0
        told = capsys.readouterr()
        assert told.out.rstrip().splitlines()[-1].startswith(f"verdict: {says}")
        assert ("warning" in told.err) == ("doubtful" in says)
        assert main(["run", "run.toml", "--overwrite", "--quiet"]) == 0
        told = capsys.readouterr()
        assert told.out == "" and ("mdcore: warning: step" in told.err) == ("doubtful" in says)
        assert ("mdcore: warning: verdict: doubtful" in told.err) == ("doubtful" in says)
    write_h5(replace(MODEL, known=replace(KNOWN, farthest=9.0, share=0.09)), "net.h5", overwrite=True)
    assert main(["run", "run.toml", "--overwrite", "--set", "stage.0.timestep=1000"]) == 3
    told = capsys.readouterr()
    assert "smaller timestep" in told.err and "verdict: within" not in told.out  # what broke down is not praised
    assert main(["run", "run.toml", "--overwrite", "--set", "potential.0.extrapolation=ignore"]) == 0
    assert "verdict: none about " in capsys.readouterr().out


def test_evaluate_and_info_tell(folder, capsys):
    write_h5(replace(MODEL, known=KNOWN), "net.h5")
    assert main(["evaluate", "net.h5", "start.extxyz"]) == 0
    assert "\nverdict: within what " in capsys.readouterr().out
    assert main(["info", "net.h5"]) == 0
    assert "verdicts go by    of held-back structures 0.2 % of the atoms" in capsys.readouterr().out
    write_h5(MODEL, "net.h5", overwrite=True)
    assert main(["info", "net.h5"]) == 0
    assert "verdicts go by    the range alone" in capsys.readouterr().out


def test_convert_learns_of_data(folder, capsys):
    write_h5(MODEL, "net.h5")
    with open("data.xyz", "w") as stream:
        for _ in range(3):
            extxyz.write_frame(stream, moving())
    assert main(["convert", "net.h5", "made.h5", "--data", "data.xyz"]) == 0
    known = read_model("made.h5").known
    assert (known.structures, known.atoms, known.farthest) == (3, 180, 0.0) and known.share == pytest.approx(1 / 180)
    assert "of held-back structures 0.556 % of the atoms" in capsys.readouterr().out
    assert main(["convert", "net.h5", "folder", "--data", "data.xyz"]) == 2
    assert "for .h5 files only" in capsys.readouterr().err
    assert main(["convert", "net.h5", "again.h5", "--data", "nowhere.xyz"]) == 2
    assert "nowhere.xyz" in capsys.readouterr().err
    (folder / "copper.xyz").write_text("1\n\nCu 0 0 0\n")
    assert main(["convert", "net.h5", "again.h5", "--data", "copper.xyz"]) == 2
    assert "no network for Cu" in capsys.readouterr().err
