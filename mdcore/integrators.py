"""How does a step move the atoms?

An integrator has two verbs: ``before_forces`` (kick and drift with the forces of the
last step) and ``after_forces`` (the closing kick). Time steps are given in user units.
"""

import math

import numpy as np

from mdcore import _kernels, exact
from mdcore.errors import InputError
from mdcore.ranges import number


class VelocityVerlet:
    """Newton's equations, constant energy (NVE).

    timestep : user unit of time (fs; reduced in lj)
    Swope, Andersen, Berens, Wilson, J. Chem. Phys. 76, 637 (1982), eqs 19 and 21.
    """

    name = "nve"
    stochastic = False

    def __init__(self, timestep: float):
        self.timestep = number("timestep", timestep, "time")

    def __repr__(self):
        return f"{type(self).__name__}(timestep={self.timestep:g})"

    def start(self, units, seed: int, position_bits: int, first_step: int, steps: int) -> None:
        """Get ready for a stage of `steps` steps after step `first_step`."""
        self.dt = self.timestep * units.time
        self.big = 1.5 * 2.0 ** (52 - position_bits)

    def before_forces(self, atoms, step: int) -> tuple[float, float]:
        """Half kick, drift. Returns squared (largest step, largest distance since the last list)."""
        return _kernels.verlet_first(atoms, self.dt, self.big)

    def after_forces(self, atoms) -> int:
        """Half kick. Returns the row of an atom with an impossible force, or -1."""
        return _kernels.second_kick(atoms, self.dt)

    def take_heat(self) -> int:
        """Energy put in from outside since last asked: int on the energy grid (exact.py)."""
        return 0


class Langevin(VelocityVerlet):
    """Langevin dynamics: constant temperature, by friction and noise (NVT).

    timestep : user unit of time; temperature : one number, or (first, last) for a linear ramp over the
    stage, user unit of temperature; friction : 1 / user unit of time
    BAOAB splitting: Leimkuhler & Matthews, J. Chem. Phys. 138, 174102 (2013), eq. 11. Noise belongs to
    (seed, step, atom), so it does not depend on ranks or restarts.
    """

    name = "langevin"
    stochastic = True

    def __init__(self, timestep: float, temperature, friction: float):
        super().__init__(timestep)
        ramp = temperature if isinstance(temperature, tuple | list | np.ndarray) else (temperature, temperature)
        if len(ramp) != 2:
            raise InputError(f"Langevin: temperature = {temperature!r}: expected T or (first, last)")
        self.first, self.last = (number("Langevin: temperature", t, "temperature", zero=True) for t in ramp)
        self.friction = number("friction", friction, "friction")
        self.heat = 0  # put in since last asked, this rank's share
        self._heat = np.zeros(exact.LIMBS, dtype=np.int64)

    def __repr__(self):
        target = f"{self.first:g}" if self.first == self.last else f"({self.first:g}, {self.last:g})"
        return f"Langevin(timestep={self.timestep:g}, temperature={target}, friction={self.friction:g})"

    def start(self, units, seed, position_bits, first_step, steps):
        super().start(units, seed, position_bits, first_step, steps)
        self.seed, self.first_step, self.steps = seed, first_step, max(steps, 1)
        self.boltzmann = units.boltzmann
        self.decay = math.exp(-self.friction * self.timestep)
        self.heat = 0

    def temperature(self, step: int) -> float:
        """Target temperature of a step."""
        done = min(max((step - self.first_step) / self.steps, 0.0), 1.0)
        return self.first + (self.last - self.first) * done

    def before_forces(self, atoms, step):
        spread = math.sqrt(self.boltzmann * self.temperature(step) * (1.0 - self.decay**2))
        motion = _kernels.langevin_first(
            atoms, self.dt, self.big, self.seed, step, self.decay, spread, self._heat
        )
        self.heat += exact.integer(self._heat)
        return motion

    def take_heat(self):
        heat, self.heat = self.heat, 0
        return heat
