"""Where is room for a molecule? Random places and turns, one molecule after the other, until nothing is too close.

Random insertion ends well below the densities of liquids of hard bodies (J. Feder, J. Theor. Biol. 87, 237 (1980)); for
denser ones take a smaller distance and relax, or a larger cell and compress.
"""

import itertools

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.memory import check_count
from mdcore.base.ranges import number

TRIALS = 2000  # of a molecule
MOST_BINS = 128  # along an axis


class Neighbourhood:
    """Atoms in bins of a cell, at least `distance` wide."""

    def __init__(self, box, distance: float):
        self.box, self.distance = box, distance
        self.bins = np.clip((box.widths / distance).astype(int), 1, MOST_BINS)
        self.near = [range(-1, 2) if n > 2 else range(n) for n in self.bins.tolist()]
        self.atoms: dict[tuple, list] = {}

    def _bins(self, scaled: np.ndarray) -> np.ndarray:
        return np.clip(np.floor((scaled - np.floor(scaled)) * self.bins).astype(int), 0, self.bins - 1)

    def add(self, scaled: np.ndarray) -> None:
        """Atoms at fractional coordinates [n, 3]."""
        for key, place in zip(self._bins(scaled).tolist(), scaled, strict=True):
            self.atoms.setdefault(tuple(key), []).append(place)

    def is_free(self, scaled: np.ndarray) -> bool:
        """Is no atom near these?"""
        for key, place in zip(self._bins(scaled).tolist(), scaled, strict=True):
            around = zip(key, self.near, self.bins.tolist(), strict=True)
            keys = itertools.product(*({(k + shift) % n for shift in near} for k, near, n in around))
            others = [other for each in keys for other in self.atoms.get(each, ())]
            if others and self._closest(np.array(others) - place) < self.distance:
                return False
        return True

    def _closest(self, steps: np.ndarray) -> float:
        """The shortest of fractional steps [n, 3], among all images that can be near."""
        periodic = np.array(self.box.periodic)
        steps = steps - np.where(periodic, np.round(steps), 0.0)
        around = [(-1, 0, 1) if flag else (0,) for flag in periodic]
        images = (steps[:, None] + np.array(list(itertools.product(*around)))[None]) @ self.box.matrix
        return float(np.sqrt((images**2).sum(axis=2).min()))


def packed(box, others, molecule, count: int, distance: float, rng) -> np.ndarray:
    """Places [count, atoms, 3] of copies of a molecule [atoms, 3] in a cell with `others` [n, 3]; InputError.

    Along free directions whole molecules stay within the cell.
    """
    distance = number("distance", distance, "length")
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise InputError(f"count = {count!r}: expected a positive integer")
    check_count(count * len(molecule), f"count = {count}")
    shape = np.asarray(molecule, dtype=np.float64) - np.mean(molecule, axis=0)
    size = 2.0 * float(np.sqrt((shape**2).sum(axis=1).max()))
    if size + distance > box.widths.min():
        raise InputError(
            f"a molecule {size:.3g} wide, {distance:g} apart from its own images, has no room in a cell "
            f"{box.widths.min():.3g} wide"
        )
    box = box.reduced()
    room, free = Neighbourhood(box, distance), ~np.array(box.periodic)
    room.add(box.fractional(np.asarray(others)))
    inverse, places = np.linalg.inv(box.matrix), np.empty((count, *shape.shape))
    for k in range(count):
        for _ in range(TRIALS):
            centre = rng.random(3)
            scaled = centre + shape @ rotation(rng) @ inverse
            if ((scaled[:, free] >= 0.0) & (scaled[:, free] <= 1.0)).all() and room.is_free(scaled):
                break
        else:
            raise InputError(
                f"room for {k} of {count} molecules, {distance:g} apart, was found, none for one more in {TRIALS} "
                "trials: fewer molecules, a larger cell (to be compressed), or a smaller distance (to be relaxed)"
            )
        room.add(scaled)
        places[k] = scaled @ box.matrix + box.origin
    return places


def rotation(rng) -> np.ndarray:
    """A rotation [3, 3], all alike, from a unit quaternion (K. Shoemake, Graphics Gems III, 1992)."""
    w, x, y, z = (q := rng.normal(size=4)) / np.sqrt(q @ q)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
