"""What does a Behler-Parrinello network say of a small structure, without the engine? For test vectors."""

import numpy as np

from mdcore.doors._hdnnp import Networks
from mdcore.potentials.networks.model import HDNNP
from mdcore.potentials.networks.plans import energy_of
from mdcore.potentials.networks.vectors import environments


class Answers:
    """model, and its kernels' tables"""

    periodic, rounding = True, 0.0

    def __init__(self, model: HDNNP, networks: Networks):
        self.model, self.networks = model, networks

    def respond(self, symbols, positions, cell=None) -> tuple[float, np.ndarray, float]:
        """Energy and forces [n, 3] of a small structure (vectors.py), and how strongly it depends on the descriptors:
        sum |dE/dx|, x the inputs of the networks."""
        model, networks = self.model, self.networks
        positions = np.asarray(positions, dtype=np.float64)
        center = np.array([model.elements.index(s) for s in symbols], dtype=np.int32)
        first, source, r = environments(positions, center, cell, model.cutoff, len(model.elements))
        g = networks.values(center, first, *r)
        energies, de_dg, response = np.zeros(len(center)), np.zeros_like(g), 0.0
        for e, scaling in enumerate(model.scaling):
            rows, n = np.flatnonzero(center == e), len(model.symmetry_functions[e])
            slope, shift, base = scaling.affine()
            factor, offset = energy_of(model, e)
            x = slope * (g[rows, :n] - shift) + base
            energy, de_dx = (sum(own) / networks.n_members for own in zip(
                *(networks.network(e, x, k) for k in range(networks.n_members)), strict=True
            ))  # fmt: skip
            energies[rows] = factor * energy + offset
            de_dg[rows, :n] = factor * slope * de_dx
            response += np.abs(de_dx).sum()
        edges = networks.vjp(center, first, *r, de_dg).T  # dE_i/dr_ij, r_ij = r_j - r_i
        forces = np.zeros_like(positions)
        np.add.at(forces, np.repeat(np.arange(len(center)), first[:, -1] - first[:, 0]), edges)
        np.subtract.at(forces, source, edges)
        return float(energies.sum()), forces, response
