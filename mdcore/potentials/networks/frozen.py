"""Data that do not change: the same to the last bit? Floats and arrays as they are kept."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np

from mdcore.base.errors import InputError


def identical(a, b) -> bool:
    """The same content, every float to the last bit (nan equals nan)."""
    if is_dataclass(a):
        names = [f.name for f in fields(a)]
        return type(a) is type(b) and all(identical(getattr(a, n), getattr(b, n)) for n in names)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        same_kind = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        return same_kind and a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(identical(a[k], b[k]) for k in a)
    return a == b or (a != a and b != b)


def plain_floats(data) -> None:
    """Python's own floats in every float field, for files are written from their repr."""
    for f in fields(data):
        if f.type is float:
            object.__setattr__(data, f.name, float(getattr(data, f.name)))


def frozen(array, ndim: int = 1) -> np.ndarray:
    """An own, contiguous, read-only float64 copy with so many axes."""
    array = np.array(array, dtype=np.float64, order="C", ndmin=ndim)
    if array.ndim != ndim:
        raise InputError(f"an array of shape {array.shape}, expected {ndim} ax{'i' if ndim == 1 else 'e'}s")
    array.setflags(write=False)
    return array
