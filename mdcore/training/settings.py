"""What can be chosen of a training, and what is chosen unless somebody says otherwise?

The one place of these defaults: those of an input file (config/training.py) and of functions are taken from here. A
`Plan` is all of it; the input reference (docs/train-input.md) says what each means.
"""

from dataclasses import dataclass, field, replace

from mdcore.base.errors import InputError
from mdcore.potentials.networks.model import ACTIVATION_NAMES

ACTIVATIONS = {ACTIVATION_NAMES[letter]: letter for letter in "tpsgcl"}
CUTOFF_FUNCTIONS = {"cosine": 1, "tanh3": 2, "exp": 4, "poly1": 5, "poly2": 6, "poly3": 7, "poly4": 8}
# the most standard deviations a value of a generated function may lie above the mean. A function with a long tail looks
# where atoms hardly ever are: a network learns nothing about its values there, and dynamics soon finds some
RARE = 8.0
SEED = 1
LABELS = ("energy", "forces", "stress", "charges")
USUAL = LABELS[:3]  # that are looked for unless somebody says otherwise
CHOICES = "choices"  # of a model card: how descriptors and zeros of energy were asked for, JSON (warm.py)
TOTAL = "total_charge"  # of a structure: no label, but likewise looked for where it is of use
ALL, CHARGES, SHORT = "all", "charges", "short"  # parts of the parameters of a potential with charges
LINEAR = "linear"  # of a density network of one layer: all but its hidden nodes, which give nothing meanwhile
LATENT_WIDTH = 0.5**0.5  # Angstrom: sigma = 1 of B. Cheng, npj Comput. Mater. 11, 80 (2025), is sqrt(2) times a width
NOT_LINEAR = "least squares take a density network that is linear in its weights: layers = 1 in [model]"
LOST = (
    "hidden nodes were trained before, and it leaves them out: put it before the optimisers that train all, or say "
    "hidden = 0 in [model]"
)
REQUIRED = (
    "the section [[optimizer]] is required: how parameters are found. Density networks of one layer need none, unless "
    "they go on from a potential (warm_start)"
)
NO_PART = 'parts are of density networks of one layer: type = "density", layers = 1 in [model]; leave it out'
NOT_ROUGH = "smooth is of density networks of one layer: type = \"density\", layers = 1 in [model]; leave it out"
BALANCED = "balanced"  # weight of energies: an error an atom counts as much as that of forces, RMS, eV and eV/Angstrom


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of labelled structures. use : "split", "train", "validation" or "test"; units : {"length": ..., "energy":
    ...}; tag, weight : of all its structures; tag_key, energy, forces, stress, stress_*, charges, total_charge : names
    and meaning in the file
    """

    file: str
    format: str | None = None
    units: dict[str, str] = field(default_factory=dict)
    use: str = "split"
    tag: str | None = None
    tag_key: str | None = None
    weight: float = 1.0
    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    stress_unit: str = "eV/Angstrom3"
    stress_order: tuple[str, ...] = ("xx", "yy", "zz", "yz", "xz", "xy")
    stress_sign: str = "tension"
    charges: str | None = None
    total_charge: str | None = None


@dataclass(frozen=True, kw_only=True)
class Split:
    """Whole tags, then fractions of the rest of the structures that are to be split."""

    validation: float = 0.1
    test: float = 0.0
    validation_tags: tuple[str, ...] = ()
    test_tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DescriptorSettings:
    """What the networks see: generated and chosen on the data, or given (`file`, `functions`). Lengths in Angstrom."""

    kind: str = "symmetry"
    cutoff: float | None = None
    cutoff_function: str = "tanh3"
    radial: int = 8
    angular: int = 4
    angular_shells: int = 0
    angular_cutoff: float | None = None
    zetas: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    wide: bool = False
    keep: int | dict[str, int] | None = None
    method: str = "cur"
    rare: float = RARE
    scaling: str = "scale_center"
    file: str | None = None
    units: dict[str, str] = field(default_factory=dict)
    functions: tuple[str, ...] = ()

    @property
    def is_given(self) -> bool:
        return self.file is not None or bool(self.functions)

    @property
    def reach(self) -> float:
        """How far is looked for neighbours before the functions are known, Angstrom."""
        return self.cutoff or 6.0


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """hidden : nodes of each hidden layer; atom_energies : "fit", "isolated", "none" or {element: eV}"""

    hidden: tuple[int, ...] = (25, 25)
    activation: str = "tanh"
    atom_energies: str | dict[str, float] = "fit"


LATENT, LABELLED = "latent", "labels"


@dataclass(frozen=True, kw_only=True)
class LongRangeSettings:
    """charges : "latent", found by energies and forces; "labels", by labels of their own; {element: e}, as given
    equilibrate : networks say electronegativities, not charges; as_input : the short-range networks see charges
    joint : labels count beside those of energies and forces; otherwise charges come first (Plan.parts)
    widths : Angstrom, one number or one an element, or None: covalent radii, LATENT_WIDTH for latent charges
    hidden : nodes of each hidden layer, None: as those of the short-range networks
    conserve : predicted charges are shifted so that they add up to the total
    """

    charges: str | dict[str, float] = LATENT
    equilibrate: bool = False
    joint: bool = False
    as_input: bool = False
    widths: float | dict[str, float] | None = None
    hidden: tuple[int, ...] | None = None
    conserve: bool = True

    @property
    def fixed(self) -> bool:
        return isinstance(self.charges, dict)

    @property
    def first(self) -> bool:
        """Does the first optimiser train the charges alone, those after it the rest?"""
        return self.charges == LABELLED and not self.joint


@dataclass(frozen=True, kw_only=True)
class DensitySettings:
    """A density network (potentials/density/model.py). cutoff : Angstrom; atom_energies : as in NetworkSettings
    cutoff, radial, mixed, l_max : None: found on the data (reach.py)
    precision : of the kernels while it is trained, "double" or "mixed"
    """

    cutoff: float | None = None
    layers: int = 2
    channels: int = 64
    l_max: int | None = None
    factors: int = 3
    radial: int | None = None
    mixed: int | None = None
    hidden: int = 16
    element_rank: int = 0
    message_l: int = 0
    envelope: int = 6
    precision: str = "double"
    atom_energies: str | dict[str, float] = "fit"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What counts how much: weights of errors over what is usual. That is the spread of the labels (Adam, L-BFGS), or
    the running error (the filter: its noise is that over the weight). 0: not looked at
    energy : BALANCED: what the loss makes of it (misfit.py); 1 to the filter
    power : errors of energies are over N^(power / 2); 2 is an error an atom, less trusts large structures more
    robust : of what is usual: larger errors of energies and of forces on atoms count linearly (Huber); 0: by squares
    tags : weights of structures by their tag; charges : of those with labels
    """

    energy: float | str = 3.0
    forces: float = 1.0
    stress: float = 0.0
    charges: float = 0.0
    power: float = 2.0
    robust: float = 0.0
    tags: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """epochs : at most; patience : epochs without a better error on the validation set, 0: no end
    energy, forces, stress, charges : weights that take the place of those of the loss while it is at work; None: they
    stay
    """

    epochs: int = 100
    patience: int = 0
    energy: float | None = None
    forces: float | None = None
    stress: float | None = None
    charges: float | None = None


@dataclass(frozen=True, kw_only=True)
class KalmanSettings(OptimizerSettings):
    """variance : of each parameter before training. rows : force components an update, of `structures` structures, each
    of which gives its energy (and one component of its stress), too
    threshold : only force components with an error above so many times the structure's average
    fading : 1, or less, at which the filter forgets (0.99 to 1); noise : added to P an update
    """

    variance: float = 100.0
    rows: int = 32
    structures: int = 4
    threshold: float = 1.0
    fading: float = 1.0
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class AdamSettings(OptimizerSettings):
    """batch : structures a step; step, last_step : sizes of steps, which fall from one to the other over the epochs
    decay : of weights, not biases, a step and unit of step size (decoupled); smooth : roughness (roughness.py) times
    this is added to the loss of a structure; average : 0, or how much of the
    average of the parameters a step keeps; clip : longest gradient in units of its running length, 0: no limit
    warmup : steps that grow to their size; minutes : after which it ends, steps fall with the time; 0: none
    part : ALL parameters, or of a density network of one layer those of its LINEAR part
    fresh : it begins at the start of the training, not at the best parameters so far
    """

    batch: int = 4
    step: float = 2e-3
    last_step: float = 2e-5
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-12
    decay: float = 0.0
    smooth: float = 0.0
    average: float = 0.0
    clip: float = 5.0
    warmup: int = 0
    minutes: float = 0.0
    part: str = ALL
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class SoapSettings(AdamSettings):
    """every : steps between turns of the bases; the others as of Adam"""

    batch: int = 5
    step: float = 3e-3
    last_step: float = 1e-6
    beta1: float = 0.95
    beta2: float = 0.95
    average: float = 0.99
    clip: float = 10.0
    warmup: int = 200
    every: int = 10


@dataclass(frozen=True, kw_only=True)
class LBFGSSettings(OptimizerSettings):
    """memory : steps that tell the curvature; decrease, curvature : of Wolfe's conditions; trials : losses a step
    l2 : regularisation: times the sum of squares of all weights, without biases, is added to the loss
    """

    memory: int = 30
    decrease: float = 1e-4
    curvature: float = 0.9
    trials: int = 20
    l2: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LeastSquaresSettings(OptimizerSettings):
    """ridge : of the first epoch, of the largest eigenvalue; fall : each epoch's, of that of the one before
    emphasis : times the weight of energies; part : LINEAR, without hidden nodes, or ALL, with them as they are
    """

    epochs: int = 12
    ridge: float = 1e-2
    fall: float = 0.1
    emphasis: float = 1.0
    part: str = LINEAR


@dataclass(frozen=True, kw_only=True)
class Committee:
    """bootstrap : each member is trained on its own sample of the structures, drawn with replacement"""

    members: int = 1
    bootstrap: bool = False


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """threads : "auto" or a number; memory : GB of each rank for derivatives of descriptors"""

    threads: str | int = "auto"
    memory: float = 4.0


def weighed(loss, optimizer):
    """The loss while an optimiser is at work, as that one's settings say."""
    own = {name: getattr(optimizer, name) for name in LABELS}
    return replace(loss, **{name: value for name, value in own.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train. name, title, card : of the potential; text : the settings, as whoever gave them wrote them
    zbl : walls: "auto", "off" or {"A-B": (inner, cutoff)}; optimizer : one after the other; none: recipe.py says
    model : a density network; None: networks (`network`) that see `descriptors`, with charges if `long_range` says so
    subtract : potentials that are taken from the labels before the fit (potentials/networks/subtracted.py)
    contains : what of long range the labels contain (potentials/counted.py), None: nobody said
    warm_start : path of a potential whose parameters are the first ones (warm.py); None: random ones
    """

    optimizer: tuple[OptimizerSettings, ...]
    descriptors: DescriptorSettings | None = None
    model: DensitySettings | None = None
    seed: int = SEED
    split: Split = Split()
    network: NetworkSettings = NetworkSettings()
    long_range: LongRangeSettings | None = None
    subtract: tuple = ()
    contains: tuple[str, ...] | None = None
    loss: Loss = field(default_factory=Loss)
    zbl: str | dict[str, tuple[float, float]] = "auto"
    committee: Committee = Committee()
    parallel: Parallel = Parallel()
    name: str = ""
    title: str = ""
    card: dict[str, str] = field(default_factory=dict)
    text: str = ""
    warm_start: str | None = None

    @property
    def atom_energies(self) -> str | dict[str, float]:
        """How the zero of energy of each element is found."""
        return (self.model or self.network).atom_energies

    @property
    def needed(self) -> tuple[str, ...]:
        """The labels that count, at least to one optimiser."""
        losses = [loss for loss, _ in self.parts] or [self.loss]
        return tuple(name for name in LABELS if any(getattr(loss, name) for loss in losses))

    @property
    def read(self) -> tuple[str, ...]:
        """What is looked for in files."""
        return (*self.needed, TOTAL) if self.long_range else self.needed

    @property
    def parts(self) -> list[tuple[Loss, str]]:
        """(loss, part of the parameters) of each optimiser."""
        losses = [weighed(self.loss, own) for own in self.optimizer]
        if not self.long_range or not (self.long_range.first or self.long_range.fixed):
            return [(loss, getattr(own, "part", ALL)) for loss, own in zip(losses, self.optimizer, strict=True)]
        found = [(replace(loss, charges=0.0), SHORT) for loss in losses]
        if self.long_range.first:
            alone = replace(losses[0], energy=0.0, forces=0.0, stress=0.0, charges=losses[0].charges or 1.0)
            found[0] = alone, CHARGES
        return found


class Unsuited(InputError):
    """A plan that does not suit its data. path : of the setting to change, e.g. ("descriptors", "cutoff")"""

    def __init__(self, text: str, path: tuple = ()):
        super().__init__(text)
        self.path = path
