"""Which labelled structures does a rank have, what do their labels say, and who is near whom in them?

Of several ranks each keeps a run of the structures, so that all have about as many atoms.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from mdcore.base.comm import SelfComm
from mdcore.base.errors import InputError
from mdcore.base.voigt import PLACE
from mdcore.engine.single import Engine
from mdcore.potentials.base import Bound, Potential
from mdcore.structure.box import Box


class NeighborsOnly(Potential):
    """To the engine: a potential that only wants neighbours closer than its cutoff."""

    list_kinds = ("full",)
    ghost_columns = ("tags",)

    def __init__(self, cutoff: float):
        self.cutoff = cutoff

    def bind(self, symbols) -> Bound:
        bound = Bound()
        bound.potential = self
        return bound


class Share:
    """A rank's run of a set of labelled structures.

    elements : of the model; structures : each with symbols, positions [n, 3], cell or None, energy, forces [n, 3];
    optionally periodic, stress [3, 3], charges [n], total_charge (0), weight (1). Labels may be None
    comm : ranks that share the structures; each is given all of them and keeps a run. What follows is of this run, but
        begin : its first structure's number in the whole set; n_total, mean_atoms : structures in that, atoms in one

    n_atoms : of each structure int64 [n_structures]; first : int64 [n_structures + 1]
    energies [n_structures], forces [all atoms, 3], stresses [n_structures, 6], charges [all atoms] : labels, nan where
    there are none; total_charges [n_structures]
    has_stress : has any structure of the whole set a stress?
    volumes, weights [n_structures]; counts : int64 [n_structures, n_elements]
    """

    def __init__(self, elements, structures, threads: int = 1, comm=None):
        self.elements, self.threads, self.comm = elements, threads, comm or SelfComm()
        structures = list(structures)
        if not structures:
            raise InputError("training set: it has no structures")
        sizes = np.array([len(s.symbols) for s in structures])
        self.n_total, self.mean_atoms = len(structures), float(sizes.mean())
        self.has_stress = any(getattr(s, "stress", None) is not None for s in structures)
        own = runs(sizes, self.comm.size)[self.comm.rank]
        self.begin, structures = own.start, structures[own.start : own.stop]
        self.structures, self.n_structures = structures, len(structures)
        self.n_atoms = np.array([len(s.symbols) for s in structures])
        self.first = np.concatenate([[0], np.cumsum(self.n_atoms)])
        self._labels(structures)
        self.counts = np.array([[s.symbols.count(e) for e in elements] for s in structures])

    def spreads(self) -> np.ndarray:
        """How much the labels of all ranks differ, RMS: energies an atom beyond what offsets fit, forces, stresses."""
        join, sizes = self.comm.join, self.n_atoms
        shares, energies = join(self.counts / sizes[:, None]), join(self.energies / sizes)
        known = np.isfinite(energies)
        beyond = energies[known] - shares[known] @ np.linalg.lstsq(shares[known], energies[known], rcond=1e-10)[0]
        tensors = [own[np.isfinite(own)] for own in (self.forces, self.stresses)]
        n, squares = self.comm.sum(np.array([[len(own), own @ own] for own in tensors], dtype=np.float64)).T
        return np.sqrt([np.sum(beyond**2) / max(known.sum(), 1), *(squares / np.maximum(n, 1.0))])

    def spread_of_charges(self) -> float:
        """How much the charges of all ranks differ within an element, RMS, e; 0 without any."""
        n, total, squares = self._moments_of_charges()
        return float(np.sqrt(max(np.sum(squares - total**2 / np.maximum(n, 1.0)), 0.0) / max(n.sum(), 1.0)))

    def mean_charges(self) -> np.ndarray:
        """Of each element, all ranks, e; 0 without any."""
        n, total, _ = self._moments_of_charges()
        return total / np.maximum(n, 1.0)

    def _moments_of_charges(self) -> np.ndarray:
        """Number, sum and sum of squares [3, n_elements] of the charges of each element of all ranks."""
        known, kinds = np.isfinite(self.charges), np.concatenate([s.symbols for s in self.structures])
        sums = np.zeros((3, len(self.elements)))
        for e, element in enumerate(self.elements):
            own = self.charges[known & (kinds == element)]
            sums[:, e] = len(own), own.sum(), own @ own
        return self.comm.sum(sums)

    def local(self, structures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which places of a list of structures of the whole set are of this rank's, and their numbers here."""
        structures = np.asarray(structures, dtype=int) - self.begin
        places = np.flatnonzero((structures >= 0) & (structures < self.n_structures))
        return places, structures[places]

    def rows(self, structures: Sequence[int]) -> slice | np.ndarray:
        """Where some structures are in arrays of all."""
        return slice(structures.start, structures.stop) if isinstance(structures, range) else structures

    def places(self, structures: Sequence[int]) -> tuple[slice | np.ndarray, slice | np.ndarray]:
        """Where some structures, and their atoms, are in arrays of all."""
        if isinstance(structures, range):
            return slice(structures.start, structures.stop), slice(*self.first[[structures.start, structures.stop]])
        n = self.n_atoms[structures]
        ends = np.cumsum(n)
        return structures, np.arange(ends[-1]) + np.repeat(self.first[structures] - ends + n, n)

    def _labels(self, structures) -> None:
        self.energies = np.array([np.nan if s.energy is None else s.energy for s in structures], dtype=np.float64)
        nowhere = np.full((1, 3), np.nan)
        self.forces = np.concatenate(
            [np.broadcast_to(nowhere, (len(s.symbols), 3)) if s.forces is None else s.forces for s in structures]
        )
        for k, s in enumerate(structures):
            if getattr(s, "cut", None) is not None:
                self.forces[self.first[k] : self.first[k + 1]][s.cut] = np.nan
        self.stresses = np.full((len(structures), 6), np.nan)
        charges = [getattr(s, "charges", None) for s in structures]
        self.charges = np.concatenate(
            [np.full(n, np.nan) if q is None else q for n, q in zip(self.n_atoms.tolist(), charges, strict=True)]
        )
        self.total_charges = np.array([getattr(s, "total_charge", 0.0) for s in structures], dtype=np.float64)
        self.volumes = np.full(len(structures), np.nan)
        self.weights = np.array([getattr(s, "weight", 1.0) for s in structures], dtype=np.float64)
        for k, s in enumerate(structures):
            if s.cell is not None:
                self.volumes[k] = abs(np.linalg.det(s.cell))
            stress = getattr(s, "stress", None)
            if stress is not None:
                self.stresses[k, PLACE] = (stress + np.transpose(stress)) / 2

    def neighbours_of(self, cutoff: float) -> list[tuple]:
        """Of each structure: elements int [n], and centre, neighbour, r = r_j - r_i of all pairs closer than that;
        ordered by centre, then element of the neighbour."""
        cuts = np.searchsorted(self.first, np.linspace(0, self.first[-1], self.threads + 1))
        cuts[-1] = self.n_structures
        with ThreadPoolExecutor(self.threads) as pool:  # each looks at about as many atoms
            parts = [range(a, b) for a, b in pairwise(cuts)]
            return [pairs for part in pool.map(lambda own: self._neighbours(cutoff, own), parts) for pairs in part]

    def _neighbours(self, cutoff: float, part: range) -> list[tuple]:
        engine, found = Engine(NeighborsOnly(cutoff), self.elements), []
        for k in part:
            s = self.structures[k]
            unknown = sorted(set(s.symbols) - set(self.elements))
            if unknown:
                raise InputError(
                    f"structure {self.begin + k} (counting from 0): the potential has no network for "
                    f"{', '.join(unknown)}; it knows {', '.join(self.elements)}"
                )
            periodic = getattr(s, "periodic", None)
            periodic = (s.cell is not None,) * 3 if periodic is None else tuple(bool(p) for p in periodic)
            cell = np.zeros((3, 3)) if s.cell is None else s.cell
            box = Box.completed(cell, periodic, s.positions)
            elements = np.array([self.elements.index(symbol) for symbol in s.symbols])
            engine.place(box, np.asarray(s.positions, dtype=np.float64), elements)
            found.append((elements, *engine.pairs()))
        return found


def runs(sizes: np.ndarray, n: int) -> list[range]:
    """Cut structures of so many atoms into n runs of about as many atoms, none empty; InputError if it can't be."""
    if len(sizes) < n:
        raise InputError(
            f"{n} ranks for a set of {len(sizes)} structures: each needs one at least; start fewer ranks, and give "
            "them threads"
        ).everywhere()
    ends = np.cumsum(sizes)
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, n) / n - 0.5 * sizes.mean()) + 1
    cuts = np.array([0, *cuts, len(sizes)])
    for r in range(1, n):  # large structures may fill several shares
        cuts[r] = min(max(cuts[r], cuts[r - 1] + 1), len(sizes) - (n - r))
    return [range(a, b) for a, b in pairwise(cuts.tolist())]
