"""Who is near whom, and until when does the answer hold?

The list holds all pairs within cutoff + skin. It stays complete until some atom has
moved half the skin since it was built: two atoms can't have approached by more.
"""

from mdcore._hdnnp import canonical_order
from mdcore._kernels import VerletList, spatial_order

FEW = 512  # atoms that fit into the first-level cache in any order


class FullList:
    """All neighbours of each owned atom, in an order that is the same on every rank.

    first int64 [n_owned + 1], index int32: as VerletList.arrays(); a row is sorted by species, tag and
    displacement. bounds int32 [n_owned, n_species + 1]: where in its row each species begins.
    """

    def __init__(self, n_species: int):
        self.n_species = n_species
        self._list = VerletList()

    def build(self, atoms, reach: float) -> None:
        self._list.build(atoms, reach, half=False)
        self.first, self.index = self._list.arrays(atoms)
        self.bounds = canonical_order(
            atoms.x, atoms.tags, atoms.n_owned, atoms.n_total, self.n_species, self.first, self.index
        )


class Neighbors:
    """The Verlet lists of the owned atoms.

    cutoff, skin : unit of length; the lists have the radius `reach` = cutoff + skin
    kinds : the lists that are wanted, "half" (each pair once: `list`), "full" (FullList: `full`) or both
    builds : how often they were built
    """

    def __init__(self, cutoff: float, skin: float, kinds=("half",), n_species: int = 1):
        self.cutoff, self.skin = cutoff, skin
        self.reach = cutoff + skin
        self.list = VerletList() if "half" in kinds else None
        self.full = FullList(n_species) if "full" in kinds else None
        self.builds = 0

    def stale(self, moved2: float) -> bool:
        """Has an atom, at most sqrt(moved2) from where it was, used up half the skin?"""
        return not moved2 <= (0.5 * self.skin) ** 2

    def sort(self, atoms) -> None:
        """Owned atoms that are close in space become close in memory."""
        if atoms.n_owned > FEW:
            atoms.take(spatial_order(atoms, 0.5 * self.reach))

    def build(self, atoms) -> None:
        """List the pairs; SimulationError if two atoms coincide."""
        if self.list is not None:
            self.list.build(atoms, self.reach)
        if self.full is not None:
            self.full.build(atoms, self.reach)
        atoms.start[: atoms.n_owned] = atoms.x[: atoms.n_owned]
        self.builds += 1
