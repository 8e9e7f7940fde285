"""Ghost atoms: who needs copies of mine, and whose do I hold?

The cell is cut into a grid of domains in fractional coordinates; a rank owns the
atoms in its own. Copies of atoms within reach of a domain are its ghosts. They
travel along one direction after the other (what arrived along one travels on along
the next, so corners need no partners of their own), in as many hops as the reach spans
domains. A rank that is its own neighbour copies in place: periodic images are nothing
else, also in cells smaller than the reach. Such directions come last: then no message
carries copies that the receiver can make itself.

Positions and cell vectors are multiples of one grid (exact.py), so `owner + shift` is
exact and a ghost is the same number along whichever way it came.
"""

import math
from dataclasses import dataclass

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import listed
from mdcore.base.errors import InputError, SimulationError
from mdcore.doors._kernels import Face, Rows, WrapAndFindLeavers
from mdcore.structure.box import AXES, SHORTEST, Box


def processor_grid(size: int, widths, periodic=(True, True, True)) -> tuple[int, int, int]:
    """The factorisation (pa, pb, pc) of `size` whose domains have the least surface.

    widths : distances [3] between opposite faces of the cell. Ties go to cuts along c, then b.
    """

    def surface(grid):
        edges = [width / n for width, n in zip(widths, grid, strict=True)]
        return edges[0] * edges[1] + edges[1] * edges[2] + edges[0] * edges[2]

    grids = [
        (a, b, size // (a * b))
        for a in range(1, size + 1)
        if size % a == 0
        for b in range(1, size // a + 1)
        if size // a % b == 0
    ]
    return min(grids, key=lambda grid: (round(surface(grid) / surface((1, 1, 1)), 9), grid))


def on_grid(box, reach: float, farthest: float = 0.0) -> tuple[int, Box]:
    """(bits, the box of a reduced lattice with all its numbers multiples of 2^-bits): the grid of positions (exact.py).

    reach : how far ghosts may lie outside; farthest : coordinates of atoms outside the box
    InputError if opposite faces are nearer than SHORTEST.
    """
    box = box.reduced()
    if not box.widths.min() >= SHORTEST:
        k = int(box.widths.argmin())
        raise InputError(
            f"the cell is {box.widths[k]:.3g} wide along {AXES[k]}, at least {SHORTEST:g} is needed: check its unit"
        )
    extent = extent_of(box.matrix, box.origin, reach)
    bits = exact.position_bits(max(extent, farthest))
    scale = 2.0**bits
    return bits, Box(np.rint(box.matrix * scale) / scale, box.periodic, np.rint(box.origin * scale) / scale)


def extent_of(matrix, origin, reach: float) -> float:
    """How far out there may be atoms and ghosts of a cell."""
    return np.abs(origin).max() + np.abs(matrix).sum(axis=0).max() + 2.0 * reach


@dataclass
class Swap:
    """One leg of the halo: which rows go where, and where what arrives is kept."""

    rows: Rows  # of mine (owned or earlier ghosts)
    turn: tuple[int, int]  # (direction, so many cell vectors on): where the copies lie
    dest: int | None  # rank they go to (None: a free surface)
    source: int | None  # rank that sends to me
    start: int  # first row of what arrives
    count: int  # rows that arrive
    local: bool  # I am my own neighbour
    packed: np.ndarray | None  # room for rows of positions or forces on their way; None if local

    def arriving(self, column: np.ndarray) -> np.ndarray:
        """The rows of a column that arrive."""
        return column[self.start : self.start + self.count]


class Domain:
    """This rank's share of the cell, and the way its atoms' copies travel.

    comm : communicator; box : Box on the position grid; grid : domains along a, b, c (None: chosen);
    reach : how far ghosts must be known, unit of length
    half_halo : ghosts are needed only for half lists, where the atom with the lower z keeps the pair: where c
    alone leads upwards, nobody needs ghosts from below. One message less a step and fewer ghosts.
    InputError if the grid does not fit the ranks.
    """

    def __init__(self, comm, box, reach: float, grid=None, half_halo: bool = False):
        self.comm, self.reach = comm, reach
        self.half_halo = half_halo
        self.grid = listed("[parallel] grid", grid, "2") if grid is not None else processor_grid(comm.size, box.widths)
        if len(self.grid) != 3 or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in self.grid):
            raise InputError(f"[parallel] grid = {list(self.grid)}: expected three positive integers")
        if math.prod(self.grid) != comm.size:
            raise InputError(
                f"[parallel] grid = {list(self.grid)}: {math.prod(self.grid)} domains for {comm.size} ranks; "
                f'the product must be the number of ranks, or use grid = "auto"'
            )
        self.coords = np.unravel_index(comm.rank, self.grid)
        # domain k of direction d: cuts[d][k - 1] <= fractional coordinate < cuts[d][k]
        self.cuts = [np.arange(1, n) / n for n in self.grid]
        self.swaps: list[Swap] = []
        self._homes = None
        self.n_atoms = None  # on all ranks; known after the first migration
        self.deform(box)

    def deform(self, box) -> None:
        """The cell is this one from now on: ghosts that are there will be forwarded to where they are in it."""
        self.box = box
        height = box.inverse[:, 2]  # the third fractional coordinate is x . height
        self.from_above = self.half_halo and height[0] == height[1] == 0.0 < height[2]
        self.fraction = self.reach / box.widths  # reach in fractional coordinates
        self.hops = [self._hops(d) for d in range(3)]
        periodic = sum(1 << d for d in range(3) if box.periodic[d])
        self.home = WrapAndFindLeavers(box.matrix, box.inverse, box.origin, periodic, self.grid, self.coords)
        self.legs = None  # until ghosts are made
        for swap in self.swaps:
            d, n = swap.turn
            swap.rows.shift_by(n * box.matrix[d])

    def _hops(self, d: int) -> int:
        hops = math.ceil(self.fraction[d] * self.grid[d])
        return hops if self.box.periodic[d] else min(hops, self.grid[d] - 1)

    def _neighbour(self, d: int, step: int) -> int | None:
        """Rank of the domain `step` (-1 or +1) along direction d, None beyond a free surface."""
        coords = list(self.coords)
        coords[d] += step
        if not 0 <= coords[d] < self.grid[d]:
            if not self.box.periodic[d]:
                return None
            coords[d] %= self.grid[d]
        return int(np.ravel_multi_index(coords, self.grid))

    def _legs(self, d: int) -> list[tuple]:
        """(direction, step, hop, face, dest, source, cells on) of every swap along direction d, in order."""
        lower, upper = self.coords[d] / self.grid[d], (self.coords[d] + 1) / self.grid[d]
        legs = []
        for hop in range(self.hops[d]):
            for step in (-1,) if d == 2 and self.from_above else (-1, +1):
                # towards -: what lies near my lower face; towards +: near my upper face
                bound = lower + self.fraction[d] if step < 0 else upper - self.fraction[d]
                dest, source = self._neighbour(d, step), self._neighbour(d, -step)
                if dest is None:
                    bound = step * math.inf  # nobody there
                wraps = self.coords[d] + step not in range(self.grid[d])
                cells = -step if wraps else 0
                face = Face(self.box.inverse[:, d], self.box.origin, bound, step, self.box.matrix[d] * cells)
                legs.append((d, step, hop, face, dest, source, cells))
        return legs

    # --- owners -----------------------------------------------------------------------------------

    def owners(self, positions) -> np.ndarray:
        """Domain coordinates int [n, 3] of the owners of wrapped positions [n, 3]."""
        s = self.box.fractional(positions)
        owners = np.zeros(s.shape, dtype=np.int64)
        for d in range(3):
            if self.grid[d] > 1:
                owners[:, d] = np.searchsorted(self.cuts[d], s[:, d], side="right")
        return owners

    def migrate(self, atoms) -> None:
        """Bring owned atoms back into the cell (exactly; their images say where they came from), and hand those
        that left the domain to their new owners.

        SimulationError (on every rank) if an atom got lost.
        """
        atoms.n_ghost = 0
        leavers = self.home.wrap(atoms, atoms.images)
        if self.comm.size == 1:
            return
        if self.n_atoms is None:
            self.n_atoms = self.comm.sum(np.array([atoms.n_owned]))[0]
        passes = self.comm.maximum(leavers[2]).tolist()
        for leg, count in enumerate(passes):
            d, step = leg % 3, -1 if leg < 3 else +1
            for _ in range(int(count)):
                rows, away, _ = leavers or self.home.wrap(atoms, atoms.images)
                self._hand_over(atoms, rows[away[:, d] * step > 0], d, step)
                leavers = None
        lost = self.n_atoms - self.comm.sum(np.array([atoms.n_owned]))[0]
        if lost:
            raise SimulationError(f"{lost} atoms were lost between ranks; please report this").everywhere()

    def _hand_over(self, atoms, rows: np.ndarray, d: int, step: int) -> None:
        """Owned atoms `rows` go one domain on along direction d, down (step -1) or up (+1)."""
        packed = atoms.pack(rows)
        atoms.remove(rows)
        dest, source = self._neighbour(d, step), self._neighbour(d, -step)
        arrived = np.empty((self._exchange_count(len(packed), dest, source), packed.shape[1]), dtype=np.uint8)
        self.comm.exchange(packed, dest, arrived, source)
        atoms.reserve(atoms.n_owned + len(arrived))
        atoms.unpack(arrived)

    def _exchange_count(self, count: int, dest, source) -> int:
        received = np.zeros(1, dtype=np.int64)
        self.comm.exchange(np.array([count], dtype=np.int64), dest, received, source)
        return int(received[0])

    # --- ghosts -----------------------------------------------------------------------------------

    def make_ghosts(self, atoms, columns=()) -> None:
        """Copies of all atoms within reach of this domain, with `columns` beside their positions.

        The way they came is kept in `swaps`.
        """
        atoms.n_ghost = 0
        self.swaps, self._homes = [], None
        if self.legs is None:
            order = sorted(range(3), key=lambda d: self.grid[d] == 1)
            self.legs = [leg for d in order for leg in self._legs(d)]
        direction, arrived = None, {}
        for d, step, hop, face, dest, source, cells in self.legs:
            if d != direction:
                direction, n = d, atoms.n_total
            # the first hop sends what was here before this direction, later hops send on what came that way
            begin, end = arrived[step] if hop else (0, n)
            rows = face.select(atoms, begin, end)
            local = dest == source == self.comm.rank
            count = len(rows) if local else self._exchange_count(len(rows), dest, source)
            start = atoms.n_total
            atoms.reserve(start + count)
            atoms.n_ghost += count
            arrived[step] = (start, start + count)
            packed = None if local else np.empty((len(rows), 4))
            swap = Swap(rows, (d, cells), dest, source, start, count, local, packed)
            self.swaps.append(swap)
            self._forward_positions(atoms, swap)
            if columns:
                self._forward([getattr(atoms, name) for name in columns], swap)
        atoms.close_rows()

    def forward_positions(self, atoms) -> None:
        """Bring all ghosts' positions up to date."""
        for swap in self.swaps:
            self._forward_positions(atoms, swap)

    def _forward_positions(self, atoms, swap: Swap) -> None:
        if swap.local:
            swap.rows.copy_ghosts(atoms, swap.start)
        else:
            swap.rows.pack(atoms, swap.packed)
            self.comm.exchange(swap.packed, swap.dest, swap.arriving(atoms.x), swap.source)

    def reverse_forces(self, atoms) -> None:
        """Add the forces on ghosts to their owners (exact, so in any order)."""
        for swap in reversed(self.swaps):
            if swap.local:
                swap.rows.add_ghosts(atoms, swap.start)
            else:
                self.comm.exchange(swap.arriving(atoms.f), swap.source, swap.packed, swap.dest)
                swap.rows.add(atoms, swap.packed)

    def homes(self, atoms) -> np.ndarray | None:
        """The row of the owned atom that each row is or copies, int32 [n_total], on one rank; None on several. Who
        reads and adds there needs neither `forward` nor `reverse_add`."""
        if self._homes is None and self.comm.size == 1:
            self._homes = np.arange(atoms.n_total, dtype=np.int32)
            for swap in self.swaps:
                swap.arriving(self._homes)[:] = self._homes[swap.rows.index]
        return self._homes

    def forward(self, atoms, *names: str) -> None:
        """Copy the owners' numbers in these columns to their ghosts; several columns in one message."""
        self.forward_rows(*(getattr(atoms, name) for name in names))

    def forward_rows(self, *columns: np.ndarray) -> None:
        """The same for arrays [>= n_total, ...]."""
        for swap in self.swaps:
            self._forward(columns, swap)

    def _forward(self, columns, swap: Swap) -> None:
        views = [_bytes(column) for column in columns]
        if swap.local:
            for view in views:
                swap.rows.take(view, swap.arriving(view))
            return
        packed = [np.empty((len(swap.rows), view.shape[1]), dtype=np.uint8) for view in views]
        for view, own in zip(views, packed, strict=True):
            swap.rows.take(view, own)
        arrived = [swap.arriving(view) for view in views]
        if len(views) == 1:
            self.comm.exchange(packed[0], swap.dest, arrived[0], swap.source)
            return
        message = np.empty(sum(view.size for view in arrived), dtype=np.uint8)
        self.comm.exchange(np.concatenate([own.ravel() for own in packed]), swap.dest, message, swap.source)
        _unpack(message, arrived)

    def reverse_add(self, atoms, *names: str) -> None:
        """Add the ghosts' numbers in these columns, declared as such (atoms.py), to their owners'; several columns in
        one message."""
        for name in names:
            if not atoms.columns[name].adds:
                raise InputError(f"reverse_add: column {name!r} is not declared so: Column(..., adds=True, grid=...)")
        self.reverse_add_rows(*(getattr(atoms, name) for name in names))

    def reverse_add_rows(self, *columns: np.ndarray) -> None:
        """The same for arrays float64 [>= n_total, ...], of multiples of a grid."""
        views = [column.reshape(len(column), -1) for column in columns]
        for swap in reversed(self.swaps):
            if swap.local:
                returned = [swap.arriving(view) for view in views]
            else:
                returned = [np.empty((len(swap.rows), view.shape[1])) for view in views]
                message = np.empty(sum(own.size for own in returned))
                away = np.concatenate([swap.arriving(view).ravel() for view in views])
                self.comm.exchange(away, swap.source, message, swap.dest)
                _unpack(message, returned)
            for view, own in zip(views, returned, strict=True):
                swap.rows.add_column(view, own)


def _bytes(column: np.ndarray) -> np.ndarray:
    """A column [capacity, ...] as uint8 [capacity, width], the same memory."""
    return column.reshape(len(column), -1).view(np.uint8)


def _unpack(message: np.ndarray, columns) -> None:
    """The parts of a message go where they belong, one after the other."""
    begin = 0
    for column in columns:
        column[...] = message[begin : begin + column.size].reshape(column.shape)
        begin += column.size
