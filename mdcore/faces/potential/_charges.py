"""What potentials of charges share."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.potential._pairs import OfPairs
from mdcore.faces.schema import Number, Table, setting


def charges(more: str = ""):
    """Charges of species; more : what `exclude_bonded` does."""
    return setting(
        Table(Number()),
        f"Of each species, 0 for none. {more}".rstrip(),
        default=None,
        default_text="those of the structure",
        quantity="charge",
        example={"Na": 1.0, "Cl": -1.0},
    )


class ChargesOfSpecies:
    """Settings with `charges` of species, or none: those of the structure."""

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


@dataclass(frozen=True, kw_only=True)
class OfCharges(ChargesOfSpecies, OfPairs):
    """Charges of species or of atoms; a type of its own says `charges` and `build`."""

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

    def doubts(self, counts) -> Iterator[str]:
        if self.charges is None:
            return
        parts = [self.charges[name] * count for name, count in counts.items()]
        if abs(total := math.fsum(parts)) > 1e-6 * math.fsum(map(abs, parts)):
            yield f"the charges add up to {total:+.6g}: is that meant?"

    def unit(self, whole) -> float:
        """The energy times length of two unit charges."""
        from mdcore.base.units import COULOMB

        return self.constant or {"metal": COULOMB, "lj": 1.0}[whole.units]
