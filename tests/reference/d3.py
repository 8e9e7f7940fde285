"""Slow twin of DFT-D3: every pair and every triple with every image, as the papers have them. Hartree, bohr.

S. Grimme, J. Antony, S. Ehrlich, H. Krieg, J. Chem. Phys. 132, 154104 (2010); S. Grimme, S. Ehrlich, L. Goerigk, J.
Comput. Chem. 32, 1456 (2011). Positions may be complex: an imaginary step gives derivatives without differences.
"""

import itertools
from pathlib import Path

import h5py
import numpy as np

import mdcore
from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.units import BOHR

with h5py.File(Path(mdcore.__file__).parent / "potentials/dispersion/reference.h5") as _file:
    TABLES = {name: values[:] for name, values in _file.items()}


def _of_pair(name, a, b):
    """Entry (a, b) of a symmetric table of which the lower triangle is kept."""
    a, b = max(a, b), min(a, b)
    return TABLES[name][a * (a + 1) // 2 + b]


def smooth(r, cutoff, width):
    x = (r - cutoff + width) / width if width else np.float64(r.real >= cutoff)
    x = 0.0 if x.real < 0.0 else 1.0 if x.real > 1.0 else x
    return 1.0 - 10.0 * x**3 + 15.0 * x**4 - 6.0 * x**5


class Twin:
    """names of atoms; x [n, 3], matrix [3, 3] and which of its vectors repeat; cutoffs (pairs, triples, numbers)."""

    def __init__(self, names, x, matrix, periodic, cutoffs, width=0.0):
        self.z = [ATOMIC_NUMBERS[name] for name in names]
        self.width, self.cutoffs = width, cutoffs
        reach = max(cutoffs)
        thick = 1.0 / np.linalg.norm(np.linalg.inv(matrix.real), axis=0)
        most = (reach / thick).astype(int) + 2
        spans = [range(-n, n + 1) if p else (0,) for n, p in zip(most, periodic, strict=True)]
        shifts = np.array(list(itertools.product(*spans))) @ matrix
        self.around = []  # of each atom: [(index of the other, vector)]
        for i in range(len(x)):
            found = []
            for j in range(len(x)):
                d = x[j] + shifts - x[i]
                r2 = (d * d).sum(axis=1).real
                found += [(j, d[k]) for k in np.flatnonzero((r2 > 0.0) & (r2 < reach**2))]
            self.around.append(found)
        self.numbers = [self.number(i) for i in range(len(x))]
        self.weights = [self.weight(i) for i in range(len(x))]
        self.kept = {}

    def number(self, i):
        """Eq. 15."""
        total = 0.0
        for j, d in self.around[i]:
            r = np.sqrt((d * d).sum())
            if r.real < self.cutoffs[2]:
                radius = 4.0 / 3.0 * (TABLES["covalent"][self.z[i] - 1] + TABLES["covalent"][self.z[j] - 1]) / BOHR
                own = 1.0 / (1.0 + np.exp(-16.0 * (radius / r - 1.0)))
                total += own * smooth(r, self.cutoffs[2], self.width)
        return total

    def weight(self, i):
        """Of the reference systems, eq. 16."""
        w = np.exp(-4.0 * (self.numbers[i] - TABLES["cn"][TABLES["element"] == self.z[i]]) ** 2)
        return w / w.sum()

    def c6(self, i, j):
        if (i, j) not in self.kept:
            rows = [np.flatnonzero(TABLES["element"] == self.z[k]) for k in (i, j)]
            table = np.array([[_of_pair("c6", a, b) for b in rows[1]] for a in rows[0]])
            self.kept[i, j] = self.weights[i] @ table @ self.weights[j]
        return self.kept[i, j]

    def radius(self, i, j):
        return _of_pair("pair_radii", self.z[i] - 1, self.z[j] - 1) / BOHR

    def pairs(self, s6, s8, a1=None, a2=None, sr6=None, sr8=1.0, alpha=14.0):
        """Energy; rational damping, if there is a1."""
        total = 0.0
        for i, found in enumerate(self.around):
            for j, d in found:
                r = np.sqrt((d * d).sum())
                if r.real >= self.cutoffs[0]:
                    continue
                q = [np.sqrt(0.5 * TABLES["r4r2"][z - 1] * np.sqrt(z)) for z in (self.z[i], self.z[j])]
                ratio = 3.0 * q[0] * q[1]
                if a1 is not None:
                    r0 = a1 * np.sqrt(ratio) + a2
                    own = s6 / (r**6 + r0**6) + s8 * ratio / (r**8 + r0**8)
                else:
                    f6 = 1.0 / (1.0 + 6.0 * (r / (sr6 * self.radius(i, j))) ** -alpha)
                    f8 = 1.0 / (1.0 + 6.0 * (r / (sr8 * self.radius(i, j))) ** -(alpha + 2.0))
                    own = s6 * f6 / r**6 + s8 * ratio * f8 / r**8
                total -= 0.5 * self.c6(i, j) * own * smooth(r, self.cutoffs[0], self.width)
        return total

    def triples(self, s9, alpha=14.0):
        """Eqs. 11 to 14; each triple is met six times."""
        total = 0.0
        for i, found in enumerate(self.around):
            near = [(j, d, np.sqrt((d * d).sum())) for j, d in found]
            near = [it for it in near if it[2].real < self.cutoffs[1]]
            for (j, d1, r1), (k, d2, r2) in itertools.combinations(near, 2):
                r3 = np.sqrt(((d2 - d1) ** 2).sum())
                if r3.real >= self.cutoffs[1]:
                    continue
                cosines = [
                    (a * a + b * b - c * c) / (2.0 * a * b) for a, b, c in ((r1, r2, r3), (r1, r3, r2), (r2, r3, r1))
                ]
                mean = r1 * r2 * r3 / (64.0 / 27.0 * self.radius(i, j) * self.radius(i, k) * self.radius(j, k))
                damped = 1.0 / (1.0 + 6.0 * mean ** (-(alpha + 2.0) / 3.0))
                c9 = np.sqrt(self.c6(i, j) * self.c6(i, k) * self.c6(j, k))
                own = s9 * c9 * damped * (1.0 + 3.0 * np.prod(cosines)) / (r1 * r2 * r3) ** 3
                for r in (r1, r2, r3):
                    own *= smooth(r, self.cutoffs[1], self.width)
                total += own / 3.0  # of a combination, which is met at each of its three atoms
        return total
