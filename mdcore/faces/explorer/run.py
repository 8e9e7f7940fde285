"""Runs of mdcore, with the potential of the day."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mdcore.faces.base import ExplorerSettings
from mdcore.faces.schema import Boolean, Integer, List, Number, OneOf, Table, Text, setting

WORDS = ("labelled", "input")


@dataclass(frozen=True, kw_only=True)
class Settings(ExplorerSettings):
    """What an input of `mdcore run` says, with the potential of the day: dynamics at any temperature and pressure,
    ramps, stages. Each run is a process of its own."""

    input: str = setting(
        Text(),
        "The input, relative to this one. `type` and `file` of its `[[potential]]` need not be there.",
        example="explore.toml",
    )
    set: tuple[str, ...] = setting(
        List(Text()),
        "What is changed in it, as `--set` of `mdcore run` has it.",
        default=(),
        default_text="nothing",
        example=["stage.0.temperature=600"],
    )
    start: str = setting(
        Text(),
        '`"labelled"`: each run starts from a labelled structure, chosen at random, of those without a free surface or '
        "vacuum along the axes along which stages let the cell follow a pressure; "
        '`"input"`: as the input says; else '
        'a file, of whose structures each run takes one. All but `"input"` need an input with a `file` in '
        "`[structure]`.",
        default="labelled",
        example="input",
    )
    runs: int = setting(
        Integer(minimum=1), "Runs in a generation, with seeds of their own.", default=1, example=4
    )
    potential: int | None = setting(
        Integer(minimum=0),
        "Which `[[potential]]` of the input becomes the one of the day, counted from 0.",
        default=None,
        default_text="the only one",
        example=0,
    )
    every: int = setting(
        Integer(minimum=1),
        "Steps between structures that are kept whatever the potential thinks of them: for the judgement, too.",
        default=100,
        example=500,
    )
    save: float | None = setting(
        Number(above=0),
        "Of a committee: structures with a larger disagreement about the force on an atom are kept, too.",
        default=0.1,
        quantity="force",
        example=0.2,
    )
    disagreement: float | None = setting(
        Number(above=0),
        "Of a committee: a larger disagreement ends the run.",
        default=1.0,
        quantity="force",
        example=2.0,
    )
    extrapolation: int | None = setting(
        Integer(minimum=1),
        "So many atoms far outside of the range of training end the run ([what that is](networks.md#policies)).",
        default=None,
        default_text="none do",
        example=1,
    )
    bonds: float | None = setting(
        Number(above=1.0, maximum=100.0),
        "A bond that is so many times as long as at the start ends the run: `bonds` of `[limits]`; `hopping` there "
        "lets protons change partners.",
        default=None,
        default_text="as the input says",
        example=2.0,
    )
    temperature: float | None = setting(
        Number(above=0),
        "A higher one ends the run: `max_temperature` of `[limits]`.",
        default=None,
        default_text="as the input says",
        quantity="temperature",
        example=3000.0,
    )
    bias: dict = setting(
        Table(OneOf((Boolean(), Number(), Text()))),
        "Keys of `[potential.bias]` ([input](input.md)): dynamics biased towards disagreement.",
        factory=dict,
        example={"depth": 1.0, "width": 0.01},
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.save is not None and self.disagreement is not None and not self.save < self.disagreement:
            yield "save", f"no structure would be kept before disagreement = {self.disagreement:g} ends the run"
        for override in self.set:
            if "=" not in override:
                yield "set", f'{override}: expected section.key=value, e.g. "stage.0.temperature=600"'

    def build(self, whole):
        from mdcore.learn.explorers.run import LABELLED, Run

        named = {"labelled": LABELLED, "input": None}
        start = named[self.start] if self.start in WORDS else Path(whole.beside(self.start))
        return Run(
            name=self.name, quota=self.quota, input=Path(whole.beside(self.input)), set=self.set, start=start,
            runs=self.runs, section=self.potential, every=self.every, save=self.save, disagreement=self.disagreement,
            extrapolation=self.extrapolation, bonds=self.bonds, temperature=self.temperature, bias=dict(self.bias),
        )  # fmt: skip
