"""Water at constant pressure on ranks: python npt_water.py

Milliseconds a step of the network that ships, 64 molecules repeated 3 x 3 x 3, velocity rescaling and cell rescaling
every 10 steps, on one rank and two, of one thread each, in turn.
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import common

import mdcore
from mdcore import Simulation, System, VelocityVerlet, maxwell_boltzmann

ROOT = Path(__file__).resolve().parents[1]


def run(repeat: int, steps: int) -> None:
    """Of all ranks: prints the seconds of `steps` steps."""
    os.environ["MDCORE_NUM_THREADS"] = "1"
    system = System.read(ROOT / "inputs" / "water.extxyz").replicate((repeat,) * 3)
    maxwell_boltzmann(system, 300.0, 1)
    potential = mdcore.HDNNPotential(mdcore.read_model(ROOT / "potentials" / "water_PBE0-TS.h5"))
    parts = mdcore.VelocityRescaling(300.0, 100.0), mdcore.CellRescaling(0.0001, 1000.0, 0.45)
    sim = Simulation(system, potential, VelocityVerlet(0.5, *parts), seed=1)
    sim.run(20)
    begin = time.perf_counter()
    sim.run(steps)
    if sim.comm.rank == 0:
        print(json.dumps({"seconds": time.perf_counter() - begin}))


def main() -> None:
    if sys.argv[1:2] == ["run"]:
        run(*map(int, sys.argv[2:]))
        return
    parser = common.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cells", type=int, default=3)
    it = parser.parse_args()
    print(common.machine(), flush=True)
    job = (__file__, "run", it.cells, it.steps)
    found = common.alternate(
        {n: lambda n=n: 1e3 * common.child(*job, ranks=n)["seconds"] / it.steps for n in (1, 2)}, it.repeats
    )
    rows = [[n, f"{statistics.median(own):.4g}", common.median_ratio(found[1], own)] for n, own in found.items()]
    print(common.table(["ranks", "ms a step", "speed-up"], rows))


if __name__ == "__main__":
    main()
