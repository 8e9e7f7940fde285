"""Which settings does a campaign of active learning have? One frozen class a section of ``learn.toml``."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.config.document import Document
from mdcore.config.learn_select import SelectSettings
from mdcore.faces import EXPLORERS, ORACLES
from mdcore.faces.label import LabelSettings
from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, Section, Sections, Text, setting

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
WARM, FRESH = STARTS = ("warm", "fresh")


@dataclass(frozen=True, kw_only=True)
class CampaignSettings:
    """How long, and where. The budgets are looked at between generations; calls never exceed theirs."""

    generations: int = setting(
        Integer(minimum=1, maximum=999), "Most generations after the first potential.", default=10, example=5
    )
    calls: int | None = setting(
        Integer(minimum=1),
        "Most calls of the oracle, over all restarts: for the start, for what was selected and for the judgement. "
        "Tries of one structure are one call.",
        default=None,
        default_text="no limit",
        example=500,
    )
    hours: float | None = setting(
        Number(above=0),
        "Hours of work, over all restarts, after which no generation begins.",
        default=None,
        default_text="no limit",
        example=12.0,
    )
    directory: str | None = setting(
        Text(),
        "Folder of all that is written, relative to where the command is run; made if needed.",
        default=None,
        default_text="the input file's name",
        example="silicon",
    )


@dataclass(frozen=True, kw_only=True)
class StartSettings:
    """What there is before the first generation."""

    data: str = setting(
        Text(),
        "Structures, extended xyz or another format of `mdcore train`. Those without energy and forces are labelled "
        "by the oracle first.",
        example="start.extxyz",
    )
    potential: str | None = setting(
        Text(),
        "A committee (.h5) that explores first; `data` are not trained on before it.",
        default=None,
        default_text="one is trained on `data`",
        example="committee.h5",
    )


@dataclass(frozen=True, kw_only=True)
class LearnTrainSettings:
    """How potentials are trained."""

    input: str = setting(
        Text(),
        "An input of `mdcore train` without `[[data]]` and `warm_start`, with two members or more in `[committee]`. Of "
        "`[split]` it may say `validation`, the share of structures that no generation trains on; of `[output]` all "
        "but where. Each generation's folder gets a whole one.",
        example="train.toml",
    )
    start: str = setting(
        Choice(STARTS),
        'Networks begin anew (`"fresh"`), and descriptors are chosen anew on all data; or with the last generation\'s '
        'parameters (`"warm"`), on descriptors that were chosen on the data of generation 0.',
        default=FRESH,
        example="warm",
    )


@dataclass(frozen=True, kw_only=True)
class JudgeSettings:
    """The honest error: random frames of each explorer are labelled, and compared with the potential that explored,
    which has not seen them. Then they are trained on. The campaign has converged when errors, and the uncertainty of
    all frames after calibration, are below the targets for some generations in a row, for each explorer with frames,
    and no explorer was lost on its way: what one never reached, none of its frames tells of.
    """

    frames: int = setting(
        Integer(minimum=0, maximum=10000),
        "Frames of each explorer that are labelled in each generation; 0: none, and the campaign ends with its budget.",
        default=20,
        example=10,
    )
    forces: float = setting(
        Number(above=0),
        "Target: root mean square error of components of forces, and their uncertainty.",
        default=0.1,
        quantity="force",
        example=0.05,
    )
    energy: float = setting(
        Number(above=0),
        "Target: root mean square error of energies, an atom.",
        default=0.005,
        quantity="energy",
        example=0.002,
    )
    generations: int = setting(
        Integer(minimum=1, maximum=100), "In so many generations, one after the other.", default=2, example=3
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        for key in ("forces", "energy", "generations"):
            if key in given and not self.frames:
                yield key, "applies to frames that are labelled, and frames = 0 says none; leave it out"


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """What is drawn: calibrations in each generation, the rest at the end."""

    plot: bool = setting(Boolean(), "Draw pictures (needs Matplotlib).", default=True, example=False)
    coordinate: tuple[tuple[int, ...], ...] = setting(
        List(List(Integer(minimum=0), 2, repeats=True), repeats=True),
        "Reaction coordinate: the distance of two atoms, counted from 0, or that of the first two less that of the "
        "second two. Energies of labelled structures, and along bands, are drawn over it.",
        default=(),
        default_text="none",
        example=[[0, 8], [8, 1]],
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if len(self.coordinate) > 2:
            yield "coordinate", "one distance, or two of which the difference counts"
        elif any(a == b for a, b in self.coordinate):
            yield "coordinate", "an atom has no distance from itself"
        if self.coordinate and not self.plot:
            yield "coordinate", "applies to pictures, and plot = false draws none; leave one of the two out"


@dataclass(frozen=True, kw_only=True)
class LearnSettings(Document):
    """Everything one learn.toml says; complete and consistent once `load_learn` returns it."""

    title: str = setting(
        Text(), "Free text, kept in the potentials.", default="", default_text="none", example="silicon"
    )
    seed: int = setting(
        Integer(minimum=0, maximum=2**63 - 1),
        "Seed of all random choices: of explorers, of selection and judgement, and of the training unless that has its "
        "own. The same seed and input give the same potential, however often the campaign was stopped.",
        default=1,
        example=2026,
    )
    campaign: CampaignSettings = setting(
        Section(CampaignSettings), "How long, and where.", default=CampaignSettings()
    )
    start: StartSettings = setting(Section(StartSettings), "What there is at the beginning.")
    train: LearnTrainSettings = setting(Section(LearnTrainSettings), "How potentials are trained.")
    explorer: tuple = setting(
        Sections(tag="type", classes=EXPLORERS, single=True),
        "What goes where the potential may not know its way; any number, one after the other.",
        default=(),
        default_text="required; from Python, `explorers` may be given instead",
    )
    select: SelectSettings = setting(
        Section(SelectSettings), "Which structures are worth a calculation.", default=SelectSettings()
    )
    oracle: tuple = setting(
        Sections(tag="type", classes=ORACLES, single=True),
        "The reference method that is learnt; one `[oracle]`.",
        default=(),
        default_text="required; from Python, `oracle` may be given instead",
    )
    label: LabelSettings = setting(Section(LabelSettings), "How the oracle is called.", default=LabelSettings())
    judge: JudgeSettings = setting(Section(JudgeSettings), "When it is good enough.", default=JudgeSettings())
    report: ReportSettings = setting(Section(ReportSettings), "What is drawn.", default=ReportSettings())

    def check(self, given) -> Iterator[tuple[str, str]]:
        names = [own.name for own in self.explorer]
        for k, name in enumerate(names):
            if not NAME.fullmatch(name):
                yield f"explorer.{k}.name", "expected letters, digits, - and _: it becomes the name of a folder"
            elif name in names[:k]:
                yield f"explorer.{k}.name", "another explorer has this name"
        if len(self.oracle) > 1:
            yield "oracle", "one is enough: labels of two methods contradict each other"
