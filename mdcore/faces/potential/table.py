"""Any function of the distance: a table for each pair, from a file."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.faces.potential._pairs import ByPairSettings, pairs
from mdcore.faces.schema import List, Number, Table, Text, setting
from mdcore.potentials.networks.native_units import Units


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One pair of species."""

    species: tuple[str, str] = setting(List(Text(), 2), "The two species.", example=["Na", "Cl"])
    file: str = setting(
        Text(),
        "Columns r, u; or sections index, r, u, force as for LAMMPS's `pair_style table`. Relative to the input file.",
        example="salt.table",
    )
    keyword: str | None = setting(
        Text(), "The section of the file.", default=None, default_text="the only one", example="NACL"
    )


@dataclass(frozen=True, kw_only=True)
class Settings(ByPairSettings):
    """Tables of the energy at distances, a spline between them; forces follow from the energies.

    Atoms nearer than a table begins stop the run.
    """

    title = "table"

    cutoff: float | None = setting(
        Number(above=0),
        "Pairs farther apart do not interact.",
        default=None,
        default_text="where each table ends",
        quantity="length",
        example=8.5,
    )
    units: dict[str, str] = setting(
        Table(Text()),
        "Units of the files: length angstrom, bohr or nm; energy ev, hartree, rydberg, kcal/mol or kj/mol. Without it "
        "they are those of the input.",
        factory=dict,
        example={"length": "angstrom", "energy": "kcal/mol"},
    )
    pair: tuple[Pair, ...] = pairs(Pair)

    @property
    def files(self):
        return tuple(dict.fromkeys(pair.file for pair in self.pair))

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from super().check(given)
        try:
            Units.parse(self.units or None, "a unit")
        except InputError as error:
            yield "units", str(error).removeprefix("a unit: ")

    def build(self, whole):
        from mdcore.potentials.pair.tabulated import Tabulated, read_table

        if self.units and whole.units != "metal":
            raise InputError('units of tables are for inputs with units = "metal"; write these in reduced units')
        units, tables = Units.parse(self.units or {"length": "angstrom", "energy": "ev"}), {}
        for pair in self.pair:
            r, u = read_table(whole.beside(pair.file), pair.keyword)
            tables[pair.species] = r * units.angstrom, u * units.ev
        return Tabulated(tables, self.cutoff, truncation=self.truncation)
