"""Constant temperature."""

from dataclasses import dataclass

from mdcore.faces.base import Straining
from mdcore.faces.schema import Number, setting
from mdcore.faces.stage._bath import ThermostatSettings
from mdcore.faces.stage._groups import GroupBath, OfGroups, baths, group


@dataclass(frozen=True, kw_only=True)
class Bath(GroupBath):
    """Another bath, of another group."""

    relaxation: float = setting(Number(above=0), "As in the stage.", quantity="time", example=100.0)


@dataclass(frozen=True, kw_only=True)
class Settings(OfGroups, ThermostatSettings, Straining):
    """Constant temperature: stochastic velocity rescaling, or another thermostat."""

    group: str | None = group()
    bath: tuple[Bath, ...] = baths(Bath)

    def check(self, given):
        yield from super().check(given)
        if self.group is not None and self.thermostat == "andersen":
            yield "group", 'thermostat = "andersen" is for all atoms; "langevin" does much the same for a group'

    @property
    def of_groups(self):
        return {bath.group: bath for bath in self.baths} if self.group is not None else {}

    def build(self):
        return self.propagator(self.barostat)
