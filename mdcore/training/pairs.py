"""How far apart are the atoms of each pair of species, and are two structures the same one?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np

from mdcore.base.errors import InputError, SimulationError
from mdcore.engine.single import Engine
from mdcore.training.data.labelled import Labelled, elements_of
from mdcore.training.share import NeighborsOnly

REACH = 6.0  # Angstrom
BINS = 120  # of the distances
MOMENTS = (0.5, 1.0, 2.0, 4.0)  # 1/Angstrom^2, exponents of the sums by which structures are recognised
NEAR = 4.0  # Angstrom; distances that count there


@dataclass(eq=False)
class PairDistances:
    """Of one pair of species: how many at which distance, and the two closest.

    counts : int64 [n_bins] up to `reach`, each pair once; shortest : Angstrom, inf without; where : of the two atoms
    """

    reach: float
    counts: np.ndarray = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    shortest: float = np.inf
    where: str = ""

    @property
    def seen(self) -> np.ndarray:
        """Distances that occur: the centres of bins that aren't empty, Angstrom."""
        return (np.flatnonzero(self.counts) + 0.5) * (self.reach / BINS)


@dataclass(frozen=True, eq=False)
class Distances:
    """Of all structures: {(a, b): PairDistances}, and of each structure a fingerprint [n, n_features] that does not
    depend on order, translation and rotation."""

    pairs: dict[tuple[str, str], PairDistances]
    fingerprints: np.ndarray


def distances(data: Sequence[Labelled], reach: float = REACH) -> Distances:
    """Look at every pair closer than `reach`; InputError if two atoms coincide."""
    elements = elements_of(data)
    names = list(combinations_with_replacement(elements, 2))
    pairs = {pair: PairDistances(reach) for pair in names}
    number = np.zeros((len(elements), len(elements)), dtype=int)
    for k, (a, b) in enumerate(names):
        i, j = elements.index(a), elements.index(b)
        number[i, j] = number[j, i] = k
    prints = np.zeros((len(data), len(names) * len(MOMENTS)))
    engine = Engine(NeighborsOnly(reach), elements)
    for row, s in enumerate(data):
        kinds = np.array([elements.index(e) for e in s.symbols], dtype=np.int32)
        try:
            engine.place(s.box, s.positions, kinds)
            centre, other, r = engine.pairs()
        except SimulationError as error:
            raise InputError(f"{s.where}: {error}") from None
        length = np.linalg.norm(r, axis=1)
        pair = number[kinds[centre], kinds[other]]
        prints[row] = _fingerprint(length, pair, len(names)) / s.n
        bins = np.minimum((length * (BINS / reach)).astype(int), BINS - 1)
        table = np.bincount(pair * BINS + bins, minlength=len(names) * BINS).reshape(len(names), BINS)
        for k, name in enumerate(names):
            own = pairs[name]
            own.counts += table[k] // 2
            if table[k].any():
                rows = np.flatnonzero(pair == k)
                at = rows[int(np.argmin(length[rows]))]
                if length[at] < own.shortest:
                    own.shortest = float(length[at])
                    own.where = f"{s.where}, atoms {min(centre[at], other[at])} and {max(centre[at], other[at])}"
    return Distances(pairs, prints)


def _fingerprint(length, pair, n_pairs: int) -> np.ndarray:
    """Sums of Gaussians over the pairs of each two species, smooth to zero at NEAR."""
    near = length < NEAR
    r, kind = length[near], pair[near]
    window = (1.0 - (r / NEAR) ** 2) ** 3
    sums = [np.bincount(kind, window * np.exp(-eta * (r - 1.5) ** 2), minlength=n_pairs) for eta in MOMENTS]
    return np.concatenate(sums)


def duplicates(data: Sequence[Labelled], fingerprints: np.ndarray, tolerance: float = 1e-6) -> list[list[int]]:
    """Groups of structures that are the same: formula, cell volume and fingerprint agree within `tolerance`.

    Order, translation and rotation don't matter. Lone atoms are left out.
    """
    keys: dict[str, list[int]] = {}
    for k, s in enumerate(data):
        if s.n > 1:
            keys.setdefault(s.formula, []).append(k)
    groups = []
    for members in keys.values():
        volumes = np.array([data[k].volume or 0.0 for k in members])
        features = np.column_stack([fingerprints[members], volumes / data[members[0]].n])
        limit = tolerance * np.maximum(1.0, np.abs(features).max(axis=0))
        order = np.argsort(features[:, 0], kind="stable")
        found = {k: [k] for k in range(len(members))}
        for place, k in enumerate(order):
            for other in order[place + 1 :]:
                if features[other, 0] - features[k, 0] > limit[0]:
                    break
                if (np.abs(features[other] - features[k]) <= limit).all() and found[k] is not found[other]:
                    found[k] += found[other]
                    for member in found[other]:
                        found[member] = found[k]
        seen = {id(group): group for group in found.values() if len(group) > 1}
        groups += [sorted(members[k] for k in group) for group in seen.values()]
    return sorted(groups)
