"""Which settings does a training have? One frozen class a section of ``train.toml``, as for a run (settings.py)."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.base.threads import MOST as MOST_THREADS
from mdcore.config.document import Document
from mdcore.config.optimizers import MADE, OPTIMIZERS
from mdcore.config.training_data import DataSettings, SplitSettings
from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, OneOf, Section, Sections, Table, Text, setting
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.walls import SHORTEST, Wall
from mdcore.training.settings import ACTIVATIONS, CUTOFF_FUNCTIONS, Committee, Loss, Parallel, Plan, Source, Split
from mdcore.training.settings import DescriptorSettings as Descriptors
from mdcore.training.settings import NetworkSettings as Network

GENERATED_ONLY = (
    "cutoff", "radial", "angular", "angular_shells", "angular_cutoff", "zetas", "wide", "keep", "method", "rare",
)  # fmt: skip
SYMMETRY_ONLY = ("cutoff_function", "angular_shells", "zetas", "wide", "file", "units", "functions")
OWN_CARD = ("title", "program", "date", "seed", "settings", "files", "structures", "tags", "elements", SHORTEST)
LEAST = 1e-6  # weight


@dataclass(frozen=True, kw_only=True)
class DescriptorSettings:
    """What the networks see: generated and chosen on the data, or given. Lengths in Angstrom."""

    kind: str = setting(
        Choice(tuple(KINDS)),
        "Symmetry functions; or polynomials of distances and angles, whose number does not grow with that of the "
        "elements: for many of them. n2p2 and LAMMPS know the first alone.",
        default=Descriptors.kind,
        example=tuple(KINDS)[-1],
    )
    cutoff: float | None = setting(
        Number(above=0, maximum=1000),
        "Of the generated set: how far an atom sees.",
        default=Descriptors.cutoff,
        default_text="required, unless descriptors are given",
        quantity="length",
        example=6.0,
    )
    cutoff_function: str = setting(
        Choice(tuple(CUTOFF_FUNCTIONS)),
        "How descriptors fade at the cutoff; `poly2` has two continuous derivatives. Of `functions` too.",
        default=Descriptors.cutoff_function,
        example="poly2",
    )
    radial: int = setting(
        Integer(minimum=1, maximum=30),
        "Radial candidates for each neighbour element: so many Gaussians at the centre and so many shells, from the "
        "shortest distance in the data to the cutoff. Of polynomials: so many orders.",
        default=Descriptors.radial,
        example=10,
    )
    angular: int = setting(
        Integer(minimum=0, maximum=16),
        "Widths of the angular candidates for each two neighbour elements; each comes with both signs of lambda and "
        "all `zetas`. Of polynomials: so many orders.",
        default=Descriptors.angular,
        example=3,
    )
    angular_shells: int = setting(
        Integer(minimum=0, maximum=16),
        "Shells of angular candidates that see the angles between two neighbours at about the same distance, with both "
        "signs of lambda and all `zetas`; type 9.",
        default=Descriptors.angular_shells,
        example=6,
    )
    angular_cutoff: float | None = setting(
        Number(above=0, maximum=1000),
        "Cutoff of angular candidates, if it is another one: the cost of a step goes with its sixth power.",
        default=Descriptors.angular_cutoff,
        default_text="`cutoff`",
        quantity="length",
        example=4.5,
    )
    zetas: tuple[float, ...] = setting(
        List(Number(above=0, maximum=1e4)),
        "Exponents of angular candidates; up to 8 they are fast.",
        default=Descriptors.zetas,
        example=[1, 4],
    )
    wide: bool = setting(
        Boolean(),
        "Angular candidates without factors of r_jk: type 9 instead of 3.",
        default=Descriptors.wide,
        example=True,
    )
    keep: int | dict[str, int] | None = setting(
        OneOf((Integer(1, 10_000), Table(Integer(1, 10_000)))),
        "How many candidates each element keeps: one number, or one for each element.",
        default=Descriptors.keep,
        default_text="all that vary and differ",
        example={"H": 27, "O": 30},
    )
    method: str = setting(
        Choice(("cur", "fps")),
        'How they are chosen: `"cur"`, by what is left of the leading principal component; `"fps"`, farthest-point '
        'sampling.',
        default=Descriptors.method,
        example="fps",
    )
    rare: float = setting(
        Number(minimum=0),
        "Candidates with values so many standard deviations above their mean are dropped: they look where atoms hardly "
        "ever are, and make dynamics fragile. 0: none is, for data of different kinds of structures.",
        default=Descriptors.rare,
        example=0.0,
    )
    scaling: str = setting(
        Choice(("scale_center", "scale", "center", "sigma")),
        'How values enter the networks: (G - mean) / (max - min), (G - min) / (max - min), G - mean, (G - mean) / '
        'sigma.',
        default=Descriptors.scaling,
        example="sigma",
    )
    file: str | None = setting(
        Text(),
        "An `input.nn` with `symfunction_short` lines, or its folder: these are taken; relative to the input file.",
        default=Descriptors.file,
        default_text="generated",
        example="net/input.nn",
    )
    units: dict[str, str] = setting(
        Table(Text()), "Units of `file`.", factory=dict, example={"length": "bohr", "energy": "hartree"}
    )
    functions: tuple[str, ...] = setting(
        List(Text()),
        'These are taken, one a line, as `symfunction_short` lines in Angstrom without the keyword: `"H 2 O eta rs '
        'rc"`, '
        '`"O 3 H H eta lambda zeta rc"`.',
        default=Descriptors.functions,
        default_text="generated",
        example=["O 2 H 0.3 0.0 6.0", "H 2 O 0.3 0.0 6.0"],
    )

    @property
    def is_given(self) -> bool:
        return self.file is not None or bool(self.functions)

    def check(self, given) -> Iterator[tuple[str, str]]:
        for key in SYMMETRY_ONLY if self.kind != "symmetry" else ():
            if key in given:
                yield key, 'applies to kind = "symmetry" only'
        if self.file and self.functions:
            yield "functions", "choose one: file or functions"
        if self.is_given:
            for key in GENERATED_ONLY:
                if key in given:
                    yield key, "applies to generated descriptors only, and these are given"
        elif self.cutoff is None:
            yield "cutoff", "required to generate descriptors, in Angstrom, e.g. cutoff = 6.0"
        if self.cutoff and self.angular_cutoff and self.angular_cutoff > self.cutoff:
            yield "angular_cutoff", f"must not exceed the cutoff, {self.cutoff:g}"
        if self.units and not self.file:
            yield "units", "applies to a file only"
        try:
            Units.parse(self.units or None, "a unit")
        except InputError as error:
            yield "units", str(error).removeprefix("a unit: ")
        if self.file and not self.units:
            yield "file", 'state its units, e.g. units = { length = "bohr", energy = "hartree" }'
        yield from unknown_elements("keep", self.keep)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The networks, one for each element, and the zero of energy."""

    hidden: tuple[int, ...] = setting(
        List(Integer(minimum=1, maximum=1000), repeats=True),
        "Nodes of each hidden layer.",
        default=Network.hidden,
        example=[20, 20],
    )
    activation: str = setting(
        Choice(tuple(ACTIVATIONS)), "Of the hidden layers.", default=Network.activation, example="softplus"
    )
    atom_energies: str | dict[str, float] = setting(
        OneOf((Choice(("fit", "isolated", "none")), Table(Number(minimum=-1e8, maximum=1e8)))),
        'Energies taken off before training: `"fit"`, least squares on the compositions; `"isolated"`, of the '
        'structures that '
        "are one atom alone; or given, in eV.",
        default=Network.atom_energies,
        example={"H": -13.6, "O": -2041.8},
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from unknown_elements("atom_energies", self.atom_energies)


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """What counts how much. A property with weight 0 needs no labels.

    Weights have no units and mean the same to all optimisers: each label, an energy an atom, a component of a force or
    of a stress, counts (weight times error over what is usual)^2, times the weight of its structure. Usual is, to Adam
    and L-BFGS, the spread of the labels that are trained on (of energies: beyond what atoms give); to the Kalman
    filter, the running average of the errors.
    """

    energy: float = setting(Number(minimum=0, maximum=1e6), "Weight of energies.", default=Loss.energy, example=10.0)
    forces: float = setting(Number(minimum=0, maximum=1e6), "Weight of forces.", default=Loss.forces, example=1.0)
    stress: float = setting(Number(minimum=0, maximum=1e6), "Weight of stress.", default=Loss.stress, example=1.0)
    power: float = setting(
        Number(minimum=0, maximum=2),
        "Of the number of atoms N: energies count by their error over N^(`power` / 2); 2 is an error an atom, less "
        "gives large structures more weight.",
        default=Loss.power,
        example=1.0,
    )
    tags: dict[str, float] = setting(
        Table(Number(minimum=1e-6, maximum=1e6)),
        "Weights of structures by their tag; others have 1.",
        factory=dict,
        example={"Surface": 2.0},
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if not (self.energy or self.forces or self.stress):
            yield "energy", "nothing counts; give energy, forces or stress a weight above 0"
        for name in ("energy", "forces", "stress"):
            if 0 < getattr(self, name) < LEAST:
                yield name, f"hardly counts; leave it out with 0, or give it {LEAST:g} at least"


@dataclass(frozen=True, kw_only=True)
class CommitteeSettings:
    """Several networks from different starts, whose disagreement tells where they know little."""

    members: int = setting(Integer(minimum=1, maximum=100), "How many.", default=Committee.members, example=5)
    bootstrap: bool = setting(
        Boolean(),
        "Train each on a sample of the structures, drawn with replacement, instead of all.",
        default=Committee.bootstrap,
        example=True,
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.bootstrap and self.members == 1:
            yield "bootstrap", "applies to several members only"


@dataclass(frozen=True, kw_only=True)
class TrainingParallelSettings:
    """Threads and memory. They change the speed, never the result."""

    threads: str | int = setting(
        OneOf((Choice(("auto",)), Integer(minimum=1, maximum=MOST_THREADS))),
        'How many; `"auto"`: the environment variable `MDCORE_NUM_THREADS`, or 1.',
        default=Parallel.threads,
        example=2,
    )
    memory: float = setting(
        Number(above=0),
        "Gigabytes for derivatives of descriptors, of each rank. What does not fit is computed anew in each epoch.",
        default=Parallel.memory,
        example=16.0,
    )


@dataclass(frozen=True, kw_only=True)
class TrainingOutputSettings:
    """What is written."""

    name: str | None = setting(
        Text(), "Prefix of all files written.", default=None, default_text="the input file's name", example="water"
    )
    directory: str = setting(
        Text(),
        "Folder of the files written, relative to where the command is run; made if needed.",
        default=".",
        example="potentials",
    )
    n2p2: bool = setting(
        Boolean(),
        "Also write a folder `<name>-n2p2` for n2p2 and LAMMPS, in eV and Angstrom.",
        default=False,
        example=True,
    )
    plot: bool = setting(
        Boolean(), "Draw parity, errors and learning curves (needs Matplotlib).", default=True, example=False
    )
    checkpoint_minutes: float = setting(
        Number(minimum=0), "Minutes between checkpoints, at the end of epochs.", default=5.0, example=1.0
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.name is not None and (os.path.basename(self.name) != self.name or self.name in (".", "..")):
            yield "name", 'a name, not a path; give the folder as directory = "..."'
        elif self.name is not None and not self.name.isprintable():
            yield "name", "expected printable characters: no line breaks, no control characters"


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Document):
    """Everything one train.toml says; complete and consistent once `load_training` returns it."""

    title: str = setting(
        Text(), "Free text, kept in the potential.", default="", default_text="none", example="water, PBE0+TS"
    )
    seed: int = setting(
        Integer(minimum=0, maximum=2**63 - 1),
        "Seed of all random choices: split, sample, initial weights, order.",
        default=Plan.seed,
        example=2024,
    )
    card: dict[str, str] = setting(
        Table(Text()),
        "Texts for the model card in the potential: where the data come from, their licence, the range of validity.",
        factory=dict,
        example={"data": "doi:10.1000/xyz", "licence": "CC-BY-4.0"},
    )
    data: tuple[DataSettings, ...] = setting(Sections(DataSettings, single=True), "Files of labelled structures.")
    split: SplitSettings = setting(
        Section(SplitSettings), "Which structures train, validate, test.", default=SplitSettings()
    )
    descriptors: DescriptorSettings = setting(Section(DescriptorSettings), "What the networks see.")
    network: NetworkSettings = setting(Section(NetworkSettings), "The networks.", default=NetworkSettings())
    loss: LossSettings = setting(Section(LossSettings), "What counts how much.", default=LossSettings())
    zbl: str | dict[str, tuple[float, ...]] = setting(
        OneOf((Choice(("auto", "off")), Table(List(Number(minimum=0), length=2)))),
        "Walls that become part of the potential ([walls](networks.md#walls)), the repulsion of two nuclei at "
        'distances shorter than all in the data. `"auto"`: for each pair of elements, just inside its shortest '
        "distance; or given for some pairs as `[inner, cutoff]` in Angstrom, the others as in auto. No structure of "
        "the data may feel a wall.",
        default=Plan.zbl,
        example={"H-O": [0.6, 0.85]},
    )
    optimizer: tuple = setting(
        Sections(tag="type", classes=OPTIMIZERS, single=True), "How parameters are found; several: one after the other."
    )
    committee: CommitteeSettings = setting(
        Section(CommitteeSettings), "Several networks.", default=CommitteeSettings()
    )
    parallel: TrainingParallelSettings = setting(
        Section(TrainingParallelSettings), "Threads and memory.", default=TrainingParallelSettings()
    )
    output: TrainingOutputSettings = setting(
        Section(TrainingOutputSettings), "Files.", default=TrainingOutputSettings()
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.output.n2p2 and self.descriptors.kind != "symmetry":
            yield "output.n2p2", 'n2p2 knows symmetry functions only: kind = "symmetry" in [descriptors]'
        for name in set(self.card) & set(OWN_CARD):
            yield "card", f"{name!r} is written by mdcore itself; choose another name"
        for name, (inner, cutoff) in self.zbl.items() if isinstance(self.zbl, dict) else ():
            try:
                Wall(tuple(name.split("-")), inner, cutoff)
            except InputError as error:
                yield f"zbl.{name}", str(error)
        if not self.loss.energy and not self.loss.stress and any(getattr(s, "rows", 1) == 0 for s in self.optimizer):
            yield "optimizer", "rows = 0, and only forces count in [loss]: nothing would be learned"

    @property
    def plan(self) -> Plan:
        """The same for the library, which knows no input file."""
        given, optimizer = self.descriptors, [plain(MADE[type(own)], own) for own in self.optimizer]
        return plain(
            Plan, self, descriptors=plain(Descriptors, given, file=given.file and self.beside(given.file)),
            split=plain(Split, self.split), network=plain(Network, self.network), loss=plain(Loss, self.loss),
            optimizer=tuple(optimizer), committee=plain(Committee, self.committee), name=self.output.name or "",
            parallel=plain(Parallel, self.parallel),
        )  # fmt: skip

    @property
    def sources(self) -> list[Source]:
        """Where the structures are."""
        return [plain(Source, own, file=self.beside(own.file)) for own in self.data]


def plain(cls, settings, **instead):
    """The object of the library that has these settings, or others instead."""
    names = [f.name for f in fields(cls) if f.name not in instead]
    return cls(**instead, **{name: getattr(settings, name) for name in names if hasattr(settings, name)})


def unknown_elements(key: str, table) -> Iterator[tuple[str, str]]:
    """Complaints about keys of a table that are no elements."""
    for name in table if isinstance(table, dict) else ():
        if name not in ATOMIC_NUMBERS:
            yield key, f"{name!r} is no chemical element"
