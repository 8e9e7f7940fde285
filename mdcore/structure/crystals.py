"""Which atoms make up a crystal, and where are the copies of a cell?

All cells are conventional and orthorhombic, with an atom at the origin.
"""

import math

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import number

# kind -> fractional coordinates of the atoms of the conventional cell
BASES = {
    "sc": [(0, 0, 0)],
    "bcc": [(0, 0, 0), (1 / 2, 1 / 2, 1 / 2)],
    "fcc": [(0, 0, 0), (0, 1 / 2, 1 / 2), (1 / 2, 0, 1 / 2), (1 / 2, 1 / 2, 0)],
    "hcp": [(0, 0, 0), (1 / 2, 1 / 2, 0), (1 / 2, 5 / 6, 1 / 2), (0, 1 / 3, 1 / 2)],
    "diamond": [
        (0, 0, 0),
        (0, 1 / 2, 1 / 2),
        (1 / 2, 0, 1 / 2),
        (1 / 2, 1 / 2, 0),
        (1 / 4, 1 / 4, 1 / 4),
        (1 / 4, 3 / 4, 3 / 4),
        (3 / 4, 1 / 4, 3 / 4),
        (3 / 4, 3 / 4, 1 / 4),
    ],
}
IDEAL_C_OVER_A = math.sqrt(8 / 3)  # close packing of spheres


def cell_edges(kind: str, c_over_a: float | None = None) -> np.ndarray:
    """Edges [3] of the conventional cell in units of the lattice constant a."""
    if not isinstance(kind, str) or kind not in BASES:
        raise InputError(f"build = {kind!r}: expected one of {', '.join(BASES)}")
    if kind != "hcp":
        if c_over_a is not None:
            raise InputError(f'c_over_a = {c_over_a!r}: applies to "hcp" only, not to "{kind}"')
        return np.ones(3)
    ratio = IDEAL_C_OVER_A if c_over_a is None else number("c_over_a", c_over_a, "length")
    return np.array([1.0, math.sqrt(3.0), ratio])


def lattice_constant(kind: str, number_density: float, c_over_a: float | None = None) -> float:
    """The lattice constant a that gives ``number_density`` atoms per volume."""
    edges = cell_edges(kind, c_over_a)
    per_volume = len(BASES[kind]) / float(np.prod(edges))  # atoms per a^3
    return (per_volume / number("density", number_density)) ** (1 / 3)


def crystal(kind: str, a: float, c_over_a: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(cell matrix [3, 3], positions [n, 3]) of one conventional cell with lattice constant ``a``."""
    edges = number("lattice_constant", a, "length") * cell_edges(kind, c_over_a)
    return np.diag(edges), np.array(BASES[kind], dtype=np.float64) * edges


def copies(matrix: np.ndarray, repeat) -> np.ndarray:
    """Shifts [nx * ny * nz, 3] of the copies of a cell; the last direction runs fastest."""
    repeat = check_repeat(repeat)
    return np.stack([index.ravel() for index in np.indices(repeat)], axis=1) @ np.asarray(matrix, dtype=float)


def check_repeat(repeat) -> tuple[int, int, int]:
    """Three positive integers, or InputError."""
    try:
        counts = tuple(repeat)
        valid = len(counts) == 3 and all(int(n) == n and 1 <= n <= 10**9 for n in counts)
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise InputError(f"replicate = {repeat!r}: expected three positive integers, e.g. [6, 6, 6]")
    return tuple(int(n) for n in counts)
