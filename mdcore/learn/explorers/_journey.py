"""What does an explorer note on its way, and when is the potential lost?"""

from dataclasses import dataclass

from mdcore.base.errors import MdcoreError
from mdcore.learn.base import Candidate, Found
from mdcore.learn.looks import looks_at


@dataclass(frozen=True, kw_only=True)
class Limits:
    """disagreement : eV/Angstrom about the force on an atom; extrapolation : in widths of a range; a larger one of
    either ends the journey; None: it does not"""

    disagreement: float | None = None
    extrapolation: float | None = None

    def passed(self, candidate: Candidate) -> str:
        """Which limit, in words, or an empty text."""
        spread, excess = candidate.disagreement, candidate.extrapolation
        if self.disagreement is not None and spread is not None and spread.max() > self.disagreement:
            return f"disagreement of {spread.max():.3g} eV/Angstrom"
        if self.extrapolation is not None and excess is not None and excess > self.extrapolation:
            return f"{excess:.3g} of a range outside of training"
        return ""


NONE = Limits()


class Lost(MdcoreError):
    """The potential does not know its way, or says nothing at all: the journey ends here."""


class Journey:
    """Of one explorer in one generation. looks : at the potential of the day"""

    def __init__(self, name: str, visit, limits: Limits):
        self.name, self.limits = name, limits
        self.looks = looks_at(visit.potential)
        self.looks.need_range(name, limits.extrapolation)
        self.candidates, self.ends = [], []

    @property
    def potential(self):
        return self.looks.potential

    def meet(self, system, place: str) -> Candidate:
        """Note a structure; Lost where the potential is, that structure noted."""
        try:
            found = self.looks.candidate(system, self.name, place)
        except MdcoreError as error:  # atoms overlap
            raise Lost(f"{place}: {error}") from None
        self.candidates.append(found)
        if passed := self.limits.passed(found):
            raise Lost(f"{place}: {passed}")
        return found

    def end(self, how: str, lost: bool = False) -> None:
        """One way, of perhaps several, came to its end."""
        self.ends.append((how, lost))

    def home(self) -> Found:
        """What it brings home; all that it met is for the judgement, too."""
        return Found(
            candidates=self.candidates, frames=[own.system for own in self.candidates],
            ended="; ".join(dict.fromkeys(how for how, _ in self.ends)), lost=any(lost for _, lost in self.ends),
        )  # fmt: skip
