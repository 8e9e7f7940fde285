"""By which number is a candidate judged, and which of its atoms decides? Disagreement, extrapolation, gamma."""

import numpy as np

from mdcore.learn.features import Seen
from mdcore.learn.maxvol import ActiveSet


class Sheet:
    """of_atoms : float64 [n_atoms] of each candidate; scores : float64 [candidates], as they are now
    unit : of a score, in words; whole : its numbers are of structures, not of atoms
    Made of what was seen of labelled structures (`known`) and of candidates (`found`), features.Seen.
    """

    unit, whole = "", False

    def __init__(self, of_atoms):
        self._take(of_atoms)

    def _take(self, of_atoms) -> None:
        self.of_atoms = of_atoms
        self.scores = np.array([own.max(initial=0.0) for own in of_atoms])

    def atom(self, k: int) -> int | None:
        """That decides about candidate k."""
        return None if self.whole else int(np.argmax(self.of_atoms[k]))

    def chosen(self, k: int) -> None:
        """Candidate k will be labelled: what follows for the scores?"""


class Disagreement(Sheet):
    """Of the members of a committee about the force on an atom, in the measure of what such forces usually are."""

    unit = "eV/Angstrom"

    def __init__(self, known, found, whole=False):
        sizes = scales(known)
        super().__init__([own.disagreement * weights(own.species, sizes) for own in found])


class Extrapolation(Sheet):
    """How far an atom is outside, in widths of a range."""

    unit = "of a range"

    def __init__(self, known, found, whole=False):
        super().__init__([own.excess for own in found])


class Grade(Sheet):
    """gamma by the active set (maxvol.py) of all labelled structures, and of those that were chosen since."""

    unit = "(gamma)"

    def __init__(self, known, found, whole=False):
        self.whole = whole
        before, self.blocks = [self._blocks(own) for own in known], [self._blocks(own) for own in found]
        widths = [rows.shape[1] for _, rows in next(iter([*before, *self.blocks]), [])]
        self.sets = [
            ActiveSet(np.concatenate([np.zeros((0, width)), *(own[b][1] for own in before)]))
            for b, width in enumerate(widths)
        ]
        super().__init__([self._grades(own) for own in self.blocks])

    def _blocks(self, seen: Seen) -> list[tuple[np.ndarray, np.ndarray]]:
        """(atoms, their features) of each element; of structures one row, all elements side by side, a mean."""
        if not self.whole:
            return seen.layers
        sums = np.concatenate([rows.sum(axis=0) for _, rows in seen.layers])
        return [(np.zeros(1, dtype=int), sums[None] / len(seen.species))]

    def _grades(self, blocks) -> np.ndarray:
        grades = np.zeros(sum(len(atoms) for atoms, _ in blocks))
        for own, (atoms, rows) in zip(self.sets, blocks, strict=True):
            grades[atoms] = own.grades(rows)
        return grades

    def chosen(self, k):
        for own, (_, rows) in zip(self.sets, self.blocks[k], strict=True):
            own.add(rows)
        self._take([self._grades(blocks) for blocks in self.blocks])


SHEETS = {"disagreement": Disagreement, "extrapolation": Extrapolation, "maxvol": Grade}


def scales(known) -> dict[str, float]:
    """{species: how large forces on it are}, root mean square of components over structures, eV/Angstrom."""
    sums: dict[str, list] = {}
    for found in known:
        squares, names = (found.forces**2).mean(axis=1), np.array(found.species)
        for name in dict.fromkeys(found.species):
            total = sums.setdefault(name, [0.0, 0])
            total[0] += float(squares[names == name].sum())
            total[1] += int(np.count_nonzero(names == name))
    return {name: (total / n) ** 0.5 for name, (total, n) in sums.items()}


def weights(species, sizes: dict[str, float]) -> np.ndarray:
    """float64 [n], by which the disagreement about each atom is multiplied, so that equal shares of the forces that a
    species usually has count alike: the root mean square of `sizes` over species, by that of its own."""
    known = [size for size in sizes.values() if size > 0.0]
    if not known:
        return np.ones(len(species))
    middle = float(np.sqrt(np.mean(np.square(known))))
    return np.array([middle / sizes[name] if sizes.get(name) else 1.0 for name in species])
