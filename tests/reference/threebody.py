"""Slow twins of Stillinger-Weber and Tersoff: every pair and every triple with every image, as the papers have them.

Positions may be complex: an imaginary step gives derivatives without differences.
"""

import itertools

import numpy as np

SW = ("epsilon", "sigma", "a", "lam", "gamma", "costheta0", "A", "B", "p", "q", "tol")
TERSOFF = ("m", "gamma", "lambda3", "c", "d", "costheta0", "n", "beta", "lambda2", "B", "R", "D", "lambda1", "A")


class Numbers:
    """An entry by names."""

    def __init__(self, names, numbers):
        vars(self).update(zip(names, numbers, strict=True))


def neighbours(i, names, positions, shifts, cutoff):
    """[(name, vector, distance)] of what is around atom i."""
    d = positions[:, None] + np.asarray(shifts) - positions[i]
    r = np.sqrt((d * d).sum(axis=2))
    near = np.argwhere((r.real > 0.0) & (r.real < cutoff))
    return [(names[j], d[j, k], r[j, k]) for j, k in near]


def stillinger_weber(entries, names, positions, shifts, cutoff) -> list:
    """Energy of each atom: Stillinger, Weber, Phys. Rev. B 31, 5262 (1985), eqs. 2.1 to 2.6."""
    of = {key: Numbers(SW, numbers) for key, numbers in entries.items()}
    energies = []
    for i, a in enumerate(names):
        around = [it for it in neighbours(i, names, positions, shifts, cutoff)]
        around = [(b, d, r) for b, d, r in around if r.real < of[a, b, b].sigma * of[a, b, b].a]
        energy = 0.0
        for b, _, r in around:
            p = of[a, b, b]
            s = p.sigma / r
            energy += 0.5 * p.A * p.epsilon * (p.B * s**p.p - s**p.q) * np.exp(p.sigma / (r - p.a * p.sigma))
        for (b, d1, r1), (c, d2, r2) in itertools.combinations(around, 2):
            p, one, two = of[a, b, c], of[a, b, b], of[a, c, c]
            cosine = (d1 * d2).sum() / (r1 * r2)
            fall = one.gamma * one.sigma / (r1 - one.a * one.sigma) + two.gamma * two.sigma / (r2 - two.a * two.sigma)
            energy += p.lam * p.epsilon * np.exp(fall) * (cosine - p.costheta0) ** 2
        energies.append(energy)
    return energies


def _cutoff(p, r):
    if r.real >= p.R + p.D:
        return 0.0
    return 1.0 if r.real <= p.R - p.D else 0.5 - 0.5 * np.sin(0.5 * np.pi * (r - p.R) / p.D)


def tersoff(entries, names, positions, shifts, cutoff) -> list:
    """Energy of each atom: Tersoff, Phys. Rev. B 37, 6991 (1988), eqs. 1 to 3."""
    of = {key: Numbers(TERSOFF, numbers) for key, numbers in entries.items()}
    energies = []
    for i, a in enumerate(names):
        around, energy = neighbours(i, names, positions, shifts, cutoff), 0.0
        for j, (b, d1, r1) in enumerate(around):
            bond, zeta = of[a, b, b], 0.0
            if r1.real >= bond.R + bond.D:
                continue
            for k, (c, d2, r2) in enumerate(around):
                p = of[a, b, c]
                if k == j or r2.real >= p.R + p.D:
                    continue
                cosine = (d1 * d2).sum() / (r1 * r2)
                g = p.gamma * (1.0 + p.c**2 / p.d**2 - p.c**2 / (p.d**2 + (p.costheta0 - cosine) ** 2))
                zeta += _cutoff(p, r2) * g * np.exp((p.lambda3 * (r1 - r2)) ** p.m)
            order = (1.0 + (bond.beta * zeta) ** bond.n) ** (-0.5 / bond.n)
            pair = bond.A * np.exp(-bond.lambda1 * r1) - order * bond.B * np.exp(-bond.lambda2 * r1)
            energy += 0.5 * _cutoff(bond, r1) * pair
        energies.append(energy)
    return energies


def force(energies, positions, atom, axis) -> float:
    """Of a function of positions, exactly: -Im E(x + i h) / h."""
    moved = positions.astype(complex)
    moved[atom, axis] += 1e-30j
    return -sum(energies(moved)).imag / 1e-30
