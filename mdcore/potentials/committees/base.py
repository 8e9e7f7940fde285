"""What have potentials in common whose energy depends on what each member of a committee says?

    E = E(E_im),    F = - sum_im (dE/dE_im) grad E_im,    E_im: the energy of atom i by member m

so forces are exact: those of sum_im weights_im E_im at fixed weights dE/dE_im. A step asks the network twice: `shares_of`
it, and when the weights are known, `weigh` (networks/running.py). How far members are apart is counted from their mean,

    sigma_i^2 = 1/M sum_m (E_im - <E_i>)^2,    d sigma_i^2 / d E_im = 2/M (E_im - <E_i>)
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.potentials.base import BoundSum, Sum
from mdcore.potentials.networks.running import TrainedPotential

MOST = 0.5 * exact.SHARE_LIMIT  # eV


@dataclass(frozen=True, eq=False)
class Members:
    """What the members say of owned atoms, eV.

    mean : float64 [n]; apart : [n, M], less the mean; variance : [n]
    """

    mean: np.ndarray
    apart: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, shares: np.ndarray) -> "Members":
        """shares : float64 [n, M], E_im. Sums run over the members in order, so the bits are those of the atom."""
        n, m = shares.shape
        mean, variance = np.zeros(n), np.zeros(n)
        for own in shares.T:
            mean += own
        mean /= m
        apart = shares - mean[:, None]
        for own in apart.T:
            variance += own**2
        return cls(mean, apart, variance / m)

    @property
    def slopes(self) -> np.ndarray:
        """d sigma_i^2 / d E_im, [n, M]."""
        return 2.0 / self.apart.shape[1] * self.apart


def bounded(energies: np.ndarray) -> np.ndarray:
    """Energies of atoms whose sums stay exact; a blow-up is reported by others."""
    return np.clip(np.nan_to_num(energies, nan=MOST), -MOST, MOST)


class OfCommittee(Sum):
    """A sum whose first term is a committee of networks; InputError if it is not."""

    tells_virials = False  # of atoms

    def __init__(self, network, *others):
        name = type(self).__name__
        if not isinstance(network, TrainedPotential):
            raise InputError(f"{name}: expected a committee of networks, such as HDNNPotential(...), not {network!r}")
        if not network.is_committee:
            raise InputError(
                f"{name}: {network.name} is one network, which can't disagree with itself; make a committee: "
                "[committee] members = 5 of mdcore train, or mdcore convert A.h5 B.h5 ... COMMITTEE.h5"
            )
        super().__init__(network, *others)

    @property
    def network(self) -> TrainedPotential:
        """The committee."""
        return self.terms[0]


class BoundOfCommittee(BoundSum):
    """Bound terms, of which the first is a committee."""

    virial_of_forces = False

    def ask(self, network, atoms, neighbors, domain) -> Members:
        """What the members of a bound network say (collective)."""
        return Members.of(network.shares_of(atoms, neighbors.of(network.potential).full, domain))

    def push(self, network, weights, atoms, neighbors, domain, out) -> None:
        """Add the forces of the weighted energies of a bound network, and all of its walls (collective)."""
        lists = neighbors.of(network.potential)
        network.weigh(atoms, lists.full, domain, weights)
        if network.walls:
            network.walls.compute(atoms, lists.of(network.walls.potential), domain, out)
