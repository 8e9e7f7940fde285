"""What does a second rank save in a sum over charges?

    python benchmarks/charge_ranks.py
    python benchmarks/charge_ranks.py --idle

Rock salt with its ions displaced, Coulomb's law alone, and SPC/E water (charges_water.py). `busy` is the processor time
of a step of the rank that has more to do, where neither waits for the other: the median over steps of what it computes,
and what each message takes when both are there, the least of all steps, for they meet at a barrier before, whose time
does not count, and a machine that does other work may let one sleep in between. A fifteenth of what new lists cost is
in it. `gain` is that of one rank over it; medians.

--idle : by the clock, where two cores are free. The speed of a virtual core may change within a second, so one job has
all in turn, a few steps each: each rank alone with the whole system, on a core of its own; both so at once, which tells
what the machine gives away; and both sharing one. `gain` is, of each turn, the mean time alone over the time together,
told as quartiles; `alike` those turns in which both cores were as fast, to 8 percent. Two ranks wait for the slower
core, and of `slower` the time alone on that is taken.
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
from mdcore.base.comm import MPIComm, SelfComm, connect

KEYS = (1, "busy"), (2, "busy"), (2, "messages")  # of ranks
LIVES = 15  # steps that a list lasts in a liquid
ASLEEP = {  # who waits uses no processor (MPICH)
    "MPIR_CVAR_POLLS_BEFORE_YIELD": "10", "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "16", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip


class Apart(MPIComm):
    """Tells waiting and messages apart; for two ranks, which exchange with each other alone, as on two machines."""

    shares_memory = False

    def __init__(self, comm):
        super().__init__(comm)
        self.waited, self.messages = 0.0, []

    def sum(self, values):
        return self._timed(super().sum, values)

    def maximum(self, values):
        return self._timed(super().maximum, values)

    def exchange(self, *arguments):
        return self._timed(super().exchange, *arguments)

    def post(self, *arguments):
        arrived = super().post(*arguments)  # not there until one waits: what may be done meanwhile is done before
        return lambda wait=True: wait and self._timed(arrived)

    def _timed(self, message, *arguments):
        begin = time.process_time()
        self.comm.Barrier()
        met = time.process_time()
        found = message(*arguments)
        self.waited += met - begin
        self.messages.append(time.process_time() - met)
        return found


def timed(work, comm, computed: list, messages: list) -> None:
    """Adds the processor time of what a piece of work computes, and those of its messages."""
    comm.waited, comm.messages = 0.0, []
    busy = time.process_time()
    work()
    computed.append(time.process_time() - busy - comm.waited - sum(comm.messages))
    messages.append(comm.messages)


def simulation(kind: str, edge: int, accuracy: float, comm) -> Simulation:
    """Two steps later."""
    system = (salt if kind == "salt" else water)(edge)
    charges = Electrostatics(SALT, accuracy=accuracy, constant=CONSTANT)
    potential = charges if kind == "salt" else of_water(accuracy, 9.0)
    sim = Simulation(system, potential, VelocityVerlet(1e-4), skin=1.0, comm=comm)
    sim.begin_stage(1 << 40)
    sim.run_until(2)
    return sim


def busy(kind: str, edge: int, accuracy: float, steps: int, _) -> None:
    """A child: tells the processor time of a step of one or two ranks."""
    comm = connect()
    comm = Apart(comm.comm) if comm.size == 2 else comm
    sim = simulation(kind, edge, accuracy, comm)
    step, lists = ([], []), ([], [])
    for k in range(steps):
        timed(lambda: sim.run_until(sim.step + 1), comm, *step)
        if k % 3 == 0:
            timed(sim.work.neighbourhood, comm, *lists)
    own, new = ((np.median(c), np.min(m, axis=0).sum()) for c, m in (step, lists))
    computed, messages = (one + another / LIVES for one, another in zip(own, new, strict=True))
    of_ranks = comm.allgather((computed + messages, messages))
    if comm.rank == 0:
        whole, sent = map(max, zip(*of_ranks, strict=True))
        print(json.dumps({"n": sim.system.n_atoms, "busy": whole, "messages": sent}))


def meet(comm) -> None:
    """A barrier at which one who waits sleeps."""
    met = comm.comm.Ibarrier()
    while not met.Test():
        time.sleep(2e-4)


def clock(sim, steps: int) -> float:
    """The time of a step: the median, and a fifteenth of new lists."""
    found = []
    for _ in range(steps):
        begin = time.perf_counter()
        sim.run_until(sim.step + 1)
        found.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    sim.work.neighbourhood()
    lists = time.perf_counter() - begin
    sim.run_until(sim.step + 1)
    return float(np.median(found)) + lists / LIVES


def in_turn(kind: str, edge: int, accuracy: float, steps: int, turns: int) -> None:
    """A child of two ranks: tells times [turns] of each alone, of both at once and of both together."""
    comm = connect()
    os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[comm.rank]])
    one, two = (simulation(kind, edge, accuracy, own) for own in (SelfComm(), comm))
    times = []
    for _ in range(turns):
        row = []
        for alone in (0, 1):
            meet(comm)
            if comm.rank == alone:
                row.append(clock(one, steps))
        for sim in (one, two):
            meet(comm)
            row.append(clock(sim, steps))
        times.append(row)
    of_ranks = comm.allgather(times)
    if comm.rank == 0:
        print(json.dumps({"n": two.system.n_atoms, "times": of_ranks}))


def quartiles(values) -> str:
    return " ".join(f"{v:.2f}" for v in np.percentile(values, [25, 50, 75])) if len(values) else ""


def told(found: dict) -> list:
    """What --idle tells of times [rank][turn] of alone, at once, together, s."""
    alone, at_once, together = np.moveaxis(1e3 * np.array(found["times"]), 2, 0)
    together, gains = together.max(axis=0), alone.mean(axis=0) / together.max(axis=0)
    alike = np.abs(alone[0] / alone[1] - 1.0) < 0.08
    times = [f"{np.median(own):.1f}" for own in (alone, at_once, together)]
    slower = quartiles(alone.max(axis=0) / together)
    return [*times, quartiles(gains), f"{quartiles(gains[alike])} ({alike.sum()} of {len(alike)})", slower]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--salt", type=int, nargs="*", default=[16, 32], help="cells of 5.64 Angstrom, of 8 ions")
    options.add_argument("--water", type=int, nargs="*", default=[15, 24], help="of a cube are so many molecules")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-5])
    options.add_argument("--steps", type=int, default=30, help="of a run; --idle: of all turns")
    options.add_argument("--repeats", type=int, default=3, help="or turns, with --idle")
    options.add_argument("--idle", action="store_true", help="both cores are free")
    options.add_argument("--child", nargs=6, help="(for itself)")
    it = options.parse_args()
    if it.child:
        what, kind, *numbers = it.child
        edge, accuracy, steps, turns = map(float, numbers)
        {"busy": busy, "in_turn": in_turn}[what](kind, int(edge), accuracy, int(steps), int(turns))
        return
    print(machine(), flush=True)

    def run(ranks, what, kind, edge, accuracy) -> dict:
        steps = it.steps // it.repeats if it.idle else it.steps
        own = map(str, (what, kind, edge, accuracy, steps, it.repeats))
        command = [mpiexec(), "-n", str(ranks), sys.executable, __file__, "--child", *own]
        waits = {} if it.idle else ASLEEP
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | waits)
        return json.loads(done.stdout)

    rows = []
    for kind, edges in (("salt", it.salt), ("water", it.water)):
        for edge in edges:
            for accuracy in it.accuracies:
                if it.idle:
                    found = run(2, "in_turn", kind, edge, accuracy)
                    own = told(found)
                else:
                    runs = {n: lambda n=n, k=kind, e=edge, a=accuracy: run(n, "busy", k, e, a) for n in (1, 2)}
                    of = alternate(runs, it.repeats)
                    found = of[1][0]
                    one, two, sent = (np.median([own[key] for own in of[n]]) for n, key in KEYS)
                    own = [f"{1e3 * one:.1f}", f"{1e3 * two:.1f}", f"{1e3 * sent:.1f}", f"{one / two:.2f}"]
                rows.append((kind, f"{found['n']:,}", accuracy, *own))
                print(rows[-1], file=sys.stderr, flush=True)
    busy_header = "busy, 1 rank, ms", "2 ranks", "messages of it", "gain"
    idle_header = "alone, ms", "both at once", "together", "gain", "alike", "slower"
    print(table(("system", "atoms", "accuracy", *(idle_header if it.idle else busy_header)), rows))


if __name__ == "__main__":
    main()
