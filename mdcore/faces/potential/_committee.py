"""What inputs say of a committee that is biased, or that a baseline takes over from: [potential.bias],
[potential.fallback]."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.schema import Choice, List, Number, OneOf, Table, Text, setting

MOST = 200  # structures of a reference


def of_reference(more: str):
    """The key `reference`."""
    return setting(
        Text(),
        f"A file of structures that the committee was trained on, relative to the input file (at most {MOST} of it are "
        "looked at): by which constants members differ about an atom of an element there is not counted as "
        f"disagreement{more}.",
        default=None,
        default_text="all differences count",
        example="train.extxyz",
    )


@dataclass(frozen=True, kw_only=True)
class BiasSettings:
    """A bias towards structures about which the members of a committee disagree, for exploring
    ([theory](theory.md#bias-towards-disagreement)); its energy is the column `bias_energy` of the thermo log."""

    depth: float = setting(
        Number(above=0), "The most energy that the bias gains (eV): of the whole, or of each atom.", quantity="energy",
        example=1.0,
    )  # fmt: skip
    width: float = setting(
        Number(above=0),
        "The disagreement about the energy an atom (eV) towards which the bias pulls most: about what is usual where "
        "the committee was trained, or some times that.",
        quantity="energy",
        example=0.01,
    )
    of: str = setting(
        Choice(("structure", "atoms")),
        'Disagreement about what: `"structure"`, the energy of the whole, an atom; `"atoms"`, that of each atom, for '
        'large '
        "systems.",
        default="structure",
        example="atoms",
    )
    reference: str | None = of_reference('; with `of = "atoms"` only')

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.reference is not None and self.of != "atoms":
            yield "reference", 'applies with of = "atoms" only'


@dataclass(frozen=True, kw_only=True)
class FallbackSettings:
    """Other potentials of this input take over, smoothly and conserving energy, where the members of a committee
    disagree ([theory](theory.md#fallback)). The thermo log gets the column `network_weight`, the smallest weight of
    the network."""

    baseline: tuple[str, ...] = setting(
        List(Text()),
        "Which of the other `[[potential]]` take over, by their types; those that are not named add up as ever.",
        example=["stillinger-weber"],
    )
    uncertainty: float = setting(
        Number(above=0),
        "An atom whose calibrated disagreement (eV, standard deviation of its energy over the members) is that "
        "counts half.",
        quantity="energy",
        example=0.1,
    )
    weights: str = setting(
        Choice(("structure", "atoms", "correction")),
        '`"structure"`: one weight for the whole, any baseline; `"atoms"`: one for each atom, the baseline is '
        "of pairs, EAM, Stillinger-Weber, Tersoff or another network potential, or some of these together; "
        '`"correction"`: one for each atom of a network that was trained on what the baseline lacks, any baseline, '
        "which always counts in full.",
        default="structure",
        example="correction",
    )
    calibration: float | dict[str, float] = setting(
        OneOf((Number(above=0), Table(Number(above=0)))),
        "Factor of the disagreement, of all or by species: what calibration on true errors finds.",
        default=1.0,
        example={"Si": 1.6},
    )
    shifts: dict[str, float] = setting(
        Table(Number()),
        "Energies (eV) by species, added to the baseline's for each atom, so that both count from the same zero "
        "(`mdcore.fitted_shifts` finds them); not with `\"correction\"`.",
        factory=dict,
        default_text="what the network gives an atom in any surroundings",
        quantity="energy",
        example={"Si": -158.4},
    )

    reference: str | None = of_reference(", and `shifts` that are not given are found from it")

    def check(self, given) -> Iterator[tuple[str, str]]:
        if self.shifts and self.weights == "correction":
            yield "shifts", 'the baseline counts in full with weights = "correction"; take the key out'
