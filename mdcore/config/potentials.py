"""Which potentials can an input file name, and with which settings?

A new type is one settings class here, entered in `POTENTIALS`, and one builder
in the assembly of a run.
"""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.config.schema import (
    Boolean,
    Choice,
    Integer,
    List,
    NamedSections,
    Number,
    Sections,
    Table,
    Text,
    setting,
)
from mdcore.elements import ATOMIC_NUMBERS, element_of, stranger
from mdcore.errors import InputError
from mdcore.potentials.native_units import Units

TYPES = ("lj", "zbl", "hdnnp")


@dataclass(frozen=True, kw_only=True)
class LJSpecies:
    """Lennard-Jones parameters of one species with itself, and the input of the mixing rule."""

    epsilon: float = setting(Number(minimum=0), "Depth of the well.", quantity="energy", example=0.0104)
    sigma: float = setting(
        Number(above=0), "Distance where the energy is zero.", quantity="length", example=3.40
    )


@dataclass(frozen=True, kw_only=True)
class LJPair:
    """Lennard-Jones parameters of one pair of species; they win over the mixing rule."""

    species: tuple[str, str] = setting(List(Text(), 2), "The two species.", example=["Ar", "Kr"])
    epsilon: float = setting(
        Number(minimum=0), "Depth of the well; 0 switches the pair off.", quantity="energy", example=0.0123
    )
    sigma: float = setting(
        Number(above=0), "Distance where the energy is zero.", quantity="length", example=3.52
    )
    cutoff: float | None = setting(
        Number(above=0),
        "Cutoff of this pair.",
        default=None,
        default_text="cutoff of the potential",
        quantity="length",
        example=9.0,
    )


@dataclass(frozen=True, kw_only=True)
class LennardJonesSettings:
    """The 12-6 potential, 4 epsilon [(sigma/r)^12 - (sigma/r)^6], for any number of species."""

    type: str = setting(Choice(TYPES), "Kind of potential.", example="lj")
    cutoff: float = setting(
        Number(above=0), "Pairs farther apart do not interact.", quantity="length", example=8.5
    )
    truncation: str = setting(
        Choice(("cut", "shifted", "force-shifted")),
        'What happens at the cutoff: `"cut"` the energy jumps to zero, `"shifted"` the energy is shifted '
        'to be continuous, `"force-shifted"` energy and force are continuous.',
        default="cut",
        example="force-shifted",
    )
    mixing: str = setting(
        Choice(("lorentz-berthelot", "geometric", "none")),
        "Parameters of unlike species without a `pair` of their own: epsilon is the geometric mean; "
        'sigma is the arithmetic (`"lorentz-berthelot"`) or geometric (`"geometric"`) mean; with `"none"` '
        "every unlike pair must be given.",
        default="lorentz-berthelot",
        example="geometric",
    )
    tail_corrections: bool = setting(
        Boolean(),
        'Add the mean energy and pressure beyond the cutoff: homogeneous, fully periodic systems, `"cut"`.',
        default=False,
        example=True,
    )
    species: dict[str, LJSpecies] = setting(
        NamedSections(LJSpecies), "Parameters for each species, `[potential.species.Ar]`.", factory=dict
    )
    pair: tuple[LJPair, ...] = setting(
        Sections(LJPair), "Parameters for particular pairs, `[[potential.pair]]`.", default=()
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if not self.species and not self.pair:
            yield (
                "species",
                (
                    "no parameters; add a section [potential.species.<name>] with epsilon and sigma "
                    "for each species"
                ),
            )
        if self.tail_corrections and self.truncation != "cut":
            yield "tail_corrections", f'needs truncation = "cut", not "{self.truncation}", or set it to false'
        yield from repeated(self.pair)

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        """Does every pair of the species in the structure have parameters?"""
        explicit = {frozenset(pair.species) for pair in self.pair}
        for i, pair in enumerate(self.pair):
            for name in pair.species:
                if name not in symbols and name not in self.species:
                    yield (
                        f"pair.{i}.species",
                        (f"no species {name!r} in the structure, which has {', '.join(symbols)}"),
                    )
        for i, a in enumerate(symbols):
            for b in symbols[i:]:
                if frozenset((a, b)) in explicit:
                    continue
                missing = [s for s in dict.fromkeys((a, b)) if s not in self.species]
                if a == b and missing and (frozenset((a,)) not in explicit):
                    yield (
                        f"species.{a}",
                        (
                            f"the structure contains {a}, which has no parameters; add "
                            f"[potential.species.{a}] with epsilon and sigma"
                        ),
                    )
                elif a != b and not missing and self.mixing == "none":
                    yield (
                        "mixing",
                        (
                            f"the pair {a}-{b} has no parameters; add [[potential.pair]] with "
                            f'species = ["{a}", "{b}"], or choose a mixing rule'
                        ),
                    )
                elif a != b and any(frozenset((s,)) in explicit for s in missing):
                    yield (
                        "pair",
                        (
                            f"the pair {a}-{b} has no parameters and nothing to mix; add "
                            f'[[potential.pair]] with species = ["{a}", "{b}"]'
                        ),
                    )


@dataclass(frozen=True, kw_only=True)
class ZBLPair:
    """Where the repulsion of one pair of species ends."""

    species: tuple[str, str] = setting(List(Text(), 2), "The two species.", example=["O", "H"])
    inner: float = setting(Number(minimum=0), "`inner` of this pair.", quantity="length", example=0.6)
    cutoff: float = setting(Number(above=0), "Cutoff of this pair.", quantity="length", example=0.85)

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from inner_beyond(self)


@dataclass(frozen=True, kw_only=True)
class ZBLSettings:
    """Repulsion of nuclei at short distance (Ziegler, Biersack, Littmark), alone or beside another potential."""

    in_units = ("metal",)

    type: str = setting(Choice(TYPES), "Kind of potential.", example="zbl")
    inner: float = setting(
        Number(minimum=0),
        "Up to here the force is the universal one; from here on energy, force and curvature fall to zero.",
        quantity="length",
        example=1.0,
    )
    cutoff: float = setting(Number(above=0), "Pairs farther apart do not interact.", quantity="length", example=2.0)
    numbers: dict[str, int] = setting(
        Table(Integer(1, 118)),
        "Atomic numbers of species that are not called after an element.",
        factory=dict,
        example={"Ow": 8},
    )
    pair: tuple[ZBLPair, ...] = setting(
        Sections(ZBLPair), "Other `inner` and `cutoff` for particular pairs, `[[potential.pair]]`.", default=()
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from inner_beyond(self)
        yield from repeated(self.pair)

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        """Has every species an atomic number?"""
        for i, pair in enumerate(self.pair):
            for name in pair.species:
                if name not in symbols:
                    text = f"no species {name!r} in the structure, which has {', '.join(symbols)}"
                    yield f"pair.{i}.species", text
        for name in self.numbers:
            if name not in symbols:
                yield f"numbers.{name}", f"no such species in the structure, which has {', '.join(symbols)}"
        for name in symbols:
            if element_of(name) not in ATOMIC_NUMBERS and name not in self.numbers:
                yield (
                    "numbers",
                    f"species {name} is no chemical element; give its atomic number: numbers = {{ {name} = ... }}"
                    f"{stranger(name)}",
                )


@dataclass(frozen=True, kw_only=True)
class HDNNPSettings:
    """A Behler-Parrinello network potential ([how to run one](networks.md)); with `units = "metal"` only."""

    in_units = ("metal",)

    type: str = setting(Choice(TYPES), "Kind of potential.", example="hdnnp")
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
        'With `"save"`: fewest steps between two saved structures.',
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

    def check(self, given) -> Iterator[tuple[str, str]]:
        try:
            Units.parse(self.units or None, "a unit")
        except InputError as error:
            yield "units", str(error)
        for key, policy in (("extrapolation_limit", "stop"), ("extrapolation_every", "save")):
            if key in given and self.extrapolation != policy:
                yield key, f'applies with extrapolation = "{policy}" only'
        if "disagreement_pause" in given and self.disagreement_save is None:
            yield "disagreement_pause", "applies with disagreement_save only"

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        """Only the file knows: cli/networks.py reads it."""
        return iter(())


def inner_beyond(ranges) -> Iterator[tuple[str, str]]:
    """A complaint if `inner` is not less than the cutoff."""
    if not ranges.inner < ranges.cutoff:
        yield "inner", f"must be less than the cutoff, {ranges.cutoff:g}"


def repeated(pairs) -> Iterator[tuple[str, str]]:
    """Complaints about pairs of species that were given before."""
    seen = set()
    for i, pair in enumerate(pairs):
        key = frozenset(pair.species)
        if key in seen:
            yield f"pair.{i}.species", "this pair was given before; keep one of the two"
        seen.add(key)


POTENTIALS: dict[str, type] = dict(zip(TYPES, (LennardJonesSettings, ZBLSettings, HDNNPSettings), strict=True))
