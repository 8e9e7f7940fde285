"""Is a structure a known one, turned, mirrored, moved, or with like atoms exchanged?

Energy and forces are then the known ones, turned likewise, and the potential knows them: descriptors don't see any of
it. So structures with the same atoms and the same mean descriptors are taken for one. (What else has the same ones the
potential can't tell apart.)
"""

from collections.abc import Sequence

import numpy as np

from mdcore.base.errors import MdcoreError
from mdcore.learn.looks import Looks
from mdcore.structure.system import System

SAME = 1e-6  # of the largest mean of a descriptor: what differs less is the same


class Alike:
    """Structures as the potential of the day sees them. looks : at it; known : those that are there from the start
    layers : will features be asked for, too (`Looks.about`)?"""

    def __init__(self, looks: Looks, known: Sequence[System] = (), layers: bool = False):
        self.looks, self.layers = looks, layers
        self._rows: dict[tuple, list[np.ndarray]] = {}
        for system in known:
            rows, means = self._seen(system, False)
            rows.append(means)

    def add(self, system: System) -> bool:
        """Take it in; False if one that is alike is there already. Nothing is alike where atoms overlap."""
        rows, means = self._seen(system, True)
        if new := not _among(rows, means):
            rows.append(means)
        return new

    def has(self, system: System) -> bool:
        """Is one there that is alike?"""
        return bool(self._rows) and _among(*self._seen(system, False))

    def _seen(self, system: System, spread: bool) -> tuple[list[np.ndarray], np.ndarray]:
        """(What there is of structures with the same atoms, mean descriptors of this one.)"""
        try:
            means = self.looks.about(system, spread, self.layers).means
        except MdcoreError:
            return [], np.empty(0)
        own = tuple(sorted(system.names)), system.box.periodic, system.total_charge
        return self._rows.setdefault(own, []), means


def _among(rows: list[np.ndarray], means: np.ndarray) -> bool:
    if not rows:
        return False
    there = np.array(rows)
    largest = np.maximum(np.abs(there).max(axis=0), np.abs(means))
    return bool((np.abs(there - means) <= SAME * largest).all(axis=1).any())
