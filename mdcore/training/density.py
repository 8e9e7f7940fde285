"""How far is a density network from the data, and how must its parameters change?

The loss is that of misfit.py. The gradient is exact: residuals of energies become the weight, those of forces and
stress a tangent and a strain of the edges, along which one pass of the kernels differentiates (ext/density/). They know
the folded model; what that depends on follows here, once for all structures of a step (potentials/density/folding.py).

Optimisers see each parameter over SPAN times its usual size, so that one size of steps suits all, and suits networks of
descriptors as well.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdcore.base.voigt import PAIRS
from mdcore.doors._density import Densities
from mdcore.potentials.density.model import DensityNetwork, Design
from mdcore.training.density_rows import normal, without_offsets
from mdcore.training.density_start import missing
from mdcore.training.graphs import Graphs
from mdcore.training.misfit import Prediction, SetRegression, Weights, chunks_of
from mdcore.training.roughness import Roughness
from mdcore.training.settings import ALL, LINEAR, DensitySettings, Loss

FREE = ("embedding", "h0", "b1", "E0")  # no weights
HIDDEN = ("W1", "b1", "w2")
ENERGY = 0.1  # of the scale: the usual size of what E0 lacks
SPAN = 10.0
GROUP = 32  # atoms of a step that go through the kernels together
TOGETHER = 1024  # atoms whose rows are multiplied together


class DensityRegression(SetRegression):
    """A density network as a function of its parameters, over a training set.

    model : DensityNetwork; graphs : of its elements and cutoff; precision : of the kernels
    parameters : in the order of the model's design, over `units`, which come from the model that it begins with
    """

    CHUNK = 64

    def __init__(
        self, model: DensityNetwork, graphs: Graphs, threads: int = 1, counts: Loss | None = None,
        precision: str = DensitySettings.precision,
    ):  # fmt: skip
        super().__init__(model, graphs, threads, counts)
        self.design, self.factor = model.design, model.design.scale
        self.n_parameters, self.n_sums = self.design.n_parameters, self.design.n_folded
        self.units = units_of(self.design, model.parameters)
        own = self.design.views(np.ones(self.n_parameters, dtype=bool))
        for name in FREE:
            if name in own:
                own[name][...] = False
        self.is_weight = np.concatenate([array.ravel() for array in own.values()])
        ends = np.cumsum([own.size for own in self.design.views(self.units).values()])
        self.blocks = [
            block for end, (name, shape) in zip(ends.tolist(), self.design.shapes.items(), strict=True)
            for block in _matrices(name, shape, end)
        ]  # fmt: skip
        self.kernels = Densities(self.design.sizes, self.design.program, model.fold(), precision)
        self._roughness, self._all_weights = Roughness(self.design), self.is_weight
        self.release(ALL)
        self.set(model.parameters / self.units)

    def set(self, parameters: np.ndarray) -> None:
        """Take these parameters; all ranks take those of rank 0, so that rounding can't drive them apart."""
        self.parameters = self.comm.bcast(np.array(parameters, dtype=np.float64))
        self.flat, self._found = self.parameters * self.units, None
        self.kernels.set(self.design.fold(self.flat))

    def release(self, part: str) -> None:
        """LINEAR: hidden nodes give nothing, and stay so until others are released."""
        if part == LINEAR and self.design.layers == 1:
            if self.design.hidden:
                parameters = self.parameters.copy()
                self.design.views(parameters)["w2"][...] = 0.0
                self.set(parameters)
        elif part != ALL:
            super().release(part)
        self.part, self._free = part, np.ones(self.n_parameters, dtype=bool)
        for name in HIDDEN if part == LINEAR and self.design.hidden else ():
            self.design.views(self._free)[name][...] = False
        self.is_weight = self._all_weights & self._free

    @property
    def free(self) -> np.ndarray:
        return self._free

    def settle(self) -> bool:
        """E0 such that energies fit by least squares, as the loss weighs them: steps would come there late."""
        env, p, w = self.environments, self.predict(), self.weights
        if not w.energy:
            return False
        size = env.n_atoms ** (w.power / 2)
        off = np.abs(env.energies - p.energies) / size
        counting = np.sqrt(env.weights * np.minimum(1.0, w.energy_limit / np.maximum(off, 1e-300)))
        shift = missing(env, p.energies, counting / size)
        parameters = self.parameters.copy()
        self.design.views(parameters)["E0"][...] += shift / self.design.views(self.units)["E0"]
        self.set(parameters)
        self._found = replace(p, energies=p.energies + env.counts @ shift)
        return True

    def quadratic(self, emphasis=1.0):
        if self.design.layers > 1:
            return super().quadratic(emphasis)
        own, env, now = np.zeros(self.n_parameters, dtype=bool), self.environments, self.predict()
        weights = replace(self.weights, energy=emphasis**2 * self.weights.energy)
        self.design.views(own)["w.0"][...] = True
        size = self.units[own]
        parts = self.map(lambda chunk: normal(self.design, self.flat, env, weights, chunk, size, now),
                         chunks_of(env.first, TOGETHER))  # fmt: skip
        return own, *without_offsets(self.comm.sum(np.sum(parts, axis=0)), self.design.species)

    def roughness(self) -> tuple[float, np.ndarray]:
        if self.design.layers > 1:
            return super().roughness()
        value, gradient = self._roughness(self.design.fold(self.flat))
        return value, self._unfolded(gradient)

    def fitted(self) -> DensityNetwork:
        """The model with the present parameters, and the ranges of its features; all ranks must ask for it together."""
        return replace(self.model, parameters=self.flat, ranges=(self.ranges(),), test_vectors=())

    def ranges(self) -> np.ndarray:
        """Least and most of each feature of the atoms of each element [2, n_elements, n_features], in double precision:
        what floats are off by would put the very atoms of the training set outside."""
        kernels = Densities(self.design.sizes, self.design.program, self.design.fold(self.flat))
        most = np.full((2, self.design.species, self.design.features), -np.inf)  # of -m and m
        for own in self.map(lambda chunk: self._extremes(kernels, chunk), self.chunks):
            np.maximum(most, own, out=most)
        return self.comm.maximum(most) * np.array([-1.0, 1.0])[:, None, None]

    def _extremes(self, kernels: Densities, chunk: range) -> np.ndarray:
        found = np.full((2, self.design.species, self.design.features), -np.inf)
        for k in chunk:
            edges = self.environments.edges[k]
            m, species = kernels.messages(edges), self.environments.species[k]
            for e in np.unique(species):
                own = m[species == e]
                found[:, e] = np.maximum(found[:, e], [-own.min(axis=0), own.max(axis=0)])
        return found

    def predict(self) -> Prediction:
        if self._found is None:
            self._found = super().predict()
        return self._found

    def _groups(self, own: np.ndarray) -> list[np.ndarray]:
        cuts = np.cumsum(self.environments.n_atoms[own]) // GROUP
        return np.split(own, np.flatnonzero(np.diff(cuts)) + 1) if len(own) else []

    def _predict(self, chunk: Sequence[int], stress: bool = True):
        """(Prediction, the edges that it is of); stress : where there are labels"""
        env = self.environments
        own = env.rows(chunk)
        if not (env.has_stress and stress):
            edges = env.together(chunk)
            energies, forces, _ = self.kernels.evaluate(edges)
            first = np.concatenate([[0], np.cumsum(env.n_atoms[own])[:-1]])
            return Prediction(np.add.reduceat(energies, first), forces, None), [edges]
        edges = [env.edges[k] for k in chunk]
        found = [self.kernels.evaluate(each) for each in edges]
        sums = np.array([[virial[a, b] + virial[b, a] for a, b in PAIRS] for _, _, virial in found])
        energies = np.array([each.sum() for each, _, _ in found])
        forces = np.concatenate([each for _, each, _ in found])
        return Prediction(energies, forces, -0.5 * sums / env.volumes[own, None]), edges

    def _loss(self, weights: Weights, chunk: Sequence[int]) -> tuple[float, np.ndarray]:
        p, edges = self._predict(chunk, weights.stress > 0.0)
        cost, sums, first = self.cost(weights, chunk, p), np.zeros(self.n_sums), 0
        of_atom = np.repeat(2.0 * cost.share * cost.energy, self.environments.n_atoms[self.environments.rows(chunk)])
        for k, each in enumerate(edges):
            own = slice(first, first + each.n)
            strain = np.zeros((3, 3)) if cost.strain is None else _matrix(cost.strain[k])
            self.kernels.gradient(each, of_atom[own], -cost.forces[own], strain, sums)
            first += each.n
        return cost.loss, sums

    def _unfolded(self, sums: np.ndarray) -> np.ndarray:
        return self.design.unfold(self.flat, sums) * self.units * self._free

    def rows(self, kind: int, own: np.ndarray, components: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Gradients [m, n_parameters] of single numbers, times `scale` [m]; one pass of the kernels each."""
        if kind == 0:
            scale = scale / self._sizes(own)

        def row(k, component, times):
            n, weight, strain, sums = self.environments.n_atoms[k], 0.0, np.zeros(6), np.zeros(self.n_sums)
            tangent = np.zeros((n, 3))
            if kind == 0:
                weight = 1.0
            elif kind == 1:
                tangent[divmod(component, 3)] = -1.0
            else:
                strain[component] = 1.0 / self.environments.volumes[k]
            self.kernels.gradient(self.environments.edges[k], weight, tangent, _matrix(strain), sums)
            return self._unfolded(sums) * times

        found = self.map(lambda job: row(*job), zip(own.tolist(), components.tolist(), scale.tolist(), strict=True))
        return np.array(found).reshape(len(own), self.n_parameters)


def units_of(design: Design, flat: np.ndarray) -> np.ndarray:
    """The usual size of each parameter [n_parameters]: what it is at the start, or would be in a layer of its width."""
    found = np.ones(design.n_parameters)
    units = design.views(found)
    for name, own in design.views(flat).items():
        axes = {"W": (1, 2), "w": (0, 2), "w1": (0, 2)}.get(name.split(".")[0])  # an order, an invariant
        size = np.sqrt(np.mean(own**2, axis=axes, keepdims=True))
        units[name][...] = np.where(size > 0.0, size, 1.0)
    for name, width in (("W1", design.channels), ("w2", design.hidden)):
        if name in units:
            units[name][...] = 1.0 / np.sqrt(width)
    for t in range(design.layers):
        units[f"c.{t}"][...] = 1.0 / np.sqrt(design.channels)
    if "b1" in units:
        units["b1"][...] = 1.0
    units["E0"][...] = ENERGY * design.scale
    return SPAN * found


def _matrices(name: str, shape: tuple[int, ...], end: int) -> list[tuple[slice, int]]:
    """The matrices of an array that ends there: one of each element where they map features, else one, of rows that the
    last axis is of."""
    if len(shape) < 2:
        return []
    parts, size = shape[0] if name.startswith("S.") else 1, int(np.prod(shape))
    size, begin = size // parts, end - size
    return [(slice(begin + k * size, begin + (k + 1) * size), shape[-1]) for k in range(parts)]


def _matrix(strain: np.ndarray) -> np.ndarray:
    """The matrix e for which sum_ab e_ab s_ab is that of six components with a symmetric s."""
    found = np.zeros((3, 3))
    for (a, b), own in zip(PAIRS, strain, strict=True):
        found[a, b] += 0.5 * own
        found[b, a] += 0.5 * own
    return found
