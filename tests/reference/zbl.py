"""Slow twin of the ZBL wall: every pair with every image; the switch from the equations that define it."""

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from tests.reference import lj

E2 = 14.399645478456185  # e^2 / (4 pi epsilon_0), eV Angstrom: CODATA 2018, 27.211386245988 x 0.529177210903


def screening(x):
    """(phi, dphi/dx)"""
    terms = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
    return sum(c * np.exp(-d * x) for c, d in terms), sum(-c * d * np.exp(-d * x) for c, d in terms)


def repulsion(za, zb, r):
    """(u, du/dr) of two bare nuclei in their screens; r may be complex."""
    a = 0.46850 / (za**0.23 + zb**0.23)
    phi, slope = screening(r / a)
    return za * zb * E2 * phi / r, za * zb * E2 * (slope / (a * r) - phi / r**2)


def pair_energy(potential, a, b, r):
    """(E, dE/dr) of one pair at distance r < the longest cutoff."""
    za, zb = (potential.numbers.get(name) or ATOMIC_NUMBERS[name] for name in (a, b))
    inner, cutoff = potential.range_of(a, b)
    if r >= cutoff:
        return 0.0, 0.0
    # energy, slope and curvature of S0 + S3 t^3 + S4 t^4 are minus those of u at the cutoff
    w, h = cutoff - inner, 1e-20
    u, du = repulsion(za, zb, cutoff)
    d2u = repulsion(za, zb, cutoff + 1j * h)[1].imag / h
    conditions = [[1.0, w**3, w**4], [0.0, 3.0 * w**2, 4.0 * w**3], [0.0, 6.0 * w, 12.0 * w**2]]
    s0, s3, s4 = np.linalg.solve(conditions, [-u, -du, -d2u])
    u, du = repulsion(za, zb, r)
    t = max(r - inner, 0.0)
    return u + s0 + s3 * t**3 + s4 * t**4, du + 3.0 * s3 * t**2 + 4.0 * s4 * t**3


def evaluate(system, potential):
    """(energy, forces [n, 3], virial [3, 3], atom energies [n]), as lj.evaluate."""
    return lj.evaluate(system, potential, pair_energy)
