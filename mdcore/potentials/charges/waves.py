"""Which waves does an Ewald sum go over, and what do they weigh?

    E = sum over k of g(k) |S(k)|^2,    g(k) = 4 pi C exp(-k^2 / (4 alpha^2)) / (V k^2),    k in half of space, |k| <= K
"""

import math

import numpy as np

from mdcore.base.voigt import PAIRS, PLACE
from mdcore.doors._kernels import WAVES_GRID, Waves

FOUR = 4  # waves of a column come in fours (ext/charges/waves.h)


def columns_of(vectors: np.ndarray, longest: float) -> np.ndarray:
    """int32 [n, 4]: n1, n2, first n3 and fours of each column of waves that has some of |k| <= longest; half of space.

    vectors : [3, 3] rows b1, b2, b3, 2 pi included
    """
    edges = np.linalg.norm(np.linalg.inv(vectors), axis=0)  # a1 / 2 pi, ...: |n1| <= |k| a1 / 2 pi
    most = np.floor(longest * edges + 1e-9).astype(int)
    n1, n2 = (grid.ravel() for grid in np.mgrid[0 : most[0] + 1, -most[1] : most[1] + 1])
    keep = (n1 > 0) | (n2 >= 0)
    n1, n2 = n1[keep], n2[keep]
    # |p + n3 b3| <= longest, p = n1 b1 + n2 b2
    p, b3 = n1[:, None] * vectors[0] + n2[:, None] * vectors[1], vectors[2]
    square = b3 @ b3
    middle = -(p @ b3) / square
    reach = (longest**2 - (p**2).sum(axis=1)) / square + middle**2
    near = reach >= 0.0
    half = np.sqrt(np.where(near, reach, 0.0))
    first = np.ceil(middle - half).astype(int)
    last = np.floor(middle + half).astype(int)
    first = np.where((n1 == 0) & (n2 == 0), 1, first)
    near &= last >= first
    fours = -(-(last - first + 1) // FOUR)
    return np.ascontiguousarray(np.column_stack([n1, n2, first, fours])[near].astype(np.int32))


def numbers_of(columns: np.ndarray) -> np.ndarray:
    """[n_waves, 3] n1, n2, n3 of all waves of columns."""
    counts = FOUR * columns[:, 3]
    begins = np.cumsum(counts) - counts
    n3 = np.arange(counts.sum()) - np.repeat(begins - columns[:, 2], counts)
    return np.column_stack([np.repeat(columns[:, :2], counts, axis=0), n3])


class Smeared:
    """What waves of charges weigh: V g of k^2, and the slope of - 2 log g over it.

    alpha : splitting, 1 / length; constant : C, energy times length / charge^2
    """

    def __init__(self, alpha: float, constant: float):
        self._widths, self._constant = 1.0 / (4.0 * alpha**2), 4.0 * math.pi * constant

    def weights(self, k2: np.ndarray) -> np.ndarray:
        return self._constant * np.exp(-k2 * self._widths) / k2

    def slopes(self, k2: np.ndarray) -> np.ndarray:
        return 2.0 * (1.0 / k2 + self._widths)


class Plan:
    """The waves of a cell, and their weights.

    matrix : [3, 3] rows are the vectors of the cell; law : what waves weigh, as Smeared; longest : K, 1 / length
    waves : the kernels; k : [n_waves, 3]; g : [n_waves], 0 for those that only fill up
    """

    def __init__(self, matrix: np.ndarray, law, longest: float):
        self.matrix, self.volume = matrix, abs(np.linalg.det(matrix))
        vectors = np.ascontiguousarray(2.0 * math.pi * np.linalg.inv(matrix).T)
        columns = columns_of(vectors, longest)
        self.waves = None
        if not len(columns):  # a cell so small, or waves so long, that there are none
            return
        self.waves = Waves(vectors, columns)
        self.k = numbers_of(columns) @ vectors
        k2 = (self.k**2).sum(axis=1)
        inside = (k2 > 0.0) & (k2 <= longest**2)
        k2 = np.where(inside, k2, 1.0)
        self.g = np.where(inside, law.weights(k2) / self.volume, 0.0)
        self._slopes = law.slopes(k2)

    def act(self, atoms, charges, comm, potentials) -> np.ndarray:
        """Adds to the forces on owned atoms; potentials [n_total + 1] become theirs; energies of waves (collective)."""
        if self.waves is None:
            return np.zeros(1)
        s = comm.sum(self.waves.sums(atoms, charges)) * WAVES_GRID
        self.waves.forces(atoms, charges, 2.0 * self.g * s, potentials)
        return self.g * (s**2).sum(axis=0)

    def virial(self, energies: np.ndarray) -> np.ndarray:
        """[3, 3] -dE/d(strain), of energies [n_waves] of waves; cell and atoms are strained."""
        if self.waves is None:
            return np.zeros((3, 3))
        weighted, k = energies * self._slopes, self.k
        six = np.array([(weighted * k[:, a] * k[:, b]).sum() for a, b in PAIRS])
        return energies.sum() * np.eye(3) - six[PLACE]
