"""How is HDF5 written, which crashes on a full disk and leaves a file that nobody can read?

In one go: into a medium that never fails, and tells at the end what went wrong. A file that grows: its caller makes
sure that the disk has room first (h5md.py). h5py is imported on first use only.
"""

import contextlib
import os

from mdcore.base.files import cause
from mdcore.base.writing import check_regular, replacing


@contextlib.contextmanager
def writing_h5(path, *, overwrite: bool = True, **how):
    """An open ``h5py.File`` whose content replaces `path` at the end of the block, as in `replacing`."""
    with replacing(path, overwrite=overwrite) as temporary, new_h5(temporary, **how) as file:
        yield file


@contextlib.contextmanager
def new_h5(path, **how):
    """An open ``h5py.File`` in the file at `path`, which `replacing` gave; OSError if the disk is full."""
    import h5py

    medium = _Medium(path)
    try:
        with h5py.File(medium, "w", **how) as file:
            yield file
    except Exception as error:
        if medium.error is not None:
            raise medium.error from error
        if isinstance(error, RuntimeError):  # of HDF5
            raise OSError(cause(error)) from error
        raise
    finally:
        medium.stream.close()
    if medium.error is not None:
        raise medium.error


class _Medium:
    """A file for HDF5 that never fails: HDF5 crashes on a full disk. ``error`` is what went wrong first."""

    def __init__(self, path):
        self.stream, self.error = open(path, "r+b", buffering=0), None  # noqa: SIM115
        self.seek, self.tell = self.stream.seek, self.stream.tell
        self.read, self.readinto = self.stream.read, self.stream.readinto

    def write(self, data) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view) and self.error is None:
            done += self._try(self.stream.write, view[done:]) or 0
        return len(view)

    def truncate(self, size) -> int:
        self._try(self.stream.truncate, size)
        return size

    def flush(self) -> None:
        pass

    def _try(self, act, what):
        try:
            return act(what) if self.error is None else None
        except OSError as error:
            self.error = error


def grow_h5(path, new: bool = False):
    """The HDF5 file at `path`, an ``h5py.File`` to be written, created if `new`; OSError.

    The caller makes sure that the disk has room before HDF5 writes.
    """
    import h5py

    check_regular(os.stat(path))
    return h5py.File(os.path.realpath(path), "w" if new else "r+", locking=False)
