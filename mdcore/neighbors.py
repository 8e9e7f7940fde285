"""Who is near whom, and until when does the answer hold?

The list holds all pairs within cutoff + skin. It stays complete until some atom has
moved half the skin since it was built: two atoms can't have approached by more.
"""

from mdcore._kernels import VerletList, spatial_order


FEW = 512  # atoms that fit into the first-level cache in any order


class Neighbors:
    """The Verlet list of the owned atoms.

    cutoff, skin : unit of length; list : half (each pair once), of radius `reach` = cutoff + skin
    builds : how often it was built
    """

    def __init__(self, cutoff: float, skin: float):
        self.cutoff, self.skin = cutoff, skin
        self.reach = cutoff + skin
        self.list = VerletList()
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
        self.list.build(atoms, self.reach)
        atoms.start[: atoms.n_owned] = atoms.x[: atoms.n_owned]
        self.builds += 1
