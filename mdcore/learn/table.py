"""A campaign in words: what an explorer found, how good the potential is, where the time went."""

import math
import os
import re
from collections import Counter
from collections.abc import Sequence

from mdcore.learn.history import Entry
from mdcore.learn.judge import FRAME
from mdcore.learn.record import CLOCK, CPU, LOCK, VERBS, Record
from mdcore.output.lock import holder, lock_path

STOPPED = re.compile(r"\. Stopped; .*?(?=; run \d|$)")  # what a run says after why it stopped
MOST_SAID = 150  # letters about how an explorer ended
MILLI = 1000.0  # errors are told in meV
WORK = ("explore", "label", "train")  # what a campaign is for
HEADS = (
    ("generation", ""), ("calls", ""), ("structures", ""), ("forces", "meV/A"), ("energy", "meV/atom"),
    ("uncertainty", "meV/A"), ("rank", "atoms"), ("rank", "structures"), ("within 1 s", "%"), ("hours", ""),
)  # fmt: skip


def lines(record: Record) -> list[str]:
    """A row a generation: calls so far, errors of the potential that explored in it, structures trained on after it."""
    rows = [[name for name, _ in HEADS], [unit for _, unit in HEADS]]
    calls = 0
    for generation in range(1 + max((e["generation"] for e in record.of("selected")), default=-1)):
        calls += len(record.of("label", generation)) + len(record.of("failed", generation))
        judged, trained = record.last("judged", generation) or {}, record.last("trained", generation)
        own = [judged.get(key) for key in ("forces", "energy", "uncertainty")]
        within = judged.get("within")
        rows.append([
            str(generation), str(calls), str(trained["structures"]) if trained else "-", *map(_milli, own),
            *(_number(judged.get(key), "{:.2f}") for key in ("rank", "rank_of_structures")),
            _number(within if within is None else 100 * within, "{:.0f}"),
            f"{trained['hours']:.2f}" if trained else "-",
        ])  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def times(record: Record) -> list[str]:
    """Seconds of each verb, over all restarts, by the clock and of processors."""
    columns = [record.spent(kind) for kind in (CLOCK, CPU)]
    told = [f"{'verb':<10} {'seconds':>10} {'share':>7} {'processor':>10} {'share':>7}"]
    for verb in VERBS:
        cells = [f"{own[verb]:>10.1f} {100 * own[verb] / (sum(own.values()) or 1.0):>6.1f}%" for own in columns]
        told.append(f"{verb:<10} {' '.join(cells)}")
    clock, cpu = (100.0 * beside(own) for own in columns)
    told.append(f"beside exploring, labelling and training: {clock:.1f} % of the time, {cpu:.1f} % of the processor's")
    return told


def beside(spent: dict[str, float]) -> float:
    """The share of what is none of exploring, labelling and training: overhead."""
    total = sum(spent.values())
    return 1.0 - sum(spent[verb] for verb in WORK) / total if total else 0.0


def of_explorer(event: dict) -> str:
    """A line on what an explorer brought home."""
    found = f"{event['candidates']} candidates, {event['frames']} frames"
    ended = _short(STOPPED.sub("", event["ended"]))  # said.txt in its folder has all of it
    return f"{event['explorer']}: {found}; {'lost: ' if event['lost'] else ''}{ended}"


def of_choice(entries: Sequence[Entry]) -> str:
    """A line on what is to be labelled."""
    frames = sum(entry.role == FRAME for entry in entries)
    by = Counter(entry.tag for entry in entries if entry.role != FRAME)
    told = [f"{count} of {name}" for name, count in by.items()]
    return f"to be labelled: {len(entries)}" + (f"; {frames} frames at random" if frames else "") + "".join(
        f", {text}" for text in told
    )


def of_labels(labelled: int, failed: Sequence[dict]) -> str:
    """A line on what the oracle said; of failures the commonest reason. failed : events"""
    return f"labelled {labelled}" + (f", {len(failed)} failed: {_commonest(failed)}" if failed else "")


def fruitless(record: Record) -> str:
    """Of a campaign whose every call failed: what it was for, and what to do; else nothing."""
    failed = record.of("failed")
    if not failed or record.of("label"):
        return ""
    return (
        f"{record.path}: every call of the oracle failed, {len(failed)} in all, so nothing was learnt: "
        f"{_commonest(failed)}; see to it that the oracle labels these structures (failed.extxyz), then begin anew: "
        "--overwrite"
    )


def stranded(record: Record, generation: int) -> str:
    """Of a campaign whose explorers were all lost in its last generation, and met nothing that was worth a calculation:
    what to do; else nothing."""
    last = {event["explorer"]: event for event in record.of("explored", generation)}
    chosen = (record.last("selected", generation) or {}).get("chosen")
    if not last or chosen or not all(event["lost"] for event in last.values()):
        return ""
    how = "; ".join(f"{name}: {_short(event['ended'])}" for name, event in last.items())
    return (
        f"{record.path}: in generation {generation} every explorer was lost, and met nothing to learn from, so the "
        f"campaign can't go on ({how}): widen their limits or the bounds of [select], add structures to [start] from "
        "where they are lost, and begin anew: --overwrite"
    )


def _commonest(failed: Sequence[dict]) -> str:
    """Why, most often, and how often, if not always."""
    (why, times), *_ = Counter(_short(" ".join(event["reason"].split())) for event in failed).most_common(1)
    return why + (f" ({times} of them)" if times < len(failed) else "")


def of_judgement(event: dict, targets, lost: Sequence[str]) -> str:
    """A line on how good the potential is that explored. lost : explorers that were, for which it does not count"""
    if not any(own["structures"] for own in event["explorers"].values()):
        return "judged: no frames"
    own = (
        f"judged: forces {_milli(event['forces'])} (target {MILLI * targets.forces:g}) meV/A, energy "
        f"{_milli(event['energy'])} ({MILLI * targets.energy:g}) meV/atom, uncertainty {_milli(event['uncertainty'])}"
    )
    if event["met"]:
        own += ": targets met" + (f", but it does not count: lost was {', '.join(lost)}" if lost else "")
    return own


def status(record: Record, settings=None) -> list[str]:
    """Where a campaign stands. settings : of its input, which says how long it may go on; None: nobody says"""
    who = holder(lock_path(os.path.dirname(record.path), LOCK))
    then = f"at work: {who}" if who else "go on with --restart"
    if not record.events:
        return [f"{record.path}: nothing has happened yet; {then}"]
    begin, last = record.last("begin"), record.events[-1]
    end = record.last("end")
    calls = len(record.of("label")) + len(record.of("failed"))
    most = {key: getattr(settings and settings.campaign, key, None) for key in ("calls", "hours", "generations")}
    told = [
        f"{record.path}: began {begin['at']}, last event {last['at']} ({last['event']})",
        f"calls {calls}{_of(most['calls'])}, failed {len(record.of('failed'))}, hours {last['hours']:.2f}"
        f"{_of(most['hours'])}",
    ]
    generation = max((e.get("generation", 0) for e in record.events), default=0)
    if not who and end is not None and record.events.index(end) >= len(record.events) - 2:
        told.append(f"ended: {end['why']}")
    else:
        chosen = (record.last("selected", generation) or {}).get("chosen", ())
        hashes = {e["hash"] for kind in ("label", "failed") for e in record.of(kind, generation)}
        waiting = sum(own["hash"] not in hashes for own in chosen)
        stage = f"{waiting} of {len(chosen)} structures wait for the oracle" if waiting else f"after {last['event']}"
        told.append(f"in generation {generation}{_of(most['generations'])}: {stage}; {then}")
    return [*told, "", *lines(record), "", *times(record)]


def _short(text: str) -> str:
    return text if len(text) <= MOST_SAID else f"{text[: MOST_SAID - 4]} ..."


def _of(most) -> str:
    return "" if most is None else f" of {most:g}"


def _milli(number: float | None) -> str:
    return _number(None if number is None else MILLI * number, "{:.1f}")


def _number(number: float | None, form: str) -> str:
    return "-" if number is None or not math.isfinite(number) else form.format(number)
