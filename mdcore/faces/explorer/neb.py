"""Paths of least energy with the potential of the day."""


from dataclasses import dataclass
from pathlib import Path

from mdcore.faces.explorer._walks import WalkSettings
from mdcore.faces.schema import Boolean, Integer, Number, Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(WalkSettings):
    """Nudged elastic bands with a climbing image: `mdcore neb`."""

    start: str = setting(
        Text(), "File whose first structure is the start of the path, relative to the input file.", example="a.extxyz"
    )
    end: str | None = setting(
        Text(),
        "File whose last structure is its end: the same atoms in the same order.",
        default=None,
        default_text="that of `start`",
        example="b.extxyz",
    )
    images: int = setting(Integer(1, 1000), "Between start and end.", default=7, example=9)
    max_force: float = setting(
        Number(above=0), "The largest force that may be left.", default=0.05, quantity="force", example=0.02
    )
    climb: bool = setting(Boolean(), "The highest image climbs to the saddle point.", default=True, example=False)
    relax_ends: bool = setting(Boolean(), "Start and end are brought to rest first.", default=True, example=False)
    steps: int = setting(Integer(minimum=1), "At most.", default=300, example=1000)
    every: int = setting(Integer(minimum=1), "Steps between bands that are kept.", default=20, example=10)
    last: bool = setting(
        Boolean(),
        "The last band alone is brought home, not those on the way to it: for small batches. Where the potential is "
        "lost: the last whole band, and what came of the next.",
        default=False,
        example=True,
    )

    def build(self, whole):
        from mdcore.learn.explorers.neb import Band

        return Band(
            **self.common, start=Path(whole.beside(self.start)),
            end=None if self.end is None else Path(whole.beside(self.end)), images=self.images,
            max_force=self.max_force, climb=self.climb, relax_ends=self.relax_ends, steps=self.steps, every=self.every,
            last=self.last,
        )  # fmt: skip
