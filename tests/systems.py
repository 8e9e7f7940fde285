"""Systems that potentials and domains are tested on: every kind of cell, crowded and empty ones."""

from collections import defaultdict
from itertools import product

import numpy as np

from mdcore.structure.box import Box
from mdcore.structure.system import System

AROUND = tuple(product((-1, 0, 1), repeat=3))
TRICLINIC = np.array([[1.0, 0.0, 0.0], [0.35, 0.9, 0.0], [-0.25, 0.3, 0.95]])
SKEW = np.array([[0.9, 0.2, 0.1], [0.3, 1.0, -0.2], [-0.1, 0.25, 1.05]])  # no vector along an axis


def scattered(n, matrix, periodic=(True, True, True), symbols=("A",), seed=1, closest=0.85, origin=(0, 0, 0)):
    """n atoms thrown into a cell, none closer than `closest` to another (or its image)."""
    rng = np.random.default_rng(seed)
    box = Box(matrix, periodic, origin)
    shifts = np.unique(np.array(AROUND) * np.array(periodic), axis=0) @ box.matrix
    own = shifts[np.abs(shifts).sum(axis=1) > 0]
    if own.size and np.linalg.norm(own, axis=1).min() < closest:
        raise ValueError("cell too small")
    x, near = [], defaultdict(list)  # near : atoms and their images by cubes as large as `closest`
    for _ in range(200_000):
        if len(x) == n:
            break
        trial = box.cartesian(rng.random(3))
        a, b, c = np.floor(trial / closest).astype(int).tolist()
        others = [image for i, j, k in AROUND for image in near.get((a + i, b + j, c + k), ())]
        if not others or np.linalg.norm(np.array(others) - trial, axis=1).min() >= closest:
            x.append(trial)
            for image in trial + shifts:
                near[tuple(np.floor(image / closest).astype(int).tolist())].append(image)
    assert len(x) == n, "could not place the atoms"
    species = rng.integers(0, len(symbols), n)
    species[: len(symbols)] = np.arange(min(len(symbols), n))
    return System(box, np.array(x), species=species, symbols=symbols, masses=np.linspace(1.0, 2.0, n), units="lj")


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
