"""Where was every atom, frame by frame?

H5MD 1.1 as other programs read it (MDAnalysis, pyh5md): group ``/particles/trajectory``, atoms
in tag order, time-dependent box edges (rows a, b, c), one step/time pair shared by hard links.
Positions are wrapped; ``image`` counts the cells crossed. All numbers are float64. ``/observables/dt``: the time
between frames, in ps, for MDAnalysis, which takes names and elements from another file:
``mdcore convert run.h5md run.pdb``.

Units ``metal``: Angstrom, fs, Angstrom fs-1, and forces in kJ mol-1 Angstrom-1, because readers
know no eV (`Trajectory` gives eV/Angstrom back). Units ``lj``: no ``unit`` attributes;
MDAnalysis then wants ``convert_units=False``.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mdcore.base.elements import formula
from mdcore.base.errors import InputError
from mdcore.base.files import cause, open_h5
from mdcore.base.units import KJ_PER_MOL, UnitSystem
from mdcore.base.units import get as get_units
from mdcore.dynamics.thermo import Snapshot
from mdcore.output.h5md import H5MDFile, Table, column, frame_chunk, load_text
from mdcore.structure import columns as per_atom
from mdcore.structure.box import Box

FIELDS = {"position": "positions", "velocity": "velocities", "force": "forces"}  # H5MD name -> snapshot's
LABELS = {"position": "Angstrom", "velocity": "Angstrom fs-1", "force": "kJ mol-1 Angstrom-1"}
GROUP = "particles/trajectory"
DT = "observables/dt"  # where MDAnalysis finds the time between frames
FS = 1e-3  # in ps


class H5MDWriter:
    """Observer that appends a frame every ``every`` steps.

    Parameters
    ----------
    file : H5MDFile, or a path for a file of its own
    every : steps between frames
    fields : any of ``position`` (with ``image``), ``velocity``, ``force``
    compression : gzip level 1; about 10 % smaller and several times slower
    provenance, resume_step, overwrite : see `H5MDFile`; only if ``file`` is a path

    A step is never written twice: the frame at which a continued run starts is already there.
    """

    needs_energy = False  # a step is not made dearer for it

    def __init__(
        self,
        file,
        every: int,
        fields=("position", "velocity", "force"),
        provenance=None,
        *,
        compression: bool = False,
        resume_step: int | None = None,
        overwrite: bool = False,
    ):
        if unknown := set(fields) - set(FIELDS):
            raise InputError(f"fields = {sorted(unknown)}: expected some of {', '.join(FIELDS)}")
        if not fields:
            raise InputError("fields = []: a trajectory needs at least one of " + ", ".join(FIELDS))
        if not isinstance(file, H5MDFile):
            file = H5MDFile(file, provenance, resume_step=resume_step, overwrite=overwrite)
        self.file = file
        self.every = int(every)
        self.fields = tuple(name for name in FIELDS if name in fields)
        self.compression = compression
        self._table = None  # the growing part of the open file
        self._last_step = None

    def observe(self, sim):
        """Append the present frame; collective."""
        snapshot = sim.snapshot()
        if snapshot is not None:
            timestep = getattr(getattr(sim, "integrator", None), "timestep", None)
            interval = None if timestep is None else self.every * timestep
            self.write(snapshot, sim.units, interval)

    def write(self, snapshot, units: UnitSystem, interval: float | None = None):
        """Append one frame and flush it; on rank 0 only. interval : time to the next frame, if it is known"""
        self._interval = np.nan if interval is None else interval
        h5 = self.file.open(units.name)
        if self._table is None or self._table.file != h5:
            self._table = self._begin(h5, snapshot, units)
            self._last_step = self._table.last_step
        if self._last_step is not None and snapshot.step <= self._last_step:
            if snapshot.step == self._last_step:
                return
            last = self._last_step
            self.file.mismatch(f"already holds frames up to step {last}, the run is at {snapshot.step}")
        with self.file.writing():
            self.file.reserve(self._frame_bytes(snapshot))
            self._table.append(self._rows(snapshot, units))
        self.file.flush()
        self._last_step = snapshot.step

    def close(self):
        """Close the file; a further frame reopens it."""
        self.file.close()

    def _begin(self, h5, snapshot, units) -> Table:
        """The growing data sets of the file, made or found."""
        if GROUP in h5:
            with self.file.undamaged():
                self._check(h5[GROUP], snapshot)
        else:
            with self.file.writing():
                constant = 64 * len(snapshot.species) + per_atom.size(snapshot.columns)
                self.file.reserve(self._frame_bytes(snapshot) + constant)
                self._create(h5, snapshot, units)
        first, row = self.fields[0], (len(snapshot.species), 3)
        columns = {"step": (f"{first}/step", ()), "time": (f"{first}/time", ())}
        columns |= {name: (f"{name}/value", row) for name in self.fields}
        if "position" in self.fields:
            columns["image"] = ("image/value", row)
        if any(snapshot.box.periodic):
            columns |= {"box/edges": ("box/edges/value", (3, 3)), "box/origin": ("box/origin/value", (3,))}
        if DT in h5:
            columns["dt"] = (f"/{DT}/value", ())
        return self.file.table(h5[GROUP], columns)

    def _create(self, h5, snapshot, units):
        import h5py

        metal = units.name == "metal"
        n_atoms = len(snapshot.species)
        chunk = frame_chunk(n_atoms, 8, self.compression)
        group = h5.create_group(GROUP)
        box = group.create_group("box")
        box.attrs["dimension"] = 3
        box.attrs["boundary"] = ["periodic" if periodic else "none" for periodic in snapshot.box.periodic]
        first = group.create_group(self.fields[0])
        step = column(first, "step", dtype=np.int64)
        time = column(first, "time", unit="fs" if metal else None)

        def element(parent, name, row_shape, unit, dtype=np.float64, chunk=None, compression=False):
            child = parent.require_group(name)
            if "step" not in child:
                child["step"], child["time"] = step, time
            unit = unit if metal else None
            return column(child, "value", row_shape, dtype, unit=unit, chunk=chunk, compression=compression)

        if np.isfinite(self._interval):
            element(h5, DT, (), "ps")
        if any(snapshot.box.periodic):  # without edges readers know that a cluster has no cell
            element(box, "edges", (3, 3), "Angstrom")
            element(box, "origin", (3,), "Angstrom")
        for name in self.fields:
            element(group, name, (n_atoms, 3), LABELS[name], chunk=chunk, compression=self.compression)
        if "position" in self.fields:
            element(group, "image", (n_atoms, 3), None, np.int32, chunk, self.compression)
        # species: integers into the table of names that is part of the data type
        names = {name: i for i, name in enumerate(snapshot.symbols)}
        group.create_dataset("species", data=snapshot.species, dtype=h5py.enum_dtype(names, basetype="i4"))
        group.create_dataset("id", data=np.asarray(snapshot.tags, dtype=np.int64))
        group.create_dataset("mass", data=snapshot.masses)
        if metal:
            group["mass"].attrs["unit"] = "u"
        per_atom.store(group, snapshot.columns, metal)

    def _check(self, group, snapshot):
        """Does the file hold these atoms and fields?"""
        there = tuple(name for name in FIELDS if name in group)
        if there != self.fields:
            self.file.mismatch(f"holds {', '.join(there)}, the run writes {', '.join(self.fields)}")
        if len(group["species"]) != len(snapshot.species):
            self.file.mismatch(f"holds {len(group['species'])} atoms, the run has {len(snapshot.species)}")
        names, wanted = _names(group["species"]), tuple(snapshot.symbols)
        if names != wanted:
            self.file.mismatch(f"holds the species {', '.join(names)}, the run has {', '.join(wanted)}")
        if not np.array_equal(group["species"][:], snapshot.species):
            self.file.mismatch("holds atoms of other species or in another order")
        boundary = tuple(flag == "periodic" for flag in _boundary(group))
        if boundary != tuple(snapshot.box.periodic):
            self.file.mismatch(f"is periodic along {boundary}, the run along {tuple(snapshot.box.periodic)}")

    def _rows(self, snapshot, units) -> dict[str, np.ndarray]:
        """A frame as one row of every column."""
        rows = {"step": np.array([snapshot.step]), "time": np.array([snapshot.time])}
        if DT in self._table.file:
            rows["dt"] = np.array([self._interval * (FS if units.name == "metal" else 1.0)])
        if any(snapshot.box.periodic):
            rows["box/edges"] = snapshot.box.matrix[None]
            rows["box/origin"] = np.asarray(snapshot.box.origin, dtype=float)[None]
        for name in self.fields:
            rows[name] = np.asarray(getattr(snapshot, FIELDS[name]))[None]
        if "force" in rows and units.name == "metal":
            rows["force"] = rows["force"] / KJ_PER_MOL
        if "position" in rows:
            rows["image"] = np.asarray(snapshot.images)[None]
        return rows

    def _frame_bytes(self, snapshot):
        """Upper bound of what a frame adds, rounded up to whole chunks."""
        n = len(snapshot.species)
        row = 24 * len(self.fields) + (12 if "position" in self.fields else 0)
        rounding = 4 * 65536 if 24 * n < 65536 else 4 * 1048576
        return row * n + rounding


def unwrapped(frame: Snapshot) -> np.ndarray:
    """Positions [n, 3] followed through the periodic boundaries."""
    return frame.positions + frame.images @ frame.box.matrix


class Trajectory:
    """Read a ``.h5md`` file of mdcore; one frame in memory at a time, also while the run is writing.

    A frame is a `Snapshot` in user units, atoms in tag order; fields that were not written are None.

    ``len(t)``, ``t[i]``, ``t[-3:]`` (frames are read when they are asked for), ``for frame in t``, ``t.steps``,
    ``t.times``, ``t.species``, ``t.symbols``, ``t.masses``, ``t.fields``, ``t.units``, ``t.provenance``,
    ``t.thermo()``. Use it in a ``with`` block or `close` it.
    Raises InputError if the file can't be read.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.file = open_h5(self.path, "a trajectory")
        try:
            with self._readable():
                self._load()
        except InputError:
            self.close()
            raise

    @contextlib.contextmanager
    def _readable(self):
        """InputError for what the file has not, or not as it should be."""
        try:
            yield
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, RuntimeError) as error:
            what = error.args[0] if isinstance(error, KeyError) else cause(error)
            raise InputError(f"{self.path}: not an H5MD file of mdcore, or a damaged one ({what})") from None

    def _load(self):
        self.units = get_units(str(self.file["h5md"].attrs["units"]))
        self.provenance = load_text(self.file["provenance"])
        self._group = group = self.file.get(GROUP)
        self.n_atoms, self.steps, self.times, self.fields = 0, np.empty(0, np.int64), np.empty(0), []
        if group is None:  # a thermo log alone
            return
        self.fields = [name for name in FIELDS if name in group]
        step, time = group[self.fields[0]]["step"], group[self.fields[0]]["time"]
        self.steps, self.times = step[:], time[: len(step)]
        self.species = group["species"][:].astype(np.int32)
        self.symbols = _names(group["species"])
        self.masses = group["mass"][:]
        self.periodic = tuple(flag == "periodic" for flag in _boundary(group))
        self.n_atoms = len(self.species)
        self.columns = per_atom.load(group, self.n_atoms)
        self._check_shapes()

    def _check_shapes(self):
        """ValueError unless every frame has every atom."""
        group, frames, n = self._group, len(self.steps), self.n_atoms
        wanted = {f"{name}/value": (n, 3) for name in self.fields}
        if "position" in self.fields:
            wanted["image/value"] = (n, 3)
        if any(self.periodic):
            wanted |= {"box/edges/value": (3, 3), "box/origin/value": (3,)}
        for name, row in wanted.items():
            if group[name].shape[1:] != row or len(group[name]) < frames or group[name].dtype.kind not in "fi":
                raise ValueError(f"{name}: expected numbers of shape [{frames}, {', '.join(map(str, row))}]")
        kinds = [("steps", self.steps, "i", frames), ("times", self.times, "f", frames)]
        kinds += [("species", self.species, "i", n), ("masses", self.masses, "f", n)]
        for name, values, kind, size in kinds:
            if values.dtype.kind != kind or values.shape != (size,):
                raise ValueError(f"{name}: expected one number for each")
        if len(self.periodic) != 3 or (n and not 0 <= self.species.min() <= self.species.max() < len(self.symbols)):
            raise ValueError("species or boundary: not as they should be")

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index):
        """The frame at an index, as in a list; of a slice, a sequence of frames that are read when asked for."""
        numbers = range(len(self.steps))
        try:
            if isinstance(index, slice):
                return Frames(self, numbers[index])
            k = numbers[index]
        except IndexError:
            raise IndexError(f"{self.path}: frame {index}: there are {len(numbers)}, counted from 0") from None
        except TypeError:
            raise InputError(_no_frame(self, index)) from None
        if not self.file:
            raise InputError(f"{self.path}: closed; open it again: Trajectory({str(self.path)!r})")
        with self._readable():
            return self._frame(k)

    def _frame(self, k: int) -> Snapshot:
        data = {name: self._group[name]["value"][k] for name in self.fields}
        if "force" in data and self.units.name == "metal":
            data["force"] = data["force"] * KJ_PER_MOL
        positions = data.get("position")
        if any(self.periodic):
            cell = self._group["box"]
            box = Box(cell["edges/value"][k], self.periodic, cell["origin/value"][k])
        else:
            box = Box.around(positions, 1.0) if positions is not None else None
        return Snapshot(
            step=int(self.steps[k]),
            time=float(self.times[k]),
            box=box,
            positions=positions,
            images=self._group["image/value"][k] if positions is not None else None,
            velocities=data.get("velocity"),
            forces=data.get("force"),
            species=self.species,
            symbols=self.symbols,
            masses=self.masses,
            tags=np.arange(self.n_atoms),
            units=self.units,
            columns=dict(self.columns),
        )

    def __iter__(self) -> Iterator[Snapshot]:
        return (self[k] for k in range(len(self)))

    def thermo(self) -> dict[str, np.ndarray]:
        """The thermo log: column name -> values [rows] (``stress`` [rows, 6]), user units."""
        group = self.file.get("thermo")
        if group is None:
            return {}
        with self._readable():
            n = len(group["step"])
            return {name: data[:n] for name, data in group.items()}

    def close(self):
        """Close the file; frames can't be read after that."""
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        if not len(self):
            return f"Trajectory({str(self.path)!r}: no frames)"
        counts = np.bincount(self.species, minlength=len(self.symbols))
        frames = f"{len(self)} frame{'s' if len(self) > 1 else ''}, steps {self.steps[0]} to {self.steps[-1]}"
        return f"Trajectory({str(self.path)!r}: {frames}, {formula(self.symbols, counts)}, {', '.join(self.fields)})"


def _no_frame(trajectory: Trajectory, index) -> str:
    """What is wrong with asking for ``trajectory[index]``, and what gives what may be meant."""
    text = f"{trajectory.path}: trajectory[{index!r}]: frames are counted by integers, trajectory[0] or trajectory[-3:]"
    if not isinstance(index, str):
        return text
    if index in trajectory.thermo():
        return f"{text}; this is a column of the thermo log: trajectory.thermo()[{index!r}]"
    known = {"position": "positions", "x": "positions", "velocity": "velocities", "v": "velocities", "force": "forces"}
    name = known.get(index, index)
    if name in (*FIELDS.values(), "images", "step", "time", "box"):
        return f"{text}; of each frame: [frame.{name} for frame in trajectory]"
    return f"{text}; trajectory[0].positions, trajectory.steps, trajectory.thermo() have the numbers"


class Frames(Sequence):
    """Some frames of a trajectory: numbers (a range) of them."""

    def __init__(self, trajectory: Trajectory, numbers: range):
        self.trajectory, self.numbers = trajectory, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index):
        try:
            numbers = self.numbers[index]
        except TypeError:
            raise InputError(_no_frame(self.trajectory, index)) from None
        return Frames(self.trajectory, numbers) if isinstance(index, slice) else self.trajectory[numbers]

    def __repr__(self):
        return f"{len(self)} frames of {self.trajectory!r}"


def _names(species) -> tuple[str, ...]:
    """The table of names behind the integers of a species data set."""
    import h5py

    table = h5py.check_enum_dtype(species.dtype) or {}
    return tuple(sorted(table, key=table.get))


def _boundary(group) -> list[str]:
    flags = group["box"].attrs["boundary"]
    return [flag.decode() if isinstance(flag, bytes) else str(flag) for flag in flags]
