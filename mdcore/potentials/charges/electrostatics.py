"""Charges with all their images, by the sum of Ewald; where nothing repeats, all pairs.

    E = C/2 sum_ij q_i q_j erfc(alpha r) / r  +  sum_k g(k) |S(k)|^2  -  C alpha / sqrt(pi) sum_i q_i^2
        - C pi Q^2 / (2 V alpha^2),    S(k) = sum_i q_i exp(i k.r_i),    g(k) = 4 pi C exp(-k^2 / (4 alpha^2)) / (V k^2)

The first sum is one of pairs closer than the cutoff (ext/pair/coulomb.h), shifted there, by less than the accuracy,
so that energy and forces do not jump; the second one of waves in half of space (waves.py, ext/charges/waves.c); the
last term is that of a uniform background, which neutralises a total charge Q (with what cutoff and shift leave of pi /
alpha^2: `mean`). Instead of points charges may be
Gaussians exp(-r^2 / (2 s^2)) / (s sqrt(2 pi))^3: then pairs have erf(gamma r) / r, gamma = 1 / sqrt(2 (s_i^2 +
s_j^2)), where points have 1 / r, and each has an energy C gamma / sqrt(pi) q_i^2 in its own field. Slabs: slab.py.
"""

import math
from copy import copy

import numpy as np

from mdcore.base.arguments import table
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number
from mdcore.base.units import COULOMB
from mdcore.potentials.charges.bound import ELECTRIC_POTENTIAL, BoundElectrostatics
from mdcore.potentials.charges.cost import IN_LJ, SKIN, choose, cutoffs_from, orders_of
from mdcore.potentials.charges.damping import KINDS, LINEAR, Damping
from mdcore.potentials.charges.mesh import RESERVE, MeshPlan, sizes, spacing
from mdcore.potentials.charges.slab import refuse
from mdcore.potentials.charges.waves import Plan, Smeared
from mdcore.potentials.pair.coulomb import Coulomb

SAFETY = 1.5  # more in the exponents at the cutoffs: errors that were asked for are kept (tests/test_electrostatics.py)
ORDERED = 5.0  # forces of rock salt at room temperature are so much less than those of its melt, over the mesh's errors
LESS = 4.0  # forces of water are about so much less without those in its molecules (benchmarks/charges_water.py)
METHODS = ("auto", "ewald", "mesh")
USUAL, JOINED = 10.0, 6.0  # cutoffs, Angstrom: where none is chosen, and at least that of joined atoms
LIQUID = 0.1  # atoms a cubic Angstrom
MOST_WAVES, MOST_POINTS = 2_000_000, 100_000_000


class Electrostatics(Coulomb):
    """Charges with all their periodic images: Ewald's sum in cells that are periodic along three axes or two (a slab),
    the sum over all pairs where there is none. Cost: N^1.5 at best; N^2.

    charges : {species: e}, or None: those of the structure (column "charge")
    method : of the waves: "ewald", one by one, cost N^1.5 at best; "mesh", smooth particle-mesh Ewald, cost N log N,
        whose energy changes by about the accuracy where all atoms move together; "auto", a mesh for many waves
    accuracy : of forces, relative to what they are, root mean squares, 1e-10 to 0.01
    cutoff : of the pairs, unit of length; it takes work from the waves, the sum is the same. None: what is cheapest
        (cost.py) for the crystal or liquid that the potential is used for; of slabs and clusters 10 (lj: 3.5)
    widths : {species: s} of charges that are Gaussians, unit of length, or None: all are points
    constant : C, unit of energy times length / e^2 (eV Angstrom; 1 in lj units)
    damping : what close pairs feel less (damping.py): "cosine" or "polynomial", nothing up to `inner`, all from
        `outer` on, unit of length; Gaussians then have no energy in their own field either. Or "thole" or
        "tang-toennies", of points, with a `decay`, 1 / unit of length
    exclude_bonded : pairs that so many bonds join do not feel each other; of points

    alpha, longest : the splitting and the largest wave vector that follow, 1 / unit of length
    InputError for values out of range, from `bind` for species without a charge, from a step in a cell that is periodic
    along one axis.
    """

    far, tells_virials, weighable = True, False, False
    findings = (*Coulomb.findings, ELECTRIC_POTENTIAL)

    def __init__(
        self, charges: dict | None = None, *, accuracy: float = 1e-5, cutoff: float | None = None,
        widths: dict | None = None, method: str = "auto", constant: float = COULOMB, damping: str | None = None,
        inner: float = 0.0, outer: float | None = None, decay: float | None = None,
    ):  # fmt: skip
        self.accuracy = number("Electrostatics: accuracy", accuracy)
        if not 1e-10 <= self.accuracy <= 1e-2:  # rounded to 2^-36, forces can't be better
            raise InputError(f"Electrostatics: accuracy = {accuracy:g}: expected 1e-10 to 0.01")
        choice("Electrostatics: method", method, METHODS)
        self.method, self.order = method, None
        self.chooses = cutoff is None
        given = USUAL if self.chooses else number("Electrostatics: cutoff", cutoff, "length")
        super().__init__(given, charges, constant=constant)
        self._take(given)
        self.widths, self._chosen = None, {}
        self._damp(damping, inner, outer, decay, widths)
        if widths is not None:
            if not widths:
                raise InputError("Electrostatics: widths = {}: give one for each species, or None for points")
            self.widths = {name: number(f"Electrostatics: width of {name}", width, "length")
                           for name, width in table("Electrostatics: widths", widths).items()}  # fmt: skip
            self.formula = "gaussian_charges" if self.of_atoms else "gaussians"
            shortest = shortest_cutoff(widths := self.widths.values(), self.accuracy)
            if self.chooses:
                self._take(max(self.cutoff, shortest))
            elif given < shortest:
                raise InputError(f"Electrostatics: cutoff = {given:g}: {too_short(widths, self.accuracy)}")

    def _damp(self, damping, inner, outer, decay, widths) -> None:
        """Takes up the damping; InputError."""
        self.damping, self.inner, self.outer, self.decay = damping, inner, outer, decay
        if damping is None:
            if (inner, outer, decay) != (0.0, None, None):
                kinds = ", ".join(KINDS)
                raise InputError(f"Electrostatics: inner, outer and decay are of a damping; give one of {kinds}")
            return
        choice("Electrostatics: damping", damping, tuple(KINDS))
        if text := damping_wrong(damping, inner, outer, decay, bool(widths)):
            raise InputError(f"Electrostatics: {text}")
        if damping in LINEAR:
            self.decay = number("Electrostatics: decay", decay, "inverse length")
        else:
            self.inner = number("Electrostatics: inner", inner, "length", zero=True)
            self.outer = number("Electrostatics: outer", outer, "length")
        needed = self._damping_reach
        if self.chooses:
            self._take(max(self.cutoff, needed))
        elif self.cutoff < needed:
            raise InputError(f"Electrostatics: cutoff = {self.cutoff:g}: less than damping reaches, {needed:.4g}")

    @property
    def _damping_reach(self) -> float:
        """How far it is noticed; 0 without one."""
        if self.damping is None:
            return 0.0
        return (self.exponent + 2.0) / self.decay if self.damping in LINEAR else self.outer

    @property
    def lists(self):
        return super().lists if self.damping is None else (*super().lists, *Damping(self).lists)

    @property
    def ghost_columns(self):
        return ("tags",) if self.exclude_bonded else ()

    def _take(self, cutoff: float) -> None:
        """This is the cutoff, and the splitting that follows."""
        self.cutoff, self.alpha = cutoff, math.sqrt(self.exponent) / cutoff
        self.longest = 2.0 * self.alpha * math.sqrt(self.exponent)

    def suited(self, n, box, units) -> "Electrostatics":
        scale = IN_LJ if units.name == "lj" else 1.0
        bulk, shortest = all(box.periodic), self._damping_reach
        if self.widths:
            shortest = max(shortest, shortest_cutoff(self.widths.values(), self.accuracy))
        if not self.chooses:
            cutoffs = [self.cutoff]
        elif bulk:
            cutoffs = cutoffs_from(max(shortest, scale * JOINED * bool(self.exclude_bonded)), scale)
        else:
            cutoffs = [max(shortest, scale * USUAL)]
        matrix = box.matrix
        if not any(box.periodic):
            matrix = np.eye(3) * cutoffs[0]  # a cluster has no waves; of slabs the cell is about what atoms make of it
        own = choose(self.exponent, self.mesh_aim, self._orders, n, matrix, cutoffs, scale * SKIN)
        key = own.cutoff, own.order
        if key not in self._chosen:
            self._in_use = True
            found = copy(self)
            found._take(own.cutoff)
            found.order = own.order
            self._chosen[key] = found
        return self._chosen[key]

    def __repr__(self):
        charges = "of the structure" if self.of_atoms else self.charges
        widths = f", widths={self.widths}" if self.widths else ""
        cutoff = None if self.chooses and self.order is None else f"{self.cutoff:g}"
        return f"Electrostatics({charges}, accuracy={self.accuracy:g}, cutoff={cutoff}{widths})"

    def describe(self, unit):
        told = super().describe(unit)
        if self.order is None:
            return f"{'cutoff as is cheapest' if self.chooses else told}, accuracy {self.accuracy:g}"
        how = "waves" if not self.order else f"mesh of order {self.order}"
        return f"{told}, alpha {self.alpha:.4g} / {unit}, accuracy {self.accuracy:g}, {how}"

    @property
    def exclude_bonded(self) -> int:
        return super().exclude_bonded

    @exclude_bonded.setter
    def exclude_bonded(self, most: int) -> None:
        if most and self.widths:
            raise InputError("Electrostatics: exclude_bonded takes points away, and these charges are Gaussians")
        Coulomb.exclude_bonded.fset(self, most)
        self._take(self.cutoff)

    @property
    def aim(self) -> float:
        """The accuracy, relative to what forces are where pairs that are left out count, too: without them forces are
        less, and errors are not."""
        return self.accuracy / (LESS if self.exclude_bonded else 1.0)

    @property
    def mesh_aim(self) -> float:
        """Of the mesh, relative to forces in a liquid: those of a crystal cancel, and errors of a mesh do not."""
        return self.aim / ORDERED

    @property
    def exponent(self) -> float:
        """x^2: what is left out of either sum is of the order of exp(-x^2)."""
        return SAFETY - math.log(self.aim)

    def gamma(self, a: str, b: str) -> float:
        """1 / sqrt(2 (s_a^2 + s_b^2)); InputError for a species without a width."""
        for name in (a, b):
            if name not in self.widths:
                raise InputError(f"Electrostatics: species {name} has no width; give one: widths = {{{name!r}: ...}}")
        return 1.0 / math.sqrt(2.0 * (self.widths[a] ** 2 + self.widths[b] ** 2))

    def row(self, a, b):
        own = super().row(a, b)
        if self.widths:
            own[6] = self.gamma(a, b)
            own[7] = 2.0 * own[6] / math.sqrt(math.pi)
        return own

    def own_energy(self, name):
        gaussian = self.gamma(name, name) / math.sqrt(math.pi) if self.widths and self.damping is None else 0.0
        return super().own_energy(name) + self.constant * self.charge(name) ** 2 * gaussian

    @property
    def mean(self) -> float:
        """What a pair of unit charges has, integrated over space: waves leave k = 0 out, so the background of a total
        charge takes it away."""
        a, r = self.alpha, self.cutoff
        damped = r * r * math.erfc(a * r) / 2.0 - r * math.exp(-((a * r) ** 2)) / (2.0 * a * math.sqrt(math.pi))
        shift, slope = self.shifts
        return 4.0 * math.pi * (damped + math.erf(a * r) / (4.0 * a * a) + shift * r**3 / 3.0 + slope * r**4 / 4.0)

    def waves(self, matrix) -> float:
        """How many a cell has."""
        return abs(np.linalg.det(matrix)) * self.longest**3 / (12.0 * math.pi**2)

    @property
    def _orders(self) -> tuple[int, ...]:
        return orders_of(self.method) if self.order is None else (self.order,)

    def order_for(self, matrix) -> int:
        """Of the mesh of a cell, 0 for waves one by one: what was chosen, or is cheapest for atoms as in a liquid."""
        if self.order is not None:
            return self.order
        n = LIQUID * abs(np.linalg.det(matrix))
        return choose(self.exponent, self.mesh_aim, self._orders, n, matrix, [self.cutoff], 0.0).order

    def too_many(self, matrix) -> str:
        """What is wrong with so many waves or points as a cell has, or nothing."""
        found, most, what = self.waves(matrix), MOST_WAVES, "waves"
        if order := self.order_for(matrix):
            h = spacing(self.alpha, self.mesh_aim, order)
            found, most, what = math.prod(np.linalg.norm(matrix, axis=1) / h), MOST_POINTS, "points of a mesh"
        if found < most:
            return ""
        size = " x ".join(f"{edge:.4g}" for edge in np.linalg.norm(matrix, axis=1))
        return f"{found:.2g} {what} in a cell of {size} are too many; take a larger cutoff or less accuracy"

    def plan(self, matrix) -> Plan | MeshPlan:
        """The sum over waves of a cell; InputError, on all ranks, for one that has too many."""
        if text := self.too_many(matrix):
            refuse(text)
        law, longest = Smeared(self.alpha, self.constant), RESERVE * self.longest
        if order := self.order_for(matrix):
            size = sizes(matrix, self.alpha, self.mesh_aim, order)
            return MeshPlan(matrix, law, size, order, longest)
        return Plan(matrix, law, longest)

    def bind(self, symbols) -> "BoundElectrostatics":
        return BoundElectrostatics(self, symbols)


def damping_wrong(damping, inner, outer, decay, widths: bool) -> str:
    """What is wrong with the numbers of a damping of this kind, or nothing."""
    if damping in LINEAR:
        if decay is None or outer is not None or inner:
            return f"damping = {damping!r} has a decay, and neither inner nor outer"
        return f"damping = {damping!r} is one of points, and these charges are Gaussians" if widths else ""
    if outer is None or decay is not None:
        return f"damping = {damping!r} has inner and outer, and no decay"
    ends = isinstance(inner, int | float) and isinstance(outer, int | float)
    return f"inner = {inner:g}, outer = {outer:g}: expected inner < outer" if ends and not inner < outer else ""


def shortest_cutoff(widths, accuracy: float) -> float:
    """Of Gaussians: beyond, two of them are points, for their forces not to jump either."""
    return 2.6 * max(widths) * math.sqrt(SAFETY - math.log(accuracy))


def too_short(widths, accuracy: float) -> str:
    """What is said of a cutoff that is shorter."""
    needed = shortest_cutoff(widths, accuracy)
    return f"too short for Gaussians of width {max(widths):g} at accuracy = {accuracy:g}; {needed:.4g} would do"
