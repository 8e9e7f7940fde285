"""Baths of groups, each beside that of the stage itself."""

from dataclasses import dataclass

from mdcore.faces.schema import List, Number, OneOf, Sections, Text, setting


@dataclass(frozen=True, kw_only=True)
class GroupBath:
    """The bath of another group."""

    group: str = setting(Text(), "Its atoms.", example="cold")
    temperature: float | tuple[float, float] = setting(
        OneOf((Number(minimum=0), List(Number(minimum=0), 2))),
        "As in the stage.",
        quantity="temperature",
        example=80.0,
    )


def group():
    """The key `group` of a stage."""
    return setting(
        Text(),
        "The atoms that feel this bath; atoms that have none move by Newton's equations.",
        default=None,
        default_text="all atoms",
        example="hot",
    )


def baths(cls):
    """The tables `bath` of a stage."""
    own = "`friction`" if "friction" in cls.__dataclass_fields__ else "`relaxation`"
    return setting(
        Sections(cls), f"A bath for each other group: `group`, `temperature` and {own} of its own.", default=()
    )


class OfGroups:
    """What stages have with the keys `group` and `bath`."""

    @property
    def baths(self):
        """That of the stage first."""
        return (self, *self.bath)

    @property
    def temperatures(self):
        both = [bath.temperature for bath in self.baths]
        return tuple(t for own in both for t in (own if isinstance(own, tuple) else (own,)))

    @property
    def groups(self):
        """The groups this stage names."""
        return tuple(bath.group for bath in self.baths if bath.group)

    def check(self, given):
        yield from super().check(given)
        if self.bath and self.group is None:
            yield "group", "several baths: say which atoms feel this one"
        for i, bath in enumerate(self.bath):
            if bath.group in [one.group for one in self.baths[: i + 1]]:
                yield f"bath.{i}.group", "this group has a bath already"
