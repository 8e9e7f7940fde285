"""Which settings make a group of atoms?"""

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.names import is_group_name
from mdcore.faces.schema import Choice, Integer, List, OneOf, Text, setting

MEASURES = ("temperature", "kinetic", "center", "velocity", "force", "heat")  # as dynamics/measures.py has them


@dataclass(frozen=True, kw_only=True)
class GroupSettings:
    """Atoms with a name ([groups](groups.md)): those of the start structure, with its replicas, that are all that is
    said here. They stay the same while they move."""

    name: str = setting(Text(), "A word: letters, digits and _.", example="wall")
    species: str | tuple[str, ...] | None = setting(
        OneOf((Text(), List(Text()))),
        "One species, or several.",
        default=None,
        default_text="any",
        example=["Na", "Cl"],
    )
    indices: tuple | None = setting(
        List(OneOf((Integer(minimum=0), Text()))),
        'Atoms by their place, counted from 0; a range `"10:20"` is 10 to 19.',
        default=None,
        default_text="any",
        example=[0, 1, "10:20"],
    )
    where: str | None = setting(
        Text(),
        "A condition on columns: `x`, `y`, `z`, fractional `a`, `b`, `c`, `vx`, `vy`, `vz`, `species`, `index`, "
        "`mass`, `charge`, groups above this one, other columns of the file; `distance(x, y, z)` to a point.",
        default=None,
        default_text="any",
        example="z < 5 and species == 'Cu'",
    )

    fixed: str | None = setting(
        Choice(("x", "y", "z", "xy", "xz", "yz", "xyz")),
        'Held in place: `"xyz"`, or the components that are. They are at rest, and go along with a cell that changes.',
        default=None,
        default_text="free",
        example="xyz",
    )

    measure: tuple[str, ...] = setting(
        List(Choice(MEASURES)),
        "Columns of the thermo log: `temperature`, `kinetic` energy; `center` of mass, its `velocity`, and the sum of "
        "`force`s on its atoms, also of those that are held, along x, y, z; the `heat` that its bath "
        "has put in since the stage began.",
        default=(),
        default_text="none",
        example=["temperature", "force"],
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if not is_group_name(self.name):
            yield "name", "expected a word of letters, digits and _ that means nothing else (x, index, ... do)"
        if self.species is None and self.indices is None and self.where is None:
            yield "where", "all atoms are a group; say which: species, indices or where"
