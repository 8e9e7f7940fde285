"""How good is a potential where its own explorers go, and does it know how good?

Random frames of each explorer were labelled by the oracle before the potential was trained on them: the errors about
them are the honest ones. The disagreement of a committee about all structures of the generation is calibrated against
the true errors of forces, one factor a species (calibration.py); how well the factors of the generation before foretold
these errors is measured before they are fitted anew.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mdcore.learn.base import Labels
from mdcore.learn.calibration import Calibration, coverage, fit, rank_correlation
from mdcore.structure.system import System
from mdcore.training.data.labels import CUT

FRAME, SELECTED, START = "frame", "selected", "start"  # why a structure was labelled


@dataclass(frozen=True, eq=False, kw_only=True)
class Fresh:
    """A structure labelled in this generation, and what the potential that explored said of it before.

    role : FRAME or SELECTED; disagreement : float64 [n], eV/Angstrom, or None of a single network
    """

    hash: str
    system: System
    explorer: str
    role: str
    labels: Labels
    energy: float
    forces: np.ndarray
    disagreement: np.ndarray | None

    @property
    def atoms(self) -> np.ndarray:
        """bool [n]: those whose labels are those of the whole structure."""
        cut = self.system.columns.get(CUT)
        return np.ones(self.system.n_atoms, dtype=bool) if cut is None else np.asarray(cut) == 0

    @property
    def off(self) -> np.ndarray:
        """float64 [atoms, 3]: errors of forces, eV/Angstrom."""
        return (self.forces - self.labels.forces)[self.atoms]

    @property
    def energy_error(self) -> float:
        """eV an atom; nan of what was cut out, where another part of space is missing."""
        if CUT in self.system.columns:
            return float("nan")
        return (self.energy - self.labels.energy) / self.system.n_atoms

    @property
    def species(self) -> np.ndarray:
        return np.array(self.system.names)[self.atoms]


@dataclass(frozen=True, eq=False, kw_only=True)
class Uncertain:
    """What the potential thinks of all frames of an explorer: disagreement, species, one entry an atom; frames."""

    disagreement: np.ndarray
    species: np.ndarray
    frames: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """explorers : {name: numbers}: structures, forces (root mean square of components, eV/Angstrom), energy (of an
        atom, eV), elements ({symbol: as forces}), frames, uncertainty (after calibration, as forces)
    forces, energy, uncertainty : the largest of any explorer's; nan where nothing was judged
    rank, rank_of_structures : rank correlation of calibrated disagreement and true error, of all atoms labelled, and
        of their root mean squares over each structure
    within : share of the true errors within one sigma, by the calibration before this one; nan where there was none
    calibration : fitted anew on all `atoms`, or that before; met : are the targets?
    """

    explorers: dict[str, dict] = field(default_factory=dict)
    forces: float = float("nan")
    energy: float = float("nan")
    uncertainty: float = float("nan")
    rank: float = float("nan")
    rank_of_structures: float = float("nan")
    within: float = float("nan")
    atoms: int = 0
    calibration: Calibration | None = None
    met: bool = False


def judge(
    fresh: Sequence[Fresh], frames: dict[str, Uncertain], before: Calibration | None, forces: float, energy: float
) -> Judgement:
    """What the labels of a generation say of the potential that explored.

    frames : of each explorer; before : the calibration until now, or None; forces, energy : the targets, eV/Angstrom,
    eV an atom
    """
    sigma, errors, species = compared(fresh)
    now, rank, of_structures, within = before, float("nan"), float("nan"), float("nan")
    if len(errors):
        now = fit(sigma, errors, species)
        foretold = (before or now).apply(sigma, species)
        rank = rank_correlation(foretold, errors)
        ends = np.cumsum([np.count_nonzero(own.atoms) for own in fresh if own.disagreement is not None])[:-1]
        of_structures = rank_correlation(*([rms(own) for own in np.split(x, ends)] for x in (foretold, errors)))
        if before is not None:
            within = coverage(foretold, errors, species)[""]
    found = {}
    for name in dict.fromkeys([*frames, *(own.explorer for own in fresh)]):
        mine = [own for own in fresh if own.explorer == name and own.role == FRAME]
        found[name] = _of_explorer(mine, frames.get(name), now)
    worst = {key: _worst(own[key] for own in found.values()) for key in ("forces", "energy", "uncertainty")}
    met = are_met({"explorers": found, **worst}, forces, energy)
    return Judgement(
        explorers=found, **worst, rank=rank, rank_of_structures=of_structures, within=within, atoms=len(errors),
        calibration=now, met=met,
    )  # fmt: skip


def are_met(told: dict, forces: float, energy: float) -> bool:
    """Are the targets, by numbers of a Judgement, as values or as they stand in the record (None: nan)?"""
    worst = [math.nan if told[key] is None else told[key] for key in ("forces", "energy", "uncertainty")]
    judged = any(own["structures"] for own in told["explorers"].values())
    # energies of what was cut out of others are nan, and so is the uncertainty of one network
    return judged and worst[0] <= forces and not worst[1] > energy and not worst[2] > forces


def compared(fresh: Sequence[Fresh]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(disagreement, length of the error of the force, species) of all atoms that members were asked about."""
    told = [own for own in fresh if own.disagreement is not None]
    sigma = [np.empty(0), *(own.disagreement[own.atoms] for own in told)]
    errors = [np.empty(0), *(np.linalg.norm(own.off, axis=1) for own in told)]
    species = [np.empty(0, dtype=str), *(own.species for own in told)]
    return np.concatenate(sigma), np.concatenate(errors), np.concatenate(species)


def _of_explorer(mine: Sequence[Fresh], seen: Uncertain | None, calibration: Calibration | None) -> dict:
    """The numbers of one explorer; mine : its frames with labels; seen : all of its frames."""
    off = np.concatenate([own.off for own in mine]) if mine else np.empty((0, 3))
    species = np.concatenate([own.species for own in mine]) if mine else np.empty(0, dtype=str)
    uncertainty, frames = float("nan"), 0
    if seen is not None:
        frames = seen.frames
        if len(seen.disagreement) and calibration is not None:
            sigma = calibration.apply(seen.disagreement, seen.species)
            uncertainty = float(np.sqrt(np.mean(sigma**2) / 3.0))  # of one component
    return {
        "structures": len(mine),
        "forces": rms(off),
        "energy": rms(np.array([own.energy_error for own in mine])),
        "elements": {e: rms(off[species == e]) for e in sorted(set(species.tolist()))},
        "frames": frames,
        "uncertainty": uncertainty,
    }


def rms(numbers: np.ndarray) -> float:
    """Root mean square of those that are numbers; nan of none."""
    own = np.asarray(numbers, dtype=float).ravel()
    own = own[np.isfinite(own)]
    return float(np.sqrt(np.mean(own**2))) if len(own) else float("nan")


def _worst(numbers) -> float:
    own = [number for number in numbers if np.isfinite(number)]
    return max(own, default=float("nan"))
