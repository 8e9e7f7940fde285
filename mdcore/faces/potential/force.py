"""The same force on each atom of a group."""

from dataclasses import dataclass

from mdcore.faces.potential._outside import OutsideSettings
from mdcore.faces.schema import Boolean, List, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OutsideSettings):
    """A force on each atom of a group ([groups](groups.md#forces-walls-and-fields))."""

    title = "external force"

    force: tuple[float, float, float] = setting(
        List(Number(), 3, repeats=True), "Along x, y, z.", quantity="force", example=[0.0, 0.0, 0.01]
    )
    total: bool = setting(
        Boolean(), "The force is that on the whole group, shared by its atoms.", default=False, example=True
    )

    def build(self, whole):
        from mdcore.potentials.external.force import ExternalForce

        return ExternalForce(self.force, self.group, total=self.total)
