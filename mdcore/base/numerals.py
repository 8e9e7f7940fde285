"""Which number does a word in a text file stand for?"""

import re

INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def number(word: str) -> float:
    """As C or Fortran writes it (1.0D-3); ValueError, also for what Python takes beyond that: 1_000."""
    if "_" in word or not word.isascii():
        raise ValueError(word)
    try:
        return float(word)
    except ValueError:
        return float(word.replace("D", "e").replace("d", "e"))


def integer(word: str) -> int:
    """Of at most 18 digits; ValueError."""
    if not INTEGER.fullmatch(word):
        raise ValueError(word)
    return int(word)
