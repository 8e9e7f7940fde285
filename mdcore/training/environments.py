"""What do the networks see of a training set, and how does that follow its atoms?

Positions never change, so descriptors G are computed once, and with them the *tangents* T = dG/dR of every atom with
respect to itself and its neighbours (ext/networks/tangents.c). With T, forces, the gradient of a loss on forces and
single rows of the Jacobian are short sums; no neighbour is looked at again. T of the first structures is kept, as many
as a budget of memory holds; for the others it is made anew each time, from the same numbers to the same bits. Atoms are
sorted by element, then structure: what a network works on stands together.

All in the potential's own units. G and T are raw: how they enter a network (scaling) is the model's business.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from mdcore.doors._hdnnp import keep_tangents, tangent_forces, tangent_rates
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.training.share import Share


@dataclass(eq=False)
class Block:
    """The environments of one element, structure after structure.

    g : float64 [n, n_f]; atom : int32 [n], of the whole set; bounds : int64 [n_structures + 1], where each
    structure's begin
    start : int64 [n + 1], where an environment's entries begin: the centre itself, then its neighbours
    entry : int32 [n_entries], the atom of each; t : float32 [n_kept, 3, n_f], dG/dR of that atom, of the first entries
    edges : of each structure (first, r, entry, start), as keep_tangents takes them, or None where t is kept
    s : float32 [n, 6, n_f], sum of r_ij (x) dG/dr_ij in Voigt's order, or None where no stress is known
    entry_environment : int32 [n_entries], the environment of each entry
    atom_ptr : int64 [n_atoms + 1], and atom_entries int64 [n_entries]: the entries of atom i are
    atom_entries[atom_ptr[i] : atom_ptr[i + 1]]
    """

    g: np.ndarray
    atom: np.ndarray
    bounds: np.ndarray
    start: np.ndarray
    entry: np.ndarray
    t: np.ndarray
    s: np.ndarray | None
    edges: list

    def __post_init__(self):
        self.entry_environment = np.repeat(np.arange(len(self.g), dtype=np.int32), np.diff(self.start))

    def index(self, n_atoms: int) -> None:
        """Find the entries of each atom."""
        self.atom_entries = np.argsort(self.entry, kind="stable")
        self.atom_ptr = np.concatenate([[0], np.cumsum(np.bincount(self.entry, minlength=n_atoms))])

    def entries_of(self, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The entries of each of `atoms` one after the other, and where each one's begin, int64 [len + 1]."""
        begin = self.atom_ptr[atoms]
        counts = self.atom_ptr[atoms + 1] - begin
        starts = np.concatenate([[0], np.cumsum(counts)])
        return self.atom_entries[np.arange(starts[-1]) + np.repeat(begin - starts[:-1], counts)], starts


class Environments(Share):
    """Descriptors of a training set and how they follow its atoms, and its labels (share.py).

    model : HDNNP, for elements and symmetry functions; structures : as a Share takes them; comm : that shares them
    threads : share the work; memory : bytes that a rank's tangents may take (None: no limit)

    blocks : one Block an element; kept : of how many structures, from the first, the tangents are kept
    """

    def __init__(self, model, structures, threads: int = 1, memory: float | None = None, comm=None):
        super().__init__(model.elements, structures, threads, comm)
        self._networks = SimpleQueue()
        for _ in range(threads):
            self._networks.put(networks_of(model))
        found = self.neighbours_of(model.cutoff)
        parts = [[_edges(e, len(self.elements), *pairs) for pairs in found] for e in range(len(self.elements))]
        del found
        self.kept = self._fitting(model, parts, memory)
        with ThreadPoolExecutor(threads) as pool:
            self.blocks = [self._block(model, e, part, pool, self.has_stress) for e, part in enumerate(parts)]

    @property
    def bytes(self) -> int:
        """What the tangents take."""
        return sum(block.t.nbytes + (0 if block.s is None else block.s.nbytes) for block in self.blocks)

    def _fitting(self, model, parts, memory: float | None) -> int:
        """How many structures' tangents fit."""
        if memory is None:
            return self.n_structures
        sizes = np.zeros(self.n_structures)
        for functions, part in zip(model.symmetry_functions, parts, strict=True):
            sizes += [12.0 * len(functions) * len(edges[1]) for edges in part]
        return int(np.searchsorted(np.cumsum(sizes), memory, side="right"))

    def _block(self, model, e: int, parts, pool, stress: bool) -> Block:
        """Environments of element number e."""
        n_f = len(model.symmetry_functions[e])
        bounds = np.concatenate([[0], np.cumsum([len(own) for own, *_ in parts])])
        filled = np.concatenate([[0], np.cumsum([len(entry) for _, entry, _ in parts])])
        start = np.concatenate([[0], *(edges[3][1:] + at for (*_, edges), at in zip(parts, filled, strict=False))])
        atom = np.concatenate([own + self.first[k] for k, (own, *_) in enumerate(parts)]).astype(np.int32)
        entry = np.concatenate([entry + self.first[k] for k, (_, entry, _) in enumerate(parts)]).astype(np.int32)
        g, t = np.empty((bounds[-1], n_f)), np.empty((filled[self.kept], 3, n_f), dtype=np.float32)
        s = np.empty((bounds[-1], 6, n_f), dtype=np.float32) if stress else None

        def fill(k):
            rows, own = slice(bounds[k], bounds[k + 1]), slice(filled[k], filled[k + 1])
            to = t[own] if k < self.kept else np.empty((filled[k + 1] - filled[k], 3, n_f), dtype=np.float32)
            self._tangents(e, parts[k][2], g[rows], to, None if s is None else s[rows])

        list(pool.map(fill, range(self.n_structures)))
        edges = [None if k < self.kept else parts[k][2] for k in range(self.n_structures)]
        block = Block(g, atom, bounds, start, entry, t, s, edges)
        block.index(int(self.first[-1]))
        return block

    def _tangents(self, e: int, edges, g, t, s=None) -> None:
        networks = self._networks.get()
        try:
            first, r, entry, start = edges
            keep_tangents(networks, e, first, *r, entry, start, g, t, s)
        finally:
            self._networks.put(networks)

    # --- sums over tangents ----------------------------------------------------------------------------

    def tangents(self, e: int, structures: range) -> np.ndarray:
        """T float32 [n_entries, 3, n_f] of all entries of element e in a run of structures."""
        block = self.blocks[e]
        own = slice(*block.start[block.bounds[[structures.start, structures.stop]]])
        if structures.stop <= self.kept:
            return block.t[own]
        n_f = block.g.shape[1]
        t = np.empty((own.stop - own.start, 3, n_f), dtype=np.float32)
        for k in structures:
            a, b = block.start[block.bounds[[k, k + 1]]] - own.start
            if k < self.kept:
                t[a:b] = block.t[a + own.start : b + own.start]
            else:
                self._tangents(e, block.edges[k], np.empty((block.bounds[k + 1] - block.bounds[k], n_f)), t[a:b])
        return t

    def tangent_rows(self, e: int, entries: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """T [n, n_f] of single entries of element e along single axes."""
        block = self.blocks[e]
        if self.kept == self.n_structures:
            return block.t.reshape(-1, block.t.shape[2])[3 * entries + axes]
        edge = block.start[block.bounds]
        owner, out = np.searchsorted(edge, entries, side="right") - 1, np.empty((len(entries), block.t.shape[2]))
        for k in np.unique(owner):
            mine = np.flatnonzero(owner == k)
            out[mine] = self.tangents(e, range(k, k + 1))[entries[mine] - edge[k], axes[mine]]
        return out

    def forces_of(self, de_dg: list[np.ndarray], structures: range) -> np.ndarray:
        """Forces [all their atoms, 3] of a run of structures from dE/dG [n, n_f] of their atoms, one an element."""
        a, b = self.first[structures.start], self.first[structures.stop]
        forces = np.zeros((b - a, 3))
        for e, slopes in enumerate(de_dg):
            start, entry = self._entries(e, structures)
            tangent_forces(start, entry, self.tangents(e, structures), slopes, forces)
        return forces

    def rates_of(self, along: np.ndarray, structures: range) -> list[np.ndarray]:
        """How G [n, n_f] of each element changes when the atoms of a run of structures move `along` [n_atoms, 3]."""
        rates = []
        for e, block in enumerate(self.blocks):
            start, entry = self._entries(e, structures)
            rates.append(np.empty((len(start) - 1, block.g.shape[1])))
            tangent_rates(start, entry, self.tangents(e, structures), along, rates[-1])
        return rates

    def _entries(self, e: int, structures: range) -> tuple[np.ndarray, np.ndarray]:
        """start [n + 1] and atoms of the entries, counted from the first structure of the run."""
        block = self.blocks[e]
        a, b = block.bounds[structures.start], block.bounds[structures.stop]
        start = block.start[a : b + 1]
        return start - start[0], block.entry[start[0] : start[-1]] - np.int32(self.first[structures.start])


def _edges(e: int, kinds: int, elements, centre, neighbour, r) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Which atoms of a structure are of element e, the atoms of their entries, and (first, r, entry, start).

    elements : of all atoms; centre, neighbour, r : of all pairs, ordered by centre, then element of the neighbour
    """
    own, rows = np.flatnonzero(elements == e), np.flatnonzero(elements[centre] == e)
    number = np.searchsorted(own, centre[rows])  # of the environment
    other, n = neighbour[rows], len(elements)
    key = number * (n + 1) + np.where(other == centre[rows], 0, other + 1)
    keys, found = np.unique(np.concatenate([np.arange(len(own)) * (n + 1), key]), return_inverse=True)
    start, within = np.searchsorted(keys, np.arange(len(own) + 1) * (n + 1)), keys % (n + 1)
    entry = np.where(within == 0, own[keys // (n + 1)], within - 1)
    first = np.searchsorted(number * kinds + elements[other], np.arange(len(own) * kinds + 1))
    first = first[np.arange(len(own))[:, None] * kinds + np.arange(kinds + 1)].astype(np.int64)
    of_edge = (found[len(own) :] - start[number]).astype(np.int32)
    return own, entry, (first, np.ascontiguousarray(r[rows].T), of_edge, start)
