"""What has happened in a campaign? ``campaign.jsonl``: one line an event, appended and synced before the next begins.

It is the only state: whatever was killed, and when, the campaign goes on from these lines. A last line that a kill tore
is dropped. Events are plain values of JSON; floats are written such that they are read back to the last bit.

```
begin      layout, version, seed, input (the text of learn.toml), files: {file that it names: its text, or sha256}
resume     version, input and files, where they are others now
start      file, sha256, structures, labelled: what the campaign began with
explored   generation, explorer, file, sha256, candidates, frames, ended, lost
selected   generation, chosen: [{hash, role, explorer, place, why, score, disagreement, structure}, ...]
label      generation, hash, energy, forces, stress: an answer of the oracle
failed     generation, hash, kind, reason, tries
judged     generation, calls, explorers: {name: numbers}, errors: {hash: before}, calibration, met, ...
trained    generation, file, potential (its fingerprint), structures, errors: {hash: after}, calibration
end        why
```

All have `at` (UTC), `hours` (worked so far, whatever stood still between restarts), and of each verb since the event
before `spent`, seconds by the clock, and `cpu`, seconds of processors: of this process and those it has started and
seen end. What ranks and clusters compute (executors.py) is not seen.
"""

import json
import os
import re
import resource
from datetime import UTC, datetime
from time import perf_counter

from mdcore.base.errors import OutputError
from mdcore.base.files import open_binary
from mdcore.base.writing import add_line, cannot_write, cut_off

LAYOUT = "mdcore campaign 1"
NAME, LOCK = "campaign.jsonl", "campaign"  # the file, and what who writes it locks
VERBS = ("explore", "select", "label", "train", "judge", "report", "rest")
CLOCK, CPU = "spent", "cpu"  # keys of seconds of each verb
NUMBER = (int, float)
SOME = (int, float, type(None))  # None: nan
KEYS = {  # of what type is what an event must have?
    "begin": {"layout": str, "input": str},
    "resume": {},
    "start": {"sha256": str},
    "explored": {
        "generation": int, "explorer": str, "sha256": str, "candidates": int, "frames": int, "ended": str, "lost": bool,
    },
    "selected": {"generation": int, "chosen": list},
    "label": {"generation": int, "hash": str, "energy": NUMBER, "forces": list},
    "failed": {"generation": int, "hash": str, "reason": str},
    "judged": {
        "generation": int, "explorers": dict, "errors": dict, "met": bool, "calibration": (dict, type(None)),
        **dict.fromkeys(("forces", "energy", "uncertainty", "rank", "within"), SOME),
    },
    "trained": {"generation": int, "file": str, "potential": str, "structures": int, "errors": dict},
    "end": {"why": str},
}  # fmt: skip
MAY = {"generation": int, "files": dict, "rank_of_structures": SOME, "calibration": (dict, type(None)), CPU: dict}


class Record:
    """The events of a campaign, in the order they happened; `append` adds one. OutputError.

    path : of the file; events : list of dicts
    """

    def __init__(self, path, *, write: bool = True):
        self.path, self.events, self.verb = str(path), [], "rest"
        self._since, self._last = _nothing(), _now()
        whole = self._read()
        if write and os.path.exists(self.path) and os.path.getsize(self.path) > whole:
            cut_off(self.path, whole)
        self._before = self.events[-1]["hours"] if self.events else 0.0
        self._began = perf_counter()

    @property
    def hours(self) -> float:
        """Worked so far, over all restarts."""
        return self._before + (perf_counter() - self._began) / 3600

    def of(self, kind: str, generation: int | None = None) -> list[dict]:
        """The events of a kind, of a generation or of all."""
        return [e for e in self.events if e["event"] == kind and generation in (None, e.get("generation"))]

    def told(self, key: str):
        """What the last event says that has this key, or None."""
        return next((event[key] for event in reversed(self.events) if key in event), None)

    def last(self, kind: str, generation: int | None = None) -> dict | None:
        """The last event of a kind."""
        return next(iter(self.of(kind, generation)[::-1]), None)

    def turn(self, verb: str) -> None:
        """From now on time is spent on this verb, one of VERBS."""
        now = _now()
        for kind, before in self._last.items():
            self._since[kind][self.verb] += now[kind] - before
        self.verb, self._last = verb, now

    def append(self, event: str, **values) -> dict:
        """Add an event; it is on the disk when this returns."""
        self.turn(self.verb)
        told = {
            "event": event,
            **values,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "hours": round(self.hours, 6),
        } | {
            kind: {verb: round(seconds, 4) for verb, seconds in own.items() if seconds >= 5e-5}
            for kind, own in self._since.items()
        }
        line = json.dumps(told, allow_nan=False, separators=(",", ":"))
        try:
            add_line(self.path, line)
        except OSError as error:
            raise OutputError(cannot_write(self.path, error)) from None
        self._since = _nothing()
        self.events.append(json.loads(line))
        return self.events[-1]

    def spent(self, kind: str = CLOCK) -> dict[str, float]:
        """Seconds of each verb, over all restarts. kind : CLOCK or CPU"""
        self.turn(self.verb)
        total = dict(self._since[kind])
        for event in self.events:
            for verb, seconds in event.get(kind, {}).items():
                total[verb] += seconds
        return total

    def damaged(self, number: int, what: str) -> OutputError:
        """An error about a line, counted from 1."""
        return OutputError(f"{self.path}: line {number}: {what}: take a copy of the file, or begin anew: --overwrite")

    def _read(self) -> int:
        """Read the events; how many bytes of whole lines there are."""
        if not os.path.exists(self.path):
            return 0
        whole = 0
        with open_binary(self.path, "the record of a campaign") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    event = json.loads(line)
                    if not line.endswith(b"\n"):
                        raise ValueError
                except ValueError:
                    if stream.peek(1):
                        raise OutputError(f"{self.path}: line {number} is damaged, and others follow it") from None
                    break
                if wrong := _wrong(event):
                    raise self.damaged(number, wrong)
                self.events.append(event)
                whole += len(line)
        if self.events and self.events[0].get("layout") != LAYOUT:
            raise OutputError(f"{self.path}: not the record of a campaign, or of another version")
        return whole


def check_begin(path) -> None:
    """OutputError for a file that does not begin as a record does, whatever became of it."""
    with open_binary(path, "the record of a campaign") as stream:
        head = stream.read(30)
    if head and not re.match(rb'\{"event": ?"begin"', head):
        raise OutputError(f"{path}: not the record of a campaign")


def _wrong(event) -> str:
    """What is not as it was written, or nothing."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), str) or event["event"] not in KEYS:
        return "no event that this version knows"
    kinds = {key: kind for key, kind in MAY.items() if key in event}
    for key, kind in {"at": str, "hours": NUMBER, CLOCK: dict, **kinds, **KEYS[event["event"]]}.items():
        if key not in event or not isinstance(event[key], kind) or (isinstance(event[key], bool) and kind is not bool):
            return f"{key} is not there, or no longer what it was"
    spent = [event.get(kind, {}) for kind in (CLOCK, CPU)]
    if not all(key in VERBS and isinstance(seconds, NUMBER) for own in spent for key, seconds in own.items()):
        return f"{CLOCK} or {CPU} is no longer what it was"
    if not all(isinstance(own, dict) and isinstance(own.get("hash"), str) for own in event.get("chosen", ())):
        return "chosen is no longer what it was"
    if not all(isinstance(own, dict) for own in event.get("explorers", {}).values()):
        return "explorers are no longer what they were"
    return ""


def _nothing() -> dict[str, dict[str, float]]:
    return {kind: dict.fromkeys(VERBS, 0.0) for kind in (CLOCK, CPU)}


def _now() -> dict[str, float]:
    """Seconds by the clock, and of processors by this process and those that it has seen end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {CLOCK: perf_counter(), CPU: sum(own.ru_utime + own.ru_stime for own in used)}
