"""How far are the networks from the data, and how must their parameters change?

L = sum_k weight_k [ wE (E - E_ref)^2 / N^p + wF sum |F - F_ref|^2 + wS |stress - stress_ref|^2 ]

over the structures k; absent labels have no term. The offset b of the energies, one a species, is the bias of each
network's last layer. The gradient is exact: residuals of forces and stress become a tangent v of each atom's
descriptors, and one double-backward pass gives dL/dw of E and v . dE/dG together (ext/networks/network_gradients.c).

Structures come in chunks that depend on nothing but the data, so sums are the same for any number of threads. Ranks
have runs of the structures (environments.py); losses, gradients and errors are sums over all, rounded in another order.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.model import HDNNP, ElementNetwork
from mdcore.potentials.networks.plans import energy_of
from mdcore.training.environments import Environments
from mdcore.training.regression import Errors, Kind
from mdcore.training.settings import Loss

CHUNK = 1024  # atoms: what structures are computed together
NO_SPREAD = (1e-5, 1e-3, 1e-5)  # eV an atom, eV/Angstrom, eV/Angstrom^3: labels that differ less are the same
LEVER = 0.005  # of the cutoff: over such a way forces at work, added at random, are the least error of an energy


@dataclass(frozen=True)
class Weights:
    """wE, wF, wS in the potential's own units, and p: 2 is an error per atom, 1 or 0 weigh large structures more."""

    energy: float
    forces: float
    stress: float = Loss.stress
    power: float = Loss.power


def relative(weights: Loss | Weights, environments: Environments, cutoff: float) -> Weights:
    """Weights of errors over the spread of their labels, as weights of squares of errors in the potential's own units.

    Each label, an energy, a component of a force or a stress, counts (weight times error over spread)^2. What offsets
    fit has no spread: that of energies is at least what forces make of it over LEVER of the cutoff.
    """
    n = environments.mean_atoms
    energy, forces, stress = np.maximum(environments.spreads(), NO_SPREAD).tolist()
    energy = max(energy, LEVER * cutoff / np.sqrt(n) * forces) * n ** (1.0 - weights.power / 2.0)
    return Weights(
        (weights.energy / energy) ** 2, (weights.forces / forces) ** 2, (weights.stress / stress) ** 2, weights.power
    )


@dataclass(frozen=True, eq=False)
class Prediction:
    """energies [n], forces [n_atoms, 3] and stresses [n, 6] (xx yy zz yz xz xy, or None) of structures."""

    energies: np.ndarray
    forces: np.ndarray
    stresses: np.ndarray | None


class NetworkRegression:
    """A Regression (regression.py): the networks of `model` as a function of their parameters w, over a training set.

    model : HDNNP, whose scaling and normalisation stay; environments : of its elements and symmetry functions
    parameters : all elements one after the other, in the order of ElementNetwork.flat(); biases are no weights
    threads : share the chunks of structures; they change no bit
    counts : how much energies, forces and stress count; weights : the same as weights of the loss

    Predictions and rows of the Jacobian are of this rank's structures and atoms, with their numbers here.
    """

    def __init__(self, model: HDNNP, environments: Environments, threads: int = 1, counts: Loss | None = None):
        if model.elements != environments.elements:
            raise InputError("training: model and environments are of different elements")
        self.model, self.environments, self.threads = model, environments, threads
        self.counts = own = counts or Loss()
        picks = (("energy", own.energy, "all"), ("forces", own.forces, "some"), ("stress", own.stress, "one"))
        self.kinds = tuple(Kind(*each) for each in picks)
        self.n_total, self.structure_weights = environments.n_total, environments.weights
        self.local = environments.local
        self.networks = networks_of(model)
        self.slopes, self.inputs = [], []
        for scaling, block in zip(model.scaling, environments.blocks, strict=True):
            slope, shift, base = scaling.affine()
            self.slopes.append(slope)
            self.inputs.append(slope * (block.g - shift) + base)
        self.factor = energy_of(model, 0)[0]
        offsets = np.array([energy_of(model, e)[1] for e in range(len(model.elements))])
        self.offsets = environments.counts @ offsets
        sizes = [self.networks.n_parameters(e) for e in range(len(model.elements))]
        self.slices = [slice(end - size, end) for end, size in zip(np.cumsum(sizes), sizes, strict=True)]
        self.n_parameters = int(sum(sizes))
        layers = [pairwise(network.layer_sizes) for network in model.networks]
        self.is_weight = np.concatenate([np.repeat([True, False], [n * m, m]) for own in layers for n, m in own])
        self.comm = environments.comm
        self.chunks = _chunks(environments.first)
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.set(np.concatenate([network.flat() for network in model.networks]))

    def set(self, parameters: np.ndarray) -> None:
        """Take these parameters; all ranks take those of rank 0, so that rounding can't drive them apart."""
        self.parameters = self.comm.bcast(np.array(parameters, dtype=np.float64))
        for e, own in enumerate(self.slices):
            self.networks.set_parameters(e, self.parameters[own])

    @cached_property
    def weights(self) -> Weights:
        """Of the loss; all ranks must ask for them together."""
        return relative(self.counts, self.environments, self.model.cutoff)

    @property
    def landscape(self) -> np.ndarray:
        w = self.weights
        return np.array([w.energy, w.forces, w.stress, w.power])

    def fitted(self) -> HDNNP:
        """The model with the present parameters."""
        networks = tuple(
            ElementNetwork.from_flat(self.parameters[own], old.layer_sizes, old.activations, old.normalize_nodes)
            for own, old in zip(self.slices, self.model.networks, strict=True)
        )
        return replace(self.model, networks=networks, test_vectors=())

    def map(self, function, jobs) -> list:
        """[function(job) for each job], by all threads."""
        return list(map(function, jobs) if self.pool is None else self.pool.map(function, jobs))

    # --- values ----------------------------------------------------------------------------------------

    def predict(self) -> Prediction:
        """What the networks say of all structures."""
        parts = self.map(lambda chunk: self._predict(chunk)[0], self.chunks)
        stress = None if parts[0].stresses is None else np.concatenate([p.stresses for p in parts])
        return Prediction(
            np.concatenate([p.energies for p in parts]), np.concatenate([p.forces for p in parts]), stress
        )

    def predict_each(self, structures: np.ndarray) -> list[Prediction]:
        """What the networks say of single structures."""
        return self.map(lambda k: self._predict(range(k, k + 1))[0], map(int, structures))

    def _predict(self, chunk: range):
        """(Prediction, dE_NN/dx of each element's atoms)"""
        env = self.environments
        energies, slopes, stress = self.offsets[chunk.start : chunk.stop].copy(), [], None
        for e, (block, x) in enumerate(zip(env.blocks, self.inputs, strict=True)):
            rows, owner = _rows(block, chunk)
            own, de_dx = self.networks.network(e, x[rows])
            energies += self.factor * np.bincount(owner, own, minlength=len(chunk))
            slopes.append(np.ascontiguousarray(de_dx))
        de_dg = [self.factor * slope * de_dx for slope, de_dx in zip(self.slopes, slopes, strict=True)]
        forces = env.forces_of(de_dg, chunk)
        if env.blocks[0].s is not None:
            stress = np.zeros((len(chunk), 6))
            for block, own in zip(env.blocks, de_dg, strict=True):
                rows, owner = _rows(block, chunk)
                shares = np.einsum("avf,af->av", block.s[rows], own)
                np.add.at(stress, owner, shares)
            stress /= env.volumes[chunk.start : chunk.stop, None]
        return Prediction(energies, forces, stress), slopes

    def errors(self) -> Errors:
        """Of all structures that have labels, on all ranks."""
        env, p = self.environments, self.predict()
        energy = (p.energies - env.energies) / env.n_atoms
        stress = np.full((1, 6), np.nan) if p.stresses is None else p.stresses - env.stresses
        columns = [_finite(c) for c in (energy, p.forces - env.forces, stress)]
        n, squares = self.comm.sum(np.array([[c.size for c in columns], [np.sum(c**2) for c in columns]]))
        with np.errstate(invalid="ignore"):
            return Errors(*map(float, np.sqrt(squares / n)))

    # --- the loss ----------------------------------------------------------------------------------------

    def loss(self, structures: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """L of some structures (None: all) and dL/dw [n_parameters]."""
        chunks, weights = self.chunks, self.weights
        if structures is not None:
            chunks = [range(k, k + 1) for k in self.environments.local(structures)[1].tolist()]
        total = np.zeros(1 + self.n_parameters)
        for loss, part in self.map(lambda chunk: self._loss(weights, chunk), chunks):
            total[0] += loss
            total[1:] += part
        self.comm.sum(total)
        return float(total[0]), total[1:]

    def _loss(self, weights: Weights, chunk: range) -> tuple[float, np.ndarray]:
        env, own = self.environments, slice(chunk.start, chunk.stop)
        p, _ = self._predict(chunk)
        of_atom = np.repeat(env.weights[own], env.n_atoms[own])[:, None]
        share = env.weights[own] / env.n_atoms[own] ** weights.power * weights.energy
        energy = _known(p.energies - env.energies[own])
        forces = _known(p.forces - env.forces[env.first[chunk.start] : env.first[chunk.stop]])
        loss = np.sum(share * energy**2) + weights.forces * np.sum(of_atom * forces**2)
        along = -2.0 * weights.forces * of_atom * forces  # dL/dF; F = -sum T dE/dG
        rates = env.rates_of(along, chunk)
        strain = None
        if p.stresses is not None and weights.stress:
            stress = _known(p.stresses - env.stresses[own])
            both = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])  # xy and yx
            loss += weights.stress * np.sum(env.weights[own, None] * both * stress**2)
            scale = 2.0 * weights.stress * env.weights[own] / np.where(np.isnan(env.volumes[own]), 1, env.volumes[own])
            strain = scale[:, None] * both * stress
        gradient = np.empty(self.n_parameters)
        for e, (block, x, slope) in enumerate(zip(env.blocks, self.inputs, self.slopes, strict=True)):
            rows, owner = _rows(block, chunk)
            v = rates[e]
            if strain is not None:
                v += np.einsum("avf,av->af", block.s[rows], strain[owner])
            a = (2.0 * self.factor * share * energy)[owner]
            gradient[self.slices[e]] = self.networks.gradients(e, x[rows], a, self.factor * slope * v)[0]
        return float(loss), gradient

    # --- single labels -------------------------------------------------------------------------------------

    def residuals(self, own: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        """Label - prediction of each structure: of E / N^(p/2) [1], forces [3 n_atoms], stress [6]; nan: no label."""
        env, found = self.environments, []
        for k, p, size in zip(own, self.predict_each(own), self._sizes(own), strict=True):
            forces = env.forces[env.first[k] : env.first[k + 1]] - p.forces
            stress = env.stresses[k] if p.stresses is None else env.stresses[k] - p.stresses[0]
            found.append(((env.energies[k : k + 1] - p.energies) / size, forces.ravel(), stress))
        return found

    def rows(self, kind: int, own: np.ndarray, components: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Gradients [m, n_parameters] of single ones of these numbers, times `scale` [m]."""
        if kind == 0:
            return self.energy_rows(own) * (scale / self._sizes(own))[:, None]
        if kind == 2:
            return self.stress_rows(own, components) * scale[:, None]
        atoms, axes = self.environments.first[own] + components // 3, components % 3
        parts = np.array_split(np.arange(len(atoms)), self.threads)
        return np.concatenate(self.map(lambda p: self.force_rows(atoms[p], axes[p]), parts)) * scale[:, None]

    def typical(self) -> np.ndarray:
        errors = self.errors()
        size = self.environments.mean_atoms ** (1 - self.counts.power / 2)
        return np.array([errors.energy * size, errors.forces, errors.stress])

    def least(self, running: np.ndarray) -> np.ndarray:
        """Errors of forces, added at random over LEVER of the cutoff, are the least error of an energy."""
        lever = LEVER * self.model.cutoff * self.environments.mean_atoms ** ((1 - self.counts.power) / 2)
        return np.array([lever * running[1] if np.isfinite(running[1]) else 0.0, 0.0, 0.0])

    def _sizes(self, own: np.ndarray) -> np.ndarray:
        return self.environments.n_atoms[own] ** (self.counts.power / 2)

    # --- rows of the Jacobian ------------------------------------------------------------------------------

    def energy_rows(self, structures: np.ndarray) -> np.ndarray:
        """dE/dw float64 [n, n_parameters] of single structures."""
        out = np.empty((len(structures), self.n_parameters))
        for e, (block, x) in enumerate(zip(self.environments.blocks, self.inputs, strict=True)):
            rows, segments = _gather(block.bounds, structures)
            a = np.full(len(rows), self.factor)
            out[:, self.slices[e]] = self.networks.gradients(e, x[rows], a, None, segments)
        return out

    def force_rows(self, atoms: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """dF/dw float64 [n, n_parameters] of single components of the forces on single atoms (of the whole set)."""
        out = np.empty((len(atoms), self.n_parameters))
        for e, (block, x) in enumerate(zip(self.environments.blocks, self.inputs, strict=True)):
            entries, segments = block.entries_of(atoms)
            axis = np.repeat(axes, segments[1:] - segments[:-1])
            v = self.environments.tangent_rows(e, entries, axis) * (-self.factor * self.slopes[e])
            own = x[block.entry_environment[entries]]
            out[:, self.slices[e]] = self.networks.gradients(e, own, np.zeros(len(own)), v, segments)
        return out

    def stress_rows(self, structures: np.ndarray, components: np.ndarray) -> np.ndarray:
        """d stress/dw float64 [n, n_parameters], one component (xx yy zz yz xz xy) of each structure."""
        out = np.empty((len(structures), self.n_parameters))
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


def _chunks(first: np.ndarray) -> list[range]:
    """Runs of structures of about CHUNK atoms."""
    chunks, begin = [], 0
    for k in range(1, len(first)):
        if first[k] - first[begin] >= CHUNK or k == len(first) - 1:
            chunks.append(range(begin, k))
            begin = k
    return chunks


def _known(errors: np.ndarray) -> np.ndarray:
    """The errors, 0 where there is no label (np.nan_to_num takes four times as long)."""
    return np.where(np.isnan(errors), 0.0, errors)


def _rows(block, chunk: range) -> tuple[slice, np.ndarray]:
    """Rows of a block that belong to the structures of a chunk, and to which of them each does."""
    bounds = block.bounds[chunk.start : chunk.stop + 1]
    counts = bounds[1:] - bounds[:-1]  # np.diff takes ten times as long
    return slice(bounds[0], bounds[-1]), np.repeat(np.arange(len(chunk)), counts)


def _finite(array: np.ndarray) -> np.ndarray:
    return array[np.isfinite(array)]
