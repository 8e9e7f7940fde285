"""Radial distribution functions of another source, as a table in a text file.

The first line names the columns: ``r,O-O,O-H,H-H``; then one line of numbers for each distance. Commas, blanks or tabs
stand between them. A line that begins with ``#`` is a comment. r in the unit of length of the run.
"""

import re

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.files import read_text
from mdcore.base.numerals import number


def read_table(path) -> dict[str, np.ndarray]:
    """{"r": [n], pair: [n], ...}; InputError if it is no such table."""
    lines = [line.strip() for line in read_text(path, "a table of g(r)").split("\n")]
    rows = [re.split(r"\s*,\s*|\s+", line) for line in lines if line and not line.startswith("#")]
    names = rows[0] if rows else []
    if len(names) < 2 or names[0] != "r" or not all("-" in name for name in names[1:]):
        raise InputError(f"{path}: expected a first line r,A-B,... that names the columns, e.g. r,O-O,O-H,H-H")
    pairs = [frozenset(name.split("-")) for name in names[1:]]
    if len(set(pairs)) < len(pairs):
        raise InputError(f"{path}: {', '.join(names)}: a pair is there twice; keep one")
    try:
        numbers = np.array([[number(word) for word in row] for row in rows[1:]]).reshape(len(rows) - 1, len(names))
    except ValueError:
        raise InputError(f"{path}: expected {len(names)} numbers in each line after the first") from None
    if len(numbers) < 2 or not np.isfinite(numbers).all() or not (np.diff(numbers[:, 0]) > 0).all():
        raise InputError(f"{path}: expected two lines of finite numbers or more, with r rising")
    return dict(zip(names, numbers.T, strict=True))


def of_pair(table: dict[str, np.ndarray], pair: str) -> np.ndarray | None:
    """The column of "A-B", which may be called "B-A"; None if there is none."""
    return table.get(pair, table.get("-".join(reversed(pair.split("-")))))
