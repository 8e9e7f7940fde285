"""How far is each atom from what a network was trained on? What the kernels tell beside energy and forces."""

from dataclasses import dataclass

import numpy as np

from mdcore.potentials.base import Finding


def _beside(name: str) -> Finding:
    return Finding(name, per_atom=True, output=False, with_forces=True)


OUTSIDE = _beside("descriptors_outside")  # int32: how many of its descriptors are beyond the range of training
WORST = _beside("worst_descriptor")  # int32: which of them is the farthest, and
EXCESS = _beside("excess")  # float64: by how much of its range
DESCRIPTORS = _beside("descriptors")  # float64 [n_functions], in the network's own units; shorter ones end with rubbish
RANGE = (OUTSIDE, WORST, EXCESS)


@dataclass(frozen=True, eq=False)
class OutOfRange:
    """How far each atom's surroundings lie outside the range of training of a network potential.

    count : int32 [n], descriptors outside (0: inside); excess : float64 [n], the farthest of them, in units of its
    range max - min; worst : its name, or None; of each atom
    """

    count: np.ndarray
    excess: np.ndarray
    worst: tuple[str | None, ...]

    @property
    def atoms(self) -> np.ndarray:
        """The atoms outside."""
        return np.flatnonzero(self.count)


def out_of_range(told, species) -> OutOfRange | None:
    """All networks together, the worst of all; None without one.

    told : [(potential, {Finding: values of each atom})]; species : name of each atom
    """
    told = [(potential, values) for potential, values in told if OUTSIDE in values]
    if not told:
        return None
    count, excess, worst = np.zeros(len(species), dtype=np.int32), np.zeros(len(species)), [None] * len(species)
    for potential, values in told:
        for atom in np.flatnonzero(values[OUTSIDE]).tolist():
            count[atom] += values[OUTSIDE][atom]
            if values[EXCESS][atom] >= excess[atom]:
                excess[atom] = values[EXCESS][atom]
                worst[atom] = potential.label(species[atom], int(values[WORST][atom]))
    return OutOfRange(count, excess, tuple(worst))


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
