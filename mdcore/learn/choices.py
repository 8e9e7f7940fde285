"""Which structures go to the oracle in a generation? Random frames, for the judgement, and what was selected."""

import math
from collections.abc import Sequence

from mdcore.learn.alike import Alike
from mdcore.learn.base import Candidate, Found
from mdcore.learn.cut import Cut
from mdcore.learn.history import Entry, History
from mdcore.learn.judge import FRAME, SELECTED
from mdcore.learn.select import Choice
from mdcore.learn.structures import bare, fingerprint


def frames(
    history: History, found: dict[str, Found], most: int, left: int | None, rng, alike: Alike, cut: Cut | None = None
) -> list[Entry]:
    """`most` frames of each explorer, in the order they were passed; half of the calls that are `left` at most. Large
    ones are cut around an atom at random. What is `alike` a structure that is known, or drawn, is drawn no more."""
    if left is not None:
        most = min(most, math.ceil(left / 2 / max(1, len(found))))
    entries, taken = [], set()
    for name, own in found.items():
        fresh, mine = {}, {}
        for k, frame in enumerate(own.frames):
            hash = fingerprint(frame)
            if hash not in taken and not history.is_known(hash):
                taken.add(hash)
                fresh[hash] = k, frame
        order = list(fresh.items())
        for hash, (k, frame) in (order[place] for place in rng.permutation(len(order)).tolist()):
            if len(mine) == most:
                break
            system, why = bare(frame), "at random"
            if cut is not None:
                atom = int(rng.integers(system.n_atoms))
                system, rows, how = cut.of(system, atom, alike.looks.potential)
                hash, why = fingerprint(system), why if rows is None else f"{why}, atom {atom} (counting from 0); {how}"
                if history.is_known(hash):
                    continue
            if alike.add(system):
                mine[k] = Entry(hash=hash, system=system, role=FRAME, explorer=name, place=f"frame {k}", why=why)
        entries += [mine[k] for k in sorted(mine)]
    return entries if left is None else entries[:left]


def candidates(
    history: History, found: dict[str, Found], entries: Sequence[Entry], failed: Alike
) -> list[Candidate]:
    """Those of all explorers that are neither known nor among the entries nor alike one that `failed`, each once."""
    taken, fresh = {entry.hash for entry in entries}, []
    for own in (own for each in found.values() for own in each.candidates):
        hash = fingerprint(own.system)
        if hash not in taken and not history.is_known(hash) and not failed.has(own.system):
            taken.add(hash)
            fresh.append(own)
    return fresh


def selected(history: History, picked: Sequence[Choice], entries: Sequence[Entry]) -> list[Entry]:
    """What was selected, as entries; what was cut out of different structures may be the same."""
    taken, made = {entry.hash for entry in entries}, []
    for choice in picked:
        system = bare(choice.candidate.system)
        hash = fingerprint(system)
        if hash in taken or history.is_known(hash):
            continue
        taken.add(hash)
        made.append(
            Entry(
                hash=hash, system=system, role=SELECTED, explorer=choice.candidate.explorer, why=choice.why,
                place=choice.candidate.place, score=float(choice.score),
            )
        )  # fmt: skip
    return made
