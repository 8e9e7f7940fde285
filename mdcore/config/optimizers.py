"""Which optimisers can a training name, and with which settings? A new one is a class here, entered in `OPTIMIZERS`."""

from dataclasses import dataclass, field

from mdcore.faces.schema import Boolean, Choice, Integer, Number, keys, setting
from mdcore.training.settings import ALL, LINEAR
from mdcore.training.settings import AdamSettings as Adam
from mdcore.training.settings import KalmanSettings as Kalman
from mdcore.training.settings import LBFGSSettings as LBFGS
from mdcore.training.settings import LeastSquaresSettings as LeastSquares
from mdcore.training.settings import OptimizerSettings as Optimizer
from mdcore.training.settings import SoapSettings as Soap

MOST = 10**9  # epochs
TYPES = ("kalman", "adam", "soap", "lbfgs", "least-squares")


def _weight(what: str, example: float):
    return setting(
        Number(minimum=0, maximum=1e6),
        f"Weight of {what} while this one is at work.",
        default=None,
        default_text="as in `[loss]`",
        example=example,
    )


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """What every optimiser has."""

    type: str = setting(Choice(TYPES), "Kind of optimiser.", example="kalman")
    epochs: int = setting(Integer(minimum=1, maximum=MOST), "How often every structure is seen, at most.", example=20)
    patience: int = setting(
        Integer(minimum=0, maximum=MOST),
        "Stop after so many epochs without a better error on the validation set (0: never).",
        default=Optimizer.patience,
        example=10,
    )
    energy: float | None = _weight("energies", 30.0)
    forces: float | None = _weight("forces", 1.0)
    stress: float | None = _weight("stress", 0.1)
    charges: float | None = _weight("charges", 1.0)


@dataclass(frozen=True, kw_only=True)
class KalmanSettings(OptimizerSettings):
    """The extended Kalman filter: the field's standard for these networks. A few epochs do."""

    structures: int = setting(
        Integer(minimum=1, maximum=1000),
        "Structures an update; each gives its energy.",
        default=Kalman.structures,
        example=1,
    )
    rows: int = setting(
        Integer(minimum=0, maximum=10000),
        "Force components an update, of these structures.",
        default=Kalman.rows,
        example=64,
    )
    threshold: float = setting(
        Number(minimum=0, maximum=1e3),
        "Only force components whose error is above so many times the structure's average.",
        default=Kalman.threshold,
        example=0.5,
    )
    variance: float = setting(
        Number(above=0, maximum=1e12),
        "Variance of each parameter before training: a small one is a regularisation, it holds them where they begin.",
        default=Kalman.variance,
        example=10.0,
    )
    fading: float = setting(
        Number(minimum=0.9, maximum=1.0), "Below 1 the filter forgets.", default=Kalman.fading, example=0.9999
    )
    noise: float = setting(
        Number(minimum=0, maximum=1e12), "Added to the variances at each update.", default=Kalman.noise, example=1e-6
    )


@dataclass(frozen=True, kw_only=True)
class AdamSettings(OptimizerSettings):
    """Many small steps along the gradient, whose size falls by a cosine over the epochs."""

    batch: int = setting(Integer(minimum=1, maximum=100000), "Structures a step.", default=Adam.batch, example=8)
    step: float = setting(Number(above=0, maximum=100), "Size of the first steps.", default=Adam.step, example=1e-3)
    last_step: float = setting(
        Number(minimum=0, maximum=100), "Size of the last steps.", default=Adam.last_step, example=1e-6
    )
    decay: float = setting(
        Number(minimum=0, maximum=1e6),
        "Regularisation: weights (no biases) shrink by so much, times the size, a step.",
        default=Adam.decay,
        example=0.01,
    )
    smooth: float = setting(
        Number(minimum=0, maximum=1e6),
        "Regularisation of a density network of one layer: so many times its roughness, to which products of radial "
        "functions that oscillate fast and of high l add most, is added to the loss.",
        default=Adam.smooth,
        example=0.001,
    )
    average: float = setting(
        Number(minimum=0, maximum=0.999999),
        "What is measured, kept and written is the exponential moving average of the parameters, which keeps so much "
        "of itself in a step; 0: the parameters as they are.",
        default=Adam.average,
        example=0.999,
    )
    clip: float = setting(
        Number(minimum=0, maximum=1e6),
        "Gradients longer than so many times their running length are shortened; 0: none is.",
        default=Adam.clip,
        example=0.0,
    )
    warmup: int = setting(
        Integer(minimum=0, maximum=MOST),
        "The first so many steps grow from nothing to their size; a tenth of all steps at most.",
        default=Adam.warmup,
        example=100,
    )
    minutes: float = setting(
        Number(minimum=0, maximum=1e6),
        "It ends after so many minutes, and steps fall with the time, if the epochs are not over before; 0: no limit. "
        "Then no two trainings are the same.",
        default=Adam.minutes,
        example=50.0,
    )
    part: str = setting(
        Choice((ALL, LINEAR)),
        'What it changes: `"all"`, or of a density network of one layer its `"linear"` part, all but the hidden nodes. '
        "These give nothing until a later one trains all.",
        default=Adam.part,
        example=LINEAR,
    )
    fresh: bool = setting(
        Boolean(),
        "It begins where the first optimiser began, not at the best parameters so far; what it finds counts where that "
        "is better.",
        default=Adam.fresh,
        example=True,
    )


def _again(name: str):
    """A key of Adam's, with a default of its own."""
    return field(default=getattr(Soap, name), metadata=keys(AdamSettings)[name].metadata)


@dataclass(frozen=True, kw_only=True)
class SoapSettings(AdamSettings):
    """Adam in the bases of the gradients' running covariances, matrix by matrix: for density networks, which it trains
    several times faster."""

    batch: int = _again("batch")
    step: float = _again("step")
    last_step: float = _again("last_step")
    average: float = _again("average")
    clip: float = _again("clip")
    warmup: int = _again("warmup")
    every: int = setting(
        Integer(minimum=1, maximum=100000), "Steps between turns of the bases.", default=Soap.every, example=5
    )


@dataclass(frozen=True, kw_only=True)
class LBFGSSettings(OptimizerSettings):
    """Steps of a quasi-Newton method over the whole set, one an epoch: for small sets, or to finish."""

    memory: int = setting(
        Integer(minimum=1, maximum=1000), "How many steps tell the curvature.", default=LBFGS.memory, example=50
    )
    l2: float = setting(
        Number(minimum=0, maximum=1e6),
        "Regularisation: so many times the sum of squares of all weights (no biases) is added to the loss.",
        default=LBFGS.l2,
        example=1e-4,
    )


@dataclass(frozen=True, kw_only=True)
class LeastSquaresSettings(OptimizerSettings):
    """Of a density network of one layer: the best weights of all products for the radial functions it has, in one go,
    where it is linear in them, since `hidden = 0` or its hidden nodes give nothing yet (linear ACE); with hidden nodes
    (`part = "all"`) a step of Gauss and Newton's. Each epoch is a solution with a smaller ridge.
    """

    ridge: float = setting(
        Number(above=0, maximum=1),
        "Regularisation of the first epoch: a share of the largest eigenvalue of the normal equations, added to all.",
        default=LeastSquares.ridge,
        example=1e-3,
    )
    fall: float = setting(
        Number(minimum=1e-3, maximum=0.99),
        "Each epoch's, over that of the one before.",
        default=LeastSquares.fall,
        example=0.3,
    )
    emphasis: float = setting(
        Number(minimum=1e-6, maximum=1e6),
        "Times the weight of energies in the loss. Nearly as good forces may leave much room for energies: 10 makes "
        "errors of the energies of solids a fifth smaller, those of their forces larger by 2 %.",
        default=LeastSquares.emphasis,
        example=10.0,
    )
    part: str = setting(
        Choice((LINEAR, ALL)),
        'How hidden nodes count: `"linear"`, they give nothing, and the next optimiser begins without them; `"all"`, '
        "as they are. Then it is left out where the one before it found nothing better.",
        default=LeastSquares.part,
        example=ALL,
    )


CLASSES = KalmanSettings, AdamSettings, SoapSettings, LBFGSSettings, LeastSquaresSettings
OPTIMIZERS: dict[str, type] = dict(zip(TYPES, CLASSES, strict=True))
MADE = dict(zip(CLASSES, (Kalman, Adam, Soap, LBFGS, LeastSquares), strict=True))  # what each is to the library
