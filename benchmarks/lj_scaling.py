"""Do time and memory grow like the number of atoms?

The melt of LAMMPS's in.lj, from 4,000 to 4,000,000 atoms, each in a process of its own: nanoseconds a
step and atom, and the largest resident memory (VmHWM), start and crystal included.
"""

import argparse
import json
import time

import common

from mdcore import Simulation, VelocityVerlet
from mdcore.output.progress import peak_memory

SIZES = (10, 20, 40, 63, 100)  # fcc cells along an edge: 4,000 ... 4,000,000 atoms


def measure(cells: int, warm: int, steps: int) -> None:
    """Print the result of one size."""
    system = common.lattice(cells)
    sim = Simulation(system, common.lennard_jones(), VelocityVerlet(common.TIMESTEP), skin=common.SKIN)
    n = system.n_atoms
    del system
    sim.run(warm)
    built, begin = sim.neighbors.builds, time.perf_counter()
    sim.run(steps)
    seconds = time.perf_counter() - begin
    builds = sim.neighbors.builds - built
    print(json.dumps({"ns": 1e9 * seconds / steps / n, "bytes": peak_memory(), "builds": builds / steps}))


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=SIZES, help="fcc cells along an edge")
    parser.add_argument("--atom-steps", type=float, default=4e8, help="work a size: steps = this / atoms")
    parser.add_argument("--repeats", type=int, default=3, help="runs a size; the fastest counts")
    parser.add_argument("--child", type=int, nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measure(*arguments.child)
        return

    print(common.machine())
    rows, times = [], []
    for cells in arguments.cells:
        n = 4 * cells**3
        steps = min(20000, max(50, round(arguments.atom_steps / n)))
        warm = 200  # the crystal has molten and its temperature has settled
        runs = [common.child(__file__, "--child", cells, warm, steps) for _ in range(arguments.repeats)]
        best = min(runs, key=lambda run: run["ns"])
        times.append(best["ns"])
        rows.append(
            (f"{n:,}", steps, f"{best['ns']:.0f}", f"{1.0 / best['builds']:.1f}" if best["builds"] else "",
             f"{best['bytes'] / 2**20:,.0f}", f"{best['bytes'] / n:,.0f}")
        )  # fmt: skip
        print("  " + "  ".join(map(str, rows[-1])), flush=True)
    header = ("atoms", "steps", "ns a step and atom", "steps a list", "memory, MiB", "bytes an atom")
    print(common.table(header, rows))
    print(f"slowest to fastest: {max(times) / min(times):.3f}")


if __name__ == "__main__":
    main()
