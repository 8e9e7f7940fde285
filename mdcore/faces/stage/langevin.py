"""Constant temperature by friction and noise."""

from dataclasses import dataclass

from mdcore.faces.base import StageSettings
from mdcore.schema import List, Number, OneOf, setting


@dataclass(frozen=True, kw_only=True)
class Settings(StageSettings):
    """Constant temperature: Langevin dynamics, BAOAB splitting."""

    temperature: float | tuple[float, float] = setting(
        OneOf((Number(minimum=0), List(Number(minimum=0), 2))),
        "Temperature of the bath; two numbers `[first, last]` are a linear ramp over the stage.",
        quantity="temperature",
        example=94.4,
    )
    friction: float = setting(
        Number(above=0),
        "Rate at which velocities forget; its inverse is the relaxation time.",
        quantity="friction",
        example=0.001,
    )

    @property
    def temperatures(self):
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)

    def build(self):
        from mdcore.integrators import Langevin

        return Langevin(self.timestep, self.temperature, self.friction)
