"""Searches for saddle points with the potential of the day."""


from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.explorer._walks import StartingSettings
from mdcore.faces.schema import Integer, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(StartingSettings):
    """Dimers that climb from a structure to a saddle point near it: `mdcore saddle`."""

    count: int = setting(Integer(minimum=1), "Searches in a generation.", default=1, example=10)
    displacement: float = setting(
        Number(minimum=0),
        "Standard deviation of the random displacements, of each coordinate, with which a search begins; the first "
        "direction is theirs.",
        default=0.1,
        quantity="length",
        example=0.2,
    )
    radius: float = setting(
        Number(above=0),
        "Of atoms so near to one at random; the others begin where they are.",
        default=4.0,
        quantity="length",
        example=6.0,
    )
    max_force: float = setting(
        Number(above=0), "The largest force that may be left.", default=0.05, quantity="force", example=0.02
    )
    steps: int = setting(Integer(minimum=1), "At most.", default=200, example=500)
    every: int = setting(Integer(minimum=1), "Steps between structures that are kept.", default=10, example=5)

    def check(self, given) -> Iterator[tuple[str, str]]:
        if "radius" in given and not self.displacement:
            yield "radius", "nothing is displaced: give a displacement above 0, or leave it out"

    def build(self, whole):
        from mdcore.learn.explorers.saddle import Saddle

        return Saddle(
            **self.started(whole), count=self.count, displacement=self.displacement, radius=self.radius,
            max_force=self.max_force, steps=self.steps, every=self.every,
        )  # fmt: skip
