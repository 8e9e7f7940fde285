"""Run on any number of ranks: python mpi_columns.py FOLDER STEPS [STATE]; charges that go with their atoms.

`OwnCharges` is a potential whose kernel, in NumPy, reads a charge at each atom and ghost. With STATE the run goes on
from there. FOLDER gets final.npz, state.pickle and results.h5md.
"""

import pickle
import sys
from pathlib import Path

import numpy as np

from mdcore import Langevin, LennardJones, Simulation, Sum, maxwell_boltzmann
from mdcore.base.exact import FORCE_BITS
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.potentials.base import Bound, Potential
from mdcore.structure.atoms import Column
from tests.systems import TRICLINIC, scattered


class OwnCharges(Potential):
    """E = sum q_i q_j (1 - r / cutoff)^3 over pairs; q: the charge of each atom."""

    cutoff = 2.0

    def bind(self, symbols):
        return BoundOwnCharges(self)


class BoundOwnCharges(Bound):
    def __init__(self, potential):
        self.potential, self.columns = potential, {"charge": Column("f8", source="structure", ghosts=True)}

    def compute(self, atoms, neighbors, domain, out):
        rc, grid = self.potential.cutoff, 2.0**FORCE_BITS
        first, index = neighbors.list.arrays(atoms)
        i = np.repeat(np.arange(atoms.n_owned), np.diff(first))
        j = index[: len(i)].astype(np.intp)
        i, j = i[j < atoms.n_total], j[j < atoms.n_total]
        r = atoms.x[j, :3] - atoms.x[i, :3]
        d = np.sqrt((r**2).sum(axis=1))
        near = d < rc
        i, j, r, d = i[near], j[near], r[near], d[near]
        s, q = 1.0 - d / rc, atoms.charge[i] * atoms.charge[j]
        pull = np.rint((q * 3.0 * s**2 / (rc * d))[:, None] * r * grid) / grid
        np.add.at(atoms.f[:, :3], j, pull)
        np.add.at(atoms.f[:, :3], i, -pull)
        if out.want_energy:
            energy = np.rint(q * s**3 * grid)
            out.energy += int(energy.sum())
            if out.atom_energies is not None:
                for k in (i, j):
                    np.add.at(out.atom_energies, k, 0.5 * energy / grid)


def system():
    found = scattered(200, 6.5 * TRICLINIC, seed=12, closest=0.9, symbols=("A", "B"))
    rng = np.random.default_rng(8)
    found.columns = {
        "charge": rng.normal(size=200),
        "group": np.arange(200) % 7,
        "label": np.array(["wall", "fluid"])[np.arange(200) % 2],
        "free": np.arange(200) % 3 > 0,
        "dipole": rng.normal(size=(200, 3)),
    }
    maxwell_boltzmann(found, 1.0, seed=4)
    return found


def main() -> None:
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    state = pickle.loads(Path(sys.argv[3]).read_bytes()) if len(sys.argv) > 3 else None
    lj = LennardJones(2.5, 1.0, 1.0, truncation="force-shifted", species={"A": (1.0, 1.0), "B": (1.0, 1.0)})
    start = None if state else system()
    sim = Simulation(start, Sum(lj, OwnCharges()), Langevin(0.004, 1.0, 1.0), seed=3, skin=0.4, state=state)
    writer = H5MDWriter(folder / "results.h5md", every=10)
    sim.add_observer(writer)
    sim.begin_stage(1000, first_step=0 if state else None)
    sim.run_until(sim.step + steps)
    writer.close()
    seen = {name: getattr(sim, name) for name in ("positions", "velocities", "forces", "virial")}
    final = sim.state()
    tags, charges = (sim.comm.gather(column[: sim.atoms.n_owned]) for column in (sim.atoms.tags, sim.atoms.charge))
    if sim.comm.rank == 0:
        assert (charges == final["columns"]["charge"][tags]).all()  # whoever owns it now
        np.savez(folder / "final.npz", **seen)
        (folder / "state.pickle").write_bytes(pickle.dumps(final))


if __name__ == "__main__":
    main()
