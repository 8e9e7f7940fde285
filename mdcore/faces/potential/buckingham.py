"""Buckingham: parameters by pair."""

from dataclasses import dataclass

from mdcore.faces.potential._pairs import ByPairSettings, PairSettings, pairs
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class Pair(PairSettings):
    """One pair of species."""

    a: float = setting(
        Number(minimum=0),
        "Strength of the repulsion; 0 for pairs that only attract or do nothing.",
        quantity="energy",
        ranged=False,
        example=926.69,
    )
    rho: float = setting(Number(above=0), "Distance over which it falls by e.", quantity="length", example=0.29909)
    c: float = setting(Number(minimum=0), "Strength of the attraction.", quantity="dispersion", example=77.0)


@dataclass(frozen=True, kw_only=True)
class Settings(ByPairSettings):
    """Buckingham, a exp(-r / rho) - c / r^6: ions (beside `"coulomb"`), rare gases.

    Nearer than its maximum, atoms fall into each other: add a `"zbl"` where they may come so near.
    """

    title = "Buckingham"

    pair: tuple[Pair, ...] = pairs(Pair)

    def build(self, whole):
        from mdcore.potentials.pair.buckingham import Buckingham

        return Buckingham(self.cutoff, pairs=self.parameters, truncation=self.truncation)
