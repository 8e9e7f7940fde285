"""What does the record of a campaign say that was chosen, labelled and spent, generation by generation?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError
from mdcore.learn.base import Labels
from mdcore.learn.judge import START
from mdcore.learn.record import Record
from mdcore.learn.structures import bare, fingerprint, from_json, labels_from_json, to_json
from mdcore.structure.system import System


@dataclass(frozen=True, eq=False, kw_only=True)
class Entry:
    """A structure that was to be labelled, and why. role : FRAME, SELECTED or START (judge.py)
    disagreement : largest and mean over its atoms, before, eV/Angstrom, or None
    """

    hash: str
    system: System
    role: str
    explorer: str = ""
    place: str = ""
    why: str = ""
    score: float | None = None
    disagreement: tuple[float, float] | None = None

    @property
    def tag(self) -> str:
        return self.explorer or START

    def told(self) -> dict:
        """Plain values."""
        own = {name: getattr(self, name) for name in ("hash", "role", "explorer", "place", "why", "score")}
        spread = None if self.disagreement is None else list(self.disagreement)
        return {**own, "disagreement": spread, "structure": to_json(self.system)}

    @classmethod
    def of(cls, told: dict) -> "Entry":
        """The same again."""
        own = {name: told[name] for name in ("hash", "role", "explorer", "place", "why", "score")}
        spread = told["disagreement"]
        spread = None if spread is None else tuple(spread)
        return cls(**own, disagreement=spread, system=from_json(told["structure"]))


class History:
    """All structures of a campaign with what became of them; follows the record as it grows (`put`).

    given : {hash: (Entry, Labels)} of what the campaign began with; labels, failures : {hash: ...} of calls
    chosen : {generation: [Entry, ...]}
    """

    def __init__(self, record: Record, given: Sequence[tuple[System, Labels]] = ()):
        self.record, self.labels, self.failures, self.chosen = record, {}, {}, {}
        self.sizes: dict[str, int] = {}  # {hash: atoms}
        self.given: dict[str, tuple[Entry, Labels]] = {}
        for system, labels in given:
            own = fingerprint(system)
            self.given.setdefault(own, (Entry(hash=own, system=system, role=START, why="given"), labels))
        for number, event in enumerate(record.events, 1):
            try:
                self.put(event)
            except (InputError, KeyError, TypeError, ValueError) as error:
                raise record.damaged(number, f"a structure or its labels are damaged ({error})") from None

    def put(self, event: dict) -> None:
        """Take note of an event."""
        if event["event"] == "label":
            labels = labels_from_json(event)
            sizes = np.shape(labels.forces), (3, 3) if labels.stress is None else np.shape(labels.stress)
            if sizes != ((self.sizes[event["hash"]], 3), (3, 3)):
                raise ValueError("forces or stress of another size")
            self.labels[event["hash"]] = labels
        elif event["event"] == "failed":
            self.failures[event["hash"]] = event
        elif event["event"] == "selected":
            self.chosen[event["generation"]] = chosen = [Entry.of(own) for own in event["chosen"]]
            self.sizes |= {own.hash: own.system.n_atoms for own in chosen}

    def is_known(self, hash: str) -> bool:
        """Was the oracle asked, or need not be?"""
        return hash in self.given or hash in self.labels or hash in self.failures

    def calls(self, before: int | None = None) -> int:
        """Calls of the oracle, of all or of the generations before one."""
        events = self.record.of("label") + self.record.of("failed")
        return sum(before is None or event["generation"] < before for event in events)

    def labelled(self, generation: int) -> list[tuple[Entry, Labels]]:
        """The structures of a generation that have labels, in the order in which they were chosen."""
        found = list(self.given.values()) if generation == 0 else []
        chosen = self.chosen.get(generation, ())
        return found + [(own, self.labels[own.hash]) for own in chosen if own.hash in self.labels]

    def failed(self, generation: int) -> list[tuple[Entry, dict]]:
        """Those without, and the events that say why."""
        return [(e, self.failures[e.hash]) for e in self.chosen.get(generation, ()) if e.hash in self.failures]

    def lost(self, generation: int) -> list[str]:
        """The explorers that were lost on their way in a generation."""
        last = {event["explorer"]: event["lost"] for event in self.record.of("explored", generation)}
        return [name for name, lost in last.items() if lost]

    def with_labels(self, before: int) -> list[System]:
        """The same, with energy and forces in `info`."""
        found = []
        for entry, labels in (pair for k in range(before) for pair in self.labelled(k)):
            system = bare(entry.system)
            system.info |= {"energy": labels.energy, "forces": labels.forces}
            found.append(system)
        return found

    def systems(self, before: int) -> tuple[System, ...]:
        """All structures with labels of the generations before one, newest last."""
        return tuple(entry.system for k in range(before) for entry, _ in self.labelled(k))

    def without_labels(self, before: int) -> tuple[System, ...]:
        """Those about which the oracle failed."""
        return tuple(entry.system for k in range(before) for entry, _ in self.failed(k))
