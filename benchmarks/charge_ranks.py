"""What do ranks gain in a sum over charges, and what if each transformed the whole mesh?

    python benchmarks/charge_ranks.py --ranks 1 2

Rock salt with its ions displaced, Coulomb's law alone. Wall time of a step, and processor time of the ranks together,
in turn, medians; processor time tells of work that ranks do twice, also where cores are not free.
"""

import json
import os
import subprocess
import sys
import time

import numpy as np
from charges import CONSTANT, SALT, salt
from common import alternate, machine, mpiexec, parser, table

from mdcore import Electrostatics, Simulation, VelocityVerlet
from mdcore.base.comm import connect
from mdcore.potentials.charges import mesh

ASLEEP = {  # who waits uses no processor (MPICH)
    "MPIR_CVAR_POLLS_BEFORE_YIELD": "10", "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "16", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip


def child(cells: int, accuracy: float, shared: int, steps: int) -> None:
    mesh.SHARED_RANKS = 2 if shared else 10**6
    comm = connect()
    potential = Electrostatics(SALT, accuracy=accuracy, constant=CONSTANT)
    sim = Simulation(salt(cells) if comm.rank == 0 else None, potential, VelocityVerlet(1e-4), skin=1.0)
    sim.run(2)
    comm.barrier()
    wall, cpu = time.perf_counter(), time.process_time()
    sim.run(steps)
    cpu = time.process_time() - cpu
    comm.barrier()
    wall, used = time.perf_counter() - wall, comm.allgather(cpu)
    if comm.rank == 0:
        print(json.dumps({"wall": wall / steps, "cpu": [own / steps for own in used]}))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    options.add_argument("--cells", type=int, nargs="+", default=[16, 32], help="5.64 Angstrom each, of 8 ions")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-5])
    options.add_argument("--steps", type=int, default=10)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--child", type=float, nargs=4, help="(for itself)")
    it = options.parse_args()
    if it.child:
        cells, accuracy, shared, steps = it.child
        child(int(cells), accuracy, int(shared), int(steps))
        return
    print(machine(), flush=True)

    def run(ranks, cells, accuracy, shared) -> dict:
        own = map(str, (cells, accuracy, shared, it.steps))
        command = [mpiexec(), "-n", str(ranks), sys.executable, __file__, "--child", *own]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | ASLEEP)
        return json.loads(done.stdout)

    rows = []
    for cells in it.cells:
        for accuracy in it.accuracies:
            kinds = [(n, shared) for n in it.ranks for shared in ((1, 0) if n > 1 else (1,))]
            runs = {kind: lambda k=kind, c=cells, a=accuracy: run(k[0], c, a, k[1]) for kind in kinds}
            found = alternate(runs, it.repeats)
            alone = np.median([own["wall"] for own in found[it.ranks[0], 1]])
            for (ranks, shared), own in found.items():
                wall = np.median([one["wall"] for one in own])
                cpu = np.median([sum(one["cpu"]) for one in own])
                how = "shared" if shared else "whole on each rank"
                ms = f"{1e3 * wall:.1f}", f"{1e3 * cpu:.1f}", f"{alone / wall:.2f}"
                rows.append((f"{8 * cells**3:,}", accuracy, ranks, how if ranks > 1 else "", *ms))
    print(table(("ions", "accuracy", "ranks", "mesh", "ms a step", "of processors", "to one rank"), rows))


if __name__ == "__main__":
    main()
