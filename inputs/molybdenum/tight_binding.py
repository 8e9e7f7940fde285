"""What do the electrons of molybdenum say of a structure? Energy, forces and stress by tight binding.

Orbitals s, p, d, not orthogonal: M. J. Mehl, D. A. Papaconstantopoulos, Phys. Rev. B 54, 4519 (1996). At each k point

    H c_n = e_n S c_n;   A = 2 sum_k w_k sum_n f_n e_n - kT (entropy),   f_n = 1 / (1 + exp((e_n - mu) / kT))

Between two sites, for each m of ss sigma ... dd delta (J. C. Slater, G. F. Koster, Phys. Rev. 94, 1498 (1954)), and on
a site, for each l of s, p, d:

    hopping_m(r) = (a + b r) exp(-c r) F(r), overlaps alike;   level_l = a + b rho^(2/3) + c rho^(4/3)
    rho_i = sum_j exp(-d r_ij) F(r_ij);   F fades from 1 at 5.2 Angstrom to 0 at 7

What is fitted (fit.py; corrections.json has it) comes on top, with x = r - 3 Angstrom, y = rho / rho(crystal) - 1:

    hopping   + (h0 + h1 x) exp(-1.2 x) F, then x (1 + screening (y_i + y_j) / 2)
    overlap   + o exp(-1.2 x) F
    level     + l0 + l1 y + l2 y^2
    crystal field of each neighbour on the nine levels of a site, by the same angles: v exp(-2 x) F', F' from 3.5 to 5

A, a free energy, is the energy here, forces and stress are its exact gradient. Needs ASE and SciPy (`pip install ase`).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from scipy.linalg import eigh

RYDBERG, BOHR = 13.605693123, 0.529177210903  # eV, Angstrom
ELECTRONS, KT = 6, 0.2  # of an atom; eV
FADES, CUTOFF = 5.2, 7.0  # Angstrom
FIELD_FADES, FIELD_CUTOFF = 3.5, 5.0  # Angstrom, crystal field
DECAY, FIELD_DECAY, NEAR = 1.2, 2.0, 3.0  # 1/Angstrom, of corrections and of the crystal field; Angstrom, x = r - NEAR
REACH = 28.0  # Angstrom: a mesh of k points is as fine as a cell so wide at its centre; energies of slabs to 1 meV/atom
TINY = 1e-20  # Angstrom, a step along the imaginary axis
CORRECTIONS = Path(__file__).with_name("corrections.json")

NAMES = ("ss_sigma", "sp_sigma", "pp_sigma", "pp_pi", "sd_sigma", "pd_sigma", "pd_pi", "dd_sigma", "dd_pi", "dd_delta")
SHELLS = ("s", "p", "d")
SHELL = np.repeat([0, 1, 2], [1, 3, 5])  # of the nine orbitals

# as published: a, b, c of the formulae above in Ry and bohr (c: squares of the published ones)
HOPPING = np.array([
    [-0.7591337034530, -2.427549717120, 0.9733535796488146],
    [1.287837849710, 0.2353557666780, 0.6221927001248621],
    [1.797163450810, 0.02953212467210, 0.4511805313122713],
    [-22.25097954830, 1.822405887830, 1.109048334120349],
    [-0.4992825651890, 0.03800053646340, 0.4670235827537189],
    [0.07475951361070, -0.05074101702640, 0.3645012071457198],
    [0.5987147826560, -0.02220079924810, 0.5462283599521797],
    [-1.325445292100, -0.008686522697390, 0.5792440505451190],
    [3.482510914480, -0.1220453844560, 0.7336336641324356],
    [-0.7405305155890, 0.07150567871190, 0.6032531519875145],
]) * [RYDBERG, RYDBERG / BOHR, 1.0 / BOHR]  # fmt: skip
OVERLAP = np.array([
    [305.2558422220, -35.20148447800, 1.590239600698944],
    [1326.793294770, -400.4801611690, 1.779002471362771],
    [1.109831260740, -0.3320116414630, 0.4181233019766046],
    [-1.581736449170, 0.3042892918400, 0.4167836667376493],
    [0.4317404987650, 0.1314670269290, 0.4689737025122159],
    [0.4033499643940, -0.03040199741320, 0.1488337632402735],
    [0.4489530142580, -0.1593154841820, 0.5359964810774233],
    [0.2472893598840, -0.01725619906730, 0.1907876898287540],
    [-0.7558907125800, 0.05557132519450, 0.3641914043087074],
    [1.216461848340, 0.006309848053000, 0.7787740667259211],
]) * [1.0, 1.0 / BOHR, 1.0 / BOHR]  # fmt: skip
LEVELS = RYDBERG * np.array([
    [0.08668264, 63.41946578, 936.5085940],
    [0.7209806577, 27.88804580, 1723.254693],
    [0.1021788817, 3.217250811, 161.0737534],
])  # fmt: skip
DENSITY = 1.8244318802211061 / BOHR  # d of rho

# a d orbital along a unit vector n is sqrt(3/2) n Q n: xy, yz, xz, x^2 - y^2, 3 z^2 - r^2
Q = np.zeros((5, 3, 3))
for _a, (_x, _y) in enumerate(((0, 1), (1, 2), (0, 2))):
    Q[_a, _x, _y] = Q[_a, _y, _x] = np.sqrt(0.5)
Q[3], Q[4] = np.diag([1.0, -1.0, 0.0]) / np.sqrt(2.0), np.diag([-1.0, -1.0, 2.0]) / np.sqrt(6.0)

# signs of a block that is seen from the other site; and, between two sites, below its diagonal: p to s, d to p
_ODD = np.where(SHELL == 1, -1.0, 1.0)
PARITY = np.outer(_ODD, _ODD)
BETWEEN = np.where(SHELL[:, None] > SHELL[None, :], PARITY, 1.0)


@dataclass
class Answer:
    """energy, eV; forces [n, 3], eV/Angstrom; stress [3, 3], eV/Angstrom^3, positive when stretched."""

    energy: float
    forces: np.ndarray
    stress: np.ndarray


def no_corrections() -> dict[str, np.ndarray]:
    """The published model. Tables of what corrections.json has; rows as NAMES or SHELLS."""
    return {
        "hopping": np.zeros((10, 2)),  # eV, eV/Angstrom
        "overlap": np.zeros((10, 1)),
        "crystal_field": np.zeros((10, 1)),  # eV
        "levels": np.zeros((3, 3)),  # eV
        "screening": np.zeros((10, 1)),
    }


def read_corrections(path: Path = CORRECTIONS) -> dict[str, np.ndarray]:
    own = json.loads(path.read_text())
    rows = {name: SHELLS if name == "levels" else NAMES for name in no_corrections()}
    return {name: np.array([own[name][row] for row in rows[name]]) for name in rows}


def slope(function, vectors: np.ndarray) -> np.ndarray:
    """[pairs, ..., 3]: gradient of a function [pairs, ...] of each vector alone, exact to rounding.

    By a step along the imaginary axis: W. Squire, G. Trapp, SIAM Rev. 40, 110 (1998).
    """
    return np.stack([function(vectors + 1j * step).imag for step in TINY * np.eye(3)], axis=-1) / TINY


def length(vectors: np.ndarray) -> np.ndarray:
    """Not the norm of complex vectors: a function that slope() can differentiate."""
    return np.sqrt(np.sum(vectors * vectors, axis=1))


def fading(r: np.ndarray, begin: float, end: float) -> np.ndarray:
    """1 before `begin`, 0 beyond `end`, two continuous derivatives."""
    u = np.where(r.real < begin, 0.0, np.where(r.real > end, 1.0, (r - begin) / (end - begin)))
    return 1.0 - u**3 * (10.0 - 15.0 * u + 6.0 * u**2)


def density(r: np.ndarray) -> np.ndarray:
    """What a neighbour at r Angstrom adds to rho."""
    return np.exp(-DENSITY * r) * fading(r, FADES, CUTOFF)


_CRYSTAL = neighbor_list("id", bulk("Mo", "bcc", a=3.1676), CUTOFF)[1]
CRYSTAL = float(density(_CRYSTAL).sum())  # rho of it


def radial(r: np.ndarray, corrections) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hopping without screening (eV), overlap, crystal field (eV), each [pairs, 10], at r [pairs] Angstrom."""
    r = r[:, None]
    x = r - NEAR
    fade, correction = fading(r, FADES, CUTOFF), np.exp(-DECAY * x)
    hopping, overlap = ((t[:, 0] + t[:, 1] * r) * np.exp(-t[:, 2] * r) for t in (HOPPING, OVERLAP))
    hopping = hopping + (corrections["hopping"][:, 0] + corrections["hopping"][:, 1] * x) * correction
    overlap = overlap + corrections["overlap"][:, 0] * correction
    field = corrections["crystal_field"][:, 0] * np.exp(-FIELD_DECAY * x) * fading(r, FIELD_FADES, FIELD_CUTOFF)
    return hopping * fade, overlap * fade, field


def block(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """[pairs, 9, 9], orbitals of a site by orbitals: the two-centre integrals `values` [pairs, 10] along n [pairs, 3].

    Symmetric, as on one site; times BETWEEN it is that from a site to another.
    """
    ss, sp, pp_sigma, pp_pi, sd, pd_sigma, pd_pi, dd_sigma, dd_pi, dd_delta = values.T[:, :, None, None]
    Qn = np.einsum("aij,pj->pai", Q, n)
    q = np.einsum("pai,pi->pa", Qn, n)
    d = np.sqrt(1.5) * q
    nn, dd, nq = (u[:, :, None] * w[:, None, :] for u, w in ((n, n), (d, d), (n, q)))
    full = np.empty((len(n), 9, 9), dtype=np.result_type(values, n))
    full[:, :1, :1] = ss
    full[:, :1, 1:4] = sp * n[:, None, :]
    full[:, 1:4, 1:4] = pp_sigma * nn + pp_pi * (np.eye(3) - nn)
    full[:, :1, 4:] = sd * d[:, None, :]
    full[:, 1:4, 4:] = pd_sigma * np.sqrt(1.5) * nq + pd_pi * np.sqrt(2.0) * (Qn.transpose(0, 2, 1) - nq)
    pi = 2.0 * (np.einsum("pai,pbi->pab", Qn, Qn) - q[:, :, None] * q[:, None, :])
    full[:, 4:, 4:] = dd_sigma * dd + dd_pi * pi + dd_delta * (np.eye(5) - dd - pi)
    for low, high in ((slice(0, 1), slice(1, 4)), (slice(0, 1), slice(4, 9)), (slice(1, 4), slice(4, 9))):
        full[:, high, low] = full[:, low, high].transpose(0, 2, 1)
    return full


def levels(rho: np.ndarray, corrections) -> tuple[np.ndarray, np.ndarray]:
    """Levels of s, p, d [n, 3], eV, and their slopes by rho."""
    (a, b, c), (l0, l1, l2), rho = LEVELS.T, corrections["levels"].T, rho[:, None]
    y = rho / CRYSTAL - 1.0
    values = a + b * rho ** (2 / 3) + c * rho ** (4 / 3) + l0 + l1 * y + l2 * y**2
    return values, (2 * b * rho ** (-1 / 3) + 4 * c * rho ** (1 / 3)) / 3 + (l1 + 2.0 * l2 * y) / CRYSTAL


def mesh(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """k points [k, 3] in reciprocal lattice vectors, and weights; one of k and -k.

    After H. J. Monkhorst, J. D. Pack, Phys. Rev. B 13, 5188 (1976); but for cells of some 54 atoms the eight points
    whose matrices are real, as fine and several times as fast.
    """
    lengths = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)  # between opposite faces: cells of slabs are oblique
    if lengths.min() > 8.0 and lengths.max() < 12.5:
        return np.indices((2, 2, 2)).reshape(3, 8).T / 2.0, np.full(8, 1 / 8)
    many = np.maximum(1, np.round(REACH / lengths)).astype(int)
    k = (np.indices(many).reshape(3, -1).T + np.where(many % 2 == 0, 0.5, 0.0)) / many
    found: dict[tuple, int] = {}
    for own, inverse in zip(np.round(k % 1.0, 6) % 1.0, np.round(-k % 1.0, 6) % 1.0, strict=True):
        key = tuple(inverse) if tuple(inverse) in found else tuple(own)
        found[key] = found.get(key, 0) + 1
    return np.array(list(found)), np.array(list(found.values())) / len(k)


def occupy(energies: np.ndarray, weights: np.ndarray, electrons: float) -> tuple[np.ndarray, float]:
    """Occupations f [k, states], and -kT (entropy), eV; of both spins, the Fermi level by bisection."""
    low, high = energies.min() - 5.0, energies.max() + 5.0
    for _ in range(80):
        level = (low + high) / 2.0
        f = 1.0 / (1.0 + np.exp(np.clip((energies - level) / KT, -60.0, 60.0)))
        low, high = (low, level) if 2.0 * np.sum(weights @ f) > electrons else (level, high)
    g = np.clip(f, 1e-30, 1.0 - 1e-16)
    return f, 2.0 * KT * float(np.sum(weights @ (g * np.log(g) + (1.0 - g) * np.log(1.0 - g))))


class Bonds:
    """Each pair of sites within the cutoff once: sites i, j; vectors [pairs, 3] from i to j, Angstrom; lattice vectors
    in these, images [pairs, 3]."""

    def __init__(self, atoms: Atoms):
        i, j, vectors, images = neighbor_list("ijDS", atoms, CUTOFF)
        once = (i < j) | ((i == j) & (images @ [10_000, 100, 1] > 0))
        order = np.flatnonzero(once)[np.lexsort((j[once], i[once]))]
        self.n, self.i, self.j = len(atoms), i[order], j[order]
        self.vectors, self.images = vectors[order], images[order]
        new = (np.diff(self.i, prepend=-1) != 0) | (np.diff(self.j, prepend=-1) != 0)
        self.first = np.flatnonzero(new)  # of the images of the same two sites

    def on_sites(self, of_i: np.ndarray, of_j: np.ndarray) -> np.ndarray:
        """[n, ...]: sums of what pairs give to their sites."""
        total = np.zeros((self.n, *of_i.shape[1:]))
        np.add.at(total, self.i, of_i)
        np.add.at(total, self.j, of_j)
        return total

    def phases(self, k: np.ndarray) -> np.ndarray:
        """[pairs], real if k is the same as -k."""
        phases = np.exp(2j * np.pi * (self.images @ k))
        return phases.real if np.allclose(2.0 * k, np.round(2.0 * k)) else phases

    def matrix(self, blocks: np.ndarray, phases: np.ndarray, sites: np.ndarray) -> np.ndarray:
        """Hermitian [9 n, 9 n] of blocks of pairs [pairs, 9, 9] and of sites [n, 9, 9]."""
        sums = np.add.reduceat(phases[:, None, None] * blocks, self.first, axis=0)
        full = np.zeros((self.n, 9, self.n, 9), dtype=sums.dtype)
        full[self.i[self.first], :, self.j[self.first], :] = sums
        full = full.reshape(9 * self.n, -1)
        full = full + full.conj().T
        full.reshape(self.n, 9, self.n, 9)[range(self.n), :, range(self.n), :] += sites
        return full


def density_matrices(bonds: Bonds, hamiltonian, overlap, points) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """A, eV; what H and S of each pair are multiplied by in it [pairs, 9, 9] (S: energies weigh states); H of sites.

    `hamiltonian`, `overlap`: blocks of pairs and of sites.
    """
    n, (ks, weights) = bonds.n, points
    phases = [bonds.phases(k) for k in ks]
    solved = [  # all states, by "divide and conquer", in half the time of those that are filled by bisection
        eigh(*(bonds.matrix(pairs, own, sites) for pairs, sites in (hamiltonian, overlap)),
             driver="gvd", check_finite=False, overwrite_a=True, overwrite_b=True)
        for own in phases
    ]  # fmt: skip
    energies = np.array([e for e, _ in solved])
    f, free = occupy(energies, weights, ELECTRONS * n)
    of_pairs, of_sites = np.zeros((2, len(bonds.i), 9, 9)), np.zeros((n, 9, 9))
    for (e, states), own, weight, phase in zip(solved, f, weights, phases, strict=True):
        states, share, e = states[:, own > 1e-9], 2.0 * weight * own[own > 1e-9], e[own > 1e-9]
        for k, factor in enumerate((share, share * e)):
            full = ((states * factor) @ states.conj().T).reshape(n, 9, n, 9)
            of_pairs[k] += 2.0 * (full[bonds.i, :, bonds.j, :].conj() * phase[:, None, None]).real
            if k == 0:
                of_sites += full[range(n), :, range(n), :].real
    return 2.0 * float(np.sum(weights @ (f * energies))) + free, *of_pairs, of_sites


def evaluate(atoms: Atoms, corrections=None, points=None) -> Answer:
    """Energy, forces and stress of a periodic structure of Mo.

    `corrections` as no_corrections(), those of corrections.json if None; `points` as mesh() returns them.
    Raises numpy.linalg.LinAlgError if atoms are so near that orbitals are no longer independent.
    """
    c = read_corrections() if corrections is None else corrections
    bonds = Bonds(atoms)
    i, j, r = bonds.i, bonds.j, length(bonds.vectors)
    n = bonds.vectors / r[:, None]
    rho = bonds.on_sites(density(r), density(r))
    level, by_rho = levels(rho, c)
    y, screening = rho / CRYSTAL - 1.0, c["screening"][:, 0]
    screened = 1.0 + 0.5 * (y[i] + y[j])[:, None] * screening

    hopping, overlap, field = radial(r, c)
    field = block(field, n)
    sites = bonds.on_sites(field, PARITY * field)
    sites[:, range(9), range(9)] += level[:, SHELL]
    hamiltonian = BETWEEN * block(hopping * screened, n), sites
    overlap = BETWEEN * block(overlap, n), np.eye(9)
    points = mesh(atoms.cell.array) if points is None else points
    energy, D, W, D_site = density_matrices(bonds, hamiltonian, overlap, points)

    # A changes as if these did not: they make it least. What is left is a sum over pairs, rho of both sites apart
    D, W, D_field = BETWEEN * D, BETWEEN * W, D_site[i] + PARITY * D_site[j]
    turn = np.sum(D * block(hopping * screening, n), axis=(1, 2)) / (2.0 * CRYSTAL)
    by_rho = np.sum(by_rho[:, SHELL] * np.diagonal(D_site, axis1=1, axis2=2), axis=1) + bonds.on_sites(turn, turn)

    def of_pairs(vectors: np.ndarray) -> np.ndarray:
        r = length(vectors)
        n = vectors / r[:, None]
        hopping, overlap, field = radial(r, c)
        parts = D * block(hopping * screened, n) - W * block(overlap, n) + D_field * block(field, n)
        return np.sum(parts, axis=(1, 2)) + (by_rho[i] + by_rho[j]) * density(r)

    pull = slope(of_pairs, bonds.vectors)
    stress = bonds.vectors.T @ pull / atoms.get_volume()
    return Answer(energy, bonds.on_sites(pull, -pull), (stress + stress.T) / 2.0)
