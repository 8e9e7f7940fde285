"""A target that moves."""

import numpy as np

from mdcore.base.errors import InputError


class Ramp:
    """One number, or (first, last) for a straight line over the stage.

    check : (name, value) -> float, InputError
    """

    def __init__(self, name: str, value, check):
        ends = value if isinstance(value, tuple | list | np.ndarray) else (value, value)
        if len(ends) != 2:
            raise InputError(f"{name} = {value!r}: expected one number or (first, last)")
        self.first, self.last = (check(name, end) for end in ends)

    def at(self, run) -> float:
        """The target of the step that begins."""
        return self.after(run.step - run.first_step, run.steps)

    def after(self, done: int, steps: int) -> float:
        part = min(max(done / max(steps, 1), 0.0), 1.0)
        return self.first + (self.last - self.first) * part

    def __str__(self):
        return f"{self.first:g}" if self.first == self.last else f"({self.first:g}, {self.last:g})"
