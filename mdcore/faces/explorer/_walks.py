"""What explorers say that ask the potential themselves: where they start, where they stop."""


from dataclasses import dataclass
from pathlib import Path

from mdcore.faces.base import ExplorerSettings
from mdcore.faces.schema import Integer, Number, Text, setting

LOST = "It stops there, and keeps that structure, too."


@dataclass(frozen=True, kw_only=True)
class WalkSettings(ExplorerSettings):
    """Explorers that are no run."""

    disagreement: float | None = setting(
        Number(above=0),
        f"Of a committee: more than this about the force on an atom, and the potential is lost. {LOST}",
        default=1.0,
        quantity="force",
        example=2.0,
    )
    extrapolation: float | None = setting(
        Number(above=0),
        f"An atom is farther outside of the ranges of training, in widths of a range: the potential is lost. {LOST}",
        default=None,
        default_text="no limit",
        example=0.5,
    )

    @property
    def common(self) -> dict:
        """Of every such explorer in learn/explorers."""
        from mdcore.learn.explorers._journey import Limits

        limits = Limits(disagreement=self.disagreement, extrapolation=self.extrapolation)
        return {"name": self.name, "quota": self.quota, "limits": limits}


@dataclass(frozen=True, kw_only=True)
class StartingSettings(WalkSettings):
    """Those that start from labelled structures, or others."""

    start: str | None = setting(
        Text(),
        "File with structures to start from, relative to the input file.",
        default=None,
        default_text="labelled structures, at random",
        example="defects.extxyz",
    )

    def started(self, whole) -> dict:
        """`common`, with the file."""
        return self.common | {"start": None if self.start is None else Path(whole.beside(self.start))}


@dataclass(frozen=True, kw_only=True)
class SampleSettings(StartingSettings):
    """Those that draw structures around others."""

    count: int = setting(
        Integer(minimum=1),
        "Structures in a generation, the first ones near to where they start, the last ones as far away as said below.",
        default=20,
        example=50,
    )
    nearest: float = setting(
        Number(minimum=0, maximum=1),
        "No two atoms are closer than this share of the shortest distance of such a pair in labelled structures.",
        default=0.9,
        example=0.8,
    )

    def sampled(self, whole) -> dict:
        return self.started(whole) | {"count": self.count, "nearest": self.nearest}
