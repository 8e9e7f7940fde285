"""Constant temperature by collisions with a bath."""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.ranges import number
from mdcore.doors import _kernels
from mdcore.dynamics.motion.langevin import bath_temperature
from mdcore.dynamics.motion.ramp import Ramp
from mdcore.dynamics.motion.verlet import Part

CHOICE, VELOCITY = 4, 5  # streams of random numbers of atoms (docs/theory.md)


class Andersen(Part):
    """Collisions that give an atom a new velocity (NVT).

    temperature : of the bath, one number or (first, last), user unit; relaxation : mean time between two collisions of
    an atom, user unit of time
    H. C. Andersen, J. Chem. Phys. 72, 2384 (1980), section IV.
    """

    acts_as = "thermostat"
    conserves_momentum = False

    def __init__(self, temperature, relaxation: float):
        self.temperature = Ramp("Andersen: temperature", temperature, bath_temperature)
        self.relaxation = number("Andersen: relaxation", relaxation, "time")

    def __repr__(self):
        return f"Andersen(temperature={self.temperature}, relaxation={self.relaxation:g})"

    def start(self, run, integrator):
        self.chance = -math.expm1(-integrator.timestep / self.relaxation)

    def act(self, run, integrator):
        atoms, thermal = run.atoms, run.units.boltzmann * self.temperature.at(run)
        hit = _kernels.philox_below(run.seed, run.step, CHOICE, atoms.tags[: atoms.n_owned], self.chance)
        masses, before = atoms.masses[hit, None], atoms.velocities[hit]
        noise = _kernels.normals(run.seed, run.step, VELOCITY, atoms.tags[hit])
        after = noise * np.sqrt(thermal / masses)
        if run.fixed is not None:
            after[run.fixed[hit]] = 0.0
        atoms.velocities[hit] = after
        gained = np.ldexp(0.5 * masses * (after**2 - before**2), exact.ENERGY_BITS)
        run.heat += int(np.rint(gained).astype(np.int64).sum())
        run.forget()
