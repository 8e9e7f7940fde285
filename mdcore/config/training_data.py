"""Which settings say where labelled structures are, and which of them train?"""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.faces.schema import Choice, List, Number, Table, Text, setting
from mdcore.potentials.networks.native_units import Units
from mdcore.training.settings import Source, Split

AXES = Source.stress_order


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Labelled structures: extended xyz, any format of ASE, `input.data` of n2p2 and RuNNer, folders of DeePMD."""

    file: str = setting(Text(), "File or folder, relative to the input file.", example="water_train.xyz")
    format: str | None = setting(
        Choice(("extxyz", "n2p2", "deepmd", "ase")),
        "Its format.",
        default=Source.format,
        default_text="as name and content say",
        example="ase",
    )
    units: dict[str, str] = setting(
        Table(Text()),
        "Its units: length angstrom, bohr or nm; energy ev, hartree, rydberg, kcal/mol or kj/mol. Required for "
        "`input.data` "
        "(unless `mdcore.toml` beside it says so); extended xyz has eV and Angstrom unless stated.",
        factory=dict,
        example={"length": "bohr", "energy": "hartree"},
    )
    use: str = setting(
        Choice(("split", "train", "validation", "test")),
        'What its structures are for; `"split"`: as `[split]` says.',
        default=Source.use,
        example="test",
    )
    tag: str | None = setting(
        Text(), "Tag of all its structures.", default=Source.tag, default_text="that of the file", example="liquid"
    )
    tag_key: str | None = setting(
        Text(),
        "Key of the comment line that holds the tag.",
        default=Source.tag_key,
        default_text="`tag`, `config_type`, `group`, `set` or `label`",
        example="origin",
    )
    weight: float = setting(
        Number(minimum=1e-6, maximum=1e6), "Weight of its structures in the loss.", default=Source.weight, example=0.5
    )
    energy: str | None = setting(
        Text(),
        "Key of the energy.",
        default=Source.energy,
        default_text="`energy`, `REF_energy`, ...",
        example="dft_energy",
    )
    forces: str | None = setting(
        Text(),
        "Column of the forces.",
        default=Source.forces,
        default_text="`forces`, `force`, ...",
        example="dft_forces",
    )
    stress: str | None = setting(
        Text(),
        "Key of the stress.",
        default=Source.stress,
        default_text="`stress` or `virial`, ...",
        example="virial_stress_raw",
    )
    stress_unit: str = setting(
        Choice(("eV/Angstrom3", "GPa", "kbar", "virial")),
        'Unit of a `stress` that is named; `"virial"`: stress times volume, in the unit of energy.',
        default=Source.stress_unit,
        example="kbar",
    )
    stress_order: tuple[str, ...] = setting(
        List(Choice(AXES), 6),
        "Order of its six numbers.",
        default=Source.stress_order,
        example=["xx", "yy", "zz", "xy", "yz", "xz"],
    )
    stress_sign: str = setting(
        Choice(("tension", "pressure")),
        'Its sign: positive when stretched (ASE), or when compressed (`"pressure"`: VASP, virials).',
        default=Source.stress_sign,
        example="pressure",
    )

    charges: str | None = setting(
        Text(),
        "Column of the charges, e, where they are trained on.",
        default=Source.charges,
        default_text="`charges`, `charge`, `initial_charges`, `REF_charges`, ...",
        example="hirshfeld_charges",
    )
    total_charge: str | None = setting(
        Text(),
        "Key of the total charge of a structure, e, for potentials with charges; 0 without one.",
        default=Source.total_charge,
        default_text="`total_charge` or `charge`",
        example="net_charge",
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        try:
            Units.parse(self.units or None, "a unit")
        except InputError as error:
            yield "units", str(error).removeprefix("a unit: ")
        if sorted(self.stress_order) != sorted(AXES):
            yield "stress_order", f"each of {', '.join(AXES)} once"
        for key in ("stress_unit", "stress_order", "stress_sign"):
            if key in given and self.stress is None:
                yield key, 'applies to a stress that is named; add stress = "..."'


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """How the structures of files with `use = "split"` are dealt out: whole tags first, then fractions of the rest."""

    validation: float = setting(
        Number(minimum=0, maximum=0.9),
        "Fraction that validates: errors on it decide when to stop, and which parameters are kept.",
        default=Split.validation,
        example=0.05,
    )
    test: float = setting(
        Number(minimum=0, maximum=0.9),
        "Fraction that is kept away from all decisions.",
        default=Split.test,
        example=0.1,
    )
    validation_tags: tuple[str, ...] = setting(
        List(Text()), "Tags that validate.", default=Split.validation_tags, default_text="none", example=["300K"]
    )
    test_tags: tuple[str, ...] = setting(
        List(Text()), "Tags that test.", default=Split.test_tags, default_text="none", example=["600K"]
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        for tag in set(self.validation_tags) & set(self.test_tags):
            yield "test_tags", f"{tag!r} is in validation_tags too; it can do one of both"
        if self.validation + self.test >= 1:
            yield "test", f"validation is {self.validation:g}; together they must leave something to train on"
