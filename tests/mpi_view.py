"""Run on any number of ranks: python mpi_view.py FOLDER; atoms are moved, FOLDER/RANK.npz is what each rank sees."""

import sys
from pathlib import Path

import numpy as np

from tests.mpi_trajectory import build

if __name__ == "__main__":
    seen = {}
    for case in ("triclinic-nve", "cluster-nve"):
        sim = build(case)
        sim.run(20)
        elsewhere = sim.positions[np.random.default_rng(5).permutation(sim.n_atoms)]  # atoms change places: far ranks
        sim.positions = elsewhere if sim.comm.rank == 0 else None  # rank 0's count
        sim.run(20)
        sim.velocities = -0.5 * sim.velocities
        sim.run(20)
        for name in ("positions", "velocities", "forces", "virial", "total_energy", "masses", "pressure"):
            seen[f"{case} {name}"] = np.asarray(getattr(sim, name))
    np.savez(Path(sys.argv[1]) / f"{sim.comm.rank}.npz", **seen)
