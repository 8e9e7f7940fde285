"""What does the reference method say of a structure? Inside: eV, Angstrom, eV/Angstrom, eV/Angstrom^3."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS, ISOTOPES, element_of, stranger
from mdcore.base.errors import InputError
from mdcore.engine.evaluation import Structure
from mdcore.structure.box import Box
from mdcore.structure.columns import CHARGE
from mdcore.training.settings import Source

LARGEST = 1e30  # of a label or coordinate; squares of larger ones overflow, in sums
MOST_CHARGE = 1e4  # e
ALONE = 8.0  # Angstrom; an atom in a periodic cell so wide is an isolated one


@dataclass(frozen=True, eq=False, kw_only=True)
class Labelled:
    """One structure with its labels; None: not known. Arrays are copied in. InputError names `where`.

    symbols : element of each atom; isotopes (D, T) count as their element
    positions : float64 [n, 3], Angstrom; cell : float64 [3, 3], rows a, b, c, or None for a cluster
    energy : float, eV; forces : float64 [n, 3], eV/Angstrom
    stress : float64 [3, 3], eV/Angstrom^3, +dE/dstrain / volume (ASE's sign: negative when compressed)
    charges : float64 [n], e; total_charge : of the structure, e
    cut : bool [n], atoms near to where it was cut out of a larger one: their forces do not train
    weight : in the loss, relative to other structures; tag : the group it belongs to
    file, index : where it comes from; index counted from 0; place : how messages name it if that is not enough
    """

    symbols: tuple[str, ...]
    positions: np.ndarray
    cell: np.ndarray | None = None
    periodic: tuple[bool, bool, bool] = (False, False, False)
    origin: np.ndarray | None = None
    energy: float | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    charges: np.ndarray | None = None
    cut: np.ndarray | None = None
    total_charge: float = 0.0
    weight: float = Source.weight
    tag: str = ""
    file: str = ""
    index: int = 0
    place: str = ""

    def __post_init__(self):
        put = object.__setattr__
        put(self, "symbols", tuple(map(str, self.symbols)))
        if not ISOTOPES.keys().isdisjoint(self.symbols):
            put(self, "symbols", tuple(map(element_of, self.symbols)))
        n = len(self.symbols)
        if not n:
            raise InputError(f"{self.where}: no atoms")
        for symbol in dict.fromkeys(self.symbols):
            if symbol not in ATOMIC_NUMBERS:
                raise InputError(
                    f"{self.where}: unknown element {symbol!r}{stranger(symbol)}; potentials are trained on chemical "
                    "elements"
                )
        for name, shape, unit in (
            ("positions", (n, 3), "Angstrom"), ("cell", (3, 3), "Angstrom"), ("forces", (n, 3), "eV/Angstrom"),
            ("stress", (3, 3), "eV/Angstrom^3"), ("charges", (n,), "e"),
        ):  # fmt: skip
            if getattr(self, name) is not None:
                put(self, name, self._checked(name, shape, unit))
        if self.cut is not None:
            put(self, "cut", self._checked_cut(n))
        put(self, "total_charge", float(self.total_charge))
        if not abs(self.total_charge) <= MOST_CHARGE:
            raise InputError(f"{self.where}: total charge = {self.total_charge} e: no possible number")
        if self.energy is not None:
            put(self, "energy", float(self.energy))
            if not abs(self.energy) <= LARGEST:
                raise InputError(f"{self.where}: energy = {self.energy} eV: no possible number; repair or drop it")
        if not (np.isfinite(self.weight) and self.weight > 0):
            raise InputError(f"{self.where}: weight = {self.weight}: expected a positive number")
        if any(self.periodic) and self.cell is None:
            raise InputError(f"{self.where}: periodic, but without a cell")

    def _checked(self, name: str, shape: tuple, unit: str) -> np.ndarray:
        array = np.array(getattr(self, name), dtype=np.float64, order="C")
        if array.shape != shape:
            wanted = " x ".join(map(str, shape))
            raise InputError(f"{self.where}: {name}: expected {wanted} numbers, found {array.shape}")
        possible = np.abs(array) <= LARGEST
        if not possible.all():
            row = int(np.flatnonzero(~possible.reshape(len(array), -1).all(axis=1))[0])
            of = f"atom {row} (counting from 0)" if shape[0] == len(self.symbols) and name != "stress" else f"row {row}"
            found = f"{array[row].tolist()} {unit}"
            raise InputError(f"{self.where}: {name}: {of} has {found}: no possible numbers; repair or drop it")
        array.setflags(write=False)
        return array

    def _checked_cut(self, n: int) -> np.ndarray:
        array = np.array(self.cut)
        if array.size != n or not np.isin(array, (0, 1)).all():
            raise InputError(f"{self.where}: cut: expected 0 or 1 of each of {n} atoms")
        array = array.reshape(n).astype(bool)
        array.setflags(write=False)
        return array

    @property
    def where(self) -> str:
        """How messages name it."""
        return self.place or f"{self.file or 'data'}: structure {self.index}"

    @property
    def n(self) -> int:
        return len(self.symbols)

    @cached_property
    def box(self) -> Box:
        matrix = np.zeros((3, 3)) if self.cell is None else self.cell
        origin = np.zeros(3) if self.origin is None else self.origin
        try:
            return Box.completed(matrix, self.periodic, self.positions, origin)
        except InputError as error:
            raise InputError(f"{self.where}: {error}") from None

    @property
    def volume(self) -> float | None:
        """Angstrom^3; None unless periodic along all three directions."""
        return self.box.volume if all(self.periodic) else None

    @cached_property
    def counts(self) -> dict[str, int]:
        """Atoms of each element, by atomic number."""
        return {e: self.symbols.count(e) for e in sorted(set(self.symbols), key=ATOMIC_NUMBERS.__getitem__)}

    @property
    def formula(self) -> str:
        return "".join(f"{e}{count if count > 1 else ''}" for e, count in self.counts.items())

    @property
    def isolated(self) -> bool:
        """Is it one atom, far from its images?"""
        return self.n == 1 and (not any(self.periodic) or float(self.box.widths[list(self.periodic)].min()) >= ALONE)

    @property
    def structure(self) -> Structure:
        """As an engine takes it."""
        symbols = tuple(self.counts)
        species = np.array([symbols.index(s) for s in self.symbols], dtype=np.int32)
        columns = {} if self.charges is None else {CHARGE: self.charges}
        totals = {"charge": self.total_charge}
        return Structure(self.box, self.positions, species, symbols, columns=columns, totals=totals)


def elements_of(data: Sequence[Labelled]) -> tuple[str, ...]:
    """All elements, by atomic number."""
    return tuple(sorted({e for s in data for e in s.counts}, key=ATOMIC_NUMBERS.__getitem__))


def composition(data: Sequence[Labelled], elements: Sequence[str]) -> np.ndarray:
    """float64 [n_structures, n_elements]: atoms of each element in each structure."""
    return np.array([[s.counts.get(e, 0) for e in elements] for s in data], dtype=np.float64).reshape(-1, len(elements))


def need(data: Sequence[Labelled], *labels: str) -> None:
    """InputError unless there is data and every structure has each of `labels` ("energy", "forces", "stress").

    A lone atom needs no forces: they vanish.
    """
    if not data:
        raise InputError("no structures: name a file of labelled structures")
    for label in labels:
        without = [s for s in data if getattr(s, label) is None and not (label == "forces" and s.isolated)]
        if without:
            first, rest = without[0], len(without) - 1
            if label == "stress" and first.volume is None:
                raise InputError(
                    f"{first.where}: not periodic along three directions, so it has no stress; set the weight of "
                    "stress in the loss to 0, or leave such structures out"
                )
            instead = f"or go without: set the weight of {label} in the loss to 0"
            if label == "charges":
                instead = 'or go without: charges = "latent" in [long_range]'
            some = f"; {len(data) - len(without)} others have" if len(without) < len(data) else ""
            more = f" (and {rest} more)" if rest else ""
            raise InputError(
                f"{first.where}{more}: no {label}{some}. Name the key or column that holds them if it is called "
                f'otherwise (e.g. {label} = "REF_{label}"), {instead}'
            )


def gaps(data: Sequence[Labelled], *labels: str) -> list[str]:
    """A line on each of `labels` that some structures have and others lack. A lone atom lacks no forces."""
    told = []
    for label in labels:
        own = [s for s in data if not (label == "forces" and s.isolated)]
        without = [s for s in own if getattr(s, label) is None]
        if 0 < len(without) < len(own):
            more = f" and {len(without) - 1} more" if len(without) > 1 else ""
            told.append(f"no {label} in {len(without)} of {len(own)} structures ({without[0].where}{more})")
    return told
