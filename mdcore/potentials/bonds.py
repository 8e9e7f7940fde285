"""Harmonic bonds between the atoms that a structure says are joined (structure/bonds.py)."""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError, SimulationError
from mdcore.base.exact import FORCE_BITS, SHARE_LIMIT
from mdcore.base.ranges import number
from mdcore.potentials.base import Bound, Potential

GRID = 2.0**FORCE_BITS
STRETCHED = 2.0  # times the longest r0: as far as a bond may reach, where nothing is said
LIMIT = 2.0**14  # ext/core/fixed.h


class Bonds(Potential):
    """E = k (r - r0)^2 / 2 of each bond, r the distance of the nearest images of its atoms.

    parameters : {type or (species, species): {"k": ..., "r0": ...}}; what is said of a type counts before what is said
        of the species; k : unit of energy / unit of length^2 (LAMMPS's K is k / 2); r0 : unit of length
    longest : unit of length; a longer bond is an error; None: twice the largest r0

    A structure without bonds has no such energy. InputError for values out of range, and when forces are computed for a
    bond without parameters.
    """

    list_kinds, ghost_columns = ("rows",), ("tags",)
    tells_virials = True

    def __init__(self, parameters: dict, *, longest: float | None = None):
        if not parameters:
            raise InputError("Bonds: no parameters: Bonds({1: {'k': ..., 'r0': ...}}), of each type of bonds")
        self.types, self.pairs = {}, {}
        for key, own in parameters.items():
            name = "-".join(key) if isinstance(key, tuple) else key
            if set(own) != {"k", "r0"}:
                raise InputError(f"Bonds: {name}: expected k and r0, got {', '.join(own) or 'nothing'}")
            found = number(f"Bonds: {name}: k", own["k"], zero=True), number(f"Bonds: {name}: r0", own["r0"], "length")
            if isinstance(key, tuple):
                self.pairs[frozenset(key)] = found
            elif isinstance(key, int) and not isinstance(key, bool) and key > 0:
                self.types[key] = found
            else:
                raise InputError(f"Bonds: {key!r}: expected a type, 1, 2, ..., or two species")
        most = max(r0 for _, r0 in (*self.types.values(), *self.pairs.values()))
        self.cutoff = STRETCHED * most if longest is None else number("Bonds: longest", longest, "length")
        if self.cutoff <= most:
            raise InputError(f"Bonds: longest = {self.cutoff:g}: there are bonds of r0 = {most:g}; a larger one")

    def __repr__(self):
        return f"Bonds({len(self.types) + len(self.pairs)} kinds, longest {self.cutoff:g})"

    def bind(self, symbols) -> "BoundBonds":
        return BoundBonds(self, symbols)

    def of(self, kind: int, a: str, b: str) -> tuple[float, float]:
        """(k, r0) of a bond; InputError."""
        found = self.types.get(kind, self.pairs.get(frozenset((a, b))))
        if found is None:
            raise InputError(f"Bonds: no parameters for bonds of type {kind}, here between {a} and {b}")
        return found


@dataclass
class Near:
    """The bonds whose first atom this rank owns: rows of both atoms, and parameters."""

    i: np.ndarray
    j: np.ndarray
    k: np.ndarray
    r0: np.ndarray


class BoundBonds(Bound):
    """Bonds in a system of these species."""

    def __init__(self, potential: Bonds, symbols):
        self.potential, self.symbols = potential, tuple(symbols)
        self._near, self._known = None, None

    def compute(self, atoms, neighbors, domain, out) -> None:
        near = self._of_rank(atoms, neighbors.rows)
        d = (atoms.x[near.j, :3] - atoms.x[near.i, :3]).T
        r = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
        if not (r < self.potential.cutoff).all() or not r.all():
            self._fail(atoms, near, r)
        stretch = r - near.r0
        g = near.k * stretch / r  # dE/dr / r
        pull = np.rint(g * d * GRID) / GRID
        rows = atoms.n_total + 1
        for axis in range(3):
            atoms.f[:rows, axis] += _sums(near, pull[axis], -pull[axis], rows)
        large = np.abs(pull).max(axis=0, initial=0.0) >= LIMIT
        if out.want_energy:
            energy = np.rint(0.5 * near.k * stretch * stretch * GRID) / GRID
            large |= energy >= SHARE_LIMIT
            if not large.any():
                out.energy += int((energy * GRID).astype(np.int64).sum(dtype=object)) if len(energy) else 0
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
        now = rows, rows.builds, atoms.bonds
        known = self._known
        if known and known[0] is rows and known[1] == rows.builds and known[2] is atoms.bonds:
            return self._near
        i = rows.owned(atoms, atoms.bonds[:, 0])
        mine = i >= 0
        i, bonds = i[mine], atoms.bonds[mine]
        j = rows.nearest(atoms, i, bonds[:, 1])
        self._near = Near(i, j, np.zeros(len(i)), np.zeros(len(i)))
        if (j < 0).any():
            self._fail(atoms, self._near, np.where(j < 0, np.inf, 0.0))
        kinds, index = np.unique(
            np.column_stack([bonds[:, 2], atoms.x[i, 3].astype(int), atoms.x[j, 3].astype(int)]), axis=0,
            return_inverse=True,
        )  # fmt: skip
        found = [self.potential.of(kind, self.symbols[a], self.symbols[b]) for kind, a, b in kinds.tolist()]
        if found:
            self._near.k, self._near.r0 = np.array(found)[index.ravel()].T
        self._known = now
        return self._near

    def _fail(self, atoms, near: Near, r) -> None:
        bad = int(np.argmax(~(r < self.potential.cutoff) | (r == 0.0)))
        i, j = atoms.tags[near.i[bad]], atoms.tags[near.j[bad]] if near.j[bad] >= 0 else "another one"
        raise SimulationError(
            f"the bond of atoms {i} and {j} (counting from 0) is {r[bad]:.4g} long; longest = "
            f"{self.potential.cutoff:g}: is the structure right, is the timestep too long? Else give a larger one"
        )


def _sums(near: Near, at_i, at_j, rows: int) -> np.ndarray:
    """What each row gets of numbers on a grid, in any order."""
    return np.bincount(near.i, at_i, rows) + np.bincount(near.j, at_j, rows)
