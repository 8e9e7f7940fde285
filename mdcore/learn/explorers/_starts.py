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


def picked(name: str, visit: Visit, file: Path | None, count: int, axes: str = "", reach: float = 0.0) -> list:
    """So many of them at random, none twice before all are taken.

    axes : some of "xyz" along which the cell will follow a pressure: of the labelled ones those that fill it there are
    taken, which a `reach`, of the potential, tells; InputError without any
    """
    found, rng = starts(name, visit.structures, file), np.random.default_rng([visit.seed, 0])
    if file is None and axes:
        found = [system for system in found if fills(system, axes, reach)]
        if not found:
            raise InputError(
                f"explorer {name}: the cell follows a pressure along {axes}, and every labelled structure has a free "
                f"surface there, or a layer of {reach:g} Angstrom without atoms; give start, a file, or keep the cell"
            )
    order = np.concatenate([rng.permutation(len(found)) for _ in range(-(-count // len(found)))])
    return [found[k] for k in order[:count]]


def fills(system, axes: str, reach: float) -> bool:
    """Is there no free surface along any of these of x, y, z: no cell vector that is not periodic, and between two
    faces no layer without atoms that is wider than `reach`, so that what is on either side would not feel each other?
    Such a cell has a pressure to hold; vacuum has none, and a barostat would close it."""
    box = system.box
    if box.free_along(axes):
        return False
    along = np.abs(box.matrix[:, ["xyz".index(axis) for axis in axes]]).max(axis=1) > 1e-12
    places = np.sort((system.positions - box.origin) @ np.linalg.inv(box.matrix) % 1.0, axis=0)
    gaps = np.diff(places, axis=0, append=places[:1] + 1.0).max(axis=0) * box.widths
    return not (gaps[along] > reach).any()


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
