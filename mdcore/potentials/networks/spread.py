"""How much do the members of a committee differ about this structure?

The disagreement about atom i is the standard deviation of the force on it over the M members (C. Schran, K. Brezina,
O. Marsalek, J. Chem. Phys. 153, 104105 (2020)),

    sigma_i = sqrt( 1/M sum_m |F_i^m - <F_i>|^2 ),

that of the energy is sqrt( 1/M sum_m (E^m - <E>)^2 ) / N. Members agree where they were trained and differ elsewhere:
a large disagreement says that the data lack such surroundings. A small one is no proof of the opposite.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base import exact
from mdcore.potentials.base import Finding

GRID_BITS = 24  # of the sum over atoms, in the unit of force


@dataclass(frozen=True, eq=False)
class Spread:
    """How the members of a committee differ about a structure.

    forces : float64 [n], disagreement about each atom (its owned atoms, where many ranks work), unit of force
    energies : float64 [n_members], what each says of the whole, unit of energy; energy : their standard deviation an
        atom
    largest, mean : of `forces`, over all atoms; atom : tag of the atom with the largest (of equals the first)
    """

    forces: np.ndarray
    energies: np.ndarray
    energy: float
    largest: float
    mean: float
    atom: int

    @classmethod
    def of(cls, forces, limbs, tags, comm) -> "Spread":
        """forces, tags [n_owned] and limbs [n_members, 3] of the energies: this rank's share (collective)."""
        total = np.zeros(3, dtype=np.int64)
        clipped = np.minimum(np.nan_to_num(forces, nan=np.inf), 2.0**14)  # a blow-up is reported by others
        total[:2] = np.rint(clipped * 2.0**GRID_BITS).astype(np.int64).sum(), len(forces)
        sums = comm.sum(np.concatenate([limbs, total[None]]))
        mine = (-1.0, 0)
        if len(forces):
            mine = float(clipped.max()), -int(tags[clipped == clipped.max()].min())
        largest, atom = max(comm.allgather(mine))
        n = int(sums[-1][1])
        energies = np.array([exact.value(exact.integer(row), exact.FORCE_BITS) for row in sums[:-1]])
        mean = int(sums[-1][0]) / 2.0**GRID_BITS / n
        return cls(forces, energies, float(energies.std()) / n, largest, mean, -atom)


# what a committee finds (base.py)
LARGEST = Finding("max_disagreement", "force")
MEAN = Finding("mean_disagreement", "force")
ENERGY = Finding("energy_disagreement", "energy", shown=False)
FORCES = Finding("force_disagreement", "force", per_atom=True)
ATOM = Finding("most_disputed_atom", output=False)  # its tag
DISAGREEMENT = (LARGEST, MEAN, ENERGY, FORCES, ATOM)
