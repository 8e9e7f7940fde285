"""Who is near whom, and until when does the answer hold?

The list holds all pairs within cutoff + skin. It stays complete as long as no atom has moved half the skin:
two atoms can't have approached by more. After that it is complete as long as around the few that have moved
farther there is no unlisted pair whose two atoms together have moved far enough.
"""

import numpy as np

from mdcore._kernels import SpatialOrder, VerletList
from mdcore.errors import SimulationError

SHORTEST = 1e-3  # radius of a list: bins have a size
MARGIN = 0.5  # skins by which ghosts are known beyond the radius of the list
FEW = 512  # atoms that fit into the first-level cache in any order


class FullList:
    """All neighbours of each owned atom, in an order that is the same on every rank.

    first int64 [n_owned + 1], index int32: as VerletList.arrays(); a row is sorted by species, tag and
    displacement. bounds int32 [n_owned, n_species + 1]: where in its row each species begins.
    """

    def __init__(self, n_species: int):
        self.n_species = n_species
        self.pairs = VerletList()

    def build(self, atoms, reach: float) -> None:
        self.pairs.build(atoms, reach, half=False)
        self.first, self.index = self.pairs.arrays(atoms)
        self.bounds = self.pairs.sort_rows(atoms, self.n_species)


class Neighbors:
    """The Verlet lists of the owned atoms.

    cutoff, skin : unit of length; the lists have the radius `reach` = cutoff + skin
    ghost_reach : how far ghosts must be known for that
    kinds : the lists that are wanted, "half" (each pair once: `list`), "full" (FullList: `full`) or both
    builds : how often they were built
    """

    def __init__(self, cutoff: float, skin: float, kinds=("half",), n_species: int = 1):
        self.cutoff, self.skin = cutoff, skin
        self.reach = max(cutoff + skin, SHORTEST)
        self.ghost_reach = self.reach + MARGIN * skin
        self.list = VerletList() if "half" in kinds else None
        self.full = FullList(n_species) if "full" in kinds else None
        self.builds = 0
        self._order = SpatialOrder()

    def outrun(self, atoms, moved2: float, comm) -> bool:
        """May a pair be missing by now? Ghosts are up to date (collective).

        moved2 : squared, how far any atom of any rank has moved since the list was built; nan counts as too far
        """
        if moved2 <= (0.5 * self.skin) ** 2:
            return False
        if not moved2 <= (0.5 * (1.0 + MARGIN) * self.skin) ** 2:  # or atoms beyond the ghosts may be near
            return True
        pairs = self.list if self.list is not None else self.full.pairs
        found = pairs.outrun(atoms, self.cutoff, self.skin, moved2**0.5)
        return bool(comm.maximum(np.array([found], dtype=np.float64))[0])

    def sort(self, atoms) -> None:
        """Owned atoms that are close in space become close in memory."""
        if atoms.n_owned > FEW:
            atoms.take(self._order(atoms, 0.5 * self.reach))

    def build(self, atoms) -> None:
        """List the pairs; SimulationError if two atoms coincide, or if so many are near that memory ends."""
        atoms.start[: atoms.n_total] = np.nan  # should the build fail: what is left has been outrun
        try:
            if self.list is not None:
                self.list.build(atoms, self.reach)
            if self.full is not None:
                self.full.build(atoms, self.reach)
        except MemoryError:
            raise SimulationError(
                f"too many neighbours for the memory: {atoms.n_owned:,} atoms, far too many of them within "
                f"{self.reach:g} of each other; check the cell, the unit of length and the cutoff"
            ) from None
        atoms.start[: atoms.n_total] = atoms.x[: atoms.n_total]
        self.builds += 1
