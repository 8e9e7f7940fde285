"""Where does the cell begin, where does it end, and in which directions does it repeat?"""

import math

import numpy as np

from mdcore.base.arguments import listed
from mdcore.base.errors import InputError

AXES = "abc"
FARTHEST = 1e8  # unit of length: coordinates and cell vectors are less, and known to 2^-25 or better there (exact.py)
SHORTEST = 1e-3  # unit of length: the least distance of opposite faces
MOST_IMAGES = 1e9  # cells that an atom may be away from the cell
UNIT = 80  # bits behind the point when vectors are taken off each other
SKEWED = 1.5  # a cell vector leans over by so many times another: shorter ones make the same lattice


class Box:
    """A parallelepiped that repeats along its periodic directions. Read-only.

    matrix : float64 [3, 3], unit of length; the ROWS are the cell vectors a, b, c
    periodic : three bools; ``True`` alone means all three
    origin : float64 [3]; the corner of the cell

    ``position = origin + fractional @ matrix``. Right- and left-handed cells are
    both all right. Raises InputError when the matrix has no volume, is not finite or out of range (FARTHEST, SHORTEST).
    """

    __slots__ = ("inverse", "is_orthorhombic", "matrix", "origin", "periodic", "volume", "widths")

    def __init__(self, matrix, periodic=(True, True, True), origin=(0.0, 0.0, 0.0)):
        matrix, origin = _floats(matrix, (3, 3), "cell matrix"), _floats(origin, (3,), "cell origin")
        for name, numbers in (("cell matrix", matrix), ("cell origin", origin)):
            if np.abs(numbers).max() > FARTHEST:
                raise InputError(f"{name} = {numbers.tolist()}: coordinates go up to +-{FARTHEST:g}; check their unit")
        lengths = np.linalg.norm(matrix, axis=1)
        for axis, length in zip(AXES, lengths, strict=True):
            if length == 0.0:
                raise InputError(f"cell vector {axis} has zero length: give three non-zero cell vectors")
        if abs(np.linalg.det(matrix / lengths[:, None])) < 1e-8:
            raise InputError(
                f"singular cell: the vectors {matrix.tolist()} lie in one plane, or nearly so; "
                "give three cell vectors that enclose a volume, the shortest that make the lattice"
            )
        orthorhombic = not np.any(matrix[~np.eye(3, dtype=bool)])
        inverse = np.diag(1.0 / np.diag(matrix)) if orthorhombic else np.linalg.inv(matrix)
        for array in (matrix, origin, inverse):
            array.flags.writeable = False
        self.matrix, self.origin, self.periodic = matrix, origin, _periodic(periodic)
        self.inverse = inverse  # fractional = (position - origin) @ inverse
        self.volume = float(abs(np.linalg.det(matrix)))
        self.is_orthorhombic = bool(orthorhombic)
        self.widths = 1.0 / np.linalg.norm(inverse, axis=0)  # [3], distances between opposite faces
        self.widths.flags.writeable = False

    def free_along(self, axes: str) -> str:
        """Which free cell vector, "a", "b" or "c", has a component along these of x, y, z; or an empty text."""
        across = ["xyz".index(axis) for axis in axes]
        stuck = [not p and np.abs(v[across]).max() > 1e-12 for p, v in zip(self.periodic, self.matrix, strict=True)]
        return next((name for name, is_so in zip(AXES, stuck, strict=True) if is_so), "")

    @classmethod
    def orthorhombic(cls, lx, ly, lz, periodic=(True, True, True), origin=(0.0, 0.0, 0.0)) -> "Box":
        """A box with edges lx, ly, lz along x, y, z."""
        lengths = _floats((lx, ly, lz), (3,), "box lengths")
        if lengths.min() < 0.0:
            raise InputError(f"box lengths = {lengths.tolist()}: expected positive numbers")
        return cls(np.diag(lengths), periodic, origin)

    @classmethod
    def cubic(cls, length, periodic=(True, True, True)) -> "Box":
        """A cube of edge ``length``."""
        return cls.orthorhombic(length, length, length, periodic)

    @classmethod
    def from_parameters(cls, a, b, c, alpha, beta, gamma, periodic=(True, True, True)) -> "Box":
        """Lengths and angles (degrees; alpha between b and c): a along x, b in the xy plane."""
        a, b, c, alpha, beta, gamma = _floats((a, b, c, alpha, beta, gamma), (6,), "cell parameters")
        cos_alpha, cos_beta, cos_gamma = (_cosine(angle) for angle in (alpha, beta, gamma))
        sin_gamma = np.sqrt(1.0 - cos_gamma**2)
        if min(a, b, c) <= 0.0 or sin_gamma == 0.0:
            raise InputError("cell parameters: lengths must be positive and angles between 0 and 180 degrees")
        cy = (cos_alpha - cos_beta * cos_gamma) / sin_gamma
        height = 1.0 - cos_beta**2 - cy**2
        if height <= 0.0:
            raise InputError(f"no cell has the angles {alpha:g}, {beta:g}, {gamma:g} degrees: check them")
        rows = [
            [a, 0.0, 0.0],
            [b * cos_gamma, b * sin_gamma, 0.0],
            [c * cos_beta, c * cy, c * np.sqrt(height)],
        ]
        return cls(rows, periodic)

    @classmethod
    def around(cls, positions, margin=1.0) -> "Box":
        """The non-periodic orthorhombic box that encloses ``positions`` [n, 3] with ``margin`` to spare."""
        return cls.completed(np.zeros((3, 3)), False, positions, margin=margin)

    @classmethod
    def completed(cls, matrix, periodic, positions, origin=(0.0, 0.0, 0.0), margin=1.0) -> "Box":
        """A box from a cell whose non-periodic vectors may be zero (the convention of ASE).

        A missing vector becomes perpendicular to the given ones, long enough to
        enclose ``positions`` [n, 3] with ``margin`` (unit of length) on both sides;
        the origin moves along it. Raises InputError for a missing periodic vector.
        """
        matrix, periodic = _floats(matrix, (3, 3), "cell matrix"), _periodic(periodic)
        missing = [k for k in range(3) if not matrix[k].any()]
        for k in missing:
            if periodic[k]:
                raise InputError(
                    f"cell vector {AXES[k]} is missing (zero) but the cell is periodic along it: "
                    "give the vector or make that direction non-periodic"
                )
        if not missing:
            return cls(matrix, periodic, origin)
        positions = np.asarray(positions, dtype=np.float64).reshape(-1, 3)
        check_positions(positions)
        origin = _floats(origin, (3,), "cell origin")
        directions = matrix.copy()
        for k in missing:
            directions[k] = _perpendicular(directions, k)
        relative = positions - origin
        for k in missing:
            along = relative @ directions[k] if len(relative) else np.zeros(1)
            low = along.min() - margin
            matrix[k] = (along.max() + margin - low) * directions[k]
            origin = origin + low * directions[k]
        return cls(matrix, periodic, origin)

    def fractional(self, positions) -> np.ndarray:
        """positions [..., 3] -> fractional coordinates [..., 3]; [0, 1) is inside the cell."""
        return (np.asarray(positions, dtype=np.float64) - self.origin) @ self.inverse

    def cartesian(self, fractional) -> np.ndarray:
        """Fractional coordinates [..., 3] -> positions [..., 3]."""
        return self.origin + np.asarray(fractional, dtype=np.float64) @ self.matrix

    def wrap(self, positions) -> tuple[np.ndarray, np.ndarray]:
        """positions [n, 3] -> (inside the cell [n, 3], images int32 [n, 3]).

        ``positions = wrapped + images @ matrix`` up to rounding. Non-periodic
        directions are left alone; atoms inside the cell keep every bit.
        """
        wrapped = np.array(positions, dtype=np.float64)
        images = np.zeros(wrapped.shape, dtype=np.int32)
        for _ in range(2):  # rounding can leave an atom on the far face (x = -1e-20): once more
            shift = np.where(self.periodic, np.floor(self.fractional(wrapped)), 0.0)
            if not shift.any():
                break
            if np.abs(shift).max() > MOST_IMAGES:
                far = int(np.abs(shift).max(axis=1).argmax())
                raise InputError(
                    f"atom {far} (counting from 0) is {np.abs(shift[far]).max():.3g} cells away from the cell, at most "
                    f"{MOST_IMAGES:.0e} are counted: wrap it into the cell, or check the unit of its position"
                )
            wrapped -= shift @ self.matrix
            images += shift.astype(np.int32)
        return wrapped, images

    def reduced(self) -> "Box":
        """The same lattice by shorter vectors, where a vector leans over by more than SKEWED others; else this box.

        Whole multiples of periodic vectors are taken off the others, in integers, so nothing is rounded on the way.
        """
        gram = self.matrix @ self.matrix.T
        lean = np.abs(gram) - SKEWED * np.diag(gram)
        if not any(lean[i, j] > 0.0 and self.periodic[j] for i in range(3) for j in range(3) if i != j):
            return self
        rows = [[round(math.ldexp(x, UNIT)) for x in row] for row in self.matrix.tolist()]

        def dot(a, b):
            return sum(x * y for x, y in zip(a, b, strict=True))

        shorter = True
        while shorter:
            shorter = False
            for i in range(3):
                for j in range(3):
                    n = dot(rows[j], rows[j])
                    times = (2 * dot(rows[i], rows[j]) + n) // (2 * n) if i != j and self.periodic[j] else 0
                    lower = [x - times * y for x, y in zip(rows[i], rows[j], strict=True)]
                    if dot(lower, lower) < dot(rows[i], rows[i]):
                        rows[i], shorter = lower, True
        return Box([[math.ldexp(x, -UNIT) for x in row] for row in rows], self.periodic, self.origin)

    def replicated(self, repeat) -> "Box":
        """The box of nx * ny * nz copies of this one."""
        return Box(self.matrix * np.asarray(repeat, dtype=np.float64)[:, None], self.periodic, self.origin)

    def __eq__(self, other):
        if not isinstance(other, Box):
            return NotImplemented
        return (
            self.periodic == other.periodic
            and np.array_equal(self.matrix, other.matrix)
            and np.array_equal(self.origin, other.origin)
        )

    __hash__ = None

    def __reduce__(self):
        return Box, (np.array(self.matrix), self.periodic, np.array(self.origin))

    def __repr__(self):
        shape = np.diag(self.matrix) if self.is_orthorhombic else self.matrix
        return f"Box({shape.tolist()}, periodic={self.periodic})"


def check_positions(positions: np.ndarray) -> None:
    """InputError that names an atom whose position is not finite, or beyond FARTHEST."""
    if not len(positions) or np.abs(positions).max() <= FARTHEST:  # nan is not
        return
    atom = int(np.flatnonzero(~(np.abs(positions) <= FARTHEST).all(axis=1))[0])
    what = f"coordinates go up to +-{FARTHEST:g}: correct it, or wrap it into the cell"
    if not np.isfinite(positions[atom]).all():
        what = "which is not finite"
    raise InputError(f"positions: atom {atom} (counting from 0) is at {positions[atom].tolist()}; {what}")


def _floats(value, shape, name) -> np.ndarray:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name}: expected numbers") from None
    if array.shape != shape:
        expected = " x ".join(map(str, shape))
        raise InputError(f"{name}: expected {expected} numbers, got an array of shape {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} = {array.tolist()}: every number must be finite")
    return array


def _periodic(value) -> tuple[bool, bool, bool]:
    flags = (value,) * 3 if isinstance(value, bool | np.bool_) else listed("periodic", value, "true")
    if len(flags) != 3 or any(flag not in (False, True) for flag in flags):
        raise InputError(f"periodic = {value!r}: expected three booleans, e.g. [true, true, false]")
    return tuple(bool(flag) for flag in flags)


def _cosine(degrees: float) -> float:
    exact = {60.0: 0.5, 90.0: 0.0, 120.0: -0.5}
    return exact[degrees] if degrees in exact else float(np.cos(np.radians(degrees)))


def _perpendicular(rows: np.ndarray, k: int) -> np.ndarray:
    """A unit vector for row k, perpendicular to the other rows that are not zero; right-handed."""
    first, second = rows[(k + 1) % 3], rows[(k + 2) % 3]
    if first.any() and second.any():
        direction = np.cross(first, second)
    elif first.any() or second.any():
        given = first if first.any() else second
        axis = np.eye(3)[k]
        if np.linalg.norm(np.cross(axis, given)) < 0.5 * np.linalg.norm(given):
            axis = np.eye(3)[np.argmin(np.abs(given))]
        direction = axis - given * (axis @ given) / (given @ given)
    else:
        direction = np.eye(3)[k]
    norm = np.linalg.norm(direction)
    if norm == 0.0:
        raise InputError("singular cell: two cell vectors are parallel; give independent vectors")
    return direction / norm
