"""Which words can be the name of a group of atoms?"""

import re

from mdcore.base.errors import InputError

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
OWN = ("x", "y", "z", "a", "b", "c", "vx", "vy", "vz", "species", "index", "mass")  # what `where` knows
ENGINE = ("f", "v", "start", "masses", "tags", "images")  # columns of atoms.py
FUNCTIONS = ("abs", "sqrt", "floor", "distance", "range")
PYTHON = ("and", "or", "not", "in", "is", "if", "else", "for", "lambda", "True", "False", "None")
TAKEN = frozenset((*OWN, *ENGINE, *FUNCTIONS, *PYTHON, "all", "anchor", "charge", "fixed"))


def is_group_name(name) -> bool:
    """Can a group be called so?"""
    return isinstance(name, str) and bool(WORD.fullmatch(name)) and name not in TAKEN


def check_group_name(name) -> str:
    """The name of a group; InputError for one that can't be."""
    if not is_group_name(name):
        raise InputError(
            f"{name!r} can't be the name of a group: expected a word of letters, digits and _ that means nothing else "
            f"({', '.join(OWN)}, all, ... do)"
        )
    return name
