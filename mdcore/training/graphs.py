"""Who is near whom in a training set: the edges that density networks sum over.

Positions never change, so edges are found once, by what finds neighbours in a run.
"""

from collections.abc import Sequence

import numpy as np

from mdcore.doors._density import Edges, joined
from mdcore.training.share import Share


class Graphs(Share):
    """Edges of labelled structures, and their labels (share.py).

    elements, cutoff : of the model; structures, threads, comm : as a Share takes them

    edges : one Edges a structure, of all ordered pairs closer than the cutoff, images included
    species : int [n_atoms] of each
    neighbours : mean number, over the atoms of the whole set
    """

    def __init__(self, elements, cutoff: float, structures, threads: int = 1, comm=None):
        super().__init__(elements, structures, threads, comm)
        self.cutoff, self.edges, self.species, n_edges = cutoff, [], [], 0
        for species, centre, other, r in self.neighbours_of(cutoff):
            first = np.searchsorted(centre, np.arange(len(species) + 1))
            self.edges.append(Edges(first, other, r, species))
            self.species.append(species)
            n_edges += len(other)
        self.bytes, self.kept = 28 * n_edges, self.n_structures
        edges, atoms = self.comm.sum(np.array([n_edges, self.first[-1]], dtype=np.float64))
        self.neighbours = float(edges / atoms)

    def together(self, structures: Sequence[int]) -> Edges:
        """Of some structures as of one, far from each other."""
        parts = [self.edges[k] for k in structures]
        return parts[0] if len(parts) == 1 else joined(parts)
