"""What does this rank know about its atoms?

Named per-atom columns with spare capacity. Owned atoms come first, ghosts (copies of
other ranks' or other images' atoms) after them, then the padding
row: far from everything, it fills up rows of neighbours.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError
from mdcore.doors._kernels import AtomRows
from mdcore.structure.bonds import NONE

NOWHERE = 1e30  # where the padding row is


@dataclass(frozen=True)
class Column:
    """How one per-atom property is stored, where its numbers come from, and where they travel.

    source : "structure", they are the atom's and go with it to its new owner; "computed", by who needs them; "memory",
        computed, and needed again at the next step: they go with the atom, too, into checkpoints, and are nan at first
    ghosts : ghosts get them with their positions when lists are built; else on demand (`Domain.forward`)
    adds : what stands at ghosts is added to their owners' (`Domain.reverse_add`)
    output : computed ones are told as findings of that name (potentials/base.py), as a column of the dump; None: not
    grid : they are multiples of 2^-grid (exact.py), as what is added must be: or its bits depend on the ranks
    """

    dtype: str
    shape: tuple[int, ...] = ()
    source: str = "computed"
    ghosts: bool = False
    adds: bool = False
    grid: int | None = None
    output: str | None = None

    def check(self, name: str, owner: str) -> None:
        """InputError for a declaration that can't be kept."""
        where = f"{owner}: column {name!r}"
        if name in COLUMNS:
            raise InputError(f"{where}: the engine has a column of that name; choose another one")
        if self.output is not None and (self.source != "computed" or self.shape or np.dtype(self.dtype) != np.float64):
            raise InputError(f"{where}: output: of computed numbers alone, one float64 an atom")
        if self.source not in SOURCES:
            raise InputError(f"{where}: source = {self.source!r}: expected one of {', '.join(SOURCES)}")
        if self.source == MEMORY and (self.ghosts or np.dtype(self.dtype) != np.float64):
            raise InputError(f"{where}: what is remembered is float64, and ghosts do not have it")
        if self.adds and (self.grid is None or np.dtype(self.dtype) != np.float64):
            raise InputError(
                f"{where}: what ghosts have is added to their owners', so it must be float64 of a grid, or its bits "
                'would depend on the ranks; say so, e.g. Column("f8", adds=True, grid=exact.FORCE_BITS) and round'
            )


MEMORY = "memory"
SOURCES = ("structure", "computed", MEMORY)
COLUMNS = {
    "x": Column("f8", (4,), "structure"),  # position; the pad is the species index
    "v": Column("f8", (4,), "structure"),  # velocity; the pad is 1/mass
    "f": Column("f8", (4,)),  # force; the pad is zero
    "start": Column("f8", (4,)),  # position at the last list build
    "masses": Column("f8", (), "structure"),
    "tags": Column("i8", (), "structure"),
    "images": Column("i4", (3,), "structure"),
}


def declared(terms) -> dict[str, Column]:
    """The columns of bound potentials; InputError for one that can't be, or that two of them mean differently."""
    found: dict[str, Column] = {}
    for term in terms:
        owner = type(term.potential).__name__
        for name, column in term.columns.items():
            column.check(name, owner)
            if found.setdefault(name, column) != column:
                raise InputError(f"{owner}: column {name!r}: another term has one of that name that is not alike")
    return found


class Atoms(AtomRows):
    """The atoms of one rank, as columns (arrays [capacity, ...]) that kernels read in place.

    n_owned, n_ghost : int
    x, v, f, start : float64 [capacity, 4]; masses [capacity]; tags int64; images int32 [capacity, 3]
    constants : what else the structure says of each atom, {name: array}, on rank 0 in the order of tags (columns.py)
    bonds : int64 [m, 3] of the structure, all of them, on every rank (bonds.py)
    positions, velocities, forces : views float64 [n_owned, 3] of the same memory, internal units,
        in the engine's order (``tags`` tells which atom a row is; the order changes as atoms move)
    """

    def __init__(self, capacity: int = 0, columns: dict[str, Column] | None = None):
        self.columns = dict(COLUMNS, **(columns or {}))
        self.constants: dict[str, np.ndarray] = {}
        self.bonds = NONE
        self.capacity = 0
        self._spare = np.empty(0, dtype=np.int8)
        self._grow(capacity + 1)

    def reserve(self, n: int) -> None:
        """Make room for n atoms (and the padding row); existing rows are kept."""
        if n + 1 > self.capacity:
            self._grow(n + n // 16 + 17)

    def _grow(self, capacity: int) -> None:
        for name, column in self.columns.items():
            old = getattr(self, name, None)
            new = np.zeros((capacity, *column.shape), dtype=column.dtype)
            if old is not None:
                new[: self.capacity] = old
            setattr(self, name, new)
            del old
        self.capacity = capacity
        self.bind(self.x, self.v, self.f, self.start, self.masses, self.tags)
        columns = (getattr(self, name) for name in self.migrating())
        self.bind_records([column.view(np.uint8).reshape(capacity, -1) for column in columns])

    @property
    def n_total(self) -> int:
        return self.n_owned + self.n_ghost

    @property
    def positions(self) -> np.ndarray:
        return self.x[: self.n_owned, :3]

    @property
    def velocities(self) -> np.ndarray:
        return self.v[: self.n_owned, :3]

    @property
    def forces(self) -> np.ndarray:
        return self.f[: self.n_owned, :3]

    @property
    def species(self) -> np.ndarray:
        """Species indices int32 [n_owned] (a copy: kernels read them from the pad of the position)."""
        return self.x[: self.n_owned, 3].astype(np.int32)

    def migrating(self) -> list[str]:
        """Names of the columns that go with an atom."""
        return [name for name, column in self.columns.items() if column.source != "computed"]

    def remembered(self) -> list[str]:
        """Names of the columns that are needed again at the next step."""
        return [name for name, column in self.columns.items() if column.source == MEMORY]

    def forget(self) -> None:
        """Nothing is remembered: places have nothing to do with those before."""
        for name in self.remembered():
            getattr(self, name)[:] = np.nan

    def take(self, rows: np.ndarray) -> None:
        """Keep the owned atoms `rows`, in that order; ghosts are forgotten."""
        # into memory that is kept: at millions of atoms fresh pages would cost more than the copy
        names = self.migrating()
        widest = max(getattr(self, name)[:1].nbytes for name in names)
        if self._spare.size < len(rows) * widest:
            self._spare = np.empty(self.capacity * widest, dtype=np.int8)
        for name in names:
            column = getattr(self, name)
            taken = self._spare[: len(rows) * column[:1].nbytes].view(column.dtype)
            taken = taken.reshape(len(rows), *column.shape[1:])
            column.take(rows, axis=0, out=taken, mode="clip")
            column[: len(rows)] = taken
        self.n_ghost = 0
        self.n_owned = len(rows)

    def append(self, arrived: dict[str, np.ndarray]) -> None:
        """Add owned atoms (no ghosts may be held)."""
        begin = self.n_owned
        end = begin + len(arrived["tags"])
        self.reserve(end)
        for name, values in arrived.items():
            getattr(self, name)[begin:end] = values
        self.n_owned = end

    def close_rows(self) -> None:
        """The row behind the last ghost is the padding row."""
        self.x[self.n_total] = (NOWHERE, NOWHERE, NOWHERE, 0.0)

    def clear_forces(self) -> None:
        self.f[: self.n_total + 1] = 0.0
