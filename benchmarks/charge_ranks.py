"""What does a second rank save in a sum over charges?

    python benchmarks/charge_ranks.py

Rock salt with its ions displaced, Coulomb's law alone, and SPC/E water (charges_water.py). `busy` is the processor time
of a step of the rank that has more to do, where neither waits for the other: the median over steps of what it computes,
and what each message takes when both are there, the least of all steps, for they meet at a barrier before, whose time
does not count, and a machine that does other work may let one sleep in between. A fifteenth of what new lists cost is
in it. `gain` is that of one rank over it. Wall times are those of the same steps without barriers, which tell of two
ranks where two cores are free (`--idle`). All in turn, medians.
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
    """Tells waiting and messages apart; for two ranks, which exchange with each other alone."""

    def __init__(self, comm):
        super().__init__(comm)
        self.waited, self.messages = 0.0, []

    def sum(self, values):
        return self._timed(super().sum, values)

    def maximum(self, values):
        return self._timed(super().maximum, values)

    def exchange(self, *arguments):
        return self._timed(super().exchange, *arguments)

    def _timed(self, message, *arguments):
        begin = time.process_time()
        self.comm.Barrier()
        met = time.process_time()
        found = message(*arguments)
        self.waited += met - begin
        self.messages.append(time.process_time() - met)
        return found


def timed(work, comm, wall: list, computed: list, messages: list) -> None:
    """Adds the wall time of a piece of work, the processor time of what it computes, and those of its messages."""
    comm.waited, comm.messages = 0.0, []
    begin, busy = time.perf_counter(), time.process_time()
    work()
    busy = time.process_time() - busy
    wall.append(time.perf_counter() - begin)
    computed.append(busy - comm.waited - sum(comm.messages))
    messages.append(comm.messages)


def child(kind: str, edge: int, accuracy: float, steps: int, apart: int) -> None:
    comm = connect()
    if apart and comm.size == 2:
        comm = Apart(comm.comm)
    system = (salt if kind == "salt" else water)(edge)
    charges = Electrostatics(SALT, accuracy=accuracy, constant=CONSTANT)
    potential = charges if kind == "salt" else of_water(accuracy, 9.0)
    sim = Simulation(system, potential, VelocityVerlet(1e-4), skin=1.0, comm=comm)
    sim.begin_stage(steps + 2)
    sim.run_until(2)
    step, lists = ([], [], []), ([], [], [])
    for k in range(steps):
        timed(lambda: sim.run_until(sim.step + 1), comm, *step)
        if k % 3 == 0:
            timed(sim.work.neighbourhood, comm, *lists)
    own, new = ((np.median(w), np.median(c), np.min(m, axis=0).sum()) for w, c, m in (step, lists))
    wall, computed, messages = (one + another / LIVES for one, another in zip(own, new, strict=True))
    of_ranks = comm.allgather((wall, computed + messages, messages))
    if comm.rank == 0:
        wall, busy, messages = map(max, zip(*of_ranks, strict=True))
        print(json.dumps({"n": system.n_atoms, "wall": wall, "busy": busy, "messages": messages}))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--salt", type=int, nargs="*", default=[16, 32], help="cells of 5.64 Angstrom, of 8 ions")
    options.add_argument("--water", type=int, nargs="*", default=[15, 24], help="of a cube are so many molecules")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-5])
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--idle", action="store_true", help="both cores are free: who waits may use one")
    options.add_argument("--child", nargs=5, help="(for itself)")
    it = options.parse_args()
    if it.child:
        kind, *numbers = it.child
        edge, accuracy, steps, apart = map(float, numbers)
        child(kind, int(edge), accuracy, int(steps), int(apart))
        return
    print(machine(), flush=True)

    def run(ranks, kind, edge, accuracy, apart) -> dict:
        own = map(str, (kind, edge, accuracy, it.steps, apart))
        command = [mpiexec(), "-n", str(ranks), sys.executable, __file__, "--child", *own]
        waits = {} if it.idle else ASLEEP
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | waits)
        return json.loads(done.stdout)

    rows = []
    for kind, edges in (("salt", it.salt), ("water", it.water)):
        for edge in edges:
            for accuracy in it.accuracies:
                kinds = [(1, 0), (2, 1), (2, 0)]
                runs = {own: lambda o=own, k=kind, e=edge, a=accuracy: run(o[0], k, e, a, o[1]) for own in kinds}
                found = alternate(runs, it.repeats)
                busy = [np.median([one["busy"] for one in found[own]]) for own in kinds[:2]]
                wall = [np.median([one["wall"] for one in found[own]]) for own in kinds[::2]]
                sent = np.median([one["messages"] for one in found[2, 1]])
                times = [f"{1e3 * own:.1f}" for own in (*busy, sent, *wall)]
                gains = f"{busy[0] / busy[1]:.2f}", f"{wall[0] / wall[1]:.2f}"
                n = found[1, 0][0]["n"]
                rows.append((kind, f"{n:,}", accuracy, *times[:3], gains[0], *times[3:], gains[1]))
                print(rows[-1], file=sys.stderr, flush=True)
    header = (
        "system", "atoms", "accuracy", "busy, 1 rank, ms", "2 ranks", "messages of it", "gain", "wall, 1 rank, ms",
        "2 ranks", "gain",
    )  # fmt: skip
    print(table(header, rows))


if __name__ == "__main__":
    main()
