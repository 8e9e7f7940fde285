"""How far is a network of tensors from its labels, and how must its parameters change?

    L = sum_k s_k sum_q (w_q / sigma_q)^2 / c [ 1/m sum_i |t_i - t_i^ref|^2 + 1/n^2 |T - T^ref|^2 ]

over structures k with weight s and quantities q with weight w (dipole: c = 3, polarizability: c = 9): i are the m atoms
with a label, T = sum_i t_i is of the whole, n atoms carry tensors; absent labels have no term. sigma is the spread of
the labels of atoms, or what that of the whole's comes to, were atoms independent. Polarizabilities of cells have no
field of dipoles far away here (potentials/tensors/local_field.py): it is taken off labels. Whatever does not change
while networks learn (inputs, and what tensors are made of) is computed once.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np

from mdcore.base.comm import SelfComm
from mdcore.base.errors import InputError
from mdcore.potentials.tensors import moments as m
from mdcore.potentials.tensors.local_field import enhancement, in_field
from mdcore.potentials.tensors.model import (
    COMPONENTS,
    DIPOLE,
    MOST_INPUTS,
    POLARIZABILITY,
    Design,
    Scaling,
    TensorNetwork,
    views,
)
from mdcore.training.settings import NOT_ROUGH
from mdcore.training.tensors.sets import TensorSet
from mdcore.training.tensors.settings import TensorLoss

TOGETHER = 4096  # atoms of whose moments there are copies
SAMPLE = 20_000  # atoms that scaling is measured of, at most
NOTHING = 1e-9  # of the largest variance: what varies less is no input
RIDGE = 1e-6  # of the linear start, of the mean diagonal
SMALL = 0.1  # of the usual size are the first weights of the last layer
LEAST_SPREAD = 1e-6  # e Angstrom, Angstrom^3
WEIGHTS = {DIPOLE: np.ones(3), POLARIZABILITY: m.SYMMETRIC}  # how often a component counts


@dataclass(frozen=True)
class TensorErrors:
    """Root mean squares of errors of components: of atoms, of the whole over the number of atoms that carry tensors."""

    dipole: float
    cell_dipole: float
    polarizability: float
    cell_polarizability: float

    SHOWN: ClassVar = {"dipole": 1.0, "cell-dipole": 1.0, "polarizability": 1.0, "cell-polarizability": 1.0}

    @property
    def known(self) -> list[float]:
        return [x for x in vars(self).values() if not np.isnan(x)]


class Best:
    """Which epoch is the best? That with the least geometric mean of the errors there are."""

    def score(self, errors: TensorErrors) -> float:
        return float(np.exp(np.mean(np.log(np.maximum(errors.known, 1e-300))))) if errors.known else np.nan

    def better(self, errors: TensorErrors, start: TensorErrors) -> bool:
        return self.score(errors) < self.score(start)


def scaling_of(design: Design, data: TensorSet, center: int) -> Scaling:
    """What inputs and tensors of a center usually are."""
    own = data.moments[center]
    if not len(own.zeroth):
        raise InputError(f"no structure to train on has an atom of {design.centers[center]}, which is to carry tensors")
    some = np.arange(0, len(own.zeroth), max(1, len(own.zeroth) // SAMPLE))
    own = own.take(some)
    x = m.invariants(own)
    mean = x.mean(axis=0)
    variances, axes = np.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    kept = np.flatnonzero(variances > NOTHING * max(variances[-1], 1e-300))[::-1][:MOST_INPUTS]
    kept = kept if len(kept) else np.array([len(variances) - 1])
    projection = axes[:, kept] / np.sqrt(np.maximum(variances[kept], 1e-300 + NOTHING * variances[-1]))
    mixing = np.array([_principal(moments, design.mixed, w) for moments, w in
                       ((own.first, np.ones(3)), (own.second, m.SYMMETRIC))])  # fmt: skip
    basis = design.basis(own, mixing, data.places[center][some])
    scale = []
    for quantity in design.quantities:
        size = np.sqrt(np.mean(basis[quantity] ** 2 @ WEIGHTS[quantity], axis=0) / WEIGHTS[quantity].sum())
        scale.append(np.maximum(size, 1e-6 * max(size.max(), 1e-300)) * np.sqrt(len(size)))
    return Scaling(mean, projection, mixing, np.concatenate(scale))


def _principal(moments: np.ndarray, n: int, weights: np.ndarray) -> np.ndarray:
    """[n, channels]: the mixtures of channels of the largest variance, each of size one."""
    variances, axes = np.linalg.eigh(np.einsum("ncx,ndx,x->cd", moments, moments, weights) / len(moments))
    own = axes[:, ::-1][:, :n] / np.sqrt(np.maximum(variances[::-1][:n], 1e-12 * max(variances[-1], 1e-300)))
    return own.T


class TensorRegression:
    """A Regression (regression.py) over a TensorSet, for optimisers that take losses and gradients."""

    factor = 1.0

    def __init__(self, model: TensorNetwork, data: TensorSet, counts: TensorLoss, spread: dict[str, float]):
        self.model, self.design, self.data, self.counts, self.spread = model, model.design, data, counts, spread
        self.comm, self.n_total, self.structure_weights = SelfComm(), len(data.structures), data.weights
        self.layers = [model.layers(own) for own in model.scaling]
        self.sizes = [len(own) for own in model.parameters]
        self.n_parameters = sum(self.sizes)
        self.blocks, is_weight, begin = [], [], 0
        for layers in self.layers:
            for a, b in layers:
                self.blocks.append((slice(begin, begin + a * b), b))
                is_weight += [np.ones(a * b, dtype=bool), np.zeros(b, dtype=bool)]
                begin += a * b + b
        self.is_weight = np.concatenate(is_weight)
        self.inputs, self.basis, self.labels = [], [], []
        for c, own in enumerate(model.scaling):
            x, parts = [], []
            for begin in range(0, len(data.owner[c]), TOGETHER):
                block = slice(begin, begin + TOGETHER)
                moments = data.moments[c].take(block)
                x.append((m.invariants(moments) - own.mean) @ own.projection)
                basis, first = self.design.basis(moments, own.mixing, data.places[c][block]), 0
                for quantity in self.design.quantities:
                    n = basis[quantity].shape[1]
                    basis[quantity] /= own.scale[first : first + n, None]
                    first += n
                parts.append(basis)
            self.inputs.append(np.concatenate(x or [np.zeros((0, own.projection.shape[1]))]))
            self.basis.append({q: np.concatenate([part[q] for part in parts] or
                                                 [np.zeros((0, self.design.n_basis(q), COMPONENTS[q]))])
                               for q in self.design.quantities})  # fmt: skip
            self.labels.append({q: data.labels(q, c) / model.unit[q] for q in self.design.quantities})
        self.wholes = {q: data.wholes(q) / model.unit[q] for q in self.design.quantities}
        self.known = [{q: data.labels(q, c, far=True) for q in self.design.quantities} for c in range(len(self.layers))]
        self.known_wholes = {q: data.wholes(q, far=True) for q in self.design.quantities}
        self.first = [np.searchsorted(own, np.arange(self.n_total + 1)) for own in data.owner]
        self.labelled = {
            q: sum(np.bincount(owner, np.isfinite(own[q][:, 0]), self.n_total)
                   for owner, own in zip(data.owner, self.labels, strict=True))
            for q in self.design.quantities
        }  # fmt: skip
        self.set(np.concatenate(model.parameters))

    def release(self, part: str) -> None:
        """All change at once."""

    def roughness(self):
        raise InputError(NOT_ROUGH)

    @property
    def landscape(self) -> np.ndarray:
        return np.array([self.counts.dipole, self.counts.polarizability, *self.spread.values()])

    def set(self, parameters: np.ndarray) -> None:
        self.parameters = np.array(parameters, dtype=np.float64)
        self._flat = np.split(self.parameters, np.cumsum(self.sizes)[:-1])
        self.networks = [views(own, layers) for own, layers in zip(self._flat, self.layers, strict=True)]

    def settle(self) -> bool:
        return False

    def map(self, function, jobs) -> list:
        return list(map(function, jobs))

    def fitted(self) -> TensorNetwork:
        return replace(self.model, parameters=tuple(own.copy() for own in self._flat))

    def _rows(self, structures: np.ndarray) -> list[np.ndarray]:
        """Of each center, the atoms of some structures, one after the other."""
        return [np.concatenate([np.arange(*first[[k, k + 1]]) for k in structures]) for first in self.first]

    def _forward(self, c: int, rows):
        """(what each layer is given, {quantity: values [n, components]}), in units of the model's."""
        given = [self.inputs[c][rows]]
        for w, b in self.networks[c][:-1]:
            y = given[-1] @ w + b
            given.append(y / np.sqrt(1.0 + y * y))
        w, b = self.networks[c][-1]
        weights, found, first = given[-1] @ w + b, {}, 0
        for quantity in self.design.quantities:
            basis = self.basis[c][quantity][rows]
            own = weights[:, None, first : first + basis.shape[1]]
            found[quantity] = np.matmul(own, basis)[:, 0]
            first += basis.shape[1]
        return given, found

    def predict(self) -> tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
        """({quantity: of the whole of each structure}, of each center {quantity: of each atom}), e Angstrom,
        Angstrom^3."""
        wholes = {q: np.zeros((self.n_total, COMPONENTS[q])) for q in self.design.quantities}
        atomic = []
        for c, owner in enumerate(self.data.owner):
            parts = [self._forward(c, slice(begin, begin + TOGETHER))[1] for begin in range(0, len(owner), TOGETHER)]
            own = {q: self.model.unit[q] * np.concatenate([part[q] for part in parts] or
                                                          [np.zeros((0, COMPONENTS[q]))]) for q in wholes}  # fmt: skip
            for q, values in own.items():
                np.add.at(wholes[q], owner, values)
            atomic.append(own)
        if POLARIZABILITY in wholes:
            self._add_far(wholes[POLARIZABILITY], atomic)
        return wholes, atomic

    def _add_far(self, whole: np.ndarray, atomic: list[dict[str, np.ndarray]]) -> None:
        """Give polarizabilities what dipoles far away add."""
        for k, volume in enumerate(self.data.volumes):
            if volume:
                f = enhancement(whole[k], volume)
                whole[k] = in_field(whole[k : k + 1], f)[0]
                for c, own in enumerate(atomic):
                    mine = slice(*self.first[c][[k, k + 1]])
                    own[POLARIZABILITY][mine] = in_field(own[POLARIZABILITY][mine], f)

    def errors(self) -> TensorErrors:
        wholes, atomic = self.predict()
        found = {}
        for q in COMPONENTS:
            found[q] = found[f"cell_{q}"] = np.nan
            if q not in wholes:
                continue
            label = np.concatenate([own[q] for own in self.known])
            found[q] = _rms(np.concatenate([own[q] for own in atomic]) - label, WEIGHTS[q])
            off = (wholes[q] - self.known_wholes[q]) / np.maximum(self.data.n, 1)[:, None]
            found[f"cell_{q}"] = _rms(off, WEIGHTS[q])
        return TensorErrors(**found)

    def loss(self, structures: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        own = np.arange(self.n_total) if structures is None else np.sort(np.asarray(structures, dtype=int))
        gradient, total = np.zeros(self.n_parameters), 0.0
        for begin in range(0, len(own), 16):  # so that memory is bounded
            total += self._loss(own[begin : begin + 16], gradient)
        return total, gradient

    def _loss(self, own: np.ndarray, gradient: np.ndarray) -> float:
        rows = self._rows(own)
        told = [self._forward(c, each) for c, each in enumerate(rows)]
        owner = [np.searchsorted(own, self.data.owner[c][each]) for c, each in enumerate(rows)]
        pulls, total = [[] for _ in rows], 0.0
        for q in self.design.quantities:
            w = WEIGHTS[q]
            scale = self.structure_weights[own] * (getattr(self.counts, q) * self.model.unit[q] / self.spread[q]) ** 2
            scale = scale / w.sum()
            whole = np.zeros((len(own), COMPONENTS[q]))
            for c in range(len(rows)):
                np.add.at(whole, owner[c], told[c][1][q])
            off = _known(whole - self.wholes[q][own])
            share = scale / np.maximum(self.data.n[own], 1) ** 2
            total += float(share @ (off**2 @ w))
            per_atom = scale / np.maximum(self.labelled[q][own], 1)
            for c, each in enumerate(rows):
                error = _known(told[c][1][q] - self.labels[c][q][each])
                total += float(per_atom[owner[c]] @ (error**2 @ w))
                pull = 2.0 * w * (per_atom[owner[c], None] * error + (share[:, None] * off)[owner[c]])
                pulls[c].append(np.matmul(self.basis[c][q][each], pull[:, :, None])[:, :, 0])
        ends = np.concatenate([[0], np.cumsum(self.sizes)])
        for c in range(len(rows)):
            self._backward(c, told[c][0], np.concatenate(pulls[c], axis=1), gradient[ends[c] : ends[c + 1]])
        return total

    def _backward(self, c: int, given, pull: np.ndarray, gradient: np.ndarray) -> None:
        """Adds dL/dparameters of a center, pull = dL/dweights [n, n_outputs]."""
        sums = views(gradient, self.layers[c])
        for k in reversed(range(len(sums))):
            w, b = sums[k]
            w += given[k].T @ pull
            b += pull.sum(axis=0)
            if k:
                pull = (pull @ self.networks[c][k][0].T) * (1.0 - given[k] ** 2) ** 1.5  # of x / sqrt(1 + x^2)

    # --- the start -------------------------------------------------------------------------------------

    def linear(self) -> list[np.ndarray]:
        """Of each center the weights [n_outputs] that fit best, were they the same for all atoms."""
        found = [np.zeros(self.design.n_outputs) for _ in self.sizes]
        first = 0
        for q in self.design.quantities:
            n, w = self.design.n_basis(q), WEIGHTS[q]
            matrix, right = np.zeros((len(found) * n,) * 2), np.zeros(len(found) * n)
            whole = np.zeros((self.n_total, len(found) * n, COMPONENTS[q]))
            for c, owner in enumerate(self.data.owner):
                own = slice(c * n, (c + 1) * n)
                np.add.at(whole[:, own], owner, self.basis[c][q])
                there = np.isfinite(self.labels[c][q][:, 0])
                basis, per_atom = self.basis[c][q][there], 1.0 / np.maximum(self.labelled[q], 1)[owner[there]]
                matrix[own, own] += np.einsum("nkx,nlx,x,n->kl", basis, basis, w, per_atom, optimize=True)
                right[own] += np.einsum("nkx,nx,x,n->k", basis, self.labels[c][q][there], w, per_atom, optimize=True)
            there = np.isfinite(self.wholes[q][:, 0])
            basis, share = whole[there], 1.0 / np.maximum(self.data.n, 1)[there] ** 2
            matrix += np.einsum("nkx,nlx,x,n->kl", basis, basis, w, share, optimize=True)
            right += np.einsum("nkx,nx,x,n->k", basis, self.wholes[q][there], w, share, optimize=True)
            matrix[np.diag_indices(len(matrix))] += RIDGE * max(np.trace(matrix) / len(matrix), 1e-300)
            best = np.linalg.solve(matrix, right)
            for c, own in enumerate(found):
                own[first : first + n] = best[c * n : (c + 1) * n]
            first += n
        return found


def start(design: Design, data: TensorSet, counts: TensorLoss, seed: int) -> tuple[TensorNetwork, dict[str, float]]:
    """(a model at the beginning, {quantity: spread of its labels}): the best weights that are the same for all atoms,
    and small random ones beside them."""
    spread = {q: spread_of(data, q) for q in design.quantities}
    scaling = tuple(scaling_of(design, data, c) for c in range(len(design.centers)))
    rng, parameters = np.random.default_rng(seed), []
    for own in scaling:
        sizes = [own.projection.shape[1], *design.hidden, design.n_outputs]
        parts = []
        for a, b in pairwise(sizes):
            last = len(parts) == 2 * len(design.hidden)
            parts += [(rng.normal(size=a * b) * (SMALL if last else 1.0) / np.sqrt(a)), np.zeros(b)]
        parameters.append(np.concatenate(parts))
    model = TensorNetwork(design=design, scaling=scaling, parameters=tuple(parameters), unit=spread)
    best = TensorRegression(model, data, counts, spread).linear()
    for own, weights in zip(parameters, best, strict=True):
        own[-len(weights) :] = weights
    return replace(model, parameters=tuple(parameters)), spread


def spread_of(data: TensorSet, quantity: str) -> float:
    """How much tensors of atoms differ, RMS of components; where only those of the whole are known, as if atoms were
    independent."""
    w = WEIGHTS[quantity]
    known = np.concatenate([data.labels(quantity, c) for c in range(len(data.design.centers))])
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        there = np.isfinite(data.wholes(quantity)[:, 0]) & (data.n > 0)
        known = data.wholes(quantity)[there] / data.n[there, None]
        known = (known - known.mean(axis=0)) * np.sqrt(data.n[there, None])
    variance = np.var(known, axis=0) if len(known) > 1 else known[0] ** 2
    return max(float(np.sqrt(variance @ w / w.sum())), LEAST_SPREAD)


def _known(errors: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(errors), 0.0, errors)


def _rms(errors: np.ndarray, weights: np.ndarray) -> float:
    errors = errors[np.isfinite(errors).all(axis=1)]
    return float(np.sqrt(np.mean(errors**2 @ weights) / weights.sum())) if len(errors) else np.nan
