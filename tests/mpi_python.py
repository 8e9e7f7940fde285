"""Run on any number of ranks: python mpi_python.py FOLDER STEPS [STATE]; potentials that are Python functions.

The final state and what is seen go to FOLDER/final.npz and FOLDER/state.pickle; with STATE the run goes on from there.
"""

import pickle
import sys
from pathlib import Path

import numpy as np

from mdcore import Langevin, LennardJones, PythonPotential, Simulation, Sum, maxwell_boltzmann
from tests.systems import TRICLINIC, scattered

WALL = {"cutoff": 2.5, "epsilon": 1.0, "sigma": 1.0, "truncation": "force-shifted"}


def wave(positions, cell, species):
    """A standing wave along each reciprocal vector, deeper for species B: smooth, periodic, feels the cell."""
    k = 2.0 * np.pi * np.linalg.inv(cell)
    depth = np.where(species == "B", 0.5, 0.2)[:, None]
    phase = positions @ k
    return float((depth * np.cos(phase)).sum()), (depth * np.sin(phase)) @ k.T, np.zeros((3, 3))


def main() -> None:
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    state = pickle.loads(Path(sys.argv[3]).read_bytes()) if len(sys.argv) > 3 else None
    system = scattered(200, 6.5 * TRICLINIC, seed=12, closest=0.9, symbols=("A", "B"))
    maxwell_boltzmann(system, 1.0, seed=4)
    potential = Sum(LennardJones(**WALL), PythonPotential(wave))
    sim = Simulation(system, potential, Langevin(0.004, 1.0, 1.0), seed=3, skin=0.4, state=state)
    sim.run(steps)
    seen = {name: getattr(sim, name) for name in ("positions", "velocities", "forces", "virial", "pressure")}
    seen["conserved"] = sim.thermo().conserved
    state = sim.state()
    if sim.comm.rank == 0:
        np.savez(folder / "final.npz", **seen)
        (folder / "state.pickle").write_bytes(pickle.dumps(state))


if __name__ == "__main__":
    main()
