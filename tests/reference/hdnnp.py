"""What energy and forces does a Behler-Parrinello potential give? The slow NumPy twin of ext/networks/symmetry.c.

It reads like the papers: Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007); Behler, J. Chem. Phys.
134, 074106 (2011) (types 2, 3, 9); Gastegger et al., J. Chem. Phys. 148, 241709 (2018) (types 12, 13);
Bircher, Singraber and Dellago, Mach. Learn.: Sci. Technol. 2, 035026 (2021) (compact types 20 to 25).
Conventions: r_ij = r_j - r_i; native units of the potential; g_ij = dE_i/dr_ij, F_i += g_ij,
F_j -= g_ij, W -= r_ij (x) g_ij.
"""

from dataclasses import dataclass, field

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from tests.reference import hdnnp_network

# --- functions of one distance or angle, each with its derivative ------------------------------------------


def core(kind, x):
    """f(x) and f'(x) on 0 <= x < 1: 1 at x = 0, 0 at x = 1, smooth at both ends."""
    if kind == "p1":
        return (2 * x - 3) * x**2 + 1, 6 * x * (x - 1)
    if kind == "p2":
        return ((15 - 6 * x) * x - 10) * x**3 + 1, -30 * x**2 * (x - 1) ** 2
    if kind == "p3":
        return (x * (x * (20 * x - 70) + 84) - 35) * x**4 + 1, 140 * x**3 * (x - 1) ** 3
    if kind == "p4":
        return (x * (x * ((315 - 70 * x) * x - 540) + 420) - 126) * x**5 + 1, -630 * x**4 * (x - 1) ** 4
    if kind == "e":
        gap = np.maximum(1 - x**2, 1e-3)  # below, exp(-1/gap) is zero in double precision anyway
        f = np.where(1 - x**2 > 1e-3, np.exp(1 - 1 / gap), 0.0)
        return f, f * (-2 * x / gap**2)
    if kind == "cos":
        return 0.5 * (np.cos(np.pi * x) + 1), -0.5 * np.pi * np.sin(np.pi * x)
    raise ValueError(kind)


CUTOFF_CORES = {1: "cos", 4: "e", 5: "p1", 6: "p2", 7: "p3", 8: "p4"}


def cutoff_function(r, rc, cutoff_type, alpha):
    """fc(r) and its derivative. Types 1, 4-8 stay 1 up to the inner cutoff alpha * rc."""
    inside = r < rc
    if cutoff_type == 0:
        return inside * 1.0, np.zeros_like(r)
    if cutoff_type in (2, 3):
        t = np.tanh(1 - r / rc)
        c = 1.0 if cutoff_type == 2 else 1 / np.tanh(1.0) ** 3
        return inside * c * t**3, inside * c * 3 * t**2 * (t**2 - 1) / rc
    inner = alpha * rc
    f, df = core(CUTOFF_CORES[cutoff_type], np.clip((r - inner) / (rc - inner), 0, 1))
    outside_inner = r >= inner
    return inside * np.where(outside_inner, f, 1.0), inside * outside_inner * df / (rc - inner)


def compact(x, left, right, kind, asymmetric):
    """C(x): the core function of |x - centre| / halfwidth between left and right, zero elsewhere."""
    centre, half = (left + right) / 2, (right - left) / 2
    u = np.abs(x - centre) / half
    inside = u < 1
    u = np.minimum(u, 1)
    du = np.sign(x - centre) / half
    if asymmetric:
        du = du * (2 - 2 * u)
        u = (2 - u) * u
    f, df = core(kind, u)
    return inside * f, inside * df * du


# --- one atom and its neighbours ---------------------------------------------------------------------------


@dataclass
class Environment:
    """The neighbours of one atom: r_ij [n, 3], atomic numbers [n], indices of the neighbours [n]."""

    vectors: np.ndarray
    numbers: np.ndarray
    indices: np.ndarray = None
    cache: dict = field(default_factory=dict)

    def __post_init__(self):
        self.r = np.linalg.norm(self.vectors, axis=1)
        self.j, self.k = np.triu_indices(len(self.r), 1)  # every pair of neighbours once
        self.r_jk = np.linalg.norm(self.vectors[self.k] - self.vectors[self.j], axis=1)
        self.dot = np.einsum("tc,tc->t", self.vectors[self.j], self.vectors[self.k])

    def triplets(self, elements, rc, narrow):
        """Pairs of neighbours within rc (of each other too if narrow) of these elements (None: all)."""
        key = (elements, rc, narrow)
        if key not in self.cache:
            keep = (self.r[self.j] < rc) & (self.r[self.k] < rc)
            if narrow:
                keep &= self.r_jk < rc
            if elements is not None:
                a, b = self.numbers[self.j], self.numbers[self.k]
                e1, e2 = elements
                keep &= ((a == e1) & (b == e2)) | ((a == e2) & (b == e1))
            self.cache[key] = np.flatnonzero(keep)
        return self.cache[key]


def descriptor(function, env):
    """G of one symmetry function, and dG/dr_ij [n_neighbours, 3]."""
    if function.type in (2, 12, 20, 23):
        return radial(function, env)
    return angular(function, env)


def radial(f, env):
    """Types 2, 12: sum_j w exp(-eta (r - rs)^2) fc(r); types 20, 23: sum_j w C(r); w = 1 or Z_j."""
    r = env.r
    if f.type in (2, 12):
        fc, dfc = cutoff_function(r, f.cutoff, f.cutoff_type, f.alpha)
        g = np.exp(-f.eta * (r - f.rs) ** 2)
        term, dterm = g * fc, g * (dfc - 2 * f.eta * (r - f.rs) * fc)
    else:
        term, dterm = compact(r, f.rl, f.cutoff, f.subtype.removesuffix("a"), f.subtype.endswith("a"))
    weight = env.numbers * 1.0 if f.type in (12, 23) else env.numbers == ATOMIC_NUMBERS[f.neighbors[0]]
    return weight @ term, (weight * dterm / r)[:, None] * env.vectors


def angular(f, env):
    """Types 3, 9, 13 and 21, 22, 24, 25 as a sum over pairs j < k of neighbours.

    First the term of each triplet and its derivatives with respect to r_ij, r_ik, r_jk and cos(theta) or
    theta; then, by the chain rule, with respect to the vectors r_ij and r_ik.
    """
    n, narrow, weighted = len(env.r), f.type in (3, 13, 21, 24), f.type in (13, 24, 25)
    elements = None if weighted else tuple(ATOMIC_NUMBERS[e] for e in f.neighbors)
    t = env.triplets(elements, f.cutoff, narrow)
    j, k, r_jk = env.j[t], env.k[t], env.r_jk[t]
    r_ij, r_ik = env.r[j], env.r[k]
    cosine = env.dot[t] / (r_ij * r_ik)
    weight = env.numbers[j] * env.numbers[k] * 1.0 if weighted else np.ones(len(t))

    # radial factors R(r_ij) R(r_ik) [R(r_jk)], each with its derivative
    if f.type in (3, 9, 13):

        def factor(r):
            fc, dfc = cutoff_function(r, f.cutoff, f.cutoff_type, f.alpha)
            g = np.exp(-f.eta * (r - f.rs) ** 2)
            return g * fc, g * (dfc - 2 * f.eta * (r - f.rs) * fc)

        base = np.maximum(1 + f.lambda_ * cosine, 0)
        a = 2 ** (1 - f.zeta) * base**f.zeta
        da_dcos = 2 ** (1 - f.zeta) * f.zeta * f.lambda_ * base ** (f.zeta - 1)
    else:
        kind, asymmetric = f.subtype.removesuffix("a"), f.subtype.endswith("a")

        def factor(r):
            return compact(r, f.rl, f.cutoff, kind, asymmetric)

        sine = np.linalg.norm(np.cross(env.vectors[j], env.vectors[k]), axis=1) / (r_ij * r_ik)
        theta = np.arctan2(sine, cosine)
        a, da = compact(theta, np.radians(f.thl), np.radians(f.thr), kind, False)
        # d theta / d cos = -1 / sin; on a straight line dcos/dr is zero and so is the product
        da_dcos = np.where(sine > 1e-12, -da / np.maximum(sine, 1e-12), 0.0)
    (ra, dra), (rb, drb) = factor(r_ij), factor(r_ik)
    rc, drc = factor(r_jk) if narrow else (np.ones(len(t)), np.zeros(len(t)))

    value = weight @ (a * ra * rb * rc)
    d_ij, d_ik, d_jk = weight * a * dra * rb * rc, weight * a * ra * drb * rc, weight * a * ra * rb * drc
    d_cos = weight * da_dcos * ra * rb * rc
    hat_ij, hat_ik = env.vectors[j] / r_ij[:, None], env.vectors[k] / r_ik[:, None]
    hat_jk = (env.vectors[k] - env.vectors[j]) / r_jk[:, None]
    on_j = (d_ij - d_cos * cosine / r_ij)[:, None] * hat_ij
    on_j += (d_cos / r_ij)[:, None] * hat_ik - d_jk[:, None] * hat_jk
    on_k = (d_ik - d_cos * cosine / r_ik)[:, None] * hat_ik
    on_k += (d_cos / r_ik)[:, None] * hat_ij + d_jk[:, None] * hat_jk
    gradient = np.empty((n, 3))
    for c in range(3):
        gradient[:, c] = np.bincount(j, on_j[:, c], n) + np.bincount(k, on_k[:, c], n)
    return value, gradient


def descriptors(functions, env):
    """G [n_functions] and dG/dr_ij [n_functions, n_neighbours, 3] of one atom."""
    pairs = [descriptor(function, env) for function in functions]
    shape = (len(functions), len(env.r), 3)
    return np.array([g for g, _ in pairs]), np.array([dg for _, dg in pairs]).reshape(shape)


def vjp(functions, env, de_dg):
    """g_ij = sum_s dE/dG_s dG_s/dr_ij, [n_neighbours, 3]."""
    return np.einsum("s,snc->nc", de_dg, descriptors(functions, env)[1])


def jvp(functions, env, tangent):
    """dG_s = sum_ij dG_s/dr_ij . tangent_ij, [n_functions]."""
    return np.einsum("snc,nc->s", descriptors(functions, env)[1], tangent)


# --- the whole system --------------------------------------------------------------------------------------


def environments(positions, numbers, cell, cutoff, atoms=None):
    """The Environment of each atom (or of `atoms`) with all periodic images; cell rows a, b, c, or None."""
    positions, numbers = np.asarray(positions, float), np.asarray(numbers)
    if cell is not None:
        inverse = np.linalg.inv(cell)
        widths = 1 / np.linalg.norm(inverse, axis=0)
        reach = np.floor(cutoff / widths + 0.5).astype(int)  # after wrapping, |fraction| <= 1/2
        grid = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in reach), indexing="ij"), -1)
        shifts = grid.reshape(-1, 3) @ cell
    for i in range(len(positions)) if atoms is None else atoms:
        vectors, index = positions - positions[i], np.arange(len(positions))
        if cell is not None:
            fractions = vectors @ inverse
            vectors = (fractions - np.rint(fractions)) @ cell
            vectors = (vectors[None] + shifts[:, None]).reshape(-1, 3)
            index = np.tile(index, len(shifts))
        r2 = np.einsum("nc,nc->n", vectors, vectors)
        keep = (r2 < cutoff**2) & (r2 > 0)
        yield i, Environment(vectors[keep], numbers[index[keep]], index[keep])


@dataclass
class Result:
    """energy; atomic_energies [n] (they sum to energy); forces [n, 3]; virial [3, 3]; descriptors, a list."""

    energy: float
    atomic_energies: np.ndarray
    forces: np.ndarray
    virial: np.ndarray
    descriptors: list


def evaluate(model, symbols, positions, cell=None):
    """The answer of `model` (mdcore.potentials.networks.model.HDNNP), in its native units."""
    n = len(symbols)
    numbers = np.array([ATOMIC_NUMBERS[s] for s in symbols], dtype=int)
    result = Result(0.0, np.zeros(n), np.zeros((n, 3)), np.zeros((3, 3)), [None] * n)
    norm = model.normalisation
    per_energy, mean = (1.0, 0.0) if norm is None else (norm.conv_energy, norm.mean_energy)
    for i, env in environments(positions, numbers, cell, model.cutoff):
        e = model.elements.index(symbols[i])
        slope, shift, base = model.scaling[e].affine()
        g, dg = descriptors(model.symmetry_functions[e], env)
        energy, de_dx, _ = hdnnp_network.gradients(model.networks[e], (slope * (g - shift) + base)[None])
        edge = np.einsum("s,snc->nc", de_dx[0] * slope, dg) / per_energy  # dE_i/dr_ij
        result.descriptors[i] = g
        result.atomic_energies[i] = energy[0] / per_energy + mean + model.atom_energies[e]
        result.forces[i] += edge.sum(axis=0)
        np.subtract.at(result.forces, env.indices, edge)
        result.virial -= env.vectors.T @ edge
    result.energy = float(np.sum(result.atomic_energies))
    return result
