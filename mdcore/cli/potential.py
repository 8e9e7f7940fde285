"""Which potential does the command line mean: a folder, a .h5 file, or what an input file says?"""

import os
from contextlib import suppress

from mdcore.base.errors import InputError
from mdcore.potentials.networks.native_units import Units


def parse_units(text: str | None, option: str = "units") -> Units | None:
    """``length=bohr,energy=hartree`` from --units; InputError."""
    if text is None:
        return None
    return Units.parse(parse_table(text, option, "length=bohr,energy=hartree"), f"--{option} {text}")


def parse_table(text: str | None, option: str, example: str) -> dict[str, str]:
    """``key=value,key=value`` of an option; InputError."""
    table = {}
    for part in text.split(",") if text is not None else ():
        key, equals, value = part.partition("=")
        if not equals or key.strip() in table:
            form = "length=UNIT,energy=UNIT" if option.endswith("units") else "KEY=VALUE,..."
            raise InputError(f"--{option} {text}: expected {form}, e.g. {example}")
        table[key.strip()] = value.strip()
    return table


def is_input(path: str) -> bool:
    """Is it an input file, whose [[potential]] sections count?"""
    return path.endswith(".toml")


def load_input(path: str, units: Units | None):
    """The settings of an input file; it states its own units."""
    from mdcore.config import load

    if units is not None:
        raise InputError("--units: an input file states the units of its potentials itself, in [[potential]] units")
    return load(path)


def tell_swapped(command: str, potential: str, structures: str) -> None:
    """InputError if what a command line names as structures is a potential, and what it names as one is none."""
    if _is_potential(structures) and not _is_potential(potential):
        raise InputError(
            f"{potential}: no potential, but {structures} is one, which comes first: "
            f"mdcore {command} {structures} {potential}"
        ) from None


def _is_potential(path: str) -> bool:
    """An input file, a folder of n2p2 or RuNNer, or a .h5 file that can be read."""
    from mdcore.potentials.networks.h5 import read_h5

    if is_input(path) or os.path.isdir(path):
        return is_input(path) or os.path.isfile(os.path.join(path, "input.nn"))
    with suppress(InputError):
        read_h5(path)
        return True
    return False
