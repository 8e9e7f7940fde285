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

from mdcore.base import exact
from mdcore.base.arguments import table
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number
from mdcore.base.units import COULOMB
from mdcore.base.voigt import PAIRS
from mdcore.doors import _kernels
from mdcore.potentials.base import Finding
from mdcore.potentials.charges.cost import IN_LJ, SKIN, choose, cutoffs_from, orders_of
from mdcore.potentials.charges.mesh import RESERVE, SHRUNK, MeshPlan, sizes, spacing
from mdcore.potentials.charges.slab import Slab, refuse
from mdcore.potentials.charges.waves import Plan
from mdcore.potentials.pair.coulomb import BoundCoulomb, Coulomb

SAFETY = 1.5  # more in the exponents at the cutoffs: errors that were asked for are kept (tests/test_electrostatics.py)
LARGEST = 1000.0  # charge
MOST_CHARGE = 2.0**22  # of all atoms, without signs: sums of waves are exact in 64 bits (ext/charges/waves.h)
METHODS = ("auto", "ewald", "mesh")
USUAL, JOINED = 10.0, 6.0  # cutoffs, Angstrom: where none is chosen, and at least that of joined atoms
LIQUID = 0.1  # atoms a cubic Angstrom
MOST_WAVES, MOST_POINTS = 2_000_000, 100_000_000
WIRE = "wires, periodic along one axis, are not supported; let three axes be periodic, with vacuum"
ELECTRIC_POTENTIAL = Finding("electric_potential", "electric potential", per_atom=True)


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
    exclude_bonded : pairs that so many bonds join do not feel each other; of points

    alpha, longest : the splitting and the largest wave vector that follow, 1 / unit of length
    InputError for values out of range, from `bind` for species without a charge, from a step in a cell that is periodic
    along one axis.
    """

    far, tells_virials = True, False
    findings = (ELECTRIC_POTENTIAL,)

    def __init__(
        self, charges: dict | None = None, *, accuracy: float = 1e-5, cutoff: float | None = None,
        widths: dict | None = None, method: str = "auto", constant: float = COULOMB,
    ):  # fmt: skip
        self.accuracy = number("Electrostatics: accuracy", accuracy)
        if not 1e-10 <= self.accuracy <= 1e-2:  # rounded to 2^-36, forces can't be better
            raise InputError(f"Electrostatics: accuracy = {accuracy:g}: expected 1e-10 to 0.01")
        choice("Electrostatics: method", method, METHODS)
        self.exponent, self.method, self.order = SAFETY - math.log(self.accuracy), method, None
        self.chooses = cutoff is None
        given = USUAL if self.chooses else number("Electrostatics: cutoff", cutoff, "length")
        super().__init__(given, charges, constant=constant)
        self._take(given)
        self.widths, self._chosen = None, {}
        if widths is not None:
            if not widths:
                raise InputError("Electrostatics: widths = {}: give one for each species, or None for points")
            self.widths = {name: number(f"Electrostatics: width of {name}", width, "length")
                           for name, width in table("Electrostatics: widths", widths).items()}  # fmt: skip
            self.formula = "gaussian_charges" if self.of_atoms else "gaussians"
            shortest = shortest_cutoff(widths := self.widths.values(), self.accuracy)
            if self.chooses:
                self._take(max(given, shortest))
            elif given < shortest:
                raise InputError(f"Electrostatics: cutoff = {given:g}: {too_short(widths, self.accuracy)}")

    def _take(self, cutoff: float) -> None:
        """This is the cutoff, and the splitting that follows."""
        self.cutoff, self.alpha = cutoff, math.sqrt(self.exponent) / cutoff
        self.longest = 2.0 * self.alpha * math.sqrt(self.exponent)

    def suited(self, n, box, units) -> "Electrostatics":
        scale = IN_LJ if units.name == "lj" else 1.0
        bulk, shortest = all(box.periodic), shortest_cutoff(self.widths.values(), self.accuracy) if self.widths else 0.0
        if not self.chooses:
            cutoffs = [self.cutoff]
        elif bulk:
            cutoffs = cutoffs_from(max(shortest, scale * JOINED * bool(self.exclude_bonded)), scale)
        else:
            cutoffs = [max(shortest, scale * USUAL)]
        matrix = box.matrix
        if not any(box.periodic):
            matrix = np.eye(3) * cutoffs[0]  # a cluster has no waves; of slabs the cell is about what atoms make of it
        own = choose(self.exponent, self.accuracy, self._orders, n, matrix, cutoffs, scale * SKIN)
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
        gaussian = self.gamma(name, name) / math.sqrt(math.pi) if self.widths else 0.0
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
        return choose(self.exponent, self.accuracy, self._orders, n, matrix, [self.cutoff], 0.0).order

    def too_many(self, matrix) -> str:
        """What is wrong with so many waves or points as a cell has, or nothing."""
        found, most, what = self.waves(matrix), MOST_WAVES, "waves"
        if order := self.order_for(matrix):
            h = spacing(self.alpha, self.accuracy, order)
            found, most, what = math.prod(np.linalg.norm(matrix, axis=1) / h), MOST_POINTS, "points of a mesh"
        if found < most:
            return ""
        size = " x ".join(f"{edge:.4g}" for edge in np.linalg.norm(matrix, axis=1))
        return f"{found:.2g} {what} in a cell of {size} are too many; take a larger cutoff or less accuracy"

    def plan(self, matrix) -> Plan | MeshPlan:
        """The sum over waves of a cell."""
        if order := self.order_for(matrix):
            size = sizes(matrix, self.alpha, self.accuracy, order)
            return MeshPlan(matrix, self.alpha, self.constant, size, order)
        return Plan(matrix, self.alpha, RESERVE * self.longest, self.constant)

    def bind(self, symbols) -> "BoundElectrostatics":
        return BoundElectrostatics(self, symbols)


def shortest_cutoff(widths, accuracy: float) -> float:
    """Of Gaussians: beyond, two of them are points, for their forces not to jump either."""
    return 2.6 * max(widths) * math.sqrt(SAFETY - math.log(accuracy))


def too_short(widths, accuracy: float) -> str:
    """What is said of a cutoff that is shorter."""
    needed = shortest_cutoff(widths, accuracy)
    return f"too short for Gaussians of width {max(widths):g} at accuracy = {accuracy:g}; {needed:.4g} would do"


class BoundElectrostatics(BoundCoulomb):
    """Charges with all their images in a system of these species."""

    virial_of_forces = False

    def __init__(self, potential: Electrostatics, symbols):
        super().__init__(potential, symbols)
        self._plan, self._reference, self._checked = None, None, False
        unit = copy(potential)
        unit.of_atoms = True
        self._unit_rows = np.array([unit.row(a, b) for a in self.symbols for b in self.symbols])
        self._unit_own = np.array([unit.own_energy(name) for name in self.symbols])

    def compute(self, atoms, neighbors, domain, out) -> None:
        charges = np.zeros(atoms.n_total + 1)
        charges[: atoms.n_owned] = self.charges_of(atoms, slice(0, atoms.n_owned))
        self._check(charges, domain)
        super().compute(atoms, neighbors, domain, out)
        if any(domain.box.periodic):
            self._waves(atoms, charges, domain, out)
        else:
            self._all_pairs(atoms, charges, domain.comm, out)

    def _check(self, charges, domain, new: bool = False) -> None:
        """Will sums be exact, and is there one for this cell? new : of charges that are not its own (collective)"""
        if sum(domain.box.periodic) == 1:
            refuse(WIRE)
        if self._checked and not new and not self.potential.of_atoms:
            return
        size = np.abs(charges)
        size = size.sum() if size.max() < LARGEST else math.inf
        if not domain.comm.sum(np.array([size]))[0] < MOST_CHARGE:
            refuse(f"charges must be finite and less than {LARGEST:g}, without signs all together {MOST_CHARGE:.2g}")
        self._checked = True

    def find(self, work, wanted=None):
        if ELECTRIC_POTENTIAL not in (self.potential.outputs if wanted is None else wanted):
            return {}
        charges = np.zeros(work.atoms.n_total + 1)
        charges[: work.atoms.n_owned] = self.charges_of(work.atoms, slice(0, work.atoms.n_owned))
        lists = work.neighbors.of(self.potential)
        return {ELECTRIC_POTENTIAL: self.potentials_of(work.atoms, charges, lists, work.domain)}

    def potentials_of(self, atoms, charges, neighbors, domain) -> np.ndarray:
        """float64 [n_owned], dE/dq of any charges float64 [n_total + 1], of which those of owned atoms count: they need
        not be those of the potential. It is linear in them but for rounding to 2^-36 (collective).

        neighbors : the potential's own lists, as for `compute`; of a point it is the potential where it is of all other
        charges, of a Gaussian the mean over it, its own field included; energy = sum of charges * this / 2
        """
        n = atoms.n_owned
        domain.forward_rows(charges)
        self._check(charges[: n + 1] * (np.arange(n + 1) < n), domain, new=True)
        near = np.zeros(atoms.n_total + 1)
        kinds, gaussian = len(self.symbols), self.potential.widths is not None
        _kernels.charge_potentials(atoms, neighbors.list, self._unit_rows, kinds, gaussian, charges, near)
        if self.potential.exclude_bonded:
            self._joined.potentials(atoms, neighbors, charges, near)
        domain.reverse_add_rows(near)
        far = np.zeros(atoms.n_total + 1)
        charges[n:] = 0.0
        if any(domain.box.periodic):
            total = float(exact.sums(domain.comm, charges[:n, None], exact.ENERGY_BITS)[0])
            plan, slab = self._sums_over(atoms, charges[:n], total, domain)
            plan.act(atoms, charges, domain.comm, far, forces=False, energy=False)
            far[:n] += self._background(plan, total) + (slab.potentials if slab else 0.0)
        else:
            self._cluster(atoms, charges, domain.comm, far, forces=False)
        return near[:n] + far[:n] + 2.0 * self._unit_own[atoms.species] * charges[:n]

    def _background(self, plan, total: float) -> float:
        """Potential of what neutralises a total charge."""
        return -self.potential.constant * self.potential.mean * total / plan.volume

    def _all_pairs(self, atoms, charges, comm, out) -> None:
        """Of a cluster: what pairs within the cutoff do not have."""
        n, potentials = atoms.n_owned, np.zeros(atoms.n_total + 1)
        self._cluster(atoms, charges, comm, potentials)
        if out.want_energy:
            out.add_shares(0.5 * charges[:n] * potentials[:n])

    def _cluster(self, atoms, charges, comm, potentials, forces: bool = True) -> None:
        it, n = self.potential, atoms.n_owned
        rows = comm.join(np.column_stack([atoms.tags[:n], atoms.positions[:n], charges[:n]]))  # tags: exact as floats
        others = np.zeros((4, len(rows) + -len(rows) % 4))
        others[:, : len(rows)] = rows[np.argsort(rows[:, 0]), 1:].T
        own = it.constant, it.alpha, it.cutoff, *it.shifts
        _kernels.charge_pairs(atoms, charges, others, *own, potentials, forces)

    def _waves(self, atoms, charges, domain, out) -> None:
        """Of a crystal or a slab: what pairs do not have."""
        comm, n, total = domain.comm, atoms.n_owned, 0.0
        if out.want_energy or not all(domain.box.periodic):
            total = float(exact.sums(comm, charges[:n, None], exact.ENERGY_BITS)[0])
        plan, slab = self._sums_over(atoms, charges[:n], total, domain)
        before = atoms.forces.copy() if out.want_energy else None
        potentials = np.zeros(atoms.n_total + 1)
        found = plan.act(atoms, charges, comm, potentials, energy=out.want_energy)
        if slab:
            slab.act(atoms)
            potentials[:n] += slab.potentials
        if not out.want_energy:
            return
        energy, virial = found
        background = self._background(plan, total)
        others = 0.5 * background * total + (slab.energy if slab else 0.0)  # both go as 1 / area
        if comm.rank == 0:
            out.energy += round(math.ldexp(energy + others, exact.FORCE_BITS))
        if out.atom_energies is not None:
            out.atom_energies[:n] += 0.5 * charges[:n] * (potentials[:n] + background)
        forces, virial = atoms.forces - before, others * np.eye(3) + virial
        if slab:
            virial = slab.virial(virial, forces, comm)
        out.replace_virial(out.sums_of(atoms, forces), [virial[pair] * (comm.rank == 0) for pair in PAIRS])

    def _sums_over(self, atoms, charges, total: float, domain):
        """(plan, Slab or None) of a cell."""
        bulk = all(domain.box.periodic)
        slab = None if bulk else Slab(atoms, domain, self.potential, charges, total)
        return self._plan_of(slab.matrix if slab else domain.box.matrix), slab

    def _plan_of(self, matrix) -> Plan | MeshPlan:
        """The sum over waves of a cell: those of a reference, as long as the cell is about as large and as skew."""
        if self._reference is not None and not np.array_equal(self._reference, matrix):
            strains = np.linalg.svd(np.linalg.inv(self._reference) @ matrix, compute_uv=False)
            if strains.max() > RESERVE or strains.min() < SHRUNK:
                self._reference = None
        if self._reference is None:
            self._reference, self._plan = np.array(matrix), None
        if self._plan is None:
            if text := self.potential.too_many(self._reference):
                refuse(text)
            self._plan = self.potential.plan(self._reference)
        if not np.array_equal(self._plan.matrix, matrix):
            self._plan.move(np.array(matrix))
        return self._plan

    def state(self) -> dict:
        return {} if self._reference is None else {"reference": self._reference}

    def restore(self, state) -> None:
        self._reference, self._plan = state.get("reference"), None
        if self._reference is not None:
            if np.shape(self._reference) != (3, 3) or not abs(np.linalg.det(self._reference)) > 0.0:
                refuse("the checkpoint's cell, to which waves belong, is none")
            self._reference = np.array(self._reference, dtype=np.float64)

    def about(self, unit) -> str:
        return self.potential.describe(unit) + (f" {self._plan.about}" if self._plan else "")
