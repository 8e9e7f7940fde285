"""Memory that ranks of a machine share; ranks are threads here, which open it by the way of other processes."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mdcore.base import common_memory
from mdcore.base.comm import SelfComm
from mdcore.base.common_memory import CommonRoom
from tests.test_mesh import Thread

needs_linux = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no memory without a name")


def on_ranks(work, size: int = 3, **options) -> list:
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(work, Thread.all(size, **options)))


@needs_linux
def test_what_one_writes_all_read():
    """Also after there had to be more of it; what is large enough is used again."""

    def work(comm):
        room = CommonRoom.of(comm)
        for width in (4, 1000, 2):
            shapes = [(rank, width) for rank in range(comm.size)]
            arrays = room.take("points", shapes)
            assert [own.shape for own in arrays] == shapes
            comm.allgather(None)
            arrays[comm.rank][...] = comm.rank + width
            comm.allgather(None)
            assert all((own == rank + width).all() for rank, own in enumerate(arrays))
        again = room.take("points", shapes, np.int64)[2]
        return again.ctypes.data == arrays[2].ctypes.data

    assert on_ranks(work) == [True] * 3


def gone(_):
    raise OSError("not permitted")


@pytest.mark.parametrize("what", ["rank", "memory", "machine"])
def test_no_common_memory(what, monkeypatch):
    """One rank, or ranks that are told not to; a system that has none; a process of that number on another machine."""
    if what == "rank":
        assert CommonRoom.of(SelfComm()) is None
        assert on_ranks(CommonRoom.of, shares_memory=False) == [None] * 3
        return
    if what == "memory":
        monkeypatch.setattr(os, "memfd_create", gone, raising=False)
    else:
        monkeypatch.setattr(common_memory.os, "getpid", lambda: 1 << 30)
    assert on_ranks(CommonRoom.of) == [None] * 3


@needs_linux
def test_memory_of_another_process(tmp_path):
    """Its number leads to other memory, or to less: that is not taken."""
    file = tmp_path / "memory"
    file.write_bytes(bytes(64))
    for size in (64 - common_memory.KEY, 1 << 20):
        with open(file, "r+b") as other, pytest.raises(ValueError, match="another process"):
            common_memory._opened(os.getpid(), other.fileno(), size, b"k" * common_memory.KEY)


@needs_linux
def test_what_is_held():
    """No file, however many arrays there are; no memory, once they are gone."""

    def held():
        with open("/proc/self/maps") as stream:
            return len(os.listdir("/proc/self/fd")), sum("memfd:mdcore" in line for line in stream)

    before, rooms = held(), [common_memory._of_all(SelfComm(), 1 << 20) for _ in range(20)]
    assert held() == (before[0], before[1] + 20)
    rooms[3][0][-1] = 7
    assert rooms[3][0].sum() == 7
    rooms.clear()
    assert held() == before


@needs_linux
def test_nothing_is_left_of_a_killed_process():
    """It is no file that could stay in /dev/shm: it goes with the last process that has it."""
    memory = common_memory._of_all(SelfComm(), 1 << 20)
    with open("/proc/self/maps") as stream:
        kept = [line for line in stream if f"{memory[0].ctypes.data:x}-" in line]
    assert len(kept) == 1 and "/memfd:mdcore (deleted)" in kept[0]
