"""What is usual for structures like those a network was trained on?

A minimum and a maximum over N atoms are extreme values: of fresh atoms from the same source a share of about 1/(N + 1)
lies beyond either, for each descriptor, and a long run beyond both, a little. So that alone says nothing. What does is
measured at training (training/known.py): the structures are dealt into parts, each is compared with the range of the
others, and a potential keeps how often atoms of what was held back were outside, and how far at most; of a committee
also, how much its members differ about atoms of the data at most.
Is a run doubtful? watch/verdict.py.
"""

from dataclasses import dataclass

from mdcore.base.errors import InputError

FARTHER, DISPUTED = 4.0, 2.0


@dataclass(frozen=True)
class Known:
    """Of the structures that a potential was trained on.

    structures : how many, and atoms : of these were looked at
    share : of atoms of held-back structures, outside the range of the others, at least one of all
    farthest : how far the farthest of them was outside, in units of the range (0: none was)
    disagreement : largest one of a committee's members about the force on an atom, eV/Angstrom, or None
    """

    structures: int
    atoms: int
    share: float
    farthest: float
    disagreement: float | None = None

    def __post_init__(self):
        for name, most in (("share", 1.0), ("farthest", 1e6), ("disagreement", 1e6)):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= most:
                raise InputError(f"known {name} = {value}: expected a number from 0 to {most:g}")
        if not (self.structures > 0 and self.atoms > 0):
            raise InputError(f"known: {self.structures} structures, {self.atoms} atoms: expected some")

    @property
    def far(self) -> float:
        """So far outside, in units of a range, is far."""
        return FARTHER * self.farthest

    @property
    def disputed(self) -> float | None:
        """So much disagreement, eV/Angstrom, is more than what members have about atoms of the data."""
        return None if self.disagreement is None else DISPUTED * self.disagreement

    def __str__(self):
        differ = "" if self.disagreement is None else f"; members differ by up to {self.disagreement:.3g} eV/Angstrom"
        return (
            f"of held-back structures {percent(self.share)} of the atoms are outside, by up to "
            f"{percent(self.farthest)} of a range{differ} ({self.structures} structures)"
        )


def percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"
