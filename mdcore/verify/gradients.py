"""Are forces and stress the derivatives of the energy? Fourth-order central differences tell.

f'(0) = [8 (f(h) - f(-h)) - (f(2h) - f(-2h))] / 12h + O(h^4), with h a power of two, exact on the position grid.
Where smaller and smaller h agree neither with each other nor with the answer, the energy itself jumps between the
points and has no derivative: such samples are left out and counted.
"""

import numpy as np

from mdcore.base import exact
from mdcore.base.voigt import PAIRS
from mdcore.potentials.base import leaves
from mdcore.structure.box import Box
from mdcore.verify.report import Row, at_most, skipped
from mdcore.verify.subject import Subject

SPACINGS = 2.0**-8  # first step, in mean distances of atoms
HALVINGS = 4
SAMPLES = 12  # single components; as many again along random directions of all atoms
FORCE_LIMIT = 1e-6  # of the size of the forces
STRESS_LIMIT = 1e-6  # of the size of the virial
BENT = 20.0  # times either limit where second derivatives jump: a difference over a jump is wrong by its step
TINY = 2.0**-30  # a displacement that shows the noise of the energy
BROKEN = "not the derivative of the energy, or the energy jumps (see smoothness)"
JUMPY = "{} of {} samples left out: the energy jumps there, so it has no derivative"


def forces(it: Subject):
    """Forces against differences of the energy: single components, and all atoms at once."""
    rng, answer, h = it.rng(), it.mover(it.positions), step(it)
    limit = FORCE_LIMIT * _bent(it) * it.scale + 8.0 * noise(it) / h
    errors = []
    for sample in range(2 * SAMPLES):
        direction = np.zeros((it.n, 3))
        if sample < SAMPLES:
            direction[rng.integers(it.n), rng.integers(3)] = 1.0
        else:
            direction = rng.choice([-1.0, 1.0], (it.n, 3))
        norm = np.linalg.norm(direction)
        # atoms move by multiples of a power of two, in all by about one step
        direction /= 2.0 ** np.floor(np.log2(norm))

        def energies(s, direction=direction):
            return answer(it.positions + s * direction).energies

        errors.append(error(energies, -float((it.base.forces * direction).sum()), limit, h))
    yield from _rows(errors, limit, it.force_unit, "force - finite difference")


def stress(it: Subject):
    """The virial against the energy of strained boxes (of the cell, or of the bare cluster)."""
    errors, h = [], SPACINGS / 2.0
    if np.isnan(it.base.virial).any():
        yield skipped("stress times volume - finite strain", "the potential tells no stress")
        return
    size = max(1e-3, float(np.abs(it.base.virial).max()), it.scale * it.n**0.5)
    limit = STRESS_LIMIT * _bent(it) * size + 8.0 * noise(it) / h
    for a, b in PAIRS:

        def energies(s, a=a, b=b):
            strain = np.eye(3)
            strain[a, b] += 0.5 * s
            strain[b, a] += 0.5 * s
            box = Box(it.box.matrix @ strain, it.box.periodic, it.box.origin @ strain)
            return it.of(it.positions @ strain, box).energies

        errors.append(error(energies, -float(it.base.virial[a, b]), limit, h))
    yield from _rows(errors, limit, it.energy_unit, "stress times volume - finite strain")


def _bent(it: Subject) -> float:
    return BENT if any(term.bends for term in leaves(it.potential)) else 1.0


def step(it: Subject) -> float:
    """A power of two, a small part of the mean distance of atoms."""
    return 2.0 ** np.rint(np.log2(SPACINGS * it.spacing))


def noise(it: Subject) -> float:
    """How much the energy scatters around its tangent: the median of five tiny displacements of all atoms.

    It is at least what rounding energies to their grid (exact.py) makes.
    """
    rng, answer, scatter = it.rng(), it.mover(it.positions), []
    for _ in range(5):
        shift = TINY * rng.choice([-1.0, 1.0], (it.n, 3))
        change = float((answer(it.positions + shift).energies - it.base.energies).sum())
        scatter.append(abs(change + float((it.base.forces * shift).sum())))
    return max(float(np.median(scatter)), 2.0**-exact.FORCE_BITS * it.n**0.5)


def error(energies, expected: float, tolerance: float, h: float) -> float | None:
    """By how much the slope of the summed energies at 0 is more than `expected`; None where they jump nearby.

    h is halved until two answers agree, with each other and with what is expected: where neighbours come within the
    cutoff on the way, two that are off may agree by chance, and smaller steps pass fewer of them. Only what no step
    confirms is wrong.
    """
    center, known = energies(0.0), {}

    def at(s):
        if s not in known:
            known[s] = energies(s) - center
        return known[s]

    def slope(h):
        return float((8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))).sum()) / (12.0 * h) - expected

    coarse, before, agreed = slope(h), np.inf, None
    least = coarse
    for k in range(1, HALVINGS + 1):
        fine = slope(h / 2.0**k)
        best = fine + (fine - coarse) / 15.0  # Richardson: without the error of fourth order
        least = min(least, fine, best, key=abs)
        if min(abs(fine - coarse), abs(best - before)) <= 0.5 * tolerance:
            agreed = fine if abs(fine - coarse) <= 0.5 * tolerance else best
            if abs(agreed) <= tolerance:
                return agreed
        coarse, before = fine, best
    return least if abs(least) <= tolerance else agreed


def _rows(errors: list, limit: float, unit: str, what: str):
    good = np.array([error for error in errors if error is not None])
    note = JUMPY.format(len(errors) - len(good), len(errors)) if len(good) < len(errors) else ""
    if len(good) and np.abs(good).max() > limit:
        note = BROKEN
    if not len(good):
        yield Row(f"{what}, largest", ok=False, note=note)
        return
    yield at_most(f"{what}, largest", np.abs(good).max(), limit, unit, note)
    yield at_most(f"{what}, rms", np.sqrt((good**2).mean()), limit, unit)
