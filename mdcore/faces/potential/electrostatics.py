"""Charges with all their images: Ewald's sum."""

# ruff: noqa: RUF009  (setting() is a dataclass field)
from collections.abc import Iterator
from dataclasses import dataclass

from mdcore.faces.potential._charges import OfCharges, charges
from mdcore.faces.schema import Choice, Number, Table, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OfCharges):
    """Charges with all their periodic images: Ewald's sum in crystals, liquids and slabs, all pairs in clusters.

    Energy, forces and stress are the same whatever the cutoff, to about the accuracy; so what goes by a cutoff, such
    as supercells of phonons, is to be chosen by hand. A total charge has a uniform background. Work grows as N log
    N, in clusters as N^2. Not for cells that are periodic along one axis.
    """

    title = "electrostatics"

    charges: dict[str, float] | None = charges("Pairs that `exclude_bonded` joins do not feel each other.")
    accuracy: float = setting(
        Number(minimum=1e-10, maximum=1e-2),
        "Error of forces, relative to what they are, root mean squares.",
        default=1e-5,
        example=1e-4,
    )
    method: str = setting(
        Choice(("auto", "ewald", "mesh")),
        'Of the part that is summed in waves: `"ewald"`, one by one, N^1.5 at best; `"mesh"`, smooth particle-mesh '
        'Ewald, N log N, within the accuracy; `"auto"`, what is cheaper.',
        default="auto",
        example="ewald",
    )
    cutoff: float | None = setting(
        Number(above=0),
        "Of the part that is summed in pairs. The sum is the same; a shorter one has fewer pairs, and more waves or "
        "points of a mesh.",
        default=None,
        default_text="what is cheapest; of slabs and clusters 10 Angstrom (lj: 3.5)",
        quantity="length",
        example=12.0,
    )
    widths: dict[str, float] | None = setting(
        Table(Number(above=0)),
        "Of each species, if charges are Gaussians: standard deviation.",
        default=None,
        default_text="points",
        quantity="length",
        example={"Na": 0.8, "Cl": 1.2},
    )

    damping: str | None = setting(
        Choice(("cosine", "polynomial", "thole", "tang-toennies")),
        'Close pairs feel less of each other: with `"cosine"` or `"polynomial"` nothing up to `inner`, all from '
        '`outer` on, as a fourth-generation network wants it; with `"thole"` or `"tang-toennies"` less by a function '
        "that falls exponentially.",
        default=None,
        default_text="none",
        example="cosine",
    )
    inner: float = setting(
        Number(minimum=0), "Of `cosine` and `polynomial`: where pairs begin to feel each other.", default=0.0,
        quantity="length", example=2.0,
    )  # fmt: skip
    outer: float | None = setting(
        Number(above=0), "Of these: from where on all is felt.", default=None, default_text="required with these",
        quantity="length", example=6.0,
    )  # fmt: skip
    decay: float | None = setting(
        Number(above=0), "Of `thole` and `tang-toennies`: how fast damping falls.", default=None,
        default_text="required with these", quantity="inverse length", example=2.5,
    )  # fmt: skip

    def check(self, given) -> Iterator[tuple[str, str]]:
        yield from super().check(given)
        if self.widths is not None and not self.widths:
            yield "widths", "no widths; leave the key out for points, or give one for each species"
        from mdcore.potentials.charges.bound import LARGEST
        from mdcore.potentials.charges.electrostatics import damping_wrong, shortest_cutoff, too_short

        for name, charge in (self.charges or {}).items():
            if not abs(charge) < LARGEST:
                yield f"charges.{name}", f"expected a charge between -{LARGEST:g} and {LARGEST:g}"
        if self.damping is None:
            for key in {"inner", "outer", "decay"} & set(given):
                yield key, "belongs to a damping; give damping = ..., or leave this key out"
        elif text := damping_wrong(self.damping, self.inner, self.outer, self.decay, bool(self.widths)):
            yield "damping", text
        elif self.cutoff and self.outer and self.cutoff < self.outer:
            yield "cutoff", f"less than damping reaches, {self.outer:g}"
        if self.widths and self.cutoff and self.cutoff < shortest_cutoff(self.widths.values(), self.accuracy):
            yield "cutoff", too_short(self.widths.values(), self.accuracy)
        if self.widths and self.exclude_bonded:
            yield "exclude_bonded", "takes points away, and these charges are Gaussians; leave one of the two keys out"

    def check_species(self, symbols) -> Iterator[tuple[str, str]]:
        yield from super().check_species(symbols)
        for name in symbols if self.widths else ():
            if name not in self.widths:
                yield "widths", f"species {name} has no width; give one: widths = {{ {name} = ... }}"
        for name in self.widths or ():
            if name not in symbols:
                yield f"widths.{name}", f"no such species in the structure, which has {', '.join(symbols)}"

    def check_atoms(self, columns, n):
        yield from super().check_atoms(columns, n)
        from mdcore.potentials.charges.bound import LARGEST

        if self.charges is None and "charge" in columns and not abs(columns["charge"]).max(initial=0.0) < LARGEST:
            yield "charges", f"those of the structure are not all between -{LARGEST:g} and {LARGEST:g}"

    def check_box(self, box, whole):
        from mdcore.potentials.charges.bound import WIRE

        if sum(box.periodic) == 1:
            yield "type", WIRE
        elif any(box.periodic) and (text := self.build(whole).too_many(box.matrix)):
            yield "cutoff", text

    def build(self, whole):
        from mdcore.potentials.charges.electrostatics import Electrostatics

        return Electrostatics(
            self.charges, accuracy=self.accuracy, cutoff=self.cutoff, widths=self.widths, method=self.method,
            damping=self.damping, inner=self.inner, outer=self.outer, decay=self.decay,
            constant=self.unit(whole),
        )
