"""What have potentials in common whose energy depends on what each member of a committee says?

    E = E(E_im),    F = - sum_im (dE/dE_im) grad E_im,    E_im: the energy of atom i by member m

so forces are exact: those of sum_im weights_im E_im at fixed weights dE/dE_im. A step asks the network twice:
`shares_of` it, and when the weights are known, `weigh` (networks/running.py). How far members are apart is counted
from their mean,

    sigma_i^2 = 1/M sum_m (E_im - <E_i> - z_em)^2,    d sigma_i^2 / d E_im = 2/M (E_im - <E_i> - z_em)

How a member shares the energy among elements is its own business where data have few compositions: an oxygen may have
1 eV more in one than in another, and hydrogens less. These constants z_em, with sum_m z_em = 0, are no disagreement;
they are what members differ by in structures that they know (engine/zeros.py).
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import listed, table
from mdcore.base.errors import InputError
from mdcore.base.ranges import signed
from mdcore.potentials.base import BoundSum, Sum
from mdcore.potentials.networks.running import TrainedPotential

MOST = 0.5 * exact.SHARE_LIMIT  # eV
SAME = 1e-6  # of the largest: what zeros may add up to


@dataclass(frozen=True, eq=False)
class Members:
    """What the members say of owned atoms, eV.

    mean : float64 [n]; apart : [n, M], less the mean and zeros; variance : [n]
    """

    mean: np.ndarray
    apart: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, shares: np.ndarray, zeros=0.0) -> "Members":
        """shares : float64 [n, M], E_im; zeros : z_em of each atom, [n, M]. Sums run over the members in order, so
        the bits are those of the atom."""
        n, m = shares.shape
        mean, variance = np.zeros(n), np.zeros(n)
        for own in shares.T:
            mean += own
        mean /= m
        apart = shares - mean[:, None] - zeros
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


def check_members(name: str, network: TrainedPotential) -> None:
    """InputError for a committee whose members do not say what each atom has (`shares_of`)."""
    charged = getattr(network.model, "charges", None)
    if charged or network.model.subtracted:
        what = "charges" if charged else "energy that was subtracted in training"
        told = f"{name}: {network.name} has {what}, which is not asked of each member"
        raise InputError(f"{told}; take a committee without")


class OfCommittee(Sum):
    """A sum whose first term is a committee of networks; InputError if it is not.

    zeros : {element: z_em, eV, one of each member}, of elements that are not there 0 (`member_zeros` finds them)
    """

    tells_virials = weighable = False  # of atoms

    def __init__(self, network, *others, zeros=None, double_counting="refuse"):
        name = type(self).__name__
        if not isinstance(network, TrainedPotential):
            raise InputError(f"{name}: expected a committee of networks, such as HDNNPotential(...), not {network!r}")
        if not network.is_committee:
            raise InputError(
                f"{name}: {network.name} is one network, which can't disagree with itself; make a committee: "
                "[committee] members = 5 of mdcore train, or mdcore convert A.h5 B.h5 ... COMMITTEE.h5"
            )
        check_members(name, network)
        super().__init__(network, *others, double_counting=double_counting)
        self.zeros, m = {}, len(network.model.members)
        for element, own in table("zeros", zeros).items():
            if element not in network.model.elements:
                raise InputError(f"zeros: {element!r}: {network.name} knows {', '.join(network.model.elements)}")
            own = [signed(f"zeros: {element}", x) for x in listed(f"zeros: {element}", own, "eV")]
            if len(own) != m or abs(sum(own)) > SAME * (1.0 + max(map(abs, own))):
                raise InputError(f"zeros: {element}: expected {m} numbers, one of each member, which add up to 0")
            self.zeros[element] = own

    @property
    def network(self) -> TrainedPotential:
        """The committee."""
        return self.terms[0]


class BoundOfCommittee(BoundSum):
    """Bound terms, of which the first is a committee."""

    virial_of_forces = False

    def __init__(self, potential, terms):
        super().__init__(potential, terms)
        model, network = potential.network.model, terms[0]
        zeros = np.array([potential.zeros.get(element, [0.0] * len(model.members)) for element in model.elements])
        self._zeros = zeros[network.element_of]  # of each species

    def ask(self, atoms, neighbors, domain) -> Members:
        """What the members of the committee say (collective)."""
        network = self.terms[0]
        shares = network.shares_of(atoms, neighbors.of(network.potential), domain)
        return Members.of(shares, self._zeros[atoms.species])

    def push(self, network, weights, atoms, neighbors, domain, out) -> None:
        """Add the forces of the weighted energies of a bound potential, and all of the walls of a network
        (collective)."""
        lists = neighbors.of(network.potential)
        network.weigh(atoms, lists, domain, weights)
        if network.walls:
            network.walls.compute(atoms, lists.of(network.walls.potential), domain, out)
