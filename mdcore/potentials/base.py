"""What is a potential to the engine?

A potential has ``cutoff``; ``list_kinds``, the lists up to it that it reads ("half", "full", "rows": neighbors.py); and
``ghost_columns``, the columns of ghosts beside their positions (such as "tags"). It computes nothing itself:
``bind(symbols)`` returns the same potential for these species, with tables and scratch memory of its own. That has
``compute(atoms, neighbors, domain, out)``, which is given the lists it asked for and *adds* forces to ``atoms.f``
(owned and ghosts) and, where asked, energy to ``out``; and ``tail(counts, box)``, the mean field past the cutoff.
The engine takes care of ghosts, of sending their forces home and of the virial, which
is the sum of x (x) F over owned atoms and ghosts: exact, and the same for any potential.
What else it can do it declares: the attributes of `Potential` and `Bound`. (Functions of Python and calculators of ASE
are wrapped: python.py.)
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice
from mdcore.doors import _kernels
from mdcore.potentials.counted import ANSWERS, twice
from mdcore.structure.atoms import Column


class Results:
    """What one force evaluation found, beside the forces.

    want_energy : compute the energy too
    energy : int, sum on the force grid (exact.py), this rank's share
    bad_row : row of an atom with an impossible interaction, or -1; complaint : what is wrong with it, None: it is too
        close to another
    time : of the clock, user unit; for what moves; totals : what the structure says of the whole, charge and spin
    (quantities.py); total_charge : of it, e, 0 where it says none
    atom_energies : float64 [n_total + 1] or None; per-atom energies where wanted (ghosts': part of their owners')
    atom_virials : float64 [n_total + 1, 9] or None; of potentials that tell them (ext/core/md_types.h), likewise
    virial : int [6] (xx yy zz yz xz xy), what is to be added to the sum of x (x) F, this rank's share; a potential that
        leaves no forces on ghosts must say, or set virial_known to False; position_bits : its grid, with FORCE_BITS
    """

    def __init__(self, position_bits: int = exact.POSITION_BITS):
        self.position_bits = position_bits
        self.want_energy = False
        self.energy = 0
        self.bad_row, self.complaint = -1, None
        self.time, self.total_charge, self.totals = 0.0, 0.0, {}
        self.virial, self.virial_known = [0] * 6, True
        self.atom_energies = self.atom_virials = None
        self._limbs = np.zeros(exact.LIMBS, dtype=np.int64)

    def reset(self, want_energy: bool, atom_energies=None, atom_virials=None) -> None:
        self.want_energy, self.energy = want_energy, 0
        self.atom_energies, self.atom_virials = atom_energies, atom_virials
        self.bad_row, self.complaint = -1, None
        self.virial, self.virial_known = [0] * 6, True

    def limbs(self) -> np.ndarray:
        """Where a kernel writes the limbs of its energy; `add_limbs` adds them."""
        return self._limbs

    def whole_virial(self, sums: np.ndarray) -> np.ndarray:
        """Limbs int64 [6, 3] of the sum of x (x) F with what potentials add."""
        if any(self.virial):
            for k, more in enumerate(self.virial):
                sums[k] = exact.limbs(exact.integer(sums[k]) + more)
        return sums

    def add_limbs(self) -> None:
        if self.want_energy:
            self.energy += exact.integer(self._limbs)

    def add_shares(self, own: np.ndarray) -> None:
        """Energies float64 [n_owned] of owned atoms, each rounded to the grid; where the energy is wanted."""
        own = np.rint(np.ldexp(own, exact.FORCE_BITS)).clip(-(2.0**62), 2.0**62)  # more is reported by who adds up
        self.energy += exact.total(own.astype(np.int64))
        if self.atom_energies is not None:
            self.atom_energies[: len(own)] += np.ldexp(own, -exact.FORCE_BITS)

    def sums_of(self, atoms, forces: np.ndarray, bits: int = exact.FORCE_BITS) -> list[int]:
        """This rank's sum of x (x) F of some forces, multiples of 2^-bits, [n_owned, 3] or with ghosts' [n_total, 3];
        its grid has `bits` and position_bits, that of `virial` FORCE_BITS."""
        rows = atoms.f[: atoms.n_total + 1]
        others = rows.copy()
        rows[:] = 0.0
        rows[: len(forces), :3] = np.ldexp(forces, bits - exact.FORCE_BITS)
        sums = _kernels.virial_sums(atoms, 2.0**self.position_bits)
        rows[:] = others
        return [exact.integer(row) for row in sums]

    def replace_virial(self, sums: list[int], virial) -> None:
        """The forces that `sums_of` was given have this virial, float [6] (xx yy zz yz xz xy), this rank's share."""
        for k, own in enumerate(virial):
            self.virial[k] += round(math.ldexp(own, exact.FORCE_BITS + self.position_bits)) - sums[k]


@dataclass(frozen=True)
class Finding:
    """Something a potential tells where it is asked, beside energy and forces.

    quantity : whose unit it has (units.py), "" for none; per_atom : for each owned atom, or one for all
    output : a column of thermo log or dump; shown : in the table on the screen
    with_forces : told by the kernel of forces on its way, where it is among `wanted` (Bound)
    constant : the same at every step, so that a trajectory needs it once; where another of its name is not, that counts
    """

    name: str
    quantity: str = ""
    per_atom: bool = False
    output: bool = True
    shown: bool = True
    with_forces: bool = False
    constant: bool = False


class Potential:
    """What a potential declares.

    cutoff : unit of length; list_kinds : lists that it reads; ghost_columns : what ghosts carry
    at_any_distance : it says what happens when atoms overlap; trained : it knows only what it was trained on
    outside : it acts from outside or on atoms that it names, so symmetries are none of its promises
    pushes : axes along which forces do not add up to zero, some of "xyz": it acts from outside
    truncated : it may jump at its cutoff, and smoother : what is to be done about that; tells_virials : of each atom,
        where asked
    weighable : bound, it tells the energies of atoms, and forces of weighted sums of them (Bound)
    has : {what of long range is in its energy: how that is known} (counted.py)
    bends : second derivatives jump somewhere, as of some screenings of charges; finite differences are the worse
    far : it reaches past its cutoff, to all images
    bulk : only in cells that are periodic along three axes
    whole : its energy is one of the whole structure, no sum over surroundings: copies have not n times as much
    accuracy : to what symmetries hold, relative to energy and forces, if not to rounding
    findings : what its bound potentials `find`; usual : what these are in structures that it knows
    policies : {kind of watcher: its first argument, or a watcher}: what is wished to be done about them (watch/)
    """

    cutoff: float
    list_kinds: tuple[str, ...] = ("half",)
    ghost_columns: tuple[str, ...] = ()
    at_any_distance = False
    trained = False
    outside = False
    pushes = ""
    truncated = bends = False
    smoother = "use cutoff functions that end with their slope at zero"
    has: ClassVar[dict[str, str]] = {}
    far = bulk = whole = False
    accuracy = 0.0
    tells_virials = False
    weighable = False
    findings: tuple[Finding, ...] = ()
    usual = None
    policies: ClassVar[dict] = {}

    @property
    def outputs(self) -> tuple[Finding, ...]:
        """The findings that are written where somebody asks for findings."""
        return tuple(finding for finding in self.findings if finding.output)

    @property
    def lists(self) -> tuple[tuple, ...]:
        """(kind, cutoff) of each list that it reads, or (kind, cutoff, exclude): neighbors.Want."""
        return tuple((kind, self.cutoff) for kind in self.list_kinds)

    def suited(self, n: int, box, units) -> "Potential":
        """The potential as it is cheapest for n atoms in this cell, where it leaves that open: the same object for the
        same choice. Nothing else is looked at, so ranks and restarts choose alike."""
        return self

    def bind(self, symbols) -> "Bound":
        """The potential for these species; InputError for one that it does not know."""
        raise NotImplementedError

    def sizes(self) -> dict[str, float]:
        """Species that it names, and about how near their atoms come in a liquid, unit of length; for a first structure
        to look at (verify/)."""
        return {}

    def describe(self, unit: str) -> str:
        """How it runs, for banners; unit : of length."""
        return f"cutoff {self.cutoff:g} {unit}"


class Bound:
    """What a bound potential has.

    potential : the one that it is of; columns : per-atom numbers of its own, which it finds as attributes of `atoms`
    wanted : findings `with_forces` that somebody reads; threads : it may use so many
    moves : it depends on the time
    memory_key : whose columns of source "memory" (atoms.py) it can go on with: those of a bound potential of the same
    virial_of_forces : the sum of x (x) F over atoms and ghosts is its virial, so that one can be had without energies
    walls : bound ones that belong to it beside, or None; said : the Results of the last `shares_of`, which tell of bad
        rows, of one that is weighable and no network
    """

    potential: Potential
    columns: ClassVar[dict[str, Column]] = {}
    wanted: frozenset[Finding] = frozenset()
    threads = 1
    memory_key = ""
    moves = virial_of_forces = False
    walls = said = None

    def compute(self, atoms, neighbors, domain, out) -> None:
        """Add forces, and what `out` wants (collective). neighbors : Lists, the potential's own."""
        raise NotImplementedError

    def shares_of(self, atoms, neighbors, domain) -> np.ndarray:
        """Energies float64 [n_owned, 1] of owned atoms, by a potential that is weighable (collective). neighbors :
        Lists, the potential's own"""
        rows, self.said = atoms.f[: atoms.n_total + 1], Results()
        self.said.reset(True, np.zeros(atoms.n_total + 1))
        before = rows.copy()
        atoms.clear_forces()
        self.compute(atoms, neighbors, domain, self.said)
        rows[:] = before
        domain.reverse_add_rows(self.said.atom_energies)
        return self.said.atom_energies[: atoms.n_owned, None]

    def weigh(self, atoms, neighbors, domain, weights: np.ndarray) -> None:
        """Add the forces of the weighted sum of these energies, weights [n_owned, 1] being fixed, after `shares_of` of
        the same atoms (collective)."""
        raise NotImplementedError

    def work(self, atoms, domain, before: float, after: float) -> int:
        """What its energy gains, on the grid of heat (exact.py), as time goes on and atoms stay, this rank's share; of
        one that `moves` (collective)."""
        return 0

    def tail(self, counts, box) -> tuple[float, float]:
        """(energy, trace of the virial) past the cutoff, of `counts` atoms of each species."""
        return 0.0, 0.0

    def about(self, unit: str) -> str:
        """What banners say of how it runs in the cell at hand, "" for nothing; unit : of length."""
        return ""

    def state(self) -> dict:
        """What it must know beside atoms and cell to go on as if it had not stopped: numbers and arrays."""
        return {}

    def restore(self, state: dict) -> None:
        """It goes on from there; {}: it begins."""

    def find(self, work, wanted=None) -> dict[Finding, float | np.ndarray]:
        """{Finding: its value, user units} for the atoms of a Work whose forces were computed last (collective).
        wanted : findings of the potential; None: its `outputs`"""
        names, n = {column.output: name for name, column in self.columns.items()}, work.atoms.n_owned
        wanted = self.potential.outputs if wanted is None else wanted
        return {f: getattr(work.atoms, names[f.name])[:n].copy() for f in wanted if f.name in names}


class Sum(Potential):
    """Several potentials added up; InputError for none, for something else, and for two that both have dispersion or
    electrostatics (counted.py), unless double_counting = "allow"."""

    def __init__(self, *potentials, double_counting: str = "refuse"):
        from mdcore.potentials.python import as_potential

        if not potentials:
            raise InputError("Sum: expected potentials, not nothing")
        choice("Sum: double_counting", double_counting, ANSWERS)
        self.double_counting = double_counting
        self.terms, self._suited = [as_potential(term) for term in potentials], None
        found = twice([term.has for term in self.terms]) if double_counting == "refuse" else None
        if found:
            own = (f"{self.terms[k]!r} ({why})" for k, why in zip(found.which, found.why, strict=True))
            raise InputError(
                f"Sum: {found.kind} twice: {' and '.join(own)} have it; leave one of them out, or say that both are "
                'meant: double_counting="allow"'
            )

    def __repr__(self):
        return f"Sum({', '.join(map(repr, self.terms))})"

    @property
    def has(self) -> dict[str, str]:
        """What its terms have."""
        return {kind: why for term in self.terms for kind, why in term.has.items()}

    @property
    def cutoff(self) -> float:
        """The largest cutoff of its terms, unit of length."""
        return max(term.cutoff for term in self.terms)

    @property
    def list_kinds(self) -> tuple[str, ...]:
        return tuple({kind: None for term in self.terms for kind in term.list_kinds})

    @property
    def lists(self) -> tuple[tuple, ...]:
        return tuple({own: None for term in self.terms for own in term.lists})

    @property
    def ghost_columns(self) -> tuple[str, ...]:
        return tuple({name: None for term in self.terms for name in term.ghost_columns})

    @property
    def tells_virials(self) -> bool:
        """Do all its terms?"""
        return all(term.tells_virials for term in self.terms)

    @property
    def weighable(self) -> bool:
        """Are all its terms?"""
        return all(term.weighable for term in self.terms)

    @property
    def whole(self) -> bool:
        """Is one of its terms?"""
        return any(term.whole for term in self.terms)

    @property
    def pushes(self) -> str:
        """The axes along which one of its terms pushes the whole."""
        return "".join(axis for axis in "xyz" if any(axis in term.pushes for term in self.terms))

    @property
    def findings(self) -> tuple[Finding, ...]:
        found = {finding: None for term in self.terms for finding in term.findings}
        changing = {finding.name for finding in found if not finding.constant}
        return tuple(finding for finding in found if not (finding.constant and finding.name in changing))

    def of_terms(self, terms) -> "Sum":
        """The same of other terms, as many."""
        return Sum(*terms, double_counting=self.double_counting)

    def suited(self, n, box, units):
        terms = [term.suited(n, box, units) for term in self.terms]
        if all(one is other for one, other in zip(terms, self.terms, strict=True)):
            return self
        last = self._suited
        if last is None or any(one is not other for one, other in zip(terms, last.terms, strict=True)):
            self._suited = self.of_terms(terms)
        return self._suited

    def bind(self, symbols) -> "BoundSum":
        return BoundSum(self, [term.bind(symbols) for term in self.terms])


class BoundSum(Bound):
    """Bound potentials, one after the other, each with its own lists."""

    def __init__(self, potential: Sum, terms):
        self.potential, self.terms = potential, terms

    @property
    def virial_of_forces(self) -> bool:
        """Is that so of all its terms?"""
        return all(term.virial_of_forces for term in self.terms)

    def compute(self, atoms, neighbors, domain, out) -> None:
        for term in self.terms:
            term.compute(atoms, neighbors.of(term.potential), domain, out)

    def find(self, work, wanted=None):
        """Of several that tell the same, that counts whose first number of all atoms is the largest."""
        wanted = self.potential.outputs if wanted is None else wanted
        found = [own for term in self.terms if (own := term.find(work, wanted))]
        found.sort(key=lambda own: next((value for finding, value in own.items() if not finding.per_atom), 0.0))
        return {finding: value for own in found for finding, value in own.items()}

    def tail(self, counts, box) -> tuple[float, float]:
        tails = [term.tail(counts, box) for term in self.terms]
        return sum(energy for energy, _ in tails), sum(virial for _, virial in tails)


def with_ghosts(numbers: np.ndarray, atoms, domain) -> np.ndarray:
    """Numbers [n_owned] of owned atoms, and those of their ghosts, float64 [n_total + 1] (collective)."""
    found = np.zeros(atoms.n_total + 1)
    found[: atoms.n_owned] = numbers
    domain.forward_rows(found)
    return found


def leaves(potential) -> list:
    """The potentials that a potential is a sum of, bound or not."""
    many = isinstance(potential, Sum | BoundSum)
    return [leaf for term in potential.terms for leaf in leaves(term)] if many else [potential]
