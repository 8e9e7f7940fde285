"""Atoms on springs to the places where they start."""

from dataclasses import dataclass

from mdcore.faces.potential._outside import OutsideSettings, stiffness
from mdcore.faces.schema import Choice, List, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OutsideSettings):
    """Each atom of a group on a spring to its place at the start, or to that in the structure's column `anchor`."""

    title = "position restraint"
    anchored = True

    stiffness: float = stiffness()
    axes: str = setting(
        Choice(("x", "y", "z", "xy", "xz", "yz", "xyz")), "Along which the spring pulls.", default="xyz", example="z"
    )
    velocity: tuple[float, float, float] = setting(
        List(Number(), 3, repeats=True),
        "How fast the places move, along x, y, z, from the start of the run on. The work is booked.",
        default=(0.0, 0.0, 0.0),
        quantity="velocity",
        example=[0.0, 0.0, 0.001],
    )

    def check_atoms(self, columns, n):
        if "anchor" not in columns:  # of a checkpoint: a start has one
            yield "type", "the checkpoint does not know where the run's atoms started: such restraints begin with a run"

    def build(self, whole):
        from mdcore.potentials.external.restraint import PositionRestraint

        return PositionRestraint(self.stiffness, self.group, axes=self.axes, velocity=self.velocity)
