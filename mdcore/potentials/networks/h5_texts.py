"""What do the numbers and texts of an HDF5 file become?"""

from mdcore.base.errors import InputError


def at_most(most: int, found: int, what: str) -> None:
    if found > most:
        raise InputError(f"{found:,} {what}: {most:,} at most")


def text(value) -> str:
    """A text without characters that steer a terminal."""
    found = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in found)


def plain_value(value):
    """An attribute as Python's own str, int or float."""
    return text(value) if isinstance(value, bytes | str) else value.item() if hasattr(value, "item") else value
