"""What does an atom see of its neighbours, as numbers that turn with them and as numbers that don't?

Channels c are a function of the distance and an element of the neighbour,

    g_k(r) = (1 - (r/rc)^2)^3 / r^2  T_k(2 r/rc - 1),    T_k(x) = cos(k arccos x), k = 0, 1, ..

(two continuous derivatives at the cutoff; the near ones count most), and the moments of an atom, with u = r_ij / r_ij,

    M0_c = sum_j g_c,    M1_c = sum_j g_c u,    M2_c = sum_j g_c (u u^T - 1/3).

Invariants are M0_c and all products M1_c . M1_d and M2_c : M2_d. What tensors are made of turns with the atoms: for
vectors M1_c and M2'_k M1'_l; for symmetric matrices 1, M2_c, M1'_k M1'_l^T and M2'_k M2'_l, where a prime means a few
mixtures of the channels. All is summed over neighbours, so their order is of no account.

Numbers are made by additions, multiplications, divisions and roots alone, each atom's in an order of its own: which
atoms are computed beside it changes no bit.
"""

from dataclasses import dataclass

import numpy as np

SYMMETRIC = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])  # how often xx yy zz yz xz xy stand in a symmetric matrix


@dataclass(frozen=True, eq=False)
class Moments:
    """Of n atoms: zeroth [n, C], first [n, C, 3], second [n, C, 6] (xx yy zz yz xz xy)."""

    zeroth: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @property
    def channels(self) -> int:
        return self.zeroth.shape[1]

    def take(self, atoms) -> "Moments":
        return Moments(self.zeroth[atoms], self.first[atoms], self.second[atoms])


def radial(r: np.ndarray, cutoff: float, n: int) -> np.ndarray:
    """g_k at distances r [m], Angstrom, all below the cutoff: float64 [m, n]."""
    x = r / cutoff
    fade = 1.0 - x * x
    fade = fade * fade * fade / (r * r)
    t = 2.0 * x - 1.0
    found = np.empty((len(r), n))
    before, now = np.ones_like(t), t
    for k in range(n):
        found[:, k] = fade * before
        before, now = now, 2.0 * t * now - before
    return found


def moments(counts: np.ndarray, r: np.ndarray, elements: np.ndarray, n_elements: int, cutoff: float, n_radial: int):
    """Moments of atoms with so many neighbours each (counts int [n]), whose r_ij [m, 3] and elements int [m] follow
    each other in the order of the atoms."""
    channels = n_radial * n_elements
    distance = np.sqrt(r[:, 0] * r[:, 0] + r[:, 1] * r[:, 1] + r[:, 2] * r[:, 2])
    u = r / distance[:, None]
    x, y, z = u.T
    g = radial(distance, cutoff, n_radial)
    angular = np.stack([np.ones_like(x), x, y, z, x * x - 1 / 3, y * y - 1 / 3, z * z - 1 / 3, y * z, x * z, x * y])
    sums = np.zeros((len(counts), n_elements, n_radial, len(angular)))
    for e in range(n_elements):
        own = elements == e
        products = g[own, :, None] * angular.T[own, None, :]
        owner = np.repeat(np.arange(len(counts)), counts)[own]
        there, first = np.unique(owner, return_index=True)
        if len(there):
            sums[there, e] = np.add.reduceat(products, first, axis=0)
    sums = sums.reshape(len(counts), channels, len(angular))
    return Moments(sums[:, :, 0], sums[:, :, 1:4], sums[:, :, 4:])


def n_invariants(channels: int) -> int:
    return channels * (channels + 2)


def invariants(m: Moments) -> np.ndarray:
    """float64 [n, n_invariants]: numbers that do not turn."""
    a, b = np.triu_indices(m.channels)
    return np.concatenate([m.zeroth, _dot(m.first[:, a], m.first[:, b]),
                           _dot(m.second[:, a], m.second[:, b], SYMMETRIC)], axis=1)  # fmt: skip


def mixtures(m: Moments, mixing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M1' [n, K, 3] and M2' [n, K, 6] of mixing [2, K, C]."""
    return _mixed(m.first, mixing[0]), _mixed(m.second, mixing[1])


def vectors(m: Moments, mixed) -> np.ndarray:
    """What dipole moments are made of: float64 [n, C + K^2, 3]."""
    one, two = mixed
    xx, yy, zz, yz, xz, xy = np.moveaxis(two[:, :, None, :], -1, 0)
    x, y, z = np.moveaxis(one[:, None, :, :], -1, 0)
    turned = np.stack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z], axis=-1)
    return np.concatenate([m.first, turned.reshape(len(one), -1, 3)], axis=1)


def matrices(m: Moments, mixed) -> np.ndarray:
    """What polarizabilities are made of, xx yy zz yz xz xy: float64 [n, 1 + C + K (K + 1), 6]."""
    one, two = mixed
    a, b = np.triu_indices(one.shape[1])
    x, y, z = np.moveaxis(one[:, a], -1, 0)
    p, q, r = np.moveaxis(one[:, b], -1, 0)
    outer = [x * p, y * q, z * r, 0.5 * (y * r + z * q), 0.5 * (x * r + z * p), 0.5 * (x * q + y * p)]
    xx, yy, zz, yz, xz, xy = np.moveaxis(two[:, a], -1, 0)
    aa, bb, cc, bc, ac, ab = np.moveaxis(two[:, b], -1, 0)
    product = [
        xx * aa + xy * ab + xz * ac, xy * ab + yy * bb + yz * bc, xz * ac + yz * bc + zz * cc,
        0.5 * (xy * ac + yy * bc + yz * cc + xz * ab + yz * bb + zz * bc),
        0.5 * (xx * ac + xy * bc + xz * cc + xz * aa + yz * ab + zz * ac),
        0.5 * (xx * ab + xy * bb + xz * bc + xy * aa + yy * ab + yz * ac),
    ]  # fmt: skip
    unit = np.zeros((len(one), 1, 6))
    unit[:, :, :3] = 1.0
    return np.concatenate([unit, m.second, np.stack(outer, axis=-1), np.stack(product, axis=-1)], axis=1)


def n_vectors(channels: int, mixed: int) -> int:
    return channels + mixed**2


def n_matrices(channels: int, mixed: int) -> int:
    return 1 + channels + mixed * (mixed + 1)


def _dot(a: np.ndarray, b: np.ndarray, weights=None) -> np.ndarray:
    """Sums over the last axis, term by term."""
    found = np.zeros(a.shape[:-1])
    for k in range(a.shape[-1]):
        term = a[..., k] * b[..., k]
        found += term if weights is None else weights[k] * term
    return found


def _mixed(moments: np.ndarray, mixing: np.ndarray) -> np.ndarray:
    """[n, K, components] of [n, C, components] and [K, C], term by term."""
    found = np.zeros((len(moments), len(mixing), moments.shape[2]))
    for c in range(mixing.shape[1]):
        found += moments[:, None, c, :] * mixing[None, :, c, None]
    return found


def product(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """x [n, D] times matrix [D, H], term by term: each row has the same bits whatever rows are beside it, which those
    of a library need not have."""
    found = np.zeros((len(x), matrix.shape[1]))
    for k in range(len(matrix)):
        found += x[:, k, None] * matrix[k]
    return found
