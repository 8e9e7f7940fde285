"""What do networks of energies and charges see of a training set, and how do the charges of its structures interact?"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from mdcore.potentials.networks.model import HDNNP, ElementNetwork
from mdcore.training.environments import Environments
from mdcore.training.interactions import Interaction, bytes_of, cutoff_of, interaction


class ChargedEnvironments(Environments):
    """Descriptors of a training set, its labels (environments.py), and how the charges of each structure interact.

    model : HDNNP with charges; memory : bytes for tangents, and what is left of it for interactions
    species : int [all atoms], elements; totals as in a Share
    """

    def __init__(self, model: HDNNP, structures, threads: int = 1, memory: float | None = None, comm=None):
        super().__init__(without_charges(model), structures, threads, memory, comm)
        kinds = {element: e for e, element in enumerate(self.elements)}
        self.species = np.concatenate([[kinds[symbol] for symbol in s.symbols] for s in self.structures])
        self.widths = np.array(model.charges.widths)
        sizes = np.array([bytes_of(n, self.has_stress) for n in self.n_atoms.tolist()])
        room = np.inf if memory is None else memory - self.bytes
        n_kept = int(np.searchsorted(np.cumsum(sizes), room, side="right"))
        self._interactions = [None] * self.n_structures
        with ThreadPoolExecutor(threads) as pool:
            self._interactions[:n_kept] = pool.map(self._interaction, range(n_kept))
        self.interaction_bytes = int(sizes[:n_kept].sum())

    @property
    def bytes(self) -> int:
        return super().bytes + getattr(self, "interaction_bytes", 0)

    def interaction(self, k: int) -> Interaction:
        """Of structure k; made anew where there was no room."""
        return self._interactions[k] or self._interaction(k)

    def _interaction(self, k: int) -> Interaction:
        s, own = self.structures[k], slice(*self.first[[k, k + 1]])
        widths, matrix, pairs = self.widths[self.species[own]], None, None
        if s.cell is not None:
            matrix = np.asarray(s.cell, dtype=np.float64)
            pairs = self._neighbours(cutoff_of(widths, matrix), range(k, k + 1))[0][1:]
        return interaction(widths, np.asarray(s.positions, dtype=np.float64), matrix, pairs, self.has_stress)


def without_charges(model: HDNNP) -> HDNNP:
    """The model of short range alone, on descriptors alone."""
    networks = model.networks
    if model.charges.as_input:
        networks = tuple(
            ElementNetwork((n.weights[0][:-1], *n.weights[1:]), n.biases, n.activations, n.normalize_nodes)
            for n in networks
        )
    return replace(model, networks=networks, charges=None, test_vectors=())
