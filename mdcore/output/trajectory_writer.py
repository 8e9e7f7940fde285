"""Every so many steps a frame goes into the H5MD file of a run; its layout: trajectory.py."""

from dataclasses import replace

import numpy as np

from mdcore.base.arguments import listed
from mdcore.base.errors import InputError
from mdcore.base.ranges import MOST_STEPS, count
from mdcore.base.units import KJ_PER_MOL, UnitSystem
from mdcore.output.h5md import H5MDFile, Table, column, frame_chunk
from mdcore.output.selection import Selection
from mdcore.output.trajectory import FIELDS, GROUP, OF, boundary_of, names_of
from mdcore.structure import bonds
from mdcore.structure import columns as per_atom

LABELS = {"position": "Angstrom", "velocity": "Angstrom fs-1", "force": "kJ mol-1 Angstrom-1"}
DT = "observables/dt"  # where MDAnalysis finds the time between frames
FS = 1e-3  # in ps


class H5MDWriter:
    """Observer that appends a frame every ``every`` steps.

    Parameters
    ----------
    file : H5MDFile, or a path for a file of its own
    every : steps between frames
    fields : any of ``position`` (with ``image``), ``velocity``, ``force``
    atoms : species and groups, whose atoms are written; none: all atoms are
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
        atoms=(),
        compression: bool = False,
        resume_step: int | None = None,
        overwrite: bool = False,
    ):
        fields = listed("fields", fields, "'position'")
        if unknown := {str(name) for name in fields} - set(FIELDS):
            raise InputError(f"fields = {sorted(unknown)}: expected some of {', '.join(FIELDS)}")
        if not fields:
            raise InputError("fields = []: a trajectory needs at least one of " + ", ".join(FIELDS))
        if not isinstance(file, H5MDFile):
            file = H5MDFile(file, provenance, resume_step=resume_step, overwrite=overwrite)
        self.file = file
        self.every = count("every", every, 0, MOST_STEPS)
        self.fields = tuple(name for name in FIELDS if name in fields)
        self.selection = Selection(atoms=atoms)
        self.compression = compression
        self._table = None  # the growing part of the open file
        self._last_step = None
        self._given = False  # charges that do not change are in the file

    def observe(self, sim):
        """Append the present frame; collective."""
        snapshot = sim.snapshot()
        findings = getattr(getattr(sim, "potential", None), "findings", ())
        wanted = [finding for finding in findings if finding.name == per_atom.CHARGES]
        given = bool(wanted) and wanted[0].constant
        if wanted and not (given and self._given):
            charges, self._given = sim.by_tag(sim.work.bound.find(sim.work, wanted)[wanted[0]]), given
        else:
            charges = None  # there are none, or they have been written
        if snapshot is not None:
            if given and charges is not None:  # once, as what the structure says of its atoms
                snapshot, charges = replace(snapshot, columns={**snapshot.columns, per_atom.CHARGE: charges}), None
            timestep = getattr(getattr(sim, "integrator", None), "timestep", None)
            interval = None if timestep is None else self.every * timestep
            self.write(snapshot, sim.units, interval, charges)

    def write(self, snapshot, units: UnitSystem, interval: float | None = None, charges: np.ndarray | None = None):
        """Append one frame and flush it; on rank 0 only. interval : time to the next frame, if it is known; charges :
        of each atom, where they follow from the places of atoms; all frames have them, or none"""
        self._interval, self._of = np.nan if interval is None else interval, len(snapshot.species)
        snapshot, more = self.selection.of(snapshot, {} if charges is None else {per_atom.CHARGE: charges})
        self._charges = more.get(per_atom.CHARGE)
        if charges is not None:
            kept = {name: own for name, own in snapshot.columns.items() if name != per_atom.CHARGE}
            snapshot = replace(snapshot, columns=kept)
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
                constant = 64 * len(snapshot.species) + per_atom.size(snapshot.columns) + bonds.size(snapshot.bonds)
                self.file.reserve(self._frame_bytes(snapshot) + constant)
                self._create(h5, snapshot, units)
        first, row = self.fields[0], (len(snapshot.species), 3)
        columns = {"step": (f"{first}/step", ()), "time": (f"{first}/time", ())}
        columns |= {name: (f"{name}/value", row) for name in self.fields}
        if "position" in self.fields:
            columns["image"] = ("image/value", row)
        if self._charges is not None:
            columns["charge"] = ("charge/value", row[:1])
        if any(snapshot.box.periodic):
            columns |= {"box/edges": ("box/edges/value", (3, 3)), "box/origin": ("box/origin/value", (3,))}
        if DT in h5:
            columns["dt"] = (f"/{DT}/value", ())
        return self.file.table(h5[GROUP], columns)

    def _create(self, h5, snapshot, units):
        import h5py

        metal = units.name == "metal"
        n_atoms = len(snapshot.species)
        chunk = frame_chunk(n_atoms, self.compression)
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
        if self._charges is not None:
            element(group, per_atom.CHARGE, (n_atoms,), "e", chunk=frame_chunk(n_atoms, self.compression)[:2])
        # species: integers into the table of names that is part of the data type
        names = {name: i for i, name in enumerate(snapshot.symbols)}
        group.create_dataset("species", data=snapshot.species, dtype=h5py.enum_dtype(names, basetype="i4"))
        group.create_dataset("id", data=np.asarray(snapshot.tags, dtype=np.int64))
        group.create_dataset("mass", data=snapshot.masses)
        if metal:
            group["mass"].attrs["unit"] = "u"
        per_atom.store(group, snapshot.columns, metal)
        if self._of != n_atoms:
            group.attrs[OF] = self._of
        group.attrs.update(snapshot.totals)
        bonds.store(h5, group, snapshot.bonds, snapshot.tags)

    def _check(self, group, snapshot):
        """Does the file hold these atoms and fields?"""
        there = tuple(name for name in FIELDS if name in group)
        if there != self.fields:
            self.file.mismatch(f"holds {', '.join(there)}, the run writes {', '.join(self.fields)}")
        moving = per_atom.CHARGE in group and hasattr(group[per_atom.CHARGE], "keys")
        if moving != (self._charges is not None):
            holds, has = ("", "none") if moving else ("no ", "some")
            self.file.mismatch(f"holds {holds}charges of each frame, and the run has {has}")
        if len(group["species"]) != len(snapshot.species):
            self.file.mismatch(f"holds {len(group['species'])} atoms, the run has {len(snapshot.species)}")
        names, wanted = names_of(group["species"]), tuple(snapshot.symbols)
        if names != wanted:
            self.file.mismatch(f"holds the species {', '.join(names)}, the run has {', '.join(wanted)}")
        if not np.array_equal(group["species"][:], snapshot.species) or not np.array_equal(group["id"], snapshot.tags):
            self.file.mismatch("holds atoms of other species or in another order")
        boundary = tuple(flag == "periodic" for flag in boundary_of(group))
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
        if self._charges is not None:
            rows["charge"] = self._charges[None]
        if "position" in rows:
            rows["image"] = np.asarray(snapshot.images)[None]
        return rows

    def _frame_bytes(self, snapshot):
        """Upper bound of what a frame adds, rounded up to whole chunks."""
        n = len(snapshot.species)
        row = 24 * len(self.fields) + 8 * (self._charges is not None) + (12 if "position" in self.fields else 0)
        rounding = 4 * 65536 if 24 * n < 65536 else 4 * 1048576
        return row * n + rounding
