"""Constant pressure by a cell whose volume fluctuates as it should."""

import math
import numbers

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import number, signed
from mdcore.dynamics.motion.ramp import Ramp
from mdcore.dynamics.motion.verlet import Part

STREAM = 3  # of random numbers (docs/theory.md)
EVERY = 10  # steps
MOST_GROWTH = 100.0  # of the volume in a stage


class CellRescaling(Part):
    """Stochastic cell rescaling, isotropic: the volume of the isothermal-isobaric ensemble.

    pressure : one number or (first, last) for a ramp over the stage, user unit; relaxation : of the volume, user unit
    of time; compressibility : about that of the material, 1 / user unit of pressure: with relaxation it says how fast
    the volume moves, and nothing else; every : steps between two moves of the cell
    M. Bernetti, G. Bussi, J. Chem. Phys. 153, 114107 (2020); for the square root of the volume the noise is constant.
    """

    acts_as = "barostat"
    needs_bath = True

    def __init__(self, pressure, relaxation: float, compressibility: float, every: int = EVERY):
        self.pressure = Ramp("CellRescaling: pressure", pressure, lambda name, p: signed(name, p, "pressure"))
        self.relaxation = number("CellRescaling: relaxation", relaxation, "time")
        self.compressibility = number("CellRescaling: compressibility", compressibility, "compressibility")
        if isinstance(every, bool) or not (isinstance(every, numbers.Integral) and 0 < every <= 1000):
            raise InputError(f"CellRescaling: every = {every!r}: expected a number of steps, 1 to 1000")
        self.every = int(every)

    def __repr__(self):
        return (
            f"CellRescaling(pressure={self.pressure}, relaxation={self.relaxation:g}, "
            f"compressibility={self.compressibility:g}, every={self.every})"
        )

    def start(self, run, integrator):
        run.needs_pressure("CellRescaling")
        self.most = MOST_GROWTH * run.box.volume
        self.rate = self.compressibility / run.units.pressure * self.every * integrator.timestep / self.relaxation

    def needs_virial(self, step):
        return step % self.every == 0

    def act(self, run, integrator):
        if run.step % self.every:
            return
        thermal, volume = run.units.boltzmann * integrator.bath(run), run.box.volume
        if volume > self.most:
            run.fail(
                f"the volume has grown by a factor of {MOST_GROWTH:g} in this stage: the pressure is below what holds "
                "the material together at this temperature"
            )
        target = self.pressure.at(run) * run.units.pressure
        # motions that are held (of the whole) have no kinetic energy, yet a part in the pressure
        held = thermal * (run.n_atoms - run.n_fixed / 3.0 - run.degrees_of_freedom / 3.0) / volume
        root, noise = math.sqrt(volume), run.random(STREAM).standard_normal()
        drift = -0.5 * self.rate * root * (target - run.pressure() - held - 0.5 * thermal / volume)
        changed = root + drift + math.sqrt(0.5 * thermal * self.rate) * noise
        factor = max(changed / root, 0.0) ** (2.0 / 3.0)
        run.strain(factor * np.eye(3), np.eye(3) / max(factor, 1e-3))
