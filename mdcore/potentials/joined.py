"""Potentials of pairs of atoms that are named, each with the nearest image of the other."""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import SimulationError
from mdcore.base.exact import FORCE_BITS, SHARE_LIMIT
from mdcore.potentials.base import Bound

GRID = 2.0**FORCE_BITS
LIMIT = 2.0**14  # ext/core/fixed.h


@dataclass
class Near:
    """The pairs whose first atom this rank owns: rows of both atoms, and parameters."""

    i: np.ndarray
    j: np.ndarray
    own: object


class BoundJoined(Bound):
    """Pairs of a list "rows", in a system of these species. A kind of its own says `joined`, `parameters` and `law`.

    cure : what a message about atoms that are farther apart than the cutoff adds
    """

    virial_of_forces = True
    cure = ""

    def __init__(self, potential, symbols):
        self.potential, self.symbols = potential, tuple(symbols)
        self._near, self._known = None, None

    def joined(self, atoms) -> np.ndarray:
        """int [m, >= 2], two tags and what else there is: all pairs; the same object while they are the same."""
        raise NotImplementedError

    def parameters(self, atoms, i, j, pairs):
        """What `law` is given, of pairs of these rows."""
        raise NotImplementedError

    def law(self, own, r) -> tuple[np.ndarray, np.ndarray]:
        """(energy, its slope) at distances r."""
        raise NotImplementedError

    def compute(self, atoms, neighbors, domain, out) -> None:
        near = self._of_rank(atoms, neighbors.rows)
        d = np.ascontiguousarray((atoms.x.take(near.j, axis=0) - atoms.x.take(near.i, axis=0)).T[:3])
        r = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
        if not (r < self.potential.cutoff).all() or not r.all():
            self._fail(atoms, near, r)
        energy, slope = self.law(near.own, r)
        g = slope / r
        pull = np.rint(g * d * GRID) * (1.0 / GRID)
        rows = atoms.n_total + 1
        for axis in range(3):
            atoms.f[:rows, axis] += _sums(near, pull[axis], -pull[axis], rows)
        large = ~(np.abs(pull).max(axis=0, initial=0.0) < LIMIT)
        if out.want_energy:
            energy = np.rint(energy * GRID) / GRID
            large |= ~(np.abs(energy) < SHARE_LIMIT)
            if not large.any():
                out.energy += sum((energy * GRID).astype(np.int64).tolist())
            if out.atom_energies is not None:
                out.atom_energies[:rows] += _sums(near, 0.5 * energy, 0.5 * energy, rows)
            if out.atom_virials is not None:
                for place in range(9):
                    share = -np.rint(0.5 * g * d[place // 3] * d[place % 3] * GRID) / GRID
                    out.atom_virials[:rows, place] += _sums(near, share, share, rows)
        if large.any():
            out.bad_row = max(out.bad_row, int(near.i[large][0]))

    def _of_rank(self, atoms, rows) -> Near:
        """Who is where, since ghosts were made."""
        pairs, known = self.joined(atoms), self._known
        if known and known[0] is rows and known[1] == rows.builds and known[2] is pairs:
            return self._near
        i = rows.owned(atoms, pairs[:, 0])
        mine = i >= 0
        i, own = i[mine], pairs[mine]
        j = rows.nearest(atoms, i, own[:, 1])
        self._near = Near(i, j, None)
        if (j < 0).any():
            self._fail(atoms, self._near, np.where(j < 0, np.inf, 1.0))
        self._near.own = self.parameters(atoms, i, j, own)
        self._known = rows, rows.builds, pairs
        return self._near

    def _fail(self, atoms, near: Near, r) -> None:
        bad = int(np.argmax(~(r < self.potential.cutoff) | (r == 0.0)))
        i, j = atoms.tags[near.i[bad]], atoms.tags[near.j[bad]] if near.j[bad] >= 0 else "another one"
        raise SimulationError(
            f"the joined atoms {i} and {j} (counting from 0) are {r[bad]:.4g} apart, at most "
            f"{self.potential.cutoff:g} is known: is the structure right, is the timestep too long{self.cure}?"
        )


def _sums(near: Near, at_i, at_j, rows: int) -> np.ndarray:
    """What each row gets of numbers on a grid, in any order."""
    return np.bincount(near.i, at_i, rows) + np.bincount(near.j, at_j, rows)
