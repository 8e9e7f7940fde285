"""The waves of an Ewald sum on a mesh: smooth particle-mesh Ewald, U. Essmann et al., J. Chem. Phys. 103, 8577 (1995).

Charges are spread over points by splines, the mesh is transformed, each wave weighted and transformed back, and forces
are those of the splines in the potentials on the points: the exact gradient of the energy. Cost N log N.
"""

import math

import numpy as np

from mdcore.base.voigt import PLACE
from mdcore.doors._kernels import BESIDE, SQUARE_GRID, WITH_ENERGY, WITH_SELF, Mesh, Planes
from mdcore.potentials.charges.shared import Room, Shared, shares, window

ORDERS = (4, 6, 8)
# error of forces, relative to what they are, over (alpha h)^order, h the distance of points: as measured, of a thin
# gas, where it is largest (docs/theory.md)
ERRORS = {4: 0.35, 6: 0.03, 8: 0.035}
ALIASES = 100  # waves that points make of one, on either side: rounding, at the lowest order
RESERVE, SHRUNK = 1.03, 0.92  # strains of a cell between which its mesh or its waves stay: no jumps, no new tables
SHARED_RANKS, SHARED_FROM = 3, 30_000  # ranks, and points: so many share the transform (docs/theory.md)
SMALLEST = 8  # points along an axis (ext/charges/mesh.h)


def spacing(alpha: float, accuracy: float, order: int) -> float:
    """The distance of points that forces of this accuracy need, unit of length."""
    return (accuracy / ERRORS[order]) ** (1.0 / order) / alpha


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
    """Points along each vector of a cell, which may grow by RESERVE."""
    h = spacing(alpha, accuracy, order) / RESERVE
    return tuple(smooth(edge / h) for edge in np.linalg.norm(matrix, axis=1).tolist())


class MeshPlan:
    """A cell's mesh; as waves.Plan.

    matrix : [3, 3] rows are the vectors of the cell; law : what waves weigh, as waves.Smeared
    size, order : of mesh and splines
    """

    def __init__(self, matrix: np.ndarray, law, size, order: int):
        self.size, self.order, self._law = size, order, law
        self._mesh, self._shared, self._room = Mesh(np.eye(3), size, order), None, Room()
        widths = None, None, Planes.width_of(size[2])
        self._planes = Planes(size, [spline_tables(n, order, w) for n, w in zip(size, widths, strict=True)])
        self.move(matrix)

    def move(self, matrix: np.ndarray) -> None:
        """The cell is another one, with as many points."""
        self.matrix, self.volume = matrix, abs(np.linalg.det(matrix))
        self._inverse = inverse = np.ascontiguousarray(np.linalg.inv(matrix))
        self._mesh.move(inverse)
        vectors = np.ascontiguousarray(2.0 * math.pi * inverse.T)
        law = self._law
        self._planes.move(vectors, law.scale / self.volume, law.falls, law.attraction)
        self._own = None  # what a unit charge has of itself along each axis

    @property
    def about(self) -> str:
        """How large it is, in words."""
        return f"and {' x '.join(map(str, self.size))} points"

    def act(self, atoms, charges, comm, potentials, forces: bool = True, energy: bool = True):
        """potentials [n_total + 1] become those of owned atoms; where wanted adds to the forces on them, and tells
        (energy of waves, its virial [3, 3]: -dE/d(strain)) (collective)."""
        squares = np.zeros(3)
        if energy:
            squares = comm.sum(self._mesh.squares(atoms, charges)) * SQUARE_GRID
        wanted = WITH_ENERGY * energy + WITH_SELF * (self._own is None)
        if comm.size < SHARED_RANKS or math.prod(self.size) < SHARED_FROM:
            sums, on_points = self._alone(self._spread(atoms, charges), comm, squares, wanted)
        else:
            sums, on_points = self._together(atoms, charges, comm, squares, wanted)
        if self._own is None:
            self._own = sums[7:]
            self._mesh.take_away(*self._own)
        self._mesh.gather(atoms, charges, on_points, potentials, forces)
        return (sums[0], sums[0] * np.eye(3) - sums[1:7][PLACE]) if energy else None

    def _alone(self, found, comm, squares, wanted: int):
        """(sums over waves, potentials on points), each rank for itself."""
        n1, n2, n3 = self.size
        found[:, :, :BESIDE] += found[:, :, n3:]
        waves = self._room.take("waves", (n2, n1, 2, self._planes.width))
        self._planes.forward(comm.sum(found), waves)
        sums = self._planes.weighted(waves, 0, squares, wanted).sum(axis=0)
        on_points = self._room.take("potentials", found.shape)
        self._planes.back(waves, on_points)
        return sums, on_points

    def _spread(self, atoms, charges) -> np.ndarray:
        """int64 [shape of the window]"""
        found = self._room.take("window", self._mesh.shape, np.int64)
        found[...] = 0
        self._mesh.spread(atoms, charges, found)
        return found

    def _together(self, atoms, charges, comm, squares, wanted: int):
        """The same of this rank's window, by all ranks."""
        if self._shared is None:
            self._shared = Shared(comm, self.size, self._planes, self._room)
        own = window(atoms.positions, self._inverse, self.size, self.order)
        self._mesh.look_at(own[:3].tolist(), own[3:].tolist())
        windows = comm.join(own[None])
        waves = self._shared.forward(self._spread(atoms, charges), windows)
        first, sums = shares(self.size[1], comm.size)[comm.rank], np.zeros((self.size[1], 10))
        sums[first] = self._planes.weighted(waves, first.start, squares, wanted)
        sums = comm.sum(sums).sum(axis=0) if wanted else None
        return sums, self._shared.back(waves, windows)


def spline_tables(n: int, order: int, width: int | None = None) -> list[np.ndarray]:
    """[n] each, or as many waves as a row has, filled up to `width`: |b(m)|^2, what splines of points leave of a wave,
    is divided out (Essmann, eq. 4.4); and what |S|^2 of one unit charge is, along this axis: own + 2 next cos(2 pi u).

    Points make of a wave m those of m + s n; the spline has sin(x)^p / x^p of each, x = pi (m + s n) / n.
    """
    count = n if width is None else n // 2 + 1
    m = np.fft.fftfreq(n, 1.0 / n)[:n] if width is None else np.arange(count)
    parts = np.sinc((m[:, None] + n * np.arange(-ALIASES, ALIASES + 1)) / n) ** order
    found = 1.0 / parts.sum(axis=1) ** 2, (parts**2).sum(axis=1), (parts[:, 1:] * parts[:, :-1]).sum(axis=1)
    return [np.pad(row, (0, (width or n) - count)) for row in found]
