"""Small committees, and what their disagreement is by hand: each member a potential of its own."""

from dataclasses import replace

import numpy as np

from mdcore import evaluate
from mdcore.potentials.networks.committee import committee, single
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import HDNNP, Normalisation
from tests.reference.trained import structure, trained_on

SYSTEM = structure()


def members(n: int = 3, **options) -> list[HDNNP]:
    """Potentials that share descriptors; each has an energy unit, zeros and hidden layers of its own."""
    first = trained_on(SYSTEM, **options)
    made = [first]
    for k in range(1, n):
        other = trained_on(SYSTEM, **options | {"seed": 1 + k, "hidden": (5 + k, 4)})
        own = Normalisation(-1.25 + 0.3 * k, 3.5 * (1 + k), 1.7)
        made.append(replace(other, scaling=first.scaling, normalisation=own))
    return made


MEMBERS = members()
MODEL = committee(MEMBERS)


def disagreement(model: HDNNP, structure=SYSTEM) -> tuple[np.ndarray, float]:
    """(of the force on each atom [n], of the energy an atom), from one evaluation a member."""
    found = [evaluate(HDNNPotential(single(model, k)), structure) for k in range(len(model.members))]
    forces, energies = np.array([e.forces for e in found]), np.array([e.energy for e in found])
    away = forces - forces.mean(axis=0)
    spread = np.sqrt(np.mean(np.sum(away**2, axis=2), axis=0))
    return spread, float(np.sqrt(np.mean((energies - energies.mean()) ** 2))) / len(spread)
