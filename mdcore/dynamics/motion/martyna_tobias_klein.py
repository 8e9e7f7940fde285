"""Constant pressure by a cell that has inertia."""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import count, number
from mdcore.doors import _kernels
from mdcore.dynamics.motion.cell_force import CellForce, exponential
from mdcore.dynamics.motion.cell_rescaling import SLOWEST
from mdcore.dynamics.motion.chain import MOST_LINKS, Chain
from mdcore.dynamics.motion.verlet import Part

EVERY = 9  # steps


class MartynaTobiasKlein(Part):
    """The isothermal-isobaric ensemble by deterministic, time-reversible dynamics of the cell.

    pressure, coupling, axes, stress : as for CellRescaling; relaxation : period of the oscillations of the cell over
    2 pi, user unit of time; chain : of thermostats on the cell; every : steps between two moves of the cell, odd: it
    moves in the middle of that many steps
    G. J. Martyna, D. J. Tobias, M. L. Klein, J. Chem. Phys. 101, 4177 (1994); splitting:
    M. E. Tuckerman et al., J. Phys. A 39, 5629 (2006), with the cell as the slow motion of a multiple time step.
    """

    acts_as = "barostat"
    needs_bath = True
    splits_drift = True

    def __init__(
        self, pressure, relaxation: float, *, coupling: str = "isotropic", axes: str = "xyz", stress=None,
        chain: int = 3, every: int = EVERY,
    ):  # fmt: skip
        self.force = CellForce("MartynaTobiasKlein", pressure, stress, coupling, axes)
        self.relaxation = number("MartynaTobiasKlein: relaxation", relaxation, "time")
        self.every = count("MartynaTobiasKlein: every", every, 1, SLOWEST)
        if self.every % 2 == 0:
            raise InputError(f"MartynaTobiasKlein: every = {every}: expected an odd number of steps")
        self.chain = Chain(count("MartynaTobiasKlein: chain", chain, 1, MOST_LINKS))
        self.speeds = np.zeros(len(self.force.modes))  # of the strains, 1 / internal unit of time
        self.kicks = 0.0 * self.speeds  # the last
        self.first = None  # step at which its rhythm began

    def __repr__(self):
        links = len(self.chain.velocities)
        return f"MartynaTobiasKlein({self.force}, relaxation={self.relaxation:g}, chain={links}, every={self.every})"

    def start(self, run, integrator):
        self.force.start(run)
        if not run.degrees_of_freedom:
            run.refuse("MartynaTobiasKlein: no atom can move, so there is no pressure")
        self.period = self.every * integrator.dt
        if self.first is None:
            self.first = run.first_step

    def needs_virial(self, step):
        return self.moves(step)

    def moves(self, step):
        return (step - self.first) % self.every == 0

    def drifts(self, step):
        return (step - self.first) % self.every == self.every // 2

    def _bath(self, run, integrator) -> tuple[float, float]:
        """(kT, mass of the cell, which goes with it)"""
        thermal = run.units.boltzmann * integrator.bath(run)
        if not thermal > 0.0:
            run.fail("MartynaTobiasKlein: the inertia of the cell goes with the temperature, which has come to 0")
        return thermal, (run.degrees_of_freedom + 3) / 3.0 * thermal * (self.relaxation * run.units.time) ** 2

    def act(self, run, integrator):
        """Kick of the cell, its thermostats before and after."""
        thermal, mass = self._bath(run, integrator)
        force = self.force.at(run, thermal) + run.twice_kinetic() / run.degrees_of_freedom * np.eye(3)
        before, stored = self._energy(mass), 0.0
        self.kicks = np.array([np.sum(mode * force) for mode in self.force.modes]) * self.period / mass
        for kick in (self.kicks, 0.0):
            factor, more = run.act_chain(
                self.chain, 0.5 * mass * float(self.speeds @ self.speeds), len(self.speeds), thermal,
                self.relaxation * run.units.time, 0.5 * self.period,
            )  # fmt: skip
            self.speeds, stored = self.speeds * factor + kick, stored + more
        run.gain(before - self._energy(mass) - stored)

    def _energy(self, mass: float) -> float:
        """Of the moving cell, by its speeds in the middle of the next kick, which is about as large as the last: where
        the kicks are the energy of the atoms is known."""
        speeds = self.speeds + 0.5 * self.kicks
        return 0.5 * mass * float(speeds @ speeds)

    def drift(self, run, integrator):
        """Half kick of the atoms; the cell moves by half, atoms drift, the cell moves by the other half."""
        _kernels.second_kick(run.atoms, integrator.dt)
        run.forget()
        strain = self.period * sum(speed * mode for speed, mode in zip(self.speeds, self.force.modes, strict=True))
        run.check_strain(strain)
        drag = strain + np.trace(strain) / run.degrees_of_freedom * np.eye(3)
        map_, thermal = exponential(strain), run.units.boltzmann * integrator.bath(run)
        back, gained, growth = self.force.follow(run, map_)
        run.gain(thermal * self.force.held(run) * growth - gained)
        run.strain(map_ @ back, exponential(-drag) @ back, book=False)
        hop = back.T @ exponential(0.5 * (strain + drag)) @ back * integrator.dt
        self.speeds, self.kicks = (self._turned(own, back) for own in (self.speeds, self.kicks))
        return _kernels.drift(run.atoms, hop, run.big)

    def _turned(self, amounts, back) -> np.ndarray:
        """Of the modes, as seen when all is turned back."""
        tensor = back.T @ sum(a * mode for a, mode in zip(amounts, self.force.modes, strict=True)) @ back
        return np.array([np.sum(mode * tensor) for mode in self.force.modes])

    def state(self):
        own = {"speeds": self.speeds.tolist(), "kicks": self.kicks.tolist(), "first": self.first}
        return {**own, "chain": self.chain.state(), **self.force.state()}

    def restore(self, state):
        speeds, kicks = (np.array(state[name], dtype=np.float64) for name in ("speeds", "kicks"))
        if not np.isfinite([speeds, kicks]).all():
            raise ValueError("speeds")
        if speeds.shape != self.speeds.shape:
            self.run.refuse(
                "coupling or axes are not those that this stage was begun with; end the stage here (steps), and go on "
                "with the new ones in a stage of its own"
            )
        self.speeds, self.kicks, self.first = speeds, kicks, int(state["first"])
        self.chain.restore(state["chain"])
        self.force.restore(state)
