"""Density networks, slow, as papers write them: R. Drautz, Phys. Rev. B 99, 014104 (2019); I. Batatia et al.,
arXiv:2206.07697."""

from math import factorial

import numpy as np


def harmonics(u: np.ndarray, l_max: int) -> np.ndarray:
    """Y [..., (l_max + 1)^2] of unit vectors u [..., 3], index l l + l + m; sum_m Y_lm^2 = 2 l + 1.

    Y_lm = N_lm P_l^|m|(z) cos(m phi), for m < 0 sin(|m| phi), where P_l^m has no (-1)^m."""
    x, y, z = np.moveaxis(u, -1, 0)
    plane = x + 1j * y  # sin(theta) exp(i phi)
    found = np.zeros((*u.shape[:-1], (l_max + 1) ** 2), dtype=np.result_type(u, float))
    for l in range(l_max + 1):
        polynomial = np.polynomial.legendre.Legendre.basis(l).convert(kind=np.polynomial.Polynomial)
        for m in range(l + 1):
            norm = np.sqrt((2 if m else 1) * (2 * l + 1) * factorial(l - m) / factorial(l + m))
            wave = norm * polynomial.deriv(m)(z) * plane**m
            found[..., l * l + l + m] = wave.real
            if m:
                found[..., l * l + l - m] = wave.imag
    return found
