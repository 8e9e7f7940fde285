"""Run on any number of ranks: python mpi_trajectory.py FOLDER CASE:STEPS[+MORE][:STATE] ...

Each case leaves FOLDER/CASE.checkpoint, the state after STEPS steps, and FOLDER/CASE.npz, state and energies after MORE
of them; with STATE (such a checkpoint) the run continues from there. network-CASE: a network potential, mpi_hdnnp.py.
"""

import functools
import sys

import numpy as np

from mdcore import (
    Andersen,
    Box,
    CellRescaling,
    Langevin,
    MartynaTobiasKlein,
    NoseHoover,
    StrainRate,
    VelocityRescaling,
    VelocityVerlet,
)
from mdcore.base.comm import connect, on_root
from mdcore.doors import _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.output import checkpoint
from mdcore.potentials.base import Sum
from mdcore.potentials.charges import mesh
from mdcore.potentials.charges.electrostatics import Electrostatics
from mdcore.potentials.dispersion.d3 import D3
from mdcore.potentials.dispersion.images import LongLennardJones
from mdcore.potentials.manybody.eam import EAM
from mdcore.potentials.manybody.stillinger_weber import StillingerWeber
from mdcore.potentials.manybody.tersoff import Tersoff
from mdcore.potentials.pair.coulomb import Coulomb
from mdcore.potentials.pair.lj import LennardJones
from tests import eam_files, mpi_hdnnp, threebody_files
from tests.systems import SKEW, TRICLINIC, scattered


def corner():
    """A cluster in the corner of a large free cell."""
    system = CELLS["cluster"]()
    system.box = Box(40.0 * np.eye(3), (False, False, False))
    return system


CELLS = {
    "cubic": lambda: scattered(300, 7.4 * np.eye(3), seed=11, closest=0.9),
    "triclinic": lambda: scattered(300, 7.7 * TRICLINIC, seed=12, closest=0.9, symbols=("A", "B")),
    "slab": lambda: scattered(
        120, np.diag([6.0, 6.0, 12.0]) @ SKEW, (True, True, False), seed=13, closest=0.9
    ),
    "cluster": lambda: scattered(60, 5.0 * np.eye(3), (False, False, False), seed=14, closest=0.9),
    "tiny": lambda: scattered(3, 1.8 * np.eye(3), seed=15),
    "corner": corner,
    "salt": lambda: scattered(200, 6.6 * TRICLINIC, seed=17, closest=0.9, symbols=("A", "B")),
    "ions": lambda: scattered(100, 5.2 * TRICLINIC, seed=17, closest=0.9, symbols=("A", "B")),
    "points": lambda: scattered(100, 5.2 * TRICLINIC, seed=17, closest=0.9, symbols=("A", "B")),
    "mixture": lambda: scattered(100, 5.2 * TRICLINIC, seed=17, closest=0.9, symbols=("A", "B")),
    "layer": lambda: scattered(
        61, np.diag([5.0, 5.0, 6.0]), (True, True, False), seed=19, closest=0.9, symbols=("A", "B")
    ),
    "drop": lambda: scattered(60, 5.0 * np.eye(3), (False, False, False), seed=14, closest=0.9, symbols=("A", "B")),
    "alloy": lambda: scattered(200, 6.6 * TRICLINIC, seed=16, closest=0.9, symbols=("Al", "Cu")),
    "angles": lambda: scattered(200, 6.6 * TRICLINIC, seed=17, closest=0.9, symbols=("Si", "C")),
    "bonds": lambda: scattered(200, 6.6 * TRICLINIC, seed=18, closest=0.9, symbols=("C", "Si")),
    "dispersed": lambda: scattered(60, 5.2 * TRICLINIC, seed=20, closest=1.0, symbols=("C", "H")),
    "few": lambda: scattered(5, 3.0 * SKEW, seed=22, closest=1.1, symbols=("O", "H")),
}


def mtk():
    barostat = MartynaTobiasKlein((0.5, 2.0), 0.3, coupling="flexible", every=3)
    return VelocityVerlet(0.004, NoseHoover((1.0, 0.7), 0.1, chain=4), barostat)


def stressed():
    stress = [0.5, -1.0, -1.0, 0.0, 0.3, 0.2]
    barostat = CellRescaling(None, 0.3, 0.3, every=2, coupling="flexible", stress=stress)
    return VelocityVerlet(0.004, Andersen(0.8, 0.2), barostat)


INTEGRATORS = {
    "nve": lambda: VelocityVerlet(0.002),
    "langevin": lambda: Langevin(0.004, (1.0, 0.7), 1.0),
    "nvt": lambda: VelocityVerlet(0.004, VelocityRescaling((1.0, 0.7), 0.1)),
    "npt": lambda: VelocityVerlet(0.004, VelocityRescaling(0.9, 0.1), CellRescaling((0.5, 2.0), 0.3, 0.3, every=3)),
    "langevin+npt": lambda: Langevin(0.004, 0.9, 1.0, CellRescaling(1.0, 0.3, 0.3, every=1)),
    "mtk": mtk,
    "stressed": stressed,
    "strain": lambda: Langevin(0.004, 0.9, 1.0, StrainRate([0.02, 0.0, -0.03, 0.1, 0.0, 5.0])),
}


SHARED_FROM = mesh.SHARED_FROM


@functools.cache
def structure(cell: str):
    """Of a cell, once for all ensembles and ranks: to throw atoms into a dense one takes longer than the run."""
    return on_root(connect(), CELLS[cell], share=True)


def build(case: str, comm=None, state=None):
    mesh.SHARED_FROM = SHARED_FROM
    if case.startswith("network-"):
        return mpi_hdnnp.build(case.removeprefix("network-"), comm, state)
    cell, ensemble = case.split("-")
    system = structure(cell)
    noise = _kernels.normals(7, 0, 1, np.arange(system.n_atoms))
    system.velocities = 0.9 * noise / np.sqrt(system.masses)[:, None]
    potential = LennardJones(2.5, species={"A": (1.0, 1.0), "B": (0.6, 0.9)}, truncation="force-shifted")
    if cell == "alloy":
        potential = EAM(eam_files.tables(n_r=500, n_rho=500))
    elif cell == "angles":
        potential = StillingerWeber(threebody_files.SW)
    elif cell == "bonds":
        potential = Tersoff(threebody_files.TERSOFF)
    elif cell in ("dispersed", "few"):
        wall = LennardJones(2.2, species={name: (0.5, 1.0) for name in system.symbols}, truncation="force-shifted")
        damping = "bj" if cell == "dispersed" else "zero"
        far, triples = (5.5, 3.4) if cell == "dispersed" else (8.0, 4.5)
        potential = Sum(wall, D3("pbe0", damping=damping, s9=1.0, cutoff=far, triple_cutoff=triples, width=1.0))
    elif cell == "mixture":
        potential = LongLennardJones(2.5, species={"A": (1.0, 1.0), "B": (0.6, 0.9)}, accuracy=1e-4)
    if cell == "salt":
        potential = Sum(potential, Coulomb(4.0, {"A": 0.5, "B": -0.5}, constant=1.0))
    elif cell in ("ions", "layer", "drop", "points"):  # the layer has a total charge
        how = {"accuracy": 1e-4, "cutoff": 2.5, "constant": 1.0, "method": "mesh" if cell == "points" else "ewald"}
        mesh.SHARED_FROM = 0  # ranks share so small a mesh, too
        if cell == "ions":
            how |= {"damping": "cosine", "inner": 0.5, "outer": 2.0}
        potential = Sum(potential, Electrostatics({"A": 0.5, "B": -0.5}, **how))
    return Simulation(system, potential, INTEGRATORS[ensemble](), seed=3, comm=comm, state=state, skin=0.4)


def run(case: str, steps: str, state_file: str | None, folder: str) -> None:
    state = None
    if state_file:
        state = checkpoint.read(state_file)
    sim = build(case, state=state)
    stage = 1000  # the ramp of the thermostat spans the whole stage, however often it is interrupted
    sim.begin_stage(stage, first_step=0 if state else None)
    first, *more = map(int, steps.split("+"))
    sim.run_until(sim.step + first)
    middle = sim.state()
    sim.run_until(sim.step + sum(more))
    final, numbers, found = sim.state(), sim.thermo(), sim.findings
    if sim.comm.rank == 0:
        checkpoint.write(f"{folder}/{case}.checkpoint", middle)
        kept = {name: value for name, value in final.items() if not (value is None or isinstance(value, dict))}
        books = {name: getattr(numbers, name) for name in ("total", "conserved", "pressure")}
        np.savez(f"{folder}/{case}.npz", **kept, **books, **found)


def main() -> None:
    folder, *jobs = sys.argv[1:]
    for job in jobs:
        case, steps, *state_file = job.split(":")
        run(case, steps, state_file[0] if state_file else None, folder)


if __name__ == "__main__":
    main()
