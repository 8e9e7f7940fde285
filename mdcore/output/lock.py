"""Is another run writing these files?

Ranks can outlive the ``mpirun`` that started them, and batch jobs get submitted twice. Two runs with
one output name would ruin each other's files, so a run holds a lock while it writes.
"""

import contextlib
import errno
import fcntl
import os
import platform
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

from mdcore.base.errors import OutputError

MAGIC = b"mdcore lock: "  # how every lock begins; what does not is somebody else's, and stays as it is
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)  # file systems without locks
FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # never through a link, never waiting for a pipe
MOMENT = 0.05  # s, after which it is tried once more: `holder` may have looked just then


def lock_path(directory, name: str) -> Path:
    """The lock of the results called `name`: a name that nobody else gives a file."""
    return Path(directory) / f".{name}.mdcore-lock"


def holder(path) -> str:
    """Who holds a lock, in words; nothing if nobody does."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # for a moment
    except BlockingIOError:
        return _owner(handle)
    except OSError:
        return ""
    finally:
        os.close(handle)
    return ""


class RunLock:
    """Hold ``path`` (see `lock_path`) inside a ``with`` block; on rank 0 only.

    The operating system drops the lock when the process ends, however it ends; a file left behind by a
    kill is in nobody's way. OutputError if another process holds it, naming that process; if something else is there
    (it is left as it is); if the folder takes no files.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._handle = None

    def __enter__(self):
        looked = False
        while self._handle is None:
            handle, ours = self._open()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = _owner(handle)
                os.close(handle)
                if not looked:
                    looked = True
                    time.sleep(MOMENT)
                    continue
                raise OutputError(
                    f"{self.path}: {owner} is writing these results; wait for it or end it, or choose another output "
                    "name"
                ) from None
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    os.close(handle)
                    raise OutputError(f"{self.path}: can't be locked: {error.strerror}") from None
            if _is_at(handle, self.path):
                self._handle, self._ours = handle, ours
            else:  # its former owner removed it in between
                os.close(handle)
        now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        with contextlib.suppress(OSError):  # on a full disk the lock holds without the name
            if self._ours:
                text = f"process {os.getpid()} on {platform.node()} (since {now})\n"
                os.ftruncate(self._handle, os.pwrite(self._handle, MAGIC + text.encode(errors="replace"), 0))
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):  # its folder may have gone
            if self._ours and _is_at(self._handle, self.path):
                self.path.unlink()
        os.close(self._handle)
        self._handle = None

    def _open(self, tries: int = 10) -> tuple[int, bool]:
        """The open file, and whether it was made by us: just now, or by a run that was killed."""
        try:
            try:
                return os.open(self.path, FLAGS | os.O_CREAT | os.O_EXCL, 0o644), True
            except FileExistsError:
                handle = os.open(self.path, FLAGS)
        except FileNotFoundError:
            if self.path.parent.is_dir() and tries:  # its former owner removed it in between
                return self._open(tries - 1)
            raise OutputError(f"{self.path}: can't be made: No such file or directory") from None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise OutputError(f"{self.path}: the name is too long; choose a shorter output name") from None
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise self._foreign() from None
            raise OutputError(f"{self.path}: can't be made: {error.strerror}") from None
        head = os.pread(handle, len(MAGIC), 0) if stat.S_ISREG(os.fstat(handle).st_mode) else None
        if head not in (MAGIC, b""):
            os.close(handle)
            raise self._foreign()
        return handle, head == MAGIC  # an empty file may be locked, but not written or removed: who made it?

    def _foreign(self) -> OutputError:
        return OutputError(
            f"{self.path}: no lock of mdcore, and in the place of one: move it away, or choose another output name"
        )


def _owner(handle: int) -> str:
    return os.pread(handle, 200, 0).decode(errors="replace").removeprefix(MAGIC.decode()).strip() or "a process"


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except OSError:
        return False
