"""What is usual for structures like those a network was trained on, and when has a run gone beyond it?

A minimum and a maximum over N atoms are extreme values: of fresh atoms from the same source a share of about 1/(N + 1)
lies beyond either, for each descriptor, and a long run beyond both, a little. So that alone says nothing. What does is
measured at training (training/known.py): the structures are dealt into parts, each is compared with the range of the
others, and a potential keeps how often atoms of what was held back were outside, and how far at most; of a committee
also, how much its members differ about atoms of the data at most. A run is doubtful if

often     OFTEN times as large a share of its atoms, in all steps together, was outside the range,
far       more than one of its atoms in a MILLION, over all steps, was more than FARTHER times as far outside as any
          that was held back (fewer are met in long runs of just what was trained on), or one was thrice as far as that,
disputed  in more than one of a THOUSAND looks, its members differed DISPUTED times as much about the force on an atom
          as about any of the data,
few       or so many atoms of what was held back were outside that the data say little of structures not in them.

A potential without these numbers (a folder of n2p2, an older file) is doubtful if an atom was EDGE of a range outside.
"""

from dataclasses import dataclass

from mdcore.base.errors import InputError

OFTEN, FARTHER, DISPUTED, FEW, EDGE = 4.0, 4.0, 2.0, 0.1, 0.25
MILLION, THOUSAND = 1e-6, 1e-3  # shares


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


def often(known: Known | None, outside: int, atoms: int) -> float:
    """How many times as large the share of atoms outside is as usual; 0 where nothing is known."""
    return outside / atoms / known.share if known is not None and atoms else 0.0


def verdict(name: str, known: Known | None, count, differ=None, unit: str = "steps") -> tuple[bool, str]:
    """(is it doubtful, in a line) about what was seen.

    count : Count (extrapolation.py); differ : Disagreement (disagreement.py), or None
    unit : what count.looked counts
    """
    seen = (
        f"in {percent(count.steps / max(count.looked, 1))} of the {unit} up to {count.most} of {count.n_atoms} atoms "
        f"were outside what {name} was trained on"
    )
    times, excess = often(known, count.atoms, count.seen), count.farthest.excess if count.farthest else 0.0
    limit = EDGE if known is None else max(3.0 * known.far, EDGE)
    far = excess > limit or (known is not None and count.far > MILLION * count.seen)
    why = None
    if far:
        why = f"{seen}, by up to {percent(excess)} of a range"
    elif times > OFTEN:
        why = f"{seen}, {times:.0f} times as often as usual"
    elif known is not None and differ is not None and differ.disputed > THOUSAND * differ.looks:
        why = (
            f"the members of {name} differ by up to {differ.largest[0]:.3g} eV/Angstrom about an atom; about those of "
            f"its data by up to {known.disagreement:.3g}"
        )
    elif known is not None and known.share > FEW:
        why = (
            f"{name} was trained on too few structures: {percent(known.share)} of the atoms of held-back ones are "
            "outside the range of the others"
        )
    if why:
        return True, f"verdict: doubtful: {why}; see docs/networks.md"
    edge = f", or at its edge (by up to {percent(excess)} of a range)" if known is None and excess else ""
    return False, f"verdict: within what {name} was trained on{edge}"
