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
    hopping : species whose atoms may change partners: such an atom has lost its bond only where no atom of another
    species, one that may not, is within that length of it
    """

    def __init__(self, pairs, lengths, stretch: float, every: int = EVERY, dump=None, hopping=()):
        self.pairs, self.lengths = np.asarray(pairs), np.asarray(lengths)
        self.stretch, self.every, self.saver = stretch, every, Saver(dump)
        self.hopping = tuple(hopping)

    def look(self, sim, term) -> BrokenBondError | None:
        if sim.step % self.every:
            return None
        box, positions = sim.box, sim.positions
        near = _some_image(box, positions[self.pairs[:, 1]] - positions[self.pairs[:, 0]])
        limits = self.stretch * self.lengths
        long = np.flatnonzero((near**2).sum(axis=1) > limits**2)
        if not len(long):
            return None
        times = lengths_of(box, positions, self.pairs[long]) / self.lengths[long]
        names = sim.names
        broken = [
            (times[k], *self.pairs[long[k]].tolist()) for k in np.flatnonzero(times > self.stretch)
            if not self._hopped(box, positions, np.asarray(names), self.pairs[long[k]], limits[long[k]])
        ]  # fmt: skip
        if not broken:
            return None
        worst, a, b = max(broken)
        self.saver.save(sim, 1, {"broken_bond": f"{a} {b}", "stretch": float(worst)})
        return BrokenBondError(
            f"step {sim.step}: the bond of {names[a]}, atom {a}, and {names[b]}, atom {b} (counting from 0), is "
            f"{worst:.3g} times as long as at the start; the limit is {self.stretch:g}"
        )

    def _hopped(self, box, positions, names, pair, limit: float) -> bool:
        """Has a bond gone over to other partners?"""
        movers = pair[np.isin(names[pair], self.hopping)]
        partners = np.flatnonzero(~np.isin(names, self.hopping))
        return len(movers) > 0 and all(_is_within(box, positions, atom, partners, limit) for atom in movers)


def _some_image(box, apart):
    """Vectors [m, 3] to some image of the other atom; where that one is far, maybe not the nearest."""
    return apart - np.where(box.periodic, np.rint(apart @ box.inverse), 0.0) @ box.matrix


def _is_within(box, positions, atom: int, others, limit: float) -> bool:
    """Is one of the others so near to an atom?"""
    if ((_some_image(box, positions[others] - positions[atom]) ** 2).sum(axis=1) <= limit**2).any():
        return True
    pairs = np.column_stack([np.full(len(others), atom), others])
    return bool((lengths_of(box, positions, pairs) <= limit).any())
