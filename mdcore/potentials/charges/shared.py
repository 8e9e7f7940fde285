"""Which rank transforms which part of a mesh, and who needs which points of it?

Each rank spreads its charges over a window of points, as far as its atoms reach. Planes of equal n1 are dealt out as
the domains lie: what reaches into planes of others is sent there, a few planes beside a domain. Each rank transforms
its planes along two axes, sends their waves by n2 to who transforms these along the third one, and all goes back the
same way. Charges on points are integers, and a line has the same bits wherever it is transformed: any number of ranks
gives the same.
"""

import contextlib
import itertools
import mmap
from typing import NamedTuple

import numpy as np

from mdcore.base.machine import CommonRoom
from mdcore.doors._kernels import BESIDE, Batches

NOTHING = np.empty(0)
TOKEN = np.zeros(1)  # says that something is there, in memory that ranks share
LARGE_PAGE = 1 << 21  # bytes
HELPS = 3  # ranks that one looks after, when it is done with its own work


class Room:
    """Arrays that are used again in the next step: new ones of megabytes cost as much as what is done with them."""

    def __init__(self):
        self._arrays = {}

    def take(self, name, shape, dtype=np.float64) -> np.ndarray:
        """An array that has this shape, whatever is in it."""
        size = int(np.prod(shape))
        found = self._arrays.get(name)
        if found is None or found.dtype != dtype or len(found) < size:
            found = self._arrays[name] = on_large_pages(max(size + size // 8, 1), dtype)
        return found[:size].reshape(shape)


def on_large_pages(size: int, dtype) -> np.ndarray:
    """An array on pages of 2 MB, where the system has them: messages of megabytes look up each page that they copy, and
    take half as long as with pages of 4 kB."""
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None or size * 8 < LARGE_PAGE // 8:
        return np.empty(size, dtype=dtype)
    memory = mmap.mmap(-1, (size * 8 // LARGE_PAGE + 2) * LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a kernel that was made without
        memory.madvise(advice)
    found = np.frombuffer(memory, dtype=dtype)
    begin = -found.ctypes.data % LARGE_PAGE // 8
    return found[begin : begin + size]


def overlaps(low: int, length: int, planes: slice, size: int) -> list[tuple[slice, slice]]:
    """Where points low ... low + length - 1, which repeat, are in themselves and among these of the mesh."""
    found = []
    for turn in (0, size):
        begin, end = max(low, planes.start + turn), min(low + length, planes.stop + turn)
        if begin < end:
            first = turn + planes.start
            found.append((slice(begin - low, end - low), slice(begin - first, end - first)))
    return found


class Helped(NamedTuple):
    """A rank's window, first point and how many along each axis; potentials in it; its atoms"""

    low: list
    length: list
    window: np.ndarray
    batches: Batches


class Shared:
    """Planes dealt out to ranks.

    domain : whose ranks these are; axis : of the cell, that the first one of the mesh follows
    planes : the kernels; order : of splines; room : for arrays
    """

    def __init__(self, domain, axis: int, planes, order: int, room: Room):
        self.domain, self._comm, self._planes, self._order, self._room = domain, domain.comm, planes, order, room
        self._size, size = planes.size, domain.comm.size
        # planes of n1 lie as the domains do; of n2, so that all have as many waves
        self._ranks = np.argsort(np.unravel_index(np.arange(size), domain.grid)[axis], kind="stable").tolist()
        self._cuts = self._size[0] * np.arange(size + 1) // size
        begins = self._begins = planes.begin.tolist()
        ends = np.searchsorted(begins, begins[-1] * np.arange(1, size) // size).tolist()
        firsts = [slice(begin, end) for begin, end in itertools.pairwise(self._cuts.tolist())]
        self._firsts = [firsts[self._ranks.index(rank)] for rank in range(size)]
        self._seconds = [slice(begin, end) for begin, end in itertools.pairwise([0, *ends, self._size[1]])]
        rank = domain.comm.rank
        mine, seconds = self._firsts[rank], self._seconds[rank]
        self._count, numbers = mine.stop - mine.start, 2 * (begins[seconds.stop] - begins[seconds.start])
        self._common = CommonRoom.of(self._comm)
        # waves of this rank's planes, those of them that each rank transforms on, and those of each that this one does
        wide = 2 * begins[-1]
        if self._common:
            waves = self._common.take("waves", wide * max(n1.stop - n1.start for n1 in self._firsts))
            self._waves = waves[rank][: self._count * wide]
        else:
            self._waves = room.take("waves", self._count * wide)
        cuts = [2 * self._count * begins[n2.start] for n2 in self._seconds]
        self._away = [self._waves[cut:end] for cut, end in itertools.pairwise([*cuts, len(self._waves)])]
        self._pieces = []
        for other, (own, n1) in enumerate(zip(self._away, self._firsts, strict=True)):
            n = n1.stop - n1.start
            if self._common:
                begin = 2 * n * begins[seconds.start]
                own = waves[other][begin : begin + numbers * n]
            elif other != rank:
                own = room.take(("piece", other), numbers * n)
            self._pieces.append(own)
        # of messages with charges, and with potentials, (to whom, from whom, what leaves, what comes): planes as `_of`
        self._windows, self._home, self._out, self._ways = None, [], [], []
    def look(self, reach: np.ndarray, count: int) -> tuple[list[int], list[int]]:
        """This rank's window, first point and how many along each axis: all that its `count` atoms reach; all, where
        that repeats (collective). reach : Mesh.reach"""
        low, length = reach[0].tolist(), (reach[1] - reach[0] + self._order).tolist()
        rank = self._comm.rank
        mine = self._firsts[rank]
        if all(n >= size for n, size in zip(length[1:], self._size[1:], strict=True)):  # then its planes are in it
            first, end = min(low[0], mine.start), max(low[0] + length[0], mine.stop)
            low[0], length[0] = first, end - first
        whole = [n >= size for n, size in zip(length, self._size, strict=True)]
        low = [0 if all_ else first % n for all_, first, n in zip(whole, low, self._size, strict=True)]
        length = [min(n, size) for n, size in zip(length, self._size, strict=True)]
        windows = np.zeros((self._comm.size, 7), dtype=np.int64)
        windows[rank] = [*low, *length, count]
        windows = self._comm.sum(windows).tolist()
        if windows != self._windows:
            self._windows = windows
            self._arrange()
        if self._common:
            self.batches[rank].close()
        return low, length

    def _arrange(self) -> None:
        """What goes where, and what lies where."""
        rank, self._home, self._out = self._comm.rank, [], []
        for to, source in self._partners():
            home = itertools.zip_longest(self._of(rank, to), self._of(source, rank))
            out = itertools.zip_longest(self._of(to, rank), self._of(rank, source))
            self._home += [(to, source, *planes) for planes in home]
            self._out += [(to, source, *planes) for planes in out]
        shapes = [(own[3], own[4], own[5] + BESIDE) for own in self._windows]
        slabs = [(n1.stop - n1.start, self._size[1], self._size[2] + BESIDE) for n1 in self._firsts]
        inside = [self._where_inside(own, n1) for own, n1 in zip(self._windows, self._firsts, strict=True)]
        self._inside = inside[rank]
        if not self._common:
            self.window = self._room.take("window", shapes[rank], np.int64)
            if self._inside is None:
                self._slab = self._room.take("slab", slabs[rank], np.int64)
            else:
                self._slab = self.window[self._inside]
            return
        self.windows = self._in_common("window", shapes, np.int64)
        self.window = self.windows[rank]
        self._slabs = [window[planes] if planes else None for window, planes in zip(self.windows, inside, strict=True)]
        if None in inside:
            rooms = self._in_common("slab", slabs, np.int64)
            self._slabs = [room if own is None else own for own, room in zip(self._slabs, rooms, strict=True)]
        self._slab = self._slabs[rank]
        counts = [own[6] for own in self._windows]
        self._rows = self._in_common("positions", [(n, 4) for n in counts])
        self._charges = self._in_common("charges", [(n,) for n in counts])
        found = self._in_common("found", [(n, 4) for n in counts])
        states = self._in_common("state", [(8,)] * len(counts), np.int64)
        self.batches = [Batches(*own) for own in zip(self._rows, self._charges, found, states, strict=True)]

    def _in_common(self, name: str, shapes, dtype=np.float64) -> list[np.ndarray]:
        """Of each rank an array of this shape."""
        sizes = [int(np.prod(shape)) for shape in shapes]
        rooms = self._common.take(name, max(sizes), dtype)
        return [room[:n].reshape(shape) for room, n, shape in zip(rooms, sizes, shapes, strict=True)]

    def publish(self, positions: np.ndarray, charges: np.ndarray) -> None:
        """Positions [n, 4] and charges [n] of owned atoms, for those who help."""
        rank = self._comm.rank
        self._rows[rank][...], self._charges[rank][...] = positions, charges

    def helped(self) -> list["Helped"]:
        """This rank, and those that it helps."""
        rank, size = self._comm.rank, self._comm.size
        ranks = [(rank + step) % size for step in range(min(size, HELPS + 1))]
        return [
            Helped(self._windows[k][:3], self._windows[k][3:6], self.windows[k].view(np.float64), self.batches[k])
            for k in ranks
        ]

    @property
    def together(self) -> bool:
        """Do all ranks see each other's memory?"""
        return self._common is not None

    def act(self, window: np.ndarray, squares, wanted: int, meanwhile) -> np.ndarray | None:
        """Charges in a window, int64 as Mesh.spread, become potentials, float64 where these were; where wanted sums
        over all waves [10], as Planes.weighted (collective). meanwhile : iterator, other work, done in pieces while
        messages are awaited"""
        comm, planes, waves, self._other = self._comm, self._planes, self._waves, meanwhile
        slab = self._slab
        self._begin(window)
        self._wait()
        for block, source, there in self._arriving:
            self._add(block, source, slab[there])
        planes.forward(slab, waves)
        self._swap(self._away, self._pieces)
        in_order, seconds = [self._pieces[rank] for rank in self._ranks], self._seconds[comm.rank]
        own = planes.weighted(in_order, self._cuts, seconds.start, seconds.stop, squares, wanted)
        sums = None
        if wanted:
            sums = np.zeros((self._size[1], 10))
            sums[seconds] = own
            sums = comm.sum(sums).sum(axis=0)
        self._swap(self._pieces, self._away)
        slab, window = slab.view(np.float64), window.view(np.float64)
        planes.back(waves, slab)
        self._hand_out(slab, window)
        return sums

    def _begin(self, window: np.ndarray) -> None:
        """Charges go to whose planes they are in."""
        if self._inside is None:
            self._slab[...] = 0
            for here, there in self._of(self._comm.rank, self._comm.rank):
                self._add(window[here], self._comm.rank, self._slab[there])
        self._arriving = []
        for k, (to, source, leaving, coming) in enumerate(self._home):
            block = NOTHING
            if coming and self._common:
                block = self.windows[source][coming[0]]
            elif coming:
                block = self._block(k, source, coming[0], np.int64)
            if coming:
                self._arriving.append((block, source, coming[1]))
            self._send(window[leaving[0]] if leaving else NOTHING, to, block, source)

    def _where_inside(self, own, mine: slice) -> slice | None:
        """Where the rank's planes are in its window, if they are there as a whole."""
        if tuple(own[4:6]) != self._size[1:]:
            return None
        found = overlaps(own[0], own[3], mine, self._size[0])
        return found[0][0] if len(found) == 1 and found[0][1] == slice(0, mine.stop - mine.start) else None

    def _hand_out(self, slab: np.ndarray, window: np.ndarray) -> None:
        """Potentials in the window of each rank."""
        rank = self._comm.rank
        if self._inside is None:
            for here, there in self._of(rank, rank):
                self._copy(slab[there], rank, window[here])
        for k, (to, source, leaving, coming) in enumerate(self._out):
            block = NOTHING
            if leaving and self._common:
                block = slab
            elif leaving:
                block = slab[leaving[1]]
                if tuple(self._windows[to][4:6]) != self._size[1:]:
                    block = self._block(k, to, leaving[0], np.float64)
                    self._copy(slab[leaving[1]], to, block)
            self._send(block, to, window[coming[0]] if coming else NOTHING, source)
        self._wait()
        for _, source, _, coming in self._out:
            if coming and self._common:
                self._copy(self._slabs[source].view(np.float64)[coming[1]], rank, window[coming[0]])

    def _of(self, rank: int, other: int) -> list[tuple[slice, slice]]:
        """Planes of one rank's window that are another's: where in the window, where among those planes."""
        own = self._windows[rank]
        return overlaps(own[0], own[3], self._firsts[other], self._size[0])

    def _block(self, name, rank: int, planes: slice, dtype) -> np.ndarray:
        """Room for planes of a rank's window, of this name."""
        own = self._windows[rank]
        return self._room.take(("block", name, dtype), (planes.stop - planes.start, own[4], own[5] + BESIDE), dtype)

    def _places(self, rank: int):
        """Where points along the second and third axis are: in a rank's window, in the mesh. Points beside a whole row
        go along: they repeat its first ones, or nobody reads them."""
        own, (_, n2, n3) = self._windows[rank], self._size
        row = slice(0, n3 + BESIDE)
        thirds = [(row, row)] if own[5] == n3 else overlaps(own[2], own[5], slice(0, n3), n3)
        for second in overlaps(own[1], own[4], slice(0, n2), n2):
            for third in thirds:
                yield zip(second, third, strict=True)

    def _add(self, block: np.ndarray, rank: int, planes: np.ndarray) -> None:
        """Charges in planes of a rank's window to those of the mesh."""
        for here, there in self._places(rank):
            planes[:, *there] += block[:, *here]

    def _copy(self, planes: np.ndarray, rank: int, block: np.ndarray) -> None:
        """Potentials in planes of the mesh to those of a rank's window."""
        if self._windows[rank][5] != self._size[2]:
            block[:, :, -BESIDE:] = 0.0
        for here, there in self._places(rank):
            block[:, *here] = planes[:, *there]

    def _swap(self, away, arriving) -> None:
        """Each rank sends away[rank] to each other one."""
        for to, source in self._partners():
            self._send(away[to], to, arriving[source], source)
        self._wait()

    def _partners(self):
        """(to whom, from whom), one after the other, so that all ranks agree."""
        rank, size = self._comm.rank, self._comm.size
        return (((rank + step) % size, (rank - step) % size) for step in range(1, size))

    def _send(self, send: np.ndarray, to: int, receive: np.ndarray, source: int) -> None:
        if self._common:
            send, receive = (TOKEN if own.size else NOTHING for own in (send, receive))
            receive = receive.copy()
        if send.size or receive.size:
            way = self._comm.post(send, to if send.size else None, receive, source if receive.size else None)
            self._ways.append(way)

    def _wait(self) -> None:
        """Until all that is on its way has arrived. Who has other work does a piece of it, and looks again: whoever is
        late keeps nobody waiting."""
        for arrived in self._ways:
            while not arrived(wait=False) and next(self._other, self) is not self:
                pass
            arrived()
        self._ways = []
