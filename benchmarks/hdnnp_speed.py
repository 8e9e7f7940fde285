"""How fast are network potentials on one core, next to LAMMPS lj/cut/opt, and on two ranks or threads?

Liquid water (H2O_RPBE-D3, 1080 atoms) and Cu2S (Cu2S_PBE, 144 atoms, 2 x 2 x 2 copies), in atom-steps/s at constant
energy from 300 K. Beside them, in the same run and taking turns, LAMMPS runs in.lj of 32,000 atoms (as lj_speed.py).
The goals are fractions of its speed, 1/90 for water and 1/130 for Cu2S; in mixed precision twice that; and on two
ranks or threads 1.9 times the speed of one core.
"""

import inspect
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import common
import networks

from mdcore import Simulation, VelocityVerlet, maxwell_boltzmann
from mdcore.potentials.networks import hdnnp
from mdcore.potentials.networks.hdnnp import HDNNPotential

SYSTEMS = {  # folder, copies, units, skin in Angstrom, time step in fs, goal: part of the speed of lj/cut/opt
    "water": ("H2O_RPBE-D3", (1, 1, 1), ("bohr", "hartree"), 0.6, 0.5, 90),
    "Cu2S": ("Cu2S_PBE", (2, 2, 2), ("angstrom", "ev"), 0.6, 1.0, 130),
}
THREADS = "threads" in inspect.signature(HDNNPotential).parameters  # where this version has them
MIXED = "mixed" in getattr(hdnnp, "PRECISIONS", ())


def measure(name: str, folder: str, warm: int, steps: int, options: str) -> None:
    """Print atom-steps/s and what else a run tells, in a process of its own (or on several ranks)."""
    own, copies, units, skin, timestep, _ = SYSTEMS[name]
    folder = Path(folder) / own
    model = networks.open_potential(folder, units)
    system = networks.first_structure(folder, model).replicate(copies)
    maxwell_boltzmann(system, 300.0, seed=1)
    potential = HDNNPotential(model, **json.loads(options))
    sim = Simulation(system, potential, VelocityVerlet(timestep), skin=skin)
    sim.run(warm)
    sim.comm.barrier()
    built, begin = sim.neighbors.builds, time.perf_counter()
    sim.run(steps)
    sim.comm.barrier()
    seconds = time.perf_counter() - begin
    if sim.comm.rank == 0:
        rate = steps * system.n_atoms / seconds
        print(json.dumps({"rate": rate, "atoms": system.n_atoms, "builds": (sim.neighbors.builds - built) / steps}))


def main() -> None:
    if "--child" in sys.argv:
        name, folder, warm, steps, options = sys.argv[sys.argv.index("--child") + 1 :]
        measure(name, folder, int(warm), int(steps), options)
        return
    parser = common.parser(__doc__)
    common.add_lammps(parser)
    parser.add_argument("--reference", type=Path, required=True, help="folder that holds H2O_RPBE-D3 and Cu2S_PBE")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--steps", type=int, default=200, help="timed steps of a network")
    parser.add_argument("--lj-cells", type=int, default=20, help="fcc cells of in.lj along an edge; 20: 32,000 atoms")
    parser.add_argument("--lj-steps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each")
    parser.add_argument("--one-core", action="store_true", help="nothing on two ranks or threads")
    arguments = parser.parse_args()

    print(common.machine(), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        data, cells = Path(scratch) / "start.data", arguments.lj_cells
        common.write_data(common.melt(cells, 300), data)

        def peer():
            steps = arguments.lj_steps
            warm = max(20, steps // 10)
            output = common.lammps(arguments.lmp, data, f"run {warm}\nrun {steps}")
            return 4 * cells**3 * steps / common.loop_seconds(output)

        rows = []
        for name in arguments.systems:
            rows += compare(name, arguments, peer)
    header = ("system", "atoms", "program", "cores", "M atom-steps/s", "of lj/cut/opt (range)", "goal", "to 1 core")
    print(common.table(header, rows))


def compare(name: str, arguments, peer) -> list[tuple]:
    """Rows of the table for one system: one core and the peer in turn, then the other ways in turn with one core."""
    goal, atoms = SYSTEMS[name][-1], []

    def network(ranks=1, **options):
        warm, one = max(10, arguments.steps // 10), {"threads": 1} if THREADS else {}
        command = (name, arguments.reference, warm, arguments.steps, json.dumps({**one, **options}))
        told = common.child(__file__, "--child", *command, ranks=ranks)
        atoms.append(told["atoms"])
        return told["rate"]

    def row(program, cores, values, part="", target="", scaling=""):
        speed = f"{statistics.median(values) / 1e6:.4f}"
        return (name, f"{atoms[-1]:,}", program, cores, speed, part, target, scaling)

    runs = {"mdcore": network, "LAMMPS lj/cut/opt": peer}
    if MIXED:
        runs["mdcore, mixed"] = lambda: network(precision="mixed")
    rates = common.alternate(runs, arguments.repeats)
    lj = rates.pop("LAMMPS lj/cut/opt")
    rows = []
    for program, values in rates.items():
        target = goal / 2 if "mixed" in program else goal
        rows.append(row(program, 1, values, inverse_ratio(lj, values), f"1/{target:g}"))
    atoms.append(4 * arguments.lj_cells**3)
    rows.append(row("LAMMPS lj/cut/opt", 1, lj))
    more = {}
    if not arguments.one_core and common.mpiexec():
        more["mdcore, 2 ranks"] = lambda: network(2)
    if not arguments.one_core and THREADS:
        more["mdcore, 2 threads"] = lambda: network(threads=2)
    if more:
        rates = common.alternate({**more, "mdcore": network}, arguments.repeats)
        one = rates.pop("mdcore")
        for program, values in rates.items():
            rows.append(row(program, 2, values, target="1.9", scaling=common.median_ratio(values, one)))
    return rows


def inverse_ratio(lj: list[float], values: list[float]) -> str:
    """1/x (1/a to 1/b): median and range of the ratios of neighbouring runs."""
    ratios = [a / b for a, b in zip(lj, values, strict=True)]
    return f"1/{statistics.median(ratios):.1f} (1/{max(ratios):.1f} to 1/{min(ratios):.1f})"


if __name__ == "__main__":
    main()
