"""Which charges does a potential have that is to be trained? A section of ``train.toml`` (training.py)."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.config.training_model import unknown_elements
from mdcore.faces.schema import Boolean, Choice, Integer, List, Number, OneOf, Table, setting
from mdcore.training.settings import LABELLED, LATENT, LATENT_WIDTH
from mdcore.training.settings import LongRangeSettings as LongRange


@dataclass(frozen=True, kw_only=True)
class LongRangeSettings:
    """Charges of the atoms, Gaussians whose Coulomb energy, all images included, is part of the potential; the
    short-range networks learn what it leaves ([training](training.md#long-range)).
    """

    charges: str | dict[str, float] = setting(
        OneOf((Choice((LATENT, LABELLED)), Table(Number(minimum=-20, maximum=20)))),
        'Where they come from: `"latent"`, networks find what makes energies and forces come right, without labels; '
        '`"labels"`, networks learn charges that the data have; or fixed ones, in e, for each element.',
        default=LongRange.charges,
        example=LABELLED,
    )
    equilibrate: bool = setting(
        Boolean(),
        "Networks give electronegativities, and charges follow by equilibration over the whole structure (4G); "
        "hardnesses of the elements are trained, too.",
        default=LongRange.equilibrate,
        example=True,
    )
    joint: bool = setting(
        Boolean(),
        "Labels of charges count beside those of energies and forces. Otherwise the first `[[optimizer]]` trains the "
        "charges alone, and those after it the short-range networks, on energies and forces without what the charges "
        "make, which stay.",
        default=LongRange.joint,
        example=True,
    )
    as_input: bool = setting(
        Boolean(), "The short-range networks see the charge of their atom, too.", default=LongRange.as_input,
        example=True,
    )  # fmt: skip
    widths: float | dict[str, float] | None = setting(
        OneOf((Number(minimum=0.05, maximum=10), Table(Number(minimum=0.05, maximum=10)))),
        "Of the Gaussians exp(-r^2 / (2 width^2)): one, or one for each element.",
        default=None,
        default_text=f"covalent radii; {LATENT_WIDTH:.4g} of latent charges that are not equilibrated",
        quantity="length",
        example={"Na": 1.66, "Cl": 1.02},
    )
    hidden: tuple[int, ...] | None = setting(
        List(Integer(minimum=1, maximum=1000), repeats=True),
        "Nodes of each hidden layer of the networks of charges.",
        default=None,
        default_text="as in `[network]`",
        example=[15, 15],
    )
    conserve: bool = setting(
        Boolean(),
        "The same is added to all charges of a structure, so that they add up to its total charge (`total_charge` in "
        "`[[data]]`).",
        default=LongRange.conserve,
        example=False,
    )

    def check(self, given) -> Iterator[tuple[str, str]]:
        fixed = isinstance(self.charges, dict)
        yield from unknown_elements("charges", self.charges)
        yield from unknown_elements("widths", self.widths)
        if self.joint and self.charges != LABELLED:
            yield "joint", f'applies to charges = "{LABELLED}" only'
        if self.equilibrate and fixed:
            yield "equilibrate", "fixed charges are as they are; leave it out, or let networks find them"
        if self.equilibrate and not self.conserve:
            yield "conserve", "charges that are equilibrated add up to the total charge"
        if self.hidden is not None and fixed:
            yield "hidden", "fixed charges have no networks"
        if self.as_input and fixed:
            yield "as_input", "fixed charges tell the networks nothing"
