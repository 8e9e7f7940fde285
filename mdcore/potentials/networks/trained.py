"""What has every trained potential, whatever it computes? Frozen data, whose derived classes add their parameters."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.potentials.base import Potential
from mdcore.potentials.counted import contained
from mdcore.potentials.networks.frozen import frozen, plain_floats
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.nearest import Nearest, of_card
from mdcore.potentials.networks.subtracted import numbers_of
from mdcore.potentials.networks.walls import Wall, check_walls

MOST_MEMBERS = 100  # HD_MEMBERS of ext/networks/hdnnp.h
CONTAINS = "contains"  # of a card: what labels contain (counted.py)


@dataclass(frozen=True, eq=False)
class TestVector:
    """A small structure and what the potential must answer for it; native units.

    positions, forces : float64 [n_atoms, 3]; cell : float64 [3, 3], rows a, b, c, or None for a cluster.
    """

    __test__ = False  # not for pytest to collect

    symbols: tuple[str, ...]
    positions: np.ndarray
    cell: np.ndarray | None
    energy: float
    forces: np.ndarray

    def __post_init__(self):
        plain_floats(self)
        object.__setattr__(self, "symbols", tuple(self.symbols))
        object.__setattr__(self, "positions", frozen(self.positions, 2))
        object.__setattr__(self, "forces", frozen(self.forces, 2))
        if self.cell is not None:
            object.__setattr__(self, "cell", frozen(self.cell, 2))
        if not self.positions.shape == self.forces.shape == (len(self.symbols), 3) or not self.symbols:
            raise InputError("test vector: positions and forces must be [n_atoms, 3], one symbol an atom")
        numbers = [self.positions, self.forces, np.array(self.energy)]
        if self.cell is not None:
            if self.cell.shape != (3, 3):
                raise InputError(f"test vector: a cell of shape {self.cell.shape}, expected [3, 3]")
            numbers += [self.cell, 1.0 / np.float64(abs(np.linalg.det(self.cell)) or np.nan)]
        if not all(np.isfinite(x).all() for x in numbers):
            raise InputError("test vector: a number that is not finite, or a cell without a volume")


@dataclass(frozen=True, eq=False, kw_only=True)
class Model:
    """A potential that was trained; derived ones have `elements` (by atomic number), `cutoff` (native), `members`, and
    `format`, the name of their files (h5.py).

    walls : the repulsion of nuclei that belongs to its energy, one a pair of elements at most; subtracted : known laws
        that were taken from the labels before the fit and belong to it, too; test vectors are of the networks alone
    known : what is usual for its training set; nearest : how far from their nearest neighbours its atoms were, by the
        place of their elements in `elements`; provenance : its card; training : errors and the like
    """

    walls: tuple[Wall, ...] = ()
    subtracted: tuple[Potential, ...] = ()
    known: Known | None = None
    nearest: Nearest | None = None
    units: Units | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, float | int | str] = field(default_factory=dict)
    test_vectors: tuple[TestVector, ...] = ()
    name: str = ""

    def _check(self) -> None:
        """InputError for test vectors or walls of elements it does not know, too many members, or a card that says
        what it can't of its labels."""
        self.has  # noqa: B018  (reads the card)
        if strangers := {e for v in self.test_vectors for e in v.symbols} - set(self.elements):
            raise InputError(f"test vectors contain {' '.join(sorted(strangers))}, not in elements")
        if len(self.members) > MOST_MEMBERS:
            raise InputError(f"{len(self.members)} members of a committee: {MOST_MEMBERS} at most")
        check_walls(self.walls, self.elements)
        if self.nearest and len(self.nearest.low) != len(self.elements):
            n = len(self.nearest.low)
            raise InputError(f"distances trained on: of {n} elements, expected {len(self.elements)}")

    @property
    def watched(self) -> Nearest | None:
        """The distances that atoms of a run are compared with: `nearest`, or the shortest ones in the card."""
        return None if self.units is None else self.nearest or of_card(self)

    @property
    def deciding(self) -> tuple:
        """All that decides energies, but for walls."""
        raise NotImplementedError

    @property
    def says(self) -> bool:
        """Does its card say what its labels contain?"""
        return CONTAINS in self.provenance

    @property
    def has(self) -> dict[str, str]:
        """{what of long range is in its energy: how that is known} (counted.py)."""
        known = contained(self.provenance[CONTAINS]) if self.says else ()
        found = dict.fromkeys(known, "its labels contain it, says its card")
        return found | {kind: "subtracted in training, it is added back" for law in self.subtracted for kind in law.has}

    @property
    def atomic_numbers(self) -> tuple[int, ...]:
        return tuple(ATOMIC_NUMBERS[element] for element in self.elements)

    @property
    def stated_units(self) -> Units:
        """`units`, or an InputError that says where to state them."""
        if self.units is None:
            hint = self.provenance.get("unit_comments", "")
            raise InputError(
                f"{self.name or 'potential'}: its units are not stated; give them in the input "
                '(units = {length = "bohr", energy = "hartree"}), with --units length=bohr,energy=hartree, or in a '
                "file mdcore.toml beside it"
                + (f" (comments in its input.nn say: {hint})" if hint else "")
            )
        return self.units


def fingerprint(model: Model) -> str:
    """SHA-256 of all that decides energies, to the last bit: the same for a folder and the .h5 file made from it."""
    digest = hashlib.sha256()

    def feed(value):
        if is_dataclass(value):
            for f in fields(value):
                feed(getattr(value, f.name))
        elif isinstance(value, tuple):
            for item in value:
                feed(item)
        else:
            digest.update((value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()) + b";")

    feed(model.deciding)
    if model.walls:
        feed(model.walls)
    if model.subtracted:
        feed(tuple(map(numbers_of, model.subtracted)))
    return digest.hexdigest()
