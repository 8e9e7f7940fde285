"""Potentials of three bodies from LAMMPS's files: what they share."""

from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.schema import List, Text, setting


@dataclass(frozen=True, kw_only=True)
class ThreeBodySettings(PotentialSettings):
    """A file with an entry for each triple of elements; a type of its own says `build`."""

    in_units = ("metal",)

    file: str = setting(
        Text(), "The file, relative to the input file; it has the elements of the structure.", example="SiC.tersoff"
    )
    elements: tuple[str, ...] | None = setting(
        List(Text()),
        "The elements of the file that are used; the largest of their cutoffs is that of the run.",
        default=None,
        default_text="all of the file",
        example=["Si", "C"],
    )

    @property
    def files(self):
        return (self.file,)
