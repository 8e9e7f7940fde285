"""Is an argument of Python of the kind that is expected? One sentence for each; numbers: ranges.py."""

import os
from pathlib import Path

from mdcore.base.errors import InputError


def _shown(value) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}... ({type(value).__name__})"


def table(name: str, value) -> dict:
    """A dict; None: an empty one."""
    if value is None:
        return {}
    if not hasattr(value, "items"):
        raise InputError(f"{name} = {_shown(value)}: expected a dict, {{...}}")
    return dict(value.items())


def by_pair(name: str, value) -> dict:
    """A dict whose keys are pairs of species; None: an empty one."""
    found = table(name, value)
    for pair in found:
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise InputError(f'{name}: {_shown(pair)}: expected two species, e.g. {{("Na", "Cl"): ...}}')
    return found


def listed(name: str, value, what: str = "...") -> tuple:
    """A list, tuple or other row of things, not a text."""
    try:
        if isinstance(value, str | bytes) or hasattr(value, "items"):
            raise TypeError
        return tuple(value)
    except TypeError:
        raise InputError(f"{name} = {_shown(value)}: expected a list, [{what}, ...]") from None


def function(name: str, value):
    """What can be called, and is no class."""
    if not callable(value) or isinstance(value, type):
        raise InputError(f"{name} = {_shown(value)}: expected a function")
    return value


def of_kind(name: str, value, kind, what: str):
    """An object of a class, or of one of several; `what` that is, for the message."""
    if not isinstance(value, kind):
        raise InputError(f"{name} = {_shown(value)}: expected {what}")
    return value


def as_path(value, what: str = "a file") -> Path:
    """A path."""
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{_shown(value)}: expected the path of {what}, a text")
    return Path(value)
