"""Does the energy change where it must not: moved, turned, mirrored, renumbered, repeated?"""

import numpy as np

from mdcore.potentials.base import leaves
from mdcore.structure.bonds import checked, replicated
from mdcore.structure.box import Box
from mdcore.verify.report import at_most, skipped
from mdcore.verify.subject import UNKNOWN, Subject

ENERGY_LIMIT, ROUNDING = 1e-9, 1e-13  # an atom; of the energy
FORCE_LIMIT = 1e-8  # of the size of the forces, at least 1e-8 units
STIFFNESS = 100.0  # by how much forces may change with coordinates, units of force a length


def translation(it: Subject):
    shift = it.rng().uniform(-1.0, 1.0, 3) * it.box.widths
    yield from _same(it, "translation", it.of(it.positions + shift, _moved(it.box, shift)))


def _moved(box: Box, shift) -> Box:
    """The walls of a cell that ends somewhere move along."""
    return box if all(box.periodic) else Box(box.matrix, box.periodic, box.origin + shift)


def rotation(it: Subject):
    turn = np.linalg.qr(it.rng().normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    yield from _turned(it, "rotation", turn)


def inversion(it: Subject):
    yield from _turned(it, "inversion", -np.eye(3))


def _turned(it: Subject, name: str, turn):
    box = Box(it.box.matrix @ turn, it.box.periodic, it.box.origin @ turn)
    found = it.of(it.positions @ turn, box)
    yield from _same(it, name, found, it.base.forces @ turn)
    error = np.abs(found.virial - turn.T @ it.base.virial @ turn).max()
    if np.isnan(it.base.virial).any():
        return
    yield at_most(f"{name}: virial", error, _force_limit(it) * it.n, it.energy_unit)


def permutation(it: Subject):
    order = it.rng().permutation(it.n)
    bonds = np.column_stack([np.argsort(order)[it.bonds[:, :2]], it.bonds[:, 2]])
    found = it.of(it.positions[order], rows=order, bonds=checked(bonds, it.n))
    yield from _same(it, "permutation", found, it.base.forces[order])


def extensivity(it: Subject):
    """Copies along the periodic directions; of a cluster, copies out of reach."""
    box, reach = it.box, it.engine.neighbors.reach
    if not (it.potential.cutoff or any(box.periodic)):
        yield skipped("extensivity", UNKNOWN)
        return
    if any(term.far for term in leaves(it.potential)) and not all(box.periodic):
        yield skipped("extensivity", "the potential reaches past any cutoff: copies feel each other")
        return
    if it.potential.whole:
        yield skipped("extensivity", "the energy is one of the whole structure: copies have not n times as much")
        return
    repeat = [2 if p else 1 for p in box.periodic] if it.n <= 300 else _once(box.periodic)
    shifts = np.array([[i, j, k] for i in range(repeat[0]) for j in range(repeat[1]) for k in range(repeat[2])])
    shifts, what = shifts @ box.matrix, f"{len(shifts)} cells"
    big = box.replicated(repeat)
    if not any(box.periodic):
        length = np.ptp(it.positions, axis=0).max() + 2.0 * reach
        shifts, big, what = np.array([[0, 0, 0], [length, 0, 0]]), box, "2 clusters far apart"
    positions = (it.positions + shifts[:, None]).reshape(-1, 3)
    bonds = replicated(it.bonds, box, it.positions, repeat)
    if not any(box.periodic):
        bonds = np.vstack([it.bonds, it.bonds + np.array([it.n, it.n, 0])])
    found = it.of(positions, big, np.tile(np.arange(it.n), len(shifts)), checked(bonds, len(positions)))
    yield from _same(it, f"extensivity, {what}", found, np.tile(it.base.forces, (len(shifts), 1)), len(shifts))


def _once(periodic) -> list[int]:
    """Two copies along the first periodic direction."""
    first = periodic.index(True) if any(periodic) else 0
    return [2 if d == first and periodic[d] else 1 for d in range(3)]


def _same(it: Subject, name: str, found, forces=None, times: int = 1):
    """Rows that compare an answer with `times` the base's."""
    forces = it.base.forces if forces is None else forces
    error = abs(found.energy - times * it.base.energy)
    limit = (ENERGY_LIMIT + 10.0 * _rounding(it)) * max(1.0, it.scale) * it.n * times
    limit += (ROUNDING + _accuracy(it)) * abs(times * it.base.energy)
    yield at_most(f"{name}: energy", error, limit, it.energy_unit)
    error = np.abs(found.forces - forces).max()
    yield at_most(f"{name}: forces", error, _force_limit(it), it.force_unit)


def _force_limit(it: Subject) -> float:
    return (FORCE_LIMIT + 10.0 * _accuracy(it)) * max(1.0, it.scale) + STIFFNESS * _rounding(it)


def _accuracy(it: Subject) -> float:
    """To what symmetries hold, relative to energy and forces, of sums on a mesh."""
    return max(term.accuracy for term in leaves(it.potential))


def _rounding(it: Subject) -> float:
    """By how much coordinates change when they are computed: more, the larger they are."""
    return 2.0**-52 * float(np.abs(it.positions).max())
