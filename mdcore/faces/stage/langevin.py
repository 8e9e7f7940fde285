"""Constant temperature by friction and noise."""

from dataclasses import dataclass

from mdcore.faces.base import Straining
from mdcore.faces.schema import List, Number, OneOf, Sections, Text, setting
from mdcore.faces.stage._bath import BathSettings


@dataclass(frozen=True, kw_only=True)
class Bath:
    """Another bath, of another group."""

    group: str = setting(Text(), "Its atoms.", example="cold")
    temperature: float | tuple[float, float] = setting(
        OneOf((Number(minimum=0), List(Number(minimum=0), 2))),
        "As in the stage.",
        quantity="temperature",
        example=80.0,
    )
    friction: float = setting(Number(above=0), "As in the stage.", quantity="friction", example=0.01)


@dataclass(frozen=True, kw_only=True)
class Settings(BathSettings, Straining):
    """Constant temperature: Langevin dynamics, BAOAB splitting."""

    friction: float = setting(
        Number(above=0),
        "Rate at which velocities forget; its inverse is the relaxation time.",
        quantity="friction",
        example=0.001,
    )
    group: str | None = setting(
        Text(),
        "The atoms that feel this bath; atoms that have none move by Newton's equations.",
        default=None,
        default_text="all atoms",
        example="hot",
    )
    bath: tuple[Bath, ...] = setting(
        Sections(Bath), "A bath for each other group: `group`, `temperature` and `friction` of its own.", default=()
    )

    @property
    def temperatures(self):
        baths = [self, *self.bath]
        both = [bath.temperature for bath in baths]
        return tuple(t for own in both for t in (own if isinstance(own, tuple) else (own,)))

    @property
    def groups(self):
        return tuple(bath.group for bath in (self, *self.bath) if bath.group)

    def check(self, given):
        groups = [bath.group for bath in (self, *self.bath)]
        if self.bath and self.group is None:
            yield "group", "several baths: say which atoms feel this one"
        for i, bath in enumerate(self.bath):
            if bath.group in groups[: i + 1]:
                yield f"bath.{i}.group", "this group has a bath already"

    def build(self):
        from mdcore.dynamics.motion.langevin import Bath, Langevin

        others = [Bath(bath.group, bath.temperature, bath.friction) for bath in self.bath]
        return Langevin(
            self.timestep, self.temperature, self.friction, self.barostat, group=self.group, others=others
        )
