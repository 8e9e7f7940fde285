"""Memory that all ranks of a machine read and write: they need not send each other what is in it."""

import contextlib
import ctypes
import math
import mmap
import os
import weakref

import numpy as np

KEY = 16  # bytes, behind what is used: is it that memory?


class CommonRoom:
    """Arrays of each rank that all ranks see, and that are used again. Who reads what another one writes waits for a
    message of that.

    comm : communicator. `CommonRoom.of(comm)` is None where ranks are on several machines, or the system has no such
    memory.
    """

    def __init__(self, comm):
        self._comm, self._arrays = comm, {}

    @classmethod
    def of(cls, comm) -> "CommonRoom | None":
        """(collective)"""
        if comm.size == 1 or not comm.shares_memory or _of_all(comm, 8) is None:
            return None
        return cls(comm)

    def take(self, name: str, shapes, dtype=np.float64) -> list[np.ndarray]:
        """Of each rank an array that has its shape, of numbers of eight bytes, whatever is in it (collective; all ranks
        tell the same shapes). MemoryError"""
        sizes = [math.prod(shape) for shape in shapes]
        found = self._arrays.get(name)
        if found is None or len(found[0]) < max(sizes):
            found = _of_all(self._comm, 8 * max(max(sizes) + max(sizes) // 8, 1))
            if found is None:
                raise MemoryError("ranks of this machine can't share more memory")
            self._arrays[name] = found = [own.view(np.int64) for own in found]
        whole = zip(found, sizes, shapes, strict=True)
        return [own.view(dtype)[:size].reshape(shape) for own, size, shape in whole]


def _of_all(comm, size: int) -> list[np.ndarray] | None:
    """uint8 [size] of each rank, zeros; None on all ranks if one does not see another's (collective)."""
    key, fd, opened = os.urandom(KEY), None, []
    try:
        fd = os.memfd_create("mdcore")
        os.ftruncate(fd, size + KEY)
        mine = _mapped(fd, size + KEY)
        mine[size:] = np.frombuffer(key, dtype=np.uint8)
    except (AttributeError, OSError):  # no Linux, or not allowed to
        mine = None
    ranks = comm.allgather((os.getpid(), fd, key, mine is not None))
    if all(there for *_, there in ranks):
        with contextlib.suppress(OSError, ValueError):
            for rank, (process, number, its_key, _) in enumerate(ranks):
                opened.append(mine if rank == comm.rank else _opened(process, number, size, its_key))
    seen = all(comm.allgather(len(opened) == comm.size))
    if fd is not None:
        os.close(fd)
    return [memory[:size] for memory in opened] if seen else None


def _opened(process: int, number: int, size: int, key: bytes) -> np.ndarray:
    """Another process's memory; OSError, ValueError if it is not there: that number is of another machine."""
    fd = os.open(f"/proc/{process}/fd/{number}", os.O_RDWR)
    try:
        found = os.fstat(fd).st_size == size + len(key) and _mapped(fd, size + len(key))
    finally:
        os.close(fd)
    if found is False or found[size:].tobytes() != key:
        raise ValueError("this is another process")
    return found


def _mapped(fd: int, size: int) -> np.ndarray:
    """uint8 [size] of a file in memory. `mmap` of Python would keep a file open for each; a process may have 1,024."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype, libc.munmap.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_size_t)
    libc.mmap.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
    address = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "no memory")
    memory = (ctypes.c_uint8 * size).from_address(address)
    weakref.finalize(memory, libc.munmap, address, size).atexit = False
    return np.frombuffer(memory, dtype=np.uint8)
