"""A uniform field on charges."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from dataclasses import dataclass

from mdcore.faces.potential._charges import ChargesOfSpecies, charges
from mdcore.faces.potential._outside import OutsideSettings
from mdcore.faces.schema import List, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(ChargesOfSpecies, OutsideSettings):
    """A uniform electric field on charges."""

    title = "electric field"

    field: tuple[float, float, float] = setting(
        List(Number(), 3, repeats=True), "Along x, y, z.", quantity="field", example=[0.0, 0.0, 0.05]
    )
    charges: dict[str, float] | None = charges()

    def build(self, whole):
        from mdcore.potentials.external.force import ElectricField

        return ElectricField(self.field, self.charges, self.group)
