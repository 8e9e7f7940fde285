"""A small potential whose ranges of training are those of one structure: motion soon leads beyond them."""

import numpy as np

from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import HDNNP, Scaling
from mdcore.structure.system import System
from tests.reference.hdnnp_models import random_model
from tests.systems import TRICLINIC, scattered


def structure(n=60, edge=6.0) -> System:
    """Oxygen and hydrogen thrown into a triclinic cell, at rest."""
    system = scattered(n, edge * TRICLINIC, seed=31)
    species = np.arange(n) % 3 % 2
    return System(system.box, system.positions, species=species, symbols=("O", "H"))


def trained_on(system: System, margin=0.03, **options) -> HDNNP:
    """A random model that knows the descriptors of `system`, and `margin` of their range on either side."""
    model = random_model(**({"types": [2, 3], "cutoff": 2.8, "mode": "scale"} | options))
    sim = Simulation(system, HDNNPotential(model, extrapolation="ignore"))
    g = descriptors(sim)
    scaling = []
    for e, own in enumerate(model.scaling):
        mine = g[sim.atoms.species == sim.symbols.index(model.elements[e]), : len(own.min)]
        low, high = mine.min(axis=0), mine.max(axis=0)
        low, high = low - margin * (high - low), high + margin * (high - low)
        scaling.append(Scaling(low, high, mine.mean(axis=0), mine.std(axis=0), own.mode))
    object.__setattr__(model, "scaling", tuple(scaling))
    return model


def descriptors(sim) -> np.ndarray:
    """G [n_owned, n_functions] of a simulation with a network potential."""
    atoms, full, potential = sim.atoms, sim.neighbors.full, sim.work.bound
    g = np.zeros((atoms.n_owned, potential.tables.n_functions))
    potential.tables.energy_forces(
        atoms.x, np.zeros_like(atoms.x), full.first, full.index, full.bounds, potential.species_of,
        potential.element_of, potential.potential.native, np.zeros(3, dtype=np.int64), descriptors=g,
    )  # fmt: skip
    return g
