"""Active learning: the potential asks for the calculations it needs. explore -> select -> label -> judge -> train.

    from mdcore.learn import Campaign

    Campaign("learn.toml").run()
    Campaign("learn.toml", oracle=my_method).run()              # a function: System -> Labels
    Campaign({"start": {"data": "start.extxyz"}, ...}, explorers=[MyExplorer()], oracle=my_method).run()

Generation 0 trains the first potential on what there is. In each further one the potential of the generation before
explores; what it met is selected, labelled, and judges that potential before it is trained on. All that has happened
stands in the record (record.py), from which a campaign goes on wherever it was stopped. Each verb can be replaced.
"""

import math
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

import numpy as np

from mdcore import __version__
from mdcore.base.errors import InputError, MdcoreError, SimulationError
from mdcore.base.files import digest, read_bytes
from mdcore.base.signals import Interrupting
from mdcore.base.writing import write_bytes
from mdcore.config.load_learn import load_learn, of_arguments
from mdcore.config.problems import at
from mdcore.figures import MissingMatplotlib
from mdcore.learn import calibration, choices, named, questions, table
from mdcore.learn.alike import Alike
from mdcore.learn.base import Explorer, Found, Labels, Visit
from mdcore.learn.calibration import Calibration
from mdcore.learn.executors import check as check_executor
from mdcore.learn.folders import Folders, check_names
from mdcore.learn.history import Entry, History
from mdcore.learn.judge import START, Fresh, Judgement, are_met, compared, judge, rms
from mdcore.learn.labelling import label
from mdcore.learn.looks import Looks, looks_at
from mdcore.learn.process import GO_ON
from mdcore.learn.record import LAYOUT, LOCK, Record
from mdcore.learn.rehearsal import known_elements, rehearsed
from mdcore.learn.report import report
from mdcore.learn.select import select
from mdcore.learn.structures import fingerprint, labels_to_json, read_found, read_start, write_found
from mdcore.learn.training import Training
from mdcore.output.lock import RunLock, lock_path
from mdcore.potentials.networks.trained import fingerprint as model_fingerprint
from mdcore.structure.system import System
from mdcore.training.settings import Split


def explore(explorer: Explorer, visit: Visit) -> Found:
    """The verb explore."""
    return explorer.explore(visit)


class Campaign:
    """A campaign of active learning.

    source : path of a learn.toml, or its sections as a dict (docs/learn-input.md); overrides : "section.key=value"
    explorers, oracle : instead of those that the input names
    explore(explorer, visit) -> Found; select(candidates, looks, labelled, rules, rng) -> [Choice];
    label(systems, oracle, settings, on_result, labelled=); judge(fresh, frames, before, forces, energy) -> Judgement;
    train(folder, files, before, generation) -> path of a .h5 (training.py): the verbs, each may be replaced
    say : is given lines of text for people

    InputError for what is wrong in the input, or in files it names; for an oracle that can't be made, when it runs.
    """

    def __init__(
        self, source, *, overrides: Sequence[str] = (), explorers: Sequence[Explorer] | None = None,
        oracle: Callable[[System], Labels] | None = None, explore=explore, select=select, label=label, judge=judge,
        train=None, say: Callable[[str], None] = print,
    ):  # fmt: skip
        settings = of_arguments("Campaign", source) if isinstance(source, Mapping) else load_learn(source, overrides)
        self.settings, self.say = settings, say
        for name, own, given in (("explorer", settings.explorer, explorers), ("oracle", settings.oracle, oracle)):
            if not (given or own) or given == []:
                raise InputError(f"{settings.source}: the section [{name}] is required")
        self.explorers = list(explorers) if explorers is not None else [e.build(settings) for e in settings.explorer]
        check_names(self.explorers, settings.source)
        self.rules = settings.select.rules({own.name: getattr(own, "quota", None) for own in self.explorers})
        self._oracle = oracle
        try:
            self.start = read_start(settings.beside(settings.start.data))
        except InputError as error:
            raise at(settings, ("start", "data"), str(error)) from None
        self.train = train or Training(
            settings.beside(settings.train.input), start=settings.train.start, seed=settings.seed, title=settings.title,
            data=settings.beside(settings.start.data),
        )  # fmt: skip
        known = known_elements(settings, [system for system, _ in self.start])
        self.explorers = [rehearsed(explorer, known) for explorer in self.explorers]
        self.explore, self.select, self.label, self.judge = explore, select, label, judge
        self.folders = Folders(settings.campaign.directory)

    @property
    def oracle(self) -> Callable[[System], Labels]:
        """What labels. It is made when it is first asked for: to load a calculator takes as long as all else here."""
        if self._oracle is None:
            try:
                self._oracle = self.settings.oracle[0].build(self.settings)
            except InputError as error:
                raise at(self.settings, ("oracle", 0, *filter(None, [error.key])), str(error)) from None
        return self._oracle

    @property
    def validation(self) -> float:
        """The share of labelled structures that no generation trains on."""
        return getattr(self.train, "validation", Split.validation)

    # --- from beginning to end -------------------------------------------------------------------------------

    def run(self, *, restart: bool = False, overwrite: bool = False) -> Path:
        """Run the campaign, or go on with it; the path of the last potential. OutputError if there is one already and
        neither is said, InputError, Interrupted (by a signal; nothing is lost), MdcoreError at its end if every call
        failed, or every explorer was lost in the last generation without anything to learn from."""
        self.folders.protect(restart, overwrite)
        with ExitStack() as held:
            held.enter_context(RunLock(lock_path(self.folders.directory, LOCK)))
            if overwrite:
                self.folders.forget()
            self.record = Record(self.folders.record)
            self.record.turn("label")
            self.oracle  # noqa: B018  (what is wrong with it is told before anything begins)
            if self.label is label:
                check_executor(self.settings.label.executor)
            self.record.turn("rest")
            held.enter_context(Interrupting(f"all that was done is in {self.record.path}{GO_ON}"))
            self.begin()
            potential = self.first()
            for generation in count(1):
                if why := self.over(generation):
                    break
                potential = self.generation(generation, potential)
            return self.finish(potential, generation - 1, why)

    def begin(self) -> None:
        """What the campaign begins with is what it began with."""
        record, text, files = self.record, self.settings.text, named.read(self.settings)
        if not record.events:
            record.append(
                "begin", layout=LAYOUT, version=__version__, seed=self.settings.seed, input=text, files=files
            )
        else:
            self.say(f"goes on; {record.hours:.2f} hours and {len(record.of('label'))} labels so far")
            changed = {key: own for key, own in {"input": text, "files": files}.items() if record.told(key) != own}
            record.append("resume", version=__version__, **changed)
        own = digest(file := self.settings.beside(self.settings.start.data))
        began = record.last("start")
        if began is not None and began["sha256"] != own:
            raise InputError(f"{file}: not what the campaign began with; restore it, or begin anew: --overwrite")
        given = [(system, labels) for system, labels in self.start if labels is not None]
        if began is None:
            record.append("start", file=file, sha256=own, structures=len(self.start), labelled=len(given))
        self.history = History(record, given)

    def over(self, generation: int) -> str:
        """Why a generation does not begin; nothing if it does, or did before the campaign was stopped."""
        own, targets = self.settings.campaign, self.settings.judge
        if self.record.of("explored", generation) or self.record.of("selected", generation):
            return ""
        met = [self.met(g) for g in range(max(1, generation - targets.generations), generation)]
        if len(met) == targets.generations and all(met):
            return f"the targets were met in {targets.generations} generations"
        if generation > own.generations:
            return f"{own.generations} generations are done"
        if own.calls is not None and self.history.calls() >= own.calls:
            return f"all {own.calls} calls of the oracle are spent"
        if own.hours is not None and self.record.hours >= own.hours:
            return f"{own.hours:g} hours are over"
        if generation > 1 and not self.history.chosen[generation - 1]:
            return f"in generation {generation - 1} nothing was met that is worth a calculation"
        return ""

    def met(self, generation: int) -> bool:
        """Were the targets of today, and was no explorer lost? What one never reached, no frame of its tells of."""
        event, own = self.record.last("judged", generation), self.settings.judge
        if event is None or self.history.lost(generation):
            return False
        return are_met(event, own.forces, own.energy) if self.judge is judge else event["met"]

    def finish(self, potential: Path, generation: int, why: str) -> Path:
        """Tell how it ended, with pictures."""
        self.say(f"\nends: {why}\n")
        self.say("\n".join(table.lines(self.record)))
        self.record.turn("report")
        for path in report(self.folders.directory, self.record, self.history, potential, self.settings):
            self.say(f"{path}")
        if self.record.last("end") is None or self.record.events[-1]["event"] != "resume":
            self.record.append("end", why=why, generation=generation)
        if (own := self.calibration()) is not None:
            told = ", ".join(f"{name} = {factor:.3g}" for name, factor in own.factors.items())
            self.say(f"\ncalibration of the disagreement: {{ {told} }}")
        self.say("\n" + "\n".join(table.times(self.record)))
        self.say(f"\npotential: {potential}")
        if told := table.fruitless(self.record) or table.stranded(self.record, generation):
            raise MdcoreError(told)
        return potential

    # --- a generation ----------------------------------------------------------------------------------------

    def first(self) -> Path:
        """Generation 0: labels for what has none, and the first potential."""
        missing = [system for system, labels in self.start if labels is None]
        if self.record.last("selected", 0) is None:
            entries, most = [], self.settings.campaign.calls
            for own, system in {fingerprint(system): system for system in missing}.items():
                if own not in self.history.given:
                    entries.append(Entry(hash=own, system=system, role=START, why="without labels at the start"))
            if most is not None and len(entries) > most:
                told = f"[campaign] calls = {most}: {len(entries)} structures of the start need labels"
                raise InputError(f"{self.settings.source}: {told}")
            self.select_event(0, entries)
        self.call(0)
        given = self.settings.start.potential
        if given is None and not self.history.labelled(0):
            reasons = "; ".join(dict.fromkeys(event["reason"] for _, event in self.history.failed(0)))
            told = f"no structure of the start has labels, so nothing can be trained on: {reasons}"
            raise MdcoreError(f"{told}; see to it that the oracle labels them, then begin anew: --overwrite")
        if given is None:
            return self.learn(0, None)
        return self.take(0, Path(self.settings.beside(given)))

    def generation(self, generation: int, potential: Path) -> Path:
        """One round; the new potential."""
        self.say(f"\ngeneration {generation}")
        found = {explorer.name: self.explored(explorer, generation, potential) for explorer in self.explorers}
        looks = looks_at(potential)
        self.record.turn("select")
        if self.record.last("selected", generation) is None:
            self.select_event(generation, self.chosen(generation, found, looks))
        self.record.turn("label")
        self.call(generation)
        self.record.turn("judge")
        fresh = questions.fresh(looks, self.history.labelled(generation))
        self.judged(generation, fresh, found, looks)
        if not self.history.labelled(generation):
            return self.take(generation, potential)
        return self.learn(generation, potential)

    def explored(self, explorer: Explorer, generation: int, potential: Path) -> Found:
        """What an explorer found, now or before the campaign was stopped."""
        self.record.turn("explore")
        path = self.folders.of(generation) / "explore" / f"{explorer.name}.extxyz"
        before = [e for e in self.record.of("explored", generation) if e["explorer"] == explorer.name]
        if not (before and path.exists() and digest(path) == before[-1]["sha256"]):
            visit = Visit(
                potential=potential.resolve(), folder=self.folders.emptied(generation, explorer.name).resolve(),
                seed=self.seed(generation, explorer.name), generation=generation,
                structures=self.history.systems(generation),
            )  # fmt: skip
            try:
                found = self.explore(explorer, visit)
            except SimulationError as error:  # others may find more
                found = Found(ended=f"failed: {error}", lost=True)
            write_found(path, found)
            event = self.record.append(
                "explored", generation=generation, explorer=explorer.name, sha256=digest(path),
                file=str(path.relative_to(self.folders.directory)), candidates=len(found.candidates),
                frames=len(found.frames), ended=found.ended, lost=found.lost,
            )  # fmt: skip
            self.say("  " + table.of_explorer(event))
            before = [event]
        found = read_found(path, explorer.name, before[-1]["ended"], before[-1]["lost"])
        self.record.turn("rest")
        return found

    def seed(self, generation: int, name: str) -> int:
        """Of an explorer, or of another choice in a generation."""
        own = np.random.SeedSequence([self.settings.seed, generation, zlib.crc32(name.encode())])
        return int(own.generate_state(1)[0] >> 1)

    def chosen(self, generation: int, found: dict[str, Found], looks: Looks) -> list[Entry]:
        """What is to be labelled: random frames for the judgement, then what is most worth it."""
        settings, history, rules, left = self.settings, self.history, self.rules, self.settings.campaign.calls
        rng, left = np.random.default_rng(self.seed(generation, ":select")), left and left - history.calls()
        known, failed, layers = history.systems(generation), history.without_labels(generation), rules.by == "maxvol"
        alike = Alike(looks, (*known, *failed), layers)
        entries = choices.frames(history, found, settings.judge.frames, left, rng, alike, rules.cut)
        candidates = choices.candidates(history, found, entries, Alike(looks, failed, layers))
        left = None if left is None else left - len(entries)
        if left is not None:
            rules = replace(rules, batch=max(1, min(rules.batch, left)))
        if left != 0:
            picked = self.select(candidates, looks, (*known, *(own.system for own in entries)), rules, rng)
            entries += choices.selected(history, picked[:left], entries)
        return [replace(entry, disagreement=questions.largest_and_mean(looks, entry.system)) for entry in entries]

    def select_event(self, generation: int, entries: list[Entry]) -> None:
        """Put down what is to be labelled."""
        event = self.record.append("selected", generation=generation, chosen=[entry.told() for entry in entries])
        self.history.put(event)
        if entries:
            self.say("  " + table.of_choice(entries))

    def call(self, generation: int) -> None:
        """Ask the oracle for what has no label yet; each answer is put down as it comes."""
        self.record.turn("label")
        wanted = [own for own in self.history.chosen[generation] if not self.history.is_known(own.hash)]

        def on_result(index: int, result) -> None:
            own = {"generation": generation, "hash": wanted[index].hash}
            if isinstance(result, Labels):
                event = self.record.append("label", **own, **labels_to_json(result))
            else:
                event = self.record.append("failed", **own, kind=result.kind, reason=result.why, tries=result.tries)
            self.history.put(event)

        if wanted:
            known = self.history.with_labels(generation)
            systems = [entry.system for entry in wanted]
            self.label(systems, self.oracle, self.settings.label.build(self.settings), on_result, labelled=known)
            if unanswered := [entry for entry in wanted if not self.history.is_known(entry.hash)]:
                raise MdcoreError(f"the oracle said nothing of {len(unanswered)} of {len(wanted)} structures")
        self.record.turn("rest")
        labelled, failed = self.history.labelled(generation), self.history.failed(generation)
        if wanted:
            self.say("  " + table.of_labels(len(labelled), [event for _, event in failed]))
        self.folders.write(self.history, generation, self.validation)

    def judged(self, generation: int, fresh: Sequence[Fresh], found: dict[str, Found], looks: Looks) -> None:
        """Judge the potential that explored, once."""
        if self.record.last("judged", generation) is None:
            frames = {name: questions.uncertain(looks, own) for name, own in found.items() if own.frames}
            targets, before = self.settings.judge, self.calibration()
            judgement: Judgement = self.judge(fresh, frames, before, targets.forces, targets.energy)
            if self.settings.report.plot and judgement.calibration is not None and judgement.atoms:
                self.record.turn("report")
                with suppress(MissingMatplotlib):
                    path = self.folders.of(generation) / "calibration.png"
                    calibration.draw(path, judgement.calibration, *compared(fresh), self.settings.title)
                self.record.turn("judge")
            errors = {own.hash: _finite(rms(own.off)) for own in fresh}
            event = self.record.append(
                "judged", generation=generation, calls=self.history.calls(), **_finite(asdict(judgement)), errors=errors
            )
            self.say("  " + table.of_judgement(event, targets, self.history.lost(generation)))
        self.record.turn("rest")

    def calibration(self) -> Calibration | None:
        """The last one."""
        events = [event for event in self.record.events if event["event"] in ("judged", "trained")]
        found = [event["calibration"] for event in events if event.get("calibration")]
        return _calibration(found[-1]) if found else None

    # --- potentials ------------------------------------------------------------------------------------------

    def learn(self, generation: int, before: Path | None) -> Path:
        """Train on all labels; the potential, now or before the campaign was stopped."""
        self.record.turn("train")
        done, folder = self.record.last("trained", generation), self.folders.of(generation)
        there = done is not None and (self.folders.directory / done["file"]).exists()
        if there and _fingerprint(self.folders.directory / done["file"]) == done["potential"]:
            return self.folders.directory / done["file"]
        path = Path(self.train(folder, self.folders.data(generation), before, generation))
        self.record.turn("judge")
        told = questions.fresh(looks_at(path), self.history.labelled(generation)) if generation else []
        after = {own.hash: _finite(rms(own.off)) for own in told}
        found = [_calibration(e["calibration"]) for e in self.record.of("judged") if e.get("calibration")]
        self.put_trained(generation, path, after, calibration.updated(found, *compared(told)) if found else None)
        return path

    def take(self, generation: int, potential: Path) -> Path:
        """Nothing to train on: the potential stays."""
        path = self.folders.of(generation) / "potential.h5"
        if self.record.last("trained", generation) is None or not path.exists():
            write_bytes(path, read_bytes(potential, "a potential"))
            self.put_trained(generation, path, {})
        return path

    def put_trained(self, generation: int, path: Path, after: dict, calibration: Calibration | None = None) -> None:
        structures = sum(len(self.history.labelled(k)) for k in range(generation + 1))
        event = self.record.append(
            "trained", generation=generation, file=os.path.relpath(path, self.folders.directory), structures=structures,
            potential=_fingerprint(path), errors=after,
            calibration=None if calibration is None else _finite(asdict(calibration)),
        )  # fmt: skip
        self.say(f"  trained on {event['structures']} structures: {path}")


def _fingerprint(path) -> str:
    """Of the potential in a file."""
    return model_fingerprint(looks_at(path).potential.model)


def _calibration(told: dict) -> Calibration:
    """As it stands in an event."""
    return Calibration(**{key: math.nan if value is None else value for key, value in told.items()})


def _finite(value):
    """Plain values of JSON, None for nan."""
    if isinstance(value, dict):
        return {key: _finite(own) for key, own in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
