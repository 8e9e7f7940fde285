"""Dispersion after Grimme (DFT-D3)."""

from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.faces.schema import Choice, Number, Text, setting

POSITIVE = Number(above=0, maximum=100)


def parameter(text: str, example: float, kind=None):
    """A number that stands instead of the functional's."""
    return setting(
        kind or Number(minimum=0, maximum=100), text, default=None, default_text="the functional's", example=example
    )


def distance(text: str, example: float):
    """A cutoff that is not farther than that of pairs unless somebody says so."""
    return setting(
        Number(above=0),
        text,
        default=None,
        default_text="21.17 Angstrom (40 bohr), or `cutoff` if that is less",
        quantity="length",
        example=example,
    )


@dataclass(frozen=True, kw_only=True)
class Settings(PotentialSettings):
    """Dispersion that a density functional lacks, DFT-D3 of Grimme: beside a potential that was trained without it.

    Pairs (C6, C8) and, with `s9`, triples, of coefficients that follow how many neighbours atoms have; elements H to
    Lr; with `units = "metal"` only. Numbers are those of s-dftd3. Its cutoffs are as long as there: 6,700 pairs an atom
    of water, and 1.2 million triples, if these are wanted. Shorter cutoffs with a `width` are faster, and change the
    energy.
    """

    title = "D3"
    in_units = ("metal",)

    functional: str | None = setting(
        Text(),
        "Whose parameters of damping are taken, in any spelling: `pbe`, `B3-LYP`, `revPBE`, ... of 171.",
        default=None,
        default_text="none: parameters are given",
        example="pbe0",
    )
    damping: str = setting(
        Choice(("bj", "zero")),
        'How energies end at short distances: `"bj"`, Becke and Johnson\'s rational damping (needs `s8`, `a1`, `a2`), '
        'or `"zero"`, the original damping to zero (`s8`, `sr6`).',
        default="bj",
        example="zero",
    )
    s6: float | None = parameter("Scale of C6; 1 without a functional.", 0.64)
    s8: float | None = parameter("Scale of C8.", 1.2177, Number(minimum=-100, maximum=100))
    a1: float | None = parameter("Of `bj`: part of sqrt(C8 / C6) in the radius.", 0.4145)
    a2: float | None = parameter("Of `bj`: the radius beside it, in bohr as in publications.", 4.8593)
    sr6: float | None = parameter("Of `zero`: scale of radii for C6.", 1.287, POSITIVE)
    sr8: float | None = parameter("Of `zero`: scale of radii for C8; 1 without a functional.", 1.1, POSITIVE)
    alpha6: float = setting(
        POSITIVE,
        "Exponent of `zero`, for C6; for C8, and for triples with either damping, it is 2 more.",
        default=14.0,
        example=16.0,
    )
    s9: float = setting(
        Number(minimum=0, maximum=100),
        "Scale of triples (Axilrod, Teller, Muto); 1 is usual where they are wanted.",
        default=0.0,
        example=1.0,
    )
    cutoff: float | None = setting(
        Number(above=0),
        "Pairs farther apart do not interact.",
        default=None,
        default_text="31.75 Angstrom (60 bohr)",
        quantity="length",
        example=20.0,
    )
    cn_cutoff: float | None = distance("Atoms farther apart do not count as neighbours.", 15.0)
    triple_cutoff: float | None = distance("No side of a triple is longer.", 12.0)
    width: float = setting(
        Number(minimum=0),
        "Over this distance before its cutoff all goes to 0 smoothly: energies of pairs and triples, and what atoms "
        "count as neighbours; 0: it ends there, as in s-dftd3.",
        default=0.0,
        quantity="length",
        example=2.0,
    )

    @property
    def given(self) -> dict[str, float]:
        """What stands instead of the functional's parameters."""
        found = {name: getattr(self, name) for name in ("s6", "s8", "a1", "a2", "sr6", "sr8")}
        return {name: value for name, value in found.items() if value is not None}

    def check(self, given) -> Iterator[tuple[str, str]]:
        from mdcore.potentials.dispersion.d3 import CUTOFF, NEAR_CUTOFF
        from mdcore.potentials.dispersion.damping import faults

        yield from faults(self.functional, self.damping, self.given)
        triples = self.triple_cutoff if self.s9 else None
        shortest = min(self.cutoff or CUTOFF, self.cn_cutoff or NEAR_CUTOFF, triples or NEAR_CUTOFF)
        if not self.width < shortest:
            yield "width", f"expected less than the cutoffs, {shortest:.4g} Angstrom"
        if self.triple_cutoff is not None and not self.s9:
            yield "triple_cutoff", "there are no triples; give s9 = 1.0, or leave the key out"

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        from mdcore.potentials.dispersion.reference import unknown

        for name in symbols:
            if complaint := unknown(name):
                yield "type", complaint

    def build(self, whole):
        from mdcore.potentials.dispersion.d3 import CUTOFF, D3

        return D3(
            self.functional, damping=self.damping, alpha6=self.alpha6, s9=self.s9, cutoff=self.cutoff or CUTOFF,
            cn_cutoff=self.cn_cutoff, triple_cutoff=self.triple_cutoff, width=self.width, **self.given,
        )  # fmt: skip
