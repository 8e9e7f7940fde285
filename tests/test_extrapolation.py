"""Atoms outside the range of training: counted right, told seldom, saved for labelling, stopped at a limit."""

import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from mdcore import Extrapolation, ExtxyzDump, HDNNPotential, Simulation, Sum, System, VelocityVerlet
from mdcore.base.errors import ExtrapolationError, InputError
from mdcore.potentials.networks.outside import APART, EXCESS, RANGE
from mdcore.potentials.pair.lj import LennardJones
from mdcore.watch.base import Watcher
from mdcore.watch.extrapolation import PAUSE, Count, Sighting
from tests.reference import trained

SYSTEM = trained.structure()
MODEL = trained.trained_on(SYSTEM)


def moving():
    noise = np.random.default_rng(3).normal(size=(60, 3))
    return System(
        SYSTEM.box, SYSTEM.positions, species=SYSTEM.species, symbols=SYSTEM.symbols, velocities=0.03 * noise
    )


def simulation(watch, model=MODEL):
    return Simulation(moving(), HDNNPotential(model, extrapolation=watch), VelocityVerlet(0.05))


def seen_by_hand(steps=40):
    """[(step, {tag: (label, excess)} of atoms outside)], by comparing descriptors step by step."""
    sim, found = simulation("ignore"), []
    for _ in range(steps + 1):
        g, outside = trained.descriptors(sim), {}
        for row, species in enumerate(sim.atoms.species):
            e = MODEL.elements.index(sim.symbols[species])
            scaling = MODEL.scaling[e]
            own = g[row, : len(scaling.min)]
            out = np.maximum(scaling.min - own, own - scaling.max) / (scaling.max - scaling.min)
            if out.max() > 1e-9:
                label = MODEL.symmetry_functions[e][int(out.argmax())].label
                outside[int(sim.atoms.tags[row])] = (label, float(out.max()))
        found.append((sim.step, outside))
        sim.run(1)
    return found


BY_HAND = seen_by_hand()
FIRST = next(step for step, outside in BY_HAND if outside)


def test_motion_leads_outside_and_not_at_once():
    assert 1 < FIRST < 30
    assert any(len(outside) > 1 for _, outside in BY_HAND)


def test_counts_are_those_of_the_descriptors():
    told = []
    sim = simulation(Extrapolation("warn", tell=told.append))
    sim.run(17)
    sim.run(23)  # the step between is looked at once
    total = sim.watchers[0][0].total
    counts = [len(outside) for _, outside in BY_HAND]
    assert (total.looked, total.first, total.last) == (41, 0, 40)
    assert (total.steps, total.atoms, total.most) == (np.count_nonzero(counts), sum(counts), max(counts))
    step, tag, (label, excess) = max(
        ((step, tag, what) for step, outside in BY_HAND for tag, what in outside.items()), key=lambda t: t[2][1]
    )
    farthest = total.farthest
    assert (farthest.step, -farthest.atom, farthest.function) == (step, tag, label)
    assert farthest.excess == pytest.approx(excess, rel=1e-12)
    tag, (label, _) = max(BY_HAND[FIRST][1].items(), key=lambda item: item[1][1])
    assert len(told) == 1
    assert re.fullmatch(rf"step {FIRST}: {counts[FIRST]} of 60 atoms out of range, by [\d.]+ %", told[0])
    summary = sim.watchers[0][0].summary("net")
    assert summary.startswith(f"extrapolation: {total.steps} of 41 steps had atoms outside the range net")
    assert f"{sum(counts)} in all" in summary and f"at step {step}" in summary


def test_reports_become_rare():
    """A run that is always outside tells about it at doubling distances, each time about all since the last."""
    told = []
    watch = Extrapolation("warn", tell=told.append)
    sighting = Sighting(0.5, -3, 0, "O", "O 2 H")

    class Sim:
        comm = simulation("ignore").comm
        system = SYSTEM
        step = 0

    watch._farthest = lambda *_: sighting
    asked = dict.fromkeys(RANGE, np.ones(2, dtype=np.int32)) | {APART: np.zeros(2)}
    term = SimpleNamespace(find=lambda *_: asked, potential=HDNNPotential(MODEL))
    Sim.work = None
    for Sim.step in range(40 * PAUSE + 1):
        watch.look(Sim, term)
    assert len(told) == 6
    ends = [int(re.search(r"steps? (?:\d+-)?(\d+):", text)[1]) for text in told]
    assert ends == [0, *(PAUSE * (2**k - 1) for k in range(1, 6))]
    assert told[2] == "steps 101-300: up to 2 of 60 atoms out of range, by 50 %"
    assert all(len(f"mdcore: warning: {text}") <= 80 for text in told)


def test_warns_by_default_and_is_quiet_inside():
    with pytest.warns(UserWarning, match=f"^step {FIRST}: "):
        simulation("warn").run(FIRST)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sim = simulation("warn")
        sim.run(FIRST - 1)
        assert sim.watchers[0][0].total.steps == 0
        assert "none in" in sim.watchers[0][0].summary()
        ignoring = simulation("ignore")
        ignoring.run(40)
        assert ignoring.watchers[0][0].total.looked == 0
        assert "not watched" in ignoring.watchers[0][0].summary()


def test_watching_changes_nothing():
    answers = []
    for watch in ("ignore", Extrapolation("warn", tell=lambda text: None)):
        sim = simulation(watch)
        sim.run(40)
        answers.append((sim.snapshot().positions.tobytes(), sim.snapshot().forces.tobytes(), sim.potential_energy))
    assert answers[0] == answers[1]


def test_saves_structures_to_label(tmp_path):
    """Those outside, not closer than `every` steps; positions to the last bit, no energies or forces."""
    outside = [step for step, atoms in BY_HAND if atoms]
    for every in (1, 6):
        path = tmp_path / f"{every}.extxyz"
        told = []
        sim = simulation(Extrapolation("save", every=every, dump=ExtxyzDump(path, 0), tell=told.append))
        sim.run(40)
        want = []
        for step in outside:
            if not want or step >= want[-1] + every:
                want.append(step)
        frames = frames_of(path)
        assert [frame.info["Step"] for frame in frames] == want
        assert len(told) == 1
        frame = frames[0]
        assert frame.info["atoms_outside"] == len(BY_HAND[FIRST][1])
        assert frame.info["farthest_atom"] in BY_HAND[FIRST][1]
        again = simulation("ignore")
        again.run(FIRST)
        np.testing.assert_array_equal(frame.positions, again.snapshot().positions)
    text = path.read_text().splitlines()[1]
    assert "energy" not in text and "stress" not in text and ":forces:" not in text


def frames_of(path):
    frames, n = [], len(path.read_text().splitlines()) // 62
    for k in range(n):
        frames.append(System.read(path, k))
    return frames


def test_save_needs_a_file():
    with pytest.raises(InputError, match=r'"save" needs a file: Extrapolation\("save", dump='):
        simulation("save").run(1)


def test_stops_at_the_limit_and_goes_on(tmp_path):
    """Atoms that are outside at once are counted; observers see the step; running on is possible."""
    limit = max(len(outside) for _, outside in BY_HAND)
    first = next(step for step, outside in BY_HAND if len(outside) >= limit)
    path = tmp_path / "last.extxyz"
    watch = Extrapolation("stop", limit=limit, dump=ExtxyzDump(path, 0), tell=lambda text: None, every=1000)
    sim, seen = simulation(watch), []
    sim.every(1, lambda sim: seen.append(sim.step))
    with pytest.raises(ExtrapolationError, match=rf"step {first}: {limit} of 60 atoms .* the limit is {limit}; far"):
        sim.run(40)
    assert sim.step == first == seen[-1]
    assert frames_of(path)[-1].info["Step"] == first
    watch.policy = "warn"
    sim.run(40 - first)
    straight = simulation("ignore")
    straight.run(40)
    assert sim.snapshot().positions.tobytes() == straight.snapshot().positions.tobytes()


def test_a_start_outside_stops_before_the_first_step():
    model = trained.trained_on(SYSTEM, margin=-0.01)
    sim = simulation(Extrapolation("stop"), model)
    with pytest.raises(ExtrapolationError, match=r"^step 0: "):
        sim.run(5)
    assert sim.step == 0


def test_in_a_sum():
    """Every network of a sum is watched, also beside one that stops."""
    lj = LennardJones(cutoff=2.0, epsilon=1e-4, sigma=0.8)
    nets = [HDNNPotential(MODEL, extrapolation=Extrapolation(p, tell=lambda t: None)) for p in ("stop", "warn")]
    sim = Simulation(moving(), Sum(lj, *nets), VelocityVerlet(0.05))
    with pytest.raises(ExtrapolationError):
        sim.run(40)
    assert [watch.total.steps for watch, _ in sim.watchers] == [1, 1]
    assert sim.watchers[0][0].total.last == sim.watchers[1][0].total.last == sim.step


def test_count_and_equal_excess():
    """Of atoms equally far outside, the first by tag is named, whoever owns it."""
    a, b = Sighting(0.5, -3, 7, "O", "f"), Sighting(0.5, -1, 7, "H", "g")
    assert max(a, b) is b
    count = Count()
    for step, atoms in ((5, 0), (6, 2), (7, 1)):
        count.add(step, atoms, a if atoms else None)
    assert (count.first, count.last, count.looked, count.steps, count.most, count.atoms) == (5, 7, 3, 2, 2, 3)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"policy": "shout"}, r"extrapolation = 'shout': expected one of ignore, warn, save, stop"),
        ({"policy": "stop", "limit": 0}, r"limit = 0: expected a whole number"),
        ({"policy": "save", "every": 1.5}, r"every = 1\.5: expected a whole number"),
    ],
)
def test_refuses(wrong, says):
    with pytest.raises(InputError, match=says):
        Extrapolation(**wrong)


class Farthest(Watcher):
    """A watcher of a user's own."""

    reads = RANGE

    def __init__(self):
        self.seen = []

    def look(self, sim, term):
        self.seen.append(float(term.find(sim.work, RANGE)[EXCESS].max(initial=0.0)))
        return RuntimeError("far") if self.seen[-1] > 0.0 else None


def test_watchers_of_ones_own():
    """One reads what nobody else asked for, from the step it comes on, and ends the run when observers have seen it."""
    sim, mine = simulation("ignore"), Farthest()
    sim.run(2)
    sim.add_watcher(mine, sim.work.bound)
    observed = []
    sim.every(1, lambda sim: observed.append(sim.step))
    with pytest.raises(RuntimeError, match="far"):
        sim.run(40)
    assert sim.step == observed[-1] == FIRST and len(mine.seen) == FIRST - 2
    assert mine.seen[-1] == pytest.approx(max(excess for _, excess in BY_HAND[FIRST][1].values()), rel=1e-12)


def test_a_simulation_counts_for_itself():
    """Two runs of one potential whose policy is a word do not share what they saw."""
    potential = HDNNPotential(MODEL, extrapolation="warn")
    sims = [Simulation(moving(), potential, VelocityVerlet(0.05)) for _ in range(2)]
    sims[0].run(1)
    assert [sim.watchers[0][0].total.looked for sim in sims] == [2, 0]
    assert [len(sim.summary()) for sim in sims] == [1, 1]
