"""Energy of a network potential with charges, slow and by the papers: descriptors and networks of hdnnp.py, charges by
solving for them, sums as in ewald.py for each two atoms."""

import itertools

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.units import COULOMB
from tests.reference import ewald, hdnnp, hdnnp_network


def matrix_of(positions, widths, cell=None, alpha=0.85, images=4, waves=5):
    """A [n, n] of Gaussians: C times what unit charges have, all images by Ewald's sum with a background."""
    between = positions - positions[:, None]
    gamma = 1.0 / np.sqrt(2.0 * (widths[:, None] ** 2 + widths**2))
    a = np.diag(2.0 * gamma.diagonal() / np.sqrt(np.pi))
    shifts = np.zeros((1, 3)) if cell is None else ewald._images(cell, (0, 1, 2), images)
    alpha = 0.0 if cell is None else alpha
    for shift in shifts:
        r = np.linalg.norm(between + shift, axis=-1)
        apart = r > 1e-9
        r = np.where(apart, r, 1.0)
        a += np.where(apart, (ewald.erfc(alpha * r) - ewald.erfc(gamma * r)) / r, 0.0)
    if cell is not None:
        volume, vectors = abs(np.linalg.det(cell)), 2.0 * np.pi * np.linalg.inv(cell).T
        for n in itertools.product(range(-waves, waves + 1), repeat=3):
            k = n @ vectors
            if any(n):
                a += 4.0 * np.pi / volume * np.exp(-(k @ k) / (4.0 * alpha**2)) / (k @ k) * np.cos(between @ k)
        a -= 2.0 * alpha / np.sqrt(np.pi) * np.eye(len(a)) + np.pi / (volume * alpha**2)
    return COULOMB * a


def evaluate(model, symbols, positions, cell=None, total=0.0):
    """(energy, charges) in eV and e."""
    own, n = model.charges, len(symbols)
    kinds, x = [model.elements.index(symbol) for symbol in symbols], [None] * n
    numbers = np.array([ATOMIC_NUMBERS[symbol] for symbol in symbols])
    for i, environment in hdnnp.environments(positions, numbers, cell, model.cutoff):
        slope, shift, base = model.scaling[kinds[i]].affine()
        x[i] = slope * (hdnnp.descriptors(model.symmetry_functions[kinds[i]], environment)[0] - shift) + base
    said = own.output_scale * np.array([_network(own.networks[e], g) for e, g in zip(kinds, x, strict=True)])
    a = matrix_of(positions, np.array(own.widths)[kinds], cell)
    if own.equilibrated:
        k = np.pad(a + np.diag(np.array(own.hardness)[kinds]), (0, 1), constant_values=1.0)
        k[n, n] = 0.0
        q = np.linalg.solve(k, np.append(-said, total))[:n]
    else:
        q = said + own.conserve * (total - said.sum()) / n
    energy = 0.5 * q @ a @ q
    norm = model.normalisation
    for k, (e, g) in enumerate(zip(kinds, x, strict=True)):
        g = np.append(g, own.input_scale * q[k]) if own.as_input else g
        factor, mean = (norm.conv_energy, norm.mean_energy) if norm else (1.0, 0.0)
        energy += _network(model.networks[e], g) / factor + mean + model.atom_energies[e]
    return energy, q


def _network(network, x):
    return hdnnp_network.value(network, x[None])[0]
