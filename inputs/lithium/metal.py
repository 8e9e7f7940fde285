"""What does a simple metal's energy look like by perturbation theory? Lithium, electrons nearly free.

E = sum_i F(n_i) + sum_{i<j} phi(r_ij; k_F(n_ij)),   n_i = [1 + sum_j g(r_ij)] / (the same in the crystal)

phi is the pair potential of second order for ions of Ashcroft's empty core (N. W. Ashcroft, Phys. Lett. 23, 48 (1966))
in electrons that screen as Lindhard's, with Hubbard's local field; it oscillates as cos(2 k_F r) far out, with the k_F
of the mean local density n_ij of both ions, so it is no potential of pairs. F has two numbers: the lattice constant is
one of least energy, the bulk modulus right. Pairs see each other up to 12 Angstrom, densities to 6. Lithium's size,
softness and reach, not its numbers.
"""

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from scipy.interpolate import BSpline, CubicSpline, make_interp_spline

HARTREE, BOHR, GPA = 27.211386245988, 0.529177210903, 1 / 160.2177  # eV, Angstrom, eV/Angstrom^3
CORE = 1.06  # bohr
A, MODULUS = 3.45, 13.0 * GPA
FERMI = (6.0 * np.pi**2 / (A / BOHR) ** 3) ** (1 / 3)  # 1 / bohr
FADES, END = 9.0, 12.0  # Angstrom: of pairs
WIDTH, DENSE, ALONE = 2.6, 4.0, 6.0  # Angstrom: of g = exp(-r^2 / WIDTH^2), which fades from DENSE to ALONE
SHARES = np.linspace(0.65, 1.45, 33)  # k_F over that of the crystal
STEP, DELTA = 0.004, 1e-5  # of q, 1 / bohr; of k_F, for a slope


def pair_energy(r: np.ndarray, share: float) -> np.ndarray:
    """phi in eV at distances in Angstrom, for k_F = share FERMI."""
    fermi, q, r = share * FERMI, STEP * (np.arange(6000) + 0.5), r / BOHR
    y = q / (2.0 * fermi)
    lindhard = fermi / np.pi**2 * (0.5 + (1.0 - y**2) / (4.0 * y) * np.log(np.abs((1.0 + y) / (1.0 - y))))
    response, field = 4.0 * np.pi / q**2 * lindhard, 0.5 * q**2 / (q**2 + fermi**2)
    screening = np.cos(CORE * q) ** 2 * response / (1.0 + response * (1.0 - field)) / q
    waves = np.array([np.sum(screening * np.sin(q * own)) * STEP for own in r])
    return HARTREE / r * (1.0 - 2.0 / np.pi * waves)


def fading(r: np.ndarray, begin: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """1 before `begin`, 0 beyond `end`, two continuous derivatives; and its slope."""
    u = np.clip((r - begin) / (end - begin), 0.0, 1.0)
    return 1.0 - u**3 * (10.0 - 15.0 * u + 6.0 * u**2), -30.0 * u**2 * (1.0 - u) ** 2 / (end - begin)


class Metal:
    """Energy and forces of structures of one element."""

    lattice = A

    def __init__(self):
        r = np.linspace(1.2, END, 900)
        table = make_interp_spline(SHARES, np.array([pair_energy(r, share) for share in SHARES]))
        self.knots, self.values = table.t, CubicSpline(r, table.c.T)
        self.slopes = self.values.derivative()
        self.crystal, self.embedding = 1.0, np.zeros(2)
        cell = bulk("Li", "bcc", a=A, cubic=True)
        self.crystal = float(self.densities(cell)[0])
        h = 0.02
        below, here, above = (self._parts(A + d) for d in (-h, 0.0, h))
        slope, curve = (above - below) / (2.0 * h), (above - 2.0 * here + below) / h**2
        wanted = 4.5 * MODULUS * A - curve[0]  # E'' = 9 B V / a^2, V = a^3 / 2
        self.embedding = np.linalg.solve([slope[1:], curve[1:]], [-slope[0], wanted])

    def _parts(self, a: float) -> np.ndarray:
        """Of an atom in a crystal: energy without F, and what its two numbers multiply."""
        cell = bulk("Li", "bcc", a=a, cubic=True)
        x = np.sqrt(self.densities(cell)[0]) - 1.0
        return np.array([self(cell)[0] / 2.0, x, x**2])

    def densities(self, atoms: Atoms) -> np.ndarray:
        i, r = neighbor_list("id", atoms, ALONE)
        return (1.0 + np.bincount(i, self.density(r)[0], len(atoms))) / self.crystal

    def density(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """g and its slope."""
        fade, slope = fading(r, DENSE, ALONE)
        own = np.exp(-((r / WIDTH) ** 2))
        return own * fade, own * (slope - 2.0 * r / WIDTH**2 * fade)

    def pairs(self, r: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """phi, its slopes by distance and by density."""
        share = np.cbrt(n)
        values, slopes = self.values(r), self.slopes(r)
        fade, fades = fading(r, FADES, END)

        def at(share, table):
            return np.asarray(BSpline.design_matrix(share, self.knots, 3).multiply(table).sum(axis=1)).ravel()

        energy, slope = at(share, values), at(share, slopes)
        by_share = (at(share + DELTA, values) - at(share - DELTA, values)) / (2.0 * DELTA)
        return energy * fade, slope * fade + energy * fades, by_share * fade * share / (3.0 * n)

    def __call__(self, atoms: Atoms) -> tuple[float, np.ndarray]:
        """eV, eV/Angstrom [n, 3]"""
        n, (i, j, r, vectors) = len(atoms), neighbor_list("ijdD", atoms, END)
        density = self.densities(atoms)
        once = (i < j) | ((i == j) & (vectors @ [1.0, 1e-3, 1e-6] > 0.0))
        energy, slope, by_density = self.pairs(r[once], 0.5 * (density[i] + density[j])[once])
        x = np.sqrt(density) - 1.0
        a, b = self.embedding
        rates = (a + 2.0 * b * x) / (2.0 * np.sqrt(density))
        rates += 0.5 * (np.bincount(i[once], by_density, n) + np.bincount(j[once], by_density, n))
        pull = (rates[i] + rates[j]) / self.crystal * self.density(r)[1] / r
        forces = np.zeros((n, 3))
        np.add.at(forces, i, pull[:, None] * vectors)
        own = (slope / r[once])[:, None] * vectors[once]
        np.add.at(forces, i[once], own)
        np.subtract.at(forces, j[once], own)
        return float(np.sum(a * x + b * x**2) + energy.sum()), forces
