"""Energies of charges, points or Gaussians, by sums that read like the papers, slow and with C = 1."""

import itertools
import math

import numpy as np

erf, erfc = np.vectorize(math.erf, otypes=[float]), np.vectorize(math.erfc, otypes=[float])


def _images(matrix, axes, most):
    """Shifts [n, 3] up to so many cells along each of `axes`."""
    steps = [range(-most, most + 1) if k in axes else (0,) for k in range(3)]
    return np.array(list(itertools.product(*steps))) @ matrix


def _pairs(positions, charges, shifts, alpha, widths):
    """1/2 sum of q_i q_j (erfc(alpha r) - erfc(gamma r)) / r, and what each has in its own field."""
    energy, gamma = 0.0, None
    if widths is not None:
        gamma = 1.0 / np.sqrt(2.0 * (widths[:, None] ** 2 + widths**2))
        energy += (np.diag(gamma) * charges**2).sum() / math.sqrt(math.pi)
    both = charges[:, None] * charges
    for shift in shifts:
        r = np.linalg.norm(positions[:, None] - positions - shift, axis=-1)
        apart = r > 1e-9
        r = np.where(apart, r, 1.0)
        v = erfc(alpha * r) - (0.0 if gamma is None else erfc(gamma * r))
        energy += 0.5 * (both * np.where(apart, v / r, 0.0)).sum()
    return energy - alpha / math.sqrt(math.pi) * (charges**2).sum()


def crystal(matrix, positions, charges, alpha, images, waves, widths=None):
    """Three periodic axes: P. P. Ewald, Ann. Phys. 369, 253 (1921), and a background; so many images and waves."""
    volume, shifts = abs(np.linalg.det(matrix)), _images(matrix, (0, 1, 2), images)
    energy = _pairs(positions, charges, shifts, alpha, widths)
    vectors = 2.0 * math.pi * np.linalg.inv(matrix).T
    for n in itertools.product(range(-waves, waves + 1), repeat=3):
        if any(n):
            k = n @ vectors
            s = (charges * np.exp(1j * positions @ k)).sum()
            energy += 2.0 * math.pi / volume * math.exp(-(k @ k) / (4.0 * alpha**2)) / (k @ k) * abs(s) ** 2
    return energy - math.pi * charges.sum() ** 2 / (2.0 * volume * alpha**2)


def slab(matrix, positions, charges, alpha, images, waves):
    """Periodic along a and b, which lie in the xy plane: D. E. Parry, Surf. Sci. 49, 433 (1975); D. M. Heyes et al.,
    J. Chem. Soc. Faraday Trans. 2 73, 1485 (1977)."""
    area = abs(np.linalg.det(matrix[:2, :2]))
    energy = _pairs(positions, charges, _images(matrix, (0, 1), images), alpha, None)
    z = positions[:, None, 2] - positions[:, 2]
    flat = positions[:, None, :2] - positions[:, :2]
    both = charges[:, None] * charges
    vectors = 2.0 * math.pi * np.linalg.inv(matrix[:2, :2]).T
    for n in itertools.product(range(-waves, waves + 1), repeat=2):
        if any(n):
            k = n @ vectors
            size = np.linalg.norm(k)
            up = np.exp(size * z) * erfc(alpha * z + size / (2.0 * alpha))
            down = np.exp(-size * z) * erfc(-alpha * z + size / (2.0 * alpha))
            energy += math.pi / (2.0 * area) * (both * np.cos(flat @ k) / size * (up + down)).sum()
    level = np.exp(-((alpha * z) ** 2)) / alpha + math.sqrt(math.pi) * z * erf(alpha * z)
    return energy - math.sqrt(math.pi) / area * (both * level).sum()


def cluster(positions, charges, widths=None):
    """Nothing repeats."""
    return _pairs(positions, charges, np.zeros((1, 3)), 0.0, widths)
