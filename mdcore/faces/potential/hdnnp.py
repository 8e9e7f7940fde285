"""Behler-Parrinello network potentials."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.faces.potential._trained import TrainedSettings
from mdcore.faces.schema import Choice, Number, Table, Text, setting
from mdcore.potentials.charges.electrostatics import METHODS
from mdcore.potentials.networks.charge_settings import SUMS
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

    total_charge: float | None = setting(
        Number(),
        "Of a potential with charges: charge of the whole.",
        default=None,
        default_text="`charge` in the comment line of the structure, or 0",
        quantity="charge",
        example=1.0,
    )
    charge_accuracy: float | None = setting(
        Number(minimum=1e-10, maximum=1e-2),
        "Of a potential with charges, in periodic cells: error of the forces between them, relative to what they are, "
        "root mean squares.",
        default=None,
        default_text="1e-5",
        example=1e-7,
    )
    charge_cutoff: float | None = setting(
        Number(above=0),
        "Of a potential with charges, in periodic cells: of the part of their sum that is made in pairs. It changes "
        "the speed, not the sum.",
        default=None,
        default_text="as far as networks look, or as wide Gaussians need; 6 Angstrom at least",
        quantity="length",
        example=10.0,
    )
    charge_method: str | None = setting(
        Choice(METHODS),
        'Of a potential with charges, of the other part: `"ewald"`, waves, `"mesh"`, smooth particle-mesh Ewald, or '
        '`"auto"`, a mesh for many waves.',
        default=None,
        default_text='`"auto"`',
        example="mesh",
    )
    charge_residual: float | None = setting(
        Number(minimum=1e-14, maximum=1e-3),
        "Of charges by equilibration: what is missing in them, root mean square, where they follow from those of the "
        "steps before.",
        default=None,
        default_text="1e-8 e",
        quantity="charge",
        example=1e-6,
    )
    charge_sums: str | None = setting(
        Choice(SUMS),
        'Of a potential with charges: `"converged"`, or `"n2p2"`, cut off as its folder says n2p2 does it '
        "(`ewald_prec`), to compare with n2p2's numbers: slow, without stress, and energies jump where pairs pass the "
        "cutoff.",
        default=None,
        default_text='`"converged"`',
        example="n2p2",
    )

    @property
    def charges(self) -> dict:
        """What is said of charges, as ChargeSettings has it."""
        names = {"total": "total_charge"} | {name: f"charge_{name}" for name in ("accuracy", "cutoff", "method")}
        names |= {name: f"charge_{name}" for name in ("residual", "sums")}
        return {name: value for name, key in names.items() if (value := getattr(self, key)) is not None}

    def check(self, given) -> Iterator[tuple[str, str]]:
        try:
            Units.parse(self.units or None, "a unit")
        except InputError as error:
            yield "units", str(error)
        yield from super().check(given)
