"""How does one HDF5 file grow frame by frame and yet stay readable, whatever kills the run?

- Created under a temporary name and renamed once its skeleton is on disk.
- Disk space is reserved *before* HDF5 writes: a full disk stops a frame before its first byte and
  leaves the file whole. (Left to itself, HDF5 on a full disk makes the file unreadable and crashes.)
- Values are flushed first; ``step``, whose length counts the frames, grows last. A kill
  between the two leaves a tail that no reader sees and a restart cuts off.
- Oldest HDF5 layout, no file lock, no SWMR: other programs may read along.

Layout: H5MD 1.1 (de Buyl, Colberg, Höfling, Comput. Phys. Commun. 185, 1546 (2014)) with
``/provenance`` (who made it; one ``restart_n`` per continuation) and ``/thermo`` besides.
h5py is imported on first use only.
"""

import contextlib
import errno
import os
import warnings

import numpy as np

from mdcore.base.arguments import as_path, table
from mdcore.base.errors import InputError, OutputError
from mdcore.base.files import cause, check_h5, open_h5
from mdcore.base.writing import cannot_write, gone, is_at, plain, remove, replacing, update
from mdcore.base.writing_h5 import grow_h5
from mdcore.output.provenance import collect

LAYOUT = 1  # version of mdcore's own conventions inside H5MD; files of another one are not continued
TABLE_CHUNK = 1024  # rows a chunk of a small table
CHUNK_BYTES = 64 * 1024  # small frames share a chunk of about this size
CHUNK_BYTES_MAX = 1024 * 1024  # large frames are cut into chunks of at most this size (HDF5's default cache)
METADATA_BYTES = 128 * 1024  # generous allowance for what HDF5 adds to one write
RESERVE_BYTES = 1024 * 1024  # disk space is taken ahead in steps of this size


def warn(message: str):
    """The default for what is worth knowing but no error."""
    warnings.warn(message, stacklevel=3)


class H5MDFile:
    """One results file, opened at the first write and shared by the trajectory and the thermo log.

    Parameters
    ----------
    path : where; the name should end in ``.h5md`` for other programs to recognise it
    provenance : origin of the run, see `mdcore.output.provenance.collect`
    resume_step : None starts a new file; an integer continues an existing one after dropping
        everything later than this step (the step of the checkpoint)
    overwrite : replace an existing file instead of refusing
    note : called with a message worth knowing (default: a Python warning)

    Only rank 0 may call its methods. Raises OutputError with file, cause and cure.
    """

    def __init__(self, path, provenance=None, *, resume_step=None, overwrite=False, note=warn):
        self.path = as_path(path, "an H5MD file")
        self.provenance = table("provenance", provenance) if provenance is not None else collect()
        self.resume_step = resume_step
        self.overwrite = overwrite
        self.note = note
        self.resumed = False  # True once an earlier run's file was found and trimmed
        self._file = None
        self._created = False
        self._reserved = 0
        self._drains = []  # buffers to be written before every flush

    def open(self, units: str | None = None):
        """The open ``h5py.File``; ``units`` is the name of the unit system (None: that of the file)."""
        if self._file is None:
            if self._created:
                self._file = self._reopen()
            elif self.resume_step is not None and self.path.exists():
                self._file = self._reopen()
                self._look_through()
                self._check(units)
                with self.writing(), self.undamaged():
                    self.reserve(sum(map(len, self.provenance.values())))
                    trim(self._file, self.resume_step)
                    self._record_restart()
                    self._file.flush()
                self.resumed = True
            else:
                if self.resume_step is not None:
                    self.note(f"{self.path}: not found, a new file starts at step {self.resume_step}")
                self._file = self._create(units)
            self._created = True
        return self._file

    def add_buffer(self, drain):
        """``drain()`` is called before every flush to write what is still held in memory."""
        self._drains.append(drain)

    def reserve(self, n_bytes: int):
        """Make sure that the disk has room for ``n_bytes`` more; raises OSError, the file still whole."""
        need = n_bytes + METADATA_BYTES
        end = self._file.id.get_filesize()
        if end + need <= self._reserved:
            return
        handle = self._file.id.get_vfd_handle()
        try:
            allocate(handle, end, need + RESERVE_BYTES)
            self._reserved = end + need + RESERVE_BYTES
        except OSError:
            allocate(handle, end, need)
            self._reserved = end + need

    @contextlib.contextmanager
    def writing(self):
        """Turn what HDF5 raises into one OutputError; the file is closed then and not written again."""
        try:
            yield
        except (OSError, RuntimeError, OutputError) as error:
            self._drains.clear()
            self._close_quietly()
            if isinstance(error, OutputError):
                raise
            raise OutputError(cannot_write(self.path, error)) from error

    def flush(self, durable: bool = False):
        """Hand everything to the operating system; ``durable`` waits until it is on the disk as well."""
        for drain in self._drains:
            drain()
        if durable and self.overwrite and not self._created and is_results(self.path):
            remove(self.path)  # of the run that is replaced: a restart shall not take it up
        if self._file is not None:
            with self.writing():
                self._file.flush()
                if durable:
                    os.fsync(self._file.id.get_vfd_handle())
                    self._still_there()

    def close(self):
        """Flush and close; a later `open` continues the file."""
        if self.resume_step is not None and not self._created and self.path.exists():
            self.open()  # nothing was written: what is later than the checkpoint goes all the same
        self.flush()
        if self._file is None:
            return
        with self.writing():
            self._still_there()
            self._file.close()
            self._file = None
            if self._reserved:  # opening and closing makes HDF5 give back what was reserved in excess
                self._reopen().close()
                self._reserved = 0

    def _create(self, units):
        room = sum(map(len, self.provenance.values()))
        with self.writing(), replacing(self.path, overwrite=self.overwrite) as temporary:
            with update(temporary) as probe:  # HDF5 must not meet a full disk
                allocate(probe.fileno(), 0, room + METADATA_BYTES)
            self._file = file = grow_h5(temporary, new=True)
            self.reserve(room)
            h5md = file.create_group("h5md")
            h5md.attrs["version"] = np.array([1, 1], dtype=np.int32)
            h5md.attrs["layout"] = LAYOUT
            h5md.attrs["units"] = units
            h5md.create_group("author").attrs["name"] = plain(self.provenance.get("author", "unknown"))
            creator = h5md.create_group("creator")
            creator.attrs["name"] = "mdcore"
            creator.attrs["version"] = plain(self.provenance.get("version", "unknown"))
            store_text(file.create_group("provenance"), self.provenance)
            file.flush()
        return file

    def _reopen(self):
        try:
            return grow_h5(self.path)
        except FileNotFoundError:
            raise OutputError(gone(self.path)) from None
        except OSError as error:
            open_here = "already open" in str(error) or "locking" in str(error)
            cure = "close it, it is open in this process" if open_here else "move it away; a restart begins a new file"
            raise OutputError(f"{self.path}: can't be continued ({cause(error)}): {cure}") from None

    def _still_there(self):
        """OutputError if the open file has lost its name."""
        if not is_at(self._file.id.get_vfd_handle(), self.path):
            raise OutputError(gone(self.path))

    def _check(self, units):
        attributes = self._file["h5md"].attrs if "h5md" in self._file else {}
        layout, old_units = attributes.get("layout"), attributes.get("units")
        if layout != LAYOUT:
            known = layout is not None
            self.mismatch(f"has layout {layout}, this is {LAYOUT}" if known else "was not written by mdcore")
        if units not in (None, old_units):
            self.mismatch(f'holds units "{old_units}", the run has "{units}"')

    def _look_through(self):
        """OutputError if something in the file leads out of it, or can't be read."""
        try:
            check_h5(self._file, self.path, os.path.getsize(self.path))
        except InputError as error:
            self._close_quietly()
            raise OutputError(f"{error}; move it away: a restart begins a new file") from None

    @contextlib.contextmanager
    def undamaged(self):
        """What goes wrong within is the fault of the file."""
        try:
            yield
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            self.mismatch(f"is damaged ({cause(error)})")

    def table(self, group, columns: dict[str, tuple[str, tuple]]) -> "Table":
        """The growing data sets of a group; columns : name -> place in the group, and shape of a row."""
        for place, shape in columns.values():
            data = group.get(place)
            size = getattr(data, "shape", None)
            if not size or size[1:] != shape or data.maxshape[0] is not None or data.dtype.kind not in "fi":
                self.mismatch(f"is damaged (no column {group.name}/{place} with rows of shape {shape})")
        return Table({name: group[place] for name, (place, _) in columns.items()})

    def mismatch(self, difference: str):
        """Refuse to append to a file that belongs to something else; closes it untouched."""
        self._drains.clear()
        self._close_quietly()
        raise OutputError(
            f"{self.path} {difference}: it can't be continued; move it away or choose another output name"
        )

    def _record_restart(self):
        group = self._file.require_group("provenance")
        before = load_text(group)
        n_restarts = sum(name.startswith("restart_") for name in group)
        restart = group.create_group(f"restart_{n_restarts + 1}")
        restart.attrs["step"] = self.resume_step
        store_text(restart, {k: v for k, v in self.provenance.items() if before.get(k) != v})

    def _close_quietly(self):
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(Exception):
                file.close()


def is_results(path) -> bool:
    """Is a file there that mdcore wrote as `H5MDFile`?"""
    try:
        with open_h5(path) as file:
            return "h5md" in file and "layout" in file["h5md"].attrs
    except InputError:
        return False


def allocate(handle: int, start: int, n_bytes: int):
    """Give bytes [start, start + n_bytes) of an open file room on the disk; raises OSError if there is none.

    The range must lie behind everything the file holds: without the system call it is filled with zeros.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            return os.posix_fallocate(handle, start, n_bytes)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
    block = bytes(min(n_bytes, 1 << 20))
    end = start + n_bytes
    while start < end:
        start += os.pwrite(handle, block[: end - start], start)


def column(group, name: str, row_shape=(), dtype=np.float64, *, unit=None, compression=None, chunk=None):
    """A data set that grows along its first axis; ``unit`` is stored as H5MD wants it, a str attribute."""
    data = group.create_dataset(
        name,
        shape=(0, *row_shape),
        maxshape=(None, *row_shape),
        chunks=chunk or (TABLE_CHUNK, *row_shape),
        dtype=dtype,
        compression="gzip" if compression else None,
        compression_opts=1 if compression else None,
    )
    if unit:
        data.attrs["unit"] = unit
    return data


def frame_chunk(n_atoms: int, compressed: bool = False) -> tuple[int, int, int]:
    """Chunk [frames, atoms, 3]: many frames of a small system together, a large frame in pieces.

    A compressed chunk holds one frame: it would be compressed again, and moved, at every flush.
    """
    row = 3 * 8  # bytes
    frames = 1 if compressed else max(1, CHUNK_BYTES // (row * max(n_atoms, 1)))
    return frames, max(1, min(n_atoms, CHUNK_BYTES_MAX // row)), 3


class Table:
    """Data sets that grow together. The length of ``step`` counts the rows; it is written when all else is.

    columns : name -> data set, ``step`` among them. The handles are kept: looking them up again for each
    row would take longer than writing, and throw HDF5's chunk cache away.
    """

    def __init__(self, columns: dict):
        self.file = columns["step"].file
        self.n_rows = len(columns["step"])
        self._columns = {name: (data.id, data.dtype) for name, data in columns.items()}
        self._step = columns["step"]

    @property
    def last_step(self) -> int | None:
        return int(self._step[-1]) if self.n_rows else None

    def append(self, rows: dict[str, np.ndarray]):
        """Add rows: name -> values [k, ...] of every column."""
        for name, values in rows.items():
            if name != "step":
                self._put(name, values)
        self.file.flush()
        self._put("step", rows["step"])
        self.n_rows += len(rows["step"])

    def _put(self, name, values):
        # the low-level calls are several times faster than resize and item assignment
        from h5py import h5s

        data, dtype = self._columns[name]
        values = np.ascontiguousarray(values, dtype=dtype)
        data.set_extent((self.n_rows + len(values), *values.shape[1:]))
        space = data.get_space()
        space.select_hyperslab((self.n_rows,) + (0,) * (values.ndim - 1), values.shape)
        data.write(h5s.create_simple(values.shape), space, values)


def trim(file, last_step: int, only: str | None = None):
    """Drop what is later than ``last_step`` from every table (a group with a growing ``step``), or from `only` one."""
    tables = []

    def visit(name, item):
        if only not in (None, name):
            return
        step = item.get("step") if hasattr(item, "keys") else None
        if step is not None and getattr(step, "maxshape", (0,))[0] is None:
            tables.append((step, [d for d in item.values() if getattr(d, "maxshape", (0,))[:1] == (None,)]))

    # visititems would skip hard links to a group seen before, but each table is a group of its own
    file.visititems(visit)
    whole = min((len(d) for group in _particles(tables) for d in group), default=None)
    for step, columns in tables:
        n = min(len(d) for d in columns)
        if whole is not None and step.name.startswith("/particles/"):
            n = min(n, whole)
        n = int(np.searchsorted(step[:n], last_step, side="right"))
        for data in sorted(columns, key=lambda d: not d.name.endswith("/step")):  # the counter shrinks first
            if len(data) != n:
                data.resize(n, axis=0)


def _particles(tables):
    return [columns for step, columns in tables if step.name.startswith("/particles/")]


def store_text(group, table: dict[str, str]):
    """A table of strings as scalar data sets under a group."""
    for key, text in table.items():  # as data sets: attributes end at 64 KiB
        group.create_dataset(key, data=plain(text))


def load_text(group) -> dict[str, str]:
    """The strings stored directly under a group; ValueError if something else is."""
    found = {key: item[()] for key, item in group.items() if hasattr(item, "shape")}
    if others := [key for key, text in found.items() if not isinstance(text, bytes)]:
        raise ValueError(f"{group.name}/{others[0]}: expected a text")
    return {key: text.decode("utf-8", "replace") for key, text in found.items()}
