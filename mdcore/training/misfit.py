"""How far are values from labels, and what does that cost?

L = sum_k weight_k [ wE (E - E_ref)^2 / N^p + wF sum |F - F_ref|^2 + wS |stress - stress_ref|^2 ]

over the structures k, with charges that have labels wQ sum (q - q_ref)^2, too (charged.py); absent labels have no
term. Robust: an error of an energy or of the force on an atom that is longer than a limit d counts 2 d |error| - d^2
instead of its square (P. J. Huber, Ann. Math. Stat. 35, 73 (1964)).

Structures come in chunks that depend on nothing but the data, so sums are the same for any number of threads. Ranks
have runs of the structures (share.py); losses, gradients and errors are sums over all, rounded in another order.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from mdcore.base.errors import InputError
from mdcore.training.regression import Errors, Kind
from mdcore.training.settings import ALL, BALANCED, NOT_LINEAR, NOT_ROUGH, Loss
from mdcore.training.share import Share

NO_SPREAD = (1e-5, 1e-3, 1e-5)  # eV an atom, eV/Angstrom, eV/Angstrom^3: labels that differ less are the same
LEAST_CHARGE = 1e-3  # e, likewise
LEVER = 0.005  # of the cutoff: over such a way forces at work, added at random, are the least error of an energy
BOTH = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])  # components of a stress: xy and yx


@dataclass(frozen=True)
class Weights:
    """wE, wF, wS in the potential's own units, and p: 2 is an error per atom, 1 or 0 weigh large structures more.

    charges : wQ, 1 / e^2
    energy_limit : of |E - E_ref| / N^(p/2), forces_limit : of |F - F_ref|, from which on they count linearly
    """

    energy: float
    forces: float
    stress: float = Loss.stress
    power: float = Loss.power
    energy_limit: float = np.inf
    forces_limit: float = np.inf
    charges: float = 0.0


def relative(weights: Loss | Weights, share: Share, cutoff: float) -> Weights:
    """Weights of errors over the spread of their labels, as weights of squares of errors in the potential's own units.

    Each label, an energy, a component of a force or a stress, counts (weight times error over spread)^2. What offsets
    fit has no spread: that of energies is at least what forces make of it over LEVER of the cutoff. With a BALANCED
    weight of energies (E - E_ref)^2 / N^2 of a structure of the mean size counts as the mean of its 3 N (F - F_ref)^2.
    """
    n = share.mean_atoms
    energy, forces, stress = np.maximum(share.spreads(), NO_SPREAD).tolist()
    known = forces > NO_SPREAD[1] and weights.forces > 0.0
    energy = max(energy, LEVER * cutoff / np.sqrt(n) * forces) * n ** (1.0 - weights.power / 2.0)
    if weights.energy == BALANCED:
        alike = weights.forces * energy / forces * np.sqrt(3.0 * n ** (weights.power - 1.0)) if known else Loss.energy
        weights = replace(weights, energy=alike)
    robust = getattr(weights, "robust", 0.0) or np.inf
    return Weights(
        (weights.energy / energy) ** 2, (weights.forces / forces) ** 2, (weights.stress / stress) ** 2, weights.power,
        robust * energy, robust * forces, _of_charges(weights, share),
    )  # fmt: skip


def _of_charges(weights: Loss | Weights, share: Share) -> float:
    count = getattr(weights, "charges", 0.0)
    return (count / max(share.spread_of_charges(), LEAST_CHARGE)) ** 2 if count else 0.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """energies [n], forces [n_atoms, 3], stresses [n, 6] (xx yy zz yz xz xy, or None), charges [n_atoms] (or None) of
    structures."""

    energies: np.ndarray
    forces: np.ndarray
    stresses: np.ndarray | None
    charges: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Cost:
    """loss : of some structures; half of dL/dE is share times energy [n], dL/dF forces [n_atoms, 3], dL/dstress over
    the volume strain [n, 6], or None"""

    loss: float
    share: np.ndarray
    energy: np.ndarray
    forces: np.ndarray
    strain: np.ndarray | None


class SetRegression:
    """A Regression (regression.py) over a set of labelled structures: all but the model. A class of it has `rows`,
    `set`, `_predict(chunk)`, whose first item is a Prediction, and `_loss(weights, chunk)`, the loss and sums [n_sums]
    of which, once they are added up, `_unfolded(sums)` is the gradient.

    model : has a cutoff; environments : a Share of the set; threads : share the chunks; they change no bit
    counts : how much energies, forces and stress count; weights : the same as weights of the loss

    Predictions and rows of the Jacobian are of this rank's structures and atoms, with their numbers here.
    """

    CHUNK = 1024  # atoms: what structures are computed together

    def __init__(self, model, environments: Share, threads: int = 1, counts: Loss | None = None):
        self.model, self.environments, self.threads = model, environments, threads
        self.weigh(counts or Loss())
        self.n_total, self.structure_weights = environments.n_total, environments.weights
        self.local, self.comm = environments.local, environments.comm
        self.chunks = chunks_of(environments.first, self.CHUNK)
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def weigh(self, counts: Loss) -> None:
        """Let energies, forces and stress count so much from now on."""
        self.counts = counts
        energy = 1.0 if counts.energy == BALANCED else counts.energy  # over the running error all are alike
        picks = (("energy", energy, "all"), ("forces", counts.forces, "some"), ("stress", counts.stress, "one"))
        self.kinds = tuple(Kind(*each) for each in picks)
        self.__dict__.pop("weights", None)

    @cached_property
    def weights(self) -> Weights:
        """Of the loss; all ranks must ask for them together."""
        return relative(self.counts, self.environments, self.model.cutoff)

    @property
    def landscape(self) -> np.ndarray:
        w = self.weights
        limits = [w.energy_limit, w.forces_limit] if np.isfinite(w.forces_limit) else []
        return np.array([w.energy, w.forces, w.stress, w.power, *limits, *([w.charges] if w.charges else [])])

    @property
    def free(self) -> np.ndarray:
        return np.ones(self.n_parameters, dtype=bool)

    def release(self, part: str) -> None:
        if part != ALL:
            raise InputError(f"training: this model has no part {part!r}")

    def settle(self) -> bool:
        return False

    def quadratic(self, emphasis=1.0):
        raise InputError(NOT_LINEAR)

    def roughness(self):
        raise InputError(NOT_ROUGH)

    def map(self, function, jobs) -> list:
        """[function(job) for each job], by all threads."""
        return list(map(function, jobs) if self.pool is None else self.pool.map(function, jobs))

    # --- values ----------------------------------------------------------------------------------------

    def predict(self) -> Prediction:
        """What the model says of all structures."""
        parts = self.map(lambda chunk: self._predict(chunk)[0], self.chunks)
        names = [f.name for f in fields(Prediction) if getattr(parts[0], f.name) is not None]
        columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
        return Prediction(**{"stresses": None, **columns})

    def predict_each(self, structures: np.ndarray) -> list[Prediction]:
        """What the model says of single structures."""
        return self.map(lambda k: self._predict(range(k, k + 1))[0], map(int, structures))

    def errors(self) -> Errors:
        """Of all structures that have labels, on all ranks."""
        env, p = self.environments, self.predict()
        energy = (p.energies - env.energies) / env.n_atoms
        stress = np.full((1, 6), np.nan) if p.stresses is None else p.stresses - env.stresses
        charges = np.empty(0) if p.charges is None else p.charges - env.charges
        columns = [_finite(c) for c in (energy, p.forces - env.forces, stress, charges)]
        n, squares = self.comm.sum(np.array([[c.size for c in columns], [np.sum(c**2) for c in columns]]))
        with np.errstate(invalid="ignore"):
            return Errors(*map(float, np.sqrt(squares / n)))

    # --- the loss ----------------------------------------------------------------------------------------

    def loss(self, structures: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """L of some structures (None: all) and dL/dw [n_parameters]."""
        chunks, weights = self.chunks, self.weights
        if structures is not None:
            chunks = self._groups(self.environments.local(structures)[1])
        found = (map if self.pool is None else self.pool.map)(lambda chunk: self._loss(weights, chunk), chunks)
        total, sums = 0.0, np.zeros(self.n_sums)
        for loss, part in found:
            total += loss
            sums += part
        total = self.comm.sum(np.append(total, self._unfolded(sums)))
        return float(total[0]), total[1:]

    def _groups(self, own: np.ndarray) -> list[Sequence[int]]:
        """Some structures of this rank, by what is computed together; it depends on nothing but these."""
        return [range(k, k + 1) for k in own.tolist()]

    def _unfolded(self, sums: np.ndarray) -> np.ndarray:
        return sums

    def cost(self, weights: Weights, chunk: Sequence[int], p: Prediction) -> Cost:
        """What the errors of a prediction of some structures cost."""
        env = self.environments
        own, atoms = env.places(chunk)
        of_atom = np.repeat(env.weights[own], env.n_atoms[own])[:, None]
        share = env.weights[own] / env.n_atoms[own] ** weights.power * weights.energy
        energy = _known(p.energies - env.energies[own])
        forces = _known(p.forces - env.forces[atoms])
        if np.isfinite(weights.forces_limit):
            size = env.n_atoms[own] ** (weights.power / 2)
            energy, linear = _huber(energy, np.abs(energy), weights.energy_limit * size)
            loss = np.sum(share * linear)
            forces, linear = _huber(forces, np.sqrt(np.sum(forces**2, axis=1))[:, None], weights.forces_limit)
            loss += weights.forces * np.sum(of_atom * linear)
        else:
            loss = np.sum(share * energy**2) + weights.forces * np.sum(of_atom * forces**2)
        strain = None
        if p.stresses is not None and weights.stress:
            stress = _known(p.stresses - env.stresses[own])
            loss += weights.stress * np.sum(env.weights[own, None] * BOTH * stress**2)
            scale = 2.0 * weights.stress * env.weights[own] / np.where(np.isnan(env.volumes[own]), 1, env.volumes[own])
            strain = scale[:, None] * BOTH * stress
        return Cost(float(loss), share, energy, 2.0 * weights.forces * of_atom * forces, strain)

    # --- single labels -------------------------------------------------------------------------------------

    def residuals(self, own: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        """Label - prediction of each structure: of E / N^(p/2) [1], forces [3 n_atoms], stress [6]; nan: no label."""
        env, found = self.environments, []
        for k, p, size in zip(own, self.predict_each(own), self._sizes(own), strict=True):
            forces = env.forces[env.first[k] : env.first[k + 1]] - p.forces
            stress = env.stresses[k] if p.stresses is None else env.stresses[k] - p.stresses[0]
            found.append(((env.energies[k : k + 1] - p.energies) / size, forces.ravel(), stress))
        return found

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


def chunks_of(first: np.ndarray, atoms: int) -> list[range]:
    """Runs of structures of about so many atoms."""
    chunks, begin = [], 0
    for k in range(1, len(first)):
        if first[k] - first[begin] >= atoms or k == len(first) - 1:
            chunks.append(range(begin, k))
            begin = k
    return chunks


def _known(errors: np.ndarray) -> np.ndarray:
    """The errors, 0 where there is no label (np.nan_to_num takes four times as long)."""
    return np.where(np.isnan(errors), 0.0, errors)


def _huber(errors: np.ndarray, length: np.ndarray, limit) -> tuple[np.ndarray, np.ndarray]:
    """(Errors shortened to the limit, what each counts)"""
    kept = np.minimum(length, limit)
    shorter = errors * np.divide(kept, length, out=np.ones_like(length), where=length > 0)
    return shorter, kept * (2.0 * length - kept)


def _finite(array: np.ndarray) -> np.ndarray:
    return array[np.isfinite(array)]
