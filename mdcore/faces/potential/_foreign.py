"""Potentials that others compute, of which mdcore knows no cutoff: what they share."""

from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class ForeignSettings(PotentialSettings):
    """A potential whose cutoff the user may tell."""

    reads_bonds = True

    cutoff: float = setting(
        Number(minimum=0),
        "How far atoms feel each other, if it is known; `mdcore verify` uses it.",
        default=0.0,
        quantity="length",
        example=5.0,
    )
