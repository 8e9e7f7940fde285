"""A liquid of molecules: bonds, and pairs that bonded atoms do not form.

python -m tests.bonded FOLDER: a run on any number of ranks, over a restart, leaves FOLDER/RANKS.npz.
"""

import sys

import numpy as np

from mdcore import Bonds, Coulomb, Langevin, LennardJones, Simulation, Sum, maxwell_boltzmann
from tests.systems import TRICLINIC, scattered


def molecules(n=60, matrix=5.0 * TRICLINIC):
    """Atoms, and bonds from each to the next two."""
    tags, system = np.arange(n), scattered(n, matrix, seed=21)
    system.bonds = np.vstack([np.stack([tags, (tags + k) % n, np.full(n, k)], axis=1) for k in (1, 2)])
    return system


def springs(longest=7.0):
    return Bonds({1: {"k": 3.0, "r0": 1.0}, ("A", "A"): {"k": 2.0, "r0": 0.8}}, longest=longest)


def without(most: int, cutoff=1.5):
    """Lennard-Jones between atoms that are not joined."""
    lj = LennardJones(cutoff, 0.001, 0.4, truncation="shifted")
    lj.exclude_bonded = most
    return lj


def main() -> None:
    system = molecules()
    maxwell_boltzmann(system, 0.5, seed=4)
    system.charges = 0.1 * np.random.default_rng(2).normal(size=system.n_atoms)
    charges = Coulomb(6.0, None, 0.4, constant=1.0)
    charges.exclude_bonded = 1
    potential = Sum(springs(), without(2), charges)
    sim = Simulation(system, potential, Langevin(0.01, 0.5, 1.0), seed=3, skin=0.4)
    sim.run(40)
    sim = Simulation(None, potential, Langevin(0.01, 0.5, 1.0), seed=3, skin=0.4, state=sim.state())
    sim.run(60)
    seen = {name: getattr(sim, name) for name in ("positions", "velocities", "forces", "virial", "atom_virials")}
    if sim.comm.rank == 0:
        assert sim.neighbors.builds > 1
        np.savez(f"{sys.argv[1]}/{sim.comm.size}.npz", **seen)


if __name__ == "__main__":
    main()
