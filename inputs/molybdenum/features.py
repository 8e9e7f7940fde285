"""What of a structure's energy is linear in unknown coefficients, and local? Features, their forces and stress.

Of atoms within 5 Angstrom, summed over all atoms of a structure:
    pairs       sum_{i<j} (R - r_ij)^3, r_ij < R, for eight R
    embedding   sum_i sqrt(sum_j (R - r_ij)^2) for three R
    power spectrum (A. P. Bartok, R. Kondor, G. Csanyi, Phys. Rev. B 87, 184115 (2013)), for l from 0 to 4 and each two
                of four radial functions g_n = x^2 cos(pi n x), x = (5 - r) / 3:
                sum_i sum_jk g_n(r_ij) g_m(r_ik) cos(angle jik)^l, as products of moments: A_nm = sum_j g_n u_j^m
    atoms       their number
62 in all. Needs ASE.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from tight_binding import length, slope

CUTOFF, INNER = 5.0, 2.0  # Angstrom; x = 1 at INNER
PAIRS = (2.5, 2.7, 2.9, 3.1, 3.4, 3.8, 4.3, 5.0)  # Angstrom
EMBEDDING = (3.5, 4.4, 5.0)  # Angstrom
RADIAL, L = 4, 4
POWERS = [[(a, b, l - a - b) for a in range(l + 1) for b in range(l + 1 - a)] for l in range(L + 1)]  # of x, y, z
COUNTS = [[factorial(l) / np.prod([factorial(p) for p in own]) for own in POWERS[l]] for l in range(L + 1)]


@dataclass
class Features:
    """values [62]; forces [n, 3, 62]; stress [3, 3, 62], per Angstrom^3: all linear in the coefficients (eV)."""

    values: np.ndarray
    forces: np.ndarray
    stress: np.ndarray


def moments(vectors: np.ndarray, l: int) -> np.ndarray:
    """[pairs, radial functions, products of l components]; the sum over products of two is a cosine to the l."""
    r = length(vectors)
    u, x = vectors / r[:, None], (CUTOFF - r) / (CUTOFF - INNER)
    radial = np.stack([x**2 * np.cos(np.pi * n * x) for n in range(RADIAL)], axis=1)
    products = np.stack([np.prod(u ** np.array(own), axis=1) for own in POWERS[l]], axis=1)
    return radial[:, :, None] * (np.sqrt(COUNTS[l]) * products)[:, None, :]


def features(atoms: Atoms) -> Features:
    n, (i, j, r, vectors) = len(atoms), neighbor_list("ijdD", atoms, CUTOFF)
    u, values, pulls = vectors / r[:, None], [], []  # pulls: slopes by the vector of each pair, [pairs, 3]
    for R in PAIRS:
        inside = np.clip(R - r, 0.0, None)
        values.append(0.5 * np.sum(inside**3))
        pulls.append((-1.5 * inside**2)[:, None] * u)
    for R in EMBEDDING:
        inside = np.clip(R - r, 0.0, None)
        root = np.sqrt(np.bincount(i, inside**2, n) + 1e-9)  # has a slope without neighbours, too
        values.append(np.sum(root))
        pulls.append((-inside / root[i])[:, None] * u)
    for l in range(L + 1):
        own, slopes = moments(vectors, l), slope(lambda v, l=l: moments(v, l), vectors)
        A = np.zeros((n, *own.shape[1:]))
        np.add.at(A, i, own)
        for a in range(RADIAL):
            for b in range(a, RADIAL):
                values.append(np.sum(A[:, a] * A[:, b]))
                pairs = [(A[i, a], slopes[:, b]), (A[i, b], slopes[:, a])]
                pulls.append(sum(np.einsum("pm,pmc->pc", moment, change) for moment, change in pairs))
    values.append(float(n))
    pulls.append(np.zeros_like(u))
    pulls = np.stack(pulls, axis=-1)
    forces = np.zeros((n, 3, len(values)))
    np.add.at(forces, i, pulls)
    np.subtract.at(forces, j, pulls)
    stress = np.einsum("pa,pbf->abf", vectors, pulls) / atoms.get_volume()
    return Features(np.array(values), forces, stress)
