"""Which ensembles can a stage name, and with which settings?

A new ensemble is one settings class here, entered in `ENSEMBLES`, and one builder
in the assembly of a run.
"""

from dataclasses import dataclass

from mdcore.config.schema import Boolean, Choice, Integer, List, Number, OneOf, Text, setting


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """What every stage has."""

    name: str | None = setting(
        Text(),
        "Name of the stage, unique.",
        default=None,
        default_text='"stage1", "stage2", ...',
        example="equilibrate",
    )
    ensemble: str = setting(Choice(("nve", "langevin")), "Kind of dynamics.", example="langevin")
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


@dataclass(frozen=True, kw_only=True)
class NVESettings(StageSettings):
    """Constant energy: velocity Verlet."""

    zero_momentum: str | bool = setting(
        OneOf((Boolean(), Choice(("auto",)))),
        "Remove the total momentum (of a cluster also the rotation) at the start of the stage; "
        '`"auto"`: only after a Langevin stage, which leaves one behind.',
        default="auto",
        example=False,
    )


@dataclass(frozen=True, kw_only=True)
class LangevinSettings(StageSettings):
    """Constant temperature: Langevin dynamics, BAOAB splitting."""

    temperature: float | tuple[float, float] = setting(
        OneOf((Number(minimum=0), List(Number(minimum=0), 2))),
        "Temperature of the bath; two numbers `[first, last]` are a linear ramp over the stage.",
        quantity="temperature",
        example=94.4,
    )
    friction: float = setting(
        Number(above=0),
        "Rate at which velocities forget; its inverse is the relaxation time.",
        quantity="friction",
        example=0.001,
    )

    @property
    def temperatures(self):
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)


ENSEMBLES: dict[str, type] = {"nve": NVESettings, "langevin": LangevinSettings}
