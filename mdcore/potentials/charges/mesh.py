"""The waves of an Ewald sum on a mesh: smooth particle-mesh Ewald, U. Essmann et al., J. Chem. Phys. 103, 8577 (1995).

Charges are spread over points by splines, the mesh is transformed, each wave weighted and transformed back, and forces
are those of the splines in the potentials on the points: the exact gradient of the energy. Cost N log N.
"""

import math

import numpy as np

from mdcore.base.voigt import PLACE
from mdcore.doors._kernels import SQUARE_GRID, WITH_ENERGY, WITH_SELF, Mesh, Planes
from mdcore.potentials.charges.shared import Room, Shared

ORDERS = (4, 6, 8)
# error of forces, relative to what they are, over (alpha h)^order, h the distance of points: as measured, of a thin
# gas, where it is largest (docs/theory.md)
ERRORS = {4: 0.35, 6: 0.03, 8: 0.035}
ALIASES = 100  # waves that points make of one, on either side: rounding, at the lowest order
RESERVE, SHRUNK = 1.03, 0.92  # strains of a cell between which its mesh or its waves stay: no jumps, no new tables
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


def axes_of(matrix: np.ndarray) -> list[int]:
    """Which vectors of a cell the first, second and third axis of its mesh follow. The first one goes where the cell is
    widest: there ranks cut it (engine/domain.py), and the mesh is shared by planes across."""
    widths = 1.0 / np.linalg.norm(np.linalg.inv(matrix), axis=0)
    return sorted(range(3), key=lambda k: (-round(widths[k] / widths.max(), 9), -k))


def numbers_before(vectors: np.ndarray, size, longest: float) -> np.ndarray:
    """int64 [size2 + 1]: how many numbers n3 of waves there are for all n2 before each: 0, 1 ... up to the last one
    with |k| <= longest for any n1; multiples of four, as many of n2 as of -n2.

    vectors : [3, 3] rows b1, b2, b3, 2 pi included
    """
    along = vectors[0] / np.linalg.norm(vectors[0])
    second, third = (b - (b @ along) * along for b in vectors[1:])
    n2 = np.fft.fftfreq(size[1], 1.0 / size[1])
    n2 = np.stack([n2, -n2])
    square, slant = third @ third, n2 * (second @ third)
    root = slant**2 - square * (n2**2 * (second @ second) - longest**2)
    last = np.floor((np.sqrt(np.maximum(root, 0.0)) - slant) / square).max(axis=0, where=root >= 0.0, initial=-1.0)
    fours = np.ceil((last + 1.0) / 4.0).astype(np.int64)
    return np.append(0, np.cumsum(np.minimum(4 * fours, Planes.width_of(size[2]))))


class MeshPlan:
    """A cell's mesh; as waves.Plan.

    matrix : [3, 3] rows are the vectors of the cell; law : what waves weigh, as waves.Smeared
    size, order : of mesh and splines; longest : wave vector that must not be missing, 1 / length
    """

    def __init__(self, matrix: np.ndarray, law, size, order: int, longest: float):
        self.size, self.order, self._law = size, order, law
        self._axes = axes_of(matrix)
        own = tuple(size[k] for k in self._axes)
        self._mesh, self._shared, self._room = Mesh(own, order), None, Room()
        widths = None, None, Planes.width_of(own[2])
        tables = [spline_tables(n, order, width) for n, width in zip(own, widths, strict=True)]
        self._planes = Planes(own, tables, numbers_before(self._vectors(matrix), own, longest))
        self.move(matrix)

    def _vectors(self, matrix: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(2.0 * math.pi * np.linalg.inv(matrix).T[self._axes])

    def move(self, matrix: np.ndarray) -> None:
        """The cell is another one, with as many points."""
        self.matrix, self.volume = matrix, abs(np.linalg.det(matrix))
        cell, inverse = np.asarray(matrix)[self._axes], np.linalg.inv(matrix)[:, self._axes]
        self._mesh.move(np.ascontiguousarray(cell), np.ascontiguousarray(inverse))
        law = self._law
        self._planes.move(self._vectors(matrix), law.scale / self.volume, law.falls, law.attraction)
        self._own = None  # what a unit charge has of itself along each axis

    @property
    def about(self) -> str:
        """How large it is, in words."""
        return f"and {' x '.join(map(str, self.size))} points"

    def act(self, atoms, charges, domain, potentials, forces: bool = True, energy: bool = True, meanwhile=()):
        """potentials [n_total + 1] become those of owned atoms; where wanted adds to the forces on them, and tells
        (energy of waves, its virial [3, 3]: -dE/d(strain)) (collective).

        meanwhile : iterator, other work, done in pieces while messages of other ranks are awaited; all of it before
        forces of waves are added
        """
        comm, mesh, squares = domain.comm, self._mesh, np.zeros(3)
        if self._shared is None or self._shared.domain is not domain:
            self._shared = Shared(domain, self._axes[0], self._planes, self.order, self._room)
        mesh.stand_at(domain.box.origin)
        if energy:
            squares = comm.sum(mesh.squares(atoms, charges)) * SQUARE_GRID
        wanted = WITH_ENERGY * energy + WITH_SELF * (self._own is None)
        shared, n, meanwhile = self._shared, atoms.n_owned, iter(meanwhile)
        mesh.look_at(*shared.look(mesh.reach(atoms), n))
        shared.window[...] = 0
        mesh.spread(atoms, charges, shared.window)
        if shared.helping:
            shared.helping.begin(atoms.x[:n], charges[:n])
        sums = shared.act(squares, wanted, meanwhile)
        if self._own is None:
            self._own = sums[7:]
            mesh.take_away(*self._own)
        if shared.helping:
            shared.helping.gather(mesh, atoms, meanwhile, potentials, forces)
        else:
            for _ in meanwhile:
                pass
            mesh.gather(atoms, charges, shared.window.view(np.float64), potentials, forces)
        return (sums[0], sums[0] * np.eye(3) - sums[1:7][PLACE]) if energy else None


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
