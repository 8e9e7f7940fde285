"""In which units did the author write this potential?

The files don't say, so the user does: in the input, or in a small ``mdcore.toml`` beside the potential.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.base.units import BOHR, HARTREE, KCAL_PER_MOL, KJ_PER_MOL

_LENGTHS = {"angstrom": 1.0, "bohr": BOHR, "nm": 10.0}
_ENERGIES = {
    "ev": 1.0, "hartree": HARTREE, "rydberg": HARTREE / 2, "kcal/mol": KCAL_PER_MOL, "kj/mol": KJ_PER_MOL,
}  # fmt: skip
_UNIT_ALIASES = {"a": "angstrom", "ang": "angstrom", "a0": "bohr", "ha": "hartree", "ry": "rydberg"}


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """``"; did you mean 'cutoff'?"``, or nothing when no option is near."""
    near = difflib.get_close_matches(word, list(options), n=1, cutoff=0.7)
    return f"; did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True)
class Units:
    """The units of a potential's files: names, and their worth in Angstrom and eV."""

    length: str
    energy: str

    def __post_init__(self):
        for key, table in (("length", _LENGTHS), ("energy", _ENERGIES)):
            given = getattr(self, key)
            name = str(given).strip().lower()
            name = _UNIT_ALIASES.get(name, name)
            if name not in table:
                raise InputError(
                    f"units: {key} = {given!r}: unknown unit, expected one of {', '.join(table)}"
                    + did_you_mean(name, table)
                )
            object.__setattr__(self, key, name)

    @property
    def angstrom(self) -> float:
        """One native length in Angstrom."""
        return _LENGTHS[self.length]

    @property
    def ev(self) -> float:
        """One native energy in eV."""
        return _ENERGIES[self.energy]

    @classmethod
    def parse(cls, value: "Units | Mapping | None", where: str = "units") -> "Units | None":
        """`Units`, ``{"length": ..., "energy": ...}`` or None; InputError names `where`."""
        if value is None or isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise InputError(
                f'{where}: expected a table such as {{length = "bohr", energy = "hartree"}}, found {value!r}'
            )
        for key in value:
            if key not in ("length", "energy"):
                raise InputError(f"{where}: unknown key {key!r}{did_you_mean(key, ('length', 'energy'))}")
        if len(value) != 2:
            missing = "length" if "length" not in value else "energy"
            raise InputError(
                f'{where}: {missing} is missing; state both, e.g. {{length = "bohr", energy = "hartree"}}'
            )
        try:
            return cls(**value)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None


def unit_comments(text: str) -> str:
    """What comment lines say of units (``Length unit : Bohr``): a hint for messages, never used as fact."""
    pattern = r"^\s*#\s*((?:length|energy) unit\w*\s*:\s*\S.*?)\s*#*\s*$"
    found = re.findall(pattern, text, re.IGNORECASE | re.MULTILINE)
    return ", ".join(" ".join(line.split()) for line in found[:2])
