"""Tersoff's bond order: which file, which of its elements."""

from dataclasses import dataclass

from mdcore.faces.potential._threebody import ThreeBodySettings


@dataclass(frozen=True, kw_only=True)
class Settings(ThreeBodySettings):
    """Tersoff's bond order, from files of LAMMPS (pair_style tersoff): silicon, carbon, germanium, compounds; with
    `units = "metal"` only."""

    title = "Tersoff"

    def build(self, whole):
        from mdcore.potentials.manybody.tersoff import Tersoff

        return Tersoff(whole.beside(self.file), self.elements)
