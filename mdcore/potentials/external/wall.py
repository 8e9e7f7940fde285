"""Flat walls: atoms are kept on one side of a plane x, y or z = position, which may move."""

import numpy as np

from mdcore.base.ranges import choice, number, signed
from mdcore.potentials.external.base import External


class Wall(External):
    """A flat wall. A kind of its own says `energy(r)`, of the distance r > 0 on the side where atoms are kept, and
    `reach`, beyond which that is 0.

    axis : "x", "y" or "z"; position : of the plane, unit of length; keeps : "above" or "below" it
    group : its name, None: all atoms; velocity : of the plane, unit of length by user unit of time, from time 0 on
    Along a periodic direction atoms are where they are in the cell.
    """

    reach = 0.0

    def __init__(self, axis: str, position: float, keeps: str, group: str | None = None, velocity: float = 0.0):
        super().__init__(group)
        kind = type(self).__name__
        choice(f"{kind}: axis", axis, ("x", "y", "z"))
        choice(f"{kind}: keeps", keeps, ("above", "below"))
        self.axis, self.keeps, self.pushes = axis, keeps, axis
        self.position, self.velocity = signed(f"{kind}: position", position), signed(f"{kind}: velocity", velocity)

    def __repr__(self):
        moves = f", velocity={self.velocity:g}" if self.velocity else ""
        first = f"{self.axis!r}, {self.position:g}, {self.keeps!r}, {self._told()}"
        return f"{type(self).__name__}({first}{self._on()}{moves})"

    def _told(self) -> str:
        """The other arguments."""
        raise NotImplementedError

    def at(self, time: float) -> float:
        """Where the plane is."""
        return self.position + self.velocity * time

    def energy(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(energy, d energy / d r), [m]; nan where an atom can't be."""
        raise NotImplementedError

    def act(self, atoms, rows, box, time):
        k, sign = "xyz".index(self.axis), 1.0 if self.keeps == "above" else -1.0
        x = atoms.x[rows, k]
        if any(np.array(box.periodic) & (box.matrix[:, k] != 0.0)):  # it repeats along the axis
            x = box.wrap(atoms.x[rows, :3])[0][:, k]
        r = sign * (x - self.at(time))
        near = np.flatnonzero(r < self.reach)
        forces = np.zeros((len(near), 3))
        with np.errstate(all="ignore"):
            energies, slopes = self.energy(r[near])
        forces[:, k] = -sign * slopes
        return rows[near], energies, forces

    def complain(self, atoms, row):
        place = "xyz".index(self.axis)
        return (
            f"atom {atoms.tags[row]} (counting from 0), at {self.axis} = {atoms.x[row, place]:.6g}, is in the wall at "
            f"{self.axis} = {self.position:g}, or on its wrong side; it keeps atoms {self.keeps} it"
        )


class HarmonicWall(Wall):
    """A soft wall: stiffness r^2 / 2 for atoms that are beyond it.

    stiffness : unit of energy by length squared
    """

    def __init__(self, axis, position, keeps, stiffness: float, group=None, *, velocity=0.0):
        self.stiffness = number("HarmonicWall: stiffness", stiffness)
        super().__init__(axis, position, keeps, group, velocity)

    def _told(self):
        return f"{self.stiffness:g}"

    def energy(self, r):
        return 0.5 * self.stiffness * r**2, self.stiffness * r


class LJWall(Wall):
    """A half space of Lennard-Jones atoms: epsilon [2/15 (sigma/r)^9 - (sigma/r)^3], shifted to 0 at the cutoff.

    epsilon : unit of energy; sigma, cutoff : unit of length
    """

    truncated = True

    def __init__(
        self, axis, position, keeps, epsilon: float, sigma: float, cutoff: float, group=None, *, velocity=0.0
    ):
        self.epsilon = number("LJWall: epsilon", epsilon, "energy", zero=True)
        self.sigma, self.reach = number("LJWall: sigma", sigma, "length"), number("LJWall: cutoff", cutoff, "length")
        super().__init__(axis, position, keeps, group, velocity)
        self._shift = float(self._energy(self.reach)[0])

    def _told(self):
        return f"{self.epsilon:g}, {self.sigma:g}, {self.reach:g}"

    def _energy(self, r):
        s3 = (self.sigma / r) ** 3
        s9 = s3**3
        return self.epsilon * (2.0 / 15.0 * s9 - s3), self.epsilon * (3.0 * s3 - 1.2 * s9) / r

    def energy(self, r):
        energy, slope = self._energy(np.where(r > 0.0, r, np.nan))
        return energy - self._shift, slope
