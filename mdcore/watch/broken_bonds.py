"""Is a bond of the start broken? Then the run left chemistry that its potential knows, or a reaction happened."""

import numpy as np

from mdcore.base.errors import BrokenBondError
from mdcore.structure.bonds import lengths_of
from mdcore.watch.base import Watcher
from mdcore.watch.saving import Saver

EVERY = 10  # steps between looks


class BrokenBonds(Watcher):
    """Ends a run with a broken bond.

    pairs : int64 [m, 2], atoms that are joined; lengths : float64 [m] at the start, unit of length
    stretch : a bond is broken once it is so many times as long; dump : an ExtxyzDump for that structure, or None
    """

    def __init__(self, pairs, lengths, stretch: float, every: int = EVERY, dump=None):
        self.pairs, self.lengths = np.asarray(pairs), np.asarray(lengths)
        self.stretch, self.every, self.saver = stretch, every, Saver(dump)

    def look(self, sim, term) -> BrokenBondError | None:
        if sim.step % self.every:
            return None
        box, positions = sim.box, sim.positions
        apart = positions[self.pairs[:, 1]] - positions[self.pairs[:, 0]]
        near = apart - np.where(box.periodic, np.rint(apart @ box.inverse), 0.0) @ box.matrix
        # some image of the other atom; where that one is far, maybe not the nearest
        long = np.flatnonzero((near**2).sum(axis=1) > (self.stretch * self.lengths) ** 2)
        if not len(long):
            return None
        times = lengths_of(box, positions, self.pairs[long]) / self.lengths[long]
        worst = int(np.argmax(times))
        if not times[worst] > self.stretch:
            return None
        a, b = self.pairs[long[worst]].tolist()
        names = sim.names
        self.saver.save(sim, 1, {"broken_bond": f"{a} {b}", "stretch": float(times[worst])})
        return BrokenBondError(
            f"step {sim.step}: the bond of {names[a]}, atom {a}, and {names[b]}, atom {b} (counting from 0), is "
            f"{times[worst]:.3g} times as long as at the start; the limit is {self.stretch:g}"
        )
