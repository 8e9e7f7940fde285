"""Chebyshev descriptors as the paper has them, slowly.

Artrith, Urban, Ceder, Phys. Rev. B 96, 014112 (2017); polynomials from numpy.polynomial.
"""

from itertools import combinations

import numpy as np
from numpy.polynomial import chebyshev

from mdcore.base.elements import ATOMIC_NUMBERS


def weight_of(number, elements):
    """... -2, -1, 1, 2 ... by atomic number; 0 is the middle one of an odd number of elements."""
    n = len(elements)
    place = [ATOMIC_NUMBERS[e] for e in elements].index(number) - n // 2
    return place + 1 if place >= 0 and n % 2 == 0 else place


def descriptors(functions, env, elements):
    """G [n_functions] and dG/dr_ij [n_functions, n_neighbours, 3] of one atom (env: reference/hdnnp.py)."""
    found = [descriptor(f, env, [weight_of(n, elements) if f.weighted else 1 for n in env.numbers]) for f in functions]
    return np.array([g for g, _ in found]), np.array([dg for _, dg in found])


def descriptor(f, env, weight):
    series = np.eye(f.order + 1)[f.order]
    derivative = chebyshev.chebder(series)
    r = np.linalg.norm(env.vectors, axis=1)
    hat = env.vectors / r[:, None]
    cut = np.where(r < f.cutoff, 0.5 * (1 + np.cos(np.pi * r / f.cutoff)), 0.0)
    dcut = np.where(r < f.cutoff, -0.5 * np.pi / f.cutoff * np.sin(np.pi * r / f.cutoff), 0.0)
    value, gradient = 0.0, np.zeros_like(env.vectors)
    if f.part == "radial":
        for j in np.flatnonzero(r < f.cutoff):
            x = 2 * r[j] / f.cutoff - 1
            t, dt = chebyshev.chebval(x, series), chebyshev.chebval(x, derivative) * 2 / f.cutoff
            value += weight[j] * cut[j] * t
            gradient[j] = weight[j] * (dcut[j] * t + cut[j] * dt) * hat[j]
        return value, gradient
    for j, k in combinations(np.flatnonzero(r < f.cutoff), 2):
        cosine, both = hat[j] @ hat[k], weight[j] * weight[k]
        t, dt = chebyshev.chebval(cosine, series), chebyshev.chebval(cosine, derivative)
        value += both * cut[j] * cut[k] * t
        for one, other in ((j, k), (k, j)):
            gradient[one] += both * dcut[one] * cut[other] * t * hat[one]
            gradient[one] += both * cut[one] * cut[other] * dt * (hat[other] - cosine * hat[one]) / r[one]
    return value, gradient
