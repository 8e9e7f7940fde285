"""How far is each atom from what a network was trained on? What the kernels tell beside energy and forces."""

from dataclasses import dataclass

import numpy as np

from mdcore.potentials.base import Finding


def _beside(name: str) -> Finding:
    return Finding(name, per_atom=True, output=False, with_forces=True)


OUTSIDE = _beside("descriptors_outside")  # int32: how many descriptors and distances are beyond the range of training
WORST = _beside("worst_descriptor")  # int32: which of its descriptors is the farthest, and
EXCESS = _beside("excess")  # float64: by how much of its range
APART = _beside("distance_excess")  # float64: likewise the distance to a nearest neighbour, in units of what is far
NEAREST = _beside("nearest_distances")  # float64 [n_elements], Angstrom, of the elements that the potential knows
DESCRIPTORS = _beside("descriptors")  # float64 [n_functions], in the network's own units; shorter ones end with rubbish
RANGE = (OUTSIDE, WORST, EXCESS, APART, NEAREST)
TOLD = {OUTSIDE: "outside", WORST: "worst", EXCESS: "excess", APART: "apart", NEAREST: "nearest",
        DESCRIPTORS: "descriptors"}  # as kernels name them  # fmt: skip


@dataclass(frozen=True, eq=False)
class OutOfRange:
    """How far each atom's surroundings lie outside the range of training of a network potential.

    count : int32 [n], descriptors and distances to nearest neighbours outside (0: inside); excess : float64 [n], the
    farthest of these descriptors, in units of its range max - min; worst : its name, or None; apart : float64 [n], the
    farthest distance, in units of what is far (nearest.py); distances : that distance in words, or None; of each atom
    """

    count: np.ndarray
    excess: np.ndarray
    worst: tuple[str | None, ...]
    apart: np.ndarray
    distances: tuple[str | None, ...]

    @property
    def atoms(self) -> np.ndarray:
        """The atoms outside."""
        return np.flatnonzero(self.count)

    def far(self, limit: float) -> int:
        """How many atoms are far outside, descriptors by more than `limit` of their range."""
        return int(np.count_nonzero((self.excess > limit) | (self.apart > 1.0)))


def out_of_range(told, species) -> OutOfRange | None:
    """All networks together, the worst of all; None without one.

    told : [(potential, {Finding: values of each atom})]; species : name of each atom
    """
    told = [(potential, values) for potential, values in told if OUTSIDE in values]
    if not told:
        return None
    n = len(species)
    count, excess, apart, worst, distances = np.zeros(n, np.int32), np.zeros(n), np.zeros(n), [None] * n, [None] * n
    for potential, values in told:
        for atom in np.flatnonzero(values[OUTSIDE]).tolist():
            count[atom] += values[OUTSIDE][atom]
            if values[EXCESS][atom] > excess[atom]:
                excess[atom] = values[EXCESS][atom]
                worst[atom] = potential.label(species[atom], int(values[WORST][atom]))
            if values[APART][atom] > apart[atom]:
                apart[atom] = values[APART][atom]
                distances[atom] = potential.distance(species[atom], values[NEAREST][atom])[0]
    return OutOfRange(count, excess, tuple(worst), apart, tuple(distances))


def excess_of(told) -> np.ndarray | None:
    """What `out_of_range` says of `excess` alone, in a fraction of its time: descriptors need no names."""
    own = [np.where(values[OUTSIDE] > 0, values[EXCESS], 0.0) for _, values in told if OUTSIDE in values]
    return np.maximum.reduce(own) if own else None


def descriptors(told, species) -> tuple[np.ndarray, ...] | None:
    """Those of each atom, as many as its element has; None if nobody asked for them."""
    for potential, values in told:
        if DESCRIPTORS in values:
            lengths = {symbol: potential.n_descriptors(symbol) for symbol in set(species)}
            return tuple(row[: lengths[s]] for row, s in zip(values[DESCRIPTORS], species, strict=True))
    return None
