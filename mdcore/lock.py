"""Is another run writing these files?

Ranks can outlive the ``mpirun`` that started them, and batch jobs get submitted twice. Two runs with
one output name would ruin each other's files, so a run holds a lock while it writes.
"""

import contextlib
import errno
import fcntl
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from mdcore.errors import OutputError

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)  # file systems without locks


class RunLock:
    """Hold ``path`` (``<name>.lock``) inside a ``with`` block; on rank 0 only.

    The operating system drops the lock when the process ends, however it ends; a file left behind by a
    kill is in nobody's way. OutputError if another process holds it, naming that process.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._handle = None

    def __enter__(self):
        while self._handle is None:
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            except OSError as error:
                raise OutputError(f"{self.path}: can't be made: {error.strerror}") from None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.pread(handle, 200, 0).decode(errors="replace").strip() or "a process"
                os.close(handle)
                raise OutputError(
                    f"{self.path}: {owner} is writing these results; wait for it or end it, or choose "
                    "another output name"
                ) from None
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    os.close(handle)
                    raise OutputError(f"{self.path}: can't be locked: {error.strerror}") from None
            if _is_at(handle, self.path):
                self._handle = handle
            else:  # its former owner removed it in between
                os.close(handle)
        now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        with contextlib.suppress(OSError):  # on a full disk the lock holds without the name
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"process {os.getpid()} on {platform.node()} (since {now})\n".encode(), 0)
        return self

    def __exit__(self, *_):
        self.path.unlink(missing_ok=True)
        os.close(self._handle)
        self._handle = None


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False
