"""Memory that all ranks of a machine read and write: they need not send each other what is in it."""

import contextlib
import mmap
import os

import numpy as np

KEY = 16  # bytes


class CommonRoom:
    """Arrays of each rank that all ranks see, and that are used again. Who reads what another one writes waits for a
    message of that.

    comm : communicator; CommonRoom.of(comm) is None where ranks are on several machines, or the system has no such
    memory
    """

    def __init__(self, comm):
        self._comm, self._arrays = comm, {}

    @classmethod
    def of(cls, comm) -> "CommonRoom | None":
        """(collective)"""
        if comm.size == 1 or not comm.shares_memory:
            return None
        room = cls(comm)
        return room if room.take("test", 1) is not None else None

    def take(self, name: str, size: int, dtype=np.float64) -> list[np.ndarray] | None:
        """Of each rank an array of at least so many numbers of eight bytes, whatever is in it (collective; the same size
        on all ranks)."""
        found = self._arrays.get(name)
        if found is None or len(found[0]) < size:
            found = common_bytes(self._comm, 8 * max(size + size // 8, 1))
            self._arrays[name] = found = found and [own.view(np.int64) for own in found]
        return found and [own.view(dtype) for own in found]


def common_bytes(comm, size: int) -> list[np.ndarray] | None:
    """uint8 [size] of each rank, zeros; None on all ranks if one does not see another's (collective)."""
    key, fd, opened = os.urandom(KEY), None, []
    try:
        fd = os.memfd_create("mdcore")
        os.ftruncate(fd, size + KEY)
        mine = mmap.mmap(fd, size + KEY)
        mine[size:] = key
    except (AttributeError, OSError):  # not Linux, or no room
        mine = None
    ranks = comm.allgather((os.getpid(), fd, key, mine is not None))
    if all(there for *_, there in ranks):
        with contextlib.suppress(OSError, ValueError):
            for rank, (process, number, its_key, _) in enumerate(ranks):
                opened.append(mine if rank == comm.rank else _opened(process, number, size, its_key))
    seen = all(comm.allgather(len(opened) == comm.size))
    if fd is not None:
        os.close(fd)
    return [np.frombuffer(memory, dtype=np.uint8)[:size] for memory in opened] if seen else None


def _opened(process: int, number: int, size: int, key: bytes) -> mmap.mmap:
    """Another process's memory; OSError, ValueError if it is not there."""
    fd = os.open(f"/proc/{process}/fd/{number}", os.O_RDWR)
    try:
        memory = mmap.mmap(fd, size + len(key))
    finally:
        os.close(fd)
    if memory[size:] != key:
        raise OSError("this is another process, of another machine")
    return memory
