"""Which cutoff, and which mesh, make a sum over charges cheapest? Reckoned, not timed: the same on any machine.

A shorter cutoff has fewer pairs, and a larger splitting, which takes more waves, or points of a mesh. What each costs
was measured once (benchmarks/charge_choices.py, which also times all the choices beside the one that is made).
"""

import math
from dataclasses import dataclass

import numpy as np

from mdcore.potentials.charges.mesh import ORDERS, RESERVE, sizes

# ns on one core of an AMD EPYC of 2020 with AVX2; ratios are what counts
PAIR, GHOST = 10.0, 6.0  # a pair in the list, a ghost; lists last for 15 steps, which is in them
WAVE = 1.5  # a wave of an atom
SPREAD = {4: 360.0, 6: 650.0, 8: 1000.0}  # an atom
POINT, MESH = 16.0, 1e5  # a point of the mesh, transformed there and back; and what any mesh costs beside
SHORTEST, LONGEST, STEP = 5.0, 14.0, 0.25  # cutoffs, Angstrom
SKIN = 1.0  # Angstrom
IN_LJ = 0.35  # of these lengths, in units of sigma


@dataclass(frozen=True)
class Choice:
    """cutoff : unit of length; order : of a mesh, 0 for waves one by one; cost : us a step"""

    cutoff: float
    order: int
    cost: float


def pairs_cost(cutoff: float, skin: float, n: int, matrix: np.ndarray) -> float:
    """ns of the pairs of n atoms in a periodic cell, and of ghosts for them."""
    volume = abs(np.linalg.det(matrix))
    widths = 1.0 / np.linalg.norm(np.linalg.inv(matrix), axis=0)
    reach = cutoff + 1.5 * skin
    grown = np.prod(widths + np.array([2.0, 2.0, 1.0]) * reach) / np.prod(widths)
    near = 2.0 * math.pi / 3.0 * (cutoff + skin) ** 3 * n / volume
    return n * (near * PAIR + (grown - 1.0) * GHOST)


def far_cost(alpha: float, longest: float, accuracy: float, order: int, n: int, matrix: np.ndarray) -> float:
    """ns of what pairs do not have. order : of a mesh, or 0"""
    if not order:
        return n * WAVE * abs(np.linalg.det(matrix)) * (RESERVE * longest) ** 3 / (12.0 * math.pi**2)
    return n * SPREAD[order] + MESH + POINT * math.prod(sizes(matrix, alpha, accuracy, order))


def orders_of(method: str) -> tuple[int, ...]:
    """What a method may choose from."""
    return {"ewald": (0,), "mesh": ORDERS, "auto": (0, *ORDERS)}[method]


def choose(exponent: float, accuracy: float, orders, n: float, matrix: np.ndarray, cutoffs, skin: float) -> Choice:
    """The cheapest of these cutoffs and orders (0: waves one by one), for n atoms in a periodic cell. exponent :
    electrostatics.py"""
    found = None
    for cutoff in cutoffs:
        alpha = math.sqrt(exponent) / cutoff
        near = pairs_cost(cutoff, skin, n, matrix)
        for order in orders:
            cost = near + far_cost(alpha, 2.0 * alpha * math.sqrt(exponent), accuracy, order, n, matrix)
            if found is None or cost < found.cost:
                found = Choice(cutoff, order, cost)
    return Choice(found.cutoff, found.order, 1e-3 * found.cost)


def cutoffs_from(shortest: float, scale: float) -> list[float]:
    """Those to choose from, in steps, so that small changes of a cell seldom change the choice."""
    first, last = (math.ceil(edge / (scale * STEP)) for edge in (max(shortest, scale * SHORTEST), scale * LONGEST))
    return [scale * STEP * k for k in range(first, max(first, last) + 1)]
