"""Which settings does a run have? One frozen class a section of the input file.

The classes are the single source: the parser, the error messages and the
reference page (docs/input.md) are all derived from them.
"""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.threads import MOST as MOST_THREADS
from mdcore.base.units import SYSTEMS, UnitSystem
from mdcore.config.document import Document
from mdcore.config.groups import GroupSettings
from mdcore.config.output import AnalysisSettings, OutputSettings
from mdcore.config.structure import StructureSettings, VelocitiesSettings
from mdcore.faces import POTENTIALS, STAGES
from mdcore.faces.base import PotentialSettings, StageSettings
from mdcore.faces.schema import (
    Choice,
    Integer,
    List,
    Number,
    OneOf,
    Section,
    Sections,
    Text,
    setting,
)
from mdcore.potentials.counted import ANSWERS


@dataclass(frozen=True, kw_only=True)
class NeighborsSettings:
    """The neighbour list."""

    skin: float | None = setting(
        Number(above=0),
        "The list holds pairs up to cutoff + skin and is rebuilt when atoms have moved so far that a pair "
        "may be missing. It changes the speed, never the result.",
        default=None,
        default_text="1.0 (lj: 0.3)",
        quantity="length",
        example=1.0,
    )


@dataclass(frozen=True, kw_only=True)
class ParallelSettings:
    """How the work is shared among MPI ranks and threads. It changes the speed, never the result."""

    grid: str | tuple[int, int, int] = setting(
        OneOf((Choice(("auto",)), List(Integer(1, 1_000_000), 3))),
        "Domains along each cell vector; the product is "
        'the number of ranks. `"auto"`: the least surface.',
        default="auto",
        example=[2, 2, 1],
    )
    threads: str | int = setting(
        OneOf((Choice(("auto",)), Integer(minimum=1, maximum=MOST_THREADS))),
        "Threads of each rank; network potentials use them. "
        '`"auto"`: the environment variable `MDCORE_NUM_THREADS`, or 1.',
        default="auto",
        example=2,
    )


@dataclass(frozen=True, kw_only=True)
class LimitsSettings:
    """When a run is stopped before its end."""

    max_temperature: str | float = setting(
        OneOf((Choice(("auto",)), Number(above=0))),
        'Stop when the temperature exceeds this. `"auto"`: 100 times the '
        "highest temperature the input names or the start has.",
        default="auto",
        quantity="temperature",
        example=5000.0,
    )
    bonds: float | None = setting(
        Number(above=1.0, maximum=100.0),
        "Stop, with a checkpoint and exit code 5, when a bond is longer than so many times its length at the start; "
        "that structure goes to `<name>-broken.extxyz`. Bonds are those of the structure, or, where it says none, "
        "between atoms closer than 1.25 times the sum of their covalent radii. Looked at every 10 steps.",
        default=None,
        default_text="no limit",
        example=2.0,
    )
    hopping: tuple[str, ...] = setting(
        List(Text()),
        "Species whose atoms may change partners, as protons do: a bond of such an atom is broken only where no atom "
        "of a species that is not listed is within that length of it.",
        default=(),
        default_text="none",
        example=["H"],
    )
    wall_minutes: float | None = setting(
        Number(above=0),
        "Stop after so many minutes of steps, with a checkpoint and exit code 75, as on a signal: a little less than "
        "a batch system gives. `--restart` goes on, for as long again.",
        default=None,
        default_text="no limit",
        example=710.0,
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.hopping and self.bonds is None:
            yield "hopping", "says which bonds may break: give bonds, too, e.g. bonds = 2.0, or leave it out"


@dataclass(frozen=True, kw_only=True)
class Settings(Document):
    """Everything one input file says; complete and consistent once `load` returns it."""

    title: str = setting(
        Text(), "Free text, kept in every output.", default="", default_text="none", example="liquid argon"
    )
    units: str = setting(
        Choice(tuple(SYSTEMS)),
        '`"metal"`: eV, Angstrom, fs, K, GPa, amu, g/cm3; `"lj"`: reduced units, k_B = 1, masses 1.',
        default="metal",
        example="metal",
    )
    seed: int = setting(
        Integer(minimum=0, maximum=2**63 - 1), "Seed of all random numbers.", default=1, example=2024
    )
    double_counting: str = setting(
        Choice(ANSWERS),
        "What to do about dispersion or electrostatics that two potentials have, of those that are known to "
        "([what that is](networks.md#double-counting)).",
        default="refuse",
        example="allow",
    )
    structure: StructureSettings = setting(Section(StructureSettings), "The atoms.")
    velocities: VelocitiesSettings = setting(
        Section(VelocitiesSettings), "Initial velocities.", default=VelocitiesSettings()
    )
    group: tuple[GroupSettings, ...] = setting(
        Sections(GroupSettings), "Groups of atoms, by name.", default=()
    )
    neighbors: NeighborsSettings = setting(
        Section(NeighborsSettings), "Neighbour list.", default=NeighborsSettings()
    )
    parallel: ParallelSettings = setting(
        Section(ParallelSettings), "Domain decomposition.", default=ParallelSettings()
    )
    potential: tuple[PotentialSettings, ...] = setting(
        Sections(tag="type", classes=POTENTIALS, single=True), "The interactions; several add up."
    )
    stage: tuple[StageSettings, ...] = setting(
        Sections(tag="ensemble", classes=STAGES, single=True), "The run: stages, one after the other."
    )
    output: OutputSettings = setting(Section(OutputSettings), "Files and screen.", default=OutputSettings())
    limits: LimitsSettings = setting(Section(LimitsSettings), "When to stop.", default=LimitsSettings())
    analysis: AnalysisSettings | None = setting(
        Section(AnalysisSettings), "Results at the end.", default=None
    )

    @property
    def unit_system(self) -> UnitSystem:
        return SYSTEMS[self.units]

    @property
    def structure_path(self) -> str | None:
        """The structure file, as seen from the current directory."""
        return self.beside(self.structure.file) if self.structure.file else None

    @property
    def temperatures(self) -> tuple[float, ...]:
        """All temperatures the input names."""
        start = () if self.velocities.temperature is None else (self.velocities.temperature,)
        return start + tuple(t for stage in self.stage for t in stage.temperatures)
