"""Behler-Parrinello network potentials."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.faces.potential._trained import TrainedSettings
from mdcore.faces.schema import Table, Text, setting
from mdcore.potentials.networks.native_units import Units


@dataclass(frozen=True, kw_only=True)
class Settings(TrainedSettings):
    """A Behler-Parrinello network potential ([how to run one](networks.md)); with `units = "metal"` only."""

    file: str = setting(
        Text(),
        "A folder with `input.nn`, `scaling.data` and `weights.*.data` (n2p2, RuNNer), or an `.h5` file of mdcore; "
        "relative to the input file.",
        example="H2O_RPBE-D3",
    )
    units: dict[str, str] = setting(
        Table(Text()),
        "Units the author wrote the potential in: length angstrom, bohr or nm; energy ev, hartree, rydberg, kcal/mol "
        "or kj/mol. Required unless the potential says so itself (`.h5`, or `mdcore.toml` in the folder).",
        factory=dict,
        example={"length": "bohr", "energy": "hartree"},
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        try:
            Units.parse(self.units or None, "a unit")
        except InputError as error:
            yield "units", str(error)
        yield from super().check(given)
