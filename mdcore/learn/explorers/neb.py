"""Along the path of least energy between two structures, by the potential of the day."""

from dataclasses import dataclass
from pathlib import Path

from mdcore.base.errors import Interrupted, MdcoreError
from mdcore.learn.base import Explorer, Visit
from mdcore.learn.explorers._journey import NONE, Journey, Limits
from mdcore.learn.explorers._starts import starts
from mdcore.properties.neb import Unrelaxed, matched, neb
from mdcore.properties.relaxation import moved
from mdcore.structure.system import System


@dataclass(frozen=True, kw_only=True)
class Band(Explorer):
    """start : file whose first structure is the start of the path; end : file whose last one is its end, None: the same
    images, max_force, climb, relax_ends, steps : as of `neb`; every : steps between bands that are kept
    last : the last whole band alone is brought home, and what came of the next where the potential is lost
    limits : where it stops, of any image
    """

    name: str
    start: Path
    end: Path | None = None
    quota: int | None = None
    images: int = 7
    max_force: float = 0.05
    climb: bool = True
    relax_ends: bool = True
    steps: int = 300
    every: int = 20
    last: bool = False
    limits: Limits = NONE

    def ends(self) -> tuple[System, System]:
        """Start and end of the path; InputError for files that are no such, or differ in more than places."""
        first, last = starts(self.name, (), self.start)[0], starts(self.name, (), self.end or self.start)[-1]
        matched(first, last, f"explorer {self.name}")
        return first, last

    def explore(self, visit: Visit):
        journey = Journey(self.name, visit, self.limits)
        first, last = self.ends()  # what is wrong later, the potential of the day is to blame for
        met, begun = -1, 0  # the step of the last band, and where the last whole one begins

        def watch(step, positions):
            nonlocal met
            if step % self.every == 0 and step != met:
                met = step
                band(positions, f"step {step}")

        def band(positions, when: str):
            nonlocal begun
            begin = len(journey.candidates)
            for image, x in enumerate(positions):
                journey.meet(moved(first, first.box, x), f"{when}, image {image}")
            begun = begin

        try:
            journey.meet(first, "the start given")
            journey.meet(last, "the end given")
            found = neb(
                journey.potential, first, last, images=self.images, max_force=self.max_force, climb=self.climb,
                relax_ends=self.relax_ends, steps=self.steps, watchers=[watch],
            )  # fmt: skip
            band([system.positions for system in found.systems], "end")
        except Interrupted:
            raise
        except MdcoreError as error:
            journey.end(str(error), lost=not isinstance(error, Unrelaxed))
        else:
            barrier = f"barrier {found.barrier:.4g} eV"
            journey.end(f"{'converged' if found.converged else f'all {self.steps} steps'}, {barrier}")
        if self.last:
            del journey.candidates[:begun]
        return journey.home()
