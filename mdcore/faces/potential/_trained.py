"""What inputs say of every trained potential: how it runs, what it watches. cli/networks.py reads and builds them."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mdcore.faces.base import PotentialSettings
from mdcore.faces.potential._committee import BiasSettings, FallbackSettings
from mdcore.faces.schema import Choice, Integer, Number, Section, setting


@dataclass(frozen=True, kw_only=True)
class TrainedSettings(PotentialSettings):
    """A file, and how it runs; derived ones have `file`."""

    in_units = ("metal",)
    reads_bonds = True

    precision: str = setting(
        Choice(("double", "mixed")),
        '`"mixed"`: kernels in single precision, sums in double.',
        default="double",
        example="mixed",
    )
    extrapolation: str = setting(
        Choice(("ignore", "warn", "save", "stop")),
        'What to do about atoms far outside the range of the training set ([what that is](networks.md#policies)): '
        '`"ignore"`, `"warn"` now and then, `"save"` also the structures, to `<name>-extrapolated.extxyz`, `"stop"` '
        'also the run, with a checkpoint.',
        default="warn",
        example="save",
    )
    extrapolation_limit: int = setting(
        Integer(minimum=1),
        'With `"stop"`: so many atoms far outside in one step end the run.',
        default=1,
        example=5,
    )
    extrapolation_every: int = setting(
        Integer(minimum=1),
        'With `"save"` and `"stop"`: fewest steps between two saved structures.',
        default=100,
        example=1000,
    )
    disagreement_save: float | None = setting(
        Number(above=0),
        "Of a committee: structures in which its members disagree by more than this (eV/Angstrom) about the force on "
        "an atom go to `<name>-disputed.extxyz`, for labelling.",
        default=None,
        default_text="none are saved",
        example=0.3,
    )
    disagreement_stop: float | None = setting(
        Number(above=0),
        "Of a committee: a larger disagreement (eV/Angstrom) ends the run, with a checkpoint.",
        default=None,
        default_text="the run goes on",
        example=1.0,
    )
    disagreement_every: int | None = setting(
        Integer(minimum=1),
        "Of a committee: steps between looks at how its members differ. Each row of the thermo log is a look anyway.",
        default=None,
        default_text="10 with `disagreement_save` or `disagreement_stop`",
        example=20,
    )
    disagreement_pause: int = setting(
        Integer(minimum=1),
        "With `disagreement_save`: fewest steps between two saved structures.",
        default=100,
        example=1000,
    )
    bias: BiasSettings | None = setting(
        Section(BiasSettings), "Of a committee: a bias towards what it does not know.", default=None
    )
    fallback: FallbackSettings | None = setting(
        Section(FallbackSettings), "Of a committee: what takes over where it does not know.", default=None
    )

    @property
    def title(self):
        return Path(self.file).stem

    @property
    def files(self):
        return (self.file,)

    @property
    def reference(self) -> str | None:
        """Structures that a committee was trained on, of its bias or fallback."""
        return getattr(self.bias or self.fallback, "reference", None)

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        own = self.fallback
        tables = {} if own is None else {"calibration": own.calibration, "shifts": own.shifts}
        for key, values in tables.items():
            for name in values if isinstance(values, dict) else ():
                if name not in symbols:
                    there = ", ".join(symbols)
                    yield f"fallback.{key}.{name}", f"no species {name!r} in the structure, which has {there}"

    def check(self, given) -> Iterator[tuple[str, str]]:
        for key, policies in (("extrapolation_limit", ("stop",)), ("extrapolation_every", ("save", "stop"))):
            if key in given and self.extrapolation not in policies:
                words = " or ".join(f'"{policy}"' for policy in policies)
                yield key, f"applies with extrapolation = {words} only"
        if self.bias is not None and self.fallback is not None:
            yield "bias", "there is a fallback too; one of them explores, the other is for production: take one out"
        if "disagreement_pause" in given and self.disagreement_save is None:
            yield "disagreement_pause", "applies with disagreement_save only"
