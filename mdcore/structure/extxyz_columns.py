"""What stands in the columns of an extended xyz frame?"""

import itertools
import re
import warnings
from collections.abc import Container

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.numerals import integer
from mdcore.base.numerals import number as to_number

CHUNK = 32768  # lines parsed at a time

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
NEEDED = frozenset(("species", "number", "positions", "ids"))
MOVES = "move_mask"  # T: the atom moves (ASE, QUIP)
MOBILE = ("selective_dynamics", "movable", "mobile")  # likewise, columns of T and F
FROZEN = ("fixed", "frozen", "fix", "fix_atoms", "fixed_atoms", "freeze")  # T: it does not; of T and F, or 0 and 1
TRUE, FALSE = ("T", "t", "True", "true", "TRUE", "1"), ("F", "f", "False", "false", "FALSE", "0")
# in names of what would be wrong after a step
RESULTS = (
    "force", "energ", "stress", "virial", "disagreement", "uncertainty", "electron_density", "electric_potential",
)  # fmt: skip
OTHERS = {"R": "f8", "I": "i8", "L": "U5", "S": "U64"}  # how columns of users are read, by their type
LONGEST_LABEL = 63  # characters
NAME = re.compile(r"[^\s:=/\\\"',.][^\s:=/\\\"',]*")
FORTRAN = re.compile(r"(?<=[0-9.])[dD](?=[+-]?[0-9])")  # 1.0D-03

Layout = list[tuple[str | tuple[str] | None, str, str, int]]


def is_kept(label: str) -> bool:
    """Is a column that mdcore has no use for kept? One that depends on the positions would soon be wrong."""
    return bool(NAME.fullmatch(label)) and not any(word in label.lower() for word in RESULTS)


def layout(head, where: str, wanted: Container[str], extra: Container[str], others: bool = False) -> Layout:
    """(column or None, name in the file, type to read, width), in the order of the file.

    wanted : those of COLUMNS to read, and MOVES; extra : columns to read under their own names, as numbers
    others : also the rest that `is_kept`, as (name,)
    """
    found, seen = [], {}
    for label, kind, width in head.properties:
        name = ALIASES.get(label.lower())
        if label in extra:
            name = label
        elif MOVES in wanted and (label.lower() == MOVES or (kind in "LI" and label.lower() in MOBILE + FROZEN)):
            name = MOVES
        elif others and name is None and is_kept(label) and (label,) not in seen:
            name = (label,)
        elif name not in wanted:
            if others and name is None and not NAME.fullmatch(label):
                told = f"{where}: Properties: {label} is not kept: a name has no / \\ = , or quotes, and no . in front"
                warnings.warn(told, stacklevel=3)
            found.append((None, label, "U1", width))
            continue
        if name in seen:
            both = "" if seen[name] == label else f" ({seen[name]} and {label})"
            raise InputError(f"{where}: Properties: {label} is given twice, or under two names{both}; keep one")
        seen[name] = label
        if name == MOVES:
            dtype, expected = "U5", 3 if width == 3 else 1
        else:
            _, dtype, expected = COLUMNS.get(name, ((), "f8" if label in extra else OTHERS[kind], width))
        if width != expected:
            raise InputError(f"{where}: Properties: {label} has {width} columns, expected {expected}")
        found.append((name, label, dtype, width))
    for needed, example in ((("positions",), "pos:R:3"), (("species", "number"), "species:S:1")):
        if not seen.keys() & needed:
            raise InputError(f"{where}: Properties names no {needed[0]}; add {example}")
    return found


def read_columns(text, path, line: int, n_atoms: int, layout: Layout, plain: bool, may_be_nan=()):
    """({column: array}, species names by code): lines after ``line``, a chunk at a time; InputError."""
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
        if "\0" in "".join(lines):
            bad = first + next(k for k, row in enumerate(lines) if "\0" in row)
            raise InputError(f"{path}: line {bad}: a zero byte; expected text. Is the file damaged?")
        rows = _rows(lines, record, layout, plain, path, first)
        for k, (name, label, _, width) in enumerate(layout):
            if name is None:
                continue
            values = rows[f"f{k}"] if width > 1 else rows[f"f{k}"][:, 0]
            if name == "species":
                values = _encode(values, codes)
            elif values.dtype.kind == "f" and not (name in may_be_nan or name == (label,) or np.isfinite(values).all()):
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


def _rows(lines, record, layout, plain, path, first) -> np.ndarray:
    """The lines as records."""
    for attempt in (lines, None):
        if attempt is None:
            attempt = _with_e(lines, layout)
        try:
            rows = np.loadtxt(attempt, dtype=record, comments=None, ndmin=1, usecols=range(4) if plain else None)
        except (ValueError, OverflowError) as error:
            rows, reason = (), str(error)
        else:
            reason = "a blank line among the atoms"
        if len(rows) == len(lines):
            return rows
    raise InputError(f"{path}: {_blame(lines, layout, plain, first, reason)}")


def _with_e(lines, layout) -> list[str]:
    """The lines with Fortran's exponents, 1.0D-03, as 1.0e-03."""
    numeric = [dtype == "f8" for *_, dtype, width in layout for _ in range(width)]
    return [
        " ".join(
            FORTRAN.sub("e", word) if is_number else word
            for word, is_number in itertools.zip_longest(row.split(), numeric[: len(row.split())])
        )
        for row in lines
    ]


def frozen(words: np.ndarray, label: str, where: str) -> np.ndarray:
    """bool [n] or [n, 3]: is the atom held? words : of the column `label`, [n] or [n, 3]"""
    true, false = np.isin(words, TRUE), np.isin(words, FALSE)
    if not (true | false).all():
        if label.lower() != MOVES and (np.char.isdigit(words) | np.isin(words, ("-1",))).all():  # numbers of groups
            return np.zeros(len(words), dtype=bool)
        bad = int(np.argwhere(~(true | false))[0][0])
        raise InputError(f"{where}: atom {bad} (counting from 0): {label} = {np.ravel(words[bad]).tolist()}: T or F?")
    return true if label.lower() in FROZEN else false


def others(columns: dict, where: str) -> dict[str, np.ndarray]:
    """Users' columns of what was read, by name; T and F as bool."""
    found = {}
    for key in [key for key in columns if isinstance(key, tuple)]:
        (name,), values = key, columns.pop(key)
        if values.dtype == "U5":
            true, false = np.isin(values, TRUE), np.isin(values, FALSE)
            if not (true | false).all():
                bad = np.argwhere(~(true | false))[0]
                raise InputError(f"{where}: atom {bad[0]} (counting from 0): {name} = {values[tuple(bad)]}: T or F?")
            values = true
        elif values.dtype.kind == "U" and np.char.str_len(values).max() > LONGEST_LABEL:
            raise InputError(f"{where}: {name}: labels have up to {LONGEST_LABEL} characters")
        found[name] = values
    return found


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
                {"f": to_number, "i": integer}.get(dtype[0], str)(word)
                valid = True
            except ValueError:
                valid = False
            if not valid:
                kind = "a number" if dtype[0] == "f" else "an integer"
                return f"line {number}: {label}: expected {kind}, got {word!r}; repair the line"
    return f"lines {first} to {first + len(lines) - 1}: {reason}"


