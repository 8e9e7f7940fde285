"""Radial distribution functions of another source, as a table in a text file.

The first line names the columns: ``r,O-O,O-H,H-H``; then one line of numbers for each distance. A line that begins with
``#`` is a comment. r in the unit of length of the run.
"""

import csv
from pathlib import Path

import numpy as np

from mdcore.errors import InputError


def read_table(path) -> dict[str, np.ndarray]:
    """{"r": [n], pair: [n], ...}; InputError if it is no such table."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read: {getattr(error, 'strerror', error)}") from None
    rows = [row for row in csv.reader(text.splitlines()) if row and not row[0].lstrip().startswith("#")]
    names = [name.strip() for name in rows[0]] if rows else []
    if len(names) < 2 or names[0] != "r" or not all("-" in name for name in names[1:]):
        raise InputError(f"{path}: expected a first line r,A-B,... that names the columns, e.g. r,O-O,O-H,H-H")
    pairs = [frozenset(name.split("-")) for name in names[1:]]
    if len(set(pairs)) < len(pairs):
        raise InputError(f"{path}: {', '.join(names)}: a pair is there twice; keep one")
    try:
        numbers = np.array([[float(word) for word in row] for row in rows[1:]]).reshape(len(rows) - 1, len(names))
    except ValueError:
        raise InputError(f"{path}: expected {len(names)} numbers in each line after the first") from None
    if len(numbers) < 2 or not np.isfinite(numbers).all() or not (np.diff(numbers[:, 0]) > 0).all():
        raise InputError(f"{path}: expected two lines of finite numbers or more, with r rising")
    return dict(zip(names, numbers.T, strict=True))


def of_pair(table: dict[str, np.ndarray], pair: str) -> np.ndarray | None:
    """The column of "A-B", which may be called "B-A"; None if there is none."""
    return table.get(pair, table.get("-".join(reversed(pair.split("-")))))
