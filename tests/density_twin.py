"""Density networks, slow, as papers write them: R. Drautz, Phys. Rev. B 99, 014104 (2019); I. Batatia et al.,
arXiv:2206.07697. Derivatives are complex steps: f'(x) = Im f(x + i h) / h, exact to rounding for a tiny h."""

from dataclasses import replace
from itertools import product
from math import factorial

import numpy as np

from mdcore.potentials.density.angular import three_j
from mdcore.potentials.density.model import DensityNetwork, Design

STEP = 1e-30
GENTLE = {"cutoff": 2.5, "neighbours": 50.0, "scale": 0.1}  # also in crowded cells


def random_network(elements=("H", "O"), seed: int = 1, **design) -> DensityNetwork:
    """Not trained, of forces of some eV/Angstrom where an atom has `neighbours` neighbours."""
    settings = {"cutoff": 4.0, "channels": 16, "radial": 5, "mixed": 4, "neighbours": 12.0, "scale": 0.7} | design
    design, rng = Design(elements=elements, **settings), np.random.default_rng(seed)
    flat = rng.normal(size=design.n_parameters)
    p, k = design.views(flat), design.channels
    for t in range(design.layers):
        p[f"radial.{t}"] /= np.sqrt(design.radial * max(design.element_rank, 1))
        p[f"W.{t}"] *= np.sqrt(design.neighbours * design.cutoff / design.mixed)
        typical = design.program.evaluate(rng.normal(size=(1000, design.program.n_components)))
        p[f"w.{t}"] /= np.sqrt(np.mean(typical**2, axis=0) * design.program.n_invariants)[:, None]
        p[f"c.{t}"] /= np.sqrt(k)
        for name in ("U", "V", "S", "V1") if t else ("U",):
            if f"{name}.{t}" in p:
                p[f"{name}.{t}"] /= np.sqrt(k)
        if f"w1.{t}" in p:
            p[f"w1.{t}"] /= np.sqrt(design.program.n_vectors)
        if f"u.{t}" in p:
            p[f"u.{t}"] *= 0.3
    if design.hidden:
        p["W1"] /= np.sqrt(k)
    return DensityNetwork(design=design, parameters=flat)


def density(elements=("H", "O"), members: int = 1, walls=(), settings=None, unlike=(), **design):
    """A potential that is not trained, gentle where an atom has some 50 neighbours; a committee of several members.
    settings : of the potential; unlike : what designs of further members have in other ways"""
    from mdcore.potentials.density.committee import committee
    from mdcore.potentials.density.potential import DensityPotential

    models = [random_network(elements, seed, **GENTLE | design) for seed in range(1, members + 1)]
    models += [random_network(elements, 10 + k, **GENTLE | design | own) for k, own in enumerate(unlike)]
    return DensityPotential(replace(committee(models), walls=walls), **settings or {})


def harmonics(u: np.ndarray, l_max: int) -> np.ndarray:
    """Y [..., (l_max + 1)^2] of unit vectors u [..., 3], index l l + l + m; sum_m Y_lm^2 = 2 l + 1.

    Y_lm = N_lm P_l^|m|(z) cos(m phi), for m < 0 sin(|m| phi), where P_l^m has no (-1)^m."""
    x, y, z = np.moveaxis(u, -1, 0)
    found = np.zeros((*u.shape[:-1], (l_max + 1) ** 2), dtype=u.dtype)
    cosine, sine = np.ones_like(x), np.zeros_like(x)  # sin(theta)^m cos(m phi), sin(theta)^m sin(m phi)
    for m in range(l_max + 1):
        for l in range(m, l_max + 1):
            legendre = np.polynomial.legendre.Legendre.basis(l).convert(kind=np.polynomial.Polynomial).deriv(m)(z)
            norm = np.sqrt((2 if m else 1) * (2 * l + 1) * factorial(l - m) / factorial(l + m))
            found[..., l * l + l + m] = norm * legendre * cosine
            if m:
                found[..., l * l + l - m] = norm * legendre * sine
        cosine, sine = x * cosine - y * sine, x * sine + y * cosine
    return found


def bessel(r: np.ndarray, n: int, cutoff: float, p: int = 6) -> np.ndarray:
    """f [..., n]"""
    u, order = r[..., None] / cutoff, np.arange(1, n + 1)
    smooth = 1 - (p + 1) * (p + 2) / 2 * u**p + p * (p + 2) * u ** (p + 1) - p * (p + 1) / 2 * u ** (p + 2)
    return np.sqrt(2 / cutoff) * np.sin(order * np.pi * u) / r[..., None] * smooth


def edges(positions, cell=None, cutoff: float = 4.0):
    """(i, j, shift [n, 3]) of every ordered pair closer than the cutoff, images included: d = r_j + shift - r_i."""
    shifts = np.zeros((1, 3))
    if cell is not None:
        inverse = np.linalg.inv(cell)
        reach = np.ceil(cutoff * np.linalg.norm(inverse, axis=0) + np.ptp(positions @ inverse, axis=0)).astype(int)
        shifts = np.array(list(product(*(range(-n, n + 1) for n in reach)))) @ cell
    d = positions[None, :, None] + shifts - positions[:, None, None]
    r = np.linalg.norm(d, axis=-1)
    i, j, image = np.nonzero((r < cutoff) & (r > 0))
    return i, j, shifts[image]


class Structure:
    """Energies of a structure by `energies(d)`, edges d [n_edges, 3], and what follows from them.

    species : int [n], of the network's elements; positions [n, 3]; cell : rows a, b, c, or None"""

    def __init__(self, design, species, positions, cell=None):
        self.design, self.species = design, np.asarray(species)
        self.positions = np.asarray(positions, dtype=float)
        self.i, self.j, self.shift = edges(self.positions, cell, design.cutoff)
        self.d = self.positions[self.j] + self.shift - self.positions[self.i]

    def messages(self):
        """x [n, T K], the m's of all layers."""
        return np.concatenate([m for _, m, _ in self.layers(self.d)], axis=1)

    def densities(self, layer: int):
        """A [n, M, K]"""
        return [a for a, _, _ in self.layers(self.d)][layer].transpose(0, 2, 1)

    def slope(self, tangent, strain=0.0) -> float:
        """d/ds of the energy where edges are d + s (tangent_j - tangent_i + d strain)."""
        moved = tangent[self.j] - tangent[self.i] + self.d @ np.broadcast_to(strain, (3, 3))
        return self.energies(self.d + 1j * STEP * moved).imag.sum() / STEP

    def forces(self):
        """[n, 3], eV/Angstrom"""
        units = np.eye(self.positions.size).reshape(-1, *self.positions.shape)
        return -np.array([self.slope(unit) for unit in units]).reshape(self.positions.shape)

    def virial(self):
        """- sum over edges d (x) dE/dd [3, 3]"""
        still, units = np.zeros_like(self.positions), np.eye(9).reshape(9, 3, 3)
        return -np.array([self.slope(still, unit) for unit in units]).reshape(3, 3)

    def density(self, phi, mix, message):
        """A [n, K, M] of phi [n_edges, B] and mix [n_edges, L + 1, B, K]."""
        degree = np.concatenate([[l] * (2 * l + 1) for l in range(self.design.l_max + 1)])
        radial = np.einsum("elbk,eb->ekl", mix, phi)
        a = np.zeros((len(self.species), self.design.channels, len(degree)), dtype=np.result_type(radial, message))
        np.add.at(a, self.i, radial[:, :, degree] * self.y[:, None, :] * message[self.j, :, None])
        return a

    def coupled(self, d, u):
        """[n, K, M] of the densities d [n, 3, K, M] of vectors' components y, z, x, by path weights u [paths, K]."""
        found, n, size = np.zeros_like(d[:, 0]), 0, self.design.l_max + 1
        for l in range(size):
            for other in (l - 1, l + 1):
                if 0 <= other < size:
                    c = np.sqrt(2 * l + 1) * three_j(other, 1, l)
                    own = d[..., other * other : (other + 1) ** 2]
                    found[..., l * l : (l + 1) ** 2] += u[n][:, None] * np.einsum("abc,nbka->nkc", c, own)
                    n += 1
        return found

    def see(self, d):
        """f and Y of edges."""
        r = np.sqrt(np.sum(d * d, axis=1))
        self.f = bessel(r, self.design.radial, self.design.cutoff, self.design.envelope)
        self.y = harmonics(d / r[:, None], self.design.l_max)


class Twin(Structure):
    """A network, with parameters (may be complex) as the paper has them."""

    def __init__(self, network: DensityNetwork, species, positions, cell=None, parameters=None):
        super().__init__(network.design, species, positions, cell)
        self.p = self.design.views(network.parameters if parameters is None else parameters)

    def layers(self, d):
        """(A [n, K, M], m [n, K], h [n, K]) of each layer."""
        self.see(d)
        p, z, n_edges = self.p, self.species, len(d)
        message, h, sent = p["embedding"][z], None, ()
        for t in range(self.design.layers):
            c = p[f"radial.{t}"]
            if self.design.element_rank:
                c = np.einsum("yq,zq,qbn->yzbn", p[f"centre.{t}"], p[f"other.{t}"], c)
            phi = np.einsum("ebn,en->eb", c[z[self.i], z[self.j]], self.f)
            w = p[f"W.{t}"]
            a = self.density(phi, np.broadcast_to(w, (n_edges, *w.shape)), message) / self.design.neighbours
            if t and self.design.message_l:
                parts = [self.density(phi, np.broadcast_to(w, (n_edges, *w.shape)), own) for own in sent]
                a = a + self.coupled(np.stack(parts, axis=1) / self.design.neighbours, p[f"u.{t}"])
            m = np.einsum("nek,nke->nk", p[f"w.{t}"][z], self.design.program.evaluate(a))
            own = np.einsum("nkc,nc->nk", p[f"S.{t}"][z], h) if t else p["h0"][z]
            h = m @ p[f"U.{t}"].T + own
            yield a, m, h
            if t < self.design.layers - 1:
                message = h @ p[f"V.{t + 1}"].T
                if self.design.message_l:
                    v = np.einsum("nek,nkeq->qnk", p[f"w1.{t}"][z], self.design.program.vectors_of(a))
                    sent = v @ p[f"V1.{t + 1}"].T

    def energies(self, d=None):
        """Of each atom [n], eV."""
        p, total = self.p, 0.0
        for t, (_, _, h) in enumerate(self.layers(self.d if d is None else d)):
            total = total + h @ p[f"c.{t}"]
        if self.design.hidden:
            total = total + np.tanh(h @ p["W1"] + p["b1"]) @ p["w2"]
        return p["E0"][self.species] + self.design.scale * total


class FoldedTwin(Structure):
    """The same with theta, what kernels know."""

    def __init__(self, design: Design, theta, species, positions, cell=None):
        super().__init__(design, species, positions, cell)
        self.p = design.folded_views(theta)

    def layers(self, d):
        """(A [n, K, M], m [n, K], x [n, (t + 1) K]) of each layer."""
        self.see(d)
        p, z = self.p, self.species
        zi, zj = z[self.i], z[self.j]
        message, sent, x = np.ones((len(z), self.design.channels)), (), np.zeros((len(z), 0))
        for t in range(self.design.layers):
            phi = np.einsum("ebn,en->eb", p[f"radial.{t}"][zi, zj], self.f)
            a = self.density(phi, p[f"mix.{t}"][zi] if t else p["mix.0"][zi, zj], message)
            if t and self.design.message_l:
                parts = [self.density(phi, p[f"mix.{t}"][zi], own) for own in sent]
                a = a + self.coupled(np.stack(parts, axis=1), p[f"couple.{t}"])
            m = np.einsum("nek,nke->nk", p[f"product.{t}"][z], self.design.program.evaluate(a))
            x = np.concatenate([x, m], axis=1)
            yield a, m, x
            if t < self.design.layers - 1:
                message = p[f"carry_shift.{t}"][z] + np.einsum("nc,nck->nk", x, p[f"carry.{t}"][z])
                if self.design.message_l:
                    v = np.einsum("nek,nkeq->qnk", p[f"vector.{t}"][z], self.design.program.vectors_of(a))
                    sent = v @ p[f"carry_vector.{t}"]

    def energies(self, d=None):
        """Of each atom [n], eV."""
        p, z = self.p, self.species
        *_, (_, _, x) = self.layers(self.d if d is None else d)
        hidden = np.tanh(p["bias"][z] + np.einsum("nc,nch->nh", x, p["hidden"][z]))
        return p["energy"][z] + np.sum(p["linear"][z] * x, axis=1) + np.sum(p["out"][z] * hidden, axis=1)
