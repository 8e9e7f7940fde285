"""Behler-Parrinello network potentials in the engine: each atom's energy is a network of its surroundings.

E = sum_i E_i(G_i), G_i the descriptors of atom i, symmetry functions or of another kind. Behler and Parrinello, Phys.
Rev. Lett. 98, 146401 (2007). Of a committee, E_i is the mean over its members (spread.py: how they differ). The
kernels (ext/networks/) work in the author's own units; positions, energies and forces are converted on
their way in and out.
"""

import numpy as np

from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.doors._hdnnp import Networks, deviations, most_threads
from mdcore.potentials.networks.answers import Answers
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.model import HDNNP
from mdcore.potentials.networks.outside import DESCRIPTORS, EXCESS, OUTSIDE, RANGE, WORST
from mdcore.potentials.networks.plans import energy_of, network_tables
from mdcore.potentials.networks.running import BoundTrained, TrainedPotential

TOLD = {OUTSIDE: "outside", WORST: "worst", EXCESS: "excess", DESCRIPTORS: "descriptors"}  # names in Networks


class HDNNPotential(TrainedPotential):
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

    takes, most_threads = HDNNP, staticmethod(most_threads)

    def __init__(
        self, model: HDNNP, units=None, *, precision: str = "double", threads: int | None = None,
        extrapolation="warn", disagreement=None,
    ):  # fmt: skip
        super().__init__(model, units, precision, threads, extrapolation, disagreement)
        native = self.units
        self.native = (1.0 / native.angstrom, native.ev, native.ev / native.angstrom, model.cutoff)

    @classmethod
    def tables_of(cls, model: HDNNP, precision: str = "double") -> Networks:
        return networks_of(model, precision)

    @classmethod
    def answers_of(cls, model: HDNNP, tables: Networks | None = None) -> Answers:
        return Answers(model, tables or networks_of(model))

    @property
    def networks(self) -> Networks:
        """The kernels' tables."""
        return self.tables

    def offset(self, e: int) -> float:
        """Of the energies of an element, eV."""
        return energy_of(self.model, e)[1] * self.units.ev

    @property
    def content(self) -> str:
        """What it is made of, in words."""
        columns = zip(self.model.elements, self.model.symmetry_functions, strict=True)
        return " + ".join(f"{len(own)} {element}" for element, own in columns) + " descriptors"

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


class BoundHDNNP(BoundTrained):
    """A network potential for a system of these species."""

    @property
    def width(self) -> int:
        return self.tables.n_functions

    def compute(self, atoms, neighbors, domain, out) -> None:
        full, n = neighbors.full, atoms.n_owned
        self._spread = None
        wanted = {*self.wanted, *RANGE}  # the kernel tells of ranges all or nothing
        told = {TOLD[finding]: values for finding, values in self._room(n, wanted).items()} if self.wanted else {}
        if out.atom_virials is not None:
            told["atom_virial"] = out.atom_virials
        self.tables.energy_forces(
            atoms.x, atoms.f, full.first, full.index, full.bounds, self.species_of, self.element_of,
            self.potential.native, out.limbs(), out.atom_energies, n_total=atoms.n_total, threads=self.threads, **told,
        )  # fmt: skip
        out.add_limbs()
        if self.walls:
            self.walls.compute(atoms, neighbors.of(self.walls.potential), domain, out)

    def members_of(self, atoms, full, domain):
        found, limbs = deviations(
            self.tables, atoms.x, full.first, full.index, full.bounds, self.species_of, self.element_of,
            self.potential.native, atoms.n_total, self.threads,
        )  # fmt: skip
        return np.ascontiguousarray(found.transpose(1, 0, 2)), limbs


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
