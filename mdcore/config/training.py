"""Which settings does a training have? One frozen class a section of ``train.toml``, as for a run (settings.py)."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from mdcore.base.errors import InputError
from mdcore.base.threads import MOST as MOST_THREADS
from mdcore.config.document import Document, check_name
from mdcore.config.optimizers import MADE, OPTIMIZERS
from mdcore.config.training_data import DataSettings, SplitSettings
from mdcore.config.training_long_range import LongRangeSettings
from mdcore.config.training_model import DescriptorSettings, ModelSettings, NetworkSettings
from mdcore.config.training_subtract import SUBTRACTED
from mdcore.faces.schema import (
    Boolean,
    Choice,
    Integer,
    List,
    Number,
    OneOf,
    Section,
    Sections,
    Table,
    Text,
    setting,
    toml,
)
from mdcore.potentials.counted import KINDS, NOTHING
from mdcore.potentials.networks.subtracted import LAWS
from mdcore.potentials.networks.trained import CONTAINS
from mdcore.potentials.networks.walls import SHORTEST, Wall
from mdcore.training.settings import (
    ALL,
    BALANCED,
    CHOICES,
    LABELLED,
    LABELS,
    LINEAR,
    LOST,
    NO_PART,
    NOT_LINEAR,
    NOT_ROUGH,
    REQUIRED,
    Committee,
    Loss,
    Parallel,
    Plan,
    Source,
    Split,
    weighed,
)
from mdcore.training.settings import DensitySettings as Density
from mdcore.training.settings import DescriptorSettings as Descriptors
from mdcore.training.settings import LongRangeSettings as LongRange
from mdcore.training.settings import NetworkSettings as Network

OWN_CARD = (
    "title", "program", "date", "seed", "settings", CHOICES, "files", "structures", "tags", "elements", "charges",
    "subtracted", SHORTEST,
)  # fmt: skip
CARD_EXAMPLE = {"data": "doi:10.1000/xyz", "licence": "CC-BY-4.0", CONTAINS: list(KINDS)}
LEAST = 1e-6  # weight
SQUARES = {"kalman": "the Kalman filter goes", "least-squares": "least squares go"}


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """What counts how much. A property with weight 0 needs no labels.

    Weights have no units and mean the same to all optimisers: each label, an energy an atom, a component of a force or
    of a stress, counts (weight times error over what is usual)^2, times the weight of its structure. Usual is, to the
    Kalman filter, the running average of the errors; to all others the spread of the labels that are trained on (of
    energies: beyond what atoms give).
    """

    energy: float | str | None = setting(
        OneOf((Choice((BALANCED,)), Number(minimum=0, maximum=1e6))),
        f'Weight of energies. `"{BALANCED}"`: an error of 1 meV an atom counts as much as one of forces of 1 '
        "meV/Angstrom, root mean square.",
        default=None,
        default_text=f'{Loss.energy:g}, of density networks `"{BALANCED}"`',
        example=10.0,
    )
    forces: float = setting(Number(minimum=0, maximum=1e6), "Weight of forces.", default=Loss.forces, example=1.0)
    stress: float = setting(Number(minimum=0, maximum=1e6), "Weight of stress.", default=Loss.stress, example=1.0)
    charges: float | None = setting(
        Number(minimum=0, maximum=1e6),
        "Weight of charges with labels.",
        default=None,
        default_text='1 if `[long_range]` says `charges = "labels"`',
        example=0.5,
    )
    power: float = setting(
        Number(minimum=0, maximum=2),
        "Of the number of atoms N: energies count by their error over N^(`power` / 2); 2 is an error an atom, less "
        "gives large structures more weight.",
        default=Loss.power,
        example=1.0,
    )
    robust: float = setting(
        Number(minimum=0, maximum=1e3),
        "Of what is usual: larger errors of energies, and of the force on an atom, count linearly instead of by their "
        "square (Huber's loss), so a few outliers do not rule; 0: all by their squares. Of Adam, SOAP and L-BFGS.",
        default=Loss.robust,
        example=0.05,
    )
    tags: dict[str, float] = setting(
        Table(Number(minimum=1e-6, maximum=1e6)),
        "Weights of structures by their tag; others have 1.",
        factory=dict,
        example={"Surface": 2.0},
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from weightless(self)

    def of(self, model: ModelSettings, long_range: LongRangeSettings | None = None) -> "LossSettings":
        """The same, for a model of this type."""
        labelled = long_range is not None and long_range.charges == LABELLED
        usual = {"energy": BALANCED if model.type == "density" else Loss.energy, "charges": float(labelled)}
        return replace(self, **{name: own for name, own in usual.items() if getattr(self, name) is None})


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
        yield from check_name(self.name)


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
    card: dict[str, str | tuple[str, ...]] = setting(
        Table(OneOf((Text(), List(Choice((*KINDS, NOTHING)))))),
        "Texts for the model card in the potential: where the data come from, their licence, the range of validity. "
        f"`contains` is a list: what of long range the labels contain, `{toml(KINDS)}`, one of these, or "
        f"`{toml([NOTHING])}`, so that no run adds it [a second time](training.md#double-counting).",
        factory=dict,
        example=CARD_EXAMPLE,
    )
    data: tuple[DataSettings, ...] = setting(Sections(DataSettings, single=True), "Files of labelled structures.")
    split: SplitSettings = setting(
        Section(SplitSettings), "Which structures train, validate, test.", default=SplitSettings()
    )
    model: ModelSettings = setting(Section(ModelSettings), "What is trained.", default=ModelSettings())
    descriptors: DescriptorSettings | None = setting(
        Section(DescriptorSettings), "What the networks see.", default=None
    )
    network: NetworkSettings = setting(Section(NetworkSettings), "The networks.", default=NetworkSettings())
    long_range: LongRangeSettings | None = setting(
        Section(LongRangeSettings), "Charges of the atoms.", default=None, default_text="none"
    )
    subtract: tuple = setting(
        Sections(tag="type", classes=SUBTRACTED),
        "Known potentials whose energies, forces and stress are subtracted from the labels before the fit. What is "
        "trained keeps them with all their numbers, and adds them back wherever it runs ([how](training.md#subtract)).",
        default=(),
        default_text="none",
    )
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
    warm_start: str | None = setting(
        Text(),
        "A potential (.h5) of the same type and size, whose parameters training begins with, for instance one that "
        "was trained on part of the data; a committee of as many members or more. Its descriptors and zeros of energy "
        "stay: any key of `[model]`, `[descriptors]` or `[network]` that asks for others is refused.",
        default=Plan.warm_start,
        default_text="random parameters",
        example="before.h5",
    )
    optimizer: tuple = setting(
        Sections(tag="type", classes=OPTIMIZERS, single=True),
        "How parameters are found; several: one after the other. Density networks of one layer need none: [what is "
        "done then](training.md#density-networks-of-one-layer).",
        default=(),
        default_text="of one layer as linked; else required",
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
        density = self.model.type == "density"
        if self.warm_start and self.long_range:
            yield "warm_start", "potentials with charges begin anew; leave it out"
        for name in ("descriptors", "network"):
            if density and name in given:
                yield name, 'applies to networks of descriptors only; [model] says all of type = "density"'
        if not density and self.descriptors is None and "descriptors" not in given:
            yield "descriptors", "the section [descriptors] is required: what the networks see"
        yield from self._check_long_range(density)
        if self.output.n2p2 and (density or getattr(self.descriptors, "kind", "symmetry") != "symmetry"):
            yield "output.n2p2", 'n2p2 knows symmetry functions only: kind = "symmetry" in [descriptors]'
        yield from self._check_card()
        for name, (inner, cutoff) in self.zbl.items() if isinstance(self.zbl, dict) else ():
            try:
                Wall(tuple(name.split("-")), inner, cutoff)
            except InputError as error:
                yield f"zbl.{name}", str(error)
        yield from self._check_parts(density and self.model.layers == 1)
        for k, own in enumerate(self.optimizer):
            whole = self.loss.of(self.model, self.long_range)
            loss = weighed(whole, own)
            if loss != whole:
                yield from ((f"optimizer.{k}.{name}", text) for name, text in weightless(loss))
            if not loss.energy and not loss.stress and getattr(own, "rows", 1) == 0:
                yield f"optimizer.{k}.rows", "no forces are looked at, and only forces count: nothing would be learned"
            if loss.robust and own.type in SQUARES:
                yield "loss.robust", f"{SQUARES[own.type]} by squares; leave it out, or take adam, soap or lbfgs"
            if getattr(own, "smooth", 0.0) and (not density or self.model.layers > 1):
                yield f"optimizer.{k}.smooth", NOT_ROUGH

    def _check_parts(self, one: bool) -> Iterator[tuple[str, str]]:
        """What optimisers change; one : the model is a density network of one layer."""
        if not self.optimizer and not (one and self.warm_start is None):
            yield "optimizer", REQUIRED
        begun = self.warm_start is not None
        for k, own in enumerate(self.optimizer):
            squares, linear = own.type == "least-squares", getattr(own, "part", ALL) == LINEAR
            if squares and not one:
                yield f"optimizer.{k}.type", NOT_LINEAR
            elif linear and not one:
                yield f"optimizer.{k}.part", NO_PART
            elif linear and self.model.hidden and begun:
                yield f"optimizer.{k}.part", LOST
            begun = begun or not linear

    def _check_card(self) -> Iterator[tuple[str, str]]:
        for name in set(self.card) & set(OWN_CARD):
            yield "card", f"{name!r} is written by mdcore itself; choose another name"
        for name, value in self.card.items():
            if name != CONTAINS and not isinstance(value, str):
                yield f"card.{name}", f"expected a text in quotes; a list is {CONTAINS} alone"
        contains = self.card.get(CONTAINS, ())
        if isinstance(contains, str) or (NOTHING in contains and len(contains) > 1):
            yield f"card.{CONTAINS}", f"expected a list of {', '.join(KINDS)}, or {toml([NOTHING])}"
        for k, own in enumerate(self.subtract):
            if own.type in [other.type for other in self.subtract[:k]]:
                yield f"subtract.{k}.type", "subtracted twice; keep one"
            missing = [kind for kind in LAWS[own.type].has if contains and kind not in contains]
            if missing:
                yield f"card.{CONTAINS}", (
                    f"labels without {missing[0]} have none to subtract: leave [[subtract]] out, and add a "
                    f'[[potential]] of type "{own.type}" to runs; or is {missing[0]} in them?'
                )
        if self.subtract and self.output.n2p2:
            yield "output.n2p2", "what is subtracted has no place in such a folder, and belongs to the energy"

    def _check_long_range(self, density: bool) -> Iterator[tuple[str, str]]:
        own, labelled = self.long_range, getattr(self.long_range, "charges", None) == LABELLED
        if not labelled:
            weights = {"loss": self.loss} | {f"optimizer.{k}": each for k, each in enumerate(self.optimizer)}
            for place, of in weights.items():
                if of.charges:
                    yield f"{place}.charges", f'applies to charges with labels: charges = "{LABELLED}" in [long_range]'
        if own is None:
            return
        if density:
            yield "long_range", 'applies to networks of descriptors; [model] says type = "density"'
        if self.output.n2p2:
            yield "output.n2p2", "potentials with charges are written as .h5 files only"
        if labelled and not own.joint and len(self.optimizer) < 2:
            yield "optimizer", (
                "the first one trains the charges alone: add another one for the short-range networks, or let both be "
                "trained together: joint = true in [long_range]"
            )

    @property
    def plan(self) -> Plan:
        """The same for the library, which knows no input file."""
        optimizer = tuple(plain(MADE[type(own)], own) for own in self.optimizer)
        model = descriptors = None
        if self.model.type == "density":
            model = plain(Density, self.model)
        else:
            file = self.descriptors.file and self.beside(self.descriptors.file)
            descriptors = plain(Descriptors, self.descriptors, file=file)
        contains = self.card.get(CONTAINS)
        return plain(
            Plan, self, card={name: own for name, own in self.card.items() if name != CONTAINS},
            contains=contains and tuple(kind for kind in KINDS if kind in contains),
            subtract=tuple(own.build(self) for own in self.subtract),
            model=model, descriptors=descriptors, split=plain(Split, self.split),
            warm_start=self.warm_start and self.beside(self.warm_start),
            network=plain(Network, self.network), loss=plain(Loss, self.loss.of(self.model, self.long_range)),
            optimizer=optimizer, long_range=self.long_range and plain(LongRange, self.long_range),
            committee=plain(Committee, self.committee), name=self.output.name or "",
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


def weightless(loss) -> Iterator[tuple[str, str]]:
    """Complaints about weights of which none counts, or one hardly does."""
    if loss.energy == loss.forces == loss.stress == 0 and not loss.charges:
        yield "energy", "nothing counts; give energy, forces or stress a weight above 0"
    for name in LABELS:
        own = getattr(loss, name)
        if own != BALANCED and 0 < (own or 0) < LEAST:
            yield name, f"hardly counts; leave it out with 0, or give it {LEAST:g} at least"
