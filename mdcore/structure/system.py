"""What is simulated: which atoms, where, how heavy and how fast, in which cell?"""

import difflib
import math
import os
import warnings
from pathlib import Path

import numpy as np

from mdcore.base.arguments import as_path, listed, of_kind, table
from mdcore.base.elements import ATOMIC_MASSES, element_of, formula, stranger
from mdcore.base.errors import InputError
from mdcore.base.files import open_binary
from mdcore.base.memory import check_count
from mdcore.base.ranges import RANGES, count, number
from mdcore.base.units import METAL, UnitSystem
from mdcore.base.units import get as get_units
from mdcore.structure import crystals, extxyz, quantities
from mdcore.structure.ase_constraints import constraints_of, to_constraints
from mdcore.structure.bonds import WithBonds, replicated
from mdcore.structure.box import Box, check_positions
from mdcore.structure.columns import CHARGE, FIXED, WithColumns, column, of_ase
from mdcore.structure.edits import Edits
from mdcore.structure.quantities import ASYMMETRIC, WithTotals, asymmetric, asymmetry, numbers, tensor, voigt

FASTEST = 1e6  # unit of velocity
MOST_FRAMES = 10**9
LABELS = ("energy", "forces", "stress", "virial")

SAME = 1e-3  # of the largest: by how much two columns of velocities may differ, written with few digits


class System(Edits, WithColumns, WithBonds, WithTotals):
    """Atoms in a box, all quantities in user units (metal: Angstrom, amu, Angstrom/fs, e).

    Parameters
    ----------
    box : Box
    positions : float64 [n, 3], anywhere, also outside the cell
    species : one name for all atoms, n names, or int [n] that index ``symbols``
    symbols : distinct species names; needed only with integer ``species``
    masses : float64 [n], or {species name: mass}, or None: standard atomic weights (lj: 1)
    velocities : float64 [n, 3] or None
    charges : float64 [n] or None; columns : what else is known of each atom, {name: numbers or labels} (columns.py): a
        run keeps them, writes them into its files, and hands them to potentials of Python
    units : "metal", "lj" or a UnitSystem
    info : where the system comes from: a file and its frame, a lattice, ... A file's energy,
        forces [n, 3] and stress [6] (user units) are kept here as well.

    bonds : int64 [m, 3], two atoms and the type of their bond (bonds.py)
    fixed : bool [n, 3] or None, components that are held where they are; constraints : what the source constrains
        beside, in words, or "": a Simulation refuses

    The tag of an atom is its place here, counted from 0. Arrays are copied in. Raises
    InputError for wrong shapes, numbers that are not finite, and species without a mass.
    """

    def __init__(
        self, box, positions, species, symbols=None, *, masses=None, velocities=None, charges=None,
        columns=None, units="metal", info=None,
    ):  # fmt: skip
        self.units: UnitSystem = get_units(units)
        self.box: Box = of_kind("System: box", box, Box, "a Box, e.g. Box.cubic(10.0)")
        self.positions = column("positions", positions, None)
        check_positions(self.positions)
        n = len(self.positions)
        self.species, self.symbols = _species(species, symbols, n)
        self.masses = self._masses(masses)
        self.velocities = None if velocities is None else column("velocities", velocities, n)
        if velocities is not None and not np.abs(self.velocities).max() <= FASTEST:
            fast = int(np.abs(self.velocities).max(axis=1).argmax())
            raise InputError(
                f"velocities: atom {fast} (counting from 0) has {self.velocities[fast].tolist()}; they go up to "
                f"+-{FASTEST:g}"
            )
        self.columns = {} if columns is None else columns
        if charges is not None:
            self.charges = charges
        self.info = table("System: info", info)
        self.constraints = ""

    @classmethod
    def read(
        cls, path, frame: int = -1, units="metal", *, format=None, types=None, periodic=None, masses=None, labels=True
    ) -> "System":  # fmt: skip
        """One structure from a file: extended or plain xyz, data of LAMMPS, or any format of ASE (an extra).

        frame : counted from 0; negative from the end
        format : "extxyz", "lammps-data", or a name of ASE's; None: as name and content say
        types : {number or label of a type: species}, of data files and dumps of LAMMPS
        periodic : bool or three bools instead of what the file says
        masses : {species name: mass}, instead of the file's or the standard ones
        labels : keep energy, forces and stress in `info`, as the file has them (nan, too); False: they are not read
        """
        from mdcore.structure import lammps  # here and below: who builds a crystal need not load readers

        path, units = as_path(path, "a structure file"), get_units(units)
        check_file(path)
        count("frame", frame, -MOST_FRAMES, MOST_FRAMES)
        if format is not None:
            of_kind("format", format, str, "a text, such as 'extxyz'")
        types = {str(key): name for key, name in table("types", types).items()} or None
        if format == "lammps-data" or (format is None and lammps.is_data(path)):
            return cls._of_lammps(path, frame, units, types, periodic, masses)
        if format not in ("extxyz", "xyz") and (format or path.suffix.lower() not in extxyz.SUFFIXES):
            return cls._by_ase(path, frame, units, format, types, periodic, masses, labels)
        if types:
            raise InputError(f"{path}: types: apply to data files and dumps of LAMMPS only; this is extended xyz")
        return cls.of_extxyz(extxyz.read(path, frame, units, labels=labels), units, path, periodic, masses, labels)

    @classmethod
    def of_extxyz(cls, data, units, path, periodic=None, masses=None, labels=True) -> "System":
        """From a frame of an extended xyz file (`extxyz.Frame`); the rest as in `read`."""
        flags = data.periodic if periodic is None else periodic
        lattice = np.zeros((3, 3)) if data.lattice is None else data.lattice
        try:
            box = Box.completed(lattice, flags, data.positions, data.origin)
            own = data.masses if masses is None or data.masses is None else _override(data, masses)
            system = cls(
                box, data.positions, data.species, data.symbols, masses=masses if own is None else own,
                velocities=data.velocities, charges=data.charges, columns=data.others, units=units,
            )  # fmt: skip
        except InputError as error:
            raise InputError(f"{data.where}: {error}") from None
        if data.momenta is not None:
            heavy = system.masses if data.masses is None else data.masses
            system.velocities = data.momenta / heavy[:, None] / units.velocity
            if data.velocities is not None:
                _same_velocities(system.velocities, data.velocities, data.where)
        other = {key: value for key, value in data.info.items() if key.lower() not in LABELS}
        system.info = {"source": str(path), "frame": data.index, **other}
        if labels:
            system.info.update(data.results(box.volume if any(box.periodic) else None, units))
        system.fixed = data.fixed
        return system

    @classmethod
    def _of_lammps(cls, path, frame, units, types, periodic, masses) -> "System":
        from mdcore.structure import lammps

        if frame not in (0, -1):
            raise InputError(f"{path}: frame = {frame}: a data file of LAMMPS holds one structure, 0")
        data = lammps.read_data(path, types, units)
        try:
            box = Box.completed(data.matrix, True if periodic is None else periodic, data.positions, data.origin)
            system = cls(
                box, data.positions, data.names, masses=masses if data.masses is None else data.masses,
                velocities=data.velocities, charges=data.charges, units=units, info={"source": str(path), "frame": 0},
            )  # fmt: skip
            system.bonds = data.bonds
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        if data.masses is not None and masses:
            system.masses = _override(system, masses)
        return system

    @classmethod
    def _by_ase(cls, path, frame, units, format, types, periodic, masses, labels) -> "System":
        from mdcore.structure.ase_files import read_atoms

        atoms, names = read_atoms(path, frame, format, types)
        try:
            system = cls.from_ase(atoms, units, periodic=periodic, masses=masses, names=names)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        own = {key: value for key, value in system.info.items() if labels or key not in LABELS}
        system.info = {"source": str(path), "frame": frame, **own}
        return system

    @classmethod
    def build(
        cls, kind: str, lattice_constant=None, species=None, repeat=(1, 1, 1), density=None, *,
        c_over_a=None, periodic=True, masses=None, units="metal",
    ) -> "System":  # fmt: skip
        """A crystal: fcc, bcc, hcp (orthorhombic cell of 4 atoms), sc or diamond, repeated.

        Either ``lattice_constant`` a or ``density`` (metal: g/cm3; lj: atoms per sigma^3).
        ``species`` is one name (lj: "A" if not given).
        """
        units = get_units(units)
        species = species or ("A" if units.name == "lj" else None)
        if not isinstance(species, str):
            raise InputError(f'species = {species!r}: expected one name, e.g. species = "Ar"')
        if (lattice_constant is None) == (density is None):
            raise InputError("give either lattice_constant or density of the crystal to build")
        if lattice_constant is None:
            crystals.cell_edges(kind, c_over_a)  # a wrong kind is the first thing to hear of
            mass = species_mass(species, units, masses) if units.name == "metal" else 1.0
            per_volume = number("density", density, "density") * units.density / mass
            lattice_constant = crystals.lattice_constant(kind, per_volume, c_over_a)
        matrix, positions = crystals.crystal(kind, lattice_constant, c_over_a)
        cell = cls(Box(matrix, periodic), positions, species, masses=masses, units=units)
        cell.info = {"source": f"{kind} {species}", "lattice_constant": float(lattice_constant)}
        return cell.replicate(repeat)

    def replicate(self, repeat) -> "System":
        """nx * ny * nz copies along the cell vectors, copy after copy, the last direction fastest.

        Copies move like the original. Results of a file (energy, forces, stress) are dropped.
        """
        repeat = crystals.check_repeat(repeat)
        check_count(len(self.positions) * math.prod(repeat), f"replicate = {list(repeat)}")
        shifts = crystals.copies(self.box.matrix, repeat)
        k = len(shifts)

        def tiled(column):
            return None if column is None else np.tile(column, (k,) + (1,) * (column.ndim - 1))

        info = {key: value for key, value in self.info.items() if key not in ("energy", "forces", "stress")}
        if k > 1:
            info = quantities.of_copies(info, k) | {"replicate": list(repeat)}
        copy = System(
            self.box.replicated(repeat),
            (self.positions[None] + shifts[:, None]).reshape(-1, 3),
            tiled(self.species),
            self.symbols,
            masses=tiled(self.masses),
            velocities=tiled(self.velocities),
            columns={name: tiled(values) for name, values in self.columns.items()},
            units=self.units,
            info=info,
        )
        copy.constraints, copy.bonds = self.constraints, replicated(self.bonds, self.box, self.positions, repeat)
        return copy

    @property
    def n_atoms(self) -> int:
        """How many atoms there are."""
        return len(self.positions)

    @property
    def names(self) -> list[str]:
        """The species name of every atom."""
        return [self.symbols[k] for k in self.species.tolist()]

    @property
    def density(self) -> float:
        """Mass per volume in user units; nan unless periodic along all three directions."""
        if not all(self.box.periodic):
            return float("nan")
        return float(self.masses.sum() / self.box.volume / self.units.density)

    @classmethod
    def from_ase(cls, atoms, units="metal", *, periodic=None, masses=None, names=None) -> "System":
        """From an ``ase.Atoms``; velocities if it has momenta; results of its calculator into ``info``.

        names : species of each atom, instead of the chemical symbols
        """
        units = get_units(units)
        if not all(hasattr(atoms, name) for name in ("pbc", "get_positions", "get_chemical_symbols", "cell")):
            raise InputError(f"{type(atoms).__name__}: expected a structure, a System or ASE's Atoms")
        flags = tuple(bool(flag) for flag in atoms.pbc) if periodic is None else periodic
        positions, names = atoms.get_positions(), names or atoms.get_chemical_symbols()
        box = Box.completed(atoms.cell.array, flags, positions, atoms.get_celldisp().ravel())
        own = atoms.get_masses() if atoms.has("masses") else None
        heavy = masses if own is None else own
        system = cls(box, positions, names, masses=heavy, columns=of_ase(atoms), units=units)
        if own is not None and masses:
            system.masses = _override(system, masses)
        if atoms.has("momenta"):  # ASE's unit of velocity, Angstrom / (Angstrom sqrt(amu/eV)), is ours inside
            system.velocities = atoms.get_velocities() / units.velocity
        system.fixed, system.constraints = constraints_of(atoms)
        system.info |= quantities.totals(atoms.info)
        results = getattr(atoms.calc, "results", {})
        system.info |= {key: results[key] for key in ("energy", "forces") if key in results}
        if "stress" in results:
            stress = tensor(numbers(results["stress"], (9, 6), "stress", finite=False))
            if asymmetry(stress) > ASYMMETRIC:
                warnings.warn(asymmetric("ASE's Atoms", "stress", asymmetry(stress)), stacklevel=2)
            system.info["stress"] = voigt(stress) / units.pressure
        return system

    def check_free(self) -> None:
        """InputError if something is to be held in place, which no simulation here does."""
        if self.constraints:
            raise InputError(
                f"{self.constraints}: mdcore holds atoms and their components (FixAtoms, FixCartesian), nothing else. "
                'Take that out of the structure (in Python: system.constraints = "") if it may go'
            )

    def to_ase(self):
        """As an ``ase.Atoms`` with masses and momenta; species that are no elements become "X"."""
        try:
            from ase import Atoms
        except ImportError:
            raise InputError('ASE is not installed: pip install "mdcore[ase]"') from None
        momenta = None
        if self.velocities is not None:
            momenta = self.velocities * (self.units.velocity * self.masses[:, None])
        atoms = Atoms(
            [element_of(name) if name in ATOMIC_MASSES else "X" for name in self.names],
            positions=self.positions,
            cell=self.box.matrix if any(self.box.periodic) else None,
            celldisp=self.box.origin if any(self.box.periodic) else None,
            pbc=self.box.periodic,
            masses=self.masses,
            momenta=momenta,
            charges=self.charges,
        )
        atoms.arrays |= {name: values.copy() for name, values in self.columns.items() if name not in (CHARGE, FIXED)}
        atoms.info |= self.totals
        if self.fixed is not None:
            atoms.set_constraint(to_constraints(self.fixed))
        return atoms

    def _masses(self, masses) -> np.ndarray:
        if masses is None or isinstance(masses, dict):
            each = [species_mass(name, self.units, masses) for name in self.symbols]
            return np.array(each)[self.species]
        own = column("masses", masses, len(self.positions), ())
        least, most = RANGES["mass"]
        possible = (own >= least) & (own <= most)
        if not possible.all():
            first = int(np.argmin(possible))
            raise InputError(
                f"masses: atom {first} (counting from 0) has mass {own[first]:g}; masses must be positive, "
                f"{least:g} to {most:g}"
            )
        return own

    def __len__(self):
        return self.n_atoms

    def __repr__(self):
        counts = np.bincount(self.species, minlength=len(self.symbols))
        return f"System({formula(self.symbols, counts)}, {self.box!r}, units={self.units.name!r})"


def species_mass(name: str, units: UnitSystem, masses: dict[str, float] | None = None) -> float:
    """The mass of a species: as given, else its standard atomic weight, else the default of the units."""
    if masses and name in masses:
        return number(f"mass of {name}", masses[name], "mass")
    if units.default_mass is not None:
        return units.default_mass
    if name in ATOMIC_MASSES:
        return ATOMIC_MASSES[name]
    raise InputError(
        f"species {name!r} is not a chemical element and has no mass: "
        f"give one, e.g. masses = {{ {name} = 12.0 }}{stranger(name)}"
    )


def _override(atoms, masses: dict[str, float]) -> np.ndarray:
    """The masses [n] of ``atoms`` with those of the named species replaced."""
    column, masses = np.array(atoms.masses), table("masses", masses)
    for k, name in enumerate(atoms.symbols):
        if name in masses:
            column[atoms.species == k] = species_mass(name, METAL, masses)
    return column


def check_file(path: Path):
    """InputError unless ``path`` is a file that may be read; suggests a near name."""
    if path.is_dir():
        raise InputError(f"{path}: is a directory, expected a structure file")
    if not path.exists():
        folder = path.parent if path.parent.is_dir() else Path()
        close = difflib.get_close_matches(path.name, os.listdir(folder), n=1)
        hint = f"did you mean {path.with_name(close[0])}?" if close else "check the name and the directory"
        raise InputError(f"{path}: no such file; {hint}")
    open_binary(path, "a structure file").close()


def _same_velocities(ours: np.ndarray, others: np.ndarray, where: str) -> None:
    """InputError where momenta / masses and a column of velocities differ by more than how they were rounded."""
    off = np.abs(ours - others).max(axis=1)
    worst = int(np.argmax(off))
    if off[worst] > SAME * np.abs(ours).max():
        raise InputError(
            f"{where}: its columns of momenta and of velocities contradict each other, first of all for atom {worst} "
            f"(counting from 0): {ours[worst].tolist()} and {others[worst].tolist()}; leave one of them out"
        )


def _species(species, symbols, n) -> tuple[np.ndarray, tuple[str, ...]]:
    """(int32 [n], distinct names) from names or integers."""
    if isinstance(species, str):
        species, symbols = np.zeros(n, dtype=np.int32), (species,)
    elif symbols is None:
        names = [str(name) for name in listed("species", species, "'Ar'")]
        symbols = tuple(dict.fromkeys(names))
        index = {name: k for k, name in enumerate(symbols)}
        species = np.array([index[name] for name in names], dtype=np.int32)
    species, symbols = np.array(species), tuple(symbols)
    if species.shape != (n,) or species.dtype.kind not in "iu":
        raise InputError(f"species: expected {n} integers or names, one an atom")
    if species.min() < 0 or species.max() >= len(symbols):
        top = len(symbols) - 1
        raise InputError(f"species: indices must lie in 0..{top}, the range of symbols {symbols}")
    for name in symbols:
        if not isinstance(name, str) or not name or name.split() != [name]:
            raise InputError(f"species name {name!r}: expected a word without blanks")
    if len(set(symbols)) != len(symbols):
        raise InputError(f"symbols {symbols}: the names must differ")
    return species.astype(np.int32), symbols
