"""Which rank transforms which part of a mesh, and who needs which points of it?

Each rank spreads its charges over a window of points, as far as its atoms reach. Planes of equal n1 are dealt out as
the domains lie: what reaches into planes of others is sent there, a few planes beside a domain. Each rank transforms
its planes along two axes, sends their waves by n2 to who transforms these along the third one, and all goes back the
same way. Charges on points are integers, and a line has the same bits wherever it is transformed: any number of ranks
gives the same.

Ranks of one machine read and write each other's planes and waves where these are; messages then only say that
something is there.
"""

import contextlib
import itertools
import mmap

import numpy as np

from mdcore.base.common_memory import CommonRoom
from mdcore.doors._kernels import BESIDE
from mdcore.potentials.charges.helping import Helping

NOTHING = np.empty(0)
LARGE_PAGE = 1 << 21  # bytes


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
        # waves of this rank's planes, those of them that each rank transforms on, and those of each that this one does
        self._common = CommonRoom.of(self._comm)
        waves = self._of_ranks("waves", [(2 * (n1.stop - n1.start) * begins[-1],) for n1 in self._firsts])
        self._waves = waves[rank]
        cuts = [2 * self._count * begins[n2.start] for n2 in self._seconds]
        self._away = [self._waves[cut:end] for cut, end in itertools.pairwise([*cuts, len(self._waves)])]
        self._pieces = []
        for other, (its, n1) in enumerate(zip(waves, self._firsts, strict=True)):
            begin, n = 2 * (n1.stop - n1.start) * begins[seconds.start], numbers * (n1.stop - n1.start)
            self._pieces.append(room.take(("piece", other), n) if its is None else its[begin : begin + n])
        # of messages with charges, and with potentials, (to whom, from whom, what leaves, what comes): planes as `_of`
        self._windows, self._home, self._out, self._ways = None, [], [], []
        self.window, self.helping = None, Helping(self._comm, self._common) if self._common else None

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
        return low, length

    def _arrange(self) -> None:
        """Which planes go where, and where they are in memory."""
        rank, self._home, self._out = self._comm.rank, [], []
        for to, source in self._partners():
            home = itertools.zip_longest(self._of(rank, to), self._of(source, rank))
            out = itertools.zip_longest(self._of(to, rank), self._of(rank, source))
            self._home += [(to, source, *planes) for planes in home]
            self._out += [(to, source, *planes) for planes in out]
        shapes = [(*own[3:5], own[5] + BESIDE) for own in self._windows]
        self._points = self._of_ranks("window", shapes, np.int64)
        self.window = self._points[rank]
        inside = [self._where_inside(own, n1) for own, n1 in zip(self._windows, self._firsts, strict=True)]
        self._inside = inside[rank] is not None
        apart = [0 if own else n1.stop - n1.start for own, n1 in zip(inside, self._firsts, strict=True)]
        slabs = self._of_ranks("slab", [(n, self._size[1], self._size[2] + BESIDE) for n in apart], np.int64)
        for k, (window, planes) in enumerate(zip(self._points, inside, strict=True)):
            slabs[k] = window[planes] if planes and window is not None else slabs[k]
        self._slabs = slabs
        if self.helping:
            self.helping.arrange([own[6] for own in self._windows], self._windows, self._points)

    def _of_ranks(self, name: str, shapes, dtype=np.float64) -> list[np.ndarray | None]:
        """Of each rank an array of its shape, None where this one does not see it."""
        if self._common:
            return self._common.take(name, shapes, dtype)
        rank = self._comm.rank
        return [self._room.take(name, shape, dtype) if k == rank else None for k, shape in enumerate(shapes)]

    def act(self, squares, wanted: int, meanwhile) -> np.ndarray | None:
        """Charges in the window, int64 as Mesh.spread, become potentials, float64 where these were; where wanted sums
        over all waves [10], as Planes.weighted (collective). meanwhile : iterator, other work, of which pieces are done
        while messages are awaited"""
        comm, planes, waves, self._other = self._comm, self._planes, self._waves, meanwhile
        slab = self._slabs[comm.rank]
        self._bring_home(slab)
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
        slab = slab.view(np.float64)
        planes.back(waves, slab)
        self._hand_out(slab, self.window.view(np.float64))
        return sums

    def _bring_home(self, slab: np.ndarray) -> None:
        """Charges of all windows in this rank's planes."""
        rank, arriving = self._comm.rank, []
        if not self._inside:
            slab[...] = 0
            for here, there in self._of(rank, rank):
                self._add(self.window[here], rank, slab[there])
        for k, (to, source, leaving, coming) in enumerate(self._home):
            block = NOTHING
            if coming:
                seen = self._points[source]
                block = self._block(k, source, coming[0], np.int64) if seen is None else seen[coming[0]]
                arriving.append((block, source, coming[1]))
            self._send(self.window[leaving[0]] if leaving else NOTHING, to, block, source)
        self._wait()
        for block, source, there in arriving:
            self._add(block, source, slab[there])

    def _where_inside(self, own, mine: slice) -> slice | None:
        """Where the rank's planes are in its window, if they are there as a whole."""
        if tuple(own[4:6]) != self._size[1:]:
            return None
        found = overlaps(own[0], own[3], mine, self._size[0])
        return found[0][0] if len(found) == 1 and found[0][1] == slice(0, mine.stop - mine.start) else None

    def _hand_out(self, slab: np.ndarray, window: np.ndarray) -> None:
        """Potentials in the window of each rank."""
        rank = self._comm.rank
        if not self._inside:
            for here, there in self._of(rank, rank):
                self._copy(slab[there], rank, window[here])
        for k, (to, source, leaving, coming) in enumerate(self._out):
            block = NOTHING
            if leaving:
                block = slab[leaving[1]]
                if not self._common and tuple(self._windows[to][4:6]) != self._size[1:]:
                    block = self._block(k, to, leaving[0], np.float64)
                    self._copy(slab[leaving[1]], to, block)
            self._send(block, to, window[coming[0]] if coming else NOTHING, source)
        self._wait()
        for _, source, _, coming in self._out if self._common else ():
            if coming:
                self._copy(self._slabs[source][coming[1]].view(np.float64), rank, window[coming[0]])

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
        """Begins messages, none of what is empty. In common memory all is there, as soon as a number says so."""
        to, source = (to if send.size else None), (source if receive.size else None)
        if self._common:
            send, receive = np.zeros(1), np.zeros(1)
        if to is not None or source is not None:
            self._ways.append(self._comm.post(send, to, receive, source))

    def _wait(self) -> None:
        """Until all that is on its way has arrived. Who has other work does a piece of it, and looks again: whoever is
        late keeps nobody waiting."""
        for arrived in self._ways:
            while not arrived(wait=False) and next(self._other, self) is not self:
                pass
            arrived()
        self._ways = []
