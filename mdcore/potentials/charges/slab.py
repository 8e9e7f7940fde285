"""What do the images of a slab, along the axis that is not periodic, do to each other? That is taken away.

Of a cell that is periodic along two axes the waves are those of a cell with vacuum above it, and what its images
along the third axis z do to each other is taken away, 2 pi C / V (M^2 - Q sum q z^2 - Q^2 L^2 / 12), M = sum q z, L
the height of the cell (I.-C. Yeh, M. L. Berkowitz, J. Chem. Phys. 111, 3155 (1999); with a total charge, V.
Ballenegger et al., J. Chem. Phys. 131, 094107 (2009)).
"""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError

MOMENT_BITS = 36  # of sums of q z and q z^2
GROWTH = 1.1  # heights of a slab with its vacuum are powers of this, so that they seldom change


class Slab:
    """What a cell that is periodic along two axes adds (collective).

    matrix : [3, 3] the cell with vacuum; energy : 2 pi C / V (M^2 - Q sum q z^2 - Q^2 L^2 / 12)
    it : the Electrostatics; charges : [n_owned]; total : of all ranks
    """

    def __init__(self, atoms, domain, it, charges, total: float):
        box, comm = domain.box, domain.comm
        axis = box.periodic.index(False)
        first, second = (box.matrix[k] for k in range(3) if k != axis)
        across = np.cross(first, second)
        area = np.linalg.norm(across)
        self.normal, self.charges, self.total = across / area, charges, total
        x, y, z = atoms.positions[: atoms.n_owned].T
        heights = x * self.normal[0] + y * self.normal[1] + z * self.normal[2]
        ends = [heights.max(initial=-np.inf), -heights.min(initial=np.inf), np.abs(charges).max(initial=0.0)]
        top, bottom, largest = comm.maximum(np.array(ends))
        self.heights = heights - 0.5 * (top - bottom)  # of the middle: nothing depends on it, but sums are small
        if 0.25 * (top + bottom) ** 2 * largest >= 2.0 ** (62 - MOMENT_BITS):
            refuse(f"a slab of height {top + bottom:.4g}: did an atom leave it?")
        # what images do to each other falls as exp(-k z), k the shortest vector of the reciprocal lattice in the plane
        steps = [i * first + j * second for i in range(-2, 3) for j in range(-2, 3) if i or j]
        shortest = 2.0 * math.pi / area * min(map(np.linalg.norm, steps))
        height = GROWTH ** math.ceil(math.log(top + bottom + it.exponent / shortest) / math.log(GROWTH))
        self.matrix = box.matrix.copy()
        self.matrix[axis] = self.normal * height
        self.factor = 2.0 * math.pi * it.constant / (area * height)
        weighted = charges[:, None] * np.column_stack([self.heights, self.heights**2])
        self.moment, second_moment = exact.sums(comm, weighted, MOMENT_BITS)
        self.energy = self.factor * (self.moment**2 - total * second_moment - (total * height) ** 2 / 12.0)
        self._constant = self.factor * (-second_moment - total * height**2 / 6.0)

    def act(self, atoms) -> None:
        """Adds forces."""
        field = 2.0 * self.factor * (self.moment - self.total * self.heights)
        forces = (-self.charges * field)[:, None] * self.normal
        atoms.forces[:] += np.rint(np.ldexp(forces, exact.FORCE_BITS)) * 2.0**-exact.FORCE_BITS

    @property
    def potentials(self) -> np.ndarray:
        """[n_owned]"""
        z = self.heights
        return self.factor * (2.0 * self.moment * z - self.total * z**2) + self._constant

    def virial(self, in_plane: np.ndarray, forces, comm) -> np.ndarray:
        """[3, 3], from what it is in the plane, [3, 3], and forces [n_owned, 3]. The vacuum is not strained, so W n is
        the sum of z_i F_i; and W is symmetric, as nothing changes by turning."""
        n, flat = self.normal, np.eye(3) - np.outer(self.normal, self.normal)
        along = exact.sums(comm, self.heights[:, None] * forces, MOMENT_BITS)
        return flat @ in_plane @ flat + np.outer(n, along) + np.outer(along, n) - (n @ along) * np.outer(n, n)


def refuse(text: str):
    """An InputError that all ranks raise."""
    raise InputError(f"Electrostatics: {text}").everywhere()
