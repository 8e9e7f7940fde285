"""What do charges feel where an Ewald sum is cut off as n2p2 does it, so that its numbers come out?

Its sums end at a cutoff for pairs and one for waves, sharply, and what is missing there is part of the potentials that
it trains: 3e-4 hartree in 384 atoms of water. Elsewhere sums are converged (field.py). Energies of such sums jump where
a pair passes a cutoff, so they are for comparison: all images within it are looked through, and there is no virial.

The cutoffs are those of J. Kolafa, J. W. Perram, Mol. Simul. 9, 351 (1992), for an error of forces, or those of R. A.
Jackson, C. R. A. Catlow, Mol. Simul. 1, 207 (1988), for a relative error of terms.
"""

import math
from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError
from mdcore.doors._kernels import Gaussians, NearRows
from mdcore.potentials.charges.field import Field
from mdcore.potentials.charges.slab import refuse
from mdcore.potentials.charges.waves import Plan, Smeared

METHODS = ("jackson-catlow", "kolafa-perram")
SPEEDS = 3.676  # time of a pair over that of a wave, which n2p2 weighs
MOST = 1e8  # distances that are looked at


@dataclass(frozen=True)
class Truncation:
    """How sums end. method : of METHODS; precision : of forces, native energy / length, or of terms, relative; charge :
    the largest that is expected, e; cutoff : of pairs, native length, 0: as fits (Kolafa and Perram)"""

    method: str
    precision: float
    charge: float = 1.0
    cutoff: float = 0.0

    def __post_init__(self):
        for name in ("precision", "charge", "cutoff"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.method not in METHODS:
            raise InputError(f"truncation of charges: method {self.method!r}: expected one of {', '.join(METHODS)}")
        if not (0.0 < self.precision < 1.0 and 0.0 < self.charge < 1e3 and 0.0 <= self.cutoff < 1e6):
            raise InputError(
                f"truncation of charges: precision {self.precision:g}, charge {self.charge:g}, cutoff {self.cutoff:g}: "
                "expected a precision below 1 and a positive charge"
            )

    def cutoffs(self, volume: float, n_atoms: int, widest: float, constant: float) -> tuple[float, float, float]:
        """(width of the splitting, cutoff of pairs, of waves), native; widest : of the Gaussians; constant : C"""
        if self.method == "jackson-catlow":
            width, reach = volume ** (1.0 / 3.0) / math.sqrt(2.0 * math.pi), math.sqrt(-2.0 * math.log(self.precision))
            return width, reach * width, reach / width
        dense = self.charge**2 * math.sqrt(n_atoms / volume) * constant
        if self.cutoff:
            strength = 2.0 * dense
            x = math.sqrt(self.cutoff / 2.0) * self.precision / strength
            if x >= 1.0:
                raise InputError("truncation of charges: the precision is too coarse for the cutoff")
            width = self.cutoff / math.sqrt(-2.0 * math.log(x))
            y = width * self.precision / (math.sqrt(2.0) * strength)
            return width, self.cutoff, _root(lambda k: -0.5 * math.log(k) - (k * width) ** 2 / 2.0 - math.log(y))
        first = (volume**2 / (SPEEDS * (2.0 * math.pi) ** 3)) ** (1.0 / 6.0)
        width = first
        for _ in range(200):
            y = self.precision / (2.0**0.75 * dense) * math.sqrt(width / 2.0)
            s = _root(lambda s, y=y: -s * s - 0.5 * math.log(s) - math.log(y))
            width = first * (1.0 + 1.0 / (2.0 * s * s)) ** (1.0 / 6.0)
        width = max(width, widest)
        return width, math.sqrt(2.0) * width * s, math.sqrt(2.0) * s / width


def _root(falling) -> float:
    """Where a function that falls from inf at 0 is zero, to rounding."""
    low, high = 1e-12, 1.0
    while falling(high) > 0.0:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if falling(middle) > 0.0 else (low, middle)
    return 0.5 * (low + high)


class Truncated(Field):
    """Of a cell that is periodic along three axes; length : native one, Angstrom; constant : C, native."""

    def __init__(self, interaction, truncation: Truncation, length: float, constant: float, atoms, domain):
        super().__init__(interaction, atoms, domain)
        box, n = domain.box, self.n
        if not all(box.periodic):
            refuse("sums that are cut off as n2p2 does it are for cells that are periodic along three axes")
        widest = float(interaction.widths.max()) / length
        width, cutoff, longest = truncation.cutoffs(
            box.volume / length**3, self.n_atoms, widest, constant
        )
        width, cutoff, longest = width * length, cutoff * length, longest / length
        alpha = 1.0 / (math.sqrt(2.0) * width)
        screening = interaction.screening
        reach = max(cutoff, screening[1] if screening else 0.0)
        order = np.argsort(self.comm.join(atoms.tags[:n]))
        whole = self.comm.join(atoms.x[:n])[order]
        fractions = (whole[:, :3] - box.origin) @ box.inverse
        low, high = fractions.min(axis=0) - reach / box.widths, fractions.max(axis=0) + reach / box.widths
        most = np.ceil(high - low).astype(int)
        if len(whole) * np.prod(2.0 * most + 1.0) > MOST or len(whole) ** 2 * np.prod(high - low) > MOST:
            refuse("too many atoms for sums that are cut off as n2p2 does it; take charge_sums away")
        span = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), axis=-1).reshape(-1, 3)
        images = np.repeat(whole[None], len(span), axis=0)
        images[:, :, :3] += (span @ box.matrix)[:, None]
        at = (fractions[None] + span[:, None]).reshape(-1, 3)
        near = ((at > low) & (at < high)).all(axis=1)  # to an atom of the cell, perhaps
        self.images = np.ascontiguousarray(images.reshape(-1, 4)[near])
        self._atom = np.tile(np.arange(len(whole)), len(span))[near]
        rows = [
            np.flatnonzero(((self.images[:, :3] - x) ** 2).sum(axis=1) < (1.0 + 1e-9) * reach**2).astype(np.int32)
            for x in atoms.positions
        ]
        first = np.cumsum([0, *map(len, rows)])
        index = np.concatenate([*rows, np.zeros(0, np.int32)])
        self.gaussians = Gaussians(interaction.gamma, interaction.constant, alpha, cutoff, 0.0, 0.0, screening)
        self.rows = NearRows(atoms.x, self.images, first, index, reach)
        self.values, self._screens = self.rows.matrix(self.gaussians)
        self.plan = Plan(np.array(box.matrix), Smeared(alpha, interaction.constant), longest)
        self._order, self._self = order, -interaction.constant * 2.0 * alpha / math.sqrt(math.pi)

    def whole(self, v):
        return self.comm.join(v)[self._order][self._atom]

    def _charges(self, v):
        return np.append(v, 0.0)

    def _product(self, v):
        potentials = np.zeros(self.n + 1)
        self.plan.act(self.atoms, self._charges(v), self.domain, potentials, forces=False, energy=False)
        return self.rows.product(self.values, self.whole(v)) + potentials[: self.n] + self._self * v

    def act(self, q, l, total, out):
        atoms, nothing = self.atoms, np.zeros(self.n + 1)
        others = np.zeros(self.n) if l is None else l
        self.rows.forces(self.gaussians, q, others, self.whole(q), self.whole(others), False, atoms.f)
        self.plan.act(atoms, self._charges(q + others), self.domain, nothing, energy=False)
        middle = atoms.forces.copy()
        self.plan.act(atoms, self._charges(others), self.domain, nothing, energy=False)
        atoms.forces[:] = 2.0 * middle - atoms.forces
        out.virial_known = False
        return self.product(q)
