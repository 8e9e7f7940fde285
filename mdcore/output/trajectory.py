"""Where was every atom, frame by frame?

H5MD 1.1 as other programs read it (MDAnalysis, pyh5md): group ``/particles/trajectory``, atoms
in tag order, time-dependent box edges (rows a, b, c), one step/time pair shared by hard links.
Positions are wrapped; ``image`` counts the cells crossed. All numbers are float64. ``/observables/dt``: the time
between frames, in ps, for MDAnalysis, which takes names and elements from another file:
``mdcore convert run.h5md run.pdb``.

Of some atoms only (`trajectory_atoms`) ``id`` says which, and the attribute ``of`` how many there are. Bonds are in
``/connectivity/bonds``, by ``id``, their types in ``/parameters/bond_types``. Charges that follow from the places of
atoms are an element as positions are (``charge``); a frame has them as its column "charge".

Units ``metal``: Angstrom, fs, Angstrom fs-1, and forces in kJ mol-1 Angstrom-1, because readers
know no eV (`Trajectory` gives eV/Angstrom back). Units ``lj``: no ``unit`` attributes;
MDAnalysis then wants ``convert_units=False``.
"""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from mdcore.base.arguments import as_path
from mdcore.base.elements import formula
from mdcore.base.errors import InputError
from mdcore.base.files import cause, open_h5
from mdcore.base.units import KJ_PER_MOL
from mdcore.base.units import get as get_units
from mdcore.dynamics.thermo import Snapshot
from mdcore.output.h5md import load_text
from mdcore.structure import bonds
from mdcore.structure import columns as per_atom
from mdcore.structure.box import Box
from mdcore.structure.quantities import totals

FIELDS = {"position": "positions", "velocity": "velocities", "force": "forces"}  # H5MD name -> snapshot's
GROUP = "particles/trajectory"
READ_BYTES = 3e7  # of frames read at a time
OF = "of"  # attribute of the group: how many atoms the system has, of which it holds some


def unwrapped(frame: Snapshot) -> np.ndarray:
    """Positions [n, 3] followed through the periodic boundaries."""
    return frame.positions + frame.images @ frame.box.matrix


class Trajectory:
    """Read a ``.h5md`` file of mdcore; one frame in memory at a time, also while the run is writing.

    A frame is a `Snapshot` in user units, atoms in tag order; fields that were not written are None.

    ``len(t)``, ``t[i]``, ``t[-3:]`` (frames are read when they are asked for), ``for frame in t``, ``t.steps``,
    ``t.times``, ``t.species``, ``t.symbols``, ``t.masses``, ``t.fields``, ``t.units``, ``t.provenance``, ``t.bonds``,
    ``t.thermo()``; ``t.tags``, which atoms of the run they are, ``t.whole``, whether they are all. Use it in a ``with``
    block or `close` it.
    Raises InputError if the file can't be read.
    """

    lost = ""  # why atoms can't be followed through the faces of the cell (analysis/text.py)

    def __init__(self, path):
        self.path = as_path(path, "a trajectory")
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
        self.whole, self.tags, self.bonds, self.totals = True, np.empty(0, np.int64), bonds.NONE, {}
        if group is None:  # a thermo log alone
            return
        self.fields = [name for name in FIELDS if name in group]
        step, time = group[self.fields[0]]["step"], group[self.fields[0]]["time"]
        self.steps, self.times = step[:], time[: len(step)]
        self.species = group["species"][:].astype(np.int32)
        self.symbols = names_of(group["species"])
        self.masses = group["mass"][:]
        self.periodic = tuple(flag == "periodic" for flag in boundary_of(group))
        self.n_atoms = len(self.species)
        self.columns = per_atom.load(group, self.n_atoms)
        self.tags, self.whole = group["id"][:], int(group.attrs.get(OF, self.n_atoms)) == self.n_atoms
        self._moving_charges = per_atom.CHARGE in group and per_atom.CHARGE not in self.columns
        self._check_shapes()
        self.bonds, self.totals = bonds.load(self.file, self.tags), totals(group.attrs)

    def _check_shapes(self):
        """ValueError unless every frame has every atom."""
        group, frames, n = self._group, len(self.steps), self.n_atoms
        wanted = {f"{name}/value": (n, 3) for name in self.fields}
        if "position" in self.fields:
            wanted["image/value"] = (n, 3)
        if self._moving_charges:
            wanted[f"{per_atom.CHARGE}/value"] = (n,)
        if any(self.periodic):
            wanted |= {"box/edges/value": (3, 3), "box/origin/value": (3,)}
        for name, row in wanted.items():
            if group[name].shape[1:] != row or len(group[name]) < frames or group[name].dtype.kind not in "fi":
                raise ValueError(f"{name}: expected numbers of shape [{', '.join(map(str, (frames, *row)))}]")
        kinds = [("steps", self.steps, "i", frames), ("times", self.times, "f", frames)]
        kinds += [("species", self.species, "i", n), ("masses", self.masses, "f", n), ("id", self.tags, "i", n)]
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
        positions, columns = data.get("position"), dict(self.columns)
        if self._moving_charges:
            columns[per_atom.CHARGE] = self._group[per_atom.CHARGE]["value"][k]
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
            tags=self.tags,
            units=self.units,
            columns=columns,
            bonds=self.bonds,
            totals=self.totals,
        )

    def __iter__(self) -> Iterator[Snapshot]:
        return (self[k] for k in range(len(self)))

    def edges(self, rows: slice = slice(None)) -> np.ndarray:
        """float64 [frames, 3, 3], the cell vectors of some frames."""
        with self._readable():
            return self._group["box/edges/value"][: len(self)][rows]

    def paths(self, first: int, last: int, images: bool = True) -> Iterator[tuple[np.ndarray, np.ndarray | None, Box]]:
        """(positions [n, 3], images [n, 3] or None, box) of frames first to last, read in slabs."""
        many = max(1, int(READ_BYTES / (36 * self.n_atoms)))
        for begin in range(first, last + 1, many):
            rows = slice(begin, min(begin + many, last + 1))
            with self._readable():
                positions = self._group["position/value"][rows]
                crossed = self._group["image/value"][rows] if images else [None] * len(positions)
                boxes = self._boxes(rows, positions)
            yield from zip(positions, crossed, boxes, strict=True)

    def velocities(self, rows) -> Iterator[np.ndarray]:
        """[n, 3] of each of these frames, in rising order."""
        for row in rows:
            with self._readable():
                yield self._group["velocity/value"][row]

    def _boxes(self, rows: slice, positions) -> list[Box]:
        """The box of each frame; of a cluster, whose file has none, the one around its atoms."""
        if not any(self.periodic):
            return [Box.around(own) for own in positions]
        edges, origins, boxes = self.edges(rows), self._group["box/origin/value"][rows], []
        for k in range(len(edges)):  # a box that stays is made once
            if boxes and np.array_equal(edges[k], edges[k - 1]) and np.array_equal(origins[k], origins[k - 1]):
                boxes.append(boxes[-1])
            else:
                boxes.append(Box(edges[k], self.periodic, origins[k]))
        return boxes

    def thermo(self) -> dict[str, np.ndarray]:
        """The thermo log: column name -> values [rows] (``stress`` [rows, 6]), user units."""
        group = self.file.get("thermo")
        if group is None:
            return {}
        with self._readable():
            n = len(group["step"])
            return {name: data[:n] for name, data in group.items()}

    def thermo_units(self) -> dict[str, str]:
        """{column of the thermo log: its unit}"""
        group = self.file.get("thermo", {})
        return {name: str(data.attrs.get("unit", "")) for name, data in group.items()}

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
        atoms = formula(self.symbols, counts) + ("" if self.whole else f" of {self._group.attrs[OF]} atoms")
        return f"Trajectory({str(self.path)!r}: {frames}, {atoms}, {', '.join(self.fields)})"


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


def names_of(species) -> tuple[str, ...]:
    """The table of names behind the integers of a species data set."""
    import h5py

    table = h5py.check_enum_dtype(species.dtype) or {}
    return tuple(sorted(table, key=table.get))


def boundary_of(group) -> list[str]:
    flags = group["box"].attrs["boundary"]
    return [flag.decode() if isinstance(flag, bytes) else str(flag) for flag in flags]
