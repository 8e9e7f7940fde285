"""Harmonic bonds: parameters by type of bond or by species."""

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.potential._pairs import strangers
from mdcore.faces.schema import Integer, List, Number, Sections, Text, setting


@dataclass(frozen=True, kw_only=True)
class Bond:
    """One kind of bonds, by its type or by the species of its atoms."""

    bond: int | None = setting(
        Integer(minimum=1), "Type of the bonds in the structure; or `species`.", default=None,
        default_text="required, or `species`", example=1,
    )  # fmt: skip
    species: tuple[str, str] | None = setting(
        List(Text(), 2), "Species of the two atoms; a type counts first.", default=None,
        default_text="required, or `bond`", example=["O", "H"],
    )  # fmt: skip
    k: float = setting(
        Number(minimum=0),
        "Stiffness: E = k (r - r0)^2 / 2, energy / length^2; in LAMMPS K is half of that.",
        example=45.9,
    )
    r0: float = setting(Number(above=0), "Length at rest.", quantity="length", example=1.012)


@dataclass(frozen=True, kw_only=True)
class Settings(PotentialSettings):
    """Harmonic bonds, k (r - r0)^2 / 2, between the atoms that the structure says are joined.

    The structure is a data file of LAMMPS with a section Bonds. A bond is with the nearest image of the other atom. To
    leave joined pairs out of another potential, see its `exclude_bonded`.
    """

    title = "bonds"
    reads_bonds, needs_bonds = True, "type"

    longest: float | None = setting(
        Number(above=0),
        "A longer bond ends the run.",
        default=None,
        default_text="twice the largest `r0`",
        quantity="length",
        example=2.5,
    )
    kind: tuple[Bond, ...] = setting(
        Sections(Bond), "Parameters of each kind of bonds, `[[potential.kind]]`.", default=()
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if not self.kind:
            yield "kind", "no parameters; add a section [[potential.kind]] with bond or species, k, r0"
        seen = set()
        for i, own in enumerate(self.kind):
            if (own.bond is None) == (own.species is None):
                yield f"kind.{i}.bond", "give either the type of the bonds or the two species"
                continue
            if self._key(own) in seen or (own.species and self._key(own)[::-1] in seen):
                yield f"kind.{i}.bond", "these bonds were given before; keep one of the two"
            seen.add(self._key(own))

    @staticmethod
    def _key(own: Bond):
        return own.bond if own.species is None else tuple(own.species)

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        for i, own in enumerate(self.kind):
            for _, complaint in strangers([own] if own.species else [], symbols):
                yield f"kind.{i}.species", complaint

    def build(self, whole):
        from mdcore.potentials.bonds import Bonds

        return Bonds({self._key(own): {"k": own.k, "r0": own.r0} for own in self.kind}, longest=self.longest)
