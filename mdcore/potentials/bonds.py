"""Harmonic bonds between the atoms that a structure says are joined (structure/bonds.py)."""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.potentials.base import Potential
from mdcore.potentials.joined import BoundJoined

STRETCHED = 2.0  # times the longest r0: as far as a bond may reach, where nothing is said


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
        known = hasattr(parameters, "items") and all(hasattr(own, "keys") for own in parameters.values())
        if not known or not parameters:
            raise InputError("Bonds: no parameters: Bonds({1: {'k': ..., 'r0': ...}}), of each type of bonds")
        self.types, self.pairs = {}, {}
        for key, own in parameters.items():
            name = "-".join(map(str, key)) if isinstance(key, tuple) else key
            if set(own) != {"k", "r0"}:
                raise InputError(f"Bonds: {name}: expected k and r0, got {', '.join(own) or 'nothing'}")
            found = number(f"Bonds: {name}: k", own["k"], zero=True), number(f"Bonds: {name}: r0", own["r0"], "length")
            if isinstance(key, tuple) and len(key) == 2 and all(isinstance(each, str) for each in key):
                self.pairs[frozenset(key)] = found
            elif isinstance(key, int | np.integer) and not isinstance(key, bool) and key > 0:
                self.types[int(key)] = found
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


class BoundBonds(BoundJoined):
    """Bonds in a system of these species."""

    cure = "; a larger `longest` if that is meant"

    def joined(self, atoms):
        return atoms.bonds

    def parameters(self, atoms, i, j, bonds):
        n = len(self.symbols)
        keys = bonds[:, 2] * n * n + (atoms.x[i, 3] * n + atoms.x[j, 3]).astype(np.int64)
        kinds, index = np.unique(keys, return_inverse=True)
        found = [self.potential.of(k // (n * n), self.symbols[k // n % n], self.symbols[k % n]) for k in kinds.tolist()]
        return np.ascontiguousarray(np.array(found).reshape(-1, 2)[index.ravel()].T)

    def law(self, own, r):
        k, r0 = own
        return 0.5 * k * (r - r0) ** 2, k * (r - r0)
