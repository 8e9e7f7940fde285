"""Constant energy."""

from dataclasses import dataclass

from mdcore.faces.base import Conserving, Straining


@dataclass(frozen=True, kw_only=True)
class Settings(Conserving, Straining):
    """Constant energy: velocity Verlet."""

    def build(self):
        from mdcore.dynamics.motion.verlet import VelocityVerlet

        return VelocityVerlet(self.timestep, barostat=self.barostat)
