"""A flat wall of Lennard-Jones atoms."""

from dataclasses import dataclass

from mdcore.faces.potential._outside import WallSettings
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(WallSettings):
    """A half space of Lennard-Jones atoms: epsilon [2/15 (sigma/r)^9 - (sigma/r)^3], shifted to 0 at the cutoff."""

    title = "wall"

    epsilon: float = setting(Number(minimum=0), "Depth is 1.054 of it.", quantity="energy", example=0.01)
    sigma: float = setting(Number(above=0), "Size of an atom at the wall.", quantity="length", example=3.4)
    cutoff: float = setting(Number(above=0), "Atoms farther away feel nothing.", quantity="length", example=8.5)

    def build(self, whole):
        from mdcore.potentials.external.wall import LJWall

        return LJWall(
            self.axis, self.position, self.keeps, self.epsilon, self.sigma, self.cutoff, self.group,
            velocity=self.velocity,
        )  # fmt: skip
