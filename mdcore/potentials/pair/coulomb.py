"""Charges without a lattice sum: the Coulomb interaction, damped and shifted to end at a cutoff.

    u(r) = k q_i q_j [v(r) - v(R) - (r - R) v'(R)],    v(r) = erfc(alpha r) / r,    R: the cutoff

with energy and force zero at the cutoff (damped shifted force: C. J. Fennell, J. D. Gezelter, J. Chem. Phys. 124,
234104 (2006), eq. 19), and half of what that is at r = 0, less k q^2 / r, for each charge: its energy in its own field,
a constant (D. Wolf et al., J. Chem. Phys. 110, 8254 (1999); LAMMPS counts it so, too). alpha = 0: the undamped shifted
force. With truncation = "shifted", u = k q_i q_j [v(r) - v(R)], the force ends with a jump, as in Wolf's sum.
"""

import math
from typing import ClassVar

import numpy as np

from mdcore.base.arguments import table
from mdcore.base.errors import InputError
from mdcore.base.exact import FORCE_BITS
from mdcore.base.ranges import choice, number, signed
from mdcore.base.units import COULOMB
from mdcore.potentials.base import Finding
from mdcore.potentials.counted import ELECTROSTATICS, PURPOSE
from mdcore.potentials.joined import BoundJoined
from mdcore.potentials.pair.base import BoundPair, PairPotential, shifts
from mdcore.structure.atoms import Column
from mdcore.structure.bonds import pairs_within
from mdcore.structure.columns import CHARGE, CHARGES

TRUNCATIONS = ("shifted", "force-shifted")
GIVEN = Finding(CHARGES, "charge", per_atom=True, constant=True)


class Coulomb(PairPotential):
    """Damped shifted Coulomb between all pairs closer than the cutoff.

    cutoff : unit of length; charges : {species: e}, or None: those of the structure (column "charge")
    alpha : damping, 1 / unit of length (0.2 / Angstrom is usual)
    truncation : "force-shifted" (default) or "shifted"
    constant : k, unit of energy times length / e^2 (eV Angstrom; 1 in lj units)

    exclude_bonded : of pairs that so many bonds join, 1 / r is taken away, as in LAMMPS; what damping and truncation
        make of it stays, which neutralises charges

    InputError for values out of range, and from `bind` for species without a charge.
    """

    has: ClassVar = {ELECTROSTATICS: PURPOSE}
    findings = (GIVEN,)

    def __init__(
        self, cutoff: float, charges: dict | None = None, alpha: float = 0.2, *, truncation: str = "force-shifted",
        constant: float = COULOMB,
    ):  # fmt: skip
        self.cutoff = number("Coulomb: cutoff", cutoff, "length")
        self.alpha = number("Coulomb: alpha", alpha, zero=True)
        self.constant = number("Coulomb: constant", constant)
        choice("Coulomb: truncation", truncation, TRUNCATIONS)
        self.truncation, self.linear = truncation, truncation == "force-shifted"
        self.of_atoms = charges is None
        self.formula, self.charges = "charges" if self.of_atoms else "coulomb", {}
        for name, charge in table("Coulomb: charges", charges).items():
            self.charges[name] = signed(f"Coulomb: charge of {name}", charge)

    def __repr__(self):
        charges = "of the structure" if self.of_atoms else self.charges
        return f"Coulomb({self.cutoff:g}, charges={charges}, alpha={self.alpha:g}, {self.truncation})"

    @property
    def weighable(self) -> bool:
        """What bonded pairs do not feel is not of half a pair."""
        return not self.exclude_bonded

    def sizes(self):
        return dict.fromkeys(self.charges, self.cutoff / 4.0)

    @property
    def list_kinds(self):
        return ("half", "rows") if self.exclude_bonded else ("half",)

    @property
    def lists(self):
        return tuple((kind, self.cutoff) for kind in self.list_kinds)

    def charge(self, name: str) -> float:
        """The charge of a species, elementary charges (1 where atoms have their own); InputError if it has none."""
        if self.of_atoms:
            return 1.0
        if name not in self.charges:
            raise InputError(f"Coulomb: species {name} has no charge; give one, or 0: charges = {{{name!r}: ...}}")
        return self.charges[name]

    def energy(self, r: float) -> tuple[float, float]:
        """(v, v') at a distance."""
        v, a = math.erfc(self.alpha * r) / r, self.alpha
        return v, -v / r - 2.0 * a / math.sqrt(math.pi) * math.exp(-((a * r) ** 2)) / r

    @property
    def shifts(self) -> tuple[float, float]:
        """(SHIFT, SLOPE): pairs of unit charges have SHIFT + SLOPE r more."""
        return shifts(self.truncation, self.cutoff, *self.energy(self.cutoff))

    def row(self, a, b):
        qq = self.constant * self.charge(a) * self.charge(b)
        shift, slope = self.shifts
        spread = 2.0 * self.alpha / math.sqrt(math.pi)
        return [self.cutoff**2, qq, self.alpha, spread, qq * shift, qq * slope, 0.0, 0.0]

    def own_energy(self, name: str) -> float:
        """Of a charge in its own field."""
        return self.constant * self.charge(name) ** 2 * (0.5 * self.shifts[0] - self.alpha / math.sqrt(math.pi))

    def bind(self, symbols) -> "BoundCoulomb":
        return BoundCoulomb(self, symbols)


class BoundCoulomb(BoundPair):
    """Damped shifted Coulomb in a system of these species."""

    def __init__(self, potential: Coulomb, symbols):
        super().__init__(potential, symbols)
        self._own = [potential.own_energy(name) for name in self.symbols]
        self._charges = np.array([potential.charge(name) for name in self.symbols])
        self._joined = BoundExcluded(potential, symbols, self.charges_of)
        self.columns = {CHARGE: Column("f8", (), "structure", ghosts=True)} if potential.of_atoms else {}

    def charges_of(self, atoms, rows) -> np.ndarray:
        """Of the atoms in these rows."""
        return atoms.charge[rows] if self.potential.of_atoms else self._charges[atoms.x[rows, 3].astype(int)]

    def compute(self, atoms, neighbors, domain, out) -> None:
        super().compute(atoms, neighbors, domain, out)
        self.compute_others(atoms, neighbors, domain, out)

    def compute_others(self, atoms, neighbors, domain, out) -> None:
        """What joined pairs have less, and each charge in its own field."""
        if self.potential.exclude_bonded:
            self._joined.compute(atoms, neighbors, domain, out)
        if not out.want_energy:
            return
        own, n = np.array(self._own)[atoms.species], atoms.n_owned
        if self.potential.of_atoms:
            own *= atoms.charge[:n] ** 2
        out.add_shares(own)

    def find(self, work, wanted=None):
        if GIVEN not in (self.potential.outputs if wanted is None else wanted):
            return {}
        return {GIVEN: self.charges_of(work.atoms, slice(0, work.atoms.n_owned)).copy()}

    def scale(self, atoms):
        return atoms.charge if self.potential.of_atoms else None


class BoundExcluded(BoundJoined):
    """What joined pairs do not feel: - k q_i q_j / r."""

    def __init__(self, potential: Coulomb, symbols, charges_of):
        super().__init__(potential, symbols)
        self._charges_of, self._of = charges_of, None

    def joined(self, atoms):
        most = self.potential.exclude_bonded
        if self._of is None or self._of[0] is not atoms.bonds or self._of[1] != most:
            self._of = atoms.bonds, most, pairs_within(atoms.bonds, most)
        return self._of[2]

    def parameters(self, atoms, i, j, pairs):
        return self.potential.constant * self._charges_of(atoms, i) * self._charges_of(atoms, j)

    def potentials(self, atoms, neighbors, charges, potential) -> None:
        """Adds to potential [n_total + 1], on the grid of forces, what these charges [n_total + 1] have less."""
        near = self._of_rank(atoms, neighbors.rows)
        d = atoms.x[near.j, :3] - atoms.x[near.i, :3]
        less = -self.potential.constant / np.sqrt(np.einsum("ij,ij->i", d, d))
        for to, of in ((near.i, near.j), (near.j, near.i)):
            share = np.rint(np.ldexp(less * charges[of], FORCE_BITS)) * 2.0**-FORCE_BITS
            potential[: atoms.n_total] += np.bincount(to, share, atoms.n_total)

    def law(self, own, r):
        return -own / r, own / (r * r)
