"""Which settings say where the atoms are at the start, and how fast?"""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, OneOf, Sections, Table, Text, setting

FILE_ONLY = ("frame", "format", "types")
CHANGES = ("substitute", "vacancies", "displace", "vacuum")
BUILD_ONLY = ("species", "lattice_constant", "density", "c_over_a")


@dataclass(frozen=True, kw_only=True)
class SubstituteSettings:
    """An alloy: some of the atoms of a species become another one, at random (`seed`)."""

    species: str = setting(Text(), "Whose atoms.", example="Cu")
    by: str = setting(Text(), "What they become.", example="Ni")
    fraction: float = setting(Number(above=0, maximum=1), "Share of the atoms of `species`.", example=0.25)


@dataclass(frozen=True, kw_only=True)
class InsertSettings:
    """Molecules at random places and turns (`seed`), none too close to others or to the atoms that are there."""

    file: str = setting(
        Text(), "File with one molecule, relative to the input file; its last structure.", example="molecule.xyz"
    )
    count: int = setting(Integer(1, 10**8), "How many.", example=64)
    distance: float | None = setting(
        Number(above=0),
        "Atoms of different molecules are no closer. Random places end well below the density of a liquid of hard "
        "bodies: then a smaller distance, to be relaxed, or a larger cell, to be compressed.",
        default=None,
        default_text="2.0 (lj: 0.9)",
        quantity="length",
        example=2.0,
    )


@dataclass(frozen=True, kw_only=True)
class StructureSettings:
    """Where the atoms are at the start: read from a `file`, a crystal to `build`, or a `cell` for molecules. Then, in
    this order: `orientation`, `replicate`, `substitute`, `vacancies`, `displace`, `vacuum`, `insert`. What is random
    follows from `seed`."""

    file: str | None = setting(
        Text(),
        "File to read, relative to the input file: extxyz (`.extxyz`, `.xyz`), data of LAMMPS (`.data`, `.lmp`), or "
        "any format of ASE, if ASE is installed.",
        default=None,
        default_text="none",
        example="water.extxyz",
    )
    format: str | None = setting(
        Text(),
        'Format of the file: `"extxyz"`, `"lammps-data"`, or a name of ASE\'s (`ase info --formats`).',
        default=None,
        default_text="as name and content say",
        example="lammps-data",
    )
    types: dict[str, str] = setting(
        Table(Text()),
        "Species of each type of a data file or dump of LAMMPS. Without it, labels of types, comments behind masses "
        "(`1 15.999 # O`) and masses within 0.012 of a standard weight say which element a type is.",
        factory=dict,
        example={"1": "O", "2": "H"},
    )
    frame: int = setting(
        Integer(-(10**9), 10**9), "Which structure of the file, counted from 0; -1 is the last.", default=-1, example=0
    )
    build: str | None = setting(
        Choice(("fcc", "bcc", "hcp", "sc", "diamond")),
        "Crystal to build.",
        default=None,
        default_text="none",
        example="fcc",
    )
    species: str | None = setting(
        Text(), "Species of the built crystal.", default=None, default_text="none", example="Ar"
    )
    lattice_constant: float | None = setting(
        Number(above=0),
        "Edge of the cubic cell of the built crystal; of hcp, the distance a.",
        default=None,
        default_text="from `density`",
        quantity="length",
        example=5.26,
    )
    density: float | None = setting(
        Number(above=0),
        "Density of the built crystal, instead of `lattice_constant`; in lj units, atoms per sigma^3.",
        default=None,
        default_text="from `lattice_constant`",
        quantity="density",
        example=1.374,
    )
    c_over_a: float | None = setting(
        Number(above=0),
        "Ratio of the axes of hcp.",
        default=None,
        default_text="sqrt(8/3), close packing",
        example=1.623,
    )
    cell: tuple[float, ...] | None = setting(
        List(Number(above=0), 3, repeats=True),
        "Edges of an empty cell for molecules (`[[structure.insert]]`), instead of `file` and `build`.",
        default=None,
        default_text="none",
        quantity="length",
        example=[20.0, 20.0, 20.0],
    )
    orientation: tuple | None = setting(
        List(List(Integer(-50, 50), 3, repeats=True), 3),
        "Another cell of the same crystal: its vectors, as integer combinations of those there are, right-handed; the "
        "first one comes to lie along x, the second in the plane of x and y. `[[1, -1, 0], [1, 1, -2], [1, 1, 1]]` "
        "makes (111) the face between a and b of a cubic crystal.",
        default=None,
        default_text="as it is",
        example=[[1, -1, 0], [1, 1, -2], [1, 1, 1]],
    )
    replicate: tuple[int, int, int] = setting(
        List(Integer(1, 1_000_000), 3),
        "Copies of the cell along each of its vectors.",
        default=(1, 1, 1),
        example=[6, 6, 6],
    )
    substitute: tuple[SubstituteSettings, ...] = setting(
        Sections(SubstituteSettings), "Alloys by random substitution.", default=()
    )
    vacancies: dict[str, int] = setting(
        Table(Integer(1)), "Atoms to take out at random, of each species.", factory=dict, example={"Cu": 3}
    )
    displace: float = setting(
        Number(minimum=0),
        "Standard deviation of random displacements of every coordinate.",
        default=0.0,
        quantity="length",
        example=0.05,
    )
    vacuum: tuple[float, float, float] = setting(
        List(Number(minimum=0), 3, repeats=True),
        "Empty space between the faces of the cell along each of its vectors, which grow: a slab.",
        default=(0.0, 0.0, 0.0),
        quantity="length",
        example=[0.0, 0.0, 15.0],
    )
    insert: tuple[InsertSettings, ...] = setting(Sections(InsertSettings), "Molecules at random places.", default=())
    periodic: bool | tuple[bool, bool, bool] | None = setting(
        OneOf((Boolean(), List(Boolean(), 3))),
        "Periodic along all, or each, of the cell vectors.",
        default=None,
        default_text="that of the file; true if built",
        example=[True, True, False],
    )
    masses: dict[str, float] = setting(
        Table(Number(above=0)),
        "Mass of a species, instead of its standard atomic weight (lj: instead of 1).",
        factory=dict,
        quantity="mass",
        example={"Ar": 39.948},
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if (self.file is not None) + (self.build is not None) + (self.cell is not None) > 1:
            yield ("cell" if self.cell else "build"), "choose one: read a file, build a crystal, or an empty cell"
        elif self.cell:
            for key in (*FILE_ONLY, *BUILD_ONLY, "orientation", "replicate", *CHANGES):
                if key in given:
                    yield key, "applies to a structure from a file, or a crystal, only: an empty cell has no atoms yet"
            if not self.insert:
                yield "cell", 'an empty cell; put molecules into it: [[structure.insert]] file = "mine.xyz", count = 64'
        elif self.file:
            for key in BUILD_ONLY:
                if key in given:
                    yield (
                        key,
                        "applies to a built crystal (build = ...) only, and this structure comes from a file",
                    )
        elif not self.build:
            yield "file", 'no structure; give a file, e.g. file = "water.extxyz", or build = "fcc"'
        else:
            for key in FILE_ONLY:
                if key in given:
                    yield key, "applies to a structure from a file only"
            if self.species is None:
                yield "species", f'required to build {self.build}, e.g. species = "Ar"'
            if self.lattice_constant is None and self.density is None:
                yield "lattice_constant", "required to build (or density), e.g. lattice_constant = 5.26"
            if self.lattice_constant is not None and self.density is not None:
                yield "density", "choose one: lattice_constant or density"
            if self.c_over_a is not None and self.build != "hcp":
                yield "c_over_a", 'applies to build = "hcp" only'


@dataclass(frozen=True, kw_only=True)
class VelocitiesSettings:
    """How fast the atoms are at the start. Without a temperature: as in the file, else at rest."""

    temperature: float | None = setting(
        Number(minimum=0),
        "Draw velocities from the Maxwell-Boltzmann distribution, scaled to exactly this temperature.",
        default=None,
        default_text="none: velocities of the file",
        quantity="temperature",
        example=94.4,
    )
    zero_momentum: bool = setting(
        Boolean(), "Remove the total momentum of the drawn velocities.", default=True, example=True
    )
    zero_rotation: str | bool = setting(
        OneOf((Boolean(), Choice(("auto",)))),
        "Remove the total angular momentum of the drawn velocities; "
        '`"auto"`: of clusters (no periodic direction) only.',
        default="auto",
        example=False,
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        for key in ("zero_momentum", "zero_rotation"):
            if key in given and self.temperature is None:
                yield key, "applies to drawn velocities only; add temperature = ..."
