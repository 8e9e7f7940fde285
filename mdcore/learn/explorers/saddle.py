"""Up to saddle points of the potential of the day, by dimers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdcore.base.errors import Interrupted, MdcoreError
from mdcore.learn.base import Explorer, Visit
from mdcore.learn.explorers._journey import NONE, Journey, Limits
from mdcore.learn.explorers._starts import picked
from mdcore.properties.relaxation import moved
from mdcore.properties.saddle import nudge, saddle


@dataclass(frozen=True, kw_only=True)
class Saddle(Explorer):
    """start : a file; None: the labelled structures; count : searches, a generation
    displacement : Angstrom, standard deviation of the coordinates, from the start to where a search begins, of atoms
    within `radius` (Angstrom) of one at random; None: of all
    max_force, steps : as of `saddle`; every : steps between structures that are kept; limits : where it stops
    """

    name: str
    quota: int | None = None
    start: Path | None = None
    count: int = 1
    displacement: float = 0.1
    radius: float | None = 4.0
    max_force: float = 0.05
    steps: int = 200
    every: int = 10
    limits: Limits = NONE

    def explore(self, visit: Visit):
        journey = Journey(self.name, visit, self.limits)
        for k, start in enumerate(picked(self.name, visit, self.start, self.count)):
            self._one(journey, k, start, np.random.default_rng([visit.seed, 1, k]))
        return journey.home()

    def _one(self, journey: Journey, k: int, start, rng) -> None:
        push = nudge(start, self.displacement, self.radius, rng)
        begin = moved(start, start.box, start.positions + push)

        def watch(step, energy, curvature, force, positions):
            if step % self.every == 0:
                journey.meet(moved(start, start.box, positions), f"search {k + 1}, step {step}")

        try:
            found = saddle(
                journey.potential, begin, push if push.any() else None, seed=int(rng.integers(2**31)),
                max_force=self.max_force, steps=self.steps, observers=[watch],
            )  # fmt: skip
            journey.meet(found.system, f"search {k + 1}, end")
            height = found.energy - journey.looks.about(start, spread=False).energy
        except Interrupted:
            raise
        except MdcoreError as error:
            journey.end(str(error), lost=True)
            return
        how = f"saddle point, {height:.4g} eV above its start"
        journey.end(how if found.converged else f"all {self.steps} steps")
