"""The waves of an Ewald sum on a mesh: smooth particle-mesh Ewald, U. Essmann et al., J. Chem. Phys. 103, 8577 (1995).

Charges are spread over points by splines, the mesh is transformed, each wave weighted and transformed back, and forces
are those of the splines in the potentials on the points: the exact gradient of the energy. Cost N log N.
"""

import math

import numpy as np

from mdcore.base.voigt import PAIRS
from mdcore.doors._kernels import MESH_GRID, Mesh

ORDERS = (4, 6, 8)
# error of forces, relative to what they are, over (alpha h)^order, h the distance of points: as measured, of a thin
# gas, where it is largest (docs/theory.md)
ERRORS = {4: 2.5, 6: 1.0, 8: 1.0}
# what things cost, as measured: four points of an atom, and one of the mesh, which is transformed there and back
FOUR_POINTS, POINT, DENSITY = 2.5, 30.0, 0.1  # ns, ns, atoms a cubic Angstrom
SMALLEST = 8  # points along an axis (ext/charges/mesh.h)


def spacing(alpha: float, accuracy: float, order: int) -> float:
    """The distance of points that forces of this accuracy need, unit of length."""
    return (accuracy / ERRORS[order]) ** (1.0 / order) / alpha


def best_order(alpha: float, accuracy: float) -> int:
    """The order that costs least at a usual density."""

    def cost(order: int) -> float:
        points = 1.0 / (DENSITY * spacing(alpha, accuracy, order) ** 3)
        return 2.0 * order**2 * math.ceil(order / 4) * FOUR_POINTS + points * POINT

    return min(ORDERS, key=cost)


def smooth(n: float) -> int:
    """The next even number whose prime factors are 2, 3 and 5, which transforms like."""
    n = max(SMALLEST, math.ceil(n))
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1 and n % 2 == 0:
            return n
        n += 1


def sizes(matrix: np.ndarray, alpha: float, accuracy: float, order: int) -> tuple[int, int, int]:
    """Points along each vector of a cell."""
    h = spacing(alpha, accuracy, order)
    return tuple(smooth(edge / h) for edge in np.linalg.norm(matrix, axis=1).tolist())


class MeshPlan:
    """A cell's mesh, and the weights of its waves; as waves.Plan.

    matrix : [3, 3] rows are the vectors of the cell; law : what waves weigh, as waves.Smeared
    size, order : of mesh and splines
    """

    def __init__(self, matrix: np.ndarray, law, size, order: int):
        self.matrix, self.volume, self.size = matrix, abs(np.linalg.det(matrix)), size
        inverse = np.linalg.inv(matrix)
        self.mesh = Mesh(inverse, size, order)
        self._vectors = 2.0 * math.pi * inverse.T
        self._numbers = [np.fft.fftfreq(n, 1.0 / n) for n in size[:2]] + [np.arange(size[2] // 2 + 1.0)]
        twice = np.full(len(self._numbers[2]), 2.0)  # the other half of space
        twice[[0, -1]] = 1.0
        self._twice = 0.5 * twice
        n1, n2, n3 = np.ix_(*self._numbers)
        k2 = np.zeros((size[0], size[1], len(twice)))
        for axis in range(3):
            k2 += (n1 * self._vectors[0, axis] + n2 * self._vectors[1, axis] + n3 * self._vectors[2, axis]) ** 2
        k2[0, 0, 0] = 1.0
        self.g = law.weights(k2) / self.volume
        for axis, n in enumerate(size):
            factors = _spline_factors(n, order)[: k2.shape[axis]]
            self.g *= factors.reshape([-1 if k == axis else 1 for k in range(3)])
        self.g[0, 0, 0] = 0.0
        self._slopes = law.slopes(k2)

    def act(self, atoms, charges, comm, potentials) -> np.ndarray:
        """Adds to the forces on owned atoms; potentials [n_total + 1] become theirs; energies of waves (collective)."""
        s = np.fft.rfftn(comm.sum(self.mesh.spread(atoms, charges)) * MESH_GRID)
        on_points = np.fft.irfftn(self.g * s, self.size, axes=(0, 1, 2)) * math.prod(self.size)
        self.mesh.gather(atoms, charges, on_points, potentials)
        return self._twice * self.g * (s.real**2 + s.imag**2)

    def virial(self, energies: np.ndarray) -> np.ndarray:
        """[3, 3] -dE/d(strain), of energies of waves; cell and atoms are strained."""
        weighted = energies * self._slopes
        # sums of n_a n_b, then of k k = (n b)(n b)
        sums = np.empty((3, 3))
        for a, b in PAIRS:
            other = 3 - a - b if a != b else (a + 1) % 3
            c, d = (k for k in range(3) if k != other)
            flat = weighted.sum(axis=other)
            n = {c: self._numbers[c][:, None], d: self._numbers[d]}
            sums[a, b] = sums[b, a] = (flat * n[a] * n[b]).sum()
        return energies.sum() * np.eye(3) - self._vectors.T @ sums @ self._vectors


def _spline_factors(n: int, order: int) -> np.ndarray:
    """|b(m)|^2 for m = 0 to n - 1: what splines of points leave of a wave is divided out (Essmann, eq. 4.4)."""
    values = np.zeros(order)  # the spline at 1, 2, ... order - 1
    values[0] = 1.0
    for k in range(3, order + 1):
        x = np.arange(1, k)
        before = np.concatenate([[0.0], values[: k - 2]])  # of the order before, at x - 1
        values[: k - 1] = (x * values[: k - 1] + (k - x) * before) / (k - 1)
    turns = np.exp(2j * math.pi * np.outer(np.arange(n), np.arange(order - 1)) / n)
    return 1.0 / np.abs(turns @ values[: order - 1]) ** 2
