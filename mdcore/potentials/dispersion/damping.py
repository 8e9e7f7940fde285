"""Which parameters of damping belong to a functional?

damping.toml has those of s-dftd3's table by name (docs/d3_tables.py made it; its licence: LICENSE.tables).
"""

import difflib
import tomllib
from functools import cache
from pathlib import Path

from mdcore.base.errors import InputError

DAMPINGS = ("bj", "zero")
NAMES = {"rs6": "sr6", "rs8": "sr8"}  # of the table: the usual ones
NEEDED = {"bj": ("s8", "a1", "a2"), "zero": ("s8", "sr6")}
DEFAULTS = {"bj": {"s6": 1.0}, "zero": {"s6": 1.0, "sr8": 1.0}}


@cache
def _table() -> dict:
    with open(Path(__file__).with_name("damping.toml"), "rb") as file:
        return tomllib.load(file)


def functionals(damping: str | None = None) -> list[str]:
    """Names of the functionals that have parameters, of one damping or of any."""
    return [name for name, entry in _table().items() if name != "aliases" and (damping is None or damping in entry)]


def plain(name: str) -> str:
    """A name as it is compared: B3-LYP is b3lyp."""
    return "".join(c for c in name.lower() if c not in "-_/ ()")


def parameters(functional: str, damping: str) -> dict[str, float]:
    """{name: number} of a functional, s6 and all that its damping needs; InputError for one without."""
    names = {plain(name): name for name in functionals()}
    names = {plain(other): name for other, name in _table()["aliases"].items()} | names
    name = names.get(plain(functional))
    if name is None:
        near = difflib.get_close_matches(plain(functional), names, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else "give s8 and the other parameters of your functional"
        raise InputError(f"no parameters for the functional {functional!r}; {hint}")
    if damping not in _table()[name]:
        others = " or ".join(f'damping = "{other}"' for other in DAMPINGS if other in _table()[name])
        raise InputError(
            f"the functional {functional!r} has no parameters of {damping!r} damping; take {others}, or give "
            f"{', '.join(NEEDED[damping])}"
        )
    own = _table()[name][damping]
    return DEFAULTS[damping] | {NAMES.get(key, key): value for key, value in own.items() if key != "doi"}
