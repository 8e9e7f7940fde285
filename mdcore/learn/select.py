"""Which of the structures that explorers met are worth a calculation?

Each is judged by one number, its score (scores.py): the largest disagreement about the force on an atom, how far an
atom is outside of the ranges of training, or the grade gamma. At a lower bound and below there is nothing to learn,
above an upper one a structure is unphysical. Of the others a batch is chosen, one after the other: the one whose
descriptors, averaged over the atoms of each element, are farthest from those of all labelled and chosen ones, or the
one with the highest score. What nearly repeats a labelled or chosen one is left out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mdcore.base.errors import InputError, MdcoreError
from mdcore.base.ranges import choice, count, number
from mdcore.learn.alike import SAME
from mdcore.learn.base import Candidate
from mdcore.learn.cut import Cut
from mdcore.learn.farthest import Farthest, spacing
from mdcore.learn.looks import Looks
from mdcore.learn.scores import SHEETS

LOWER = {"disagreement": 0.1, "extrapolation": 0.0, "maxvol": 2.0}
CHOOSE, OF = ("farthest", "score"), ("atoms", "structures")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """by : "disagreement" (eV/Angstrom), "extrapolation" (widths of a range) or "maxvol" (gamma)
    lower : a score must be larger, None: LOWER; upper : and not larger than this, None: no bound
    batch : most structures; quotas : {explorer: most of its, None: no bound}
    choose : "farthest" or "score" first; by maxvol the highest score, told anew after each
    redundant : closer to a chosen one than so many times the usual distance of labelled ones is a repetition
    of : whose features maxvol grades, "atoms" or "structures"; cut : large ones (cut.py), None: as they are
    """

    by: str = "disagreement"
    lower: float | None = None
    upper: float | None = None
    batch: int = 20
    quotas: dict[str, int | None] = field(default_factory=dict)
    choose: str = "farthest"
    redundant: float = 0.1
    of: str = "atoms"
    cut: Cut | None = None

    def __post_init__(self):
        choice("select: by", self.by, tuple(LOWER))
        choice("select: choose", self.choose, CHOOSE)
        choice("select: of", self.of, OF)
        count("select: batch", self.batch, 1, 10**6)
        number("select: redundant", self.redundant, zero=True)
        lower = LOWER[self.by] if self.lower is None else number("select: lower", self.lower, zero=True)
        object.__setattr__(self, "lower", lower)
        if self.upper is not None and not number("select: upper", self.upper) > lower:
            raise InputError(f"select: upper = {self.upper:g}: expected more than lower, {lower:g}")


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice:
    """candidate : to be labelled, cut where asked; why : in words; score : its number when it was chosen"""

    candidate: Candidate
    why: str
    score: float


def select(candidates: Sequence[Candidate], potential, labelled, rules: Rules, rng=None) -> list[Choice]:
    """A batch of candidates to label; the same for the same input.

    potential : of today, Looks (looks.py) at it, or open, or a path; labelled : Systems that have labels, or will
    rng : numpy Generator: of candidates that are alike any may be the first; None: the first one is
    InputError where the potential does not tell what the rules ask for.
    """
    return sift(candidates, potential, labelled, rules, rng)[0]


def sift(
    candidates: Sequence[Candidate], potential, labelled, rules: Rules, rng=None
) -> tuple[list[Choice], np.ndarray]:
    """What `select` does, and the scores of all, float64 [candidates]: nan where the model says nothing, for atoms
    overlap."""
    looks, by = potential if isinstance(potential, Looks) else Looks(potential), rules.by
    _check(looks, rules)

    def seen(system, spread: bool):
        try:
            return looks.about(system, spread, layers=by == "maxvol")
        except MdcoreError:
            return None

    known = [own for system in labelled if (own := seen(system, False)) is not None]
    there, told, found = [], [], []
    for k in range(len(candidates)) if rng is None else rng.permutation(len(candidates)).tolist():
        own = candidates[k]
        about = seen(own.system, by == "disagreement" and own.disagreement is None)
        if about is None:
            continue
        if own.disagreement is not None:
            about = replace(about, disagreement=own.disagreement)
        there.append(k)
        found.append(about)
        told.append(replace(own, disagreement=about.disagreement))
    sheet = SHEETS[by](known, found, rules.of == "structures")
    scores = np.full(len(candidates), np.nan)
    scores[there] = first = sheet.scores.copy()
    within = (first > rules.lower) & (first <= (np.inf if rules.upper is None else rules.upper))
    picks = _pick(rules, sheet, told, within, *_points(found, known))
    return [_choice(rules, looks, told[k], score, atom) for k, score, atom in picks], scores


def _check(looks: Looks, rules: Rules) -> None:
    name = looks.potential.name
    if rules.by == "disagreement" and not looks.is_committee:
        raise InputError(
            f'select: by = "disagreement" needs a committee, and {name} is one network: [committee] members = 4 in the '
            'input of the training, or by = "maxvol"'
        )
    if rules.by == "extrapolation" and not looks.knows_range:
        raise InputError(f'select: by = "extrapolation": the range of training of {name} is not known')


def _points(found, known) -> tuple[np.ndarray, np.ndarray]:
    """Mean descriptors of candidates [n, d] and of labelled structures [m, d], each in its standard deviation over all,
    by sqrt(d): distances are root mean squares."""
    if not found:
        return np.zeros((0, 0)), np.zeros((len(known), 0))
    points = np.array([own.means for own in (*found, *known)])
    width = points.std(axis=0)
    moves = width > SAME * np.abs(points).max(axis=0)  # or rounding would tell structures apart
    points = points[:, moves] / (width[moves] * np.sqrt(max(1, np.count_nonzero(moves))))
    return points[: len(found)], points[len(found) :]


def _pick(rules: Rules, sheet, told, within, points, chosen):
    """[(number among `told`, its score, the atom that decides)]"""
    far, least, picks = Farthest(points, chosen), max(SAME, rules.redundant * spacing(chosen)), []
    names, taken = np.array([own.explorer for own in told]), Counter()
    open_ = within.copy()
    while len(picks) < rules.batch:
        full = [name for name, most in rules.quotas.items() if most is not None and taken[name] >= most]
        allowed = open_ & (far.distances > least) & ~np.isin(names, full)
        if rules.by == "maxvol":
            allowed &= sheet.scores > rules.lower  # what was chosen since may have made it known
        if not allowed.any():
            break
        nobody = np.isinf(far.distances[allowed]).all()  # is chosen yet
        if rules.choose == "score" or rules.by == "maxvol" or nobody:
            k = int(np.argmax(np.where(allowed, sheet.scores, -1.0)))
        else:
            k = far.farthest(allowed)
        picks.append((k, float(sheet.scores[k]), sheet.atom(k)))
        open_[k] = False
        taken[told[k].explorer] += 1
        far.choose(k)
        sheet.chosen(k)
    return picks


def _choice(rules: Rules, looks: Looks, candidate: Candidate, score: float, atom: int | None) -> Choice:
    name = "" if atom is None else candidate.system.names[atom]
    about = "" if atom is None else f" about {name}, atom {atom} (counting from 0)"
    unit = SHEETS[rules.by].unit
    why = f"{'grade' if rules.by == 'maxvol' else rules.by} {score:.3g} {unit}{about}"
    if rules.cut is not None and atom is not None:
        system, rows, said = rules.cut.of(candidate.system, atom, looks.potential)
        if rows is not None:
            own = candidate.disagreement
            own = None if own is None else own[rows]
            candidate, why = replace(candidate, system=system, disagreement=own), f"{why}; {said}"
    return Choice(candidate=candidate, why=why, score=score)
