"""Who looks up potentials for whose atoms? On one machine whoever has time.

Cores are not always equally fast: a rank that is done with its own atoms takes batches of others', in memory that they
share. What is found for an atom is the same whoever does it.
"""

import os
import time

import numpy as np

from mdcore.base.common_memory import CommonRoom
from mdcore.doors._kernels import Batches

MOST = 3  # ranks that one helps
PATIENCE, NAP = 4000, 5e-5  # times that one looks, some ms; s


class Helping:
    """Atoms of all ranks, in batches. comm : communicator; common : memory of all of its ranks"""

    def __init__(self, comm, common: CommonRoom):
        self._rank, self._common = comm.rank, common
        self._helped = [(comm.rank + step) % comm.size for step in range(1, min(comm.size, MOST + 1))]

    def arrange(self, counts: list[int], windows: list[list[int]], points: list[np.ndarray]) -> None:
        """Of each rank the number of its atoms, the first point of its window and how many along each axis, and that
        itself, in common memory (collective)."""
        take, n = self._common.take, counts
        self._windows = [(own[:3], own[3:6], its.view(np.float64)) for own, its in zip(windows, points, strict=True)]
        positions, found = (take(name, [(k, 4) for k in n]) for name in ("positions", "found"))
        charges, states = take("charges", [(k,) for k in n]), take("states", [(8,) for _ in n], np.int64)
        self._positions, self._charges = positions[self._rank], charges[self._rank]
        self._batches = [Batches(*own) for own in zip(positions, charges, found, states, strict=True)]

    def begin(self, positions: np.ndarray, charges: np.ndarray) -> None:
        """Positions [n, 4] and charges [n] of owned atoms, for others. Nobody may help any more with those before."""
        self._batches[self._rank].offer(False)
        self._positions[...], self._charges[...] = positions, charges

    def gather(self, mesh, atoms, meanwhile, potentials, forces: bool) -> None:
        """As Mesh.gather, of a window with potentials; what is left of `meanwhile` comes before."""
        mine = self._batches[self._rank]
        mine.offer(True)
        for _ in meanwhile:
            pass
        for rank in (self._rank, *self._helped):
            batches, (low, length, points) = self._batches[rank], self._windows[rank]
            until(lambda: batches.offered)  # noqa: B023
            mesh.look_at(low, length)
            mesh.help(batches, points, forces)
        until(lambda: mine.done)
        mesh.look_at(*self._windows[self._rank][:2])
        mesh.collect(atoms, mine, potentials, forces)


def until(there) -> None:
    """Waits for another rank; lets others have the processor, and sleeps if that takes longer."""
    times = 0
    while not there():
        times += 1
        if times < PATIENCE:
            os.sched_yield()
        else:
            time.sleep(NAP)
