"""What do data files of LAMMPS say, and which element is a type?

Read: atom styles atomic, charge, molecular (angle, bond) and full, with image flags or without; orthogonal, triclinic
and general cells; Masses, Velocities, Bonds, Type Labels. Other sections are passed over. Units metal or real (lj: lj).
Elements come from a map that the user gives, from type labels, from comments behind masses (``1 15.999 # O``), or
from masses that are within TOLERANCE of a standard atomic weight; never from the number of a type.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_MASSES
from mdcore.base.errors import InputError
from mdcore.base.files import open_text
from mdcore.base.numerals import integer, number
from mdcore.base.units import UnitSystem
from mdcore.structure.extxyz_columns import FORTRAN

SUFFIXES = (".data", ".lmp", ".lammps", ".lmpdat")
OTHERS = (".extxyz", ".xyz", ".exyz", ".cif", ".vasp", ".pdb", ".traj", ".json", ".dump", ".gz")
WHAT = "a data file of LAMMPS"
SHORTEST_LINE = 10  # bytes of "1 1 0 0 0\n"
TOLERANCE = 0.012  # amu; a united atom CH2 is 0.020 from N
SAME = 0.5  # amu; a comment that names an element counts if its mass is so near
PICOSECOND = 1000.0  # fs

# atom style -> columns of type, charge and x
STYLES = {
    "atomic": (1, None, 2),
    "charge": (1, 2, 3),
    "molecular": (2, None, 3),
    "full": (2, 3, 4),
}
STYLES |= {"bond": STYLES["molecular"], "angle": STYLES["molecular"]}
SECTIONS = re.compile(
    r"(Atoms|Velocities|Masses|(Atom|Bond|Angle|Dihedral|Improper) Type Labels|Ellipsoids|Lines|Triangles|Bodies|"
    r"Bonds|Angles|Dihedrals|Impropers|(Pair|PairIJ|Bond|Angle|Dihedral|Improper|[A-Z]\w* ?[A-Z]?\w*) Coeffs|"
    r"[A-Z]\w+ Fixes|CMAP|Fragments)"
)
BOUNDS = ("xlo xhi", "ylo yhi", "zlo zhi")
VECTORS = ("avec", "bvec", "cvec", "abc origin")
HEADER = ("atoms", "atom types", "bonds", "bond types", *BOUNDS, "xy xz yz", *VECTORS)


@dataclass
class Data:
    """A data file, in its order of ids; velocities in user units of the run."""

    names: list[str]  # species of each atom
    positions: np.ndarray
    matrix: np.ndarray
    origin: np.ndarray
    masses: np.ndarray | None
    velocities: np.ndarray | None
    charges: np.ndarray | None
    bonds: np.ndarray | None


def is_data(path: Path) -> bool:
    """Is a file named as data files are? data.water is, data.xyz is not."""
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or (path.name.startswith("data.") and suffix not in OTHERS)


def read_data(path, types: dict[str, str] | None, units: UnitSystem) -> Data:
    """The structure in a data file; types : {number or label of a type: species}, or None. InputError."""
    path = Path(path)
    title, header, sections = _split(path)
    stated = re.search(r"units = (\w+)", title)
    style_units = stated.group(1) if stated else units.name
    if style_units not in (("metal", "real") if units.name == "metal" else ("lj",)):
        raise InputError(f"{path}: line 1: units = {style_units}: expected metal or real, or lj in a run with units lj")
    n_atoms, n_types = _count(path, header, "atoms"), _count(path, header, "atom types")
    if "Atoms" not in sections:
        raise InputError(f"{path}: no section Atoms; is it {WHAT}?")
    labels = _labels(path, sections, n_types)
    ids, kinds, charges, positions = _atoms(path, sections["Atoms"], n_atoms, n_types, labels)
    matrix, origin = _cell(path, header)
    masses, comments = _masses(path, sections, n_types, labels)
    used = sorted(set(kinds.tolist()))
    species = {k: _species(path, k, labels.get(k), masses.get(k), comments.get(k), types, units) for k in used}
    for key in types or {}:
        if key not in labels.values() and not (key.isdecimal() and 1 <= int(key[:9]) <= n_types):
            raise InputError(f"{path}: types: there is no type {key}; the file has {n_types}")
    heavy = np.array([masses[k] for k in kinds.tolist()]) if masses.keys() >= set(used) else None
    return Data(
        names=[species[k] for k in kinds.tolist()],
        positions=positions,
        matrix=matrix,
        origin=origin,
        masses=heavy,
        velocities=_velocities(path, sections, ids, PICOSECOND if style_units == "metal" else 1.0),
        charges=charges,
        bonds=_bonds(path, header, sections, ids),
    )


@dataclass
class Section:
    comment: str
    lines: list[str]
    numbers: list[int]  # of the lines, counted from 1


def _split(path: Path) -> tuple[str, dict[str, tuple[int, list[str]]], dict[str, Section]]:
    """(title, {words of a header line: (line, values)}, {name: Section})."""
    header, sections, current = {}, {}, None
    with open_text(path, WHAT) as stream:
        size = os.fstat(stream.fileno()).st_size
        title = stream.readline(1 << 16)
        if title.split()[:1] == ["begin"]:
            raise InputError(
                f"{path}: structures in the format of n2p2 and RuNNer (input.data), not {WHAT}; those are for training "
                "and mdcore evaluate"
            )
        for count, raw in enumerate(stream, start=2):
            text, _, comment = raw.partition("#")
            text = text.strip()
            if not text:
                continue
            if text[0].isalpha() and SECTIONS.fullmatch(text):
                if text in sections:
                    raise InputError(f"{path}: line {count}: section {text} is there twice")
                current = sections[text] = Section(comment.strip(), [], [])
            elif current is not None:
                current.lines.append(raw)
                current.numbers.append(count)
            else:
                for name in HEADER:
                    if text.endswith(name):
                        header[name] = count, text.removesuffix(name).split()
                if text.endswith("atoms") and _count(path, header, "atoms") * SHORTEST_LINE > size:
                    raise InputError(f"{path}: line {count}: {text}, more than the file has room for")
    return title, header, sections


def _count(path, header, what: str) -> int:
    line, values = header.get(what, (None, ()))
    if line is None:
        raise InputError(f"{path}: the header does not say how many {what}; is it {WHAT}?")
    try:
        (count,) = map(integer, values)
    except ValueError:
        raise InputError(f"{path}: line {line}: expected the number of {what}, got {' '.join(values)[:40]!r}") from None
    if not 1 <= count <= 2**31:
        raise InputError(f"{path}: line {line}: {count} {what}; expected 1 or more")
    return count


def _numbers_of(path, header, what: str, n: int) -> np.ndarray:
    line, values = header[what]
    try:
        found = np.array([number(value) for value in values])
    except ValueError:
        found = np.empty(0)
    if len(found) != n or not np.isfinite(found).all():
        raise InputError(f"{path}: line {line}: expected {n} numbers before {what!r}")
    return found


def _cell(path, header) -> tuple[np.ndarray, np.ndarray]:
    """(rows a, b, c; origin)"""
    if "avec" in header:
        missing = [name for name in VECTORS if name not in header]
        if missing:
            raise InputError(f"{path}: a general cell without {missing[0]}")
        *rows, origin = (_numbers_of(path, header, name, 3) for name in VECTORS)
        return np.array(rows), origin
    for name in BOUNDS:
        if name not in header:
            raise InputError(f"{path}: the header has no line '{name}', which the cell needs")
    low, high = np.array([_numbers_of(path, header, name, 2) for name in BOUNDS]).T
    matrix = np.diag(high - low)
    if (high <= low).any():
        name = BOUNDS[int(np.argmax(high <= low))]
        raise InputError(f"{path}: line {header[name][0]}: {name}: the cell has no length")
    if "xy xz yz" in header:
        matrix[1, 0], matrix[2, 0], matrix[2, 1] = _numbers_of(path, header, "xy xz yz", 3)
    return matrix, low


def _labels(path, sections, n_types: int, name: str = "Atom Type Labels") -> dict[int, str]:
    """Labels of types, where the file has them."""
    found = {}
    section = sections.get(name, Section("", [], []))
    for line, raw in zip(section.numbers, section.lines, strict=True):
        words = raw.split("#", 1)[0].split()
        try:
            kind, label = integer(words[0]), words[1]
        except (ValueError, IndexError):
            raise InputError(f"{path}: line {line}: expected the number of a type and its label") from None
        if not 1 <= kind <= n_types or kind in found or label in found.values():
            raise InputError(f"{path}: line {line}: type {kind}, {label}: given twice, or beyond the {n_types} types")
        found[kind] = label
    return found


def _kind(word: str, labels: dict[int, str], n_types: int) -> int:
    """The type that a word names; ValueError."""
    kind = next((kind for kind, label in labels.items() if label == word), None)
    kind = integer(word) if kind is None else kind
    if not 1 <= kind <= n_types:
        raise ValueError(word)
    return kind


def _masses(path, sections, n_types: int, labels) -> tuple[dict[int, float], dict[int, str]]:
    """Masses, and the first words of comments behind them, by type."""
    masses, comments = {}, {}
    section = sections.get("Masses", Section("", [], []))
    for line, raw in zip(section.numbers, section.lines, strict=True):
        text, _, comment = raw.partition("#")
        try:
            name, mass = text.split()
            kind, masses_of = _kind(name, labels, n_types), number(mass)
        except ValueError:
            raise InputError(f"{path}: line {line}: expected a type, of {n_types}, and its mass") from None
        if not 0 < masses_of < np.inf or kind in masses:
            raise InputError(f"{path}: line {line}: mass {mass} of type {name}: given twice, or no positive number")
        masses[kind] = masses_of
        comments[kind] = next(iter(comment.split()), "")
    return masses, comments


def _table(path, section: Section, what: str) -> np.ndarray:
    """The numbers of a section, one row a line."""
    for again in (False, True):
        lines = [FORTRAN.sub("e", line) for line in section.lines] if again else section.lines
        try:
            rows = np.loadtxt(lines, comments="#", ndmin=2)
        except (ValueError, OverflowError):
            continue
        if np.isfinite(rows).all():
            return rows
    width = len(section.lines[0].split("#", 1)[0].split())
    for line, raw in zip(section.numbers, section.lines, strict=True):
        words = raw.split("#", 1)[0].split()
        try:
            good = np.isfinite([number(word) for word in words]).all() and len(words) == width
        except ValueError:
            good = False
        if not good:
            shown = " ".join(words)[:60]
            raise InputError(f"{path}: line {line}: {what}: expected {width} numbers, found {shown!r}") from None
    raise InputError(f"{path}: {what}: no table of numbers")


def _atoms(path, section: Section, n_atoms: int, n_types: int, labels):
    """(ids, types, charges or None, positions), sorted by id."""
    if len(section.lines) != n_atoms:
        raise InputError(f"{path}: Atoms: {len(section.lines)} lines, but the header says {n_atoms} atoms")
    style = section.comment.split()[0] if section.comment else ""
    if style and style not in STYLES:
        raise InputError(f"{path}: atom style {style}: expected {', '.join(STYLES)}; write the file as one of these")
    if labels:
        section = Section(section.comment, _unlabelled(section.lines, labels, style), section.numbers)
    rows = _table(path, section, "Atoms")
    width = rows.shape[1]
    fits = [
        name
        for name, (kind, _, x) in STYLES.items()
        if name not in ("bond", "angle") and width in (x + 3, x + 6) and _are_types(rows[:, kind], n_types)
    ]
    if style:
        kind, charge, x = STYLES[style]
        if width not in (x + 3, x + 6):
            raise InputError(
                f"{path}: line {section.numbers[0]}: {width} columns, but atom style {style} has {x + 3}, or {x + 6} "
                "with image flags"
            )
    elif len(fits) != 1:
        which = f"may be atom style {' or '.join(fits)}" if fits else "are none of the atom styles that are read"
        raise InputError(
            f"{path}: line {section.numbers[0]}: these {width} columns {which}; say which it is behind the name of the "
            f"section, e.g. Atoms # {(fits or ['full'])[0]} (of {', '.join(STYLES)})"
        )
    else:
        kind, charge, x = STYLES[fits[0]]
    if not _are_types(rows[:, kind], n_types):
        bad = int(np.argmax(~_type_like(rows[:, kind], n_types)))
        raise InputError(
            f"{path}: line {section.numbers[bad]}: type {rows[bad, kind]:g}: expected 1 to {n_types}; is it another "
            "atom style?"
        )
    order = np.argsort(rows[:, 0], kind="stable")
    rows = rows[order]
    ids = rows[:, 0]
    if (ids != np.floor(ids)).any() or (ids[1:] == ids[:-1]).any():
        raise InputError(f"{path}: Atoms: ids are integers that differ; these are not")
    charges = None if charge is None else rows[:, charge].copy()
    return ids, rows[:, kind].astype(int), charges, np.ascontiguousarray(rows[:, x : x + 3])


def _unlabelled(lines, labels, style, column: int | None = None) -> list[str]:
    """Lines of Atoms with numbers of types for labels."""
    numbers = {label: str(kind) for kind, label in labels.items()}
    column = STYLES[style][0] if style and column is None else column
    out = []
    for line in lines:
        words = line.split("#", 1)[0].split()
        for k in (1, 2) if column is None else (column,):
            if k < len(words) and words[k] in numbers:
                words[k] = numbers[words[k]]
                break
        out.append(" ".join(words))
    return out


def _type_like(column: np.ndarray, n_types: int) -> np.ndarray:
    return (column == np.floor(column)) & (column >= 1) & (column <= n_types)


def _are_types(column: np.ndarray, n_types: int) -> bool:
    return bool(_type_like(column, n_types).all())


def _velocities(path, sections, ids, time: float) -> np.ndarray | None:
    section = sections.get("Velocities")
    if section is None or not section.lines:
        return None
    rows = _table(path, section, "Velocities")
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    if rows.shape[1] != 4 or not np.array_equal(rows[:, 0], ids):
        raise InputError(f"{path}: Velocities: expected id, vx, vy, vz of each atom")
    return rows[:, 1:] / time


def _bonds(path, header, sections, ids) -> np.ndarray | None:
    """int64 [m, 3]: two atoms, counted from 0 in the order of ids, and the type of their bond."""
    section = sections.get("Bonds")
    if section is None or not section.lines:
        return None
    n_types = _count(path, header, "bond types") if "bond types" in header else 2**31
    names = _labels(path, sections, n_types, "Bond Type Labels")
    if names:
        section = Section("", _unlabelled(section.lines, names, "bond", column=1), section.numbers)
    rows = _table(path, section, "Bonds")
    if "bonds" in header and len(rows) != (n := _count(path, header, "bonds")):
        raise InputError(f"{path}: Bonds: {len(rows)} lines, but the header says {n} bonds")
    wide = rows.shape[1] == 4
    good = _type_like(rows[:, 1], n_types) & np.isin(rows[:, 2:], ids).all(axis=1) if wide else np.zeros(1, dtype=bool)
    if not good.all():
        where = f"{path}: line {section.numbers[int(np.argmin(good))]}"
        raise InputError(f"{where}: expected a number, a type from 1 to {n_types}, and the ids of two atoms")
    return np.column_stack([np.searchsorted(ids, rows[:, 2]), np.searchsorted(ids, rows[:, 3]), rows[:, 1].astype(int)])


def _species(path, kind: int, label, mass, comment, types, units: UnitSystem) -> str:
    """The species of a type: as the user says, else its label, its comment, its mass; InputError."""
    by_mass = element_of_mass(mass) if mass is not None else None
    named = next((types[key] for key in (str(kind), label) if key in types), None) if types else None
    if named is not None:
        if units.name == "metal" and by_mass not in (None, named, "D", "T") and named in ATOMIC_MASSES:
            its = f"its mass in the file, {mass:g}, is that of {by_mass}"
            raise InputError(f'{path}: types: {kind} = "{named}", but {its}')
        return named
    if types:
        raise InputError(f"{path}: types: type {kind} is missing; name the species of each type, {example(kind)}")
    if units.name != "metal":
        return label or str(kind)
    if label in ATOMIC_MASSES:
        return label
    if comment in ATOMIC_MASSES and mass is not None and abs(ATOMIC_MASSES[comment] - mass) <= SAME:
        return comment
    if by_mass is None:
        what = f"its mass, {mass:g}, is not within {TOLERANCE} of one element's" if mass else "the file has no masses"
        raise InputError(f"{path}: which element is type {kind}? {what}; say it: {example(kind)}")
    return by_mass


def example(kind) -> str:
    return f'[structure] types = {{ {kind} = "..." }} (in Python: types={{"{kind}": "..."}})'


def element_of_mass(mass: float) -> str | None:
    """The one element that has a standard weight within TOLERANCE of a mass, if there is one."""
    near = [e for e, m in ATOMIC_MASSES.items() if abs(m - mass) <= TOLERANCE and not float(m).is_integer()]
    return near[0] if len(near) == 1 else None
