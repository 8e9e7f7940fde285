"""Slow twin of the Lennard-Jones potential: every pair with every image, as the textbook writes it."""

import itertools

import numpy as np


def images(box, reach):
    """Lattice vectors [m, 3] (multiples of the periodic cell vectors) that can bring atoms within reach."""
    counts = [int(np.ceil(reach / w)) + 1 if p else 0 for w, p in zip(box.widths, box.periodic, strict=True)]
    ranges = [range(-n, n + 1) for n in counts]
    return np.array(list(itertools.product(*ranges))) @ box.matrix


def pair_energy(potential, a, b, r):
    """(u, du/dr) of one pair at distance r < cutoff."""
    epsilon, sigma, cutoff = potential._pair(a, b)

    def u(r):
        return 4.0 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6)

    def slope(r):
        return -4.0 * epsilon * (12.0 * (sigma / r) ** 12 - 6.0 * (sigma / r) ** 6) / r

    if r >= cutoff:
        return 0.0, 0.0
    if potential.truncation == "cut":
        return u(r), slope(r)
    if potential.truncation == "shifted":
        return u(r) - u(cutoff), slope(r)
    return u(r) - u(cutoff) - (r - cutoff) * slope(cutoff), slope(r) - slope(cutoff)


def evaluate(system, potential, pair_energy=pair_energy):
    """(energy, forces [n, 3], virial [3, 3] = sum r_ij F_ij, atom energies [n]) by the double sum over pairs.

    pair_energy(potential, a, b, r) : (u, du/dr) of a pair of species
    """
    box, x = system.box, system.positions
    x = box.wrap(x)[0]
    lattice = images(box, potential.cutoff)
    energy, forces, virial = 0.0, np.zeros_like(x), np.zeros((3, 3))
    each = np.zeros(len(x))
    names = [system.symbols[k] for k in system.species]
    for i, j in itertools.product(range(len(x)), repeat=2):
        all_r = x[j] + lattice - x[i]
        near = np.linalg.norm(all_r, axis=1) < potential.cutoff
        if i == j:
            near &= lattice.any(axis=1)
        for r_ij in all_r[near]:
            r = np.linalg.norm(r_ij)
            u, du = pair_energy(potential, names[i], names[j], r)
            each[i] += 0.5 * u
            energy += 0.5 * u
            g = du * r_ij / r  # dE/dr_ij of the pair; each pair is met from both ends
            forces[i] += g
            virial -= 0.5 * np.outer(r_ij, g)
    return energy, forces, virial, each
