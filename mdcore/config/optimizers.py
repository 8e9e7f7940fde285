"""Which optimisers can a training name, and with which settings? A new one is a class here, entered in `OPTIMIZERS`."""

from dataclasses import dataclass

from mdcore.config.schema import Choice, Integer, Number, setting

TYPES = ("kalman",)


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """What every optimiser has."""

    type: str = setting(Choice(TYPES), "Kind of optimiser.", example="kalman")
    epochs: int = setting(Integer(minimum=1), "How often every structure is seen, at most.", example=20)
    patience: int = setting(
        Integer(minimum=0),
        "Stop after so many epochs without a better error on the validation set (0: never).",
        default=0,
        example=10,
    )


@dataclass(frozen=True, kw_only=True)
class KalmanSettings(OptimizerSettings):
    """The extended Kalman filter: the field's standard for these networks. A few epochs do."""

    structures: int = setting(
        Integer(minimum=1, maximum=1000), "Structures an update; each gives its energy.", default=4, example=1
    )
    rows: int = setting(
        Integer(minimum=0, maximum=10000), "Force components an update, of these structures.", default=32, example=64
    )
    threshold: float = setting(
        Number(minimum=0),
        "Only force components whose error is above so many times the structure's average.",
        default=1.0,
        example=0.5,
    )
    variance: float = setting(
        Number(above=0), "Variance of each parameter before training.", default=100.0, example=10.0
    )
    fading: float = setting(
        Number(minimum=0.9, maximum=1.0), "Below 1 the filter forgets.", default=1.0, example=0.9999
    )
    noise: float = setting(
        Number(minimum=0), "Added to the variances at each update.", default=0.0, example=1e-6
    )


OPTIMIZERS: dict[str, type] = {"kalman": KalmanSettings}
