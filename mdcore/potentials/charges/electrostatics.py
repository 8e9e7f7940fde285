"""Charges with all their images, by the sum of Ewald; where nothing repeats, all pairs.

    E = C/2 sum_ij q_i q_j erfc(alpha r) / r  +  sum_k g(k) |S(k)|^2  -  C alpha / sqrt(pi) sum_i q_i^2
        - C pi Q^2 / (2 V alpha^2),    S(k) = sum_i q_i exp(i k.r_i),    g(k) = 4 pi C exp(-k^2 / (4 alpha^2)) / (V k^2)

The first sum is one of pairs closer than the cutoff (ext/pair/coulomb.h), shifted there, by less than the accuracy,
so that energy and forces do not jump; the second one of waves in half of space (waves.py, ext/charges/waves.c); the
last term is that of a uniform background, which neutralises a total charge Q (with what cutoff and shift leave of pi /
alpha^2: `mean`). Instead of points charges may be
Gaussians exp(-r^2 / (2 s^2)) / (s sqrt(2 pi))^3: then pairs have erf(gamma r) / r, gamma = 1 / sqrt(2 (s_i^2 +
s_j^2)), where points have 1 / r, and each has an energy C gamma / sqrt(pi) q_i^2 in its own field.

Of a cell that is periodic along two axes the waves are those of a cell with vacuum above it, and what its images
along the third axis z do to each other is taken away, 2 pi C / V (M^2 - Q sum q z^2 - Q^2 L^2 / 12), M = sum q z, L
the height of the cell (I.-C. Yeh, M. L. Berkowitz, J. Chem. Phys. 111, 3155 (1999); with a total charge, V.
Ballenegger et al., J. Chem. Phys. 131, 094107 (2009)).
"""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import table
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number
from mdcore.base.units import COULOMB
from mdcore.base.voigt import PAIRS
from mdcore.doors import _kernels
from mdcore.potentials.charges.mesh import MeshPlan, best_order, sizes, spacing
from mdcore.potentials.charges.waves import Plan, Smeared
from mdcore.potentials.pair.coulomb import BoundCoulomb, Coulomb

SAFETY = 1.5  # more in the exponents at the cutoffs: errors that were asked for are kept (tests/test_electrostatics.py)
LARGEST = 1000.0  # charge
MOST_CHARGE = 2.0**22  # of all atoms, without signs: sums of waves are exact in 64 bits (ext/charges/waves.h)
METHODS = ("auto", "ewald", "mesh")
MESH_FROM = 4000  # waves: "auto" takes a mesh
MOST_WAVES, MOST_POINTS = 2_000_000, 100_000_000
WIRE = "wires, periodic along one axis, are not supported; let three axes be periodic, with vacuum"
MOMENT_BITS = 36  # of sums of q z and q z^2
GROWTH = 1.1  # heights of a slab with its vacuum are powers of this, so that they seldom change


class Electrostatics(Coulomb):
    """Charges with all their periodic images: Ewald's sum in cells that are periodic along three axes or two (a slab),
    the sum over all pairs where there is none. Cost: N^1.5 at best; N^2.

    charges : {species: e}, or None: those of the structure (column "charge")
    method : of the waves: "ewald", one by one, cost N^1.5 at best; "mesh", smooth particle-mesh Ewald, cost N log N,
        whose energy changes by about the accuracy where all atoms move together; "auto", a mesh for many waves
    accuracy : of forces, relative to what they are, root mean squares, 1e-10 to 0.01
    cutoff : of the pairs, unit of length; it takes work from the waves, the sum is the same
    widths : {species: s} of charges that are Gaussians, unit of length, or None: all are points
    constant : C, unit of energy times length / e^2 (eV Angstrom; 1 in lj units)
    exclude_bonded : pairs that so many bonds join do not feel each other; of points

    alpha, longest : the splitting and the largest wave vector that follow, 1 / unit of length; order : of the mesh
    InputError for values out of range, from `bind` for species without a charge, from a step in a cell that is periodic
    along one axis.
    """

    far, tells_virials = True, False

    def __init__(
        self, charges: dict | None = None, *, accuracy: float = 1e-5, cutoff: float = 10.0, widths: dict | None = None,
        method: str = "auto", constant: float = COULOMB,
    ):  # fmt: skip
        self.accuracy = number("Electrostatics: accuracy", accuracy)
        if not 1e-10 <= self.accuracy <= 1e-2:  # rounded to 2^-36, forces can't be better
            raise InputError(f"Electrostatics: accuracy = {accuracy:g}: expected 1e-10 to 0.01")
        cutoff = number("Electrostatics: cutoff", cutoff, "length")
        self.exponent = SAFETY - math.log(self.accuracy)
        super().__init__(cutoff, charges, math.sqrt(self.exponent) / cutoff, constant=constant)
        self.longest = 2.0 * self.alpha * math.sqrt(self.exponent)
        choice("Electrostatics: method", method, METHODS)
        self.method, self.order = method, best_order(self.alpha, self.accuracy)
        self.widths = None
        if widths is not None:
            if not widths:
                raise InputError("Electrostatics: widths = {}: give one for each species, or None for points")
            self.widths = {name: number(f"Electrostatics: width of {name}", width, "length")
                           for name, width in table("Electrostatics: widths", widths).items()}  # fmt: skip
            self.formula = "gaussian_charges" if self.of_atoms else "gaussians"
            if cutoff < shortest_cutoff(widths := self.widths.values(), self.accuracy):
                raise InputError(f"Electrostatics: cutoff = {cutoff:g}: {too_short(widths, self.accuracy)}")

    def __repr__(self):
        charges = "of the structure" if self.of_atoms else self.charges
        widths = f", widths={self.widths}" if self.widths else ""
        return f"Electrostatics({charges}, accuracy={self.accuracy:g}, cutoff={self.cutoff:g}{widths})"

    def describe(self, unit):
        how = {"ewald": "waves", "mesh": f"mesh of order {self.order}", "auto": f"waves or mesh of order {self.order}"}
        return f"{super().describe(unit)}, alpha {self.alpha:.4g} / {unit}, {how[self.method]}"

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

    def uses_mesh(self, matrix) -> bool:
        """Is the sum over waves of a cell made on a mesh?"""
        return self.method == "mesh" or (self.method == "auto" and self.waves(matrix) > MESH_FROM)

    def too_many(self, matrix) -> str:
        """What is wrong with so many waves or points as a cell has, or nothing."""
        found, most, what = self.waves(matrix), MOST_WAVES, "waves"
        if self.uses_mesh(matrix):
            h = spacing(self.alpha, self.accuracy, self.order)
            found, most, what = math.prod(np.linalg.norm(matrix, axis=1) / h), MOST_POINTS, "points of a mesh"
        if found < most:
            return ""
        size = " x ".join(f"{edge:.4g}" for edge in np.linalg.norm(matrix, axis=1))
        return f"{found:.2g} {what} in a cell of {size} are too many; take a larger cutoff or less accuracy"

    def plan(self, matrix) -> Plan | MeshPlan:
        """The sum over waves of a cell."""
        law = Smeared(self.alpha, self.constant)
        if self.uses_mesh(matrix):
            size = sizes(matrix, self.alpha, self.accuracy, self.order)
            return MeshPlan(matrix, law, size, self.order)
        return Plan(matrix, law, self.longest)

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
        self._plan, self._checked = None, False

    def compute(self, atoms, neighbors, domain, out) -> None:
        charges = np.zeros(atoms.n_total + 1)
        charges[: atoms.n_owned] = self.charges_of(atoms, slice(0, atoms.n_owned))
        self._check(charges, domain)
        super().compute(atoms, neighbors, domain, out)
        if any(domain.box.periodic):
            self._waves(atoms, charges, domain, out)
        else:
            self._all_pairs(atoms, charges, domain.comm, out)

    def _check(self, charges, domain) -> None:
        """Will sums be exact, and is there one for this cell? (collective)"""
        if sum(domain.box.periodic) == 1:
            refuse(WIRE)
        if self._checked and not self.potential.of_atoms:
            return
        size = np.abs(charges)
        size = size.sum() if size.max() < LARGEST else math.inf
        if not domain.comm.sum(np.array([size]))[0] < MOST_CHARGE:
            refuse(f"charges must be finite and less than {LARGEST:g}, without signs all together {MOST_CHARGE:.2g}")
        self._checked = True

    def _all_pairs(self, atoms, charges, comm, out) -> None:
        """Of a cluster: what pairs within the cutoff do not have."""
        it, n, potentials = self.potential, atoms.n_owned, np.zeros(atoms.n_total + 1)
        rows = comm.join(np.column_stack([atoms.tags[:n], atoms.positions[:n], charges[:n]]))  # tags: exact as floats
        others = np.zeros((4, len(rows) + -len(rows) % 4))
        others[:, : len(rows)] = rows[np.argsort(rows[:, 0]), 1:].T
        _kernels.charge_pairs(atoms, charges, others, it.constant, it.alpha, it.cutoff, *it.shifts, potentials)
        if out.want_energy:
            out.add_shares(0.5 * charges[:n] * potentials[:n])

    def _waves(self, atoms, charges, domain, out) -> None:
        """Of a crystal or a slab: what pairs do not have."""
        it, comm, n = self.potential, domain.comm, atoms.n_owned
        bulk, total = all(domain.box.periodic), 0.0
        if not bulk or out.want_energy:
            total = float(exact.sums(comm, charges[:n, None], exact.ENERGY_BITS)[0])
        slab = None if bulk else Slab(atoms, domain, it, charges[:n], total)
        plan = self._plan_of(slab.matrix if slab else domain.box.matrix)
        before = atoms.forces.copy() if out.want_energy else None
        potentials = np.zeros(atoms.n_total + 1)
        energies = plan.act(atoms, charges, comm, potentials)
        if slab:
            potentials[:n] += slab.act(atoms)
        if not out.want_energy:
            return
        background = -it.constant * it.mean * total / plan.volume
        others = 0.5 * background * total + (slab.energy if slab else 0.0)  # both go as 1 / area
        if comm.rank == 0:
            out.energy += round(math.ldexp(energies.sum() + others, exact.FORCE_BITS))
        if out.atom_energies is not None:
            out.atom_energies[:n] += 0.5 * charges[:n] * (potentials[:n] + background)
        forces, virial = atoms.forces - before, others * np.eye(3) + plan.virial(energies)
        if slab:
            virial = slab.virial(virial, forces, comm)
        out.replace_virial(out.sums_of(atoms, forces), [virial[pair] * (comm.rank == 0) for pair in PAIRS])

    def _plan_of(self, matrix) -> Plan | MeshPlan:
        if self._plan is None or not np.array_equal(self._plan.matrix, matrix):
            it = self.potential
            if text := it.too_many(matrix):
                refuse(text)
            self._plan = it.plan(np.array(matrix))
        return self._plan


class Slab:
    """What a cell that is periodic along two axes adds (collective).

    matrix : [3, 3] the cell with vacuum; energy : 2 pi C / V (M^2 - Q sum q z^2 - Q^2 L^2 / 12)
    """

    def __init__(self, atoms, domain, it: Electrostatics, charges, total: float):
        box, comm = domain.box, domain.comm
        axis = box.periodic.index(False)
        first, second = (box.matrix[k] for k in range(3) if k != axis)
        across = np.cross(first, second)
        area = np.linalg.norm(across)
        self.normal, self.charges, self.total = across / area, charges, total
        x, y, z = atoms.positions[: atoms.n_owned].T
        heights = x * self.normal[0] + y * self.normal[1] + z * self.normal[2]
        ends = [heights.max(initial=-np.inf), -heights.min(initial=np.inf), np.abs(charges).max(initial=0.0)]
        top, bottom, largest = comm.maximum(np.array(ends))
        self.heights = heights - 0.5 * (top - bottom)  # of the middle: nothing depends on it, but sums are small
        if 0.25 * (top + bottom) ** 2 * largest >= 2.0 ** (62 - MOMENT_BITS):
            refuse(f"a slab of height {top + bottom:.4g}: did an atom leave it?")
        # what images do to each other falls as exp(-k z), k the shortest vector of the reciprocal lattice in the plane
        steps = [i * first + j * second for i in range(-2, 3) for j in range(-2, 3) if i or j]
        shortest = 2.0 * math.pi / area * min(map(np.linalg.norm, steps))
        height = GROWTH ** math.ceil(math.log(top + bottom + it.exponent / shortest) / math.log(GROWTH))
        self.matrix = box.matrix.copy()
        self.matrix[axis] = self.normal * height
        self.factor = 2.0 * math.pi * it.constant / (area * height)
        weighted = charges[:, None] * np.column_stack([self.heights, self.heights**2])
        self.moment, second_moment = exact.sums(comm, weighted, MOMENT_BITS)
        self.energy = self.factor * (self.moment**2 - total * second_moment - (total * height) ** 2 / 12.0)
        self._constant = self.factor * (-second_moment - total * height**2 / 6.0)

    def act(self, atoms) -> np.ndarray:
        """Adds forces; returns potentials [n_owned]."""
        field = 2.0 * self.factor * (self.moment - self.total * self.heights)
        forces = (-self.charges * field)[:, None] * self.normal
        atoms.forces[:] += np.rint(np.ldexp(forces, exact.FORCE_BITS)) * 2.0**-exact.FORCE_BITS
        z = self.heights
        return self.factor * (2.0 * self.moment * z - self.total * z**2) + self._constant

    def virial(self, in_plane: np.ndarray, forces, comm) -> np.ndarray:
        """[3, 3], from what it is in the plane, [3, 3], and forces [n_owned, 3]. The vacuum is not strained, so W n is
        the sum of z_i F_i; and W is symmetric, as nothing changes by turning."""
        n, flat = self.normal, np.eye(3) - np.outer(self.normal, self.normal)
        along = exact.sums(comm, self.heights[:, None] * forces, MOMENT_BITS)
        return flat @ in_plane @ flat + np.outer(n, along) + np.outer(along, n) - (n @ along) * np.outer(n, n)


def refuse(text: str):
    """An InputError that all ranks raise."""
    error = InputError(f"Electrostatics: {text}")
    error.collective = True
    raise error
