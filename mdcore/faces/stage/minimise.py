"""Rest in a minimum of the energy."""

from dataclasses import dataclass, field

from mdcore.faces.base import StageSettings
from mdcore.faces.schema import Choice, List, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(StageSettings):
    """Atoms, and the cell where wanted, move downhill until forces and stress are small. Then the stage is over, and
    the steps that are left are counted as done. Velocities are left alone, and serve the stage that follows."""

    timestep: float = field(default=0.0, init=False)  # no time passes: no key

    method: str = setting(
        Choice(("lbfgs", "fire")),
        '`"lbfgs"`: limited-memory BFGS, few steps; `"fire"`: FIRE 2.0, which minds rough energies least.',
        default="lbfgs",
        example="fire",
    )
    max_force: float = setting(
        Number(above=0), "The largest force of an atom that may be left.", default=0.01, quantity="force", example=0.001
    )
    max_stress: float = setting(
        Number(above=0),
        "The largest deviation from `pressure` or `stress` that may be left, of any component that is free.",
        default=0.05,
        quantity="pressure",
        example=0.001,
    )
    cell: str = setting(
        Choice(("fixed", "isotropic", "anisotropic", "flexible")),
        'How the cell may change: `"isotropic"`, it grows and shrinks; `"anisotropic"`, along x, y and z; '
        '`"flexible"`, in any way. Periodic systems only.',
        default="fixed",
        example="flexible",
    )
    pressure: float | None = setting(
        Number(), "To hold the cell at.", default=None, default_text="0", quantity="pressure", example=1.0
    )
    stress: tuple[float, ...] | None = setting(
        List(Number(), 6, repeats=True),
        "To have in the cell, in the place of `pressure`: `[xx, yy, zz, yz, xz, xy]`, negative when compressed.",
        default=None,
        default_text="that of `pressure`",
        quantity="pressure",
        example=[0.0, 0.0, 0.5, 0.0, 0.0, 0.0],
    )
    max_step: float | None = setting(
        Number(above=0),
        "The farthest that an atom moves in a step; never more than half the skin.",
        default=None,
        default_text="0.2 (lj: 0.05)",
        quantity="length",
        example=0.1,
    )
    until: str = setting(
        Choice(("steps", "converged")),
        'What if forces or stress are still too large after `steps`? `"steps"`: a warning, and the run goes on; '
        '`"converged"`: an error; `--restart` with more steps goes on.',
        default="steps",
        example="converged",
    )

    @property
    def moves_cell(self):
        return "" if self.cell == "fixed" else "cell"

    def check(self, given):
        for key in ("pressure", "stress"):
            if getattr(self, key) is not None and self.cell == "fixed":
                yield key, 'moves the cell: give cell = "flexible", too'
        if self.pressure is not None and self.stress is not None:
            yield "stress", "pressure is given, too; give one of them"
        shear = self.stress is not None and any(self.stress[3:])
        if self.stress is not None and (self.cell == "isotropic" or (self.cell == "anisotropic" and shear)):
            yield "stress", f'a cell that is "{self.cell}" can\'t follow it; give cell = "flexible"'

    def build(self):
        from mdcore.dynamics.motion.fire import FIRE
        from mdcore.dynamics.motion.lbfgs import LBFGS

        method = {"lbfgs": LBFGS, "fire": FIRE}[self.method]
        return method(self.max_force, self.max_stress, self.cell, self.pressure, self.stress, self.max_step)
