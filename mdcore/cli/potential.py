"""Which potential does the command line mean: a folder, a .h5 file, or what an input file says?"""

from mdcore.errors import InputError
from mdcore.potentials.native_units import Units


def parse_units(text: str | None) -> Units | None:
    """``length=bohr,energy=hartree`` from --units; InputError."""
    if text is None:
        return None
    table = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or key.strip() in table:
            raise InputError(f"--units {text}: expected length=UNIT,energy=UNIT, e.g. length=bohr,energy=hartree")
        table[key.strip()] = value.strip()
    return Units.parse(table, f"--units {text}")


def is_input(path: str) -> bool:
    """Is it an input file, whose [[potential]] sections count?"""
    return path.endswith(".toml")


def load_input(path: str, units: Units | None):
    """The settings of an input file; it states its own units."""
    from mdcore.config import load

    if units is not None:
        raise InputError("--units: an input file states the units of its potentials itself, in [[potential]] units")
    return load(path)
