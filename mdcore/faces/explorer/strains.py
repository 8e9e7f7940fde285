"""Strained cells."""


from dataclasses import dataclass

from mdcore.faces.explorer._walks import SampleSettings
from mdcore.faces.schema import Boolean, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(SampleSettings):
    """Periodic structures in cells that are strained, more and more, atoms with them."""

    strain: float = setting(
        Number(above=0, maximum=0.5),
        "Each component of the strain is at random, up to so much, in the last structure.",
        default=0.05,
        example=0.1,
    )
    volume: bool = setting(Boolean(), "All lengths change alike, angles do not.", default=False, example=True)
    width: float = setting(
        Number(minimum=0),
        "Standard deviation of random displacements beside, in the last structure.",
        default=0.0,
        quantity="length",
        example=0.05,
    )

    def build(self, whole):
        from mdcore.learn.explorers.strains import Strains

        return Strains(**self.sampled(whole), strain=self.strain, volume=self.volume, width=self.width)
