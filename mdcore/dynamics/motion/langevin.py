"""Constant temperature by friction and noise."""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.ranges import number
from mdcore.doors import _kernels
from mdcore.dynamics.motion.ramp import Ramp
from mdcore.dynamics.motion.verlet import VelocityVerlet


class Langevin(VelocityVerlet):
    """Langevin dynamics: constant temperature, by friction and noise (NVT).

    timestep : user unit of time; temperature : one number, or (first, last) for a linear ramp over the
    stage, user unit of temperature; friction : 1 / user unit of time; barostat : as for VelocityVerlet
    BAOAB splitting: Leimkuhler & Matthews, J. Chem. Phys. 138, 174102 (2013), eq. 11. Noise belongs to
    (seed, step, atom), so it does not depend on ranks or restarts.
    """

    conserves_momentum = False
    has_bath = True

    def __init__(self, timestep: float, temperature, friction: float, barostat=None):
        self.temperature = Ramp("Langevin: temperature", temperature, bath_temperature)
        self.friction = number("friction", friction, "friction")
        self._heat = np.zeros(exact.LIMBS, dtype=np.int64)
        super().__init__(timestep, barostat=barostat)

    def _told(self):
        first, *others = super()._told()
        return [first, f"temperature={self.temperature}", f"friction={self.friction:g}", *others]

    def start(self, run):
        super().start(run)
        self.decay = math.exp(-self.friction * self.timestep)

    def bath(self, run):
        return self.temperature.at(run)

    def first_half(self, run):
        spread = math.sqrt(run.units.boltzmann * self.bath(run) * (1.0 - self.decay**2))
        motion = _kernels.langevin_first(
            run.atoms, self.dt, run.big, run.seed, run.step, self.decay, spread, self._heat
        )
        run.heat += exact.integer(self._heat)
        return motion


def bath_temperature(name: str, value) -> float:
    """A temperature, or 0; InputError."""
    return number(name, value, "temperature", zero=True)
