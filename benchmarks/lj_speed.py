"""How fast is Lennard-Jones, next to LAMMPS lj/cut/opt, on one core, on two, and for 108 atoms?

The melt of LAMMPS's in.lj (density 0.8442, cutoff 2.5, skin 0.3, time step 0.005), after 300 steps. Both
programs start from the same positions and velocities. A few steps warm up; then the loop alone is
timed, LAMMPS by its own "Loop time". The programs take turns; ratios are medians over neighbouring runs.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import common

from mdcore import Simulation, VelocityVerlet


def measure(path: str, warm: int, steps: int) -> None:
    """Print steps/s, in a process of its own (or on several ranks)."""
    integrator = VelocityVerlet(common.TIMESTEP)
    sim = Simulation(common.restore(path), common.lennard_jones(), integrator, skin=common.SKIN)
    sim.run(warm)
    sim.comm.barrier()
    begin = time.perf_counter()
    sim.run(steps)
    sim.comm.barrier()
    seconds = time.perf_counter() - begin
    if sim.comm.rank == 0:
        print(json.dumps({"rate": steps / seconds}))


def main() -> None:
    parser = common.parser(__doc__)
    common.add_lammps(parser)
    parser.add_argument("--cells", type=int, default=20, help="fcc cells along an edge; 20: 32,000 atoms")
    parser.add_argument("--steps", type=int, default=400, help="timed steps of the large system")
    parser.add_argument("--small-steps", type=int, default=20000, help="timed steps of 108 atoms")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each program")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        path, warm, steps = arguments.child
        measure(path, int(warm), int(steps))
        return

    print(common.machine())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for cells, steps in ((arguments.cells, arguments.steps), (3, arguments.small_steps)):
            n, start, data = 4 * cells**3, Path(folder) / "start.npz", Path(folder) / "start.data"
            system = common.melt(cells, 300)
            common.save(system, start)
            common.write_data(system, data)
            warm = max(20, steps // 10)

            def mdcore(ranks=1, start=start, warm=warm, steps=steps):
                return common.child(__file__, "--child", start, warm, steps, ranks=ranks)["rate"]

            def peer(data=data, warm=warm, steps=steps):
                return steps / common.loop_seconds(
                    common.lammps(arguments.lmp, data, f"run {warm}\nrun {steps}")
                )

            runs = {"mdcore": mdcore, "LAMMPS lj/cut/opt": peer}
            rates = common.alternate(runs, arguments.repeats)
            for name, values in rates.items():
                rate = statistics.median(values)
                ratio = common.median_ratio(values, rates["LAMMPS lj/cut/opt"]) if name == "mdcore" else ""
                rows.append((f"{n:,}", name, 1, f"{rate:,.4g}", f"{rate * n / 1e6:.2f}", ratio))
            if cells == arguments.cells and common.mpiexec():
                rates = common.alternate({"2": lambda: mdcore(2), "1": mdcore}, arguments.repeats)
                rate = statistics.median(rates["2"])
                ratio = f"{common.median_ratio(rates['2'], rates['1'])} to 1 rank"
                rows.append((f"{n:,}", "mdcore", 2, f"{rate:,.4g}", f"{rate * n / 1e6:.2f}", ratio))
    print(common.table(("atoms", "program", "ranks", "steps/s", "M atom-steps/s", "ratio (range)"), rows))


if __name__ == "__main__":
    main()
