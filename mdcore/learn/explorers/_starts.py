"""Where do explorers start, and how near may atoms come on their way?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mdcore.base.errors import InputError
from mdcore.engine.sanity import closest, pairs_within
from mdcore.learn.base import Visit
from mdcore.properties.relaxation import at_rest
from mdcore.structure.frames import systems
from mdcore.structure.system import LABELS, System
from mdcore.training.data.labels import CUT


def starts(name: str, structures: Sequence[System], file: Path | None) -> list:
    """Systems at rest without labels: those in a file, or, for None, labelled `structures`, but for clusters that were
    cut out of others; InputError without any."""
    known = [system for system in structures if CUT not in system.columns] or structures
    found = [bare(system) for system in (known if file is None else systems(file))]
    if not found:
        raise InputError(f"explorer {name}: there are no labelled structures to start from; give start, a file")
    return found


def picked(name: str, visit: Visit, file: Path | None, count: int) -> list:
    """So many of them at random, none twice before all are taken."""
    found, rng = starts(name, visit.structures, file), np.random.default_rng([visit.seed, 0])
    order = np.concatenate([rng.permutation(len(found)) for _ in range(-(-count // len(found)))])
    return [found[k] for k in order[:count]]


def bare(system):
    """The same at rest, without labels."""
    system = at_rest(system)
    system.info = {key: value for key, value in system.info.items() if key.lower() not in LABELS}
    return system


def shortest_known(structures) -> dict[tuple[str, str], float]:
    """{pair of species, sorted: shortest distance} over structures."""
    found: dict[tuple[str, str], float] = {}
    for system in structures:
        for pair, r in closest(system.box, system.positions, system.species, system.symbols).items():
            pair = tuple(sorted(pair))
            found[pair] = min(r, found.get(pair, np.inf))
    return found


def too_close(system, least: dict[tuple[str, str], float]) -> bool:
    """Are two atoms closer than their pair may be?"""
    if not least:
        return False
    i, j, r = pairs_within(system.box, system.positions, system.species, max(least.values()))
    names = system.names
    return any(
        distance < least.get(tuple(sorted((names[a], names[b]))), 0.0)
        for a, b, distance in zip(i.tolist(), j.tolist(), r.tolist(), strict=True)
    )
