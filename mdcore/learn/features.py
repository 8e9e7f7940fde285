"""What does a model see of an atom: its descriptors, the features that its energy is linear in?

The last layer of a network takes a sum: E_i = offset(z_i) + w(z_i) . x_i. Those x_i, of all members of a committee one
after the other, are the features of maxvol.py. Symmetry-function networks: the nodes of the last hidden layer; density
networks: the invariants of all layers and the nodes of the last network. Where a model does not tell (networks that
see charges), the descriptors themselves.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base.elements import element_of
from mdcore.potentials.density.model import DensityNetwork
from mdcore.potentials.networks.model import ElementNetwork
from mdcore.potentials.networks.outside import excess_of
from mdcore.potentials.networks.spread import ENERGY, FORCES


@dataclass(frozen=True, eq=False, kw_only=True)
class Seen:
    """What is kept of an evaluation. species : name of each atom; energy : eV; forces : float64 [n, 3]
    means : float64 [d], descriptors averaged over the atoms of each element
    layers : where asked, (numbers of its atoms, their features) of each element
    disagreement, excess : float64 [n] or None, of members about each atom; beyond the range of training
    energy_disagreement : of members about the energy, an atom, or None
    """

    species: tuple[str, ...]
    energy: float
    forces: np.ndarray
    means: np.ndarray
    layers: list[tuple[np.ndarray, np.ndarray]]
    disagreement: np.ndarray | None
    excess: np.ndarray | None
    energy_disagreement: float | None


class Features:
    """What the model of a trained potential sees. elements : of the model, in whose order all is told"""

    def __init__(self, potential):
        self.model = potential.model
        self.elements = self.model.elements
        self.lengths = [potential.n_descriptors(element) for element in self.elements]
        self._folded = {}

    def seen(self, found, layers: bool) -> Seen:
        """What is kept of an Evaluation with descriptors. layers : the features, too"""
        own = self.by_element(found)
        means = [rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1]) for _, rows in own]
        told = found.findings or {}
        return Seen(
            species=found.species, energy=found.energy, forces=found.forces, means=np.concatenate(means),
            layers=[(atoms, self.last_layer(e, rows)) for e, (atoms, rows) in enumerate(own)] if layers else [],
            disagreement=told.get(FORCES.name), excess=excess_of(found.told),
            energy_disagreement=told.get(ENERGY.name),
        )  # fmt: skip

    def by_element(self, found) -> list[tuple[np.ndarray, np.ndarray]]:
        """(numbers of its atoms int [n], their descriptors [n, length]) of each element."""
        own = np.array([self.elements.index(element_of(name)) for name in found.species])
        atoms = [np.flatnonzero(own == e) for e in range(len(self.elements))]
        return [
            (rows, np.array([found.descriptors[k] for k in rows]).reshape(-1, length))
            for rows, length in zip(atoms, self.lengths, strict=True)
        ]

    def last_layer(self, e: int, rows: np.ndarray) -> np.ndarray:
        """float64 [n, features] of atoms of element e with descriptors [n, length]; the last one is 1."""
        if isinstance(self.model, DensityNetwork):
            found = self._of_density(e, rows)
        elif self.model.charges:
            found = [rows]
        else:
            slope, shift, base = self.model.scaling[e].affine()
            inputs = slope * (rows - shift) + base
            found = [hidden(networks[e], inputs) for networks in self.model.members]
        return np.concatenate([*found, np.ones((len(rows), 1))], axis=1)

    def _of_density(self, e: int, rows: np.ndarray) -> list[np.ndarray]:
        designs, found = self.model.member_designs, []
        parts = np.split(rows, self.model.ends[:-1], axis=1)
        for k, (design, own) in enumerate(zip(designs, parts, strict=True)):
            if k not in self._folded:
                self._folded[k] = design.folded_views(self.model.fold(k))
            theta = self._folded[k]
            found += [own, np.tanh(own @ theta["hidden"][e] + theta["bias"][e])] if design.hidden else [own]
        return found


FUNCTIONS = {  # activations by letter (ext/networks/network.c)
    "l": lambda x: x,
    "t": np.tanh,
    "s": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "p": lambda x: np.logaddexp(0.0, x),
    "r": lambda x: np.maximum(x, 0.0),
    "g": lambda x: np.exp(-0.5 * x * x),
    "c": np.cos,
    "S": lambda x: 1.0 / (1.0 + np.exp(x)),
    "e": lambda x: np.exp(-x),
    "h": lambda x: x * x,
}


def hidden(network: ElementNetwork, x: np.ndarray) -> np.ndarray:
    """The last hidden layer [n, nodes] for inputs [n, n_in] that are scaled."""
    for weights, bias, letter in zip(network.weights[:-1], network.biases[:-1], network.activations[:-1], strict=True):
        argument = x @ weights + bias
        x = FUNCTIONS[letter](argument / len(weights) if network.normalize_nodes else argument)
    return x
