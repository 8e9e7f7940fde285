"""Potentials of pairs: a formula of the distance, up to a cutoff.

The loop over the half list is written once (ext/pair/loop.h), with a formula inside (a file of ext/pair/). A potential
here says which formula, and what stands in its table for each pair of species.
"""

import math
from typing import ClassVar

import numpy as np

from mdcore.base.arguments import by_pair, table
from mdcore.base.errors import InputError
from mdcore.base.exact import LIMBS
from mdcore.base.ranges import choice, number
from mdcore.doors import _kernels
from mdcore.potentials.base import Bound, Potential, with_ghosts

TRUNCATIONS = ("cut", "shifted", "force-shifted")


class PairPotential(Potential):
    """What all of them are. A kind of its own says `formula`, `cutoff` and `row`.

    formula : its name in ext/pair/list.h; linear : the table has a slope (force-shifted); more : the formula's other
    numbers, float64 [n, k], or None
    """

    truncated = tells_virials = True
    smoother = 'use truncation = "force-shifted"'
    formula = ""
    linear = False
    more = None
    cutoff: float
    _exclude_bonded, _in_use = 0, False

    @property
    def exclude_bonded(self) -> int:
        """Pairs that up to so many bonds of the structure join are left out, 0 to 3; may be set."""
        return self._exclude_bonded

    @exclude_bonded.setter
    def exclude_bonded(self, most: int) -> None:
        name = type(self).__name__
        if isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= 3:
            raise InputError(f"{name}: exclude_bonded = {most!r}: expected 0, 1, 2 or 3 bonds")
        if self._in_use and most != self._exclude_bonded:
            raise InputError(f"{name}: exclude_bonded is set before the potential is used; make another one")
        self._exclude_bonded = most

    @property
    def lists(self):
        return tuple((kind, self.cutoff, self._exclude_bonded * (kind == "half")) for kind in self.list_kinds)

    @property
    def ghost_columns(self):
        return ("tags",) if self._exclude_bonded else ()

    def row(self, a: str, b: str) -> list[float]:
        """What the table holds for a pair of species: the columns of ext/kernels.h, then those of the formula."""
        raise NotImplementedError

    def bind(self, symbols) -> "BoundPair":
        """The potential for these species; InputError names those without parameters."""
        return BoundPair(self, symbols)

    def tail(self, symbols, counts, box) -> tuple[float, float]:
        """(energy, trace of the virial) past the cutoff, of `counts` atoms of each species."""
        return 0.0, 0.0


class BoundPair(Bound):
    """A pair potential for a system of these species."""

    virial_of_forces = True

    def __init__(self, potential: PairPotential, symbols):
        self.potential, self.symbols = potential, tuple(symbols)
        potential._in_use = True  # its lists are made
        self.rows = np.zeros((len(self.symbols) ** 2, _kernels.pair_columns(potential.formula)))
        pairs = ((a, b) for a in self.symbols for b in self.symbols)
        for row, pair in zip(self.rows, pairs, strict=True):
            own = potential.row(*pair)
            row[: len(own)] = own

    def compute(self, atoms, neighbors, domain, out) -> None:
        self.compute_rows(atoms, neighbors, out, 0, atoms.n_owned)

    def compute_rows(self, atoms, neighbors, out, begin: int, end: int) -> None:
        """What the list has of these rows of owned atoms."""
        it = self.potential
        row = _kernels.pair(
            it.formula, atoms, neighbors.list, self.rows, len(self.symbols), it.cutoff**2, out.want_energy, it.linear,
            out.limbs(), out.atom_energies, out.atom_virials, it.more, self.scale(atoms), begin=begin, end=end,
        )  # fmt: skip
        out.add_limbs()
        out.bad_row = max(out.bad_row, row)

    def weigh(self, atoms, neighbors, domain, weights):
        """Of each pair either atom has half."""
        it, own = self.potential, with_ghosts(weights[:, 0], atoms, domain)
        _kernels.pair(
            it.formula, atoms, neighbors.list, self.rows, len(self.symbols), it.cutoff**2, False, it.linear,
            np.zeros(LIMBS, dtype=np.int64), more=it.more, scale=self.scale(atoms), weights=own,
        )  # fmt: skip

    def scale(self, atoms) -> np.ndarray | None:
        """float64 [>= n_total + 1], what a scaled formula (ext/pair/loop.h) is multiplied with."""
        return None

    def tail(self, counts, box) -> tuple[float, float]:
        return self.potential.tail(self.symbols, counts, box)


class ByPair(PairPotential):
    """Parameters of their own for each pair of species; no mixing.

    cutoff : unit of length; truncation : what happens there: "cut", energy and force jump to zero; "shifted", the
    energy is shifted to be continuous; "force-shifted", energy and force are
    pairs : {(species, species): {name: value}} with the names of `parameters`, and "cutoff" where it is another; or
    parameters : by name, of all pairs alike

    A kind of its own says `formula`, `quantities`, `energy` and `columns`. InputError for values out of range, and from
    `bind` for pairs without parameters.
    """

    weighable = True
    quantities: ClassVar[dict[str, str]] = {}  # parameter: its quantity (ranges.py); "0": zero will do

    def __init__(self, cutoff: float, *, pairs: dict | None = None, truncation: str = "shifted", **parameters):
        self.name = type(self).__name__
        choice(f"{self.name}: truncation", truncation, TRUNCATIONS)
        self.truncation, self.linear = truncation, truncation == "force-shifted"
        cutoff = number(f"{self.name}: cutoff", cutoff, "length")
        self.default = self._checked(self.name, {"cutoff": cutoff} | parameters) if parameters or not pairs else None
        self.pairs = {}
        for pair, own in by_pair(f"{self.name}: pairs", pairs).items():
            where = f"{self.name}: {'-'.join(pair)}"
            self.pairs[frozenset(pair)] = self._checked(where, {"cutoff": cutoff} | table(where, own))
        sets = [*self.pairs.values(), *([self.default] if self.default else [])]
        self.cutoff = max(own["cutoff"] for own in sets)

    def _checked(self, where: str, given: dict) -> dict[str, float]:
        wanted = {"cutoff": "length"} | self.quantities
        if given.keys() != wanted.keys():
            wrong = ", ".join(sorted(given.keys() ^ wanted.keys()))
            raise InputError(f"{where}: expected the parameters {', '.join(self.quantities)}; see {wrong}")
        found = {}
        for name, quantity in wanted.items():
            zero = quantity.startswith("0")
            found[name] = number(f"{where}: {name}", given[name], quantity.lstrip("0 "), zero=zero)
        return found

    def __repr__(self):
        words = [] if self.default is None else [f"{name}={value:g}" for name, value in self.default.items()]
        pairs = {"-".join(sorted((*pair, *pair)[:2])): own for pair, own in self.pairs.items()}
        return f"{self.name}({', '.join([*words, *([f'pairs={pairs}'] if pairs else [])])}, {self.truncation})"

    def sizes(self):
        names = sorted({name for pair in self.pairs for name in pair}) or ["A"]
        return {name: self.size(self.pairs.get(frozenset((name,)), self.default)) for name in names}

    def size(self, p: dict | None) -> float:
        """How near two atoms with these parameters come; None: nobody knows the parameters."""
        return self.cutoff / 2.5

    def of(self, a: str, b: str) -> dict[str, float]:
        """The parameters of a pair of species; InputError."""
        found = self.pairs.get(frozenset((a, b)), self.default)
        if found is None:
            raise InputError(f'{self.name}: no parameters for the pair {a}-{b}: pairs = {{("{a}", "{b}"): ...}}')
        return found

    def energy(self, p: dict, r: float) -> tuple[float, float]:
        """(u, du/dr) at a distance."""
        raise NotImplementedError

    def columns(self, p: dict) -> tuple[list[float], list[float]]:
        """The formula's own columns, of the force (at most 3) and of the energy alone (at most 2)."""
        raise NotImplementedError

    def row(self, a, b):
        p = self.of(a, b)
        try:
            shift, slope = shifts(self.truncation, p["cutoff"], *self.energy(p, p["cutoff"]))
            force, energy = self.columns(p)
        except OverflowError:
            shift = math.inf
        if not math.isfinite(shift):
            where = f"{self.name}: {a}-{b}: at the cutoff, {p['cutoff']:g}"
            raise InputError(f"{where}, the energy is beyond all numbers; see to the parameters of this pair")
        return [p["cutoff"] ** 2, *force, *[0.0] * (3 - len(force)), shift, slope, *energy]


def shifts(truncation: str, cutoff: float, energy: float, slope: float) -> tuple[float, float]:
    """(SHIFT, SLOPE): what is added, SHIFT + SLOPE r, to an energy with that value and slope at the cutoff."""
    if truncation == "cut":
        return 0.0, 0.0
    return (-energy, 0.0) if truncation == "shifted" else (-energy + cutoff * slope, -slope)
