"""A soft flat wall."""

from dataclasses import dataclass

from mdcore.faces.potential._outside import WallSettings, stiffness


@dataclass(frozen=True, kw_only=True)
class Settings(WallSettings):
    """A soft wall: a spring for atoms that are beyond it."""

    title = "soft wall"

    stiffness: float = stiffness()

    def build(self, whole):
        from mdcore.potentials.external.wall import HarmonicWall

        return HarmonicWall(self.axis, self.position, self.keeps, self.stiffness, self.group, velocity=self.velocity)
