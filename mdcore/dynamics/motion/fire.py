"""Minimisation by inertia: FIRE 2.0."""

import math

import numpy as np

from mdcore.dynamics.motion.minimise import Minimiser, dot

FIRST, LARGEST, SMALLEST = 0.1, 1.0, 0.002  # time steps, internal unit, masses 1
SLOWER, FASTER = 0.5, 1.1
MIX, LESS = 0.25, 0.99
PATIENCE = 5  # steps downhill before the time step grows
TURNS, SLOWLY = 4, 1.03  # uphill so often, it is the stiffest motion that turns: the time step then grows that slowly


class FIRE(Minimiser):
    """Fast inertial relaxation: velocities turn towards the forces, and stop when they lead uphill.

    J. Guenole et al., Comput. Mater. Sci. 175, 109584 (2020), algorithm 2, with semi-implicit Euler; all masses are 1.
    Where stiff motions are beside soft ones (water), each turn stops the soft ones, too; so after a few turns the time
    step grows slowly, and turns are rare. Arguments: as for Minimiser.
    """

    memory = ("speed", "dt", "mix", "downhills", "turns")

    def begin(self):
        self.speed = np.zeros(3 * self.run.n_atoms + 9 * self.moves_cell)
        self.dt, self.mix, self.downhills, self.turns = FIRST * self.scale, MIX, 0, 0

    def step(self, downhill):
        back = 0.0
        power = dot(downhill, self.speed)
        if power > 0.0:
            self.downhills += 1
            if self.downhills > PATIENCE:
                self.dt = min(self.dt * (FASTER if self.turns < TURNS else SLOWLY), LARGEST * self.scale)
                self.mix *= LESS
        else:
            if self.downhills:
                self.turns += 1
                self.dt = max(self.dt * SLOWER, SMALLEST * self.scale)
                back = -0.5 * self.dt * self.speed
            self.downhills, self.mix = 0, MIX
            self.speed = np.zeros_like(downhill)
        self.speed = self.speed + self.dt * downhill
        force = dot(downhill, downhill)
        if force > 0.0:
            turn = math.sqrt(dot(self.speed, self.speed) / force)
            self.speed = (1.0 - self.mix) * self.speed + self.mix * turn * downhill
        return self.within_limits(self.dt * self.speed + back)
