"""Which numbers can be computed with? The same for input files and for Python."""

import numbers

from mdcore.base.errors import InputError

SMALLEST, LARGEST = 1e-15, 1e15  # sizes of numbers, where nothing else is said
MOST_STEPS = 10**15
RANGES = {  # sizes of quantities, user units
    "length": (1e-6, 1e6),
    "inverse length": (1e-6, 1e6),
    "energy": (1e-12, 1e6),
    "mass": (1e-6, 1e9),
    "time": (1e-9, 1e6),
    "temperature": (1e-9, 1e9),
    "friction": (1e-12, 1e6),
    "density": (1e-9, 1e6),
    "pressure": (1e-12, 1e6),
    "compressibility": (1e-6, 1e9),
    "rate": (1e-15, 1e3),
}


def number(name: str, value, quantity: str = "", zero: bool = False) -> float:
    """The value as a float; InputError unless it is positive and in the range of the quantity, or an allowed zero."""
    least, _ = RANGES.get(quantity, (SMALLEST, LARGEST))
    kind = f"number >= 0 (0, or {least:g}" if zero else f"positive number ({least:g}"
    return _number(name, value, quantity, zero, kind)


def signed(name: str, value, quantity: str = "") -> float:
    """The value as a float of either sign; InputError unless it is 0 or its size is in the range of the quantity."""
    least, _ = RANGES.get(quantity, (SMALLEST, LARGEST))
    negative = isinstance(value, numbers.Real) and value < 0
    size = _number(name, -value if negative else value, quantity, True, f"number (0, or +-{least:g}", value)
    return -size if negative else size


def _number(name, size, quantity, zero: bool, kind: str, value=None) -> float:
    """The size as a float; value : what was given, if it is not the size."""
    least, most = RANGES.get(quantity, (SMALLEST, LARGEST))
    real = isinstance(size, numbers.Real) and not isinstance(size, bool)
    if real and (least <= size <= most or (zero and size == 0)):
        return float(size) + 0.0
    value = size if value is None else value
    shown = f"2^{value.bit_length()}" if isinstance(value, int) and value.bit_length() > 99 else repr(value)
    raise InputError(f"{name} = {shown}: expected a {kind} to {most:g})")


def count(name: str, value, least: int, most: int) -> int:
    """The value as an int; InputError unless it is a whole number in that range."""
    if isinstance(value, bool) or not (isinstance(value, numbers.Integral) and least <= value <= most):
        raise InputError(f"{name} = {value!r}: expected a whole number, {least} to {most}")
    return int(value)


def choice(name: str, value, words) -> None:
    """InputError unless the value is one of the words."""
    if value not in words:
        raise InputError(f"{name} = {value!r}: choose one of {', '.join(words)}")
