"""Soft-core Lennard-Jones: parameters by pair, and how much of it is there."""

from dataclasses import dataclass

from mdcore.faces.potential._pairs import ByPairSettings, PairSettings, pairs
from mdcore.faces.schema import Integer, Number, setting


@dataclass(frozen=True, kw_only=True)
class Pair(PairSettings):
    """One pair of species."""

    epsilon: float = setting(
        Number(minimum=0), "Depth of the well; 0 switches the pair off.", quantity="energy", example=0.0104
    )
    sigma: float = setting(Number(above=0), "Distance where the energy is zero.", quantity="length", example=3.40)


@dataclass(frozen=True, kw_only=True)
class Settings(ByPairSettings):
    """Lennard-Jones with a soft core: atoms that appear or vanish, and structures in which atoms lie on each other.

    Each pair has 4 coupling^n epsilon (1 / d^2 - 1 / d), d = alpha (1 - coupling)^2 + (r / sigma)^6.
    """

    title = "soft core"

    coupling: float = setting(
        Number(minimum=0, maximum=1), "How much is felt: 0 nothing, 1 Lennard-Jones.", default=1.0, example=0.5
    )
    alpha: float = setting(Number(minimum=0), "How soft the core is while coupling < 1.", default=0.5, example=0.3)
    n: int = setting(Integer(1, 9), "Power of the coupling.", default=1, example=2)
    pair: tuple[Pair, ...] = pairs(Pair)

    def build(self, whole):
        from mdcore.potentials.pair.soft_core import SoftCore

        return SoftCore(
            self.cutoff,
            pairs=self.parameters,
            truncation=self.truncation,
            coupling=self.coupling,
            alpha=self.alpha,
            n=self.n,
        )
