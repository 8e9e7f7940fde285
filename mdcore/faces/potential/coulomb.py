"""Charges, damped and shifted: one for each species."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from dataclasses import dataclass

from mdcore.faces.potential._charges import OfCharges, charges
from mdcore.faces.potential._pairs import truncation
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OfCharges):
    """Charges without a lattice sum: damped shifted force (Fennell, Gezelter), or Wolf's sum.

    Each pair has constant q_i q_j [v(r) - v(R) - (r - R) v'(R)], v(r) = erfc(alpha r) / r, R the cutoff (`"shifted"`:
    without the last term), and each charge an energy in its own field.
    """

    title = "Coulomb"

    cutoff: float = setting(
        Number(above=0), "Pairs farther apart do not interact.", quantity="length", example=12.0
    )
    charges: dict[str, float] | None = charges(
        "Of pairs that `exclude_bonded` joins 1 / r is taken away; what damping and truncation make of it stays."
    )
    alpha: float = setting(
        Number(minimum=0), "Damping; 0 for none.", default=0.2, quantity="inverse length", example=0.25
    )
    truncation: str = truncation("force-shifted", ("shifted", "force-shifted"))

    def build(self, whole):
        from mdcore.potentials.pair.coulomb import Coulomb

        return Coulomb(self.cutoff, self.charges, self.alpha, truncation=self.truncation, constant=self.unit(whole))
