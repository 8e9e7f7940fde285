"""What do extended xyz files say, and how are they written so that ASE and OVITO read them?

Columns may come in any order, named in ``Properties``. Units and conventions:

- ``Lattice``: 9 numbers, rows a, b, c; ``Origin`` the corner of the cell (OVITO); ``pbc`` defaults to
  periodic with a Lattice and non-periodic without.
- ``momenta``: in ASE's units, sqrt(amu eV), as ASE writes them; ``velo``, ``vel``, ``velocities``:
  Angstrom/fs, as QUIP and GPUMD write them. In lj units everything is reduced. Of a file with both, momenta count, and
  the other must say the same.
- ``forces`` or ``force`` in eV/Angstrom, ``energy`` in eV, ``stress`` (9 or 6 numbers, xx yy zz yz xz xy)
  in eV/Angstrom^3 with ASE's sign, +dE/dstrain/V; ``virial`` is -V times that.
- ``id``: unique integers; atoms are sorted by them. ``masses`` in amu, ``charge`` in e.
- ``move_mask`` (T: the atom moves), and ``fixed`` or ``frozen`` of type L, say which atoms are held in place.
- Capitals of names don't count; two names of one thing that differ are an error.
- Other columns are kept as they are, types R, I, L and S, and written into outputs; not those of results (a name with
  force, energy, stress, virial), which would be wrong after a step.
- A comment line without ``Lattice`` and ``Properties`` is plain xyz: name, x, y, z; the rest of a line is
  ignored; ``key=value`` in it counts. In metal units ``AR`` and ``ar`` mean Ar.
- UTF-8, UTF-16 or UTF-32 with a byte-order mark, UTF-8 or Latin-1 without; any line ends; exponents with D.
"""

import codecs
import collections
import io
import itertools
import os
import warnings
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_MASSES, SYMBOLS
from mdcore.base.errors import InputError
from mdcore.base.files import HEAD, LATIN_1, open_binary, open_text, read_text
from mdcore.base.numerals import integer
from mdcore.base.units import METAL, UnitSystem
from mdcore.structure import extxyz_header as header
from mdcore.structure.extxyz_columns import CHUNK, COLUMNS, MOVES, frozen, layout, others, read_columns
from mdcore.structure.quantities import ASYMMETRIC, asymmetric, asymmetry, numbers, pick, tensor, voigt

SUFFIXES = (".extxyz", ".xyz", ".exyz")
WHAT = "extended xyz"
SHORTEST_LINE = 7  # bytes of "H 0 0 0"
KINDS = {"f": "R", "i": "I", "b": "L", "U": "S"}  # types of columns
LONGEST_COMMENT = 1 << 20
MOST_CONVERTED = 1 << 30  # bytes of a file in UTF-16, or with the line ends of old Macintoshes


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
    texts: dict = field(default_factory=dict)  # the entries of the comment line as they stand, but for the cell
    info: dict = field(default_factory=dict)  # the same as bool, int, float, array, JSON or text
    columns: tuple[str, ...] = ()  # names of all columns in the file
    extra: dict = field(default_factory=dict)  # columns that were asked for by name: float64 [n, width]
    fixed: np.ndarray | None = None  # what the file holds in place, bool [n] or [n, 3]
    others: dict = field(default_factory=dict)  # users' columns: float64, int64, bool or str [n] or [n, width]

    @property
    def energy(self) -> float | None:
        """eV; nan if the file says so."""
        key, value = pick(self.info, ("energy",), "energy", self.where)
        return None if value is None else float(numbers(value, (1,), f"{self.where}: {key}", finite=False)[0])

    @property
    def stress(self) -> np.ndarray | None:
        """[6], eV/Angstrom^3."""
        return self._tensor("stress")

    @property
    def virial(self) -> np.ndarray | None:
        """[6], eV."""
        return self._tensor("virial")

    def _tensor(self, name: str) -> np.ndarray | None:
        key, value = pick(self.info, (name,), name, self.where)
        if value is None:
            return None
        matrix = tensor(numbers(value, (9, 6), f"{self.where}: {key}", finite=False))
        if asymmetry(matrix) > ASYMMETRIC:
            warnings.warn(asymmetric(self.where, key, asymmetry(matrix)), stacklevel=4)
        return voigt(matrix)

    def results(self, volume: float | None, units: UnitSystem) -> dict:
        """Those of energy, forces and stress [6] that the file has, in user units; volume : None of a cluster."""
        stress, virial = self.stress, self.virial
        if virial is not None and volume is not None:
            stress = -virial / volume
        found = {"energy": self.energy, "forces": self.forces}
        found["stress"] = None if stress is None else stress / units.pressure
        return {key: value for key, value in found.items() if value is not None}


def read(path, frame: int = -1, units: UnitSystem = METAL, *, labels: bool = True) -> Frame:
    """Frame number ``frame`` (negative: from the end) of an xyz file; the others are skipped unparsed.

    labels : read forces, which may be nan here
    Raises InputError with file, line, what is wrong and the cure.
    """
    path = Path(path)
    wanted = {*COLUMNS, MOVES} if labels else {*COLUMNS, MOVES} - {"forces"}
    with _open(path) as stream:
        index, offset, line, n_atoms = _find(stream, path, frame)
        stream.seek(offset)
        with io.TextIOWrapper(stream, encoding="utf-8", errors=LATIN_1) as text:
            return _parse(text, path, index, line, n_atoms, units, wanted, may_be_nan=("forces",), keep=True)


def iterate(
    path, units: UnitSystem = METAL, extra: Container[str] = (), wanted: Container[str] = frozenset(COLUMNS),
    may_be_nan: Container[str] = (), keep: bool = False,
) -> Iterator[Frame]:
    """All frames, one by one, also of files larger than memory; InputError as `read`.

    extra : names of further columns of numbers to keep, in `Frame.extra`, where the file has them
    wanted : which of COLUMNS to read; may_be_nan : columns whose numbers may be anything; keep : users' columns, too
    """
    path, index, line = Path(path), 0, 0
    with open_text(path, WHAT) as text:
        size = os.fstat(text.fileno()).st_size
        while row := text.readline(1024):
            line += 1
            if row.strip():
                n_atoms = _atom_count(row, path, line, index, size)
                yield _parse(text, path, index, line + 1, n_atoms, units, wanted, extra, may_be_nan, keep)
                index, line = index + 1, line + n_atoms + 1
    if not index:
        raise InputError(f"{path}: the file is empty; expected extended xyz")


def _open(path):
    """A binary stream of UTF-8 that stands at the first line; lines end with a line feed."""
    stream = open_binary(path, WHAT)
    head = stream.peek(HEAD)[:HEAD]
    if head.startswith(codecs.BOM_UTF8):
        stream.seek(len(codecs.BOM_UTF8))
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) or (
        b"\r" in head and b"\n" not in head  # of a Macintosh, long ago
    ):
        stream.close()
        return io.BytesIO(read_text(path, WHAT, MOST_CONVERTED).encode())
    return stream


def _find(stream, path, frame) -> tuple[int, int, int, int]:
    """(index, offset of the comment line, its line number, atoms) of a frame of a binary stream."""
    start = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(start)
    kept = collections.deque(maxlen=None if frame >= 0 else -frame)
    line = count = 0
    while frame < 0 or count <= frame:
        row = stream.readline(1024)
        line += 1
        if not row:
            break
        if not row.strip():
            continue
        offset = stream.tell()
        n_atoms = _atom_count(row.decode("utf-8", errors=LATIN_1), path, line, count, size - offset)
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


def _atom_count(row: str, path, line, index, room) -> int:
    """The number of atoms that a line announces; room : bytes that are left for them, or more"""
    if "\0" in row:
        raise InputError(f"{path}: line {line}: a binary file; expected extended xyz")
    text = row.strip().removeprefix("\ufeff")  # files that begin with a mark may have been joined
    try:
        n_atoms = integer(text)
    except ValueError:
        cure = "does the frame before have more lines than it announces?" if index else "is it an xyz file?"
        message = f"{path}: line {line}: expected the number of atoms, got {text[:40]!r}"
        raise InputError(f"{message}{'...' if len(text) > 40 else ''}; {cure}") from None
    if n_atoms < 1:
        raise InputError(f"{path}: line {line}: {n_atoms} atoms; a frame needs at least one")
    if n_atoms * SHORTEST_LINE > room:
        raise InputError(
            f"{path}: line {line}: frame {index} announces {n_atoms} atoms, more than the file has room "
            "for: it is truncated, or the number is wrong"
        )
    return n_atoms


def _parse(text, path, index, line, n_atoms, units, wanted, extra=(), may_be_nan=(), keep=False) -> Frame:
    """A frame from a text stream that stands at its comment line. keep : users' columns"""
    where = f"{path}: frame {index}"
    comment = text.readline(LONGEST_COMMENT)
    if len(comment) == LONGEST_COMMENT:
        raise InputError(f"{path}: line {line}: a comment line of more than {LONGEST_COMMENT:,} characters")
    head = header.parse(comment, f"{path}: line {line}")
    plan = layout(head, f"{path}: line {line}", wanted, extra, keep)
    columns, names = read_columns(text, path, line, n_atoms, plan, head.plain, may_be_nan)
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
    fixed = None
    if MOVES in columns:
        fixed = frozen(columns[MOVES], next(label for name, label, *_ in plan if name == MOVES), where)
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
        texts=head.texts,
        info=head.info,
        columns=tuple(label for label, *_ in head.properties),
        extra={name: columns[name].reshape(n_atoms, -1) for name in columns if name in extra},
        fixed=fixed,
        others=others(columns, where),
        **{name: columns.get(name) for name in optional},
    )


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

    The columns of a System or Snapshot (groups, a user's own) are written, charges as ASE's ``initial_charges``.
    Velocities are written as ASE's ``momenta`` beside ``masses``, and as ``velo``, which OVITO knows. A cluster gets no
    Lattice.
    """
    units = units or atoms.units
    forces = getattr(atoms, "forces", None) if forces is None else forces
    columns = [("pos", "R", atoms.positions)]
    if atoms.velocities is not None:
        momenta = atoms.velocities * (units.velocity * np.asarray(atoms.masses)[:, None])
        columns += [("masses", "R", np.asarray(atoms.masses)[:, None]), ("momenta", "R", momenta)]
        columns.append(("velo", "R", atoms.velocities))
    for name, values in getattr(atoms, "columns", {}).items():
        if name not in (extra or {}):
            name = "initial_charges" if name == "charge" else name
            columns.append((name, KINDS[values.dtype.kind], values.reshape(len(values), -1)))
    if forces is not None:
        columns.append(("forces", "R", forces))
    columns += [(name, "R", values) for name, values in (extra or {}).items()]
    if stress is not None:
        stress = np.asarray(stress, dtype=np.float64) * units.pressure
    properties = ":".join(["species:S:1", *(f"{name}:{kind}:{np.shape(a)[1]}" for name, kind, a in columns)])
    comment = header.format_comment(atoms.box, properties, energy, stress, info or {})
    n_atoms = len(atoms.positions)
    stream.write(f"{n_atoms}\n{comment}\n")
    number = "%r" if digits is None else f"%.{int(digits)}g"
    form = {"R": f" {number}", "I": " %d", "L": " %s", "S": " %s"}
    row = ("%s" + "".join(form[kind] * np.shape(values)[1] for _, kind, values in columns) + "\n").__mod__
    symbols = np.array(atoms.symbols, dtype=object)
    for start in range(0, n_atoms, CHUNK):
        part = slice(start, start + CHUNK)
        fields = [symbols[np.asarray(atoms.species[part])].tolist()]
        for _, kind, values in columns:
            own = np.asarray(values[part], dtype=np.float64 if kind == "R" else None)
            fields += (np.where(own, "T", "F") if kind == "L" else own).T.tolist()
        stream.write("".join(map(row, zip(*fields, strict=True))))
