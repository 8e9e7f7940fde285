"""A uniform field on charges."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.potential._outside import OutsideSettings
from mdcore.faces.schema import List, Number, Table, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OutsideSettings):
    """A uniform electric field on charges."""

    title = "electric field"

    field: tuple[float, float, float] = setting(
        List(Number(), 3, repeats=True), "Along x, y, z.", quantity="field", example=[0.0, 0.0, 0.05]
    )
    charges: dict[str, float] | None = setting(
        Table(Number()),
        "Of each species, 0 for none.",
        default=None,
        default_text="those of the structure",
        quantity="charge",
        example={"Na": 1.0, "Cl": -1.0},
    )

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        for name in self.charges or ():
            if name not in symbols:
                yield f"charges.{name}", f"no such species in the structure, which has {', '.join(symbols)}"
        for name in symbols:
            if self.charges is not None and name not in self.charges:
                yield "charges", f"species {name} has no charge; give one, or 0: charges = {{ {name} = ... }}"

    def check_atoms(self, columns, n):
        if self.charges is None and "charge" not in columns:
            yield "charges", "the structure has no charges: give them for each species, e.g. charges = { Na = 1.0 }"

    def build(self, whole):
        from mdcore.potentials.external.force import ElectricField

        return ElectricField(self.field, self.charges, self.group)
