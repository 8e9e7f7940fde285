"""A cell that is deformed at a constant rate."""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import signed
from mdcore.base.voigt import PLACE
from mdcore.dynamics.motion.verlet import Part

NAMES = ("xx", "yy", "zz", "yz", "xz", "xy")


class StrainRate(Part):
    """Deformation at a constant rate: after a time t the cell is the one at the start of the stage times (1 + t rate).

    rate : xx, yy, zz, yz, xz, xy, 1 / user unit of time; engineering strain of the cell at the start; xy slides planes
    of constant y along x, xz and yz planes of constant z along x and y. Positions go along with the cell, velocities
    don't: for solids and slow flow; a gas that is compressed so gets no warmer.
    """

    acts_as = "barostat"

    def __init__(self, rate):
        if not np.ndim(rate) == 1 or len(rate) != 6:
            raise InputError(f"StrainRate: rate = {rate!r}: expected six numbers, {', '.join(NAMES)}")
        self.rate = tuple(signed(f"StrainRate: rate {name}", r, "rate") for name, r in zip(NAMES, rate, strict=True))

    def __repr__(self):
        return f"StrainRate({list(self.rate)})"

    def start(self, run, integrator):
        run.needs_pressure("StrainRate")
        self.step_rate = np.tril(np.array(self.rate)[PLACE]) * integrator.timestep  # xy: x gets y times that

    def needs_virial(self, step):
        return True

    def act(self, run, integrator):
        done = run.step - run.first_step
        now, then = (np.eye(3) + k * self.step_rate for k in (done, done + 1))
        if not np.linalg.det(now) > 0.0 or not np.linalg.det(then) > 0.0:
            run.fail("StrainRate has left the cell no volume; fewer steps, or a smaller rate")
        run.strain(np.linalg.solve(now, then))

    def state(self):
        return {"step_rate": self.step_rate.tolist()}

    def restore(self, state):
        """InputError for another rate: the cell would be the one of neither."""
        was = np.array(state["step_rate"])
        if not np.array_equal(was, self.step_rate):
            self.run.refuse(
                "strain_rate or timestep are not those that this stage was begun with; end the stage here (steps), and "
                "go on with the new ones in a stage of its own"
            )
