"""Systems that potentials and domains are tested on: every kind of cell, crowded and empty ones."""

from itertools import product

import numpy as np

from mdcore.structure.box import Box
from mdcore.structure.system import System

AROUND = tuple(product((-1, 0, 1), repeat=3))
TRICLINIC = np.array([[1.0, 0.0, 0.0], [0.35, 0.9, 0.0], [-0.25, 0.3, 0.95]])
SKEW = np.array([[0.9, 0.2, 0.1], [0.3, 1.0, -0.2], [-0.1, 0.25, 1.05]])  # no vector along an axis


def scattered(n, matrix, periodic=(True, True, True), symbols=("A",), seed=1, closest=0.85, origin=(0, 0, 0)):
    """n atoms thrown into a cell, none closer than `closest` to another (or its image)."""
    rng, thrown = np.random.default_rng(seed), np.random.default_rng(seed)  # one throw after the other; many at a time
    box = Box(matrix, periodic, origin)
    shifts = np.unique(np.array(AROUND) * np.array(periodic), axis=0) @ box.matrix
    own = shifts[np.abs(shifts).sum(axis=1) > 0]
    if own.size and np.linalg.norm(own, axis=1).min() < closest:
        raise ValueError("cell too small")
    reach = (closest + 1e-6) * np.linalg.norm(np.linalg.inv(box.matrix), axis=0)  # in cell vectors
    x, near, throws = [], np.empty((0, 3)), 0  # near : atoms and their images that the cell's atoms may meet
    while len(x) < n and throws < 200_000:
        block = thrown.random((400, 3))
        free = np.flatnonzero(to_nearest(box.cartesian(block), near) > closest - 1e-6)
        for k in free.tolist():
            trial = box.cartesian(block[k])
            if not len(near) or np.linalg.norm(near - trial, axis=1).min() >= closest:
                x.append(trial)
                images = trial + shifts
                inside = np.abs(box.fractional(images) - 0.5) < 0.5 + reach
                near = np.vstack([near, images[inside.all(axis=1)]])
                if len(x) == n:
                    throws += k + 1 - len(block)
                    break
        throws += len(block)
    assert len(x) == n, "could not place the atoms"
    rng.bit_generator.advance(3 * throws)
    species = rng.integers(0, len(symbols), n)
    species[: len(symbols)] = np.arange(min(len(symbols), n))
    return System(box, np.array(x), species=species, symbols=symbols, masses=np.linspace(1.0, 2.0, n), units="lj")


def to_nearest(a, b):
    """From each of the points a to the nearest of b, to rounding."""
    if not len(b):
        return np.full(len(a), np.inf)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
    return np.sqrt(np.maximum(squares.min(axis=1), 0.0))


def cells(cutoff):
    """(name, System) of every kind of cell, for a potential of this cutoff (sigma = 1)."""
    big, small = 2.2 * cutoff, 0.55 * cutoff
    yield "cubic", scattered(40, big * np.eye(3))
    yield "orthorhombic", scattered(40, np.diag([big, 0.8 * big, 1.4 * big]))
    yield "triclinic", scattered(40, big * TRICLINIC)
    yield "skew", scattered(40, big * SKEW, origin=(-3.0, 0.5, 7.0))
    yield "small", scattered(2, small * np.eye(3))
    yield "small triclinic", scattered(2, small * TRICLINIC)
    yield "one atom", scattered(1, 0.5 * cutoff * SKEW)
    yield "slab", scattered(30, big * TRICLINIC, (True, True, False))
    yield "wire", scattered(20, np.diag([0.7, 2.0, 2.0]) * cutoff, (True, False, False))
    yield "cluster", scattered(20, 1.5 * cutoff * np.eye(3), (False, False, False))
    yield "two atoms far apart", scattered(2, 40 * cutoff * np.eye(3), (False, False, False))
    outside = scattered(30, big * TRICLINIC, seed=3)
    outside.positions[::3] += np.array([5, -7, 3]) @ outside.box.matrix
    yield "atoms outside", outside
