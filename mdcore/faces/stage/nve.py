"""Constant energy."""

from dataclasses import dataclass

from mdcore.faces.base import StageSettings
from mdcore.schema import Boolean, Choice, OneOf, setting


@dataclass(frozen=True, kw_only=True)
class Settings(StageSettings):
    """Constant energy: velocity Verlet."""

    zero_momentum: str | bool = setting(
        OneOf((Boolean(), Choice(("auto",)))),
        "Remove the total momentum (of a cluster also the rotation) at the start of the stage; "
        '`"auto"`: only after a Langevin stage, which leaves one behind.',
        default="auto",
        example=False,
    )

    def build(self):
        from mdcore.integrators import VelocityVerlet

        return VelocityVerlet(self.timestep)
