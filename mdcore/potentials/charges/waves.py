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
    scale, falls, attraction : the same to kernels (ext/charges/planes.h)
    """

    attraction = False

    def __init__(self, alpha: float, constant: float):
        self.scale, self.falls = 4.0 * math.pi * constant, 1.0 / (4.0 * alpha**2)

    def weights(self, k2: np.ndarray) -> np.ndarray:
        return self.scale * np.exp(-self.falls * k2) / k2

    def slopes(self, k2: np.ndarray) -> np.ndarray:
        return 2.0 * (1.0 / k2 + self.falls)


class Plan:
    """The waves of a cell, and their weights.

    matrix : [3, 3] rows are the vectors of the cell; law : what waves weigh, as Smeared
    longest : K, 1 / length, in this cell; of one that it becomes by `move` the waves are the same
    waves : the kernels; k : [n_waves, 3]; g : [n_waves], 0 for those that only fill up
    """

    def __init__(self, matrix: np.ndarray, law, longest: float):
        self._law = law
        vectors = _vectors(matrix)
        columns = columns_of(vectors, longest)
        self.waves = None
        if len(columns):  # else a cell so small, or waves so long, that there are none
            self.waves = Waves(columns)
            self._numbers = numbers_of(columns)
            k2 = ((self._numbers @ vectors) ** 2).sum(axis=1)
            self._inside = (k2 > 0.0) & (k2 <= longest**2)
        self.move(matrix)

    @property
    def about(self) -> str:
        """How many there are, in words."""
        return f"({0 if self.waves is None else int(self._inside.sum()):,})"

    def move(self, matrix: np.ndarray) -> None:
        """The cell is another one."""
        self.matrix, self.volume = matrix, abs(np.linalg.det(matrix))
        if self.waves is None:
            return
        vectors = _vectors(matrix)
        self.waves.move(np.ascontiguousarray(matrix, dtype=float), vectors)
        self.k = self._numbers @ vectors
        k2 = np.where(self._inside, (self.k**2).sum(axis=1), 1.0)
        self.g = np.where(self._inside, self._law.weights(k2) / self.volume, 0.0)
        self._slope = self._law.slopes(k2)

    def act(self, atoms, charges, domain, potentials, forces: bool = True, energy: bool = True, meanwhile=()):
        """potentials [n_total + 1] become those of owned atoms; where wanted adds to the forces on them, and tells
        (energy of waves, its virial [3, 3]: -dE/d(strain)) (collective). meanwhile : work that is done first"""
        for _ in meanwhile:
            pass
        if self.waves is None:
            return (0.0, np.zeros((3, 3))) if energy else None
        s = domain.comm.sum(self.waves.sums(atoms, charges)) * WAVES_GRID
        self.waves.gather(atoms, charges, 2.0 * self.g * s, potentials, forces)
        if not energy:
            return None
        energies, k = self.g * (s**2).sum(axis=0), self.k
        weighted, total = energies * self._slope, energies.sum()
        six = np.array([(weighted * k[:, a] * k[:, b]).sum() for a, b in PAIRS])
        return total, total * np.eye(3) - six[PLACE]


def _vectors(matrix: np.ndarray) -> np.ndarray:
    """[3, 3] rows b1, b2, b3, 2 pi included"""
    return np.ascontiguousarray(2.0 * math.pi * np.linalg.inv(matrix).T)
