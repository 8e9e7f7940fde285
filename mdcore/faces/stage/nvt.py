"""Constant temperature."""

from dataclasses import dataclass

from mdcore.faces.base import Straining
from mdcore.faces.stage._bath import ThermostatSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ThermostatSettings, Straining):
    """Constant temperature: stochastic velocity rescaling, or another thermostat."""

    def build(self):
        return self.propagator(self.barostat)
