"""What does a run look like to programs that read extended xyz (ASE, OVITO, training codes)?

Every frame is a complete data point: positions (wrapped), momenta and masses, forces, potential
energy, and the stress of the potential alone, without the kinetic part, as ASE's calculators give it; and what
the potential finds about each atom (of a committee `force_disagreement`, how its members differ).
Units and signs are those of extxyz.py; ``Step``, ``Time`` (user unit), the version and the seed
stand in the comment line.
"""

import re
from dataclasses import replace

import numpy as np

from mdcore.base.arguments import as_path
from mdcore.base.errors import InputError, OutputError
from mdcore.base.files import open_binary
from mdcore.base.ranges import MOST_STEPS, count
from mdcore.base.writing import appending, cannot_write, check_target, gone, remove, sync, update, writing_text
from mdcore.dynamics.snapshots import OF
from mdcore.output.h5md import warn
from mdcore.output.provenance import collect
from mdcore.output.selection import Selection
from mdcore.structure.columns import CHARGE, CHARGES
from mdcore.structure.extxyz import write_frame

STEP = re.compile(rb"(?:^|\s)Step=(\d+)(?=\s|$)")
BUFFER_BYTES = 1 << 20
LONGEST = 1 << 20  # bytes of a line
HEAD_BYTES = 1 << 16  # of a line at the beginning
BEGINNINGS = (b"Lattice=", b"Properties=")  # of our comment lines


class ExtxyzDump:
    """Observer that appends a frame every ``every`` steps to a text file.

    Parameters
    ----------
    path : the file
    every : steps between frames
    provenance : of which ``version`` and ``seed`` go into every comment line
    resume_step : None starts a new file; an integer continues an existing one after dropping
        everything later than this step
    overwrite : replace an existing file instead of refusing
    note : called with a message worth knowing (default: a Python warning)
    selection : which atoms, and what of them (selection.py)

    The file is opened for each frame only; a frame that fails is taken back as a whole.
    """

    def __init__(
        self, path, every, provenance=None, *, resume_step=None, overwrite=False, note=warn, selection=None
    ):  # fmt: skip
        self.path = as_path(path, "a dump")
        self.selection = selection or Selection()
        self.every = count("every", every, 0, MOST_STEPS)
        self.provenance = provenance if provenance is not None else collect()
        self.resume_step = resume_step
        self.overwrite = overwrite
        self.note = note
        self._size = None  # bytes of whole frames
        self._last_step = None

    def observe(self, sim):
        """Append the present frame; collective."""
        thermo, snapshot = sim.thermo(), sim.snapshot()
        found = {finding: sim.by_tag(value) for finding, value in sim.find().items() if finding.per_atom}
        if snapshot is not None:
            columns = {finding.name: values for finding, values in found.items()}
            if CHARGES in columns:  # those of now, not those that the structure had
                kept = {name: own for name, own in snapshot.columns.items() if name != CHARGE}
                if any(finding.name == CHARGES and finding.constant for finding in found):
                    kept[CHARGE] = columns.pop(CHARGES)
                snapshot = replace(snapshot, columns=kept)
            self.write(snapshot, thermo, sim.units, columns=columns)

    def write(self, snapshot, thermo, units, about: dict | None = None, columns: dict | None = None, forces=True):
        """Append one frame; on rank 0 only.

        thermo : None writes no energy and no stress; about : further entries of the comment line; columns : of each
        atom, {name: float64 [n]}; forces : write them
        """
        whole = snapshot
        snapshot, columns = self.selection.of(snapshot, columns or {})
        if self._size is None:
            self._start(snapshot)
        if self._last_step is not None and snapshot.step <= self._last_step:
            if snapshot.step == self._last_step:
                return  # the frame at which a continued run starts is already there
            raise OutputError(
                f"{self.path} already holds frames up to step {self._last_step}, "
                f"the run is at {snapshot.step}: choose another output name"
            )
        info = {
            "Step": int(snapshot.step),
            "Time": float(snapshot.time),
            "mdcore": self.provenance.get("version", "unknown"),
            "seed": self.provenance.get("seed", ""),
            **snapshot.totals,
            **(about or {}),
        } | ({} if snapshot is whole or not self.selection.atoms else {OF: len(whole.species)})
        energy = stress = None
        if thermo is not None and self.selection.energy:
            energy, stress = thermo.potential, static_stress(whole, thermo.stress, units)
        atoms = snapshot if forces else replace(snapshot, forces=None)
        extra = {name: values[:, None] for name, values in columns.items()}
        try:
            # the first frame makes the file: before it, nothing is there, or what was
            with appending(self.path, self._size, BUFFER_BYTES) if self._size else self._new() as stream:
                write_frame(stream, atoms, units=units, energy=energy, stress=stress, info=info, extra=extra)
            self._size = self.path.stat().st_size
        except OSError as error:
            raise OutputError(cannot_write(self.path, error)) from error
        self._last_step = snapshot.step

    def last_step(self) -> int | None:
        """The step of the last frame in the file, None without one; on rank 0 only."""
        if self._size is None:
            self._start()
        return self._last_step

    def flush(self, durable: bool = False):
        """Frames are with the operating system already; ``durable`` waits until they are on the disk."""
        if durable and self.overwrite and not self._size and is_dump(self.path):
            remove(self.path)  # of the run that is replaced: a restart shall not take it up
        if durable and self._size:
            try:
                if self.path.stat().st_size != self._size:
                    raise OutputError(gone(self.path))
                sync(self.path)
            except FileNotFoundError:
                raise OutputError(gone(self.path)) from None
            except OSError as error:
                raise OutputError(cannot_write(self.path, error)) from error

    def close(self):
        """If nothing was written, what is later than the checkpoint goes all the same."""
        if self.resume_step is not None and self._size is None and self.path.exists():
            self._start()

    def _start(self, snapshot=None):
        try:
            if self.resume_step is not None and self.path.exists():
                self._size, self._last_step = trim(self.path, self.resume_step, snapshot)
                return
            if self.resume_step is not None:
                self.note(f"{self.path}: not found, a new file starts at step {self.resume_step}")
            check_target(self.path, self.overwrite)
        except OSError as error:
            raise OutputError(cannot_write(self.path, error)) from error
        self._size = 0

    def _new(self):
        return writing_text(self.path, overwrite=self.overwrite or self.resume_step is not None)


def static_stress(snapshot, stress, units) -> np.ndarray:
    """Stress [6] of the potential alone: `stress` (dE/dstrain / V, xx yy zz yz xz xy) less its kinetic part.

    The kinetic part is -sum m v_a v_b / V; user units in and out, nan stays nan.
    """
    v = snapshot.velocities * units.velocity
    mvv = (v * np.asarray(snapshot.masses)[:, None]).T @ v
    kinetic = mvv[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    return np.asarray(stress) + kinetic / (snapshot.box.volume * units.pressure)


def is_dump(path) -> bool:
    """Is an extxyz file there that mdcore wrote?"""
    try:
        with open_binary(path) as stream:
            return stream.readline(HEAD_BYTES).strip().isdigit() and b"mdcore=" in stream.readline(HEAD_BYTES)
    except InputError:
        return False


def trim(path, last_step: int, snapshot=None) -> tuple[int, int | None]:
    """Cut off frames later than ``last_step`` and what a kill left unfinished.

    Returns (bytes kept, last step kept or None). OutputError if the file holds something else than the
    atoms of ``snapshot``.
    """
    kept, last, names = 0, None, None
    if snapshot is not None:
        names = np.array(snapshot.symbols)[snapshot.species].tolist()
    with update(path) as stream:
        while count := stream.readline(LONGEST):
            comment = stream.readline(LONGEST)
            step = STEP.search(comment)
            whole = comment.endswith(b"\n")
            ours = b"mdcore=" in comment and step is not None if whole else kept or comment.startswith(BEGINNINGS)
            if not (ours and count.strip().isdigit()):
                raise OutputError(f"{path} was not written by mdcore: it can't be continued; move it away")
            if not whole:
                break  # cut short
            n_atoms, row = int(count), b""
            if names is not None and n_atoms != len(names):
                raise OutputError(
                    f"{path} holds {n_atoms} atoms, the run has {len(names)}: it can't be continued; "
                    "move it away or choose another output name"
                )
            check = kept == 0 and names is not None
            for k in range(n_atoms):
                row = stream.readline()
                if check and row.endswith(b"\n") and row.split(None, 1)[0] != names[k].encode():
                    raise OutputError(
                        f"{path} holds atoms of other species or in another order: it can't be continued; "
                        "move it away or choose another output name"
                    )
            if not row.endswith(b"\n") or int(step[1]) > last_step:
                break
            kept, last = stream.tell(), int(step[1])
        stream.truncate(kept)
    return kept, last
