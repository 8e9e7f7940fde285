"""Which settings does the training of tensors have? Sections of a ``train.toml`` with ``type = "tensors"``."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.config.document import Document
from mdcore.config.optimizers import MADE, OPTIMIZERS
from mdcore.config.training import OWN_CARD, TrainingOutputSettings, plain
from mdcore.config.training_data import SplitSettings
from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, Section, Sections, Table, Text, setting
from mdcore.potentials.tensors.model import DIPOLES
from mdcore.training.settings import ALL, LABELS, NO_PART, NOT_ROUGH, Split
from mdcore.training.tensors.settings import (
    DIPOLE_UNITS,
    POLARIZABILITY_UNITS,
    TensorLoss,
    TensorPlan,
    TensorSettings,
    TensorSource,
)

TYPE = "tensors"
BY_GRADIENTS = {name: OPTIMIZERS[name] for name in ("adam", "soap", "lbfgs")}


@dataclass(frozen=True, kw_only=True)
class TensorDataSettings:
    """Labelled structures: extended xyz, folders of DeePMD."""

    file: str = setting(Text(), "File or folder, relative to the input file.", example="water_dipoles.xyz")
    format: str | None = setting(
        Choice(("extxyz", "deepmd")), "Its format.", default=TensorSource.format,
        default_text="as name and content say", example="deepmd",
    )  # fmt: skip
    use: str = setting(
        Choice(("split", "train", "validation", "test")),
        'What its structures are for; `"split"`: as `[split]` says.', default=TensorSource.use, example="test",
    )  # fmt: skip
    tag: str | None = setting(
        Text(), "Tag of all its structures.", default=TensorSource.tag, default_text="that of the file",
        example="liquid",
    )  # fmt: skip
    tag_key: str | None = setting(
        Text(), "Key of the comment line that holds the tag.", default=TensorSource.tag_key,
        default_text="`tag`, `config_type`, `group`, `set` or `label`", example="origin",
    )  # fmt: skip
    weight: float = setting(
        Number(minimum=1e-6, maximum=1e6), "Weight of its structures in the loss.", default=TensorSource.weight,
        example=0.5,
    )  # fmt: skip
    dipole: str | None = setting(
        Text(), "Key of the dipole moment of the whole.", default=TensorSource.dipole,
        default_text="`dipole`, `dipole_moment`", example="mu",
    )  # fmt: skip
    polarizability: str | None = setting(
        Text(), "Key of the polarizability of the whole, nine numbers, or six: xx yy zz yz xz xy.",
        default=TensorSource.polarizability, default_text="`polarizability`", example="alpha",
    )  # fmt: skip
    atomic_dipole: str | None = setting(
        Text(), "Columns of the dipole moments of atoms; nan: this one has none.", default=TensorSource.atomic_dipole,
        default_text="`atomic_dipole`", example="wannier",
    )  # fmt: skip
    atomic_polarizability: str | None = setting(
        Text(), "Columns of the polarizabilities of atoms.", default=TensorSource.atomic_polarizability,
        default_text="`atomic_polarizability`", example="alpha_i",
    )  # fmt: skip
    dipole_unit: str = setting(
        Choice(tuple(DIPOLE_UNITS)), "Unit of dipole moments.", default=TensorSource.dipole_unit, example="Debye"
    )
    polarizability_unit: str = setting(
        Choice(tuple(POLARIZABILITY_UNITS)), "Unit of polarizabilities.", default=TensorSource.polarizability_unit,
        example="bohr3",
    )  # fmt: skip
    periodic: bool = setting(
        Boolean(), "Of a folder of DeePMD: believe its box, though it has a file `nopbc`.",
        default=TensorSource.periodic, example=True,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TensorModelSettings:
    """A network for each element, which says how much each of its vectors and matrices of neighbours counts
    ([theory](theory.md#dipole-moments-and-polarizabilities)).
    """

    type: str = setting(Choice((TYPE,)), "Type of the model.", example=TYPE)
    cutoff: float = setting(
        Number(above=0, maximum=100), "How far an atom sees.", default=TensorSettings.cutoff, quantity="length",
        example=5.0,
    )  # fmt: skip
    centers: tuple[str, ...] = setting(
        List(Text()), "Elements whose atoms carry tensors; labels of other atoms are not looked at.",
        default=TensorSettings.centers, default_text="all", example=["O"],
    )  # fmt: skip
    dipole: str = setting(
        Choice(DIPOLES),
        'What a dipole moment is made of: `"vectors"` of neighbours; `"charges"` of atoms times their positions, of '
        'clusters alone; `"charges and vectors"`; `"none"`: it is not trained.',
        default=TensorSettings.dipole, example="charges",
    )  # fmt: skip
    ions: dict[str, float] = setting(
        Table(Number(minimum=-100, maximum=100)),
        "Charges, e, of atoms that belong to the nearest one that carries tensors: charge times distance is part of "
        "its dipole moment, and need not be learnt. Of water, with dipole moments of molecules at O: `H = 1`.",
        factory=dict, example={"H": 1.0},
    )  # fmt: skip
    local_field: bool = setting(
        Boolean(),
        "Polarizabilities of periodic cells have what dipoles far away add, by the law of Clausius and Mossotti; the "
        "network learns what neighbours do. Needs labels of the whole, or of all atoms that carry tensors.",
        default=TensorSettings.local_field, example=False,
    )  # fmt: skip
    radial: int = setting(
        Integer(minimum=1, maximum=32), "Functions of the distance, for each element of the neighbours.",
        default=TensorSettings.radial, example=6,
    )  # fmt: skip
    mixed: int = setting(
        Integer(minimum=1, maximum=16), "Mixtures of these, products of which are looked at, too.",
        default=TensorSettings.mixed, example=8,
    )  # fmt: skip
    hidden: tuple[int, ...] = setting(
        List(Integer(minimum=1, maximum=1000), repeats=True), "Nodes of each hidden layer.",
        default=TensorSettings.hidden, example=[64, 32],
    )  # fmt: skip

    def check(self, given) -> Iterator[tuple[str, str]]:
        for name in self.centers:
            if name not in ATOMIC_NUMBERS:
                yield "centers", f"{name!r} is no chemical element"
        if len(set(self.centers)) < len(self.centers):
            yield "centers", "an element is there twice"
        if self.ions and self.dipole != "vectors":
            yield "ions", 'belong to dipole = "vectors"'
        for name in set(self.ions) & set(self.centers or self.ions):
            yield "ions", f"{name} carries tensors itself; name those that do in centers, without it"


@dataclass(frozen=True, kw_only=True)
class TensorLossSettings:
    """What counts how much: errors over the spread of the labels of atoms. 0: not trained."""

    dipole: float = setting(
        Number(minimum=0, maximum=1e3), "Weight of dipole moments.", default=TensorLoss.dipole, example=2.0
    )
    polarizability: float = setting(
        Number(minimum=0, maximum=1e3), "Weight of polarizabilities.", default=TensorLoss.polarizability, example=0.5
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.dipole == self.polarizability == 0:
            yield "dipole", "nothing counts; give dipole or polarizability a weight above 0"


@dataclass(frozen=True, kw_only=True)
class TensorTrainingSettings(Document):
    """Everything a train.toml of tensors says."""

    title: str = setting(
        Text(), "Free text, kept in the file.", default="", default_text="none", example="water, dipole moments"
    )
    seed: int = setting(
        Integer(minimum=0, maximum=2**63 - 1), "Seed of all random choices.", default=TensorPlan.seed, example=2024
    )
    card: dict[str, str] = setting(
        Table(Text()), "Texts for the model card: where the data come from, their licence.", factory=dict,
        example={"data": "doi:10.1000/xyz", "licence": "CC-BY-4.0"},
    )  # fmt: skip
    data: tuple[TensorDataSettings, ...] = setting(
        Sections(TensorDataSettings, single=True), "Files of labelled structures."
    )
    split: SplitSettings = setting(
        Section(SplitSettings), "Which structures train, validate, test.", default=SplitSettings()
    )
    model: TensorModelSettings = setting(Section(TensorModelSettings), "What is trained.")
    loss: TensorLossSettings = setting(
        Section(TensorLossSettings), "What counts how much.", default=TensorLossSettings()
    )
    optimizer: tuple = setting(
        Sections(tag="type", classes=BY_GRADIENTS, single=True),
        "How parameters are found; several: one after the other.",
    )
    output: TrainingOutputSettings = setting(
        Section(TrainingOutputSettings), "Files.", default=TrainingOutputSettings()
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.output.n2p2:
            yield "output.n2p2", "n2p2 knows no tensors"
        for name in set(self.card) & set(OWN_CARD):
            yield "card", f"{name!r} is written by mdcore itself; choose another name"
        for k, own in enumerate(self.optimizer):
            for name in LABELS:
                if getattr(own, name) is not None:
                    yield f"optimizer.{k}.{name}", "weighs labels of potentials; [loss] says what counts of tensors"
            if getattr(own, "part", ALL) != ALL:
                yield f"optimizer.{k}.part", NO_PART
            if getattr(own, "smooth", 0.0):
                yield f"optimizer.{k}.smooth", NOT_ROUGH
        if self.model.dipole == "none" and not self.loss.polarizability:
            yield "model.dipole", "nothing would be trained: polarizability = 0 in [loss]"

    @property
    def plan(self) -> TensorPlan:
        """The same for the library, which knows no input file."""
        optimizer = tuple(plain(MADE[type(own)], own) for own in self.optimizer)
        return plain(
            TensorPlan, self, model=plain(TensorSettings, self.model), split=plain(Split, self.split),
            loss=plain(TensorLoss, self.loss), optimizer=optimizer, name=self.output.name or "",
        )  # fmt: skip

    @property
    def sources(self) -> list[TensorSource]:
        return [plain(TensorSource, own, file=self.beside(own.file)) for own in self.data]
