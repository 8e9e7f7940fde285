"""Morse: parameters by pair."""

from dataclasses import dataclass

from mdcore.faces.potential._pairs import ByPairSettings, PairSettings, pairs
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class Pair(PairSettings):
    """One pair of species."""

    depth: float = setting(
        Number(minimum=0), "Depth of the well; 0 switches the pair off.", quantity="energy", example=0.3429
    )
    alpha: float = setting(Number(above=0), "How narrow the well is.", quantity="inverse length", example=1.3588)
    r0: float = setting(Number(above=0), "Distance of the lowest energy.", quantity="length", example=2.866)


@dataclass(frozen=True, kw_only=True)
class Settings(ByPairSettings):
    """Morse, depth [(1 - exp(-alpha (r - r0)))^2 - 1]: bonds, metals."""

    title = "Morse"

    pair: tuple[Pair, ...] = pairs(Pair)

    def build(self, whole):
        from mdcore.potentials.pair.morse import Morse

        return Morse(self.cutoff, pairs=self.parameters, truncation=self.truncation)
