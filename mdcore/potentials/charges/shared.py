"""Which rank transforms which part of a mesh, and who needs which points of it?

Each rank spreads its charges over a window of points, as far as its atoms reach. It is sent to who has these planes of
equal n1, transformed there along two axes, dealt out by n2 for the third one, and goes back the same way. Charges on
points are integers, and a line has the same bits wherever it is transformed: any number of ranks gives the same.
"""

import itertools

import numpy as np

from mdcore.doors._kernels import BESIDE


class Room:
    """Arrays that are used again in the next step: new ones of megabytes cost as much as what is done with them."""

    def __init__(self):
        self._arrays = {}

    def take(self, name, shape, dtype=np.float64) -> np.ndarray:
        """An array that has this shape, whatever is in it."""
        size = int(np.prod(shape))
        found = self._arrays.get(name)
        if found is None or found.dtype != dtype or len(found) < size:
            found = self._arrays[name] = np.empty(max(size + size // 8, 1), dtype=dtype)
        return found[:size].reshape(shape)


def shares(n: int, ranks: int) -> list[slice]:
    """Which of n planes are each rank's."""
    bounds = [n * rank // ranks for rank in range(ranks + 1)]
    return [slice(begin, end) for begin, end in itertools.pairwise(bounds)]


def window(positions, inverse, size, order: int) -> np.ndarray:
    """int64 [6], first point and how many along each axis, of those that atoms [n, 3] reach; all, where they wrap."""
    found = np.array([0, 0, 0, order, order, order], dtype=np.int64)
    if len(positions):
        points = np.floor((positions @ inverse) * size).astype(np.int64)
        low, length = points.min(axis=0), np.ptp(points, axis=0) + order
        low, length = low - 1, length + 2  # the kernel's rounding may be another one
        whole = length >= size
        found[:3], found[3:] = np.where(whole, 0, low % size), np.where(whole, size, length)
    return found


def runs(low: int, length: int, size: int) -> list[tuple[slice, slice]]:
    """Where a window of points that repeat is in itself, and in the mesh."""
    first = min(length, size - low)
    found = [(slice(0, first), slice(low, low + first))]
    return found if first == length else [*found, (slice(first, length), slice(0, length - first))]


class Shared:
    """Planes dealt out to ranks.

    comm : communicator; size : of the mesh; planes : the kernels; room : for arrays
    """

    def __init__(self, comm, size, planes, room: Room):
        self._comm, self._size, self._planes, self._room = comm, size, planes, room
        self._firsts, self._seconds = shares(size[0], comm.size), shares(size[1], comm.size)

    def forward(self, found: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """Waves [mine, size1, 2, width] of charges, of planes of equal n2; found : this rank's window, int64 as
        Mesh.spread; windows : int64 [ranks, 6] of all (collective)."""
        comm, (n1, n2, n3) = self._comm, self._size
        mine = self._firsts[comm.rank]
        slab = self._room.take("slab", (mine.stop - mine.start, n2, n3 + BESIDE), np.int64)
        slab[...] = 0
        if found.shape[2] == n3 + BESIDE:
            found[:, :, :BESIDE] += found[:, :, n3:]
        away = [self._cut(found, windows[comm.rank], rank) for rank in range(comm.size)]
        for source, block in self._swapped(away, lambda rank: self._block(windows[rank]), np.int64):
            for here, there in self._overlaps(windows[source], mine, source == comm.rank):
                slab[there] += block[here]
        seconds, width = self._seconds[comm.rank], self._planes.width
        waves = self._room.take("waves of planes", (n2, len(slab), 2, width))
        self._planes.forward(slab, waves)
        whole = self._room.take("waves", (seconds.stop - seconds.start, n1, 2, width))
        for source, block in self._swapped([waves[s] for s in self._seconds], self._piece, np.float64):
            whole[:, self._firsts[source]] = block
        return whole

    def back(self, waves: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """This rank's window of potentials, as Mesh.gather wants it (collective)."""
        comm, (_, n2, n3) = self._comm, self._size
        mine = self._firsts[comm.rank]
        whole = self._room.take("waves of planes", (n2, mine.stop - mine.start, 2, self._planes.width))
        away = [waves[:, there] for there in self._firsts]
        for source, block in self._swapped(away, self._piece_back, np.float64):
            whole[self._seconds[source]] = block
        slab = self._room.take("slab of potentials", (mine.stop - mine.start, n2, n3 + BESIDE))
        self._planes.back(whole, slab)
        away = []
        for rank, own in enumerate(windows):
            block = slab
            if rank != comm.rank:
                block = self._room.take(("block", rank), self._block(own))
                for here, there in self._overlaps(own, mine, False):
                    block[here] = slab[there]
            away.append(block)
        own = windows[comm.rank]
        found = self._room.take("window of potentials", (own[3], own[4], own[5] + BESIDE))
        found[:, :, own[5] :] = 0.0
        for source, block in self._swapped(away, lambda rank: self._block(own, rank), np.float64):
            if source == comm.rank:
                for here, there in self._overlaps(own, mine, True):
                    found[here] = block[there]
            else:
                found[self._rows(own, self._firsts[source])[0], :, : own[5]] = block
        if own[5] == n3:
            found[:, :, n3:] = found[:, :, :BESIDE]
        return found

    def _rows(self, own, planes: slice) -> tuple[np.ndarray, np.ndarray]:
        """Which planes of a window are among these: their places in it, and in the mesh."""
        points = (own[0] + np.arange(own[3])) % self._size[0]
        rows = np.flatnonzero((points >= planes.start) & (points < planes.stop))
        return rows, points[rows]

    def _cut(self, found: np.ndarray, own, rank: int) -> np.ndarray:
        """What is sent of a window: planes of another rank; all to itself, which takes them from there."""
        if rank == self._comm.rank:
            return found
        return found[self._rows(own, self._firsts[rank])[0], :, : own[5]]

    def _overlaps(self, own, planes: slice, whole: bool):
        """Where points are, as slices along three axes: in a window, `whole` or what of it has these planes; and in
        these planes."""
        rows, points = self._rows(own, planes)
        ends = [0, *(np.flatnonzero(np.diff(points) != 1) + 1), len(points)]
        for begin, end in itertools.pairwise(ends):
            if end > begin:
                first = rows[begin] if whole else begin
                here, there = slice(first, first + end - begin), points[begin] - planes.start
                for second in runs(own[1], own[4], self._size[1]):
                    for third in runs(own[2], own[5], self._size[2]):
                        one, other = zip(second, third, strict=True)
                        yield (here, *one), (slice(there, there + end - begin), *other)

    def _block(self, own, rank: int | None = None) -> tuple[int, int, int]:
        planes = self._firsts[self._comm.rank if rank is None else rank]
        return len(self._rows(own, planes)[0]), own[4], own[5]

    def _piece(self, rank: int) -> tuple[int, ...]:
        one, other = self._seconds[self._comm.rank], self._firsts[rank]
        return one.stop - one.start, other.stop - other.start, 2, self._planes.width

    def _piece_back(self, rank: int) -> tuple[int, ...]:
        one, other = self._seconds[rank], self._firsts[self._comm.rank]
        return one.stop - one.start, other.stop - other.start, 2, self._planes.width

    def _swapped(self, away, shape, dtype):
        """(rank, what it sent) of all ranks, `away` has what goes to each; shape(rank) : of what comes."""
        comm = self._comm
        yield comm.rank, away[comm.rank]
        for step in range(1, comm.size):
            to, source = (comm.rank + step) % comm.size, (comm.rank - step) % comm.size
            arrived = self._room.take(("arrived", source, np.dtype(dtype)), shape(source), dtype)
            comm.exchange(np.ascontiguousarray(away[to]), to, arrived, source)
            yield source, arrived
