"""Where does the time go?"""

from time import perf_counter

PHASES = ("integrate", "neighbours", "communicate", "forces", "output", "other")


class Timers:
    """Wall seconds by phase: `lap(phase)` books the time since the last lap.

    seconds : {phase: float}
    """

    def __init__(self):
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._last = perf_counter()

    def lap(self, phase: str) -> None:
        now = perf_counter()
        self.seconds[phase] += now - self._last
        self._last = now
