"""Which parameters of damping belong to a functional?

damping.toml has those of s-dftd3's table by name (docs/d3_tables.py made it; its licence: LICENSE.tables).
"""

import difflib
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mdcore.base.files import read_text

KNOWN = {"bj": ("s6", "s8", "a1", "a2"), "zero": ("s6", "s8", "sr6", "sr8")}
DAMPINGS = tuple(KNOWN)
NEEDED = {"bj": ("s8", "a1", "a2"), "zero": ("s8", "sr6")}  # the others are 1 where nobody says otherwise
NAMES = {"rs6": "sr6", "rs8": "sr8"}  # of the table: the usual ones
LARGEST = 100.0  # a parameter


@cache
def _table() -> dict:
    return tomllib.loads(read_text(Path(__file__).with_name("damping.toml"), "parameters of DFT-D3"))


def functionals(damping: str | None = None) -> list[str]:
    """Names of the functionals that have parameters, of one damping or of any."""
    return [name for name, entry in _table().items() if name != "aliases" and (damping is None or damping in entry)]


def _plain(name: str) -> str:
    """A name as it is compared: B3-LYP is b3lyp."""
    return "".join(c for c in name.lower() if c not in "-_/ ()")


def _names() -> dict[str, str]:
    aliases = {_plain(other): name for other, name in _table()["aliases"].items()}
    return aliases | {_plain(name): name for name in functionals()}


def spellings(name: str) -> list[str]:
    """A functional's names: its own, and others that mean it."""
    return [name, *(other for other, meant in _table()["aliases"].items() if meant == name)]


def parameters(functional: str | None, damping: str, given: dict[str, float]) -> dict[str, float]:
    """{name: number}: those that are given, and for the others those of the functional; after `faults` found none."""
    own = {} if functional is None else _table()[_names()[_plain(functional)]][damping]
    found = dict.fromkeys(KNOWN[damping], 1.0) | {NAMES.get(name, name): x for name, x in own.items() if name != "doi"}
    return found | given


def faults(functional: str | None, damping: str, given: dict[str, float]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) with a functional and what is given instead of its parameters."""
    for name, value in given.items():
        if name not in KNOWN[damping]:
            yield name, f"no parameter of {damping!r} damping, which has {', '.join(KNOWN[damping])}"
        elif not (abs(value) if name == "s8" else value) <= LARGEST or (name != "s8" and value < 0.0):
            yield name, f"expected {'+-' if name == 's8' else '0 to '}{LARGEST:g}"
        elif name in ("sr6", "sr8") and value == 0.0:
            yield name, "expected more than 0"
    needed = ", ".join(name for name in NEEDED[damping] if name not in given)
    if functional is None:
        if needed:
            yield "functional", f"none is given, and no {needed}; give one or the other"
        return
    name, names = _names().get(_plain(functional)), _names()
    if name is None:
        near = difflib.get_close_matches(_plain(functional), names, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"give {needed or 'no functional'} instead"
        yield "functional", f"no parameters for {functional!r}; {hint}"
    elif damping not in _table()[name]:
        others = " or ".join(f'damping = "{other}"' for other in DAMPINGS if other in _table()[name])
        yield "functional", f"no parameters of {damping!r} damping for {functional!r}; take {others}, or give {needed}"
