"""Density networks."""

from dataclasses import dataclass

from mdcore.faces.potential._trained import TrainedSettings
from mdcore.faces.schema import Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(TrainedSettings):
    """A network of densities of neighbours, with messages between atoms ([theory](theory.md#density-networks)); with
    `units = "metal"` only."""

    file: str = setting(
        Text(),
        "An `.h5` file of mdcore, of a density network (`mdcore train`); relative to the input file.",
        example="water.h5",
    )
