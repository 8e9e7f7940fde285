"""Trainings on several ranks, for test_train_ranks.py: python mpi_training.py STOP_AFTER RESTART INPUT:NAME ...

STOP_AFTER epochs the last rank, and no other, asks to stop; -1: none does. RESTART is 0 or 1.
"""

import itertools
import sys

from mdcore.base.comm import connect
from mdcore.base.errors import Interrupted
from mdcore.cli.train import train
from mdcore.config.load_training import load_training


def main(path: str, name: str, stop_after: int, restart: bool) -> None:
    comm, calls = connect(), itertools.count(1)

    def stop() -> bool:
        return next(calls) > stop_after >= 0 and comm.rank == comm.size - 1

    try:
        settings = load_training(path, [f"output.name={name}"])
        train(settings, restart=restart, say=lambda text="": None, stop=stop, comm=comm)
        assert stop_after < 0
    except Interrupted as error:  # on all ranks
        assert error.collective and stop_after >= 0


if __name__ == "__main__":
    stop_after, restart, *jobs = sys.argv[1:]
    for job in jobs:
        main(*job.split(":"), int(stop_after), restart == "1")
