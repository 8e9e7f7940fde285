"""What does the potential of the day say of structures that were labelled, and of those that explorers passed?"""

from collections.abc import Sequence

import numpy as np

from mdcore.base.errors import MdcoreError
from mdcore.learn.base import Found, Labels
from mdcore.learn.history import Entry
from mdcore.learn.judge import Fresh, Uncertain
from mdcore.learn.looks import Looks
from mdcore.learn.structures import fingerprint
from mdcore.structure.system import System

MOST_FRAMES = 200  # of an explorer, evenly spread, whose uncertainty is looked at


def disagreement(looks: Looks, system: System) -> np.ndarray | None:
    """float64 [n], eV/Angstrom; None of a single network, and where atoms overlap."""
    try:
        return looks.about(system).disagreement
    except MdcoreError:
        return None


def largest_and_mean(looks: Looks, system: System) -> tuple[float, float] | None:
    """Of the disagreement about the atoms of a structure."""
    found = disagreement(looks, system)
    return None if found is None else (float(found.max()), float(found.mean()))


def fresh(looks: Looks, labelled: Sequence[tuple[Entry, Labels]]) -> list[Fresh]:
    """Labelled structures with what is said of them, without those in which atoms overlap: they have no energy."""
    found = []
    for entry, labels in labelled:
        try:
            told = looks.about(entry.system)
        except MdcoreError:
            continue
        found.append(
            Fresh(
                hash=entry.hash, system=entry.system, explorer=entry.explorer, role=entry.role, labels=labels,
                energy=told.energy, forces=told.forces, disagreement=told.disagreement,
            )
        )  # fmt: skip
    return found


def uncertain(looks: Looks, found: Found) -> Uncertain:
    """What members say of the frames of an explorer, MOST_FRAMES of them at most, evenly spread; as it told itself of
    those that are among its candidates."""
    told = {fingerprint(own.system): own.disagreement for own in found.candidates if own.disagreement is not None}
    said, species = [np.empty(0)], [np.empty(0, dtype=str)]
    for frame in found.frames[:: -(-len(found.frames) // MOST_FRAMES) or 1]:
        own = told.get(fingerprint(frame))
        own = disagreement(looks, frame) if own is None else own
        if own is not None:
            said.append(own)
            species.append(np.array(frame.names))
    return Uncertain(disagreement=np.concatenate(said), species=np.concatenate(species), frames=len(found.frames))
