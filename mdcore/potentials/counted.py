"""What of long range is in a potential's energy, so that no sum has it twice?

A potential says in `has` what it knows of: laws of dispersion and charges that is what they are for; a network has
what was in the labels that it was trained on, within its cutoff, and what was subtracted from them and is added back.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mdcore.base.errors import InputError

DISPERSION, ELECTROSTATICS = KINDS = ("dispersion", "electrostatics")
NOTHING = "nothing"  # is in the labels
ANSWERS = ("refuse", "allow")  # to what a sum has twice
PURPOSE = "that is what it is for"


class Twice(NamedTuple):
    """kind : of KINDS, which two potentials have; which : their numbers, why : how that is known of them"""

    kind: str
    which: tuple[int, int]
    why: tuple[str, str]


def twice(has: Sequence[dict[str, str]]) -> Twice | None:
    """The first thing that two potentials have; has : {kind: why} of each."""
    seen: dict[str, tuple[int, str]] = {}
    for k, own in enumerate(has):
        for kind, why in own.items():
            if kind in seen:
                before, told = seen[kind]
                return Twice(kind, (before, k), (told, why))
            seen[kind] = k, why
    return None


def contained(text: str) -> tuple[str, ...]:
    """What a card says that labels contain: "dispersion, electrostatics", or "nothing"; InputError."""
    words = tuple(word.strip() for word in str(text).split(","))
    if words == (NOTHING,):
        return ()
    for word in words:
        if word not in KINDS:
            raise InputError(f'contains = {text!r} in its card: expected some of {", ".join(KINDS)}, or "{NOTHING}"')
    return words


def as_text(kinds: Sequence[str]) -> str:
    """The same for a card."""
    return ", ".join(kinds) or NOTHING
