"""What does a second rank save in a sum over charges?

    python benchmarks/charge_ranks.py

Rock salt with its ions displaced, Coulomb's law alone, and SPC/E water (charges_water.py); steps, and new lists after
every fifteen of them. `busy` is the processor time of the rank that has most to do, without what it spends waiting for
the others (they meet at a barrier before each message, whose time is told apart), on one core that all ranks take turns
on: two threads of one core, or a neighbour's program, slow each other down. `gain` is that of one rank over it.
Wall times are of the same runs without barriers, wherever the system puts the ranks. All in turn, medians.
"""

import json
import os
import subprocess
import sys
import time

import numpy as np
from charges import CONSTANT, SALT, salt
from charges_water import potential as of_water
from charges_water import water
from common import alternate, machine, mpiexec, parser, table

from mdcore import Electrostatics, Simulation, VelocityVerlet
from mdcore.base.comm import MPIComm, connect

LIVES = 15  # steps that a list lasts in a liquid
ASLEEP = {  # who waits uses no processor (MPICH)
    "MPIR_CVAR_POLLS_BEFORE_YIELD": "10", "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "16", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip


class Apart(MPIComm):
    """Tells the processor time of waiting apart; for two ranks, which exchange with each other alone."""

    waited = 0.0

    def _wait(self):
        begin = time.process_time()
        self.comm.Barrier()
        self.waited += time.process_time() - begin

    def sum(self, values):
        self._wait()
        return super().sum(values)

    def maximum(self, values):
        self._wait()
        return super().maximum(values)

    def exchange(self, send, dest, receive, source):
        self._wait()
        super().exchange(send, dest, receive, source)


def child(kind: str, edge: int, accuracy: float, steps: int, core: int) -> None:
    comm = connect()
    if core >= 0:
        os.sched_setaffinity(0, {core})
        if comm.size == 2:
            comm = Apart(comm.comm)
    system = (salt if kind == "salt" else water)(edge)
    potential = Electrostatics(SALT, accuracy=accuracy, constant=CONSTANT) if kind == "salt" else of_water(accuracy, 9.0)
    sim = Simulation(system, potential, VelocityVerlet(1e-4), skin=1.0, comm=comm)
    sim.run(2)
    comm.barrier()
    waited = getattr(comm, "waited", 0.0)
    wall, busy = time.perf_counter(), time.process_time()
    for k in range(steps):
        sim.run(1)
        if k % LIVES == LIVES // 2:
            sim.work.neighbourhood()
    busy = time.process_time() - busy - (getattr(comm, "waited", 0.0) - waited)
    comm.barrier()
    wall, busy = time.perf_counter() - wall, comm.allgather(busy)
    if comm.rank == 0:
        print(json.dumps({"n": system.n_atoms, "wall": wall / steps, "busy": [own / steps for own in busy]}))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--salt", type=int, nargs="*", default=[16, 32], help="cells of 5.64 Angstrom, of 8 ions")
    options.add_argument("--water", type=int, nargs="*", default=[15, 24], help="of a cube are so many molecules")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-5])
    options.add_argument("--core", type=int, default=0, help="on which ranks take turns")
    options.add_argument("--steps", type=int, default=15)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--child", nargs=5, help="(for itself)")
    it = options.parse_args()
    if it.child:
        kind, *numbers = it.child
        edge, accuracy, steps, core = map(float, numbers)
        child(kind, int(edge), accuracy, int(steps), int(core))
        return
    print(machine(), flush=True)

    def run(ranks, kind, edge, accuracy, core) -> dict:
        own = map(str, (kind, edge, accuracy, it.steps, core))
        command = [mpiexec(), "-n", str(ranks), sys.executable, __file__, "--child", *own]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | ASLEEP)
        return json.loads(done.stdout)

    rows = []
    for kind, edges in (("salt", it.salt), ("water", it.water)):
        for edge in edges:
            for accuracy in it.accuracies:
                kinds = [(ranks, core) for ranks in (1, 2) for core in (it.core, -1)]
                runs = {own: lambda o=own, k=kind, e=edge, a=accuracy: run(o[0], k, e, a, o[1]) for own in kinds}
                found = alternate(runs, it.repeats)
                busy = [np.median([max(own["busy"]) for own in found[ranks, it.core]]) for ranks in (1, 2)]
                wall = [np.median([own["wall"] for own in found[ranks, -1]]) for ranks in (1, 2)]
                times = [f"{1e3 * own:.1f}" for own in (*busy, *wall)]
                gains = f"{busy[0] / busy[1]:.2f}", f"{wall[0] / wall[1]:.2f}"
                n = found[1, it.core][0]["n"]
                rows.append((kind, f"{n:,}", accuracy, *times[:2], gains[0], *times[2:], gains[1]))
                print(rows[-1], file=sys.stderr, flush=True)
    header = "system", "atoms", "accuracy", "busy, 1 rank, ms", "2 ranks", "gain", "wall, 1 rank, ms", "2 ranks", "gain"
    print(table(header, rows))


if __name__ == "__main__":
    main()
