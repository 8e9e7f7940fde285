"""What have all stages with a bath in common?"""

from dataclasses import dataclass

from mdcore.faces.base import Conserving, StageSettings
from mdcore.faces.schema import List, Number, OneOf, setting


@dataclass(frozen=True, kw_only=True)
class BathSettings(StageSettings):
    """A temperature that may move."""

    temperature: float | tuple[float, float] = setting(
        OneOf((Number(minimum=0), List(Number(minimum=0), 2))),
        "Temperature of the bath; two numbers `[first, last]` are a linear ramp over the stage.",
        quantity="temperature",
        example=94.4,
    )

    @property
    def temperatures(self):
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)


@dataclass(frozen=True, kw_only=True)
class RescalingSettings(BathSettings, Conserving):
    """A bath that rescales velocities."""

    relaxation: float = setting(
        Number(above=0),
        "Time in which the kinetic energy forgets; 100 to 1000 timesteps leave the dynamics alone.",
        quantity="time",
        example=100.0,
    )

    @property
    def thermostat(self):
        from mdcore.dynamics.motion.velocity_rescaling import VelocityRescaling

        return VelocityRescaling(self.temperature, self.relaxation)
