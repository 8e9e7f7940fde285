"""Constant temperature by friction and noise."""

from dataclasses import dataclass

from mdcore.faces.base import Straining
from mdcore.faces.schema import Number, setting
from mdcore.faces.stage._bath import BathSettings
from mdcore.faces.stage._groups import GroupBath, OfGroups, baths, group


@dataclass(frozen=True, kw_only=True)
class Bath(GroupBath):
    """Another bath, of another group."""

    friction: float = setting(Number(above=0), "As in the stage.", quantity="friction", example=0.01)


@dataclass(frozen=True, kw_only=True)
class Settings(OfGroups, BathSettings, Straining):
    """Constant temperature: Langevin dynamics, BAOAB splitting."""

    friction: float = setting(
        Number(above=0),
        "Rate at which velocities forget; its inverse is the relaxation time.",
        quantity="friction",
        example=0.001,
    )
    group: str | None = group()
    bath: tuple[Bath, ...] = baths(Bath)

    def build(self):
        from mdcore.dynamics.motion.langevin import Bath, Langevin

        others = [Bath(bath.group, bath.temperature, bath.friction) for bath in self.bath]
        return Langevin(
            self.timestep, self.temperature, self.friction, self.barostat, group=self.group, others=others
        )
