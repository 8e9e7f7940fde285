"""How far from their nearest neighbours were the atoms that a potential was trained on?

Of each atom the distance to the nearest one of each element counts, and the cutoff where there is none. The least of
all atoms of an element is the shortest distance of such a pair. The largest says when an atom is left alone: a
fragment, or one that evaporates. Where some atom of the data had no such neighbour, the largest is the cutoff, which is
never passed.

A distance is far outside if it is shorter, or longer, by more than FARTHER times what those of held-back structures
were by (training/known.py), but by no less than LEAST of it, where walls begin, and no more than MOST, where they are
complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.networks.frozen import frozen
from mdcore.potentials.networks.known import FARTHER
from mdcore.potentials.networks.walls import card_distances

LEAST, MOST, UNKNOWN = 0.02, 0.25, 0.05  # shares of a distance; UNKNOWN: where nothing was held back
DIGITS = 0.0005  # Angstrom, what distances in a card may be rounded up by


@dataclass(frozen=True, eq=False)
class Nearest:
    """low, high : float64 [n_elements, n_elements], Angstrom, the least and the largest distance from atoms of the
        first element to their nearest one of the second; inf, -inf where there were no such atoms
    below, above : the farthest of held-back structures were outside by this share of low, of high; None if not known
    """

    low: np.ndarray
    high: np.ndarray
    below: float | None = None
    above: float | None = None

    def __post_init__(self):
        for name in ("low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name), 2))
        low, high, n = self.low, self.high, len(self.low)
        seen = np.isfinite(low)
        if not (low.shape == high.shape == (n, n) and (low[seen] > 0.0).all() and (high[seen] >= low[seen]).all()):
            raise InputError("distances trained on: expected a least > 0 and a largest of each two elements")
        if not (np.isposinf(low[~seen]).all() and np.isneginf(high[~seen]).all()):
            raise InputError("distances trained on: a number that is not finite")
        for name in ("below", "above"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1e6:
                raise InputError(f"distances trained on: {name} = {value}: expected a number from 0 to 1e6")

    @property
    def limits(self) -> tuple[float, float]:
        """A distance is far outside if it is shorter than low, longer than high, by more than these shares."""
        shares = self.below, self.above
        return tuple(UNKNOWN if own is None else min(max(FARTHER * own, LEAST), MOST) for own in shares)

    def table(self, per_length: float) -> np.ndarray:
        """What kernels compare with, float64 [4, n_elements, n_elements], per_length native lengths an Angstrom: low,
        high, and by what an excess is multiplied, so that 1 is far."""
        seen, (below, above) = np.isfinite(self.low), self.limits
        low, high = np.where(seen, per_length * self.low, -np.inf), np.where(seen, per_length * self.high, np.inf)
        bounded = np.isfinite(high)
        return np.stack([
            low, high, 1.0 / (below * np.where(seen, low, 1.0)), 1.0 / (above * np.where(bounded, high, 1.0))
        ])  # fmt: skip

    def shortest(self, elements: Sequence[str]) -> dict[tuple[str, str], float]:
        """{pair: Angstrom} of each two elements, inf where there is none."""
        low = np.minimum(self.low, self.low.T)
        return {(a, b): float(low[i, j]) for i, a in enumerate(elements) for j, b in enumerate(elements) if i <= j}

    def span(self, i: int, j: int) -> str:
        """In words, Angstrom."""
        high = self.high[i, j]
        return f"{self.low[i, j]:.4g} " + (f"to {high:.4g}" if np.isfinite(high) else "and more")

    def told(self, elements: Sequence[str], i: int, r: np.ndarray) -> tuple[str, str, float]:
        """(what an atom of element i is outside in, in words; that element; Angstrom) for distances r [n_elements]"""
        low, high, per_below, per_above = self.table(1.0)[:, i]
        j = int(np.maximum((low - r) * per_below, (r - high) * per_above).argmax())
        words = f"{r[j]:.4g} Angstrom from the nearest {elements[j]} (trained on {self.span(i, j)})"
        return words, elements[j], float(r[j])


def of_card(model) -> Nearest | None:
    """By the shortest distances in the card of a potential, which has three digits of each; None without them."""
    try:
        shortest = card_distances(model)
    except InputError:
        return None
    reach, where = model.cutoff * model.stated_units.angstrom, model.elements
    low = [[min(shortest.get((a, b), shortest.get((b, a), np.inf)) - DIGITS, reach) for b in where] for a in where]
    return Nearest(np.array(low), np.full((len(low), len(low)), np.inf))


def within_all(models: Sequence) -> Nearest | None:
    """What all members of a committee know; None if one knows nothing."""
    all_of_them = [model.watched for model in models]
    if len(models) == 1 or any(own is None for own in all_of_them):
        return models[0].nearest if len(models) == 1 else None
    low, high = np.max([own.low for own in all_of_them], axis=0), np.min([own.high for own in all_of_them], axis=0)
    shares = ([getattr(own, name) for own in all_of_them] for name in ("below", "above"))
    below, above = (None if None in own else max(own) for own in shares)
    return Nearest(low, np.where(np.isfinite(low), np.maximum(low, high), -np.inf), below, above)
