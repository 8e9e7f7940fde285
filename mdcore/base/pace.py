"""How often must all ranks together look at the clock?

Observers are called by step, wishes are in seconds, and every rank must be called at the same steps. So
rank 0 measures how long a step takes and tells all after how many steps to ask again.
"""

import time

MOST_STEPS = 1 << 20


class Pace:
    """``every``: steps between polls, about ``seconds`` apart; always a divisor of ``divides`` (if not 0)."""

    def __init__(self, seconds: float, divides: int = 0):
        self.seconds = seconds
        self.divides = divides
        self.every = 1
        self._step = None
        self._time = 0.0

    def poll(self, sim, due: bool = False) -> bool:
        """Rank 0's ``due``, on every rank; adapts ``every``. Collective."""
        now = time.monotonic()
        every = self.every
        if self._step is not None and sim.step > self._step:
            rate = (sim.step - self._step) / max(now - self._time, 1e-9)
            wanted = max(1, min(int(self.seconds * rate), 8 * every, MOST_STEPS))
            every = 1 << wanted.bit_length() - 1
            while self.divides % every:
                every //= 2
        due, self.every = sim.comm.bcast((due, every))
        self._step, self._time = sim.step, now
        return due
