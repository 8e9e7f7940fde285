"""Structures whose atoms are moved at random."""

from dataclasses import dataclass

import numpy as np

from mdcore.learn.explorers._samples import Samples
from mdcore.properties.relaxation import moved


@dataclass(frozen=True, kw_only=True)
class Displacements(Samples):
    """width : Angstrom, standard deviation of each coordinate in the last structure"""

    width: float = 0.2

    def draw(self, prepared, share: float, rng):
        push = share * self.width * rng.normal(size=prepared.positions.shape)
        push = push if prepared.fixed is None else np.where(prepared.fixed, 0.0, push)
        return moved(prepared, prepared.box, prepared.positions + push)
