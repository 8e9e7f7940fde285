"""Which settings say what of the structures that explorers met is labelled?"""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.schema import Boolean, Choice, Integer, Number, Section, setting


@dataclass(frozen=True, kw_only=True)
class CutSettings:
    """Large boxes are cut to what a reference method can compute, around the atom that decided; random frames of
    `[judge]` around one at random."""

    kind: str = setting(
        Choice(("cluster", "cell")),
        '`"cluster"`: all atoms within `radius`, in vacuum; atoms near to the cut get 1 in the column `near_cut`, and '
        'their forces are left out of the training. `"cell"`: the cube of twice the radius, which repeats; what is '
        "farther out than half the radius is relaxed by the potential.",
        example="cluster",
    )
    radius: float = setting(
        Number(above=0), "Of the cut; of a cluster larger than the cutoff of the potential.", quantity="length",
        example=7.0,
    )  # fmt: skip
    atoms: int = setting(
        Integer(minimum=1), "Structures of so many atoms and fewer stay as they are.", default=200, example=100
    )
    molecules: bool = setting(
        Boolean(),
        "Molecules are kept whole: what bonds of the structure join, or, without those, covalent radii.",
        default=True,
        example=False,
    )
    margin: float = setting(
        Number(above=0), "Vacuum on each side of a cluster.", default=5.0, quantity="length", example=8.0
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        if "margin" in given and self.kind != "cluster":
            yield "margin", 'applies with kind = "cluster" only'


@dataclass(frozen=True, kw_only=True)
class SelectSettings:
    """Which structures are labelled: the score of each must lie within bounds; those with an unusual one are chosen,
    far from all that are labelled."""

    by: str = setting(
        Choice(("disagreement", "extrapolation", "maxvol")),
        'The score. `"disagreement"`: of a committee about the force on an atom, eV/Angstrom, scaled by what forces on '
        'its species usually are; `"extrapolation"`: how far outside of the ranges of training an atom is, in widths '
        'of a range; `"maxvol"`: the grade gamma, by D-optimality of the features of the last layer.',
        default="disagreement",
        example="maxvol",
    )
    lower: float | None = setting(
        Number(minimum=0),
        "Nothing is to be learnt from structures whose score is not larger.",
        default=None,
        default_text="0.1 by disagreement, 0 by extrapolation, 2 by maxvol",
        example=0.2,
    )
    upper: float | None = setting(
        Number(above=0),
        "Structures with a larger score are unphysical, and not selected; random frames of `[judge]` have no bound.",
        default=None,
        default_text="no bound",
        example=3.0,
    )
    batch: int = setting(Integer(minimum=1), "Most structures of a generation.", default=20, example=50)
    choose: str = setting(
        Choice(("farthest", "score")),
        'In which order: `"farthest"`, that whose descriptors are farthest from all that are labelled or chosen; '
        '`"score"`, that with the highest score. By maxvol always by score, told anew after each.',
        default="farthest",
        example="score",
    )
    redundant: float = setting(
        Number(minimum=0),
        "What is closer to a labelled or chosen one than so many times the usual distance of labelled ones is left "
        "out.",
        default=0.1,
        example=0.3,
    )
    of: str = setting(
        Choice(("atoms", "structures")),
        "By maxvol: whose features are graded, those of single atoms, or means over structures.",
        default="atoms",
        example="structures",
    )
    cut: CutSettings | None = setting(Section(CutSettings), "How large boxes are cut.", default=None)

    def check(self, given) -> Iterator[tuple[str, str]]:
        from mdcore.learn.select import LOWER

        lower = LOWER[self.by] if self.lower is None else self.lower
        if self.upper is not None and not self.upper > lower:
            yield "upper", f"expected more than lower, {lower:g}"
        if "of" in given and self.by != "maxvol":
            yield "of", 'applies with by = "maxvol" only'
        if "choose" in given and self.by == "maxvol":
            yield "choose", 'does not apply with by = "maxvol", which goes by its score'
        if self.cut is not None and self.of == "structures":
            yield "cut", 'needs the atom that decided; it does not apply with of = "structures"'

    def rules(self, quotas: dict[str, int | None]):
        """The Rules of learn/select.py. quotas : of each explorer"""
        from mdcore.learn.cut import Cut
        from mdcore.learn.select import Rules

        cut = None if self.cut is None else Cut(**vars(self.cut))
        return Rules(
            by=self.by, lower=self.lower, upper=self.upper, batch=self.batch, quotas=quotas, choose=self.choose,
            redundant=self.redundant, of=self.of, cut=cut,
        )  # fmt: skip
