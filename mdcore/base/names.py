"""Which words can be the name of a group of atoms?"""

import re

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
OWN = ("x", "y", "z", "a", "b", "c", "vx", "vy", "vz", "species", "index", "mass")  # what `where` knows
ENGINE = ("f", "v", "start", "masses", "tags", "images")  # columns of atoms.py
FUNCTIONS = ("abs", "sqrt", "floor", "distance", "range")
PYTHON = ("and", "or", "not", "in", "is", "if", "else", "for", "lambda", "True", "False", "None")
TAKEN = frozenset((*OWN, *ENGINE, *FUNCTIONS, *PYTHON, "all", "anchor", "charge", "fixed"))


def is_group_name(name) -> bool:
    """Can a group be called so?"""
    return isinstance(name, str) and bool(WORD.fullmatch(name)) and name not in TAKEN
