"""Repulsion of nuclei: where it ends, for all pairs or for some."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.base.elements import ATOMIC_NUMBERS, element_of, stranger
from mdcore.faces.potential._pairs import OfPairs, repeated, strangers
from mdcore.faces.schema import Integer, List, Number, Sections, Table, Text, setting


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Where the repulsion of one pair of species ends."""

    species: tuple[str, str] = setting(List(Text(), 2), "The two species.", example=["O", "H"])
    inner: float = setting(Number(minimum=0), "`inner` of this pair.", quantity="length", example=0.6)
    cutoff: float = setting(Number(above=0), "Cutoff of this pair.", quantity="length", example=0.85)

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from inner_beyond(self)


@dataclass(frozen=True, kw_only=True)
class Settings(OfPairs):
    """Repulsion of nuclei at short distance (Ziegler, Biersack, Littmark), alone or beside another potential."""

    title = "ZBL"
    in_units = ("metal",)

    inner: float = setting(
        Number(minimum=0),
        "Up to here the force is the universal one; from here on energy, force and curvature fall to zero.",
        quantity="length",
        example=1.0,
    )
    cutoff: float = setting(Number(above=0), "Pairs farther apart do not interact.", quantity="length", example=2.0)
    numbers: dict[str, int] = setting(
        Table(Integer(1, 118)),
        "Atomic numbers of species that are not called after an element.",
        factory=dict,
        example={"Ow": 8},
    )
    pair: tuple[Pair, ...] = setting(
        Sections(Pair), "Other `inner` and `cutoff` for particular pairs, `[[potential.pair]]`.", default=()
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from inner_beyond(self)
        yield from repeated(self.pair)

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        """Has every species an atomic number?"""
        yield from strangers(self.pair, symbols)
        for name in self.numbers:
            if name not in symbols:
                yield f"numbers.{name}", f"no such species in the structure, which has {', '.join(symbols)}"
        for name in symbols:
            if element_of(name) not in ATOMIC_NUMBERS and name not in self.numbers:
                yield (
                    "numbers",
                    f"species {name} is no chemical element; give its atomic number: numbers = {{ {name} = ... }}"
                    f"{stranger(name)}",
                )

    def build(self, whole):
        from mdcore.potentials.pair.zbl import ZBL

        pairs = {pair.species: (pair.inner, pair.cutoff) for pair in self.pair}
        return ZBL(self.inner, self.cutoff, pairs=pairs, numbers=self.numbers)


def inner_beyond(ranges) -> Iterator[tuple[str, str]]:
    """A complaint if `inner` is not less than the cutoff."""
    if not ranges.inner < ranges.cutoff:
        yield "inner", f"must be less than the cutoff, {ranges.cutoff:g}"
