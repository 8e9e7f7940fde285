"""Which charges, energy and forces has a network potential with charges? Slow, dense, by the papers (charge_model.py).

Of a cluster, or of a periodic cell, whose sums are converged by brute force. Native units, C = model.constant. Forces
are fourth-order central differences of the energy.
"""

import itertools
import math

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from tests.reference import hdnnp, hdnnp_network
from tests.reference.ewald import erfc


def matrix(positions, widths, cell=None, alpha=None):
    """[n, n] erf(r_ij / sqrt(2 (s_i^2 + s_j^2))) / r_ij with all images, and 1 / (s sqrt(pi)) of each in its field."""
    n = len(positions)
    gamma = 1.0 / np.sqrt(2.0 * (widths[:, None] ** 2 + widths**2))
    found, shifts, alpha = np.diag(1.0 / (widths * math.sqrt(math.pi))), np.zeros((1, 3)), alpha or 0.0
    if cell is not None:
        alpha = alpha or 2.5 / np.linalg.norm(cell, axis=1).min() * 2.0
        reach = 6.0 / min(alpha, gamma.min())
        most = [math.ceil(reach / width) + 1 for width in 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)]
        shifts = np.array(list(itertools.product(*(range(-m, m + 1) for m in most)))) @ cell
        volume, vectors = abs(np.linalg.det(cell)), 2.0 * np.pi * np.linalg.inv(cell).T
        longest = 2.0 * alpha * 6.0
        most = [math.ceil(longest * np.linalg.norm(edge) / (2.0 * math.pi)) for edge in cell]
        k = np.array(list(itertools.product(*(range(-m, m + 1) for m in most)))) @ vectors
        k = k[np.einsum("ka,ka->k", k, k) > 1e-12]
        k2 = np.einsum("ka,ka->k", k, k)
        weights = 4.0 * np.pi / volume * np.exp(-k2 / (4.0 * alpha**2)) / k2
        turns = np.exp(1j * positions @ k.T)
        found += ((turns * weights) @ turns.conj().T).real - 2.0 * alpha / math.sqrt(math.pi) * np.eye(n)
        found -= np.pi / (volume * alpha**2)  # a uniform background
    for shift in shifts:
        r = np.linalg.norm(positions - positions[:, None] + shift, axis=-1)
        apart = r > 1e-9
        r = np.where(apart, r, 1.0)
        found += np.where(apart, (erfc(alpha * r) - erfc(gamma * r)) / r, 0.0)
    return found


def screened(positions, widths, screening, cell=None):
    """[n, n] what a screening takes away: - g(r) erf(gamma r) / r of near pairs."""
    gamma = 1.0 / np.sqrt(2.0 * (widths[:, None] ** 2 + widths**2))
    span = range(-1, 2) if cell is not None else range(1)
    found = np.zeros_like(gamma)
    for n in itertools.product(span, repeat=3):
        r = np.linalg.norm(positions - positions[:, None] + (0.0 if cell is None else n @ cell), axis=-1)
        near = (r > 1e-9) & (r < screening.outer)
        r = np.where(near, r, 1.0)
        x = np.clip((r - screening.inner) / (screening.outer - screening.inner), 0.0, 1.0)
        g = 0.5 * (1.0 + np.cos(np.pi * x)) if screening.core == "cosine" else hdnnp.core(screening.core, x)[0]
        found -= np.where(near, g * (1.0 - erfc(gamma * r)) / r, 0.0)
    return found


def answers(model, own, kinds, numbers, positions, cell, more=None):
    """What the networks of `own`, the model or its charges, say of each atom."""
    said = np.zeros(len(kinds))
    for i, environment in hdnnp.environments(positions, numbers, cell, model.cutoff):
        e = kinds[i]
        slope, shift, base = own.scaling[e].affine()
        x = slope * (hdnnp.descriptors(own.symmetry_functions[e], environment)[0] - shift) + base
        x = x if more is None else np.append(x, more[i])
        said[i] = hdnnp_network.value(own.networks[e], x[None])[0]
    return said


def evaluate(model, symbols, positions, cell=None, total=0.0):
    """(energy, charges), native and e."""
    own, n = model.charges, len(symbols)
    kinds = np.array([model.elements.index(symbol) for symbol in symbols])
    numbers = np.array([ATOMIC_NUMBERS[symbol] for symbol in symbols])
    said = own.output_scale * answers(model, own, kinds, numbers, positions, cell)
    widths = np.array(own.widths)[kinds]
    a = own.constant * matrix(positions, widths, cell)
    if own.equilibrated:
        bordered = np.ones((n + 1, n + 1))
        bordered[:n, :n], bordered[n, n] = a + np.diag(np.array(own.hardness)[kinds]), 0.0
        q = np.linalg.solve(bordered, np.append(-said, total))[:n]
    else:
        q = said + own.conserve * (total - said.sum()) / n
    energy = 0.5 * q @ a @ q
    if not own.own_energy:
        energy -= 0.5 * own.constant * (q**2 / (widths * math.sqrt(math.pi))).sum()
    if own.screening:
        energy += 0.5 * own.constant * q @ screened(positions, widths, own.screening, cell) @ q
    e = answers(model, model, kinds, numbers, positions, cell, own.input_scale * q if own.as_input else None)
    norm = model.normalisation
    factor, mean = (norm.conv_energy, norm.mean_energy) if norm else (1.0, 0.0)
    return energy + (e / factor + mean + np.array(model.atom_energies)[kinds]).sum(), q


def force(model, symbols, positions, atom, axis, cell=None, total=0.0, h=1e-3):
    """One component of the force on an atom."""
    slope = 0.0
    for steps, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
        moved = np.array(positions)
        moved[atom, axis] += steps * h
        slope += weight / h * evaluate(model, symbols, moved, cell, total)[0]
    return -slope
