"""Behler-Parrinello network potentials in the engine: each atom's energy is a network of its surroundings.

E = sum_i E_i(G_i), G_i the descriptors of atom i, symmetry functions or of another kind. Behler and Parrinello, Phys.
Rev. Lett. 98, 146401 (2007). Of a committee, E_i is the mean over its members (spread.py: how they differ). The
kernels (ext/networks/) work in the author's own units; positions, energies and forces are converted on
their way in and out.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np

from mdcore.base.arguments import of_kind
from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.doors._hdnnp import Networks, descriptors_of, deviations, most_threads, pull
from mdcore.potentials.networks.answers import Answers
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.charged import CHARGES, BoundCharged
from mdcore.potentials.networks.charged_answers import ChargedAnswers
from mdcore.potentials.networks.charged_committee import BoundChargedCommittee
from mdcore.potentials.networks.committee import share
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.model import HDNNP
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.outside import DESCRIPTORS, RANGE, TOLD
from mdcore.potentials.networks.plans import energy_of, network_tables
from mdcore.potentials.networks.running import BoundTrained, TrainedPotential


class HDNNPotential(TrainedPotential):
    """A network potential, computed from its in-memory `model` (read_n2p2 or read_h5 make one), with the model's walls.

    units : {"length": ..., "energy": ...} or Units, where the model doesn't state its own
    precision : "double", or "mixed": descriptors and their gradients in single precision, networks and sums in
        double. About 1.5 times as fast; published potentials: forces off by 2e-6 eV/Angstrom, energies by 3e-7 eV
        an atom
    threads : of each rank; None: MDCORE_NUM_THREADS, or 1. They change the speed, never the result
    extrapolation : "ignore", "warn", "save", "stop", or an Extrapolation, which says more (watch/)
    disagreement : a Disagreement: when a run looks at how the members of a committee differ, and what follows
    charges : ChargeSettings, how charges are computed, of a potential that has some; None: as it has them

    InputError if units are missing, a descriptor can't be scaled or the answers to the model's test vectors are
    wrong, and from `bind` for species the model does not know.
    """

    takes, most_threads = HDNNP, staticmethod(most_threads)

    def __init__(
        self, model: HDNNP, units=None, *, precision: str = "double", threads: int | None = None,
        extrapolation="warn", disagreement=None, charges: ChargeSettings | None = None,
    ):  # fmt: skip
        if isinstance(model, HDNNP):
            self._take_charges(model, charges)
        super().__init__(model, units, precision, threads, extrapolation, disagreement)
        native = self.units
        self.native = (1.0 / native.angstrom, native.ev, native.ev / native.angstrom, model.cutoff)
        if model.charges:
            sums = self.charge_settings.ewald(model.charges, native)
            screening = model.charges.screening
            self.short = Reads(("full", model.cutoff * native.angstrom))
            self.near = Reads(("full", max(sums.cutoff, screening.outer * native.angstrom if screening else 0.0)))
            self.lists = (*self.lists, *self.near.lists)
            self.list_kinds = tuple(own[0] for own in self.lists)
            self.cutoff = max(own[1] for own in self.lists)
            self.bends = bool(screening) and screening.core in ("cosine", "p1")
            self.far, self.accuracy = True, self.charge_settings.accuracy

    def _take_charges(self, model, charges) -> None:
        if charges is not None and not model.charges:
            raise InputError(f"charges: {model.name or 'the potential'} has none; leave what is said of them away")
        if charges is not None:
            of_kind("charges", charges, ChargeSettings, "ChargeSettings(accuracy=1e-6)")
        self.charge_settings = charges or ChargeSettings()
        if self.charge_settings.sums == "n2p2" and not model.charges.truncation:
            raise InputError(
                f'charge_sums = "n2p2": {model.name or "the potential"} does not say how n2p2 cuts sums off '
                "(ewald_prec)"
            )

    @classmethod
    def tables_of(cls, model: HDNNP, precision: str = "double") -> Networks:
        return networks_of(model, precision)

    @classmethod
    def answers_of(cls, model: HDNNP, tables: Networks | None = None) -> Answers | ChargedAnswers:
        if model.charges:
            units = model.units or Units("angstrom", "ev")
            plain = replace(model, walls=(), subtracted=(), test_vectors=(), units=units)
            return ChargedAnswers(model, cls(plain, extrapolation="ignore"))
        return Answers(model, tables or networks_of(model))

    @property
    def charge_tables(self) -> Networks:
        """Of the networks of charges; made anew at each call."""
        return networks_of(self.model, self.precision, of_charges=True)

    @cached_property
    def shares_descriptors(self) -> bool:
        """Do networks of charges see the descriptors of the short-range ones?"""
        return identical(self.model.charges.symmetry_functions, self.model.symmetry_functions)

    @property
    def tells_virials(self) -> bool:
        return not self.model.charges and super().tells_virials

    @property
    def findings(self):
        return (*super().findings, CHARGES) if self.model.charges else super().findings

    @property
    def networks(self) -> Networks:
        """The kernels' tables."""
        return self.tables

    def offset(self, e: int) -> float:
        """Of the energies of an element, eV."""
        return energy_of(self.model, e)[1] * self.units.ev

    @property
    def more(self) -> str:
        own, how = self.model.charges, self.charge_settings
        if not own:
            return ""
        if how.sums == "n2p2":
            sums = "sums cut off as n2p2 does it"
        else:
            sums = f"pairs within {self.near.lists[0][1]:.4g} Angstrom, accuracy {how.accuracy:g}"
        residual = f", residual {how.residual:g} e" if own.equilibrated else ""
        return f"charges {'by equilibration' if own.equilibrated else 'predicted'} ({sums}{residual}), "

    @property
    def content(self) -> str:
        """What it is made of, in words."""
        columns = zip(self.model.elements, self.model.symmetry_functions, strict=True)
        return " + ".join(f"{len(own)} {element}" for element, own in columns) + " descriptors"

    @cached_property
    def charged_members(self) -> list["HDNNPotential"]:
        """Of a committee with charges: potentials that add up to it, but for walls."""
        how = {"precision": self.precision, "threads": self.threads, "charges": self.charge_settings}
        members = [replace(share(self.model, k), units=self.units) for k in range(len(self.model.members))]
        return [HDNNPotential(member, extrapolation="ignore", **how) for member in members]

    def bound(self, symbols) -> BoundTrained:
        if not self.model.charges:
            return BoundHDNNP(self, symbols)
        return BoundChargedCommittee(self, symbols) if self.is_committee else BoundCharged(self, symbols)

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
            atoms.x, atoms.f, *self._lists(full), out.limbs(), out.atom_energies, n_total=atoms.n_total,
            threads=self.threads, **told,
        )  # fmt: skip
        out.add_limbs()
        if self.walls:
            self.walls.compute(atoms, neighbors.of(self.walls.potential), domain, out)

    def members_of(self, atoms, full, domain):
        found, limbs = deviations(self.tables, atoms.x, *self._lists(full), atoms.n_total, self.threads)
        return np.ascontiguousarray(found.transpose(1, 0, 2)), limbs

    def _lists(self, full):
        return full.first, full.index, full.bounds, self.species_of, self.element_of, self.potential.native

    def shares_of(self, atoms, neighbors, domain):
        n, model, told, lists = atoms.n_owned, self.potential.model, {}, self._lists(neighbors.full)
        self._spread = None
        if self.wanted:
            room = self._room(n, {*self.wanted, *RANGE})
            told = {TOLD[finding]: room[finding] for finding in RANGE}
        g = np.zeros((max(n, 1), self.width))
        descriptors_of(self.tables, atoms.x, *lists, g, atoms.n_total, self.threads, **told)
        if DESCRIPTORS in self.wanted:
            self.beside[DESCRIPTORS][:n] = g[:n]
        shares = np.zeros((n, self.tables.n_members))
        self._slopes = np.zeros((self.tables.n_members, max(n, 1), self.width))  # dE_im/dG, native
        elements = self.element_of[atoms.species[:n]]
        for e, scaling in enumerate(model.scaling):
            rows, count = np.flatnonzero(elements == e), len(scaling.min)
            if not len(rows):
                continue
            (slope, shift, base), (factor, offset) = scaling.affine(), energy_of(model, e)
            x = slope * (g[rows, :count] - shift) + base
            for k in range(self.tables.n_members):
                energies, gradient = self.tables.network(e, x, k)
                shares[rows, k] = self.potential.units.ev * (factor * energies + offset)
                self._slopes[k, rows, :count] = factor * slope * gradient
        return shares

    def weigh(self, atoms, neighbors, domain, weights):
        slopes, n = np.zeros(self._slopes.shape[1:]), atoms.n_owned
        for own, member in zip(weights.T, self._slopes, strict=True):
            slopes[:n] += own[:, None] * member[:n]
        pull(self.tables, atoms.x, atoms.f, *self._lists(neighbors.full), slopes, atoms.n_total, self.threads)


class Reads:
    """Who reads a list, (kind, cutoff), beside others of the same potential (neighbors.py)."""

    def __init__(self, *lists):
        self.lists = lists


def networks_of(model: HDNNP, precision: str = "double", of_charges: bool = False) -> Networks:
    """The kernels' tables of a model, for "double" or "mixed" precision; InputError if a descriptor can't be scaled.

    of_charges : of its networks of charges, whose answers are as they give them
    """
    own, elements = model.charges if of_charges else model, []
    all_members = (own.networks,) if of_charges else model.members
    for e, (scaling, functions) in enumerate(zip(own.scaling, own.symmetry_functions, strict=True)):
        if scaling.degenerate.size:
            first = functions[scaling.degenerate[0]]
            raise InputError(
                f"{model.name or 'potential'}: symmetry function {first.label} has no width in scaling.data "
                "(min = max, or statistics are missing), so it can't be scaled"
            )
        slope, shift, base = scaling.affine()
        factor, offset = (1.0, 0.0) if of_charges else energy_of(model, e)
        members = [network_tables(networks[e]) for networks in all_members]
        plan = KINDS[model.kind].make_plan(functions, model.elements)
        elements.append((plan, members, slope, shift, base, factor, offset))
    ranges = [(scaling.min, scaling.max) for scaling in own.scaling]
    nearest = None if of_charges or model.watched is None else model.watched.table(1.0 / model.units.angstrom)
    return Networks(elements, ranges, precision, nearest)
