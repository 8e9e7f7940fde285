"""How does the cost of a sum over charges grow with their number? Waves one by one, N^1.5, and a mesh, N log N.

    python benchmarks/charge_scaling.py

Rock salt with its ions displaced, Coulomb's law alone, cutoffs as they are chosen: processor time of a step on one
core, in turn, medians, and the memory of the whole process. `power`: that of N by which a step has grown since the row
before.
"""

import math
import os
import time
from pathlib import Path

import numpy as np
from charges import CONSTANT, SALT, salt
from common import alternate, machine, parser, table

from mdcore import Electrostatics, Simulation, VelocityVerlet


def stepper(system, method: str, accuracy: float, steps: int):
    """(a function that takes steps and returns s a step, how the sum runs)"""
    potential = Electrostatics(SALT, accuracy=accuracy, constant=CONSTANT, method=method)
    sim = Simulation(system, potential, VelocityVerlet(1e-4), skin=1.0)
    sim.run(1)

    def run() -> float:
        begin = time.process_time()
        sim.run(steps)
        return (time.process_time() - begin) / steps

    bound = sim.work.bound
    return run, f"{bound.about('Angstrom').split('accuracy')[0].strip(', ')} {bound._plans.plan.about}"


def resident() -> float:
    """MB of this process that are in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--waves", type=int, nargs="*", default=[4, 8, 16], help="cells of 5.64 Angstrom, of 8 ions")
    options.add_argument("--mesh", type=int, nargs="+", default=[4, 8, 16, 32, 50], help="the same")
    options.add_argument("--accuracy", type=float, default=1e-4)
    options.add_argument("--steps", type=int, default=2)
    options.add_argument("--repeats", type=int, default=3)
    it = options.parse_args()
    print(machine(), flush=True)
    rows = []
    for method, sizes in (("ewald", it.waves), ("mesh", it.mesh)):
        last = None
        for cells in sizes:
            run, how = stepper(salt(cells), method, it.accuracy, it.steps)
            n, took = 8 * cells**3, float(np.median(alternate({how: run}, it.repeats)[how]))
            power = f"{math.log(took / last[1]) / math.log(n / last[0]):.2f}" if last else ""
            last = n, took
            numbers = f"{1e3 * took:.1f}", f"{1e6 * took / n:.2f}", power, f"{resident():.0f}"
            rows.append((method, f"{n:,}", how, *numbers))
            del run
    print(table(("method", "ions", "chosen", "ms a step", "us an ion", "power", "MB"), rows))


if __name__ == "__main__":
    main()
