"""How close may atoms come to each other before a network that has never seen it decides? Walls that a potential has.

A network knows no distance shorter than the shortest of its training set, and may pull atoms together there. So a
potential carries a wall for each pair of elements, the universal repulsion of two nuclei (zbl.py), which begins just
inside that distance: no structure of the training set feels it, bit for bit, and no atoms get much closer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.potentials.pair.zbl import ZBL

CUTOFF = 0.98  # of a wall, in units of the shortest distance in the data
INNER = 0.75  # in units of the cutoff
LONGEST = 100.0  # Angstrom
SHORTEST = "shortest distances trained on, Angstrom"  # in the card of a potential


@dataclass(frozen=True)
class Wall:
    """The repulsion of nuclei between a pair of elements, sorted by Z (zbl.py); Angstrom, whatever the units of the
    networks."""

    pair: tuple[str, str]
    inner: float
    cutoff: float

    def __post_init__(self):
        for element in self.pair:
            if element not in ATOMIC_NUMBERS:
                raise InputError(f"wall {self.name}: {element!r} is no chemical element")
        object.__setattr__(self, "inner", float(self.inner))
        object.__setattr__(self, "cutoff", float(self.cutoff))
        object.__setattr__(self, "pair", tuple(sorted(self.pair, key=ATOMIC_NUMBERS.__getitem__)))
        if not (len(self.pair) == 2 and 0.0 <= self.inner < self.cutoff <= LONGEST):
            raise InputError(
                f"wall {self.name}: inner = {self.inner:g}, cutoff = {self.cutoff:g}: expected two elements and "
                f"0 <= inner < cutoff <= {LONGEST:g} Angstrom"
            )

    @property
    def name(self) -> str:
        return "-".join(self.pair)


def check_walls(walls: Iterable[Wall], elements: Sequence[str]) -> None:
    """InputError for a wall of elements that a potential does not know, or for two of one pair."""
    seen = set()
    for wall in walls:
        if not set(wall.pair) <= set(elements):
            raise InputError(f"wall {wall.name}: the potential knows {', '.join(elements)} only")
        if wall.pair in seen:
            raise InputError(f"wall {wall.name}: given twice; keep one")
        seen.add(wall.pair)


def from_distances(shortest: Mapping[tuple[str, str], float], reach: float) -> tuple[Wall, ...]:
    """A wall for each pair of elements, just inside its shortest distance, Angstrom.

    Pairs that never come closer than `reach`, what the networks see, have one just inside that.
    """
    walls = []
    for pair, distance in shortest.items():
        cutoff = round(CUTOFF * round(min(distance, reach), 3), 3)  # of three digits, as in the card
        walls.append(Wall(pair, round(INNER * cutoff, 3), cutoff))
    return ordered(walls)


def card_distances(model) -> dict[tuple[str, str], float]:
    """{pair: Angstrom}, the shortest distances in the card of a potential; InputError if it has none."""
    text = model.provenance.get(SHORTEST)
    if not (text and isinstance(text, str)):
        raise InputError(
            f'{model.name or "the potential"}: its card has no "{SHORTEST}"; name the structures it was trained on '
            "(--data train.xyz), or give the walls: --walls O-H=0.6:0.86,..."
        )
    known = {}
    for entry in text.split(", "):
        pair, _, distance = entry.partition(" ")
        try:
            known[tuple(pair.split("-"))] = number = float(distance)
        except ValueError:
            number = 0.0
        if not 1e-3 < number < float("inf"):
            raise InputError(f'{model.name or "the potential"}: its card has {entry!r} among "{SHORTEST}"')
    return known


def by_data(model) -> tuple[Wall, ...]:
    """Walls by the shortest distances that a potential knows of its data, measured ones, or those in its card;
    InputError if it has none."""
    if model.nearest:
        shortest = model.nearest.shortest(model.elements)
    else:
        known, shortest = card_distances(model), {}
        for a, b in combinations_with_replacement(model.elements, 2):
            shortest[a, b] = known.get((a, b), known.get((b, a), float("inf")))
    return from_distances(shortest, model.cutoff * model.stated_units.angstrom)


def table(walls: Iterable[Wall]) -> str:
    """In a line, for people."""
    return ", ".join(f"{wall.name} {wall.inner:g} to {wall.cutoff:g}" for wall in walls)


def ordered(walls: Iterable[Wall]) -> tuple[Wall, ...]:
    return tuple(sorted(walls, key=lambda wall: [ATOMIC_NUMBERS[element] for element in wall.pair]))


def joined(models: Sequence) -> tuple[Wall, ...]:
    """The walls of a committee: of each pair the closest one that a member has, so no member's data feel any."""
    found: dict[tuple[str, str], Wall] = {}
    for wall in (wall for model in models for wall in model.walls):
        closest = found.setdefault(wall.pair, wall)
        if (wall.cutoff, wall.inner) < (closest.cutoff, closest.inner):
            found[wall.pair] = wall
    return ordered(found.values())


def zbl_of(walls: Iterable[Wall]) -> ZBL | None:
    """The walls as a potential; None without any."""
    pairs = {wall.pair: (wall.inner, wall.cutoff) for wall in walls}
    return ZBL(pairs=pairs) if pairs else None
