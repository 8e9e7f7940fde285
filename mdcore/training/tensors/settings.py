"""What can be chosen of the training of tensors, and what is chosen unless somebody says otherwise?"""

from dataclasses import dataclass, field

from mdcore.training.settings import SEED, OptimizerSettings, Split

# a unit of labels -> e Angstrom, Angstrom^3
DIPOLE_UNITS = {"e Angstrom": 1.0, "Debye": 0.20819434, "e bohr": 0.529177210903}
POLARIZABILITY_UNITS = {"Angstrom3": 1.0, "bohr3": 0.529177210903**3}


@dataclass(frozen=True, kw_only=True)
class TensorSource:
    """A file of labelled structures. dipole, polarizability : keys of the comment line; atomic_dipole,
    atomic_polarizability : columns; *_unit : of DIPOLE_UNITS, POLARIZABILITY_UNITS; use, tag, tag_key, weight, format :
    as those of potentials; periodic : the cell is believed, where a DeePMD folder has a file nopbc, too
    """

    file: str
    format: str | None = None
    use: str = "split"
    tag: str | None = None
    tag_key: str | None = None
    weight: float = 1.0
    dipole: str | None = None
    polarizability: str | None = None
    atomic_dipole: str | None = None
    atomic_polarizability: str | None = None
    dipole_unit: str = "e Angstrom"
    polarizability_unit: str = "Angstrom3"
    periodic: bool = False


@dataclass(frozen=True, kw_only=True)
class TensorSettings:
    """A model (potentials/tensors/model.py). centers : elements that carry tensors, none: all; cutoff : Angstrom
    ions : {element: charge} of those that belong to the nearest center
    local_field : polarizabilities of cells have what dipoles far away add
    """

    cutoff: float = 6.0
    centers: tuple[str, ...] = ()
    radial: int = 8
    mixed: int = 6
    hidden: tuple[int, ...] = (32, 32)
    dipole: str = "vectors"
    ions: dict[str, float] = field(default_factory=dict)
    local_field: bool = True


@dataclass(frozen=True, kw_only=True)
class TensorLoss:
    """Weights of errors over the spread of their labels; 0: not trained."""

    dipole: float = 1.0
    polarizability: float = 1.0


@dataclass(frozen=True, kw_only=True)
class TensorPlan:
    """How to train. name, title, card : of the model; text : the settings, as whoever gave them wrote them"""

    optimizer: tuple[OptimizerSettings, ...]
    model: TensorSettings = field(default_factory=TensorSettings)
    loss: TensorLoss = TensorLoss()
    split: Split = field(default_factory=Split)
    seed: int = SEED
    name: str = ""
    title: str = ""
    card: dict[str, str] = field(default_factory=dict)
    text: str = ""
