"""Do two runs keep off each other's files?"""

import fcntl
import os
import signal
import subprocess
import sys
import threading

import pytest

from mdcore.base.errors import OutputError
from mdcore.output import lock
from mdcore.output.lock import MAGIC, RunLock, lock_path

HOLD = """
import sys, time
from mdcore.output.lock import RunLock
with RunLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLD, tmp_path / "a.lock"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_second_run_is_refused_and_told_who(tmp_path, holder):
    with pytest.raises(OutputError) as caught, RunLock(tmp_path / "a.lock"):
        pass
    assert f"process {holder.pid} on " in str(caught.value)
    assert "is writing these results; wait for it or end it" in str(caught.value)
    with RunLock(tmp_path / "b.lock"):
        pass


def test_who_looks_is_in_nobodys_way(tmp_path, monkeypatch):
    """`holder` has a shared lock for a moment."""
    path = tmp_path / "a.lock"
    path.write_bytes(MAGIC)
    monkeypatch.setattr(lock, "MOMENT", 0.5)
    with open(path) as looks:
        fcntl.flock(looks, fcntl.LOCK_SH)
        timer = threading.Timer(0.1, fcntl.flock, (looks, fcntl.LOCK_UN))
        timer.start()
        with RunLock(path):
            assert lock.holder(path).startswith(f"process {os.getpid()} on ")
        timer.join()
    assert not lock.holder(path)


def test_killed_owner_is_in_nobodys_way(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "a.lock").exists()
    with RunLock(tmp_path / "a.lock"):
        assert f"process {os.getpid()} on" in (tmp_path / "a.lock").read_text()
    assert not (tmp_path / "a.lock").exists()


def test_lock_can_be_taken_again_and_needs_its_folder(tmp_path):
    lock = RunLock(tmp_path / "a.lock")
    for _ in range(2):
        with lock, pytest.raises(OutputError), RunLock(tmp_path / "a.lock"):
            pass
    with pytest.raises(OutputError, match="No such file or directory"), RunLock(tmp_path / "none" / "a.lock"):
        pass


def test_its_name_is_nobody_elses():
    assert lock_path("results", "uv").as_posix() == "results/.uv.mdcore-lock"


FOREIGN = {
    "a file": lambda path: path.write_bytes(b"precious"),
    "nearly ours": lambda path: path.write_bytes(MAGIC[:-1]),
    "a link": lambda path: path.symlink_to(path.with_name("precious")),
    "a broken link": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a hard link": lambda path: path.hardlink_to(path.with_name("precious")),
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_not_ours_stays(tmp_path, kind):
    (tmp_path / "precious").write_bytes(b"precious")
    path = lock_path(tmp_path, "a")
    FOREIGN[kind](path)
    before = os.lstat(path)
    with pytest.raises(OutputError, match=r"\.a\.mdcore-lock: no lock of mdcore.*move it away"), RunLock(path):
        pass
    assert os.path.samestat(os.lstat(path), before) and os.lstat(path).st_size == before.st_size
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == [path.name, "precious"]


def test_an_empty_file_is_locked_and_stays(tmp_path):
    """A kill in the first moment leaves one; or it is somebody's."""
    path = lock_path(tmp_path, "a")
    path.touch()
    with RunLock(path), pytest.raises(OutputError, match="a process is writing"), RunLock(path):
        pass
    assert path.read_bytes() == b""


def test_a_lock_that_was_replaced_meanwhile_is_not_removed(tmp_path):
    path = lock_path(tmp_path, "a")
    with RunLock(path):
        path.unlink()
        path.write_text("precious")
    assert path.read_text() == "precious"
    path.unlink()
    with RunLock(path):
        path.unlink()


def test_a_name_that_is_too_long(tmp_path):
    path = lock_path(tmp_path, "a" * 250)
    with pytest.raises(OutputError, match="too long; choose a shorter output name"), RunLock(path):
        pass
