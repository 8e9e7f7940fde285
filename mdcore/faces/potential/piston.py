"""A pressure on a layer of atoms."""

from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.potential._outside import group
from mdcore.faces.schema import Choice, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(PotentialSettings):
    """A pressure on a layer of atoms: pressure times area of the cell is a force, shared by the atoms of a group.

    Hold them along the other two axes (`fixed` of the group), and they are a piston. So is a wall with a `velocity`.
    """

    title = "piston"

    group: str = group(default=None)
    pressure: float = setting(Number(), "On the layer.", quantity="pressure", example=0.1)
    axis: str = setting(Choice(("x", "y", "z", "-x", "-y", "-z")), "Where it pushes to.", example="-z")

    @property
    def groups(self):
        return (self.group,)

    def build(self, whole):
        from mdcore.potentials.external.force import Piston

        return Piston(self.pressure, self.axis, self.group, units=whole.units)
