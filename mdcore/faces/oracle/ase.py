"""A calculator of ASE as an oracle."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from dataclasses import dataclass

from mdcore.faces.oracle._base import OracleSettings
from mdcore.faces.schema import Anything, Table, Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OracleSettings):
    """Any calculator of [ASE](https://ase-lib.org) that is installed: tight binding (tblite), quantum chemistry
    (PySCF), LAMMPS, EMT. One is made for each structure."""

    calculator: str = setting(
        Text(), 'As ASE calls it, `"emt"`, or `"module:class"` of a package.', example="tblite.ase:TBLite"
    )
    arguments: dict = setting(
        Table(Anything()), "What the calculator is made with.", factory=dict, example={"method": "GFN2-xTB"}
    )

    def build(self, whole):
        from mdcore.learn.oracles import ASEOracle

        return ASEOracle(self.calculator, self.arguments)
