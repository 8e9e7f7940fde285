"""How does a run survive being killed, at any moment and on a full disk?

A checkpoint is written beside the last good one, synced to the disk, and renamed over it; the one
before stays as ``.previous``. Whatever fails, a complete checkpoint is there.

The file is HDF5 behind a user block of 512 bytes, whose text tells the version, the length and the
SHA-256 of the rest; it is verified before HDF5 sees a byte. Dictionaries are groups, arrays are
data sets, all else is JSON text (exact for int and float) or bytes; nothing in it is executed.
"""

import contextlib
import json
import time
from pathlib import Path

import numpy as np

from mdcore.base.arguments import as_path, listed
from mdcore.base.errors import InputError, OutputError
from mdcore.base.files import SEAL_BYTES, cause, open_binary, open_h5, read_seal, seal
from mdcore.base.pace import Pace
from mdcore.base.ranges import MOST_STEPS, count, number
from mdcore.base.writing import keep, replacing
from mdcore.base.writing_h5 import new_h5
from mdcore.output.h5md import load_text, store_text

MAGIC = "mdcore checkpoint"
VERSION = 1
POLL_SECONDS = 1.0  # how often the clock is looked at


def previous_path(path) -> Path:
    """Where the checkpoint before is: ``a.checkpoint.previous`` or ``a.checkpoint.previous.h5``."""
    path = Path(path)
    if path.suffix == ".h5":
        return path.with_name(path.stem + ".previous.h5")
    return path.with_name(path.name + ".previous")


def write(path, state: dict, provenance: dict[str, str] | None = None) -> None:
    """Replace the checkpoint at ``path`` atomically; the one there becomes `previous_path`.

    state : nested dict of str keys; values are arrays, numpy scalars, int, float, bool, None, str, bytes,
        lists, tuples and dicts of these
    OutputError with file, cause and cure if it can't be written (the last good one is intact);
    TypeError for any other type of value.
    """
    path = Path(path)
    try:
        with replacing(path) as temporary:
            _write_file(temporary, state, provenance or {})
            if path.exists():
                keep(path, previous_path(path))
    except OutputError as error:
        kept = " (the checkpoint before is intact)" if path.exists() else ""
        raise OutputError(f"{error}{kept}") from error


def read(path) -> dict:
    """The state that was written; OutputError if the file is missing, damaged or of another version."""
    with _opened(path) as file:
        state = _load(file["state"])
        if type(state) is not dict:
            raise ValueError("state: no table")
        return state


def read_provenance(path) -> dict[str, str]:
    """Who wrote the checkpoint: version, input, seed, ... (see provenance.py); OutputError as in `read`."""
    with _opened(path) as file:
        return load_text(file["provenance"])


class Checkpointer:
    """Observer that writes a checkpoint every ``every`` steps or every ``minutes`` of wall time.

    Parameters
    ----------
    path : the checkpoint file
    every : steps between checkpoints, 0: never by steps
    minutes : wall minutes between checkpoints, 0: never by time; rank 0's clock decides
    provenance : stored along, see `mdcore.output.provenance.collect`
    outputs : objects whose ``flush(durable=True)`` is called first, so that no checkpoint is ever ahead
        of the trajectory

    `write` may be called at any time, for instance when a signal came. The step at which the run starts
    or continues is not written: nothing is new there.
    """

    needs_energy = False  # a step is not made dearer for it

    def __init__(self, path, every: int = 0, minutes: float = 0.0, provenance=None, outputs=()):
        self.path = as_path(path, "a checkpoint")
        self.steps = count("every", every, 0, MOST_STEPS)
        self.minutes = number("minutes", minutes, zero=True)
        self.provenance = provenance
        self.outputs = list(listed("outputs", outputs, "file"))
        self.last_step = None  # step of the last checkpoint
        self.written = False  # has this run made one?
        self._pace = Pace(POLL_SECONDS, divides=self.steps)
        self._clock = time.monotonic()

    @property
    def every(self) -> int:
        """Steps between looks at the clock, or between checkpoints."""
        return self._pace.every if self.minutes else self.steps

    def observe(self, sim):
        """Write if it is time to; collective."""
        if self.last_step is None:
            self.last_step = sim.step
            self._clock = time.monotonic()
        due = self.steps > 0 and sim.step % self.steps == 0
        if self.minutes:
            overdue = time.monotonic() - self._clock >= 60.0 * self.minutes
            due = self._pace.poll(sim, overdue) or due
        if due and sim.step != self.last_step:
            self.write(sim)

    def write(self, sim):
        """Write now; collective."""
        state = sim.state()
        if state is not None:
            for output in self.outputs:
                output.flush(durable=True)
            write(self.path, state, self.provenance)
        self.last_step, self.written = sim.step, True
        self._clock = time.monotonic()

    def close(self):
        """Nothing is held open."""


def _write_file(path: Path, state: dict, provenance: dict):
    with new_h5(path, userblock_size=SEAL_BYTES) as file:
        store_text(file.create_group("provenance"), provenance)
        _store(file, "state", state)
    seal(path, f"{MAGIC} {VERSION}")


def _is_json(value) -> bool:
    """Does JSON give this value back with its type?"""
    if type(value) is list:
        return all(map(_is_json, value))
    return value is None or type(value) in (bool, int, float, str)


def _store(parent, name: str, value):
    """Store a value under ``name``, in a way that tells its type."""
    name = _escape(name)
    kind = type(value).__name__
    if _is_json(value):
        leaf, kind = np.frombuffer(json.dumps(value).encode(), dtype=np.uint8), "json"
    elif kind == "bytes":
        leaf = np.frombuffer(value, dtype=np.uint8)
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
        leaf, kind = value, "array" if isinstance(value, np.ndarray) else "scalar"
    elif kind in ("dict", "list", "tuple"):
        leaf = parent.create_group(name, track_order=True)
        for key, member in value.items() if kind == "dict" else enumerate(value):
            _store(leaf, key if kind == "dict" else str(key), member)
    else:
        kind = getattr(value, "dtype", kind)
        raise TypeError(f"checkpoint: {parent.name}/{name}: values of type {kind} can't be stored")
    if not hasattr(leaf, "attrs"):
        leaf = parent.create_dataset(name, data=leaf)
    leaf.attrs["kind"] = kind


def _load(item):
    """The reverse of `_store`."""
    kind = item.attrs["kind"]
    if kind in ("json", "bytes"):
        content = item[:].tobytes()
        return json.loads(content) if kind == "json" else content
    if kind in ("array", "scalar"):
        return np.asarray(item[()]) if kind == "array" else item[()]
    members = {_unescape(name): _load(child) for name, child in item.items()}
    return members if kind == "dict" else (list if kind == "list" else tuple)(members.values())


def _escape(name: str) -> str:
    """A key as an HDF5 name, which knows no slash and gives the dot a meaning."""
    if not isinstance(name, str):
        raise TypeError(f"checkpoint: the key {name!r} is not a str")
    return name.replace("%", "%25").replace("/", "%2F").replace(".", "%2E") or "%"


def _unescape(name: str) -> str:
    return "" if name == "%" else name.replace("%2E", ".").replace("%2F", "/").replace("%25", "%")


def is_checkpoint(path) -> bool:
    """Is a checkpoint of mdcore there, whole or not?"""
    try:
        with open_binary(path) as file:
            return file.read(len(MAGIC)) == MAGIC.encode()
    except InputError:
        return False


@contextlib.contextmanager
def _opened(path):
    """The open file, of the right format and version; whatever is wrong becomes one OutputError."""
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path}: a folder; expected a checkpoint")
    previous = previous_path(path)
    hint = ""
    if previous.exists():
        hint = f"; the checkpoint before is there: to use it, copy {previous} to {path}"
    if not path.exists():
        raise OutputError(f"{path}: no such checkpoint{hint}")
    try:
        with open_binary(path, "a checkpoint") as file:
            _verify(path, file, hint)
        with open_h5(path, "a checkpoint") as file:
            yield file
    except InputError as error:
        raise OutputError(f"{error}{hint}") from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        what = cause(error) if isinstance(error, OSError | RuntimeError) else error
        raise OutputError(f"{path}: damaged checkpoint ({what}){hint}") from None


def _verify(path, file, hint):
    """Is this a whole, undamaged checkpoint of our version?"""
    title, damage = read_seal(file)
    magic, _, version = title.rpartition(" ")
    if magic != MAGIC:
        raise OutputError(f"{path}: not a checkpoint of mdcore{hint}")
    if version != str(VERSION):
        raise OutputError(
            f"{path}: a checkpoint of format {version}, this mdcore reads {VERSION}: "
            f"continue with the version that wrote it{hint}"
        )
    if damage:
        raise ValueError(damage)
