"""How do the charges of a structure interact, and how does that follow its atoms? Dense matrices of small structures.

The energy of charges q is 1/2 q.A q; positions never change in training, so A and its derivatives are computed once.
Charges are Gaussians of width s: in a cluster

    A_ij = C erf(r_ij / l_ij) / r_ij,    l_ij^2 = 2 (s_i^2 + s_j^2),    A_ii = C / (s_i sqrt(pi)),

and in a cell all images are summed up as P. P. Ewald did, Ann. Phys. 369, 253 (1921); a total charge has a uniform
background (potentials/charges/electrostatics.py). All in eV, Angstrom and e.
"""

import math
from dataclasses import dataclass

import numpy as np

from mdcore.base.units import COULOMB
from mdcore.base.voigt import PAIRS

REACH = 5.8  # erfc of it is a double's rounding: what is beyond counts nothing
WAVES = 4096  # that are summed up together


@dataclass(frozen=True, eq=False)
class Interaction:
    """Of the n charges of a structure.

    a : float64 [n, n]; slopes : [3, n, n], dA_ij / d(r_j - r_i), each antisymmetric
    strains : [6, n, n], dA / dstrain in Voigt's order, or None where no stress is known
    """

    a: np.ndarray
    slopes: np.ndarray
    strains: np.ndarray | None

    def along(self, t: np.ndarray, strain: np.ndarray | None = None) -> np.ndarray:
        """How A [n, n] changes when atoms move along t [n, 3], and the cell by a strain [6]."""
        found = sum(s * (own[None, :] - own[:, None]) for s, own in zip(self.slopes, t.T, strict=True))
        return found if strain is None else found + np.tensordot(strain, self.strains, 1)


def bytes_of(n: int, stress: bool) -> int:
    """What the matrices of n charges take."""
    return 8 * n * n * (10 if stress else 4)


def interaction(widths: np.ndarray, positions: np.ndarray, matrix=None, pairs=None, stress: bool = False):
    """The Interaction of charges of `widths` [n] at `positions` [n, 3].

    matrix : of a cell that is periodic along all axes, or None: a cluster
    pairs : of a cell, (i, j, r_j - r_i) of all pairs closer than `cutoff_of`, each from both sides
    """
    n, l = len(widths), np.sqrt(2.0 * (widths[:, None] ** 2 + widths**2))
    a, slopes, strains = np.zeros((n, n)), np.zeros((3, n, n)), np.zeros((6, n, n)) if stress else None
    a[np.diag_indices(n)] = 2.0 / (math.sqrt(math.pi) * l.diagonal())
    if matrix is None:
        i, j = np.nonzero(~np.eye(n, dtype=bool))
        r = positions[j] - positions[i]
    else:
        i, j, r = pairs
    upper = (i < j) | ((i == j) & _above(r))  # the other half is the same
    i, j, r = i[upper], j[upper], r[upper]
    size = np.sqrt(np.einsum("ij,ij->i", r, r))
    value, slope = _erfc(size, 1.0 / l[i, j])
    value, slope = 1.0 / size - value, -1.0 / size**2 - slope
    if matrix is not None:
        alpha = REACH / cutoff_of(widths, matrix)
        screened, fall = _erfc(size, alpha)
        value, slope = value + screened - 1.0 / size, slope + fall + 1.0 / size**2
        _add_waves(a, slopes, strains, positions, matrix, alpha)
    vector = slope[:, None] * r / size[:, None]
    for to, own, sign in [(a, value, 1.0), *zip(slopes, vector.T, (-1.0,) * 3, strict=True)]:
        half = _summed(i, j, own, n)
        to += half + sign * half.T
    for number, (x, y) in enumerate(PAIRS if stress else ()):
        half = _summed(i, j, vector[:, x] * r[:, y], n)
        strains[number] += half + half.T
    for own in (a, slopes, strains):
        if own is not None:
            own *= COULOMB
    return Interaction(a, slopes, strains)


def cutoff_of(widths: np.ndarray, matrix: np.ndarray) -> float:
    """How far pairs of a cell are summed up, Angstrom: beyond the Gaussians, and where waves cost as much."""
    volume = abs(np.linalg.det(matrix))
    return REACH * max(2.0 * float(widths.max()), (volume**2 / len(widths)) ** (1.0 / 6.0) / math.sqrt(math.pi))


def _summed(i: np.ndarray, j: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """[n, n], where each value is added at (i, j)."""
    return np.bincount(i * n + j, values, n * n).reshape(n, n)


def _erfc(r: np.ndarray, alpha) -> tuple[np.ndarray, np.ndarray]:
    """erfc(alpha r) / r and its slope."""
    x = alpha * r
    value = np.fromiter(map(math.erfc, x.tolist()), dtype=np.float64, count=len(x)) / r
    return value, -(value + 2.0 / math.sqrt(math.pi) * alpha * np.exp(-(x**2))) / r


def _add_waves(a, slopes, strains, positions, matrix, alpha: float) -> None:
    """What waves add, without C: sum_k g(k) cos k.(r_j - r_i), g = 4 pi exp(-k^2 / 4 alpha^2) / (V k^2), the charge in
    its own wave, the background."""
    volume, k = abs(np.linalg.det(matrix)), half_of_waves(matrix, 2.0 * alpha * REACH)
    square = np.einsum("ij,ij->i", k, k)
    weight = 8.0 * math.pi / volume * np.exp(-square / (4.0 * alpha**2)) / square  # of k and -k
    for begin in range(0, len(k), WAVES):
        own = slice(begin, begin + WAVES)
        phase = positions @ k[own].T
        c, s, w = np.cos(phase), np.sin(phase), weight[own]
        a += (c * w) @ c.T + (s * w) @ s.T
        for to, component in zip(slopes, k[own].T, strict=True):
            half = (s * (w * component)) @ c.T
            to += half - half.T  # -g k sin k.(r_j - r_i) = g k (sin_i cos_j - cos_i sin_j)
        for number, (x, y) in enumerate(PAIRS if strains is not None else ()):
            part = w * (2.0 * k[own, x] * k[own, y] * (1.0 / square[own] + 0.25 / alpha**2) - (x == y))
            strains[number] += (c * part) @ c.T + (s * part) @ s.T
    background = math.pi / (volume * alpha**2)
    a -= background
    a[np.diag_indices(len(a))] -= 2.0 * alpha / math.sqrt(math.pi)
    if strains is not None:
        strains[:3] += background


def half_of_waves(matrix: np.ndarray, longest: float) -> np.ndarray:
    """Wave vectors [n, 3] of a cell up to a length, one of k and -k each, without 0."""
    reciprocal = 2.0 * math.pi * np.linalg.inv(matrix).T
    most = np.floor(longest * np.linalg.norm(matrix, axis=1) / (2.0 * math.pi)).astype(int)
    steps = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), axis=-1).reshape(-1, 3)
    steps = steps[_above(steps)]
    k = steps @ reciprocal
    return k[np.einsum("ij,ij->i", k, k) <= longest**2]


def _above(r: np.ndarray) -> np.ndarray:
    """Which of these vectors are chosen where they come with their opposites."""
    x, y, z = r.T
    return (z > 0) | ((z == 0) & ((y > 0) | ((y == 0) & (x > 0))))
