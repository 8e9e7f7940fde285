"""Relaxations with the potential of the day."""


from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.explorer._walks import StartingSettings
from mdcore.faces.schema import Choice, Integer, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(StartingSettings):
    """Structures on their way to rest: `mdcore relax`."""

    count: int = setting(Integer(minimum=1), "Structures in a generation.", default=1, example=5)
    method: str = setting(Choice(("lbfgs", "fire")), "Of minimisation.", default="lbfgs", example="fire")
    max_force: float = setting(
        Number(above=0), "The largest force that may be left.", default=0.01, quantity="force", example=0.05
    )
    max_stress: float = setting(
        Number(above=0),
        "The largest deviation of the stress that may be left, where the cell moves.",
        default=0.05,
        quantity="pressure",
        example=0.1,
    )
    cell: str = setting(
        Choice(("fixed", "isotropic", "anisotropic", "flexible")),
        "How the cell may change.",
        default="fixed",
        example="flexible",
    )
    pressure: float | None = setting(
        Number(), "To hold the cell at.", default=None, default_text="0", quantity="pressure", example=1.0
    )
    steps: int = setting(Integer(minimum=1), "At most.", default=500, example=1000)
    every: int = setting(Integer(minimum=1), "Steps between structures that are kept.", default=10, example=5)

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.pressure is not None and self.cell == "fixed":
            yield "pressure", 'moves the cell: give cell = "flexible", too'
        if "max_stress" in given and self.cell == "fixed":
            yield "max_stress", 'applies where the cell moves: give cell = "flexible", too, or leave it out'

    def build(self, whole):
        from mdcore.learn.explorers.relax import Relax

        return Relax(
            **self.started(whole), count=self.count, method=self.method, max_force=self.max_force,
            max_stress=self.max_stress, cell=self.cell, pressure=self.pressure, steps=self.steps, every=self.every,
        )  # fmt: skip
