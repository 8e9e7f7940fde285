"""How far are the networks from the data, and how must their parameters change?

The loss is that of misfit.py; the offset b of the energies, one a species, is the bias of each network's last layer.
The gradient is exact: residuals of forces and stress become a tangent v of each atom's descriptors, and one
double-backward pass gives dL/dw of E and v . dE/dG together (ext/networks/network_gradients.c).
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from mdcore.base.errors import InputError
from mdcore.doors._hdnnp import Networks
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.model import HDNNP, ElementNetwork
from mdcore.potentials.networks.plans import energy_of
from mdcore.training.environments import Environments
from mdcore.training.misfit import Cost, Prediction, SetRegression, Weights
from mdcore.training.settings import Loss


class Stack:
    """A network an element, as a run of a regression's parameters from `begin` on.

    networks : the kernels' tables; old : the ElementNetworks
    slices : of each element; blocks, is_weight : as of a Regression
    """

    def __init__(self, networks: Networks, old, begin: int = 0):
        self.networks, self.old, self.begin = networks, old, begin
        sizes = [networks.n_parameters(e) for e in range(len(old))]
        self.n, ends = int(sum(sizes)), begin + np.cumsum(sizes)
        self.slices = [slice(int(end) - size, int(end)) for end, size in zip(ends, sizes, strict=True)]
        layers = [list(pairwise(network.layer_sizes)) for network in old]
        self.is_weight = np.concatenate([np.repeat([True, False], [n * m, m]) for own in layers for n, m in own])
        self.blocks, at = [], begin
        for n, m in (sizes for own in layers for sizes in own):
            self.blocks.append((slice(at, at + n * m), m))
            at += n * m + m

    @property
    def flat(self) -> np.ndarray:
        """The parameters that it began with."""
        return np.concatenate([network.flat() for network in self.old])

    def set(self, parameters: np.ndarray) -> None:
        """Take these parameters, of the whole regression."""
        for e, own in enumerate(self.slices):
            self.networks.set_parameters(e, parameters[own])

    def fitted(self, parameters: np.ndarray) -> tuple[ElementNetwork, ...]:
        """The networks with these parameters, of the whole regression."""
        return tuple(
            ElementNetwork.from_flat(parameters[own], old.layer_sizes, old.activations, old.normalize_nodes)
            for own, old in zip(self.slices, self.old, strict=True)
        )


class NetworkRegression(SetRegression):
    """The networks of `model` as a function of their parameters w, over a training set.

    model : HDNNP, whose scaling and normalisation stay; environments : of its elements and symmetry functions
    parameters : all elements one after the other, in the order of ElementNetwork.flat(); biases are no weights
    """

    def __init__(self, model: HDNNP, environments: Environments, threads: int = 1, counts: Loss | None = None):
        if model.elements != environments.elements:
            raise InputError("training: model and environments are of different elements")
        super().__init__(model, environments, threads, counts)
        self.slopes, self.inputs = [], []
        for scaling, block in zip(model.scaling, environments.blocks, strict=True):
            slope, shift, base = scaling.affine()
            self.slopes.append(slope)
            self.inputs.append(slope * (block.g - shift) + base)
        self.factor = energy_of(model, 0)[0]
        offsets = np.array([energy_of(model, e)[1] for e in range(len(model.elements))])
        self.offsets = environments.counts @ offsets
        self._lay_out(Stack(networks_of(model), model.networks))

    def _lay_out(self, short: Stack, *more: Stack) -> None:
        """Say what the parameters are: the networks of energies, and others."""
        stacks = (short, *more)
        self.stack, self.networks, self.slices = short, short.networks, short.slices
        self.n_parameters = self.n_sums = sum(own.n for own in stacks)
        self.is_weight = np.concatenate([own.is_weight for own in stacks])
        self.blocks = [block for own in stacks for block in own.blocks]
        self.set(np.concatenate([own.flat for own in stacks]))

    def set(self, parameters: np.ndarray) -> None:
        """Take these parameters; all ranks take those of rank 0, so that rounding can't drive them apart."""
        self.parameters = self.comm.bcast(np.array(parameters, dtype=np.float64))
        self.stack.set(self.parameters)

    def fitted(self) -> HDNNP:
        """The model with the present parameters."""
        return replace(self.model, networks=self.stack.fitted(self.parameters), test_vectors=())

    # --- values and the loss -------------------------------------------------------------------------------

    def _predict(self, chunk: range):
        """(Prediction, dE_NN/dx of each element's atoms)"""
        env = self.environments
        energies, slopes, stress = self.offsets[chunk.start : chunk.stop].copy(), [], None
        for e, (block, x) in enumerate(zip(env.blocks, self.inputs, strict=True)):
            rows, owner = rows_of(block, chunk)
            own, de_dx = self.networks.network(e, x[rows])
            energies += self.factor * np.bincount(owner, own, minlength=len(chunk))
            slopes.append(np.ascontiguousarray(de_dx))
        de_dg = [self.factor * slope * de_dx for slope, de_dx in zip(self.slopes, slopes, strict=True)]
        forces = env.forces_of(de_dg, chunk)
        if env.blocks[0].s is not None:
            stress = self._stress_of(de_dg, chunk)
        return Prediction(energies, forces, stress), slopes

    def _stress_of(self, de_dg: list[np.ndarray], chunk: range) -> np.ndarray:
        """Stress [n, 6] of some structures from dE/dG [n_atoms, n_f] of each element's atoms."""
        env, stress = self.environments, np.zeros((len(chunk), 6))
        for block, own in zip(env.blocks, de_dg, strict=True):
            rows, owner = rows_of(block, chunk)
            np.add.at(stress, owner, np.einsum("avf,af->av", block.s[rows], own))
        return stress / env.volumes[chunk.start : chunk.stop, None]

    def _loss(self, weights: Weights, chunk: range) -> tuple[float, np.ndarray]:
        cost = self.cost(weights, chunk, self._predict(chunk)[0])
        return cost.loss, self._gradient(cost, chunk)

    def _gradient(self, cost: Cost, chunk: range) -> np.ndarray:
        """How the loss of some structures changes with the networks of energies."""
        env = self.environments
        rates = env.rates_of(-cost.forces, chunk)  # F = -sum T dE/dG
        gradient = np.empty(self.stack.n)
        for e, (block, x, slope) in enumerate(zip(env.blocks, self.inputs, self.slopes, strict=True)):
            rows, owner = rows_of(block, chunk)
            v = rates[e]
            if cost.strain is not None:
                v += np.einsum("avf,av->af", block.s[rows], cost.strain[owner])
            a = (2.0 * self.factor * cost.share * cost.energy)[owner]
            gradient[self.slices[e]] = self.networks.gradients(e, x[rows], a, self.factor * slope * v)[0]
        return gradient

    # --- single labels -------------------------------------------------------------------------------------

    def rows(self, kind: int, own: np.ndarray, components: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Gradients [m, n_parameters] of single ones of these numbers, times `scale` [m]."""
        if kind == 0:
            return self.energy_rows(own) * (scale / self._sizes(own))[:, None]
        if kind == 2:
            return self.stress_rows(own, components) * scale[:, None]
        atoms, axes = self.environments.first[own] + components // 3, components % 3
        parts = np.array_split(np.arange(len(atoms)), self.threads)
        return np.concatenate(self.map(lambda p: self.force_rows(atoms[p], axes[p]), parts)) * scale[:, None]

    def energy_rows(self, structures: np.ndarray) -> np.ndarray:
        """dE/dw float64 [n, n_parameters] of single structures."""
        out = np.zeros((len(structures), self.n_parameters))
        for e, (block, x) in enumerate(zip(self.environments.blocks, self.inputs, strict=True)):
            rows, segments = _gather(block.bounds, structures)
            a = np.full(len(rows), self.factor)
            out[:, self.slices[e]] = self.networks.gradients(e, x[rows], a, None, segments)
        return out

    def force_rows(self, atoms: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """dF/dw float64 [n, n_parameters] of single components of the forces on single atoms (of the whole set)."""
        out = np.zeros((len(atoms), self.n_parameters))
        for e, (block, x) in enumerate(zip(self.environments.blocks, self.inputs, strict=True)):
            entries, segments = block.entries_of(atoms)
            axis = np.repeat(axes, segments[1:] - segments[:-1])
            v = self.environments.tangent_rows(e, entries, axis) * (-self.factor * self.slopes[e])
            own = x[block.entry_environment[entries]]
            out[:, self.slices[e]] = self.networks.gradients(e, own, np.zeros(len(own)), v, segments)
        return out

    def stress_rows(self, structures: np.ndarray, components: np.ndarray) -> np.ndarray:
        """d stress/dw float64 [n, n_parameters], one component (xx yy zz yz xz xy) of each structure."""
        out = np.zeros((len(structures), self.n_parameters))
        for e, (block, x) in enumerate(zip(self.environments.blocks, self.inputs, strict=True)):
            rows, segments = _gather(block.bounds, structures)
            component = np.repeat(components, segments[1:] - segments[:-1])
            v = block.s[rows, component] * (self.factor * self.slopes[e])
            out[:, self.slices[e]] = self.networks.gradients(e, x[rows], np.zeros(len(rows)), v, segments)
        return out / self.environments.volumes[structures, None]


def _gather(bounds: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of several segments one after the other, and where each one's begin, int64 [len + 1]."""
    counts = bounds[which + 1] - bounds[which]
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.arange(starts[-1]) + np.repeat(bounds[which] - starts[:-1], counts), starts


def rows_of(block, chunk: range) -> tuple[slice, np.ndarray]:
    """Rows of a block that belong to the structures of a chunk, and to which of them each does."""
    bounds = block.bounds[chunk.start : chunk.stop + 1]
    counts = bounds[1:] - bounds[:-1]  # np.diff takes ten times as long
    return slice(bounds[0], bounds[-1]), np.repeat(np.arange(len(chunk)), counts)
