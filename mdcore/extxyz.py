"""What do extended xyz files say, and how are they written so that ASE and OVITO read them?

Columns may come in any order, named in ``Properties``. Units and conventions:

- ``Lattice``: 9 numbers, rows a, b, c; ``Origin`` the corner of the cell (OVITO); ``pbc`` defaults to
  periodic with a Lattice and non-periodic without.
- ``momenta``: in ASE's units, sqrt(amu eV), as ASE writes them; ``velo``, ``vel``, ``velocities``:
  Angstrom/fs, as QUIP and GPUMD write them. In lj units everything is reduced.
- ``forces`` or ``force`` in eV/Angstrom, ``energy`` in eV, ``stress`` (9 or 6 numbers, xx yy zz yz xz xy)
  in eV/Angstrom^3 with ASE's sign, +dE/dstrain/V; ``virial`` is -V times that.
- ``id``: unique integers; atoms are sorted by them. ``masses`` in amu, ``charge`` in e.
- A comment line without ``Lattice`` and ``Properties`` is plain xyz: name, x, y, z; the rest of a line is
  ignored. In metal units ``AR`` and ``ar`` mean Ar.
"""

import collections
import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mdcore import extxyz_header as header
from mdcore.elements import ATOMIC_MASSES, SYMBOLS
from mdcore.errors import InputError
from mdcore.units import METAL, UnitSystem

SUFFIXES = (".extxyz", ".xyz", ".exyz")
CHUNK = 32768  # lines parsed at a time
SHORTEST_LINE = 7  # bytes of "H 0 0 0"

# column -> names it goes by in files, type, and width; species and atomic numbers are read specially
COLUMNS = {
    "species": (("species", "symbols", "symbol", "element", "elements"), "U32", 1),
    "number": (("z", "numbers", "atomic_numbers"), "i4", 1),
    "positions": (("pos", "positions", "position"), "f8", 3),
    "velocities": (("velo", "vel", "velocity", "velocities"), "f8", 3),
    "momenta": (("momenta", "momentum"), "f8", 3),
    "forces": (("forces", "force"), "f8", 3),
    "masses": (("masses", "mass"), "f8", 1),
    "charges": (("charge", "charges", "initial_charges"), "f8", 1),
    "ids": (("id", "ids"), "i8", 1),
}
ALIASES = {alias: name for name, (aliases, _, _) in COLUMNS.items() for alias in aliases}


@dataclass
class Frame:
    """One structure as the file has it. Optional columns are None when absent."""

    where: str  # "water.xyz: frame 3", for messages
    index: int  # counted from 0
    symbols: tuple[str, ...]
    species: np.ndarray  # int32 [n]
    positions: np.ndarray  # float64 [n, 3]
    lattice: np.ndarray | None  # [3, 3]
    periodic: tuple[bool, bool, bool]
    origin: np.ndarray  # [3]
    velocities: np.ndarray | None = None  # [n, 3], user units
    momenta: np.ndarray | None = None  # [n, 3], sqrt(amu eV)
    masses: np.ndarray | None = None  # [n]
    charges: np.ndarray | None = None  # [n]
    forces: np.ndarray | None = None  # [n, 3]
    energy: float | None = None
    stress: np.ndarray | None = None  # [6], eV/Angstrom^3
    virial: np.ndarray | None = None  # [6], eV
    info: dict = field(default_factory=dict)  # the other entries of the comment line
    columns: tuple[str, ...] = ()  # names of all columns in the file
    extra: dict = field(default_factory=dict)  # columns that were asked for by name: float64 [n, width]

    def results(self, volume: float, units: UnitSystem) -> dict:
        """Those of energy, forces and stress [6] that the file has, in user units."""
        stress = self.stress if self.virial is None else -self.virial / volume
        found = {"energy": self.energy, "forces": self.forces}
        found["stress"] = None if stress is None else stress / units.pressure
        return {key: value for key, value in found.items() if value is not None}


def read(path, frame: int = -1, units: UnitSystem = METAL) -> Frame:
    """Frame number ``frame`` (negative: from the end) of an xyz file; the others are skipped unparsed.

    Raises InputError with file, line, what is wrong and the cure.
    """
    path = Path(path)
    try:
        with open(path, "rb") as stream:
            index, offset, line, n_atoms = _find(stream, path, frame)
            stream.seek(offset)
            with io.TextIOWrapper(stream, encoding="utf-8") as text:
                return _parse(text, path, index, line, n_atoms, units)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; expected extended xyz") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from None


def iterate(path, units: UnitSystem = METAL, extra: tuple[str, ...] = ()) -> Iterator[Frame]:
    """All frames, one by one, also of files larger than memory; InputError as `read`.

    extra : names of further columns of numbers to keep, in `Frame.extra`, where the file has them
    """
    path, index, line = Path(path), 0, 0
    try:
        with open(path, encoding="utf-8") as text:
            while row := text.readline(1024):
                line += 1
                if row.strip():
                    n_atoms = _atom_count(row.encode(), path, line, first=not index)
                    yield _parse(text, path, index, line + 1, n_atoms, units, extra)
                    index, line = index + 1, line + n_atoms + 1
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; expected extended xyz") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from None
    if not index:
        raise InputError(f"{path}: the file is empty; expected extended xyz")


def _find(stream, path, frame) -> tuple[int, int, int, int]:
    """(index, offset of the comment line, its line number, atoms) of a frame of a binary stream."""
    size = os.fstat(stream.fileno()).st_size
    kept = collections.deque(maxlen=None if frame >= 0 else -frame)
    line = count = 0
    while frame < 0 or count <= frame:
        row = stream.readline(1024)
        line += 1
        if not row:
            break
        if not row.strip():
            continue
        n_atoms = _atom_count(row, path, line, first=not count)
        offset = stream.tell()
        if n_atoms * SHORTEST_LINE > size - offset:
            raise InputError(
                f"{path}: line {line}: frame {count} announces {n_atoms} atoms, more than the file has room "
                "for: it is truncated, or the number is wrong"
            )
        kept.append((count, offset, line + 1, n_atoms))
        count += 1
        if frame < 0 or count <= frame:
            collections.deque(itertools.islice(stream, n_atoms + 1), maxlen=0)
            line += n_atoms + 1
    if not count:
        raise InputError(f"{path}: the file is empty; expected extended xyz")
    if not -count <= frame < count:
        raise InputError(
            f"{path}: frame = {frame}: the file holds {count} frame{'s' if count > 1 else ''}; "
            f"choose 0..{count - 1}, or -1 for the last"
        )
    return kept[-1] if frame >= 0 else kept[0]


def _atom_count(row: bytes, path, line, first) -> int:
    if b"\0" in row:
        raise InputError(f"{path}: line {line}: a binary file; expected extended xyz")
    text = row.decode("utf-8", errors="replace").strip()
    try:
        n_atoms = int(text)
    except ValueError:
        shown = text if len(text) <= 40 else text[:40] + "..."
        cure = "is it an xyz file?" if first else "does the frame before have more lines than it announces?"
        message = f"{path}: line {line}: expected the number of atoms, got {shown!r}; {cure}"
        raise InputError(message) from None
    if n_atoms < 1:
        raise InputError(f"{path}: line {line}: {n_atoms} atoms; a frame needs at least one")
    return n_atoms


def _parse(text, path, index, line, n_atoms, units, extra=()) -> Frame:
    """A frame from a text stream that stands at its comment line."""
    where = f"{path}: frame {index}"
    comment = text.readline(1 << 20)
    head = header.parse(comment, f"{path}: line {line}")
    layout = _layout(head, f"{path}: line {line}", extra)
    columns, names = _read_columns(text, path, line, n_atoms, layout, head.plain)
    species, symbols = _species(columns, names, units, where)
    if "ids" in columns:
        order = np.argsort(columns["ids"], kind="stable")
        ids = columns["ids"][order]
        if (ids[1:] == ids[:-1]).any():
            twice = ids[1:][ids[1:] == ids[:-1]][0]
            raise InputError(f"{where}: two atoms have id {twice}; ids must differ (or rename the column)")
        if (order[1:] < order[:-1]).any():
            species = species[order]
            columns = {name: column[order] for name, column in columns.items()}
    optional = ("velocities", "momenta", "masses", "charges", "forces")
    return Frame(
        where=where,
        index=index,
        symbols=symbols,
        species=species,
        positions=columns["positions"],
        lattice=head.lattice,
        periodic=head.periodic,
        origin=head.origin,
        energy=head.energy,
        stress=head.stress,
        virial=head.virial,
        info=head.info,
        columns=tuple(label for label, _ in head.properties),
        extra={name: columns[name].reshape(n_atoms, -1) for name in extra if name in columns},
        **{name: columns.get(name) for name in optional},
    )


def _layout(head, where, extra=()) -> list[tuple[str | None, str, str, int]]:
    """(column or None, name in the file, type to read, width), in the order of the file."""
    layout, seen = [], set()
    for label, width in head.properties:
        if label in extra:
            layout.append((label, label, "f8", width))
            continue
        name = ALIASES.get(label.lower())
        if name in seen:
            raise InputError(f"{where}: Properties: {label} is given twice, or under two names")
        if name is None:
            layout.append((None, label, "S1", width))
            continue
        _, dtype, expected = COLUMNS[name]
        if width != expected:
            raise InputError(f"{where}: Properties: {label} has {width} columns, expected {expected}")
        seen.add(name)
        layout.append((name, label, dtype, width))
    for needed, example in ((("positions",), "pos:R:3"), (("species", "number"), "species:S:1")):
        if not seen.intersection(needed):
            raise InputError(f"{where}: Properties names no {needed[0]}; add {example}")
    return layout


def _read_columns(text, path, line, n_atoms, layout, plain):
    """({column: array}, species names by code): lines after ``line``, a chunk at a time."""
    record = np.dtype([(f"f{k}", dtype, (width,)) for k, (_, _, dtype, width) in enumerate(layout)])
    columns = {}
    for name, _, dtype, width in layout:
        if name is not None:
            kind = np.int32 if name == "species" else np.dtype(dtype)
            columns[name] = np.empty((n_atoms, width) if width > 1 else n_atoms, dtype=kind)
    codes: dict[str, int] = {}
    done = 0
    while done < n_atoms:
        lines = list(itertools.islice(text, min(CHUNK, n_atoms - done)))
        first = line + 1 + done
        if not lines:
            raise InputError(
                f"{path}: line {first}: the file ends after {done} of {n_atoms} atoms; it is truncated: "
                "write it again, or choose an earlier frame"
            )
        usecols = range(4) if plain else None
        try:
            rows = np.loadtxt(lines, dtype=record, comments=None, ndmin=1, usecols=usecols)
        except (ValueError, OverflowError) as error:
            rows, reason = (), str(error)
        else:
            reason = "a blank line among the atoms"
        if len(rows) != len(lines):
            raise InputError(f"{path}: {_blame(lines, layout, plain, first, reason)}")
        for k, (name, label, _, width) in enumerate(layout):
            if name is None:
                continue
            values = rows[f"f{k}"] if width > 1 else rows[f"f{k}"][:, 0]
            if name == "species":
                values = _encode(values, codes)
            elif values.dtype.kind == "f" and not np.isfinite(values).all():
                bad = int(np.argwhere(~np.isfinite(values))[0][0])
                raise InputError(
                    f"{path}: line {first + bad}: {label} = {np.ravel(values[bad]).tolist()}: "
                    "not a finite number; repair this atom"
                )
            columns[name][done : done + len(rows)] = values
        done += len(rows)
    for name in codes:
        if len(name) == 32:  # cut off while reading
            raise InputError(f"{path}: species name {name!r}...: expected at most 31 characters")
    return columns, list(codes)


def _encode(names: np.ndarray, codes: dict[str, int]) -> np.ndarray:
    """Names [k] -> integers, with new names added to ``codes``."""
    out = np.full(len(names), -1, dtype=np.int32)
    for name, code in codes.items():
        out[names == name] = code
    while (out < 0).any():
        name = str(names[int(np.argmax(out < 0))])
        codes[name] = len(codes)
        out[names == name] = codes[name]
    return out


def _species(columns, names, units, where) -> tuple[np.ndarray, tuple[str, ...]]:
    """(int32 [n], distinct names) from the name or the atomic number of each atom."""
    if "species" in columns:
        codes = columns["species"]
        if units.name == "metal":
            names = [name if name in ATOMIC_MASSES else _element(name) for name in names]
    else:
        numbers = columns["number"]
        wrong = (numbers < 1) | (numbers >= len(SYMBOLS))
        if wrong.any():
            atom = int(np.argmax(wrong))
            raise InputError(
                f"{where}: atom {atom} (counting from 0) has atomic number {numbers[atom]}; expected 1 to 118"
            )
        codes, names = numbers, SYMBOLS
    present = np.bincount(codes, minlength=len(names)) > 0
    order = [k for k in _by_appearance(codes) if present[k]]
    symbols = tuple(dict.fromkeys(names[k] for k in order))
    table = np.zeros(len(names), dtype=np.int32)
    for k in order:
        table[k] = symbols.index(names[k])
    return table[codes], symbols


def _by_appearance(codes) -> list[int]:
    values, first = np.unique(codes, return_index=True)
    return values[np.argsort(first)].tolist()


def _element(name: str) -> str:
    return name.capitalize() if name.capitalize() in ATOMIC_MASSES else name


def _blame(lines, layout, plain, first, reason) -> str:
    """Which line is at fault, in the user's words; only called when one is."""
    expected = sum(width for *_, width in layout)
    labels = [(label, dtype) for _, label, dtype, width in layout for _ in range(width)]
    for number, row in enumerate(lines, first):
        words = row.split()
        if len(words) < expected or (len(words) > expected and not plain):
            found = "a blank line" if not words else f"{len(words)} column{'s' if len(words) > 1 else ''}"
            listed = ", ".join(dict.fromkeys(label for label, _ in labels))
            return f"line {number}: {found}, expected {expected} ({listed}); repair the line"
        for word, (label, dtype) in zip(words, labels, strict=False):
            try:
                {"f": float, "i": int}.get(dtype[0], str)(word)
                valid = dtype[0] not in "fi" or "_" not in word
            except ValueError:
                valid = False
            if not valid:
                kind = "a number" if dtype[0] == "f" else "an integer"
                return f"line {number}: {label}: expected {kind}, got {word!r}; repair the line"
    return f"lines {first} to {first + len(lines) - 1}: {reason}"


def write_frame(
    stream, atoms, *, units=None, forces=None, energy=None, stress=None, info=None, digits=None, extra=None
):  # fmt: skip
    """Append one frame to a text stream, as ASE reads it.

    atoms : anything with ``box, positions, species, symbols, masses, velocities`` and perhaps ``forces``
        and ``units`` (a System or a Snapshot), in user units
    units : UnitSystem, if ``atoms`` has none
    forces : float64 [n, 3]; energy : float; stress : [6] (xx yy zz yz xz xy), ASE's sign, user units
    info : further entries of the comment line, e.g. {"Step": 10, "Time": 20.0}
    digits : significant digits of the columns; None writes every number exactly
    extra : further columns, {name: float64 [n, width]}

    Velocities are written as ASE's ``momenta`` beside ``masses``. A cluster gets no Lattice.
    """
    units = units or atoms.units
    forces = getattr(atoms, "forces", None) if forces is None else forces
    columns = [("pos", "R", atoms.positions)]
    if atoms.velocities is not None:
        momenta = atoms.velocities * (units.velocity * np.asarray(atoms.masses)[:, None])
        columns += [("masses", "R", np.asarray(atoms.masses)[:, None]), ("momenta", "R", momenta)]
    if forces is not None:
        columns.append(("forces", "R", forces))
    columns += [(name, "R", values) for name, values in (extra or {}).items()]
    if stress is not None:
        stress = np.asarray(stress, dtype=np.float64) * units.pressure
    properties = ":".join(["species:S:1", *(f"{name}:{kind}:{np.shape(a)[1]}" for name, kind, a in columns)])
    comment = header.format_comment(atoms.box, properties, energy, stress, info or {})
    n_atoms = len(atoms.positions)
    stream.write(f"{n_atoms}\n{comment}\n")
    width = sum(np.shape(values)[1] for _, _, values in columns)
    number = "%r" if digits is None else f"%.{int(digits)}g"
    row = ("%s" + f" {number}" * width + "\n").__mod__
    symbols = np.array(atoms.symbols, dtype=object)
    for start in range(0, n_atoms, CHUNK):
        part = slice(start, start + CHUNK)
        numbers = np.concatenate([np.asarray(a[part], dtype=np.float64) for _, _, a in columns], axis=1)
        names = symbols[np.asarray(atoms.species[part])].tolist()
        stream.write("".join(map(row, zip(names, *numbers.T.tolist(), strict=True))))
