"""What have all potentials in common that act from outside, or on atoms that are named?"""

from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.schema import Choice, Integer, List, Number, OneOf, Text, setting


def group(default: str | None = "all atoms"):
    """The key `group`; without a default it is required."""
    if default is None:
        return setting(Text(), "The atoms it acts on.", example="wall")
    return setting(Text(), "The atoms it acts on.", default=None, default_text=default, example="wall")


def stiffness():
    """The key `stiffness`."""
    return setting(Number(above=0), "Of the spring, k in k r^2 / 2.", quantity="stiffness", example=1.0)


@dataclass(frozen=True, kw_only=True)
class OutsideSettings(PotentialSettings):
    """What acts on the atoms of a group."""

    group: str | None = group()

    @property
    def groups(self):
        return (self.group,) if self.group else ()


@dataclass(frozen=True, kw_only=True)
class WallSettings(OutsideSettings):
    """A flat wall."""

    axis: str = setting(Choice(("x", "y", "z")), "The wall is a plane across this axis.", example="z")
    position: float = setting(Number(), "Where it is along the axis.", quantity="length", ranged=False, example=2.0)
    keeps: str = setting(Choice(("above", "below")), "On which side of it atoms are kept.", example="above")
    velocity: float = setting(
        Number(),
        "How fast the wall moves, from the start of the run on: a piston. Its work is booked.",
        default=0.0,
        quantity="velocity",
        example=-0.001,
    )


@dataclass(frozen=True, kw_only=True)
class SitesSettings(PotentialSettings):
    """A spring between sites."""

    sites: tuple = setting(
        List(OneOf((Integer(minimum=0), Text()))),
        "Atoms, counted from 0, or groups, whose centre of mass is meant.",
        example=[0, "solute"],
    )

    def check_atoms(self, columns, n):
        for site in self.sites:
            if not isinstance(site, str) and site >= n:
                yield "sites", f"there is no atom {site}; the last of the structure is {n - 1}, counted from 0"

    @property
    def groups(self):
        return tuple(site for site in self.sites if isinstance(site, str))
