"""Minimisation by curvature: L-BFGS."""

import numpy as np

from mdcore.dynamics.motion.minimise import Minimiser, dot

MEMORY = 12  # steps
FIRST = 20.0  # stiffness, eV/Angstrom^2, before any is known
FLAT = 1e-10  # a curvature below that says nothing


class LBFGS(Minimiser):
    """Limited-memory BFGS, with steps no longer than `max_step` in the place of a line search: the gradient alone
    decides, for energies along a cell under stress need not exist.

    J. Nocedal, S. J. Wright, Numerical Optimization (2006), algorithm 7.4; a step with a negative curvature is not
    remembered. Arguments: as for Minimiser.
    """

    memory = ("steps", "changes", "last_step", "last_downhill")

    def begin(self):
        n = 3 * self.run.n_atoms + 9 * self.moves_cell
        self.steps, self.changes = np.empty((0, n)), np.empty((0, n))
        self.last_step, self.last_downhill = np.zeros(n), np.zeros(n)

    def step(self, downhill):
        self._learn(downhill)
        direction = self._direction(downhill)
        if not dot(direction, downhill) > 0.0:
            self.begin()
            direction = self._direction(downhill)
        self.last_step, self.last_downhill = self.within_limits(direction), downhill.copy()
        return self.last_step

    def _learn(self, downhill) -> None:
        """Remember how the forces changed along the last step."""
        s, y = self.last_step, self.last_downhill - downhill
        if dot(s, y) > FLAT * dot(s, s):
            self.steps = np.concatenate([self.steps, s[None]])[-MEMORY:]
            self.changes = np.concatenate([self.changes, y[None]])[-MEMORY:]

    def _direction(self, downhill):
        """The inverse Hessian, as the steps have shown it, times the forces."""
        pairs = list(zip(self.steps, self.changes, strict=True))
        inverse = self.scale**2 / FIRST
        if pairs:
            s, y = pairs[-1]
            inverse = dot(s, y) / dot(y, y)
        q, shares = downhill.copy(), []
        for s, y in reversed(pairs):
            shares.append(dot(s, q) / dot(s, y))
            q -= shares[-1] * y
        q *= inverse
        for (s, y), share in zip(pairs, reversed(shares), strict=True):
            q += (share - dot(y, q) / dot(s, y)) * s
        return q
