"""A potential that a calculator of ASE computes."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from dataclasses import dataclass

from mdcore.faces.potential._foreign import ForeignSettings
from mdcore.faces.schema import Anything, Table, Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(ForeignSettings):
    """Any calculator of [ASE](https://ase-lib.org) that is installed (quantum chemistry, tight binding, other
    potentials): rank 0 calls it with all atoms. Good for reference runs and for labelling structures.
    """

    title = "ASE"
    in_units = ("metal",)
    rank_0 = True

    calculator: str = setting(
        Text(), 'As ASE calls it, `"emt"`, or `"module:class"` of a package.', example="tblite.ase:TBLite"
    )
    arguments: dict = setting(
        Table(Anything()), "What the calculator is made with.", factory=dict, example={"method": "GFN2-xTB"}
    )

    def build(self, whole):
        from mdcore.potentials.named import NamedCalculator
        from mdcore.potentials.python import ASEPotential

        return ASEPotential(NamedCalculator(self.calculator, self.arguments), cutoff=self.cutoff)
