"""python -m tests.die STEP COMMAND ...: the command mdcore, whose last rank kills itself (SIGKILL) in the middle of the
step after STEP."""

import os
import signal
import sys

from mdcore.cli import main
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.work import Work


def die_at(step: int) -> None:
    advance, forces = Simulation.advance, Work.forces

    def doomed(sim):
        if sim.step == step and sim.comm.rank == sim.comm.size - 1:

            def last(work, *arguments, **options):
                forces(work, *arguments, **options)
                os.kill(os.getpid(), signal.SIGKILL)

            Work.forces = last
        advance(sim)

    Simulation.advance = doomed


if __name__ == "__main__":
    die_at(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
