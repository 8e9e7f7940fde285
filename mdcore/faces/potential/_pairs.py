"""Potentials with parameters for each pair of species, [[potential.pair]]: what they share."""

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.schema import Choice, Integer, List, Number, Sections, Text, is_required, keys, setting


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """One pair of species; a potential's own class has its parameters, named as those of the potential."""

    species: tuple[str, str] = setting(List(Text(), 2), "The two species.", example=["Na", "Cl"])
    cutoff: float | None = setting(
        Number(above=0),
        "Cutoff of this pair.",
        default=None,
        default_text="cutoff of the potential",
        quantity="length",
        example=9.0,
    )


def pairs(cls: type):
    """The sections [[potential.pair]] of a class of PairSettings."""
    return setting(Sections(cls), "Parameters of each pair of species, `[[potential.pair]]`.", default=())


def truncation(default: str = "shifted", words=("cut", "shifted", "force-shifted")):
    """What happens at the cutoff."""
    meanings = {
        "cut": "the energy jumps to zero",
        "shifted": "the energy is shifted to be continuous",
        "force-shifted": "energy and force are continuous",
        "none": "the attraction goes on, with all periodic images",
    }
    text = ", ".join(f'`"{word}"` {meanings[word]}' for word in words)
    example = next(word for word in reversed(words) if word not in (default, "none"))
    return setting(Choice(words), f"What happens at the cutoff: {text}.", default=default, example=example)


@dataclass(frozen=True, kw_only=True)
class OfPairs(PotentialSettings):
    """A potential of pairs, some of which may be left out."""

    exclude_bonded: int = setting(
        Integer(0, 3),
        "Leave out pairs that up to so many bonds of the structure join: 1 bonded ones, 2 also those at the ends of an "
        "angle, 3 of a dihedral.",
        default=0,
        example=2,
    )

    @property
    def reads_bonds(self):
        return self.exclude_bonded > 0

    @property
    def needs_bonds(self):
        return "exclude_bonded" if self.exclude_bonded else ""

    def made(self, whole):
        potential = self.build(whole)
        potential.exclude_bonded = self.exclude_bonded
        return potential


@dataclass(frozen=True, kw_only=True)
class ByPairSettings(OfPairs):
    """A potential with parameters for each pair of species; a type of its own says `pair` and `build`."""

    cutoff: float = setting(
        Number(above=0), "Pairs farther apart do not interact.", quantity="length", example=8.5
    )
    truncation: str = truncation()

    @property
    def parameters(self) -> dict[tuple[str, str], dict[str, float]]:
        """{pair of species: its parameters}, as potentials/pair/base.py takes them."""
        found = {}
        for pair in self.pair:
            found[pair.species] = {name: x for name, x in vars(pair).items() if name != "species" and x is not None}
        return found

    def check(self, given) -> Iterator[tuple[str, str]]:
        if not self.pair:
            cls = keys(type(self))["pair"].metadata["kind"].cls
            wanted = ", ".join(name for name, field in keys(cls).items() if is_required(field))
            yield "pair", f"no parameters; add a section [[potential.pair]] with {wanted} for each pair of species"
        yield from repeated(self.pair)

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        yield from strangers(self.pair, symbols)
        have = {frozenset(pair.species) for pair in self.pair}
        for i, a in enumerate(symbols):
            for b in symbols[i:]:
                if frozenset((a, b)) not in have:
                    yield (
                        "pair",
                        f'the pair {a}-{b} has no parameters; add [[potential.pair]] with species = ["{a}", "{b}"]',
                    )


def repeated(pairs) -> Iterator[tuple[str, str]]:
    """Complaints about pairs of species that were given before."""
    seen = set()
    for i, pair in enumerate(pairs):
        key = frozenset(pair.species)
        if key in seen:
            yield f"pair.{i}.species", "this pair was given before; keep one of the two"
        seen.add(key)


def strangers(pairs, symbols, others=()) -> Iterator[tuple[str, str]]:
    """Complaints about species of pairs that the structure does not have; those of `others` may be left over."""
    for i, pair in enumerate(pairs):
        for name in pair.species:
            if name not in symbols and name not in others:
                yield f"pair.{i}.species", f"no species {name!r} in the structure, which has {', '.join(symbols)}"
