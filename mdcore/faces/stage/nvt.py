"""Constant temperature, with the dynamics of Newton's equations."""

from dataclasses import dataclass

from mdcore.faces.base import Straining
from mdcore.faces.stage._bath import RescalingSettings


@dataclass(frozen=True, kw_only=True)
class Settings(RescalingSettings, Straining):
    """Constant temperature: stochastic velocity rescaling."""

    def build(self):
        from mdcore.dynamics.motion.verlet import VelocityVerlet

        return VelocityVerlet(self.timestep, self.thermostat, self.barostat)
