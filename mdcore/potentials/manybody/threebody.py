"""What potentials of three bodies share: parameters for triples of elements, as LAMMPS's files have them.

An entry is three elements, of which the first is the centre, and so many numbers, on one line or several; the rest of a
line after `#` is a comment. A file may have more elements than a system.
"""

import itertools
import math
import re
from dataclasses import dataclass

import numpy as np

from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.base.files import read_text
from mdcore.base.numerals import number as numeral
from mdcore.potentials.base import Bound, Potential

MOST_BYTES = 1 << 23  # of a file
LARGEST = 1e12  # of a number in it
MOST_CUTOFF = 1e3  # Angstrom
SAME = 0.01  # by how much numbers that ought to be the same may differ: files round


@dataclass(frozen=True)
class Entry:
    """The numbers of a triple of elements by their names; where : they stand, for messages."""

    values: dict[str, float]
    where: str


class ThreeBody(Potential):
    """A potential with parameters for each triple of elements.

    path : of a file, or {(element, element, element): the numbers in the order of a file}; eV, Angstrom
    elements : those of the file that are used, None: all

    InputError for a file that is none, and from `bind` for a triple that is not in it.
    """

    list_kinds = ("full",)
    ghost_columns = ("tags",)
    tells_virials = weighable = True
    title: str  # of messages
    names: tuple[str, ...]  # of an entry's numbers, in order

    def __init__(self, path, elements=None):
        if isinstance(path, dict):
            self.name, entries = self.title, entries_of(path, self.title, self.names)
        else:
            self.name, entries = str(path), read_entries(path, self.title, self.names)
        known = tuple(dict.fromkeys(itertools.chain(*entries)))
        for name in elements or ():
            if name not in known:
                raise InputError(f"{self.name}: no element {name}; it has {', '.join(known)}")
        self.elements = known if elements is None else tuple(elements)
        self.entries = {key: entry for key, entry in entries.items() if set(key) <= set(self.elements)}
        self.cutoff = 0.0
        for (_, b, c), entry in self.entries.items():
            if complaint := self.complaint(entry.values, b == c):
                raise InputError(f"{entry.where}: {complaint}")
            self.cutoff = max(self.cutoff, self.reach(entry.values, b == c))
        if not self.cutoff:
            raise InputError(f"{self.name}: nothing interacts: all cutoffs are 0")

    def complaint(self, values: dict[str, float], pair: bool) -> str | None:
        """What is wrong with an entry; pair : of a pair, the last two elements being the same."""
        raise NotImplementedError

    def reach(self, values: dict[str, float], pair: bool) -> float:
        """The cutoff of an entry that is in order."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}({self.describe()})"

    def describe(self, unit="Angstrom"):
        return f"{' '.join(self.elements)}, cutoff {self.cutoff:.4g} {unit}"

    def triples(self, symbols) -> dict[str, np.ndarray]:
        """{name: float64 [n, n, n]} of these species; InputError."""
        names = [name if name in self.elements else element_of(name) for name in symbols]
        for name, symbol in zip(names, symbols, strict=True):
            if name not in self.elements:
                raise InputError(
                    f"{self.title}: no parameters for species {symbol}; {self.name} has {', '.join(self.elements)}"
                )
        found = np.empty((len(names),) * 3 + (len(self.names),))
        for place in itertools.product(range(len(names)), repeat=3):
            key = tuple(names[k] for k in place)
            if key not in self.entries:
                raise InputError(f"{self.name}: no entry {' '.join(key)}; each triple of elements needs one")
            found[place] = list(self.entries[key].values.values())
        return dict(zip(self.names, np.moveaxis(found, -1, 0), strict=True))

    def check_pairs(self, symbols, numbers: np.ndarray, count: np.ndarray) -> None:
        """A pair has one energy, whichever atom comes first: numbers [n, n, m] behind it, if it has one; InputError."""
        for a, b in itertools.combinations(range(len(symbols)), 2):
            same = np.allclose(numbers[a, b], numbers[b, a], rtol=SAME, atol=0.0) and count[a, b] == count[b, a]
            if not same and (count[a, b] or count[b, a]):
                one, other = (f"{symbols[x]} {symbols[y]} {symbols[y]}" for x, y in ((a, b), (b, a)))
                raise InputError(f"{self.name}: {one} and {other} say different energies of a pair")


class BoundThreeBody(Bound):
    """A potential of three bodies in a system of these species; kernels : with its tables."""

    virial_of_forces = True

    def __init__(self, potential: ThreeBody, kernels):
        self.potential, self.kernels = potential, kernels

    def compute(self, atoms, neighbors, domain, out) -> None:
        row = self.kernels.compute(
            atoms, neighbors.full.pairs, out.want_energy, out.limbs(), out.atom_energies, out.atom_virials
        )
        out.add_limbs()
        out.bad_row = max(out.bad_row, row)

    def weigh(self, atoms, neighbors, domain, weights) -> None:
        own = np.ascontiguousarray(weights[:, 0])
        self.kernels.compute(atoms, neighbors.full.pairs, False, np.zeros(3, dtype=np.int64), weights=own)


def of_pairs(triples: np.ndarray) -> np.ndarray:
    """[n, n] at (i, j): what [n, n, n] has at (i, j, j)."""
    return np.ascontiguousarray(np.einsum("ijj->ij", triples))


# --- files ---------------------------------------------------------------------------------------------


def entries_of(given: dict, title: str, names) -> dict[tuple[str, str, str], Entry]:
    """Entries from {(element, element, element): numbers}; InputError."""
    found = {}
    for key, numbers in given.items():
        where = f"{title}: {key!r}"
        if not (isinstance(key, tuple) and len(key) == 3 and all(isinstance(name, str) for name in key)):
            raise InputError(f'{where}: expected three elements, e.g. ("Si", "Si", "C")')
        numbers = list(numbers)
        if len(numbers) != len(names):
            raise InputError(f"{where}: {len(numbers)} numbers; expected {len(names)}: {', '.join(names)}")
        found[key] = _entry(names, numbers, where)
    return found


def read_entries(path, title: str, names) -> dict[tuple[str, str, str], Entry]:
    """The entries of a file; InputError."""
    lines = read_text(path, f"parameters of {title}", MOST_BYTES).split("\n")
    units = re.search(r"UNITS:\s*(\w+)", lines[0])
    if units and units[1] != "metal":
        raise InputError(f"{path}: line 1: the file is in units {units[1]}; expected metal (eV, Angstrom)")
    found, words, begin, expected = {}, [], 0, f"three elements, {', '.join(names)}"
    for k, line in enumerate(lines, 1):
        more = line.partition("#")[0].split()
        begin = begin if words else k
        words += more
        where = f"{path}: line {begin}"
        if len(words) > 3 + len(names):
            raise InputError(f"{where}: more than the {3 + len(names)} words of an entry: {expected}")
        if len(words) == 3 + len(names):
            key, numbers = tuple(words[:3]), words[3:]
            if key in found:
                raise InputError(f"{where}: {' '.join(key)} once more; it stands in {found[key].where}")
            for name in key:
                if not name[0].isalpha():
                    raise InputError(f"{where}: expected three elements, found {' '.join(key)[:60]!r}")
            found[key] = _entry(names, numbers, where)
            words = []
    if words:
        raise InputError(
            f"{path}: line {begin}: the file ends within an entry, which has {3 + len(names)} words: {expected}"
        )
    if not found:
        raise InputError(f"{path}: no entries; expected lines of {expected}")
    return found


def _entry(names, numbers, where: str) -> Entry:
    values = {}
    for name, word in zip(names, numbers, strict=True):
        try:
            values[name] = 0.0 + (numeral(word) if isinstance(word, str) else float(word))
        except (TypeError, ValueError, OverflowError):
            values[name] = math.nan
        if not abs(values[name]) <= LARGEST:
            raise InputError(f"{where}: {name} = {str(word)[:40]}: expected a number of at most {LARGEST:g}")
    return Entry(values, where)
