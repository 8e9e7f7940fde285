"""Lennard-Jones whose attraction does not end: pairs up to a cutoff, beyond it r^-6 with all periodic images.

    E = sum_{r < R} [A r^-12 - B r^-6 + c_i c_j (1 - w(b)) r^-6 - its value and slope at R]  +  sum_k g(k) |S(k)|^2
        - C_0 / 2 (sum c)^2 + beta^6 / 12 sum c^2 + the mean of what is left out,
    w(b) = (1 + b^2 + b^4 / 2) exp(-b^2), b = beta r;    S(k) = sum_i c_i exp(i k.r_i)
    g(k) = -pi^1.5 beta^3 / (3 V) f(k / 2 beta),    f(x) = (1 - 2 x^2) exp(-x^2) + 2 sqrt(pi) x^3 erfc(x),  C_0 = -g(0)

U. Essmann et al., J. Chem. Phys. 103, 8577 (1995), sec. V. c_i = sqrt(B_ii): waves know pairs that mix
geometrically. Within the cutoff a pair has its own B; beyond it, what other rules of mixing make of it enters by its
mean alone, like the repulsion beyond the cutoff and what ends energy and force at the cutoff without a jump:
integrals with g(r) = 1.
"""

import math
from typing import ClassVar

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.base.voigt import PAIRS
from mdcore.potentials.charges.kept import KeptPlan
from mdcore.potentials.charges.mesh import RESERVE, MeshPlan, smooth
from mdcore.potentials.charges.waves import Plan
from mdcore.potentials.counted import DISPERSION, PURPOSE
from mdcore.potentials.joined import BoundJoined
from mdcore.potentials.pair.base import BoundPair, shifts
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.bonds import pairs_within

FLAT = (
    "all images need a cell that is periodic along three axes; leave vacuum in one, or end the attraction, "
    'truncation = "cut", at a large cutoff'
)
ORDER = 6
MESH_FROM = 2000  # waves: a mesh is faster
MOST_POINTS = 100_000_000
# f(x) / exp(-x^2) by erfcx(x), a polynomial of (x - 3) / (x + 3), as in ext/pair/coulomb.h
ERFCX = (
    0.17900115118138996, -0.3262335600430388, 0.24560380171227697, -0.15011593650031027,
    0.07166583720556102, -0.024392499336946562, 0.004269136022346956, 0.0007077463868663031,
    -0.0005970568636987025, 4.5264434322860695e-05, 6.402765696212827e-05, -1.2969974193610968e-05,
    -8.028806920571878e-06, 2.4286855485475647e-06, 1.9352959608649944e-06, 3.297516319315196e-07,
)  # fmt: skip


class LongLennardJones(LennardJones):
    """Lennard-Jones with all images of its attraction; the system is periodic along three axes.

    cutoff, epsilon, sigma, species, pairs, mixing : as of LennardJones; pairs have no cutoffs of their own
    accuracy : of forces in a liquid, relative to what they are, 1e-8 to 0.01; most is ten times as accurate

    beta, longest : the splitting and the largest wave vector that follow, 1 / unit of length
    """

    formula, linear, far, bulk = "lj_images", True, True, True
    tells_virials = weighable = False
    has: ClassVar = {DISPERSION: PURPOSE}

    def __init__(self, cutoff: float, epsilon=None, sigma=None, *, species=None, pairs=None,
                 mixing: str = "lorentz-berthelot", accuracy: float = 1e-3):  # fmt: skip
        one = {"epsilon": epsilon, "sigma": sigma, "species": species, "pairs": pairs, "mixing": mixing}
        super().__init__(cutoff, **one, truncation="force-shifted")
        self.accuracy = number("LongLennardJones: accuracy", accuracy)
        if not 1e-8 <= self.accuracy <= 1e-2:
            raise InputError(f"LongLennardJones: accuracy = {accuracy:g}: expected 1e-8 to 0.01")
        if self.cutoff != self.base_cutoff or any(own[2] != self.cutoff for own in self.pairs.values()):
            raise InputError("LongLennardJones: a pair has a cutoff of its own; waves begin at one for all pairs")
        b = _where(_damping, self.accuracy)
        self.beta, self.longest = b / self.cutoff, 2.0 * b / self.cutoff * _where(_weight, self.accuracy / 20.0)

    def __repr__(self):
        return f"Long{super().__repr__()}"

    @property
    def list_kinds(self):
        return ("half", "rows") if self.exclude_bonded else ("half",)

    def strength(self, name: str) -> float:
        """c of a species, sqrt(energy) length^3."""
        epsilon, sigma, _ = self._pair(name, name)
        return math.sqrt(4.0 * epsilon) * sigma**3

    def _terms(self, a: str, b: str) -> tuple[float, float, float]:
        """A, B, c_a c_b of two species."""
        epsilon, sigma, _ = self._pair(a, b)
        return 4.0 * epsilon * sigma**12, 4.0 * epsilon * sigma**6, self.strength(a) * self.strength(b)

    def row(self, a, b):
        hard, soft, cc = self._terms(a, b)
        r, b2 = self.cutoff, (self.beta * self.cutoff) ** 2
        fall = cc * math.exp(-b2)
        energy = r**-6 * (hard * r**-6 + cc - soft - fall * (1.0 + b2 + 0.5 * b2 * b2))
        slope = -(r**-7) * (12.0 * hard * r**-6 + 6.0 * (cc - soft) - fall * (6.0 + 6.0 * b2 + 3.0 * b2**2 + b2**3))
        shift, linear = shifts("force-shifted", r, energy, slope)
        return [r * r, hard, cc - soft, cc, shift, linear, self.beta**2, 0.0]

    def own_energy(self, name: str) -> float:
        """What waves have of an atom with itself, taken away."""
        return self.beta**6 / 12.0 * self.strength(name) ** 2

    def beyond(self, a: str, b: str) -> float:
        """What neither pairs nor waves have of two species, integrated over space: energy length^3."""
        r, beta = self.cutoff, self.beta
        hard, soft, cc = self._terms(a, b)
        shift, linear = self.row(a, b)[4:6]
        fall = math.exp(-((beta * r) ** 2))
        damped = fall / (3.0 * r**3) + beta**2 * fall / (3.0 * r)
        damped -= beta**3 * math.sqrt(math.pi) * math.erfc(beta * r) / 12.0
        left = hard / (9.0 * r**9) + (cc - soft) / (3.0 * r**3) - cc * damped
        return 4.0 * math.pi * (left - shift * r**3 / 3.0 - linear * r**4 / 4.0)

    def too_many(self, matrix) -> str:
        """What is wrong with so many points as a cell has, or nothing."""
        found = math.prod(self._sizes(matrix))
        if found < MOST_POINTS:
            return ""
        size = " x ".join(f"{edge:.4g}" for edge in np.linalg.norm(matrix, axis=1))
        return f"{found:.2g} points of a mesh in a cell of {size} are too many; take a larger cutoff or less accuracy"

    def _sizes(self, matrix) -> tuple[int, ...]:
        h = (10.0 * self.accuracy) ** (1.0 / ORDER) / (RESERVE * self.beta)
        return tuple(smooth(edge / h) for edge in np.linalg.norm(matrix, axis=1).tolist())

    def plan(self, matrix, largest: float) -> "Plan | MeshPlan":
        """The sum over waves of a cell, of c over the largest; InputError, on all ranks, for one that has too many."""
        if text := self.too_many(matrix):
            raise InputError(f"LongLennardJones: {text}").everywhere()
        law = Attraction(self.beta, largest**2)
        if abs(np.linalg.det(matrix)) * self.longest**3 / (12.0 * math.pi**2) > MESH_FROM:
            return MeshPlan(matrix, law, self._sizes(matrix), ORDER, RESERVE * self.longest)
        return Plan(matrix, law, RESERVE * self.longest)

    def bind(self, symbols) -> "BoundLong":
        return BoundLong(self, symbols)


class Attraction:
    """What waves weigh, as waves.Smeared."""

    attraction = True

    def __init__(self, beta: float, constant: float):
        self.scale, self.falls = -(math.pi**1.5) * beta**3 / 3.0 * constant, 1.0 / (4.0 * beta**2)

    def weights(self, k2):
        x2 = self.falls * k2
        return self.scale * np.exp(-x2) * _scaled(np.sqrt(x2), x2)

    def slopes(self, k2):
        x2 = self.falls * k2
        x = np.sqrt(x2)
        return 6.0 * self.falls * (1.0 - math.sqrt(math.pi) * x * _erfcx(x)) / _scaled(x, x2)


def _erfcx(x):
    return np.polyval(ERFCX[::-1], (x - 3.0) / (x + 3.0))


def _scaled(x, x2):
    """f(x) exp(x^2); beyond x = 6 only its size is right, and waves weigh nothing."""
    return np.maximum(1.0 - 2.0 * x2 * (1.0 - math.sqrt(math.pi) * x * _erfcx(x)), 1e-3)


def _damping(b: float) -> float:
    return (1.0 + b * b + 0.5 * b**4) * math.exp(-b * b)


def _weight(x: float) -> float:
    return (1.0 - 2.0 * x * x) * math.exp(-x * x) + 2.0 * math.sqrt(math.pi) * x**3 * math.erfc(x)


def _where(falls, value: float) -> float:
    """Where a function that falls from 1 is so small."""
    low, high = 0.0, 8.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if falls(middle) > value else (low, middle)
    return high


class BoundLong(BoundPair):
    """Lennard-Jones with all images in a system of these species."""

    virial_of_forces = False

    def __init__(self, potential: LongLennardJones, symbols):
        super().__init__(potential, symbols)
        strengths = np.array([potential.strength(name) for name in self.symbols])
        self._largest = strengths.max(initial=0.0) or 1.0
        self._strengths = strengths / self._largest
        self._own = np.array([potential.own_energy(name) for name in self.symbols])
        self._beyond = np.array([[potential.beyond(a, b) for b in self.symbols] for a in self.symbols])
        self._joined = BoundKept(potential, symbols, strengths)
        self._plans = KeptPlan(lambda matrix: potential.plan(matrix, self._largest))

    def compute(self, atoms, neighbors, domain, out) -> None:
        if not all(domain.box.periodic):
            raise InputError(f"LongLennardJones: {FLAT}").everywhere()
        super().compute(atoms, neighbors, domain, out)
        if self.potential.exclude_bonded:
            self._joined.compute(atoms, neighbors, domain, out)
        it, comm, n = self.potential, domain.comm, atoms.n_owned
        plan, c = self._plans.of(domain.box.matrix), np.zeros(atoms.n_total + 1)
        c[:n] = self._strengths[atoms.x[:n, 3].astype(int)]
        before = atoms.forces.copy() if out.want_energy else None
        potentials = np.zeros(atoms.n_total + 1)
        found = plan.act(atoms, c, domain, potentials, energy=out.want_energy)
        if not out.want_energy:
            return
        energy, virial = found
        species = atoms.species
        counts = comm.sum(np.bincount(species, minlength=len(self.symbols)).astype(float))
        first = Attraction(it.beta, self._largest**2).scale * (self._strengths @ counts)  # k = 0
        means = (self._beyond @ counts + first * self._strengths) / plan.volume
        out.add_shares(self._own[species])
        uniform = 0.5 * float(means @ counts)
        if comm.rank == 0:
            out.energy += round(math.ldexp(energy + uniform, exact.FORCE_BITS))
        if out.atom_energies is not None:
            out.atom_energies[:n] += 0.5 * (c[:n] * potentials[:n] + means[species])
        virial = uniform * np.eye(3) + virial
        of_forces = out.sums_of(atoms, atoms.forces - before)
        out.replace_virial(of_forces, [virial[pair] * (comm.rank == 0) for pair in PAIRS])

    def state(self) -> dict:
        return self._plans.state()

    def restore(self, state) -> None:
        self._plans.restore(state)


class BoundKept(BoundJoined):
    """What waves have of pairs that are excluded, taken away: + c_i c_j (1 - w(b)) / r^6."""

    def __init__(self, potential: LongLennardJones, symbols, strengths):
        super().__init__(potential, symbols)
        self._strengths, self._of = strengths, None

    def joined(self, atoms):
        most = self.potential.exclude_bonded
        if self._of is None or self._of[0] is not atoms.bonds:
            self._of = atoms.bonds, pairs_within(atoms.bonds, most)
        return self._of[1]

    def parameters(self, atoms, i, j, pairs):
        species = atoms.x[:, 3].astype(int)
        return self._strengths[species[i]] * self._strengths[species[j]]

    def law(self, own, r):
        b2 = (self.potential.beta * r) ** 2
        fall = np.exp(-b2)
        # 1 - w, of small b by its series
        short = np.where(
            b2 < 0.01, b2**3 / 6.0 - b2**4 / 8.0 + b2**5 / 20.0, 1.0 - (1.0 + b2 + 0.5 * b2 * b2) * fall
        )
        energy = own * short / r**6
        return energy, own * b2**3 * fall / r**7 - 6.0 * energy / r
