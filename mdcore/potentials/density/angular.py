"""How do angular momenta couple, for real spherical harmonics?

A_lm, index lm = l l + l + m, m = -l..l; those with m < 0 are the sines, all without the sign of Condon and Shortley.
"""

from collections import Counter
from functools import cache
from itertools import combinations_with_replacement
from math import factorial, sqrt

import numpy as np

NONE = 1e-12  # of coefficients


@cache
def three_j(l1: int, l2: int, l3: int) -> np.ndarray:
    """C [2 l1 + 1, 2 l2 + 1, 2 l3 + 1], of which sum C A_l1 A_l2 A_l3 is invariant under rotation, for real
    harmonics; sum C^2 = 1. Under inversion it has the parity of l1 + l2 + l3."""
    found = np.einsum("abc,ai,bj,ck->ijk", _wigner(l1, l2, l3), *(_complex(l) for l in (l1, l2, l3)))
    c = found.real if (l1 + l2 + l3) % 2 == 0 else found.imag
    return np.where(np.abs(c) > NONE, c, 0.0)


def _wigner(l1: int, l2: int, l3: int) -> np.ndarray:
    """3j symbols, by the formula of Racah (A. R. Edmonds, Angular Momentum in Quantum Mechanics, 1957, eq. 3.6.10)."""
    w = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    delta = factorial(l1 + l2 - l3) * factorial(l1 - l2 + l3) * factorial(l2 + l3 - l1) / factorial(l1 + l2 + l3 + 1)
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            m3 = -m1 - m2
            root = sqrt(delta)
            for l, m in ((l1, m1), (l2, m2), (l3, m3)):
                root *= sqrt(factorial(l + m) * factorial(l - m))
            first, last = max(0, l2 - l3 - m1, l1 - l3 + m2), min(l1 + l2 - l3, l1 - m1, l2 + m2)
            total = 0.0
            for k in range(first, last + 1):
                under = (k, l1 + l2 - l3 - k, l1 - m1 - k, l2 + m2 - k, l3 - l2 + m1 + k, l3 - l1 - m2 + k)
                total += (-1) ** k / np.prod([float(factorial(n)) for n in under])
            w[l1 + m1, l2 + m2, l3 + m3] = (-1) ** (l1 - l2 - m3) * root * total
    return w


@cache
def _complex(l: int) -> np.ndarray:
    """U [mu, m]: complex harmonics Y_l^mu = sum_m U Y_lm of real ones; m < 0 are the sines, all without the sign of
    Condon and Shortley, so that Y_1 is (y, z, x)."""
    u = np.zeros((2 * l + 1, 2 * l + 1), dtype=complex)
    u[l, l] = 1.0
    for m in range(1, l + 1):
        u[l + m, l + m], u[l + m, l - m] = (-1) ** m / sqrt(2.0), (-1) ** m * 1j / sqrt(2.0)
        u[l - m, l + m], u[l - m, l - m] = 1.0 / sqrt(2.0), -1j / sqrt(2.0)
    return u


def triples(l_max: int):
    """l1 <= l2 <= l3 that couple to an invariant of rotation and inversion, of which there is one."""
    for ls in combinations_with_replacement(range(l_max + 1), 3):
        if ls[2] <= ls[0] + ls[1] and sum(ls) % 2 == 0:
            yield ls


def invariant_of(ls) -> dict[tuple[int, ...], float]:
    """The invariant of three factors, {components: coefficient}."""
    c, found = three_j(*ls), Counter()
    for at in np.argwhere(c):
        found[tuple(sorted(l * l + int(m) for l, m in zip(ls, at, strict=True)))] += float(c[tuple(at)])
    return {key: value for key, value in found.items() if abs(value) > NONE}


def pair_of(l1: int, l2: int, l: int) -> list[dict[tuple[int, ...], float]]:
    """P_lm of A_l1 and A_l2, one {(i, j): coefficient} for each m; empty ones if l1 = l2 and l is odd."""
    c = sqrt(2 * l + 1) * three_j(l1, l2, l)
    rows = []
    for m in range(2 * l + 1):
        row = Counter()
        for a, b in np.argwhere(c[..., m]):
            row[tuple(sorted((l1 * l1 + int(a), l2 * l2 + int(b))))] += float(c[a, b, m])
        rows.append({key: value for key, value in row.items() if abs(value) > NONE})
    return rows
