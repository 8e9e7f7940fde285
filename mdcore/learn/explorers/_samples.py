"""Structures around others, from near to far: how are they drawn, and when is it enough?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdcore.base.errors import SimulationError
from mdcore.learn.base import Explorer, Visit
from mdcore.learn.explorers._journey import NONE, Journey, Limits, Lost
from mdcore.learn.explorers._starts import picked, shortest_known, too_close

TRIES = 20  # draws of one structure, until no two atoms are too close


@dataclass(frozen=True, kw_only=True)
class Samples(Explorer):
    """start : a file; None: the labelled structures; count : structures, a generation, each from one of them at random,
    the first ones least, the last ones as far away as `draw` allows; the first about which the potential is lost is the
    last
    nearest : no pair is closer than this share of the shortest that labelled structures and starts have of its kind
    limits : where the potential is lost
    """

    name: str
    quota: int | None = None
    start: Path | None = None
    count: int = 20
    nearest: float = 0.9
    limits: Limits = NONE

    def prepare(self, journey: Journey, starts: list) -> list:
        """What `draw` is given of each start."""
        return starts

    def draw(self, prepared, share: float, rng):
        """A System, `share` (from above 0 to 1) of the whole way from a start."""
        raise NotImplementedError

    def explore(self, visit: Visit):
        journey = Journey(self.name, visit, self.limits)
        starts = picked(self.name, visit, self.start, self.count)
        least = {pair: self.nearest * r for pair, r in shortest_known([*visit.structures, *starts]).items()}
        skipped = 0
        try:
            ready = self.prepare(journey, starts)
        except SimulationError as error:
            journey.end(str(error), lost=True)
            return journey.home()
        for k, prepared in enumerate(ready):
            rng = np.random.default_rng([visit.seed, 1, k])
            share = (k + 1) / self.count
            drawn = (self.draw(prepared, share, rng) for _ in range(TRIES))
            system = next((own for own in drawn if not too_close(own, least)), None)
            if system is None:
                skipped += 1
                continue
            try:
                journey.meet(system, f"structure {k + 1}")
            except Lost as error:
                journey.end(str(error), lost=True)
                break
        else:
            journey.end(f"all {self.count} structures")
        if skipped:
            journey.end(f"{skipped} left out, for atoms came too close")
        return journey.home()
