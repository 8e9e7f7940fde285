"""The embedded-atom method: which file, of which format."""


from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.schema import Choice, Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(PotentialSettings):
    """The embedded-atom method for metals and alloys, from files of LAMMPS; with `units = "metal"` only."""

    title = "EAM"
    in_units = ("metal",)

    file: str = setting(
        Text(), "The file, relative to the input file; it has the elements of the structure.",
        example="CuNi.eam.alloy",
    )  # fmt: skip
    format: str | None = setting(
        Choice(("setfl", "fs", "funcfl")),
        'Its format: `"setfl"` (eam/alloy), `"fs"` (eam/fs) or `"funcfl"` (eam, one element).',
        default=None,
        default_text="by its name: .alloy, .setfl; .fs; others funcfl",
        example="setfl",
    )

    @property
    def files(self):
        return (self.file,)

    def build(self, whole):
        from mdcore.potentials.manybody.eam import EAM

        return EAM(whole.beside(self.file), self.format)
