"""A run of `mdcore run` in a process of its own, with the potential of the day in its input."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mdcore.base.errors import ExtrapolationError, InputError, Interrupted, OutputError, SimulationError
from mdcore.base.units import METAL
from mdcore.base.writing import make_folder, writing_text
from mdcore.learn.base import Candidate, Explorer, Found, Visit
from mdcore.learn.explorers._starts import bare, picked
from mdcore.learn.looks import Looks, looks_at
from mdcore.learn.process import GO_ON, mdcore
from mdcore.potentials.families import family
from mdcore.potentials.networks.spread import FORCES
from mdcore.structure import extxyz
from mdcore.structure.extxyz_columns import COLUMNS, MOVES
from mdcore.structure.quantities import totals
from mdcore.structure.system import System

LABELLED = "labelled"
NAME = "run"  # of outputs
KEYBOARD = 130  # exit code
DENSER = 5  # disputed structures are kept so many times as often as others; what follows sooner is hardly another one,
MOST = 50  # and so many of a run
TOLD = (ExtrapolationError.exit_code, SimulationError.exit_code, Interrupted.exit_code)  # ends that a run tells
FILES = (".extxyz", "-disputed.extxyz", "-extrapolated.extxyz", "-broken.extxyz")
WANTED = {*COLUMNS, MOVES} - {"forces"}


@dataclass(frozen=True, kw_only=True)
class Run(Explorer):
    """Molecular dynamics, or what else stages do.

    input : of `mdcore run`; set : overrides, as its --set has them
    start : a file, of which runs take structures at random; LABELLED: of the labelled ones; None: as the input says
    runs : in a generation, of seeds of their own; section : number of the [[potential]] that becomes the campaign's,
    None: the only one
    every : steps between structures that are kept, whatever the potential thinks of them
    save, disagreement : eV/Angstrom, from which structures are kept, and the run ends
    extrapolation : so many atoms far outside of the ranges of training end it; bonds : a bond so many times as long as
    at the start does; temperature : K, a hotter system does; None: nothing of the kind
    bias : {key: value} of [potential.bias], which biases dynamics towards disagreement
    axes : some of "xyz" along which stages let the cell follow a pressure, which a campaign finds in the input
    (rehearsal.py): of labelled structures those that fill the cell there
    """

    name: str
    input: Path
    quota: int | None = None
    set: tuple[str, ...] = ()
    start: str | Path | None = LABELLED
    runs: int = 1
    section: int | None = None
    every: int = 100
    save: float | None = 0.1
    disagreement: float | None = 1.0
    extrapolation: int | None = None
    bonds: float | None = None
    temperature: float | None = None
    bias: dict = field(default_factory=dict)
    axes: str = ""

    def explore(self, visit: Visit) -> Found:
        looks = looks_at(visit.potential)
        looks.need_range(self.name, self.extrapolation)
        runs = [self._one(visit, looks, k, start) for k, start in enumerate(self._starts(visit, looks))]
        return Found(
            candidates=[each for own in runs for each in own.candidates],
            frames=[each for own in runs for each in own.frames],
            ended="; ".join(f"run {k}: {own.ended}" for k, own in enumerate(runs, 1)),
            lost=any(own.lost for own in runs),
        )

    def _starts(self, visit: Visit, looks: Looks) -> list:
        if self.start is None:
            return [None] * self.runs
        if self.start != LABELLED:
            return picked(self.name, visit, self.start, self.runs)
        return picked(self.name, visit, None, self.runs, self.axes, looks.potential.cutoff)

    def _one(self, visit: Visit, looks: Looks, k: int, start) -> Found:
        """What run k found, from a System or, for None, from where the input says."""
        folder = visit.folder / f"{NAME}-{k + 1}"
        make_folder(folder)
        path = None
        if start is not None:
            path = folder / "start.extxyz"
            with writing_text(path) as stream:
                extxyz.write_frame(stream, start, info=totals(start.info))
        seed = int(np.random.default_rng([visit.seed, 1, k]).integers(2**31))
        kind = family(looks.potential.model).name
        overrides = self.overrides(visit.potential, kind, looks.is_committee, folder, seed, path)
        arguments = ["run", Path(self.input).resolve(), "--quiet", "--overwrite"]
        for override in overrides:
            arguments += ["--set", override]
        done = mdcore(arguments, folder)
        said = done.said
        with writing_text(folder / "said.txt") as stream:
            stream.write(f"$ mdcore {shlex.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        code = done.code
        if code == KEYBOARD or (code == Interrupted.exit_code and said.startswith("SIG")):
            raise Interrupted(f"explorer {self.name}: {said}")
        if code in (InputError.exit_code, OutputError.exit_code):
            error, more = (InputError, "") if code == InputError.exit_code else (OutputError, GO_ON)
            raise error(f"explorer {self.name}: {said}{more}")
        how = said if code else "all steps of the input"
        if code not in (0, *TOLD):
            how = f"it broke off: {said}"
        candidates, frames = self._gathered(folder, k)
        lost = code not in (0, Interrupted.exit_code)
        return Found(candidates=candidates, frames=frames, ended=how, lost=lost)

    def overrides(
        self, potential, kind: str, committee: bool, folder: Path, seed: int, start: Path | None
    ) -> list[str]:
        """What is said in the input by --set: by the campaign, then by the user.

        potential, kind : file and type of that of the day; start : file of the structure, None: as the input says
        """
        place = "potential" if self.section is None else f"potential.{self.section}"
        own = {"type": kind, "file": Path(potential).resolve()}
        if committee:
            pause = None if self.save is None else max(1, self.every // DENSER)
            own |= {"disagreement_save": self.save, "disagreement_stop": self.disagreement, "disagreement_pause": pause}
        if self.extrapolation is not None:
            own |= {"extrapolation": "stop", "extrapolation_limit": self.extrapolation, "extrapolation_every": 10}
        own |= {f"bias.{key}": value for key, value in self.bias.items()}
        rest = {
            "seed": seed, "output.directory": folder.resolve(), "output.name": NAME,
            "output.progress": "off", "output.dump_every": self.every, "limits.bonds": self.bonds,
            "limits.max_temperature": self.temperature,
        }  # fmt: skip
        if start is not None:
            rest |= {"structure.file": start.resolve(), "structure.frame": -1}
        rest = {f"{place}.{key}": value for key, value in own.items()} | rest
        return [*(f"{key}={_toml(value)}" for key, value in rest.items() if value is not None), *self.set]

    def _gathered(self, folder: Path, k: int):
        """(candidates by step, frames at fixed intervals), of what the run wrote: of disputed structures MOST, evenly
        spread, the first and the last among them; where it began only if it got no farther, for what a file or the
        input begins with may have no labels"""
        met, frames, fixed = {}, [], set()
        for suffix in FILES:
            path = folder / f"{NAME}{suffix}"
            for system, spread in met_in(path) if path.exists() else ():
                step = system.info["Step"]
                about, system = system.info, bare(system)
                system.info = totals(about)
                if suffix == FILES[0] and step:
                    frames.append(system)
                    fixed.add(step)
                before = met.get(step)
                spread = before.disagreement if spread is None and before else spread
                met[step] = Candidate(
                    system=system, explorer=self.name, place=f"run {k + 1}, step {step}", disagreement=spread,
                    extrapolation=about.get("excess"),
                )  # fmt: skip
        if len(met) > 1:
            met.pop(0, None)
        others = sorted(met.keys() - fixed)
        if len(others) > MOST:
            others = [others[k] for k in np.linspace(0, len(others) - 1, MOST).round().astype(int)]
        return [met[step] for step in sorted(fixed.union(others))], frames


def met_in(path):
    """(System, disagreement about each atom float64 [n] or None) of each structure that a run wrote."""
    for frame in extxyz.iterate(path, METAL, wanted=WANTED, extra=(FORCES.name,), keep=True):
        spread = frame.extra.get(FORCES.name)
        system = System.of_extxyz(frame, METAL, path, labels=False)
        yield system, None if spread is None else spread[:, 0]


def _toml(value) -> str:
    """A number, a text or a path, true or false in TOML."""
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool | np.bool_ | int) else repr(float(value))
