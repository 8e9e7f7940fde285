"""Charges, damped and shifted: one for each species."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
import math
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.potential._pairs import OfPairs, truncation
from mdcore.faces.schema import Number, Table, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OfPairs):
    """Charges without a lattice sum: damped shifted force (Fennell, Gezelter), or Wolf's sum.

    Each pair has constant q_i q_j [v(r) - v(R) - (r - R) v'(R)], v(r) = erfc(alpha r) / r, R the cutoff (`"shifted"`:
    without the last term), and each charge an energy in its own field.
    """

    title = "Coulomb"

    cutoff: float = setting(
        Number(above=0), "Pairs farther apart do not interact.", quantity="length", example=12.0
    )
    charges: dict[str, float] | None = setting(
        Table(Number()),
        "Of each species, 0 for none. Of pairs that `exclude_bonded` joins 1 / r is taken away; what damping and "
        "truncation make of it stays.",
        default=None,
        default_text="those of the structure",
        quantity="charge",
        example={"Na": 1.0, "Cl": -1.0},
    )
    alpha: float = setting(
        Number(minimum=0), "Damping; 0 for none.", default=0.2, quantity="inverse length", example=0.25
    )
    truncation: str = truncation("force-shifted", ("shifted", "force-shifted"))
    constant: float | None = setting(
        Number(above=0),
        "Energy times length of two unit charges, e^2 / (4 pi epsilon_0).",
        default=None,
        default_text="14.3996 eV Angstrom (lj: 1)",
        example=14.399645,
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.charges is not None and not self.charges:
            yield "charges", "no charges; give one for each species, e.g. charges = { Na = 1.0, Cl = -1.0 }"

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        if self.charges is None:
            return
        for name in self.charges:
            if name not in symbols:
                yield f"charges.{name}", f"no such species in the structure, which has {', '.join(symbols)}"
        for name in symbols:
            if name not in self.charges:
                yield "charges", f"species {name} has no charge; give one, or 0: charges = {{ {name} = ... }}"

    def check_atoms(self, columns, n):
        if self.charges is None and "charge" not in columns:
            yield "charges", "the structure has no charges: give them for each species, e.g. charges = { Na = 1.0 }"

    def doubts(self, counts) -> Iterator[str]:
        if self.charges is None:
            return
        parts = [self.charges[name] * count for name, count in counts.items()]
        if abs(total := math.fsum(parts)) > 1e-6 * math.fsum(map(abs, parts)):
            yield f"the charges add up to {total:+.6g}: is that meant?"

    def build(self, whole):
        from mdcore.base.units import COULOMB
        from mdcore.potentials.pair.coulomb import Coulomb

        constant = self.constant or {"metal": COULOMB, "lj": 1.0}[whole.units]
        return Coulomb(self.cutoff, self.charges, self.alpha, truncation=self.truncation, constant=constant)
