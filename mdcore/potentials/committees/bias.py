"""Dynamics that seek what a committee does not know: energy falls where its members disagree.

Of the whole (M. Kulichenko et al., Nat. Comput. Sci. 3, 230 (2023)), N atoms,

    E = <E> + A [exp(-sigma^2 / (2 N B^2)) - 1],    sigma^2 = 1/M sum_m (E_m - <E>)^2

(there sigma_E^2 / (N_M N_A B^2) with sigma_E^2 = 1/2 sum_m (E_m - <E>)^2: the same), or of each atom,

    E = <E> + sum_i A [exp(-sigma_i^2 / (2 B^2)) - 1]

It gains up to A, at disagreements of B an atom most steeply. Forces are its gradient (base.py), so dynamics conserve
it.
"""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.ranges import choice, number
from mdcore.potentials.base import Finding
from mdcore.potentials.committees.base import BoundOfCommittee, OfCommittee, bounded

KINDS = ("structure", "atoms")
BIAS = Finding("bias_energy", "energy")


class BiasedPotential(OfCommittee):
    """A committee of networks and a bias towards what it does not know.

    network : HDNNPotential or DensityPotential of a committee
    depth : A, eV, the most that the bias gains: of the whole, or of each atom; width : B, eV
    of : "structure", the variance of the whole energy, an atom; "atoms": of each atom's own, which is local
    zeros : of the members (base.py); they count with "atoms" only

    It finds `bias_energy`, what the bias adds (a trajectory is reweighted with it). InputError for a single network.
    """

    def __init__(self, network, *, depth: float, width: float, of: str = "structure", zeros=None):
        super().__init__(network, zeros=zeros if of == "atoms" else None)
        self.depth, self.width = number("depth", depth, "energy"), number("width", width, "energy")
        self.kind = of
        choice("of", of, KINDS)

    def __repr__(self):
        return f"BiasedPotential({self.network!r}, depth={self.depth:g}, width={self.width:g}, of={self.kind!r})"

    def of_terms(self, terms):
        return BiasedPotential(*terms, depth=self.depth, width=self.width, of=self.kind, zeros=self.zeros)

    def bind(self, symbols):
        return BoundBias(self, [self.network.bind(symbols)])

    @property
    def whole(self) -> bool:
        return self.kind == "structure"

    @property
    def findings(self):
        return (*super().findings, BIAS)


class BoundBias(BoundOfCommittee):
    """The same for a system of these species."""

    def compute(self, atoms, neighbors, domain, out) -> None:
        it, network = self.potential, self.terms[0]
        members = self.ask(atoms, neighbors, domain)
        shared = 1.0 / members.apart.shape[1]
        if it.kind == "atoms":
            low = np.exp(members.variance * (-0.5 / it.width**2))
            self._bias = it.depth * (low - 1.0)
            weights = shared + (-0.5 * it.depth / it.width**2 * low)[:, None] * members.slopes
            own = members.mean + self._bias
        else:
            self._bias, slopes = self._of_whole(members, domain.comm)
            weights, own = np.broadcast_to(shared + slopes, members.apart.shape), members.mean
            if domain.comm.rank == 0 and out.want_energy:
                out.energy += round(math.ldexp(self._bias, exact.FORCE_BITS))
            if out.atom_energies is not None:
                out.atom_energies[: len(own)] += self._bias / self._n
        if out.want_energy:
            out.add_shares(own)
        self.push(network, weights, atoms, neighbors, domain, out)

    def _of_whole(self, members, comm) -> tuple[float, np.ndarray]:
        """(energy of the bias, its derivatives by E_m, [M]) (collective)"""
        it, m = self.potential, members.apart.shape[1]
        columns = np.column_stack([bounded(members.apart), np.ones(len(members.mean))])
        *apart, self._n = exact.sums(comm, columns, exact.FORCE_BITS).tolist()
        scale = 1.0 / (self._n * it.width**2)
        low = math.exp(-0.5 * scale * sum(own * own for own in apart) / m)
        return it.depth * (low - 1.0), np.array([-it.depth * low * scale * own / m for own in apart])

    def find(self, work, wanted=None):
        found = super().find(work, wanted)
        if wanted is None or BIAS in wanted:
            bias = self._bias
            if self.potential.kind == "atoms":
                bias = float(exact.sums(work.comm, bias[:, None], exact.FORCE_BITS)[0])
            found[BIAS] = bias
        return found
