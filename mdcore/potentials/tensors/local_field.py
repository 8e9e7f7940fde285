"""What do the dipoles that a field makes in a cell do to each other, beyond all neighbours?

The polarizability alpha of a periodic cell says which dipole moment M a macroscopic field E makes. An atom feels the
field of the others' dipoles, too; of the far ones that of a uniform polarisation M / V around a sphere (Lorentz):

    M = A (E + 4 pi M / 3 V),   A = sum_i a_i,   so   alpha = A F,   F = (1 - 4 pi A / 3 V)^-1 = 1 + 4 pi alpha / 3 V

(Clausius and Mossotti; C. J. F. Boettcher, Theory of Electric Polarization, 2nd edition, Elsevier (1973), chapter V).
a_i is what an atom has of its neighbours, alpha_i = (a_i F + F a_i) / 2 what it adds to alpha. A network that sees
neighbours can learn a_i; F, which is of the whole, it can not: in water F is 1.3, and softer molecules make it grow.

Matrices are xx yy zz yz xz xy, Angstrom^3; volumes Angstrom^3.
"""

import numpy as np

from mdcore.base.voigt import PAIRS, PLACE

SPHERE = 4.0 * np.pi / 3.0
A, B = np.array(PAIRS).T  # matrix[A, B] are the six numbers


def enhancement(local: np.ndarray, volume: float) -> np.ndarray:
    """F [3, 3] of a cell whose atoms have A = `local` [6]; nan where it would polarise itself without end."""
    own = SPHERE / volume * local[PLACE]
    if not np.isfinite(own).all() or np.linalg.eigvalsh(own)[-1] >= 1.0:
        return np.full((3, 3), np.nan)
    return np.linalg.inv(np.eye(3) - own)


def enhancement_of(whole: np.ndarray, volume: float) -> np.ndarray:
    """F [3, 3] of a cell that has the polarizability `whole` [6]."""
    return np.eye(3) + SPHERE / volume * whole[PLACE]


def in_field(local: np.ndarray, f: np.ndarray) -> np.ndarray:
    """(a F + F a) / 2 [n, 6] of a [n, 6]."""
    product = local[:, PLACE] @ f
    return (0.5 * (product + np.swapaxes(product, 1, 2)))[:, A, B]


def without_field(found: np.ndarray, f: np.ndarray) -> np.ndarray:
    """a [n, 6] of which (a F + F a) / 2 is `found` [n, 6]."""
    values, axes = np.linalg.eigh(f)
    turned = axes.T @ found[:, PLACE] @ axes * (2.0 / (values[:, None] + values))
    return (axes @ turned @ axes.T)[:, A, B]
