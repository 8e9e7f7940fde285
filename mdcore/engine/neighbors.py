"""Who is near whom, and until when does the answer hold?

A list holds all pairs within cutoff + skin. It stays complete as long as no atom has moved half the skin:
two atoms can't have approached by more. After that it is complete as long as around the few that have moved
farther there is no unlisted pair whose two atoms together have moved far enough.

Each term of a potential asks for its own, so that one which reaches far does not widen the others'. All have one skin
and are built together, as soon as one of them may lack a pair.
"""

from typing import NamedTuple

import numpy as np

from mdcore.base.errors import SimulationError
from mdcore.doors._kernels import SpatialOrder, VerletList, leave_out
from mdcore.structure.bonds import within

SHORTEST = 1e-3  # radius of a list: bins have a size
KINDS = ("half", "full", "rows")
MARGIN = 0.5  # skins by which ghosts are known beyond the radius of the list
FEW = 512  # atoms that fit into the first-level cache in any order
ALIKE = 1.1  # radii within that ratio share a list: a third more pairs cost about as much as building another one


class Want(NamedTuple):
    """A list that somebody reads.

    kind : of KINDS; cutoff : unit of length; exclude : of a half list, pairs that up to so many bonds join are left out
    """

    kind: str
    cutoff: float
    exclude: int = 0

    def serves(self, other: "Want") -> bool:
        """Has this one what is wanted of the other?"""
        return (self.kind, self.exclude) == (other.kind, other.exclude) and self.cutoff >= other.cutoff


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


class Without:
    """A half list without the pairs whose atoms up to `most` bonds join, of another one that has them.

    list : the VerletList that is left; of images of one atom those within half the cell's width count as joined
    """

    def __init__(self, whole: VerletList, most: int):
        self.whole, self.most, self.pairs = whole, most, VerletList()
        self._bonds = None

    def build(self, atoms, reach: float, nearest2: float) -> None:
        if self._bonds is not atoms.bonds:
            n = int(atoms.bonds[:, 1].max(initial=-1)) + 1
            self._bonds, self._tags = atoms.bonds, n
            self._joined = within(atoms.bonds, n, self.most)
        first, others = self._joined
        last = int(atoms.tags[: atoms.n_total].max(initial=0)) + 2  # tags beyond those that have bonds
        if len(first) < last:
            first = np.append(first, np.full(last - len(first), first[-1]))
            self._joined = first, others
        leave_out(atoms, self.whole, self.pairs, first, others, nearest2)


class RowsOfTags:
    """Where is the atom with this tag? Of its rows, owned and ghosts, the nearest; for bonds, which name atoms.

    It holds as long as ghosts do, for atoms that are no farther than the cutoff it was asked for.
    """

    builds = 0

    def build(self, atoms, reach: float) -> None:
        self.builds += 1
        tags = atoms.tags[: atoms.n_total]
        self._order = np.argsort(tags, kind="stable")  # of the rows of one tag the owned one comes first
        self._tags = tags[self._order]

    def owned(self, atoms, tags: np.ndarray) -> np.ndarray:
        """The row of each of these atoms, int [n]; -1 where another rank owns it."""
        first = np.searchsorted(self._tags, tags)
        there = np.flatnonzero(first < len(self._tags))
        found = np.full(len(tags), -1)
        row = self._order[first[there]]
        mine = (self._tags[first[there]] == tags[there]) & (row < atoms.n_owned)
        found[there[mine]] = row[mine]
        return found

    def nearest(self, atoms, rows: np.ndarray, tags: np.ndarray) -> np.ndarray:
        """The row of the image of each of these atoms that is nearest to the atom in `rows`, int [n]; -1 where none is
        known. Of two at one distance the lower (z, y, x): the same on any rank."""
        first, last = np.searchsorted(self._tags, tags), np.searchsorted(self._tags, tags, side="right")
        found, best = np.full(len(tags), -1), np.full((4, len(tags)), np.inf)
        for k in range(int((last - first).max(initial=0))):
            row = self._order[np.minimum(first + k, len(self._order) - 1)]
            r = atoms.x[row, :3] - atoms.x[rows, :3]
            own = np.array([np.einsum("ij,ij->i", r, r), *r.T[::-1]])
            nearer, same = np.zeros(len(tags), dtype=bool), (first + k < last) & (row != rows)
            for one, other in zip(own, best, strict=True):
                nearer |= same & (one < other)
                same &= one == other
            found[nearer], best[:, nearer] = row[nearer], own[:, nearer]
        return found


class Lists:
    """The lists of a term, of those that are built.

    built : {Want: list}; wants : of each that the term reads
    list : "half", each pair once; full : "full", a FullList; rows : "rows", RowsOfTags; the widest it wants, None if it
        wants none
    """

    def __init__(self, built: dict, wants):
        self._built, self._terms = built, {}
        self.list, self.full, self.rows = (self._of_kind(kind, wants) for kind in KINDS)

    def _of_kind(self, kind: str, wants):
        mine = [Want(*want) for want in wants if want[0] == kind]
        if not mine:
            return None
        widest = max(mine, key=lambda want: want.cutoff)
        enough = [own for own in self._built if own.serves(widest)]
        found = self._built[min(enough, key=lambda own: own.cutoff)]
        return found.pairs if isinstance(found, Without) else found

    def half(self, cutoff: float) -> VerletList:
        """Of a term that wants several half lists: the one for this cutoff."""
        want = Want("half", cutoff)
        return self._built[min((own for own in self._built if own.serves(want)), key=lambda own: own.cutoff)]

    def of(self, term) -> "Lists":
        """Those of a term, a potential."""
        wants = term.lists
        if wants not in self._terms:
            self._terms[wants] = Lists(self._built, wants)
        return self._terms[wants]


class Neighbors(Lists):
    """The Verlet lists of the owned atoms.

    wants : each list that somebody reads, a Want; cutoff, skin : unit of length
    nearest : distance below which an image of an atom is the one that its bonds mean
    cutoff : the largest; reach : its list's radius, cutoff + skin; ghost_reach : how far ghosts must be known
    builds : how often lists were built; stretch : since then the cell was strained, and distances shrank to not less
    than this part of what they were
    """

    def __init__(self, wants, skin: float, n_species: int = 1):
        self.skin = skin
        wants = [Want(*want) for want in wants]
        self.cutoff = max((want.cutoff for want in wants), default=0.0)
        self.reach = self._radius(self.cutoff)
        self.ghost_reach = self.reach + MARGIN * skin
        make = {"half": VerletList, "full": lambda: FullList(n_species), "rows": RowsOfTags}
        whole = [want._replace(exclude=0) for want in wants]
        built = {own: make[own.kind]() for own in self._together(whole)}
        by_cutoff = {own.cutoff: getattr(pairs, "pairs", pairs) for own, pairs in built.items() if own.kind != "rows"}
        for want in wants:  # of the same pairs, without some
            if want.exclude:
                enough = [own for own in built if own.serves(want._replace(exclude=0))]
                own = min(enough, key=lambda own: own.cutoff)
                built.setdefault(own._replace(exclude=want.exclude), Without(built[own], want.exclude))
        super().__init__(built, wants)
        self.nearest = np.inf
        self._watched = list(by_cutoff.items())  # both kinds of one cutoff lack the same pairs
        self.builds, self.stretch = 0, 1.0
        self._order = SpatialOrder()

    def _radius(self, cutoff: float) -> float:
        return max(cutoff + self.skin, SHORTEST)

    def _together(self, wants) -> list[Want]:
        """The lists that serve all."""
        found: list[Want] = []
        for want in sorted(set(wants), key=lambda own: (KINDS.index(own.kind), -own.cutoff)):
            last = found[-1] if found else None
            if not last or last.kind != want.kind or self._radius(last.cutoff) > ALIKE * self._radius(want.cutoff):
                found.append(want)
        return found

    def is_stale(self, atoms, moved2: float, comm) -> bool:
        """May a pair be missing in a list by now? Ghosts are up to date (collective).

        moved2 : squared, how far any atom of any rank has moved since the lists were built; nan counts as too far
        """
        if self.stretch != 1.0:  # what was farther apart than `reach` is by that part of it, less what atoms moved; the
            # list that reaches farthest is stale first
            return not 2.0 * moved2**0.5 < min(self.stretch, 1.0) * self.reach * (1.0 - 1e-12) - self.cutoff
        if moved2 <= (0.5 * self.skin) ** 2:
            return False
        if not moved2 <= (0.5 * (1.0 + MARGIN) * self.skin) ** 2:  # or atoms beyond the ghosts may be near
            return True
        found = any(pairs.is_stale(atoms, cutoff, self.skin, moved2**0.5) for cutoff, pairs in self._watched)
        return bool(comm.maximum(np.array([found], dtype=np.float64))[0])

    def sort(self, atoms) -> None:
        """Owned atoms that are close in space become close in memory."""
        if atoms.n_owned > FEW:
            atoms.take(self._order(atoms, 0.5 * self.reach))

    def build(self, atoms) -> None:
        """List the pairs; SimulationError if two atoms coincide, or if so many are near that memory ends."""
        atoms.start[: atoms.n_total] = np.nan  # should the build fail: what is left is stale
        try:
            for want, own in self._built.items():
                more = (self.nearest**2,) if isinstance(own, Without) else ()
                own.build(atoms, self._radius(want.cutoff), *more)
        except MemoryError:
            raise SimulationError(
                f"too many neighbours for the memory: {atoms.n_owned:,} atoms, far too many of them within "
                f"{self.reach:g} of each other; check the cell, the unit of length and the cutoff"
            ) from None
        atoms.start[: atoms.n_total] = atoms.x[: atoms.n_total]
        self.builds, self.stretch = self.builds + 1, 1.0
