"""Does a campaign choose, label, train and judge as it says, and end the same however often it is killed?"""

import contextlib
import copy
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mdcore.base.errors import InputError, Interrupted, MdcoreError, OutputError
from mdcore.base.signals import Interrupting
from mdcore.learn import Campaign, questions, report
from mdcore.learn.base import Candidate, Found, Labels, Unconverged
from mdcore.learn.history import History
from mdcore.learn.judge import FRAME, Fresh, Judgement, judge
from mdcore.learn.process import Done
from mdcore.learn.record import Record, check_begin
from mdcore.learn.select import Choice
from mdcore.learn.structures import (
    bare,
    fingerprint,
    from_json,
    read_found,
    read_start,
    to_json,
    write_found,
    write_labelled,
)
from mdcore.learn.table import lines, times
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.trained import fingerprint as model_fingerprint
from mdcore.structure.system import System
from mdcore.training.data.labels import CUT
from tests import learn_parts
from tests.learn_parts import argon, campaign, one_by_one, oracle, prepare, train_here

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    (tmp_path / "calls.txt").write_text("")
    return tmp_path


def events(kind: str, path="campaign/campaign.jsonl") -> list[dict]:
    found = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [event for event in found if event["event"] == kind]


def ends() -> dict:
    """What must be the same in the end: labels, why they were asked for, errors, the potential."""
    labels = {e["hash"]: (e["energy"], e["forces"]) for e in events("label")}
    assert len(labels) == len(events("label")), "a structure was labelled twice"
    kept = ("explorers", "calibration", "errors", "met")
    judged = {e["generation"]: [e[key] for key in kept] for e in events("judged")}
    last = max(Path("campaign").glob("generation-*/potential.h5"))
    chosen = {e["generation"]: e["chosen"] for e in events("selected")}
    failed = {e["hash"]: e["reason"] for e in events("failed")}
    files = {str(path): path.read_text() for path in Path("campaign").glob("generation-*/*.extxyz")}
    return {
        "labels": labels, "chosen": chosen, "failed": failed, "judged": judged, "files": files,
        "potential": model_fingerprint(read_model(last)),
    }  # fmt: skip


class Lost(learn_parts.Shake):
    """Lost in generation 2."""

    def explore(self, visit) -> Found:
        return replace(super().explore(visit), lost=visit.generation == 2)


class Killed(BaseException):
    """As good as kill -9: nothing is told."""


def test_killed_at_every_event(folder, monkeypatch):
    """Just before it is on the disk, in the middle of its line, or just after."""
    campaign(train=train_here).run()
    whole, n = ends(), len(Path("campaign/campaign.jsonl").read_text().splitlines())
    calls = Path("calls.txt").read_text().count("call")
    assert calls == len(whole["labels"]) + len(whole["failed"]) and set(whole["chosen"]) == {0, 1, 2} and n > 20
    append, left = Record.append, [0]

    def dying(self, event, **values):
        left[0] -= 1
        if left[0] == 0 and how == "before":
            raise Killed
        told = append(self, event, **values)
        if left[0] == 0:
            if how == "torn":
                path = Path(self.path)
                path.write_bytes(path.read_bytes()[:-7])
            raise Killed
        return told

    monkeypatch.setattr(Record, "append", dying)
    os.rename("campaign", "whole")
    how, restart, kills = "before", False, 0
    while True:
        left[0], how = 4, ("before", "torn", "after")[kills % 3]  # resume is one of them
        try:
            campaign(train=train_here).run(restart=restart)
            break
        except Killed:
            kills, restart = kills + 1, True
    assert kills >= n // 4
    assert ends() == whole


def test_killed_for_good(folder, monkeypatch):
    """Wherever it was: in a training, in a calculation; trainings are processes of their own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ORACLE_SECONDS": "0.02", "GENERATIONS": "1"}
    command = [sys.executable, "-m", "tests.learn_parts"]

    def start(name):
        os.makedirs(name)
        prepare(folder / name)
        return {"cwd": folder / name, "env": environment, "stdout": subprocess.DEVNULL}

    assert subprocess.run(command, **start("whole"), timeout=300).returncode == 0
    there = start("killed")
    record = folder / "killed" / "campaign" / "campaign.jsonl"
    chance, wait = random.Random(4), (3, 8, 15)
    for at in wait:
        child = subprocess.Popen(command, **there)
        while child.poll() is None and not (record.exists() and record.read_bytes().count(b"\n") >= at):
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.7))
        child.send_signal(signal.SIGKILL if at != 8 else signal.SIGTERM)
        assert child.wait(60) in (-signal.SIGKILL, 75, 1, 0)
    assert subprocess.run(command, **there, timeout=300).returncode == 0
    found = []
    for name in ("whole", "killed"):
        monkeypatch.chdir(folder / name)
        found.append(ends())
    assert found[0] == found[1]


def test_what_was_done_and_why(folder, capsys):
    """The record, the folders, the report; and going on after the end with a larger budget."""

    def run(generations, **more):
        sections = {"campaign": {"generations": generations, "directory": "campaign"}} | more.pop("sections", {})
        campaign(**{"train": train_here} | more, sections=sections).run(**how)

    how = {}
    run(1, say=print, sections={"report": {"coordinate": [[0, 1]]}})
    told = capsys.readouterr().out
    assert "judged: forces" in told and "beside exploring, labelling and training" in told
    chosen = events("selected")[1]["chosen"]
    assert [own["role"] for own in chosen[:4]] == ["frame"] * 4 and {own["role"] for own in chosen[4:]} == {"selected"}
    assert all(own["why"] and own["disagreement"][0] >= own["disagreement"][1] > 0 for own in chosen)
    judged, trained = events("judged")[0], events("trained")[1]
    assert judged["explorers"]["hot"]["structures"] == 2 and judged["rank"] is not None
    assert trained["errors"].keys() == judged["errors"].keys() and trained["structures"] > 6
    factors = [own["calibration"]["factors"]["Ar"] for own in (judged, trained)]
    assert trained["calibration"]["n"] == judged["calibration"]["n"] and factors[0] != factors[1], "of the same atoms"
    names = {path.name for path in Path("campaign").iterdir()}
    assert {"progress.png", "map.png", "profile.png", "generation-001", "campaign.jsonl"} <= names
    assert (Path("campaign/generation-001/calibration.png")).exists()
    with pytest.raises(OutputError, match="go on with --restart"):
        run(1)
    before = Path("campaign/campaign.jsonl").read_text()
    how = {"restart": True}
    run(2, say=print, sections={"report": {"coordinate": [[0, 99]]}})
    assert "no profile.png: no labelled structure has all atoms" in capsys.readouterr().out
    assert Path("campaign/campaign.jsonl").read_text().startswith(before)
    assert events("trained")[-1]["generation"] == 2 and [e["why"] for e in events("end")] == [
        "1 generations are done", "2 generations are done",
    ]  # fmt: skip
    how = {"overwrite": True}
    run(1, train=lambda *arguments: arguments[2] or train_here(*arguments))
    assert max(path.name for path in Path("campaign").glob("generation-*")) == "generation-001"


def test_budgets_targets_and_failures(folder):
    def once(folder, files, before, generation):
        """The first potential stays."""
        return before or train_here(folder, files, before, generation)

    sections = {"campaign": {"generations": 9, "calls": 9, "directory": "campaign"}}
    campaign(train=once, sections=sections).run()
    assert len(events("label")) + len(events("failed")) == 9 and events("end")[0]["why"].startswith("all 9 calls")
    easy = {"frames": 2, "forces": 10.0, "energy": 10.0}
    campaign(train=once, sections={"judge": easy, "campaign": {"directory": "easy"}}).run()
    assert "targets were met in 2 generations" in events("end", "easy/campaign.jsonl")[0]["why"]
    begun = {"directory": "easy", "generations": 3}
    hard = campaign(train=once, sections={"judge": easy | {"forces": 1e-9}, "campaign": begun})
    hard.run(restart=True)
    told = events("end", "easy/campaign.jsonl")[-1]["why"]
    assert told == "3 generations are done", "targets are those of today, not those of when it was judged"
    told, budget = [], {"directory": "lost", "generations": 4}
    lost = [Lost("cold", 0.05), learn_parts.Shake("hot", 0.15)]
    campaign(train=once, sections={"judge": easy, "campaign": budget}, explorers=lost, say=told.append).run()
    kept = "lost/campaign.jsonl"
    assert [e["lost"] for e in events("explored", kept) if e["explorer"] == "cold"] == [False, True, False, False]
    assert events("end", kept)[0]["why"] == "the targets were met in 2 generations", "the third and the fourth"
    judged = [line for line in told if "targets met" in line]
    assert len(judged) == 4 and [k for k, line in enumerate(judged) if "does not count: lost was cold" in line] == [1]

    def none(candidates, *others):
        return []

    quiet = {"judge": {"frames": 0}, "campaign": {"directory": "quiet"}}
    campaign(train=once, sections=quiet, select=none).run()
    assert "nothing was met" in events("end", "quiet/campaign.jsonl")[0]["why"]

    def refusing(system):
        if abs(system.positions).sum() % 1.0 < 0.5:
            raise Unconverged("no minimum")
        return oracle(system)

    campaign(train=once, oracle=refusing, sections={"campaign": {"directory": "some", "generations": 1}}).run()
    failed = events("failed", "some/campaign.jsonl")
    assert failed and {e["reason"] for e in failed} == {"no minimum"} and {e["kind"] for e in failed} == {"unconverged"}
    kept = list(Path("some").glob("generation-*/failed.extxyz"))
    assert kept and all("kind=unconverged" in path.read_text() for path in kept)

    def hopeless(system):
        raise Unconverged("no minimum")

    few = {"campaign": {"directory": "none", "generations": 3, "calls": 3}}
    with pytest.raises(MdcoreError, match=r"campaign.jsonl: every call of the oracle failed, 3 in all, .*: no minimum"):
        campaign(train=once, oracle=hopeless, sections=few).run()
    assert events("end", "none/campaign.jsonl")[0]["why"].startswith("all 3 calls")


def test_no_call_is_spent_on_a_mirror_image(folder):
    """Neither of what is labelled, nor of a frame that was drawn in the same generation, nor of what failed."""

    def mirrored(system):
        return System(system.box, system.box.matrix[0, 0] - system.positions, system.names)

    class Mirrors:
        name = "mirrors"

        def explore(self, visit):
            shaken = visit.structures[0].displace(0.1, visit.generation)
            away = visit.structures[0].displace(0.15, visit.generation)
            met = [mirrored(shaken), shaken, away, mirrored(visit.structures[1])]
            if visit.generation == 2:
                met.append(mirrored(failing[0]))
            found = [Candidate(system=system, explorer="mirrors", place=str(k)) for k, system in enumerate(met)]
            return Found(candidates=found, frames=[own for own in met if own is not away], ended="")

    def oracle(system):
        if fingerprint(system) in map(fingerprint, asked):
            raise AssertionError("asked twice")
        asked.append(system)
        if len(asked) == 3:
            failing.append(system)
            raise Unconverged("no minimum")
        return learn_parts.oracle(system)

    asked, failing = [], []
    sections = {"judge": {"frames": 3}, "select": {"batch": 9, "lower": 0.0, "redundant": 0.0}}
    campaign(train=train_here, oracle=oracle, explorers=[Mirrors()], sections=sections).run()
    chosen = [[own["role"] for own in event["chosen"]] for event in events("selected")]
    assert chosen[1:] == [["frame", "selected"]] * 2, "one of the shaken two, and what is farther away"
    assert len(asked) == len(chosen[0]) + 4 and failing


def test_each_verb_can_be_replaced(folder):
    """Explorers are objects with a name and a method; more than the budget is not asked, whatever a verb wants."""

    class Mine:
        name = "mine"

        def explore(self, visit):
            found = [visit.structures[0].displace(0.1, visit.seed % 1000 + k) for k in range(8)]
            met = [Candidate(system=system, explorer="mine", place=f"shake {k}") for k, system in enumerate(found[:6])]
            return Found(candidates=met, frames=found[6:], ended="enough")

    def explore(explorer, visit):
        asked.append(visit.generation)
        return replace(explorer.explore(visit), ended="far enough")

    def select(candidates, looks, labelled, rules, rng):
        return [Choice(candidate=own, why="liked", score=1.0) for own in candidates]

    def judge(fresh, frames, before, forces, energy):
        return Judgement(explorers={"mine": {"structures": len(fresh)}}, forces=forces, met=True)

    def train(folder, files, before, generation):
        return before or train_here(folder, files, before, generation)

    asked, own = [], {"generations": 9, "calls": 7, "directory": "campaign"}
    verbs = {"explore": explore, "select": select, "judge": judge, "train": train, "explorers": [Mine()]}
    campaign(**verbs, sections={"campaign": own, "judge": {"frames": 1, "generations": 9}}).run()
    assert [own["why"] for own in events("selected")[1]["chosen"]] == ["at random", *["liked"] * 4] and asked == [1]
    assert events("explored")[0]["ended"] == "far enough" and events("judged")[0]["forces"] == 0.1
    assert len(events("label")) + len(events("failed")) == 7 and events("end")[0]["why"].startswith("all 7 calls")
    told, hours = [], own | {"calls": 99, "hours": 1e-9}
    sections = {"campaign": hours, "judge": {"frames": 1, "generations": 9}}
    campaign(**verbs, sections=sections, say=told.append).run(restart=True)
    assert "\nends: 1e-09 hours are over\n" in told and asked == [1]


def test_a_signal_loses_nothing(folder):
    """SIGTERM in the middle of a calculation; nothing is asked twice afterwards."""

    def stopped(systems, oracle, settings, on_result, **others):
        one_by_one(systems[:1], oracle, settings, on_result)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    def forgiving():
        """What takes errors for those of a structure does not take this one."""
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(5)
        except Exception:
            return

    with pytest.raises(Interrupted, match="SIGUSR1 came: nothing is lost"), Interrupting("nothing is lost"):
        forgiving()
    with pytest.raises(Interrupted, match="SIGTERM came: all that was done is in campaign/campaign"):
        campaign(train=train_here, label=stopped).run()
    assert len(events("label")) == 1
    campaign(train=train_here, sections={"campaign": {"generations": 1, "directory": "campaign"}}).run(restart=True)
    assert len({e["hash"] for e in events("label")}) == len(events("label"))
    Path("start.extxyz").write_text(Path("start.extxyz").read_text().replace("5.4", "5.5"))
    with pytest.raises(InputError, match="not what the campaign began with"):
        campaign(train=train_here).run(restart=True)


def test_what_a_command_said():
    """How a run would be begun again is nothing for who has a campaign: --overwrite would remove it."""
    full = "run.h5md: can't write: No space. There is no checkpoint: begin again, --overwrite"
    assert Done(4, "", f"mdcore: note: x\nmdcore: error: {full}\n").said == "run.h5md: can't write: No space"
    assert Done(-9, "", "").said == "it was killed by signal 9"


def test_structures_keep_every_bit(tmp_path):
    system = argon(0.1, 1)
    system.columns["fixed"] = np.arange(96).reshape(32, 3) < 3
    system.info |= {"total_charge": -1.0, "spin": 2}
    again = from_json(json.loads(json.dumps(to_json(system))))
    assert again.totals == system.totals == bare(system).totals == {"total_charge": -1, "spin": 2}
    write_labelled(tmp_path / "spun.extxyz", [(system, None, {})])
    assert [own.totals for own, _ in read_start(tmp_path / "spun.extxyz")] == [system.totals]
    assert fingerprint(System(system.box, system.positions, "Ar", info={"total_charge": -1.0})) != fingerprint(system)
    assert fingerprint(again) == fingerprint(system) and again.total_charge == -1.0
    assert np.array_equal(again.positions, system.positions) and np.array_equal(again.fixed, system.fixed)
    moved = system.positions + np.where(np.arange(96).reshape(32, 3) == 50, 2e-6, 0.0)
    others = [System(system.box, moved, "Ar", info=system.info), System(system.box, system.positions, "Kr")]
    assert len({fingerprint(own) for own in (system, *others)}) == 3
    jitter = System(system.box, system.positions + 1e-9, "Ar", info=system.info)
    assert fingerprint(jitter) == fingerprint(system)
    spread = np.arange(32) / 7
    candidate = Candidate(system=system, explorer="hot", place="step 3", disagreement=spread, extrapolation=0.1)
    write_found(tmp_path / "x.extxyz", Found(candidates=[candidate], frames=[others[1]]))
    found = read_found(tmp_path / "x.extxyz", "hot", "", False)
    assert np.array_equal(found.candidates[0].disagreement, candidate.disagreement)
    assert found.candidates[0].place == "step 3" and found.candidates[0].extrapolation == 0.1
    assert np.array_equal(found.frames[0].positions, system.positions) and found.frames[0].names[0] == "Kr"


def test_a_record_that_is_torn_or_damaged(tmp_path):
    record = Record(tmp_path / "campaign.jsonl")
    record.append("begin", layout="mdcore campaign 1", input="")
    record.append("label", hash="a", generation=0, energy=0.1 + 0.2, forces=[[1e-17, 3.3, -0.0]])
    text = (tmp_path / "campaign.jsonl").read_bytes()
    for torn in (b'{"event":"la', b"{}", b"\xff\xfe"):
        (tmp_path / "campaign.jsonl").write_bytes(text + torn)
        again = Record(tmp_path / "campaign.jsonl")
        assert again.events == record.events and (tmp_path / "campaign.jsonl").read_bytes() == text
    for whole in (b'{"event":"later","hours":0.1}\n', b"{}\n"):  # of another version: nothing is cut off
        (tmp_path / "campaign.jsonl").write_bytes(text + whole)
        with pytest.raises(OutputError, match=r"campaign\.jsonl: line 3: no event that this version knows"):
            Record(tmp_path / "campaign.jsonl")
        assert (tmp_path / "campaign.jsonl").read_bytes() == text + whole
    (tmp_path / "campaign.jsonl").write_bytes(text[:5] + text[6:])
    with pytest.raises(OutputError, match=r"campaign\.jsonl: line 1: no event that this version knows"):
        Record(tmp_path / "campaign.jsonl")
    (tmp_path / "campaign.jsonl").write_text('{"event": "x", "hours": 0, "spent": {}}\n')
    with pytest.raises(OutputError, match=r"campaign\.jsonl: line 1: no event that this version knows"):
        Record(tmp_path / "campaign.jsonl")
    with pytest.raises(OutputError, match="not the record of a campaign"):
        check_begin(tmp_path / "campaign.jsonl")
    for k, event in enumerate(record.events):
        for key in event:
            for value in (None, "x", -1, [], {}, "left out"):
                events = copy.deepcopy(record.events)
                events[k][key] = value
                if value == "left out":
                    del events[k][key]
                (tmp_path / "campaign.jsonl").write_text("".join(json.dumps(own) + "\n" for own in events))
                with contextlib.suppress(OutputError):  # nothing else
                    found = Record(tmp_path / "campaign.jsonl")
                    lines(found), times(found), History(found)
    (tmp_path / "campaign.jsonl").write_bytes(text)
    with pytest.raises(OutputError, match=r"line 2: a structure or its labels are damaged"):
        History(Record(tmp_path / "campaign.jsonl"))  # of which nothing says what it is


def test_judgement():
    """Errors are those of the frames alone; a disagreement that is a third of the errors is multiplied by three."""
    rng, system = np.random.default_rng(1), argon(0.1, 1)
    fresh = []
    for k in range(20):
        labels = oracle(system)
        sigma = rng.uniform(0.01, 0.1, 32) * (0.5 + 0.05 * k)
        off = 3.0 * sigma[:, None] * rng.normal(size=(32, 3)) / np.sqrt(3.0)
        role = FRAME if k < 15 else "selected"
        fresh.append(Fresh(
            hash=str(k), system=system, explorer="hot", role=role, labels=labels, energy=labels.energy + 0.32,
            forces=labels.forces + off, disagreement=sigma,
        ))  # fmt: skip
    first = judge(fresh, {}, None, 0.2, 0.02)
    assert first.met and first.energy == pytest.approx(0.01) and first.rank > 0.5 and np.isnan(first.within)
    assert 0.9 < first.rank_of_structures < 1.0
    frames = np.concatenate([own.off for own in fresh[:15]])
    assert first.forces == pytest.approx(np.sqrt(np.mean(frames**2))) and first.atoms == 640
    assert 2.4 < first.calibration.factors["Ar"] < 3.8
    cut = [replace(own, system=bare(own.system)) for own in fresh]
    for own in cut:
        own.system.columns[CUT] = np.arange(32) % 2
    third = judge(cut, {}, None, 0.2, 1e-9)
    assert third.met and np.isnan(third.energy) and third.atoms == 320, "of clusters, forces far from the cut alone"
    second = judge(fresh, {}, first.calibration, 0.01, 0.02)
    assert not second.met and 0.55 < second.within < 0.8


def test_a_profile_shows_paths_and_what_lies_far_above_is_left_out(tmp_path, monkeypatch):
    """Image k of a path is at 0.1 k Angstrom and (0, 1, 2, 1, 0) / 10 eV, +- 32 times 1 meV."""
    pictures, base, rises = [], argon(0.0, 1), (0.0, 0.1, 0.2, 0.1, 0.0)
    monkeypatch.setattr(report, "save", lambda path, picture, title: pictures.append(picture))

    def at(k):
        return System(base.box, base.positions + np.eye(32, 3) * 0.1 * k, base.names)

    start = report.coordinate(base, [[0, 5]])
    places = {9: "step 0, image 0"} | {k: f"end, image {k}" for k in range(5)}
    met = [Candidate(system=at(k), explorer="hop", place=place) for k, place in places.items()]
    write_found(tmp_path / "hop.extxyz", Found(candidates=met))
    event = {"explorer": "hop", "file": "hop.extxyz", "ended": "", "lost": False}
    energies = {fingerprint(at(k)): rise for k, rise in enumerate(rises)}

    def about(system):
        return SimpleNamespace(energy=energies[fingerprint(system)], forces=system.positions, energy_disagreement=1e-3)

    labels = [Labels(energy=energy, forces=base.positions) for energy in (0.0, 0.3, 5.0)]
    rows = [(0, at(k), own, own.energy, None) for k, own in enumerate(labels)]
    settings = SimpleNamespace(title="", report=SimpleNamespace(coordinate=((0, 5),)))
    record = SimpleNamespace(of=lambda kind: [event])
    assert report.draw_profile(SimpleNamespace(about=about), rows, record, tmp_path / "profile.png", settings)
    oracle, potential, path = pictures[0].axes[0].lines
    assert oracle.get_label() == "oracle, 1 above 2.3 eV left out" and oracle.get_ydata().tolist() == [0.0, 0.3]
    assert len(potential.get_xdata()) == 2 and path.get_label() == "potential, hop"
    assert path.get_ydata() == pytest.approx(rises) and path.get_xdata()[0] == pytest.approx(start)
    assert np.ptp(pictures[0].axes[0].collections[0].get_paths()[0].vertices[:, 1]) == pytest.approx(0.2 + 2 * 0.032)


def test_frames_are_asked_about_only_where_explorers_told_nothing():
    class Asked:
        def about(self, system):
            asked.append(system)
            return SimpleNamespace(disagreement=np.full(32, 7.0))

    asked, systems = [], [argon(0.1, seed) for seed in range(3)]
    told = [Candidate(system=systems[0], explorer="hot", place="", disagreement=np.arange(32.0))]
    told.append(Candidate(system=systems[1], explorer="hot", place=""))
    said = questions.uncertain(Asked(), Found(candidates=told, frames=systems))
    assert asked == systems[1:] and said.frames == 3 and said.species.tolist() == ["Ar"] * 96
    assert said.disagreement.tolist() == [*range(32), *[7.0] * 64]
    assert not len(questions.uncertain(Asked(), Found(candidates=told)).disagreement)


def test_wrong_arguments_of_a_campaign(folder):
    wrong = [
        ({"sections": {"judge": {"frame": 3}}}, "did you mean 'frames'"),
        ({"sections": {"start": {"data": "none.extxyz"}}}, "no such file"),
        ({"explorers": []}, "explorer"),
        ({"explorers": [learn_parts.Shake("a", 0.1)] * 2}, "each needs a name of its own"),
        ({"explorers": [learn_parts.Shake("../a", 0.1)]}, "each needs a name of its own, of letters"),
    ]
    for more, says in wrong:
        with pytest.raises(InputError, match=says):
            campaign(**more)
    for text, says in (("[[data]]\nfile = 'start.extxyz'\n", "data"), ("[output]\nname = 'x'\n", "output")):
        Path("other.toml").write_text(learn_parts.TRAIN.partition("[output]")[0] + text)
        with pytest.raises(InputError, match=says):
            campaign(sections={"train": {"input": "other.toml"}})
    Path("other.toml").write_text(learn_parts.TRAIN.replace("members = 2", "members = 1"))
    with pytest.raises(InputError, match="members = 1: a campaign goes by the"):
        campaign(sections={"train": {"input": "other.toml"}})
    assert Campaign.__doc__
