"""Is the energy smooth where a neighbour comes into reach?

A probe atom comes from beyond the cutoff on a straight line, towards one atom and towards a small group of
atoms, so pairs, triples and the cutoffs of each are crossed one after the other. On an interval of the line a
smooth energy follows the cubic that its values and slopes at the ends fix; where it doesn't, the interval is halved
until it is 1e-9 long: what is left there is a jump.
"""

import numpy as np

from mdcore.engine.single import Engine
from mdcore.potentials.base import leaves
from mdcore.structure.bonds import within
from mdcore.structure.box import Box
from mdcore.verify.report import at_most, skipped
from mdcore.verify.subject import UNKNOWN, Subject

ENERGY_LIMIT, FORCE_LIMIT = 1e-8, 1e-5  # jumps, units of energy and force
STEP = 2.0**-6
NARROWEST = 2.0**-30
JOINED = 3  # bonds, at most
GROUP = 5  # atoms that the probe comes near to
ANSWERS = 40_000  # evaluations at most
WHY = {
    "energy": "the energy is not continuous, so dynamics does not conserve it",
    "force": "the force is not continuous, so dynamics conserves energy badly",
}


class Jumps:
    """The largest jumps found, and where."""

    def __init__(self):
        self.energy, self.force = (0.0, ""), (0.0, "")

    def add(self, energy: float, force: float, where: str) -> None:
        if energy > 2.0 * self.energy[0]:
            self.energy = energy, where
        if force > 2.0 * self.force[0]:
            self.force = force, where


def smoothness(it: Subject):
    if not it.potential.cutoff:
        yield skipped("smoothness", UNKNOWN)
        return
    if any(term.bulk for term in leaves(it.potential)):
        yield skipped("smoothness", "the potential is of cells that are periodic along three axes: no cluster has it")
        return
    jumps = Jumps()
    terms = leaves(it.potential)
    cures = dict.fromkeys(term.smoother for term in [term for term in terms if term.truncated] or terms)
    cure = "; ".join(cures)
    nearest = _nearest(it)
    for a, first in enumerate(it.symbols):
        for b, second in enumerate(it.symbols[a:], start=a):
            group = np.zeros((1, 3)), np.array([a]), _first(it, a)
            _scan(it, jumps, *group, b, nearest, f"{first}-{second} at r = {{:.6g}}")
    group = _group(it)
    for b, name in enumerate(it.symbols):
        _scan(it, jumps, *group, b, nearest, f"{name} before a group of {len(group[0])} atoms")
    for what, limit, unit in (("energy", ENERGY_LIMIT, it.energy_unit), ("force", FORCE_LIMIT, it.force_unit)):
        size, where = getattr(jumps, what)
        note = f"{where}: {WHY[what]}; {cure}" if size > limit else ""
        yield at_most(f"smoothness: jump of the {what}", size, limit, unit, note)


def _nearest(it: Subject) -> float:
    """How near the probe comes: the shortest distance in the structure, within 0.2 and 0.5 of the cutoff."""
    cutoff = it.potential.cutoff
    positions, shortest = it.box.wrap(it.positions)[0], 0.5 * cutoff
    first, others = within(it.bonds, it.n, JOINED)  # these may be left out of what repels atoms
    for i in range(0, it.n, max(1, it.n // 50)):
        away = np.linalg.norm(positions - positions[i], axis=1)
        away[i] = away[others[first[i] : first[i + 1]]] = np.inf
        shortest = min(shortest, float(away.min()))
    return max(shortest, 0.2 * cutoff)


def _group(it: Subject) -> tuple[np.ndarray, np.ndarray]:
    """(positions, species, rows) of the first atom and those nearest to it, none out of its reach."""
    positions = it.box.wrap(it.positions)[0]
    away = np.linalg.norm(positions - positions[0], axis=1)
    near = np.argsort(away)[:GROUP]
    near = near[away[near] <= it.potential.cutoff]
    if len(it.bonds):
        near = near[:1]  # joined atoms are nearer than strangers are
    return positions[near] - positions[0], it.species[near], near


def _first(it: Subject, kind: int) -> np.ndarray:
    """Row of the first atom of a species, of any where it has none."""
    return np.append(np.flatnonzero(it.species == kind), 0)[:1]


def _scan(it: Subject, jumps: Jumps, positions, species, rows, probe: int, nearest: float, where: str):
    """Follow the energy of a group, which is like the atoms `rows`, and a probe of species `probe` on its way there."""
    direction = np.array([0.6, 0.64, 0.48])  # of length one
    reach = float(np.linalg.norm(positions, axis=1).max()) + 1.02 * it.potential.cutoff
    closest = _closest(positions, direction, nearest)
    box = Box(4.0 * reach * np.eye(3), (False,) * 3, np.full(3, -2.0 * reach))
    engine = Engine(it.potential, it.symbols, 0.3, it.units)
    rows = np.append(rows, _first(it, probe))
    columns = {name: values[rows] for name, values in it.columns.items()}
    engine.place(box, np.vstack([positions, reach * direction]), np.append(species, probe), columns)
    count = 0

    def answer(r):
        """(r, energy, slope) with the probe at r * direction"""
        nonlocal count
        count += 1
        engine.move(np.vstack([positions, r * direction]))
        found = engine.compute()
        return r, found.energy, -float(found.forces[-1] @ direction)

    def follow(a, b):
        width = b[0] - a[0]
        jump = abs(b[1] - a[1] - 0.5 * width * (a[2] + b[2])), abs(b[2] - a[2])
        if width <= NARROWEST or count > ANSWERS:
            if width <= NARROWEST:
                jumps.add(*jump, where.format(0.5 * (a[0] + b[0])))
            return
        m = answer(0.5 * (a[0] + b[0]))
        energy = 0.5 * (a[1] + b[1]) + width * (a[2] - b[2]) / 8.0
        cubic = 1.5 * (b[1] - a[1]) / width - 0.25 * (a[2] + b[2])
        straight = 0.5 * (a[2] + b[2])
        off = min(abs(m[2] - cubic), abs(m[2] - straight))
        if abs(m[1] - energy) > 0.1 * ENERGY_LIMIT or off > 0.1 * FORCE_LIMIT:
            follow(a, m)
            follow(m, b)

    points = np.append(np.arange(closest, reach, STEP), reach)
    before = answer(points[0])
    for r in points[1:]:
        after = answer(r)
        follow(before, after)
        before = after


def _closest(positions, direction, nearest: float) -> float:
    """Where on the line the probe is `nearest` to the first atom of the group it gets near."""
    along = positions @ direction
    aside2 = (positions**2).sum(axis=1) - along**2
    return float((along + np.sqrt(np.maximum(nearest**2 - aside2, 0.0))).max())
