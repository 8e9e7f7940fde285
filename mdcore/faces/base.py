"""What have all potentials in common, all stages, all explorers? What is asked of each?"""

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces import EXPLORERS, POTENTIALS, STAGES
from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, OneOf, Text, setting


@dataclass(frozen=True, kw_only=True)
class PotentialSettings:
    """A potential that an input can name. A type of its own says `title`, `check_species` and `build`."""

    title = ""  # of banners and pictures
    in_units = ("metal", "lj")  # the systems of units it is for
    anchored = False  # does it keep atoms at the places in the column "anchor"?
    needs_bonds = ""  # the key that makes no sense for a structure without bonds
    files = ()  # what it reads, relative to the input file

    @property
    def rank_0(self) -> bool:
        """Does rank 0 alone build it, and send it to the others?"""
        return bool(self.files)

    type: str = setting(Choice(tuple(POTENTIALS)), "Kind of potential.", example="lj")

    @property
    def reads_bonds(self) -> bool:
        """Does it use the bonds of the structure, or need none?"""
        return False

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups it names."""
        return ()

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        """(key, complaint) if the species of the structure do not suit."""
        return iter(())

    def check_atoms(self, columns, n: int) -> Iterator[tuple[str, str]]:
        """(key, complaint) if what the structure says of its n atoms does not suit."""
        return iter(())

    def check_box(self, box, whole) -> Iterator[tuple[str, str]]:
        """(key, complaint) if the cell does not suit. whole : the settings of the whole input"""
        return iter(())

    def doubts(self, counts: dict[str, int]) -> Iterator[str]:
        """What is possible, and hardly meant, with so many atoms of each species."""
        return iter(())

    def made(self, whole):
        """The potential, as all keys say."""
        return self.build(whole)

    def build(self, whole):
        """The potential. whole : the settings of the whole input. InputError."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """What every stage has. A type of its own says `build`, and `temperatures` if it names some."""

    name: str | None = setting(
        Text(),
        "Name of the stage, unique.",
        default=None,
        default_text='"stage1", "stage2", ...',
        example="equilibrate",
    )
    ensemble: str = setting(Choice(tuple(STAGES)), "Kind of dynamics.", example="langevin")
    timestep: float = setting(Number(above=0), "Length of one step.", quantity="time", example=2.0)
    steps: int = setting(Integer(minimum=0), "Number of steps.", example=5000)
    thermo_every: int | None = setting(
        Integer(minimum=0),
        "As in `[output]`, for this stage only.",
        default=None,
        default_text="that of `[output]`",
        example=100,
    )
    trajectory_every: int | None = setting(
        Integer(minimum=0),
        "As in `[output]`, for this stage only.",
        default=None,
        default_text="that of `[output]`",
        example=20,
    )
    dump_every: int | None = setting(
        Integer(minimum=0),
        "As in `[output]`, for this stage only.",
        default=None,
        default_text="that of `[output]`",
        example=1000,
    )

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The temperatures this stage names."""
        return ()

    remove_drift_every: int = setting(
        Integer(minimum=0),
        "Steps after which the total momentum is removed, and the rotation of a cluster; 0: never. What that takes is "
        "booked. Not along an axis along which something is held.",
        default=0,
        example=100,
    )

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups this stage names."""
        return ()

    @property
    def moves_cell(self) -> str:
        """The key by which the cell changes, or an empty text."""
        return ""

    @property
    def moving_axes(self) -> str:
        """Those along which it does: the system must be periodic there."""
        return "xyz"

    def check(self, given) -> Iterator[tuple[str, str]]:
        """(key, complaint) about keys that do not go together; given : those that the input has."""
        return iter(())

    @property
    def doubts(self) -> Iterator[str]:
        """What is possible, and is no ensemble."""
        return iter(())

    def build(self):
        """The integrator."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Conserving(StageSettings):
    """What stages have whose forces add up to zero."""

    zero_momentum: str | bool = setting(
        OneOf((Boolean(), Choice(("auto",)))),
        "Remove the total momentum (of a cluster also the rotation) at the start of the stage; "
        '`"auto"`: only after a Langevin stage, which leaves one behind.',
        default="auto",
        example=False,
    )


@dataclass(frozen=True, kw_only=True)
class Straining(StageSettings):
    """What stages have whose cell may be deformed."""

    strain_rate: tuple[float, ...] | None = setting(
        List(Number(), 6, repeats=True),
        "Deform the cell at a constant rate, `[xx, yy, zz, yz, xz, xy]`: after a time t it is the one at the start of "
        "the stage times 1 + t `strain_rate`; `xy` slides planes of constant y along x. Positions go along, velocities "
        "don't: for solids, and slow flow. Periodic systems only.",
        default=None,
        default_text="the cell stays",
        quantity="rate",
        example=[0.0, 0.0, 1e-7, 0.0, 0.0, 0.0],
    )

    @property
    def moves_cell(self):
        return "" if self.strain_rate is None else "strain_rate"

    @property
    def barostat(self):
        """What moves the cell, or None."""
        if self.strain_rate is None:
            return None
        from mdcore.dynamics.motion.strain_rate import StrainRate

        return StrainRate(self.strain_rate)


@dataclass(frozen=True, kw_only=True)
class ExplorerSettings:
    """What every explorer of an active learning has. A type of its own says `build`."""

    name: str = setting(Text(), "Its name, unique; that of its folder.", example="hot")
    type: str = setting(Choice(tuple(EXPLORERS)), "Kind of explorer.", example="run")
    quota: int | None = setting(
        Integer(minimum=1),
        "Most structures of this explorer in a batch.",
        default=None,
        default_text="no bound but that of the batch",
        example=10,
    )

    def build(self, whole):
        """The explorer. whole : the settings of the whole input, of which it asks `beside(file)` alone."""
        raise NotImplementedError
