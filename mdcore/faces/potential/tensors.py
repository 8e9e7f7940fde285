"""Dipole moments and polarizabilities beside a run."""

from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.schema import Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(PotentialSettings):
    """Dipole moment and polarizability of the whole at each row of the thermo log, from a network that was trained for
    them ([tensors](properties.md#dielectric-constant-infrared-and-raman-spectra)): no energy, no forces, beside the
    potentials that have some; with `units = "metal"` only."""

    title = "tensors"
    in_units = ("metal",)
    reads_bonds = True

    file: str = setting(
        Text(), "An `.h5` file of `mdcore train` with `type = \"tensors\"`, relative to the input file.",
        example="water_tensors.h5",
    )  # fmt: skip

    @property
    def files(self):
        return (self.file,)

    def check_box(self, box, whole):
        from mdcore.potentials.tensors.h5 import read_tensors

        if any(box.periodic) and read_tensors(whole.beside(self.file)).design.has_charges:
            yield "file", (
                "its dipole moment has charges times positions, which is one of clusters alone, and this system is "
                'periodic: train with dipole = "vectors"'
            )

    def build(self, whole):
        from mdcore.potentials.tensors.potential import TensorPotential

        return TensorPotential(whole.beside(self.file))
