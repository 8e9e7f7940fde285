"""Who takes over where a committee of networks does not know? A baseline, smoothly, with one energy for all of it.

With sigma_i of each atom (base.py), calibrated by a factor alpha of its species, and u the uncertainty at which both
count alike, s_i = alpha sigma_i / u, weights are after G. Imbalzano et al., J. Chem. Phys. 154, 074102 (2021):

    "structure"    E = E_b + w (<E> - E_b),              w   = 1 / (1 + sum_i s_i^4)
    "atoms"        E = sum_i [E_b,i + w_i (<E_i> - E_b,i)],    w_i = 1 / (1 + s_i^2)
    "correction"   E = E_b + sum_i [z_i + w_i (<E_i> - z_i)],  w_i = 1 / (1 + s_i^2)

One weight for all of the structure asks nothing of the baseline but energy and forces; the fourth power lets the most
doubtful atoms decide. Weights of atoms are local. They need a baseline whose forces can be had for weighted energies of
atoms (`weighable`): pairs, of which either atom has half, the embedded-atom method, Stillinger-Weber, Tersoff, another
network potential, or a sum of these; or a network that was trained on what the baseline lacks, where the baseline
always counts in full, and z_i is what such a network gives an atom in any surroundings. Derivatives of the weights are
in the forces: all three conserve E. E_b may have a constant of each species added (shifts), so that it is counted from
the same zero as <E>: forces from the weights go with <E> - E_b.
"""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import table
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number, signed
from mdcore.doors import _kernels
from mdcore.potentials.base import Finding, Potential, Results, leaves
from mdcore.potentials.committees.base import BoundOfCommittee, Members, OfCommittee, bounded
from mdcore.potentials.networks.running import TrainedPotential

KINDS = ("structure", "atoms", "correction")
WEIGHT = Finding("network_weight")  # the smallest of all atoms
UNCERTAINTY = Finding("uncertainty", "energy", per_atom=True)  # alpha sigma_i
GRID = 2.0**exact.FORCE_BITS
FAR = 1e75  # s_i^2 whose square is a number


class FallbackPotential(OfCommittee):
    """A committee of networks, and the baseline that takes over where its members disagree.

    network : HDNNPotential or DensityPotential of a committee
    baseline : the potential that takes over, or a Sum; for weights of atoms one that is `weighable`
    uncertainty : u, eV: an atom whose calibrated sigma_i is that counts half
    weights : "structure", "atoms" or "correction"
    calibration : alpha, by which sigma_i are multiplied, of all species or {species: alpha}
    shifts : {species: eV}, added to the baseline's energy for each atom; `fitted_shifts` finds them. Of a species that
        is not there: what the network gives an atom in any surroundings, less what a baseline that is a network does
    zeros : of the members (base.py); `member_zeros` finds them
    double_counting : as of Sum, with "correction"; else one is there in place of the other

    The network's walls stay in full. It finds `network_weight`, the smallest weight of the network, and `uncertainty`
    of each atom. InputError for a single network, or a baseline that can't take over.
    """

    def __init__(
        self, network, baseline, *, uncertainty: float, weights: str = "structure", calibration=1.0, shifts=None,
        zeros=None, double_counting="refuse",
    ):  # fmt: skip
        counting = double_counting if weights == "correction" else "allow"
        super().__init__(network, baseline, zeros=zeros, double_counting=counting)
        choice("weights", weights, KINDS)
        self.uncertainty, self.weights = number("uncertainty", uncertainty, "energy"), weights
        if hasattr(calibration, "items"):
            self.calibration = {s: number(f"calibration: {s}", x) for s, x in table("calibration", calibration).items()}
        else:
            self.calibration = number("calibration", calibration)
        self.shifts = {s: signed(f"shifts: {s}", x, "energy") for s, x in table("shifts", shifts).items()}
        if self.shifts and weights == "correction":
            raise InputError('shifts: the baseline counts in full with weights = "correction"; leave them away')
        for term in leaves(self.baseline):
            if term.outside:
                raise InputError(f"baseline: {term!r} acts from outside; add it: Sum(FallbackPotential(...), it)")
        self._check_weighable()

    def __repr__(self):
        return f"FallbackPotential({self.network!r}, {self.baseline!r}, weights={self.weights!r})"

    def _check_weighable(self) -> None:
        if self.weights == "atoms" and not self.baseline.weighable:
            raise InputError(
                'weights = "atoms": the energies of atoms of the baseline can\'t be weighted; those of pair potentials '
                "can (without tail corrections or images past the cutoff, Coulomb without exclude_bonded), of EAM, "
                "Stillinger-Weber, Tersoff, and network potentials without charges or subtracted laws; any other takes "
                'over with weights = "structure", or with a network that was trained on what it lacks, "correction"'
            )

    @property
    def baseline(self) -> Potential:
        """What takes over."""
        return self.terms[1]

    @property
    def whole(self) -> bool:
        return self.weights == "structure" or self.baseline.whole

    @property
    def findings(self):
        return (*super().findings, WEIGHT, UNCERTAINTY)

    def of_terms(self, terms):
        return FallbackPotential(
            *terms, uncertainty=self.uncertainty, weights=self.weights, calibration=self.calibration,
            shifts=self.shifts, zeros=self.zeros, double_counting=self.double_counting,
        )  # fmt: skip

    def bind(self, symbols):
        self._check_weighable()  # once more: what a potential leaves out may have been set since
        bound = [term.bind(symbols) for term in self.terms]
        if any(term.moves for term in leaves(bound[1])):
            raise InputError("baseline: it depends on the time; such a potential can't take over")
        kind = {"structure": BoundWhole, "atoms": BoundByAtom, "correction": BoundCorrection}[self.weights]
        return kind(self, bound, symbols)


class BoundFallback(BoundOfCommittee):
    """The same for a system of these species."""

    def __init__(self, potential, terms, symbols):
        super().__init__(potential, terms)
        own = potential.calibration
        for name in own if isinstance(own, dict) else ():
            if name not in symbols:
                raise InputError(f"calibration: no species {name!r}; there are {', '.join(symbols)}")
        for name in potential.shifts:
            if name not in symbols:
                raise InputError(f"shifts: no species {name!r}; there are {', '.join(symbols)}")
        self._alpha = np.array([own.get(s, 1.0) if isinstance(own, dict) else own for s in symbols])
        usual = self._zeros_of(terms[0])
        for term in leaves(terms[1]):
            if isinstance(term.potential, TrainedPotential):
                usual -= self._zeros_of(term)
        self._shift = np.array([potential.shifts.get(s, x) for s, x in zip(symbols, usual.tolist(), strict=True)])
        self._tail, self._n = (0.0, 0.0), 1

    @staticmethod
    def _zeros_of(network) -> np.ndarray:
        """z of each species, eV."""
        network = leaves(network)[0]  # beside what was subtracted in training
        return np.array([network.potential.zero(e) for e in network.element_of.tolist()])

    def tail(self, counts, box):
        self._n = max(sum(counts), 1)
        self._tail = self.terms[1].tail(counts, box)
        return self.terms[0].tail(counts, box)

    def _rate(self, species) -> np.ndarray:
        """d s_i^2 / d sigma_i^2"""
        return (self._alpha[species] / self.potential.uncertainty) ** 2

    def _keep(self, members: Members, species, smallest: float) -> None:
        """What `find` tells."""
        self._sigma, self._weight = self._alpha[species] * np.sqrt(members.variance), smallest

    def find(self, work, wanted=None):
        found = super().find(work, wanted)
        if wanted is None or WEIGHT in wanted:
            found[WEIGHT] = float(-work.comm.maximum(np.array([-self._weight]))[0])
        if wanted is None or UNCERTAINTY in wanted:
            found[UNCERTAINTY] = self._sigma.copy()
        return found

    def _by_atoms(self, members: Members, zero, species) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(w_i [n], zero_i + w_i (<E_i> - zero_i), its derivatives by E_im [n, M])"""
        rate, m = self._rate(species), members.apart.shape[1]
        weight = 1.0 / (1.0 + rate * members.variance)
        rest = members.mean - zero
        slopes = (weight / m)[:, None] - (rest * weight**2 * rate)[:, None] * members.slopes
        self._keep(members, species, weight.min(initial=1.0))
        return weight, zero + weight * rest, slopes


class BoundWhole(BoundFallback):
    """One weight for all of the structure."""

    def compute(self, atoms, neighbors, domain, out) -> None:
        network, n, comm = self.terms[0], atoms.n_owned, domain.comm
        species = atoms.species[:n]
        members, beside = self.ask(atoms, neighbors, domain), Beside(self.terms[1], atoms, neighbors, domain, out)
        rate = self._rate(species)
        square = np.minimum(rate * members.variance, FAR)  # s_i^2
        weight = 1.0 / (1.0 + exact.dots(comm, square**2)[0])
        shift = self._shift[species]
        ours, theirs = exact.sums(comm, np.column_stack([bounded(members.mean), shift]), exact.FORCE_BITS)
        theirs += beside.energy + self._tail[0]
        rest = ours - theirs
        slopes = weight / members.apart.shape[1] - (2.0 * rest * weight**2 * rate * square)[:, None] * members.slopes
        self._keep(members, species, weight)
        beside.add(1.0 - weight, self._tail[1], atoms, out)
        self.push(network, slopes, atoms, neighbors, domain, out)
        if comm.rank == 0 and out.want_energy:
            out.energy += round(math.ldexp(theirs + weight * rest, exact.FORCE_BITS))
        if out.atom_energies is not None:
            their = beside.energies[:n] + shift + self._tail[0] / self._n
            out.atom_energies[:n] += np.rint((their + weight * (members.mean - their)) * GRID) / GRID


class BoundByAtom(BoundFallback):
    """A weight for each atom, and a baseline whose energies of atoms can be weighted."""

    def compute(self, atoms, neighbors, domain, out) -> None:
        network, species = self.terms[0], atoms.species[: atoms.n_owned]
        members, own = self.ask(atoms, neighbors, domain), self._shift[species]
        terms = [(term, term.shares_of(atoms, neighbors.of(term.potential), domain)) for term in leaves(self.terms[1])]
        for term, shares in terms:
            own = own + Members.of(shares).mean
            if term.said and term.said.bad_row >= 0:
                out.bad_row, out.complaint = term.said.bad_row, term.said.complaint
        weight, energies, slopes = self._by_atoms(members, own, species)
        self.push(network, slopes, atoms, neighbors, domain, out)
        for term, shares in terms:
            rest = ((1.0 - weight) / shares.shape[1])[:, None]
            self.push(term, np.broadcast_to(rest, shares.shape), atoms, neighbors, domain, out)
        if out.want_energy:
            out.add_shares(energies)


class BoundCorrection(BoundFallback):
    """A weight for each atom of a network that corrects the baseline."""

    def __init__(self, potential, terms, symbols):
        super().__init__(potential, terms, symbols)
        self._zero = self._zeros_of(terms[0])

    def tail(self, counts, box):
        return self.terms[1].tail(counts, box)

    def compute(self, atoms, neighbors, domain, out) -> None:
        (network, baseline), species = self.terms, atoms.species[: atoms.n_owned]
        baseline.compute(atoms, neighbors.of(baseline.potential), domain, out)
        members = self.ask(atoms, neighbors, domain)
        _, energies, slopes = self._by_atoms(members, self._zero[species], species)
        self.push(network, slopes, atoms, neighbors, domain, out)
        if out.want_energy:
            out.add_shares(energies)


class Beside:
    """What a bound potential says of the atoms, beside the forces that are there (collective).

    energy : of the whole, eV; energies : float64 [n_total + 1] or None, of owned atoms where `out` has room for them
    """

    def __init__(self, term, atoms, neighbors, domain, out):
        own = Results(out.position_bits)
        room = None if out.atom_energies is None else np.zeros_like(out.atom_energies)
        own.reset(True, room)
        own.time, own.total_charge, own.totals = out.time, out.total_charge, out.totals
        rows = atoms.f[: atoms.n_total + 1]
        before = rows.copy()
        atoms.clear_forces()
        term.compute(atoms, neighbors.of(term.potential), domain, own)
        sums = own.whole_virial(_kernels.virial_sums(atoms, 2.0**own.position_bits))
        domain.reverse_forces(atoms)
        self._forces = atoms.forces.copy()
        rows[:] = before
        if room is not None:
            domain.reverse_add_rows(room)
        energy, *virial = domain.comm.sum(np.concatenate([exact.limbs(own.energy)[None], sums]))
        self.energies, self.energy = room, exact.value(exact.integer(energy), exact.FORCE_BITS)
        bits = exact.FORCE_BITS + own.position_bits
        self._virial = np.array([exact.value(exact.integer(row), bits) for row in virial]) * (domain.comm.rank == 0)
        self._first, self._known = domain.comm.rank == 0, own.virial_known
        if own.bad_row >= 0:
            out.bad_row, out.complaint = own.bad_row, own.complaint

    def add(self, weight: float, tail: float, atoms, out) -> None:
        """Add its forces times a weight, with their virial where `out` has energies; tail : trace of the virial past
        the cutoff."""
        forces = np.rint(weight * self._forces * GRID) / GRID
        if out.want_energy:
            whole = self._virial + np.array([tail / 3.0] * 3 + [0.0] * 3) * self._first
            out.replace_virial(out.sums_of(atoms, forces), weight * whole)
            out.virial_known &= self._known
        atoms.forces[:] += forces
