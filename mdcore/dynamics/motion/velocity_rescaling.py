"""Constant temperature by one factor for all velocities."""

import math

from mdcore.base.ranges import number
from mdcore.dynamics.motion.langevin import bath_temperature
from mdcore.dynamics.motion.ramp import Ramp
from mdcore.dynamics.motion.verlet import Part

STREAM = 2  # of random numbers (docs/theory.md)


class VelocityRescaling(Part):
    """Stochastic velocity rescaling: the kinetic energy is that of a bath, the directions of velocities are left alone.

    temperature : of the bath, one number or (first, last) for a ramp over the stage, user unit; relaxation : in which
    the kinetic energy forgets, user unit of time
    G. Bussi, D. Donadio, M. Parrinello, J. Chem. Phys. 126, 014101 (2007), eq. A7.
    """

    acts_as = "thermostat"
    rescales = True

    def __init__(self, temperature, relaxation: float):
        self.temperature = Ramp("VelocityRescaling: temperature", temperature, bath_temperature)
        self.relaxation = number("VelocityRescaling: relaxation", relaxation, "time")

    def __repr__(self):
        return f"VelocityRescaling(temperature={self.temperature}, relaxation={self.relaxation:g})"

    def start(self, run, integrator):
        self.keep = math.exp(-integrator.timestep / self.relaxation)
        run.needs_velocities("VelocityRescaling")

    def act(self, run, integrator):
        kinetic, free = 0.5 * run.twice_kinetic(), run.degrees_of_freedom
        if kinetic == 0.0 or free == 0:
            return
        random, keep = run.random(STREAM), self.keep
        share = 0.5 * run.units.boltzmann * self.temperature.at(run) * (1.0 - keep) / kinetic  # of one motion
        first, others = random.standard_normal(), 2.0 * random.standard_gamma(0.5 * (free - 1))
        square = keep + share * (first**2 + others) + 2.0 * first * math.sqrt(keep * share)
        run.scale_velocities(math.sqrt(max(square, 0.0)))
