"""Structures whose cell is strained."""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError
from mdcore.learn.explorers._samples import Samples
from mdcore.properties.elastic import strained
from mdcore.properties.relaxation import moved


@dataclass(frozen=True, kw_only=True)
class Strains(Samples):
    """strain : each component of the symmetric tensor is up to so much, in the last structure; of free axes 0
    volume : all lengths alike, nothing else; width : Angstrom, by which atoms are moved at random beside
    """

    strain: float = 0.05
    volume: bool = False
    width: float = 0.0

    def prepare(self, journey, starts):
        for system in starts:
            if not any(system.box.periodic):
                raise InputError(f"explorer {self.name}: a cluster has no cell to strain; start from what is periodic")
        return starts

    def draw(self, prepared, share: float, rng):
        periodic = np.array(prepared.box.periodic)
        along = rng.uniform(-1.0, 1.0, (3, 3))
        tensor = along[0, 0] * np.eye(3) if self.volume else np.triu(along) + np.triu(along, 1).T
        vectors = prepared.box.matrix[periodic]
        inside = np.linalg.pinv(vectors) @ vectors  # on what the periodic vectors span
        found = strained(prepared, share * self.strain * inside @ tensor @ inside)
        push = share * self.width * rng.normal(size=found.positions.shape)
        return moved(found, found.box, found.positions + push)
