"""Stillinger-Weber: which file, which of its elements."""

from dataclasses import dataclass

from mdcore.faces.potential._threebody import ThreeBodySettings


@dataclass(frozen=True, kw_only=True)
class Settings(ThreeBodySettings):
    """Stillinger-Weber, from files of LAMMPS (pair_style sw): silicon and other tetrahedral liquids and crystals; with
    `units = "metal"` only."""

    title = "Stillinger-Weber"

    def build(self, whole):
        from mdcore.potentials.manybody.stillinger_weber import StillingerWeber

        return StillingerWeber(whole.beside(self.file), self.elements)
