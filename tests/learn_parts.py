"""Explorers, an oracle and a training for campaigns of tests: argon that a Lennard-Jones potential labels."""

import os
import sys
import time
from pathlib import Path

import numpy as np

import mdcore
from mdcore import LennardJones, System, evaluate
from mdcore.learn.base import Candidate, Explorer, Found, Labels, Unconverged
from mdcore.learn.structures import write_labelled

LJ = LennardJones(7.0, 0.01034, 3.405, truncation="force-shifted")
TRAIN = """\
[descriptors]
cutoff = 5.0
radial = 4
angular = 2
zetas = [1]
keep = 5

[network]
hidden = [4]

[committee]
members = 2

[[optimizer]]
type = "kalman"
epochs = 2

[output]
plot = false
"""
SECTIONS = {
    "title": "argon",
    "seed": 5,
    "campaign": {"generations": 2, "directory": "campaign"},
    "start": {"data": "start.extxyz"},
    "train": {"input": "train.toml"},
    "select": {"batch": 4, "lower": 0.0},
    "judge": {"frames": 2},
    "report": {"plot": False},
}


def argon(width: float, seed: int) -> System:
    """A crystal of 32 atoms, shaken."""
    return System.build("fcc", 5.4, "Ar", repeat=(2, 2, 2)).displace(width, seed)


def oracle(system: System) -> Labels:
    """The potential that is learnt; it counts its calls in calls.txt, if that is there."""
    if os.path.exists("calls.txt"):
        with open("calls.txt", "a") as stream:
            stream.write("call\n")
    time.sleep(float(os.environ.get("ORACLE_SECONDS", "0")))
    if system.positions[0, 0] > 0.9:
        raise Unconverged("the first atom is too far out")
    found = evaluate(LJ, system)
    return Labels(energy=found.energy, forces=found.forces, stress=None)


class Shake(Explorer):
    """Labelled structures, shaken."""

    def __init__(self, name: str, width: float, quota: int | None = None):
        self.name, self.width, self.quota = name, width, quota

    def explore(self, visit) -> Found:
        rng = np.random.default_rng(visit.seed)
        seeds, known = rng.integers(1 << 30, size=9).tolist(), visit.structures
        found = [known[seed % len(known)].displace(self.width, seed) for seed in seeds]
        candidates = [Candidate(system=s, explorer=self.name, place=f"shake {k}") for k, s in enumerate(found[:5])]
        return Found(candidates=candidates, frames=found[5:], ended="all 9 shakes")


def one_by_one(systems, oracle, settings, on_result, *, labelled=()) -> None:
    """The verb label, in this process."""
    from mdcore.learn.labelling import Failure

    for k, system in enumerate(systems):
        try:
            result = oracle(system)
        except Unconverged as error:
            result = Failure("unconverged", str(error))
        on_result(k, result)


def train_here(folder: Path, files, before, generation: int) -> Path:
    """The verb train, in this process, of networks that hardly learn."""
    result = mdcore.train(
        files, descriptors={"cutoff": 5.0, "radial": 4, "angular": 2, "zetas": [1], "keep": 5},
        network={"hidden": [4]}, committee={"members": 2}, seed=generation, optimizer={"type": "kalman", "epochs": 1},
        warm_start=before and str(before),
    )  # fmt: skip
    result.write(folder / "potential.h5", overwrite=True)
    return folder / "potential.h5"


def prepare(folder: Path, labelled: int = 4, others: int = 2) -> None:
    """start.extxyz, some of it without labels, and train.toml."""
    systems = [argon(0.1, seed) for seed in range(1, labelled + others + 1)]
    entries = [(s, oracle(s) if k < labelled else None, {}) for k, s in enumerate(systems)]
    write_labelled(folder / "start.extxyz", entries)
    (folder / "train.toml").write_text(TRAIN)


def explorers() -> list[Explorer]:
    return [Shake("cold", 0.05), Shake("hot", 0.15, quota=3)]


def campaign(**more):
    """A Campaign of these parts in the current folder; `more` takes the place of some."""
    from mdcore.learn import Campaign

    sections = SECTIONS | more.pop("sections", {})
    given = {"explorers": explorers(), "oracle": oracle, "label": one_by_one, "say": lambda text: None}
    return Campaign(sections, **given | more)


if __name__ == "__main__":  # a campaign with trainings in processes of their own, to be killed
    few = {"generations": int(os.environ["GENERATIONS"]), "directory": "campaign"}
    campaign(say=print, sections={"campaign": few}).run(restart=os.path.exists("campaign/campaign.jsonl"))
    sys.exit(0)
