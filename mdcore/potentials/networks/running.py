"""What does every trained potential do in the engine, whatever its kernels compute?"""

from typing import ClassVar

import numpy as np

from mdcore.base import exact
from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.base.threads import number_of_threads
from mdcore.potentials.base import Bound, BoundSum, Finding, Potential
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.outside import DESCRIPTORS, NEAREST, OUTSIDE, RANGE, WORST
from mdcore.potentials.networks.spread import DISAGREEMENT, Spread
from mdcore.potentials.networks.trained import Model
from mdcore.potentials.networks.vectors import check_test_vectors
from mdcore.potentials.networks.walls import zbl_of

POLICIES = ("ignore", "warn", "save", "stop")  # about atoms outside the range of training (watch/extrapolation.py)
PRECISIONS = ("double", "mixed")


class TrainedPotential(Potential):
    """A potential of a `model`, with the model's walls; arguments as HDNNPotential has them.

    takes : class of its models. Derived ones say which tables their kernels read (`tables_of`), who answers for test
    vectors (`answers_of`), what an atom of an element has in energy whatever its surroundings (`offset`), and which
    descriptors there are (`label`, `n_descriptors`, `content`).
    """

    takes: type[Model]
    most_threads = 1
    ghost_columns = ("tags",)
    trained = True
    lists: ClassVar[tuple] = ()

    def __init__(self, model, units, precision, threads, extrapolation, disagreement):
        if not isinstance(model, self.takes):
            name, what = type(self).__name__, f"a {type(model).__name__}" if isinstance(model, Model) else repr(model)
            raise InputError(f"{name}({what}): expected a model; read one from a file: {name}(read_model(...))")
        self.model = model
        self.precision = precision
        if precision not in PRECISIONS:
            raise InputError(f"precision = {precision!r}: expected one of {', '.join(PRECISIONS)}")
        self.threads = min(number_of_threads(threads), self.most_threads())
        if not hasattr(extrapolation, "look") and extrapolation not in POLICIES:
            raise InputError(f"extrapolation = {extrapolation!r}: expected one of {', '.join(POLICIES)}")
        if disagreement is not None and not model.others:
            raise InputError(
                f"disagreement: {model.name or 'the potential'} is one network, which can't disagree with itself; make "
                "a committee: [committee] members = 5 of mdcore train, or mdcore convert A.h5 B.h5 ... COMMITTEE.h5"
            )
        self.policies = {"extrapolation": extrapolation}
        if model.others:
            self.policies["disagreement"] = disagreement
        self.at_any_distance = bool(model.walls)
        self.weighable = not (getattr(model, "charges", None) or model.subtracted)
        stated = Units.parse(units)
        native = stated or model.stated_units
        if model.units not in (None, native):
            raise InputError(
                f"units: {native.length}, {native.energy} given, but {model.name or 'the potential'} states "
                f"{model.units.length}, {model.units.energy}"
            )
        self.units, walls = native, zbl_of(model.walls)
        seen = model.cutoff * native.angstrom
        beside = [*([walls] if walls else []), *model.subtracted]
        self.seen, self.cutoff = seen, max(seen, *(own.cutoff for own in beside), 0.0)
        self.lists = (("full", seen), *(one for own in beside for one in own.lists))
        if model.subtracted:
            self.truncated = any(law.truncated for law in model.subtracted)
            self.smoother = "; ".join(law.smoother for law in model.subtracted if law.truncated)
        self.list_kinds = tuple(own[0] for own in self.lists)
        for e, element in enumerate(model.elements):
            offset = self.offset(e)
            if not abs(offset) < exact.SHARE_LIMIT:
                raise InputError(
                    f"{self.name}: its energy offset of {element} is {offset:g} eV; energies of atoms must lie within "
                    f"+-{exact.SHARE_LIMIT:.3g} eV: take a constant off the energies it is trained on"
                )
        self._tables = self.tables_of(model, precision)
        if model.test_vectors:  # they tell whether the file is whole, and their tolerance is that of double
            check_test_vectors(self.answers_of(model, self._tables if precision == "double" else None))

    def zero(self, e: int) -> float:
        """What the mean of the members starts from in the energy of an element, eV."""
        return self.offset(e)

    @classmethod
    def tables_of(cls, model, precision: str = "double"):
        """What the kernels read of a model; InputError for one that can't be run."""
        raise NotImplementedError

    @classmethod
    def answers_of(cls, model, tables=None):
        """Who says what it is for a small structure (vectors.py); tables : None: in double precision."""
        raise NotImplementedError

    @property
    def tables(self):
        """What the kernels read, for those who ask beside a run."""
        found = vars(self).get("_tables")
        if found is None:
            found = self._tables = self.tables_of(self.model, self.precision)
        return found

    @property
    def answers(self):
        """Who says what it is for a small structure (vectors.py)."""
        return self.answers_of(self.model, self.tables)

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_tables"}

    @property
    def name(self) -> str:
        """As its file says, for messages."""
        return self.model.name or "the network potential"

    @property
    def more(self) -> str:
        """What else there is to say of how it runs, with a comma and a blank behind it."""
        return ""

    @property
    def is_committee(self) -> bool:
        """Are there several networks, whose energy and forces are averaged?"""
        return bool(self.model.others)

    @property
    def has(self) -> dict[str, str]:
        return self.model.has

    @property
    def tells_virials(self) -> bool:
        return all(law.tells_virials for law in self.model.subtracted)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*RANGE, DESCRIPTORS, *(DISAGREEMENT if self.is_committee else ()))

    @property
    def usual(self) -> Known | None:
        """What was measured at training, if it was (known.py)."""
        return self.model.known

    def distance(self, symbol: str, r: np.ndarray) -> tuple[str, str, float]:
        """In which of the distances r [n_elements], Angstrom, of its nearest neighbours is an atom outside of training?
        (in words, the neighbour's element, Angstrom)"""
        elements = self.model.elements
        return self.model.watched.told(elements, elements.index(element_of(symbol)), r)

    def describe(self, unit: str = "Angstrom") -> str:
        """Who it is and how it runs, for banners and outputs."""
        members = f"a committee of {len(self.model.members)}, " if self.is_committee else ""
        policy = self.policies.get("extrapolation", "not watched, for its range of training is not known")
        far = max((wall.cutoff for wall in self.model.walls), default=None)
        walls = "" if far is None else f"with walls (ZBL) within {far:.3g} Angstrom, "
        return (
            f"{self.name}: {members}{self.content}, cutoff {self.seen:.6g} Angstrom ({self.units.length}, "
            f"{self.units.energy}), {self.precision} precision, {walls}{self.more}{self._added}"
            f"extrapolation: {getattr(policy, 'policy', policy)}"
            + ("" if self.model.test_vectors else "; not verified: it has no test vectors")
        )

    @property
    def _added(self) -> str:
        """What was subtracted in training, in words."""
        return "".join(f"with what was subtracted in training, {law!r}, " for law in self.model.subtracted)

    def bind(self, symbols) -> Bound:
        """The potential for these species; InputError for one that the model does not know."""
        own = self.bound(symbols)
        laws = self.model.subtracted
        return BoundSum(self, [own, *(law.bind(symbols) for law in laws)]) if laws else own

    def bound(self, symbols) -> "BoundTrained":
        """Networks and walls alone."""
        raise NotImplementedError

    def __repr__(self):
        members = f", {len(self.model.members)} members" if self.is_committee else ""
        return (
            f"{type(self).__name__}({self.name}: {' '.join(self.model.elements)}, cutoff {self.cutoff:.4g} Angstrom, "
            f"{self.precision}{members})"
        )


class BoundTrained(Bound):
    """A trained potential for a system of these species, with tables and scratch memory of its own.

    beside : {Finding: array [>= n_owned]} of the last forces, of those that were wanted
    Derived ones `compute`, and tell what each member says: `members_of` of forces, `shares_of` of energies, of which
    `weigh` has forces (potentials/committees/). width : of a row of descriptors
    """

    virial_of_forces = True
    width: int

    def __init__(self, potential: TrainedPotential, symbols):
        model = potential.model
        own, elements = tuple(map(element_of, symbols)), model.elements
        for symbol, element in zip(symbols, own, strict=True):
            if element not in elements:
                raise InputError(
                    f"potential {model.name or 'of networks'}: no network for species {symbol}; "
                    f"it knows {', '.join(elements)}"
                )
        self.potential, self.symbols, self.threads = potential, tuple(symbols), potential.threads
        # the tables that the test vectors were computed with go to who asks first
        self.tables = vars(potential).pop("_tables", None) or potential.tables_of(model, potential.precision)
        walls = zbl_of(model.walls)
        self.walls = walls.bind(own) if walls else None
        self.element_of = np.array([elements.index(e) for e in own], dtype=np.int32)
        self.species_of = np.array([own.index(e) if e in own else -1 for e in elements], dtype=np.int32)
        self.beside: dict[Finding, np.ndarray] = {}
        self._spread = None  # (of which atoms, Spread) since the last forces

    def _room(self, n: int, wanted: set[Finding]) -> dict[Finding, np.ndarray]:
        """`beside`, with room for what is wanted of n atoms."""
        if self.beside.keys() != wanted or min(map(len, self.beside.values())) < n:
            room, integers = n + n // 8, dict.fromkeys((OUTSIDE, WORST), np.int32)
            widths = {DESCRIPTORS: self.width, NEAREST: len(self.potential.model.elements)}
            self.beside = {
                finding: np.zeros((room, widths[finding]) if finding in widths else room, integers.get(finding, float))
                for finding in wanted
            }
        return self.beside

    def members_of(self, atoms, full, domain) -> tuple[np.ndarray, np.ndarray]:
        """(by how much the forces of each member but the last differ from the mean float64 [n_total, n_members - 1, 4],
        of the grid, ghosts' of their own; limbs int64 [n_members, 3] of the energies), of a committee (collective)."""
        raise NotImplementedError

    def shares_of(self, atoms, neighbors, domain) -> np.ndarray:
        """E_im float64 [n_owned, n_members], eV: the energy of each owned atom by each member, without walls; it
        tells of ranges as `compute` does (collective)."""
        raise NotImplementedError

    def weigh(self, atoms, neighbors, domain, weights: np.ndarray) -> None:
        """Add the forces of sum_im weights_im E_im, weights [n_owned, n_members] being fixed, after `shares_of` of
        the same atoms (collective)."""
        raise NotImplementedError

    def spread(self, atoms, neighbors, domain, comm) -> Spread:
        """How the members of a committee differ about these atoms, whose forces were computed last (collective).
        neighbors : of all terms"""
        if self._spread is not None and self._spread[0] is atoms:
            return self._spread[1]
        full, n = neighbors.of(self.potential).full, atoms.n_owned
        found, limbs = self.members_of(atoms, full, domain)
        domain.reverse_add_rows(found)
        found = np.concatenate([found[:n], found[:n].sum(axis=1, keepdims=True)], axis=1)  # exact; of all members
        squares = np.zeros(n)
        for member in range(found.shape[1]):
            for axis in range(3):
                squares += found[:, member, axis] ** 2
        spread = Spread.of(np.sqrt(squares / found.shape[1]), limbs, atoms.tags[:n], comm)
        self._spread = atoms, spread
        return spread

    def find(self, work, wanted=None):
        wanted, n = self.potential.outputs if wanted is None else wanted, work.atoms.n_owned
        found = {finding: self.beside[finding][:n] for finding in wanted if finding.with_forces}
        if NEAREST in found and self.potential.units.angstrom != 1.0:
            found[NEAREST] = self.potential.units.angstrom * found[NEAREST]
        if self.potential.is_committee and any(finding in DISAGREEMENT for finding in wanted):
            spread = self.spread(work.atoms, work.neighbors, work.domain, work.comm)
            told = (spread.largest, spread.mean, spread.energy, spread.forces, spread.atom)
            found |= {finding: value for finding, value in zip(DISAGREEMENT, told, strict=True) if finding in wanted}
        return found
