"""Springs between atoms that are named: a potential that reads where a tag is (neighbors.RowsOfTags).

python -m tests.springs FOLDER: a run on any number of ranks leaves FOLDER/RANKS.npz.
"""

import sys

import numpy as np

from mdcore import Langevin, Simulation, maxwell_boltzmann
from mdcore.base.errors import SimulationError
from mdcore.base.exact import FORCE_BITS
from mdcore.potentials.base import Bound, Potential
from tests.systems import TRICLINIC, scattered


class Springs(Potential):
    """E = sum k (r - r0)^2 / 2 over pairs int [m, 2] of tags, each with the nearest image of the other."""

    list_kinds, ghost_columns = ("rows",), ("tags",)

    def __init__(self, pairs, cutoff, k=3.0, r0=1.0):
        self.pairs, self.cutoff, self.k, self.r0 = np.array(pairs), cutoff, k, r0

    def bind(self, symbols):
        return BoundSprings(self)


class BoundSprings(Bound):
    def __init__(self, potential):
        self.potential = potential

    def compute(self, atoms, neighbors, domain, out):
        it, grid = self.potential, 2.0**FORCE_BITS
        i = neighbors.rows.owned(atoms, it.pairs[:, 0])
        i, tags = i[i >= 0], it.pairs[i >= 0, 1]
        j = neighbors.rows.nearest(atoms, i, tags)
        r = atoms.x[j, :3] - atoms.x[i, :3]
        d = np.sqrt((r**2).sum(axis=1))
        if (j < 0).any() or (d > it.cutoff).any():
            raise SimulationError("a spring is longer than its cutoff")
        pull = np.rint((it.k * (d - it.r0) / d)[:, None] * r * grid) / grid
        np.add.at(atoms.f[:, :3], i, pull)
        np.add.at(atoms.f[:, :3], j, -pull)
        if out.want_energy:
            energy = 2.0 * np.rint(0.25 * it.k * (d - it.r0) ** 2 * grid)
            out.energy += int(energy.sum())
            if out.atom_energies is not None:
                for rows in (i, j):
                    np.add.at(out.atom_energies, rows, 0.5 * energy / grid)


def molecules(n=60, matrix=5.0 * TRICLINIC):
    """Atoms, and springs from each to the next two."""
    tags = np.arange(n)
    return scattered(n, matrix, seed=21), np.vstack([np.stack([tags, (tags + k) % n], axis=1) for k in (1, 2)])


def main() -> None:
    system, pairs = molecules()
    maxwell_boltzmann(system, 0.5, seed=4)
    sim = Simulation(system, Springs(pairs, 7.0), Langevin(0.01, 0.5, 1.0), seed=3, skin=0.4)
    sim.run(60)
    seen = {name: getattr(sim, name) for name in ("positions", "velocities", "forces", "virial")}
    if sim.comm.rank == 0:
        assert sim.neighbors.builds > 2
        np.savez(f"{sys.argv[1]}/{sim.comm.size}.npz", **seen)


if __name__ == "__main__":
    main()
