"""Which epoch is the best? One number made of all errors, which units and labels that anything fits don't decide.

The geometric mean of the errors of all properties does not depend on units. But an error may be next to nothing for a
reason that says nothing of the networks: offsets alone fit as many energies as there are compositions, the forces of
perfect crystals vanish. So each error counts with a floor at least: what no label resolves, a share of how much the
labels differ, and, of energies, what the errors of forces (of stress) make of them over a small way (strain).
"""

from dataclasses import dataclass

import numpy as np

from mdcore.training.misfit import SetRegression
from mdcore.training.regression import Errors

RESOLVED = (1e-7, 1e-6, 1e-8)  # eV an atom, eV/Angstrom, eV/Angstrom^3: labels have no more digits than that
RESOLVED_CHARGE = 1e-6  # e, likewise
SHARE = 1e-4  # of the spread of labels
WAY = 1e-3  # of the cutoff, and a strain


@dataclass(frozen=True)
class Floors:
    """least : eV an atom, eV/Angstrom, eV/Angstrom^3; charge : e; way : Angstrom, over which an error of the forces is
    one of the energy an atom; space : Angstrom^3, likewise of the stress"""

    least: tuple[float, float, float] = (1e-300, 1e-300, 1e-300)
    way: float = 0.0
    space: float = 0.0
    charge: float = 1e-300

    def of(self, errors: Errors) -> tuple[float, ...]:
        """Energy, forces, stress as they count, nan: not measured; and charges if they are."""
        energy, forces, stress = np.maximum((errors.energy, errors.forces, errors.stress), self.least).tolist()
        if not np.isnan(energy):
            energy = float(np.nanmax([energy, self.way * forces, self.space * stress]))
        charges = () if np.isnan(errors.charges) else (max(errors.charges, self.charge),)
        return energy, forces, stress, *charges

    def score(self, errors: Errors) -> float:
        """Geometric mean of those that were measured; the less, the better."""
        known = [x for x in self.of(errors) if not np.isnan(x)]
        return float(np.exp(np.mean(np.log(known)))) if known else np.nan

    def better(self, errors: Errors, start: Errors) -> bool:
        """Better than at the start where offsets can't help: in the forces, else the stress, the charges? Energies: no
        worse."""
        (energy, *others), before = self.of(errors), self.of(start)
        for own, other in zip(others, before[1:], strict=True):
            if not np.isnan(own):
                return own < other
        return energy <= before[0]


def floors(regression: SetRegression) -> Floors:
    """Of the set of a regression, in eV and Angstrom; on all its ranks."""
    env, comm = regression.environments, regression.comm
    volume, atoms = comm.sum(np.array([np.nansum(env.volumes), env.n_atoms[np.isfinite(env.volumes)].sum()], float))
    return Floors(
        tuple(np.maximum(RESOLVED, SHARE * env.spreads()).tolist()),
        WAY * regression.model.cutoff / np.sqrt(env.mean_atoms),
        WAY * float(volume) / max(float(atoms), 1.0),
        max(RESOLVED_CHARGE, SHARE * env.spread_of_charges()),
    )
