"""Charges without a lattice sum: the Coulomb interaction, damped and shifted to end at a cutoff.

    u(r) = k q_i q_j [v(r) - v(R) - (r - R) v'(R)],    v(r) = erfc(alpha r) / r,    R: the cutoff

with energy and force zero at the cutoff (damped shifted force: C. J. Fennell, J. D. Gezelter, J. Chem. Phys. 124,
234104 (2006), eq. 19), and half of what that is at r = 0, less k q^2 / r, for each charge: its energy in its own field,
a constant (D. Wolf et al., J. Chem. Phys. 110, 8254 (1999); LAMMPS counts it so, too). alpha = 0: the undamped shifted
force. With truncation = "shifted", u = k q_i q_j [v(r) - v(R)], the force ends with a jump, as in Wolf's sum.
"""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number, signed
from mdcore.base.units import COULOMB
from mdcore.potentials.pair.base import BoundPair, PairPotential, shifts

TRUNCATIONS = ("shifted", "force-shifted")


class Coulomb(PairPotential):
    """Damped shifted Coulomb between all pairs closer than the cutoff.

    cutoff : unit of length; charges : {species: e}; alpha : damping, 1 / unit of length (0.2 / Angstrom is usual)
    truncation : "force-shifted" (default) or "shifted"
    constant : k, unit of energy times length / e^2 (eV Angstrom; 1 in lj units)

    InputError for values out of range, and from `bind` for species without a charge.
    """

    formula = "coulomb"

    def __init__(
        self, cutoff: float, charges: dict, alpha: float = 0.2, *, truncation: str = "force-shifted",
        constant: float = COULOMB,
    ):  # fmt: skip
        self.cutoff = number("Coulomb: cutoff", cutoff, "length")
        self.alpha = number("Coulomb: alpha", alpha, zero=True)
        self.constant = number("Coulomb: constant", constant)
        choice("Coulomb: truncation", truncation, TRUNCATIONS)
        self.truncation, self.linear = truncation, truncation == "force-shifted"
        self.charges = {}
        for name, charge in dict(charges).items():
            self.charges[name] = signed(f"Coulomb: charge of {name}", charge)

    def __repr__(self):
        return f"Coulomb({self.cutoff:g}, charges={self.charges}, alpha={self.alpha:g}, {self.truncation})"

    def sizes(self):
        return dict.fromkeys(self.charges, self.cutoff / 4.0)

    def charge(self, name: str) -> float:
        """The charge of a species, elementary charges; InputError if it has none."""
        if name not in self.charges:
            raise InputError(f"Coulomb: species {name} has no charge; give one, or 0: charges = {{{name!r}: ...}}")
        return self.charges[name]

    def energy(self, r: float) -> tuple[float, float]:
        """(v, v') at a distance."""
        v, a = math.erfc(self.alpha * r) / r, self.alpha
        return v, -v / r - 2.0 * a / math.sqrt(math.pi) * math.exp(-((a * r) ** 2)) / r

    def row(self, a, b):
        qq = self.constant * self.charge(a) * self.charge(b)
        shift, slope = shifts(self.truncation, self.cutoff, *self.energy(self.cutoff))
        spread = 2.0 * self.alpha / math.sqrt(math.pi)
        return [self.cutoff**2, qq, self.alpha, spread, qq * shift, qq * slope, 0.0, 0.0]

    def own_energy(self, name: str) -> float:
        """Of a charge in its own field."""
        shift, _ = shifts(self.truncation, self.cutoff, *self.energy(self.cutoff))
        return self.constant * self.charge(name) ** 2 * (0.5 * shift - self.alpha / math.sqrt(math.pi))

    def bind(self, symbols) -> "BoundCoulomb":
        return BoundCoulomb(self, symbols)


class BoundCoulomb(BoundPair):
    """Damped shifted Coulomb in a system of these species."""

    def __init__(self, potential: Coulomb, symbols):
        super().__init__(potential, symbols)
        self._own = [round(math.ldexp(potential.own_energy(name), exact.FORCE_BITS)) for name in self.symbols]

    def compute(self, atoms, neighbors, domain, out) -> None:
        super().compute(atoms, neighbors, domain, out)
        if not out.want_energy:
            return
        species, n = atoms.species, len(self.symbols)
        out.energy += sum(int(k) * e for k, e in zip(np.bincount(species, minlength=n), self._own, strict=True))
        if out.atom_energies is not None:
            own = np.ldexp(np.array(self._own, dtype=np.float64), -exact.FORCE_BITS)
            out.atom_energies[: atoms.n_owned] += own[species]
