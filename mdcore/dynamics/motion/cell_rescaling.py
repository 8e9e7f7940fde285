"""Constant pressure by a cell that fluctuates as it should, without inertia."""

import math

import numpy as np

from mdcore.base.ranges import count, number
from mdcore.dynamics.motion.cell_force import CellForce, exponential
from mdcore.dynamics.motion.verlet import Part

STREAM = 3  # of random numbers (docs/theory.md)
EVERY = 10  # steps
SLOWEST = 1000  # steps between two moves


class CellRescaling(Part):
    """Stochastic cell rescaling: the isothermal-isobaric ensemble.

    pressure : one number or (first, last) for a ramp over the stage, user unit, or None where a stress is given;
    relaxation : of the volume, user unit of time; compressibility : about that of the material, 1 / user unit of
    pressure: with relaxation it says how fast the cell moves, and nothing else; every : steps between two moves
    coupling : "isotropic", "semi-isotropic" (x and y alike, z on its own), "anisotropic" (three lengths), "flexible"
    (all of the cell); axes : which may move, "xyz", or "xy" of a slab; stress : xx, yy, zz, yz, xz, xy, or two rows
    M. Bernetti, G. Bussi, J. Chem. Phys. 153, 114107 (2020); V. Del Tatto et al., Appl. Sci. 12, 1139 (2022).
    docs/theory.md has the equations for symmetric strains.
    """

    acts_as = "barostat"
    needs_bath = True

    def __init__(
        self, pressure, relaxation: float, compressibility: float, every: int = EVERY, *,
        coupling: str = "isotropic", axes: str = "xyz", stress=None,
    ):  # fmt: skip
        self.force = CellForce("CellRescaling", pressure, stress, coupling, axes)
        self.relaxation = number("CellRescaling: relaxation", relaxation, "time")
        self.compressibility = number("CellRescaling: compressibility", compressibility, "compressibility")
        self.every = count("CellRescaling: every", every, 1, SLOWEST)

    def __repr__(self):
        return (
            f"CellRescaling({self.force}, relaxation={self.relaxation:g}, "
            f"compressibility={self.compressibility:g}, every={self.every})"
        )

    def start(self, run, integrator):
        self.force.start(run)
        self.rate = self.compressibility / run.units.pressure * self.every * integrator.timestep / self.relaxation

    def needs_virial(self, step):
        return step % self.every == 0

    def moves(self, step):
        return step % self.every == 0

    def act(self, run, integrator):
        thermal = run.units.boltzmann * integrator.bath(run)
        force, random = self.force.at(run, thermal), run.random(STREAM)
        mobility = self.rate / (3.0 * run.box.volume)
        noise = math.sqrt(2.0 * thermal * mobility)
        strain = np.zeros((3, 3))
        for mode in self.force.modes:
            strain += (mobility * float(np.sum(mode * force)) + noise * random.standard_normal()) * mode
        run.check_strain(strain)
        map_ = exponential(strain)
        back, _, _ = self.force.follow(run, map_)
        run.strain(map_ @ back, exponential(-strain) @ back)

    def state(self):
        return self.force.state()

    def restore(self, state):
        self.force.restore(state)
