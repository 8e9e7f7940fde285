"""What have all potentials in common, and all stages? What is asked of each?"""

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces import POTENTIALS, STAGES
from mdcore.schema import Choice, Integer, Number, Text, setting


@dataclass(frozen=True, kw_only=True)
class PotentialSettings:
    """A potential that an input can name. A type of its own says `title`, `check_species` and `build`."""

    title = ""  # of banners and pictures
    in_units = ("metal", "lj")  # the systems of units it is for
    files = ()  # what it reads, relative to the input file

    @property
    def rank_0(self) -> bool:
        """Does rank 0 alone build it, and send it to the others?"""
        return bool(self.files)

    type: str = setting(Choice(tuple(POTENTIALS)), "Kind of potential.", example="lj")

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        """(key, complaint) if the species of the structure do not suit."""
        return iter(())

    def doubts(self, counts: dict[str, int]) -> Iterator[str]:
        """What is possible, and hardly meant, with so many atoms of each species."""
        return iter(())

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

    def build(self):
        """The integrator."""
        raise NotImplementedError
