"""Lennard-Jones: parameters by species, mixed, or by pair."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.potential._pairs import OfPairs, PairSettings, repeated, strangers, truncation
from mdcore.faces.schema import Boolean, Choice, NamedSections, Number, Sections, setting


@dataclass(frozen=True, kw_only=True)
class Species:
    """Lennard-Jones parameters of one species with itself, and the input of the mixing rule."""

    epsilon: float = setting(Number(minimum=0), "Depth of the well.", quantity="energy", example=0.0104)
    sigma: float = setting(
        Number(above=0), "Distance where the energy is zero.", quantity="length", example=3.40
    )


@dataclass(frozen=True, kw_only=True)
class Pair(PairSettings):
    """Lennard-Jones parameters of one pair of species; they win over the mixing rule."""

    epsilon: float = setting(
        Number(minimum=0), "Depth of the well; 0 switches the pair off.", quantity="energy", example=0.0123
    )
    sigma: float = setting(
        Number(above=0), "Distance where the energy is zero.", quantity="length", example=3.52
    )


@dataclass(frozen=True, kw_only=True)
class Settings(OfPairs):
    """The 12-6 potential, 4 epsilon [(sigma/r)^12 - (sigma/r)^6], for any number of species."""

    title = "Lennard-Jones"

    cutoff: float = setting(
        Number(above=0), "Pairs farther apart do not interact.", quantity="length", example=8.5
    )
    truncation: str = truncation("cut", ("cut", "shifted", "force-shifted", "none"))
    accuracy: float | None = setting(
        Number(minimum=1e-8, maximum=1e-2),
        'With `truncation = "none"`: error of forces in a liquid, relative to what they are; most is more accurate. '
        "Beyond the cutoff, unlike species mix geometrically.",
        default=None,
        default_text="1e-3",
        example=1e-5,
    )
    mixing: str = setting(
        Choice(("lorentz-berthelot", "geometric", "none")),
        "Parameters of unlike species without a `pair` of their own: epsilon is the geometric mean; "
        'sigma is the arithmetic (`"lorentz-berthelot"`) or geometric (`"geometric"`) mean; with `"none"` '
        "every unlike pair must be given.",
        default="lorentz-berthelot",
        example="geometric",
    )
    tail_corrections: bool = setting(
        Boolean(),
        'Add the mean energy and pressure beyond the cutoff: homogeneous, fully periodic systems, `"cut"`.',
        default=False,
        example=True,
    )
    species: dict[str, Species] = setting(
        NamedSections(Species), "Parameters for each species, `[potential.species.Ar]`.", factory=dict
    )
    pair: tuple[Pair, ...] = setting(
        Sections(Pair), "Parameters for particular pairs, `[[potential.pair]]`.", default=()
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if not self.species and not self.pair:
            yield (
                "species",
                (
                    "no parameters; add a section [potential.species.<name>] with epsilon and sigma "
                    "for each species"
                ),
            )
        if self.tail_corrections and self.truncation != "cut":
            yield "tail_corrections", f'needs truncation = "cut", not "{self.truncation}", or set it to false'
        if self.accuracy is not None and self.truncation != "none":
            yield "accuracy", f'is of truncation = "none", not "{self.truncation}"; leave one of the two keys out'
        for k, pair in enumerate(self.pair) if self.truncation == "none" else ():
            if pair.cutoff is not None:
                yield f"pair.{k}.cutoff", 'with truncation = "none" all pairs have one cutoff; leave this one out'
        yield from repeated(self.pair)

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        """Does every pair of the species in the structure have parameters?"""
        explicit = {frozenset(pair.species) for pair in self.pair}
        yield from strangers(self.pair, symbols, self.species)
        for i, a in enumerate(symbols):
            for b in symbols[i:]:
                if frozenset((a, b)) in explicit:
                    continue
                missing = [s for s in dict.fromkeys((a, b)) if s not in self.species]
                if a == b and missing and (frozenset((a,)) not in explicit):
                    yield (
                        f"species.{a}",
                        (
                            f"the structure contains {a}, which has no parameters; add "
                            f"[potential.species.{a}] with epsilon and sigma"
                        ),
                    )
                elif a != b and not missing and self.mixing == "none":
                    yield (
                        "mixing",
                        (
                            f"the pair {a}-{b} has no parameters; add [[potential.pair]] with "
                            f'species = ["{a}", "{b}"], or choose a mixing rule'
                        ),
                    )
                elif a != b and any(frozenset((s,)) in explicit for s in missing):
                    yield (
                        "pair",
                        (
                            f"the pair {a}-{b} has no parameters and nothing to mix; add "
                            f'[[potential.pair]] with species = ["{a}", "{b}"]'
                        ),
                    )

    def check_box(self, box, whole):
        if self.truncation != "none":
            return
        from mdcore.potentials.dispersion.images import FLAT

        if not all(box.periodic):
            yield "truncation", FLAT
        elif text := self.build(whole).too_many(box.matrix):
            yield "cutoff", text

    def build(self, whole):
        species = {name: (p.epsilon, p.sigma) for name, p in self.species.items()}
        if self.truncation == "none":
            from mdcore.potentials.dispersion.images import LongLennardJones

            pairs = {pair.species: (pair.epsilon, pair.sigma) for pair in self.pair}
            accuracy = {} if self.accuracy is None else {"accuracy": self.accuracy}
            return LongLennardJones(self.cutoff, species=species, pairs=pairs, mixing=self.mixing, **accuracy)
        from mdcore.potentials.pair.lj import LennardJones

        return LennardJones(
            self.cutoff,
            species=species,
            pairs={pair.species: (pair.epsilon, pair.sigma, pair.cutoff) for pair in self.pair},
            truncation=self.truncation,
            mixing=self.mixing,
            tail_corrections=self.tail_corrections,
        )
