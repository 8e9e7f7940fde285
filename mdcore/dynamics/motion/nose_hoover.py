"""Constant temperature by a friction that has dynamics of its own."""

from mdcore.base.ranges import count, number
from mdcore.dynamics.motion.chain import MOST_LINKS, Chain
from mdcore.dynamics.motion.ramp import Ramp
from mdcore.dynamics.motion.verlet import Part


class NoseHoover(Part):
    """Nose-Hoover chain: the canonical ensemble by deterministic, time-reversible dynamics.

    temperature : of the bath, one number or (first, last) for a ramp over the stage, user unit; relaxation : period of
    the exchange of heat over 2 pi, user unit of time; chain : thermostats, 1 is the original of Nose and Hoover, which
    does not explore stiff or small systems wholly
    S. Nose, J. Chem. Phys. 81, 511 (1984); W. G. Hoover, Phys. Rev. A 31, 1695 (1985); chain.py
    """

    acts_as = "thermostat"
    splits = rescales = True

    def __init__(self, temperature, relaxation: float, chain: int = 3):
        self.temperature = Ramp("NoseHoover: temperature", temperature, bath_temperature_above_zero)
        self.relaxation = number("NoseHoover: relaxation", relaxation, "time")
        self.chain = Chain(count("NoseHoover: chain", chain, 1, MOST_LINKS))

    def __repr__(self):
        links = len(self.chain.velocities)
        return f"NoseHoover(temperature={self.temperature}, relaxation={self.relaxation:g}, chain={links})"

    def start(self, run, integrator):
        run.needs_velocities("NoseHoover")

    def act(self, run, integrator, share: float = 1.0):
        kinetic, free = 0.5 * run.twice_kinetic(), run.degrees_of_freedom
        if free == 0:
            return
        thermal, relaxation = run.units.boltzmann * self.temperature.at(run), self.relaxation * run.units.time
        factor, stored = run.act_chain(self.chain, kinetic, free, thermal, relaxation, share * integrator.dt)
        run.scale_velocities(factor, gain=-stored)

    def state(self):
        return {"chain": self.chain.state()}

    def restore(self, state):
        self.chain.restore(state["chain"])


def bath_temperature_above_zero(name: str, value) -> float:
    """A temperature that is not 0; InputError."""
    return number(name, value, "temperature")
