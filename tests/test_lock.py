"""Do two runs keep off each other's files?"""

import os
import signal
import subprocess
import sys

import pytest

from mdcore.errors import OutputError
from mdcore.lock import RunLock

HOLD = """
import sys, time
from mdcore.lock import RunLock
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
