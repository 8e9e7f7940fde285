"""Down to a minimum of the potential of the day."""

from dataclasses import dataclass
from pathlib import Path

from mdcore.base.errors import Interrupted, MdcoreError
from mdcore.dynamics.motion.fire import FIRE
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.learn.base import Explorer, Visit
from mdcore.learn.explorers._journey import NONE, Journey, Limits
from mdcore.learn.explorers._starts import picked
from mdcore.properties.relaxation import moved, relax

METHODS = {"lbfgs": LBFGS, "fire": FIRE}


@dataclass(frozen=True, kw_only=True)
class Relax(Explorer):
    """start : a file; None: the labelled structures; count : of them, a generation, at random
    method, max_force, max_stress (GPa), cell, pressure (GPa) : as of `relax`; steps : at most; every : steps between
    structures that are kept; limits : where it stops
    """

    name: str
    quota: int | None = None
    start: Path | None = None
    count: int = 1
    method: str = "lbfgs"
    max_force: float = 0.01
    max_stress: float = 0.05
    cell: str = "fixed"
    pressure: float | None = None
    steps: int = 500
    every: int = 10
    limits: Limits = NONE

    def explore(self, visit: Visit):
        journey = Journey(self.name, visit, self.limits)
        bulk = {} if self.cell == "fixed" else {"axes": "xyz", "reach": journey.potential.cutoff}
        for k, start in enumerate(picked(self.name, visit, self.start, self.count, **bulk), 1):
            self._one(journey, k, start)
        return journey.home()

    def _one(self, journey: Journey, k: int, start) -> None:
        def watch(sim):
            now = sim.snapshot()
            journey.meet(moved(start, now.box, now.positions), f"relaxation {k}, step {sim.step}")

        minimiser = METHODS[self.method](self.max_force, self.max_stress, self.cell, self.pressure)
        try:
            found = relax(journey.potential, start, minimiser, self.steps, observers=[(self.every, watch)])
            journey.meet(found.system, f"relaxation {k}, end")
        except Interrupted:
            raise
        except MdcoreError as error:
            journey.end(str(error), lost=True)
            return
        journey.end("at rest" if found.converged else f"all {self.steps} steps")
