"""How do values depend on the weights of a density network's products, where they are linear in these?

With one layer and no hidden nodes E = sum_i E0(z_i) + sum_k,eta q_k w_eta,k(z_i) B_eta(A_i,k), q the readout of a
feature: a linear expansion of atomic clusters (R. Drautz, Phys. Rev. B 99, 014104 (2019)). A row is the derivative of
an energy, a force or a stress by all w. Structure by structure, in NumPy: what takes the time are products of matrices.
"""

from functools import cache

import numpy as np

from mdcore.base.voigt import PAIRS
from mdcore.doors._density import Edges
from mdcore.potentials.density.angular import three_j
from mdcore.potentials.density.model import Design
from mdcore.training.graphs import Graphs
from mdcore.training.misfit import BOTH, Prediction, Weights

X_Y_Z = [2, 0, 1]  # of the components of Y_1, which are (y, z, x)


def normal(design: Design, flat, graphs: Graphs, weights: Weights, chunk: range, units, now: Prediction) -> np.ndarray:
    """Z^T Z of some structures. Columns of Z are what values change by w over their units, by offsets of energies, and
    what labels are beyond the values `now`; rows are labels, each as the loss weighs it."""
    place, atoms = graphs.places(chunk)
    n, counts, volumes = graphs.n_atoms[place], graphs.counts[place], graphs.volumes[place]
    stresses = np.nan if now.stresses is None else now.stresses[place]
    labels = [graphs.energies[place] - now.energies[place], (graphs.forces[atoms] - now.forces[atoms]).ravel(),
              (graphs.stresses[place] - stresses).ravel()]  # fmt: skip
    each = graphs.weights[place]
    shares = [weights.energy * each / n**weights.power, weights.forces * np.repeat(each, 3 * n),
              weights.stress * np.outer(each, BOTH).ravel()]  # fmt: skip
    own = [rows_of(design, flat, graphs.edges[k]) for k in chunk]
    found = 0.0
    for k, (label, share) in enumerate(zip(labels, shares, strict=True)):
        known = np.isfinite(label) & (share > 0.0)
        if known.any():
            z = np.zeros((len(label), len(units) + design.species + 1))
            rows = [each[k] for each in own]
            if k == 2:
                rows = [row / volume for row, volume in zip(rows, volumes, strict=True)]
            z[:, : len(units)] = np.concatenate([row.reshape(-1, len(units)) for row in rows]) * units
            if k == 0:
                z[:, len(units) : -1] = counts
            z[:, -1] = label
            z = z[known] * np.sqrt(share[known])[:, None]
            found = found + z.T @ z
    return found + np.zeros((len(units) + design.species + 1,) * 2)


def without_offsets(found: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(C, p) of the sum of `normal` over all structures, with n offsets where the loss is least."""
    w, offsets = slice(None, -n - 1), slice(-n - 1, -1)
    found = found - found[:, offsets] @ np.linalg.pinv(found[offsets, offsets], rcond=1e-12) @ found[offsets]
    return found[w, w], found[w, -1]


def rows_of(design: Design, flat: np.ndarray, edges: Edges) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives by w [species, invariants, channels], all as one axis, of the energy [n], forces [atoms, 3, n] and of
    sum d (x) dE/dd, symmetric, [6, n] of a structure; parameters [n_parameters]."""
    theta = design.folded_views(design.fold(flat))
    first, other, d, species = edges.arrays
    n, r = len(species), np.sqrt(np.sum(d * d, axis=1))
    y, y_slope = harmonics(d / r[:, None], design.l_max)
    phi, phi_slope = (np.empty((len(r), design.l_max + 1, design.channels)) for _ in range(2))
    f, f_slope = radial(r, design.radial, design.cutoff, design.envelope)
    centre = np.repeat(species, np.diff(first))
    for a, b in {*zip(centre.tolist(), species[other].tolist(), strict=True)}:
        own = np.flatnonzero((centre == a) & (species[other] == b))
        mix = np.einsum("bn,lbk->nlk", theta["radial.0"][a, b], theta["mix.0"][a, b])
        phi[own], phi_slope[own] = np.tensordot(f[own], mix, 1), np.tensordot(f_slope[own], mix, 1)
    degree = np.repeat(np.arange(design.l_max + 1), 2 * np.arange(design.l_max + 1) + 1)
    densities = np.zeros((len(degree), n, design.channels))
    for i in range(n):
        e = slice(first[i], first[i + 1])
        densities[:, i] = np.einsum("em,emk->mk", y[e], phi[e][:, degree])
    shape = (design.species, design.program.n_invariants, design.channels)
    energy, forces, strain = (np.zeros((*rest, *shape)) for rest in ((), (n, 3), (9,)))
    values = design.program.evaluate(np.moveaxis(densities, 0, 2))  # [n, K, I]
    slopes = np.ascontiguousarray(np.moveaxis(design.program.slopes(densities), (2, 3), (0, 1)))  # [n, K, I, M]
    gain, bend = gains(theta, species, values)
    for i, z in enumerate(species):
        e = slice(first[i], first[i + 1])
        u, own = d[e] / r[e, None], degree
        along = phi_slope[e][:, own] * y[e, :, None]  # [edges, M, K]
        across = phi[e][:, own] / r[e, None, None]
        by_d = along[..., None] * u[:, None, None] + across[..., None] * y_slope[e][:, :, None]
        by_d = by_d.transpose(2, 1, 0, 3).reshape(design.channels, len(degree), -1)
        slope = slopes[i] * gain[i][:, None, None]
        if bend is not None:  # gain changes, too, as features do
            by_x = np.sum(slopes[i] * theta["product.0"][z].T[:, :, None], axis=1)
            turned = bend[i] @ np.matmul(by_x[:, None], by_d)[:, 0]
            slope = np.concatenate([slope, values[i][:, :, None]], axis=2)
            by_d = np.concatenate([by_d, turned[:, None]], axis=1)
        found = np.matmul(slope, by_d).transpose(2, 1, 0).reshape(-1, 3, *shape[1:])
        energy[z] += values[i].T * gain[i]
        atoms = np.union1d(other[e], i)  # several neighbours may be images of one
        pull = (atoms[:, None] == i) - (atoms[:, None] == other[e]).astype(float)
        forces[atoms, :, z] += np.tensordot(pull, found, 1)
        strain[:, z] += np.tensordot(_outer(d[e]), found.reshape(-1, *shape[1:]), 1)
    symmetric = np.array([0.5 * (strain[3 * a + b] + strain[3 * b + a]) for a, b in PAIRS])
    return energy.ravel(), forces.reshape(n, 3, -1), symmetric.reshape(6, -1)


def gains(theta, species: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """What energies change by features: dE/dx [n, channels], and, unless hidden nodes give nothing, d2E/dx2 [n,
    channels, channels] of each atom; values : B [n, channels, invariants]"""
    hidden, out = theta["hidden"][species], theta["out"][species]
    if not out.any():
        return theta["linear"][species], None
    x = np.einsum("nkI,nIk->nk", values, theta["product.0"][species])
    t = np.tanh(theta["bias"][species] + np.einsum("nk,nkh->nh", x, hidden))
    slope = out * (1.0 - t * t)
    gain = theta["linear"][species] + np.einsum("nkh,nh->nk", hidden, slope)
    return gain, np.einsum("nkh,nh,njh->nkj", hidden, -2.0 * t * slope, hidden)


def _outer(d: np.ndarray) -> np.ndarray:
    """[9, 3 edges] that makes sum d (x) g, row by row, of g [edges, 3]."""
    found = np.zeros((3, 3, len(d), 3))
    for b in range(3):
        found[:, b, :, b] = d.T
    return found.reshape(9, -1)


def radial(r: np.ndarray, n: int, cutoff: float, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Bessel functions under their window (potentials/density/model.py) and their slopes [..., n]."""
    u, waves = r[..., None] / cutoff, np.pi * np.arange(1, n + 1) / cutoff
    window = 1 - u**p * ((p + 1) * (p + 2) / 2 - p * (p + 2) * u + p * (p + 1) / 2 * u * u)
    fall = -p * (p + 1) * (p + 2) / 2 * u ** (p - 1) * (1 - u) ** 2 / cutoff
    wave, per_r = np.sqrt(2 / cutoff) * np.sin(waves * r[..., None]), 1.0 / r[..., None]
    slope = np.sqrt(2 / cutoff) * waves * np.cos(waves * r[..., None])
    return wave * per_r * window, (slope * window + wave * (fall - window * per_r)) * per_r


def harmonics(u: np.ndarray, l_max: int) -> tuple[np.ndarray, np.ndarray]:
    """Y [n, (l_max + 1)^2] of unit vectors u [n, 3], and r times their gradients [n, (l_max + 1)^2, 3]: Y_l couples Y_1
    and Y_(l-1), and the gradient of r^l Y_l is made of Y_(l-1) by the same numbers."""
    y, slope = [np.ones((len(u), 1))], [np.zeros((len(u), 1, 3))]
    for l in range(1, l_max + 1):
        grown = np.einsum("axm,nx->nma", _ladder(l), y[-1])
        y.append(np.einsum("nma,na->nm", grown, u) / l)
        slope.append(grown - l * y[-1][..., None] * u[:, None])
    return np.concatenate(y, axis=1), np.concatenate(slope, axis=1)


@cache
def _ladder(l: int) -> np.ndarray:
    """C [axis, 2 l - 1, 2 l + 1]: the gradient of r^l Y_lm is r^(l-1) sum C Y_(l-1)."""
    c = three_j(1, l - 1, l)[X_Y_Z]
    # at u = z only m = 0 is not zero: Y_l0 = sqrt(2 l + 1)
    return c * l * np.sqrt((2 * l + 1) / (2 * l - 1)) / c[2, l - 1, l]
