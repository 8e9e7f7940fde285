"""A sum over charges in a system at hand: pairs, waves or a mesh, slab or cluster; forces, energies, potentials.

What is summed stands in electrostatics.py.
"""

import math
from copy import copy

import numpy as np

from mdcore.base import exact
from mdcore.base.voigt import PAIRS
from mdcore.doors import _kernels
from mdcore.potentials.base import Finding
from mdcore.potentials.charges.damping import Damping
from mdcore.potentials.charges.kept import KeptPlan
from mdcore.potentials.charges.slab import Slab, refuse
from mdcore.potentials.pair.coulomb import BoundCoulomb

LARGEST = 1000.0  # charge
MOST_CHARGE = 2.0**22  # of all atoms, without signs: sums of waves are exact in 64 bits (ext/charges/waves.h)
PIECES = 12  # of pairs, between which a rank looks for messages
WIRE = "wires, periodic along one axis, are not supported; let three axes be periodic, with vacuum"
ELECTRIC_POTENTIAL = Finding("electric_potential", "electric potential", per_atom=True)


class BoundElectrostatics(BoundCoulomb):
    """Charges with all their images in a system of these species."""

    virial_of_forces = False

    def __init__(self, potential, symbols):
        super().__init__(potential, symbols)
        self._plans, self._checked = KeptPlan(potential.plan), False
        unit = copy(potential)
        unit.of_atoms = True
        self._unit_rows = np.array([unit.row(a, b) for a in self.symbols for b in self.symbols])
        self._damping = self._unit_damping = None
        if potential.damping is not None:
            self._damping, unit_damping = (Damping(own).bind(self.symbols) for own in (potential, unit))
            self._unit_damping = unit_damping.rows
        self._unit_own = np.array([unit.own_energy(name) for name in self.symbols])

    def compute(self, atoms, neighbors, domain, out) -> None:
        charges = np.zeros(atoms.n_total + 1)
        charges[: atoms.n_owned] = self.charges_of(atoms, slice(0, atoms.n_owned))
        self._check(charges, domain)

        pairs = self._pairs(atoms, neighbors, domain, out)
        if any(domain.box.periodic):
            self._waves(atoms, charges, domain, out, pairs)
        else:
            for _ in pairs:
                pass
            self._all_pairs(atoms, charges, domain.comm, out)

    def _pairs(self, atoms, neighbors, domain, out):
        """Pairs, in pieces: who does the next one looks for messages in between."""
        pieces = 1 if out.want_energy or domain.comm.size == 1 else PIECES
        for k in range(pieces):
            self.compute_rows(atoms, neighbors, out, *(atoms.n_owned * end // pieces for end in (k, k + 1)))
            yield
        self.compute_others(atoms, neighbors, domain, out)
        if self._damping is not None:
            self._damping.compute(atoms, neighbors.of(self._damping.potential), domain, out)

    def _check(self, charges, domain, new: bool = False) -> None:
        """Will sums be exact, and is there one for this cell? new : of charges that are not its own (collective)"""
        if sum(domain.box.periodic) == 1:
            refuse(WIRE)
        if self._checked and not new and not self.potential.of_atoms:
            return
        size = np.abs(charges)
        size = size.sum() if size.max() < LARGEST else math.inf
        if not domain.comm.sum(np.array([size]))[0] < MOST_CHARGE:
            refuse(f"charges must be finite and less than {LARGEST:g}, without signs all together {MOST_CHARGE:.2g}")
        self._checked = True

    def find(self, work, wanted=None):
        found = super().find(work, wanted)
        if ELECTRIC_POTENTIAL not in (self.potential.outputs if wanted is None else wanted):
            return found
        charges = np.zeros(work.atoms.n_total + 1)
        charges[: work.atoms.n_owned] = self.charges_of(work.atoms, slice(0, work.atoms.n_owned))
        lists = work.neighbors.of(self.potential)
        return found | {ELECTRIC_POTENTIAL: self.potentials_of(work.atoms, charges, lists, work.domain)}

    def potentials_of(self, atoms, charges, neighbors, domain) -> np.ndarray:
        """float64 [n_owned], dE/dq of any charges float64 [n_total + 1], of which those of owned atoms count: they need
        not be those of the potential. It is linear in them but for rounding to 2^-36 (collective).

        neighbors : the potential's own lists, as for `compute`; of a point it is the potential where it is of all other
        charges, of a Gaussian the mean over it, its own field included; energy = sum of charges * this / 2
        """
        n = atoms.n_owned
        domain.forward_rows(charges)
        self._check(charges[: n + 1] * (np.arange(n + 1) < n), domain, new=True)
        near = np.zeros(atoms.n_total + 1)
        kinds, kind = len(self.symbols), _kernels.GAUSSIANS if self.potential.widths else _kernels.POINTS
        _kernels.charge_potentials(atoms, neighbors.list, self._unit_rows, kinds, kind, charges, near)
        if self._damping is not None:
            it = self._damping.potential
            _kernels.charge_potentials(
                atoms, neighbors.of(it).list, self._unit_damping, kinds, _kernels.DAMPED, charges, near, it.more
            )
        if self.potential.exclude_bonded:
            self._joined.potentials(atoms, neighbors, charges, near)
        domain.reverse_add_rows(near)
        far = np.zeros(atoms.n_total + 1)
        charges[n:] = 0.0
        if any(domain.box.periodic):
            total = float(exact.sums(domain.comm, charges[:n, None], exact.ENERGY_BITS)[0])
            plan, slab = self._sums_over(atoms, charges[:n], total, domain)
            plan.act(atoms, charges, domain, far, forces=False, energy=False)
            far[:n] += self._background(plan, total) + (slab.potentials if slab else 0.0)
        else:
            self._cluster(atoms, charges, domain.comm, far, forces=False)
        return near[:n] + far[:n] + 2.0 * self._unit_own[atoms.species] * charges[:n]

    def _background(self, plan, total: float) -> float:
        """Potential of what neutralises a total charge."""
        return -self.potential.constant * self.potential.mean * total / plan.volume

    def _all_pairs(self, atoms, charges, comm, out) -> None:
        """Of a cluster: what pairs within the cutoff do not have."""
        n, potentials = atoms.n_owned, np.zeros(atoms.n_total + 1)
        self._cluster(atoms, charges, comm, potentials)
        if out.want_energy:
            out.add_shares(0.5 * charges[:n] * potentials[:n])

    def _cluster(self, atoms, charges, comm, potentials, forces: bool = True) -> None:
        it, n = self.potential, atoms.n_owned
        rows = comm.join(np.column_stack([atoms.tags[:n], atoms.positions[:n], charges[:n]]))  # tags: exact as floats
        others = np.zeros((4, len(rows) + -len(rows) % 4))
        others[:, : len(rows)] = rows[np.argsort(rows[:, 0]), 1:].T
        own = it.constant, it.alpha, it.cutoff, *it.shifts
        _kernels.charge_pairs(atoms, charges, others, *own, potentials, forces)

    def _waves(self, atoms, charges, domain, out, pairs) -> None:
        """Of a crystal or a slab: pairs, and what they do not have. Pairs are computed while messages of the mesh are
        on their way between ranks."""
        comm, n, total = domain.comm, atoms.n_owned, 0.0
        if out.want_energy or not all(domain.box.periodic):
            total = float(exact.sums(comm, charges[:n, None], exact.ENERGY_BITS)[0])
        plan, slab = self._sums_over(atoms, charges[:n], total, domain)
        potentials, before = np.zeros(atoms.n_total + 1), None

        def meanwhile():
            nonlocal before
            yield from pairs
            before = atoms.forces.copy() if out.want_energy else None

        found = plan.act(atoms, charges, domain, potentials, energy=out.want_energy, meanwhile=meanwhile())
        if slab:
            slab.act(atoms)
            potentials[:n] += slab.potentials
        if not out.want_energy:
            return
        energy, virial = found
        background = self._background(plan, total)
        others = 0.5 * background * total + (slab.energy if slab else 0.0)  # both go as 1 / area
        if comm.rank == 0:
            out.energy += round(math.ldexp(energy + others, exact.FORCE_BITS))
        if out.atom_energies is not None:
            out.atom_energies[:n] += 0.5 * charges[:n] * (potentials[:n] + background)
        forces, virial = atoms.forces - before, others * np.eye(3) + virial
        if slab:
            virial = slab.virial(virial, forces, comm)
        out.replace_virial(out.sums_of(atoms, forces), [virial[pair] * (comm.rank == 0) for pair in PAIRS])

    def _sums_over(self, atoms, charges, total: float, domain):
        """(plan, Slab or None) of a cell."""
        bulk = all(domain.box.periodic)
        slab = None if bulk else Slab(atoms, domain, self.potential, charges, total)
        return self._plans.of(slab.matrix if slab else domain.box.matrix), slab

    def state(self) -> dict:
        return self._plans.state()

    def restore(self, state) -> None:
        self._plans.restore(state)

    def about(self, unit) -> str:
        return self.potential.describe(unit) + (f" {plan.about}" if (plan := self._plans.plan) else "")
