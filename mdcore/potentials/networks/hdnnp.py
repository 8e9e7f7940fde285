"""Behler-Parrinello network potentials in the engine: each atom's energy is a network of its surroundings.

E = sum_i E_i(G_i), G_i the descriptors of atom i, symmetry functions or of another kind. Behler and Parrinello, Phys.
Rev. Lett. 98, 146401 (2007). Of a committee, E_i is the mean over its members (spread.py: how they differ). The
kernels (ext/networks/) work in the author's own units; positions, energies and forces are converted on
their way in and out.
"""

import numpy as np

from mdcore.base import exact
from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.base.threads import number_of_threads
from mdcore.doors._hdnnp import PRECISIONS, Networks, deviations, most_threads
from mdcore.potentials.base import Bound, Finding, Potential
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.model import HDNNP
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.outside import DESCRIPTORS, EXCESS, OUTSIDE, RANGE, WORST
from mdcore.potentials.networks.plans import energy_of, network_tables
from mdcore.potentials.networks.spread import DISAGREEMENT, Spread
from mdcore.potentials.networks.vectors import check_test_vectors
from mdcore.potentials.networks.walls import zbl_of

POLICIES = ("ignore", "warn", "save", "stop")  # about atoms outside the range of training (watch/extrapolation.py)
TOLD = {OUTSIDE: "outside", WORST: "worst", EXCESS: "excess", DESCRIPTORS: "descriptors"}  # names in Networks


class HDNNPotential(Potential):
    """A network potential, computed from its in-memory `model` (read_n2p2 or read_h5 make one), with the model's walls.

    units : {"length": ..., "energy": ...} or Units, where the model doesn't state its own
    precision : "double", or "mixed": descriptors and their gradients in single precision, networks and sums in
        double. About 1.5 times as fast; published potentials: forces off by 2e-6 eV/Angstrom, energies by 3e-7 eV
        an atom
    threads : of each rank; None: MDCORE_NUM_THREADS, or 1. They change the speed, never the result
    extrapolation : "ignore", "warn", "save", "stop", or an Extrapolation, which says more (watch/)
    disagreement : a Disagreement: when a run looks at how the members of a committee differ, and what follows

    InputError if units are missing, a descriptor can't be scaled or the answers to the model's test vectors are
    wrong, and from `bind` for species the model does not know.
    """

    ghost_columns = ("tags",)
    trained = tells_virials = True
    lists: tuple[tuple, ...] = ()

    def __init__(
        self, model: HDNNP, units=None, *, precision: str = "double", threads: int | None = None,
        extrapolation="warn", disagreement=None,
    ):  # fmt: skip
        if not isinstance(model, HDNNP):
            raise InputError(
                f"HDNNPotential({model!r}): expected a model; read one from a file: HDNNPotential(read_model(...))"
            )
        self.model = model
        self.precision = precision
        if precision not in PRECISIONS:
            raise InputError(f"precision = {precision!r}: expected one of {', '.join(PRECISIONS)}")
        self.threads = min(number_of_threads(threads), most_threads())
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
        stated = Units.parse(units)
        native = stated or model.stated_units
        if model.units not in (None, native):
            raise InputError(
                f"units: {native.length}, {native.energy} given, but {model.name or 'the potential'} states "
                f"{model.units.length}, {model.units.energy}"
            )
        walls = zbl_of(model.walls)
        seen = model.cutoff * native.angstrom
        self.cutoff = max(seen, walls.cutoff if walls else 0.0)
        self.lists = (("full", seen), *(walls.lists if walls else ()))
        self.list_kinds = tuple(own[0] for own in self.lists)
        for e, element in enumerate(model.elements):
            offset = energy_of(model, e)[1] * native.ev
            if not abs(offset) < exact.SHARE_LIMIT:
                raise InputError(
                    f"{self.name}: its energy offset of {element} is {offset:g} eV; energies of atoms must lie within "
                    f"+-{exact.SHARE_LIMIT:.3g} eV: take a constant off the energies it is trained on"
                )
        self.native = (1.0 / native.angstrom, native.ev, native.ev / native.angstrom, model.cutoff)
        self.units = native
        self._networks = networks_of(model, precision)
        if model.test_vectors:  # they tell whether the file is whole, and their tolerance is that of double
            check_test_vectors(model, self.networks if precision == "double" else networks_of(model))

    @property
    def networks(self) -> Networks:
        """The kernels' tables, for those who ask beside a run."""
        found = vars(self).get("_networks")
        if found is None:
            found = self._networks = networks_of(self.model, self.precision)
        return found

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_networks"}

    @property
    def name(self) -> str:
        """As its file says, for messages."""
        return self.model.name or "the network potential"

    @property
    def is_committee(self) -> bool:
        """Are there several networks, whose energy and forces are averaged?"""
        return bool(self.model.others)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*RANGE, DESCRIPTORS, *(DISAGREEMENT if self.is_committee else ()))

    @property
    def usual(self) -> Known | None:
        """What was measured at training, if it was (known.py)."""
        return self.model.known

    def describe(self, unit: str = "Angstrom") -> str:
        """Who it is and how it runs, for banners and outputs."""
        counts = " + ".join(
            f"{len(own)} {element}"
            for element, own in zip(self.model.elements, self.model.symmetry_functions, strict=True)
        )
        members = f"a committee of {len(self.model.members)}, " if self.is_committee else ""
        policy = self.policies["extrapolation"]
        far = max((wall.cutoff for wall in self.model.walls), default=None)
        walls = "" if far is None else f"with walls (ZBL) within {far:.3g} Angstrom, "
        return (
            f"{self.name}: {members}{counts} descriptors, cutoff {self.cutoff:.6g} Angstrom ({self.units.length}, "
            f"{self.units.energy}), {self.precision} precision, {walls}"
            f"extrapolation: {getattr(policy, 'policy', policy)}"
            + ("" if self.model.test_vectors else "; not verified: it has no test vectors")
        )

    def __repr__(self):
        members = f", {len(self.model.members)} members" if self.is_committee else ""
        return (
            f"HDNNPotential({self.name}: {' '.join(self.model.elements)}, cutoff {self.cutoff:.4g} Angstrom, "
            f"{self.precision}{members})"
        )

    def bind(self, symbols) -> "BoundHDNNP":
        """The potential for these species; InputError for one that the model does not know."""
        return BoundHDNNP(self, symbols)

    def label(self, symbol: str, index: int) -> str:
        """How messages name a descriptor of an element."""
        return self._functions(symbol)[index].label

    def n_descriptors(self, symbol: str) -> int:
        """How many an atom of an element has."""
        return len(self._functions(symbol))

    def _functions(self, symbol: str):
        return self.model.symmetry_functions[self.model.elements.index(element_of(symbol))]


class BoundHDNNP(Bound):
    """A network potential for a system of these species, with tables and scratch memory of its own.

    beside : {Finding: array [>= n_owned]} of the last forces, of those that were wanted
    """

    def __init__(self, potential: HDNNPotential, symbols):
        model = potential.model
        own, elements = tuple(map(element_of, symbols)), model.elements
        for symbol, element in zip(symbols, own, strict=True):
            if element not in elements:
                raise InputError(
                    f"potential {model.name or 'hdnnp'}: no network for species {symbol}; "
                    f"it knows {', '.join(elements)}"
                )
        self.potential, self.symbols, self.threads = potential, tuple(symbols), potential.threads
        # the tables that the test vectors were computed with go to who asks first
        self.networks = vars(potential).pop("_networks", None) or networks_of(model, potential.precision)
        walls = zbl_of(model.walls)
        self.walls = walls.bind(own) if walls else None
        self.element_of = np.array([elements.index(e) for e in own], dtype=np.int32)
        self.species_of = np.array([own.index(e) if e in own else -1 for e in elements], dtype=np.int32)
        self.beside: dict[Finding, np.ndarray] = {}
        self._spread = None  # (of which atoms, Spread) since the last forces

    def compute(self, atoms, neighbors, domain, out) -> None:
        full, n = neighbors.full, atoms.n_owned
        self._spread = None
        told = {TOLD[finding]: values for finding, values in self._room(n).items()} if self.wanted else {}
        if out.atom_virials is not None:
            told["atom_virial"] = out.atom_virials
        self.networks.energy_forces(
            atoms.x, atoms.f, full.first, full.index, full.bounds, self.species_of, self.element_of,
            self.potential.native, out.limbs(), out.atom_energies, n_total=atoms.n_total, threads=self.threads, **told,
        )  # fmt: skip
        out.add_limbs()
        if self.walls:
            self.walls.compute(atoms, neighbors.of(self.walls.potential), domain, out)

    def _room(self, n: int) -> dict[Finding, np.ndarray]:
        """`beside`, with room for n atoms."""
        wanted = {*self.wanted, *RANGE}  # the kernel tells of ranges all or nothing
        if self.beside.keys() != wanted or len(self.beside[OUTSIDE]) < n:
            room, width = n + n // 8, self.networks.n_functions
            integers = dict.fromkeys((OUTSIDE, WORST), np.int32)
            self.beside = {
                finding: np.zeros((room, width) if finding is DESCRIPTORS else room, dtype=integers.get(finding, float))
                for finding in wanted
            }
        return self.beside

    def spread(self, atoms, neighbors, domain, comm) -> Spread:
        """How the members of a committee differ about these atoms, whose forces were computed last (collective).
        neighbors : of all terms"""
        if self._spread is not None and self._spread[0] is atoms:
            return self._spread[1]
        full, n = neighbors.of(self.potential).full, atoms.n_owned
        found, limbs = deviations(
            self.networks, atoms.x, full.first, full.index, full.bounds, self.species_of, self.element_of,
            self.potential.native, atoms.n_total, self.threads,
        )  # fmt: skip
        found = np.ascontiguousarray(found.transpose(1, 0, 2))  # [n_total, n_members - 1, 4]
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
        if any(finding in DISAGREEMENT for finding in wanted):
            spread = self.spread(work.atoms, work.neighbors, work.domain, work.comm)
            told = (spread.largest, spread.mean, spread.energy, spread.forces, spread.atom)
            found |= {finding: value for finding, value in zip(DISAGREEMENT, told, strict=True) if finding in wanted}
        return found


def networks_of(model: HDNNP, precision: str = "double") -> Networks:
    """The kernels' tables of a model, for "double" or "mixed" precision; InputError if a descriptor can't be scaled."""
    elements = []
    for e, (scaling, functions) in enumerate(zip(model.scaling, model.symmetry_functions, strict=True)):
        if scaling.degenerate.size:
            first = functions[scaling.degenerate[0]]
            raise InputError(
                f"{model.name or 'potential'}: symmetry function {first.label} has no width in scaling.data "
                "(min = max, or statistics are missing), so it can't be scaled"
            )
        slope, shift, base = scaling.affine()
        factor, offset = energy_of(model, e)
        members = [network_tables(own[e]) for own in model.members]
        plan = KINDS[model.kind].make_plan(functions, model.elements)
        elements.append((plan, members, slope, shift, base, factor, offset))
    ranges = [(scaling.min, scaling.max) for scaling in model.scaling]
    return Networks(elements, ranges, precision)
