"""What do the verbs of a campaign hand to each other? explore -> select -> label -> train -> judge.

Structures are System in metal units; energies eV, forces eV/Angstrom, stress eV/Angstrom^3 (ASE's sign), atoms in the
order of their tags. All of it can be pickled, for verbs may run in other processes.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mdcore.base.errors import MdcoreError
from mdcore.structure.system import System


class Unconverged(MdcoreError):
    """An oracle gave up on a structure by its own judgement; kept apart from what failed."""


class Unready(MdcoreError):
    """An oracle that can't begin, whatever the structure: a program that is not there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidate:
    """A structure that an explorer met, and why it may be worth a calculation.

    explorer : name of the one that found it; place : where, in words, such as "step 120" or "image 4"
    disagreement : float64 [n], of the members' forces on each atom, eV/Angstrom, not calibrated; None: not asked
    extrapolation : how far the structure is outside of the training's ranges (the run's own measure); None: not asked
    """

    system: System
    explorer: str
    place: str
    disagreement: np.ndarray | None = None
    extrapolation: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Visit:
    """What an explorer is told of the generation it explores for.

    potential : file of the committee; folder : its own, empty; seed : of this explorer in this generation
    structures : labelled ones that the campaign has, newest last
    """

    potential: Path
    folder: Path
    seed: int
    generation: int
    structures: tuple[System, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """What an explorer brings home.

    candidates : worth a look, in the order met; frames : structures that it passed at fixed intervals, for the
    judgement, whatever the model thinks of them; ended : in words, such as "all 20000 steps" or "disagreement"
    lost : did it stop because the model was lost?
    """

    candidates: list[Candidate] = field(default_factory=list)
    frames: list[System] = field(default_factory=list)
    ended: str = ""
    lost: bool = False


class Explorer:
    """Goes where the potential may not know its way. name : unique in a campaign; quota : most structures a batch."""

    name: str = ""
    quota: int | None = None

    def explore(self, visit: Visit) -> Found:
        """The same for the same visit, wherever it is made. InputError, SimulationError."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, kw_only=True)
class Labels:
    """What an oracle says of a structure. forces : float64 [n, 3]; stress : float64 [3, 3] or None."""

    energy: float
    forces: np.ndarray
    stress: np.ndarray | None = None


class Oracle:
    """A reference method. Can be pickled; called in processes of its own, one structure at a time."""

    def __call__(self, system: System) -> Labels:
        """Unconverged, or any error."""
        raise NotImplementedError
