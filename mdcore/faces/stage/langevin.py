"""Constant temperature by friction and noise."""

from dataclasses import dataclass

from mdcore.faces.base import Straining
from mdcore.faces.schema import Number, setting
from mdcore.faces.stage._bath import BathSettings


@dataclass(frozen=True, kw_only=True)
class Settings(BathSettings, Straining):
    """Constant temperature: Langevin dynamics, BAOAB splitting."""

    friction: float = setting(
        Number(above=0),
        "Rate at which velocities forget; its inverse is the relaxation time.",
        quantity="friction",
        example=0.001,
    )

    def build(self):
        from mdcore.dynamics.motion.langevin import Langevin

        return Langevin(self.timestep, self.temperature, self.friction, self.barostat)
