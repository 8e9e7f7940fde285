"""Which atoms are a group? A group is a column of the structure that says yes or no of each atom.

    system.columns["wall"] = select(system, where="z < 5")
    system.columns["solute"] = select(system, indices=[0, "10:20"])

So a group goes into trajectories, dumps and checkpoints like any other column, a file may bring groups of its own
(columns of type L), and which atoms it has does not change while they move.
"""

import numbers
import re

import numpy as np

from mdcore.base.arguments import listed
from mdcore.base.errors import InputError
from mdcore.base.names import OWN, WORD
from mdcore.structure.expressions import chosen

RANGE = re.compile(r"\s*(\d*)\s*:\s*(\d*)\s*")


def select(system, *, species=None, indices=None, where=None) -> np.ndarray:
    """bool [n], the atoms of a System that are all that is said.

    species : a name or names; indices : whole numbers, counted from 0, and ranges "10:20" without their end
    where : an expression over columns, e.g. 'z > 10 and charge < 0' (docs/groups.md): x y z, fractional a b c, vx vy
        vz, species, index, mass, charge, the structure's own columns, groups among them; distance(x, y, z) to a point,
        of the nearest image
    InputError for what there is not.
    """
    if not hasattr(system, "positions") or not hasattr(system, "species"):
        raise InputError(f"select: system = {type(system).__name__}: expected a System")
    found = np.ones(len(system.positions), dtype=bool)
    if species is not None:
        found &= _of_species(system, [species] if isinstance(species, str) else listed("species", species, "'Ar'"))
    if indices is not None:
        several = [indices] if isinstance(indices, str | int) else listed("indices", indices, "0")
        found &= _of_indices(len(found), several)
    if where is not None:
        found &= chosen(where, _names(system), lambda *point: _distance(system, np.array(point)))
    return found


def groups_of(columns) -> dict[str, np.ndarray]:
    """{name: bool [n]}, the groups among the columns of a structure."""
    return {name: values for name, values in columns.items() if values.dtype == np.bool_ and values.ndim == 1}


def group_of(columns, name: str) -> np.ndarray:
    """bool [n] of a group; InputError if there is none of that name."""
    groups = groups_of(columns)
    if name not in groups:
        there = ", ".join(groups) or "none"
        raise InputError(
            f"no group {name!r}; there are: {there}. A [[group]] makes one, in Python: "
            f"system.columns[{name!r}] = select(system, ...)"
        )
    return groups[name]


def _of_species(system, names) -> np.ndarray:
    for name in names:
        if name not in system.symbols:
            raise InputError(f"species {name!r}: the structure has {', '.join(system.symbols)}")
    return np.isin(system.species, [system.symbols.index(name) for name in names])


def _of_indices(n: int, items) -> np.ndarray:
    found = np.zeros(n, dtype=bool)
    for item in items:
        part = RANGE.fullmatch(item) if isinstance(item, str) else None
        if part:
            first, last = int(part[1] or 0), int(part[2] or n)
            if not first < last <= n:
                raise InputError(f"indices {item!r}: expected a range of atoms 0 to {n - 1}, e.g. '10:20': 10 to 19")
            found[first:last] = True
        elif isinstance(item, numbers.Integral) and not isinstance(item, bool) and 0 <= item < n:
            found[int(item)] = True
        else:
            raise InputError(f"indices: {item!r}: expected whole numbers from 0 to {n - 1}, or ranges such as '10:20'")
    return found


def _names(system) -> dict:
    """What `where` knows."""
    n = len(system.positions)
    velocities = np.zeros((n, 3)) if system.velocities is None else system.velocities
    names = {name: values for name, values in system.columns.items() if WORD.fullmatch(name)}
    fractional = system.box.fractional(system.positions)
    own = [*system.positions.T, *fractional.T, *velocities.T]
    own += [np.array(system.symbols)[system.species], np.arange(n), system.masses]
    return names | dict(zip(OWN, own, strict=True))


def _distance(system, point) -> np.ndarray:
    """float64 [n], to the nearest image of each atom."""
    box = system.box
    s = box.fractional(system.positions) - box.fractional(point)
    s -= np.where(box.periodic, np.rint(s), 0.0)
    near = np.full(len(s), np.inf)
    for cell in np.ndindex(*(3 if periodic else 1 for periodic in box.periodic)):  # a leaning cell's are next door
        shift = [k - 1 if periodic else 0 for k, periodic in zip(cell, box.periodic, strict=True)]
        r = (s + shift) @ box.matrix
        np.minimum(near, np.einsum("ij,ij->i", r, r), out=near)
    return np.sqrt(near)
