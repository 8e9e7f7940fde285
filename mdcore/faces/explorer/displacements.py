"""Random displacements."""


from dataclasses import dataclass

from mdcore.faces.explorer._walks import SampleSettings
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(SampleSettings):
    """Structures whose atoms are moved at random, more and more."""

    width: float = setting(
        Number(above=0),
        "Standard deviation of each coordinate, in the last structure.",
        default=0.2,
        quantity="length",
        example=0.1,
    )

    def build(self, whole):
        from mdcore.learn.explorers.displacements import Displacements

        return Displacements(**self.sampled(whole), width=self.width)
