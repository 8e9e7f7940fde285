"""A temperature that is approached, without fluctuations of its own."""

import math

from mdcore.base.ranges import number
from mdcore.dynamics.motion.langevin import bath_temperature
from mdcore.dynamics.motion.ramp import Ramp
from mdcore.dynamics.motion.verlet import Part


class Berendsen(Part):
    """Weak coupling, to equilibrate only: the mean kinetic energy is right, its fluctuations are those of no ensemble.

    temperature : of the bath, one number or (first, last) for a ramp over the stage, user unit; relaxation : user unit
    of time
    H. J. C. Berendsen et al., J. Chem. Phys. 81, 3684 (1984); for small dt / relaxation it is theirs.
    """

    acts_as = "thermostat"
    rescales = True

    def __init__(self, temperature, relaxation: float):
        self.temperature = Ramp("Berendsen: temperature", temperature, bath_temperature)
        self.relaxation = number("Berendsen: relaxation", relaxation, "time")

    def __repr__(self):
        return f"Berendsen(temperature={self.temperature}, relaxation={self.relaxation:g})"

    def start(self, run, integrator):
        run.needs_velocities("Berendsen")
        self.share = -math.expm1(-integrator.timestep / self.relaxation)

    def act(self, run, integrator):
        kinetic, free = run.twice_kinetic(), run.degrees_of_freedom
        if kinetic == 0.0 or free == 0:
            return
        wanted = free * run.units.boltzmann * self.temperature.at(run)
        run.scale_velocities(math.sqrt(1.0 + self.share * (wanted / kinetic - 1.0)))
