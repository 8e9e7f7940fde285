"""Structures out, labels back: with time limits, another try for what failed, and a look at what comes.

What becomes of a structure depends on it and the oracle alone, not on how many workers there are or in which order they
finish.
"""

import pickle
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, count, number
from mdcore.learn import executors, guard
from mdcore.learn.checks import Known, complaint

KINDS = ("failed", "unconverged", "timeout", "refused")
AGAIN = ("failed", "timeout", guard.UNMADE)  # what another try may mend


@dataclass(frozen=True)
class Failure:
    """Why a structure has no labels. kind : of KINDS; why : in words; tries : how often it was computed"""

    kind: str
    why: str
    tries: int = 1


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """How labels are made.

    workers : calculations at a time; None: one for each core, or rank
    minutes : longest time of one; then it is killed; retries : further tries after a failure or a kill
    executor : of executors.KINDS; cluster : see executors.opened; threads : of each worker's libraries, where
    OMP_NUM_THREADS does not say; another number may change last digits
    net_force, outliers : what is refused (checks.py): forces that add up to more, eV/Angstrom an atom; labels that are
    so many times beyond those that are known; 0: not looked at
    """

    workers: int | None = None
    minutes: float = 60.0
    retries: int = 1
    executor: str = "processes"
    cluster: str | None = None
    threads: int = 1
    net_force: float = 0.02
    outliers: float = 20.0

    def __post_init__(self):
        if self.workers is not None:
            count("workers", self.workers, 1, 10**5)
        number("minutes", self.minutes)
        count("retries", self.retries, 0, 100)
        count("threads", self.threads, 1, 512)
        choice("executor", self.executor, executors.KINDS)
        if self.cluster is not None and self.executor not in ("dask", "parsl"):
            raise InputError(f'cluster: applies with executor = "dask" or "parsl", not "{self.executor}"')
        number("net_force", self.net_force, zero=True)
        number("outliers", self.outliers, zero=True)


def label(
    systems: Sequence, oracle, settings: Labelling | None = None, on_result: Callable | None = None, *, labelled=()
) -> list:
    """Labels or Failure of each structure, in the order given.

    oracle : Oracle, or any that can be called so and pickled; it is called in processes of its own
    on_result : on_result(index, Labels | Failure), called here as each is finished, in any order
    labelled : System with "energy" and "forces" in info, that outliers are told by

    InputError for an oracle that can't be sent to other processes or is not ready in one, or an executor that is not
    there; MdcoreError if the executor breaks. If anything is raised here, also by `on_result`, all calculations end.
    """
    settings, systems = settings or Labelling(), list(systems)
    payload = _pickled(oracle)
    known = Known.of(labelled) if settings.outliers else None
    results = [None] * len(systems)
    queue, running = deque((index, 1) for index in range(len(systems))), {}
    if not systems:
        return results
    with executors.opened(settings.executor, settings.workers, settings.cluster) as (executor, most):
        try:
            while queue or running:
                while queue and len(running) < most:
                    index, tries = queue.popleft()
                    job = payload, systems[index], 60.0 * settings.minutes, settings.threads
                    running[executors.submitted(executor, guard.compute, *job)] = index, tries
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=running.get):
                    index, tries = running.pop(future)
                    kind, found = _outcome(future)
                    if kind in AGAIN and tries <= settings.retries:
                        again = queue.appendleft if kind == guard.UNMADE else queue.append  # it ends all: soon, then
                        again((index, tries + 1))
                        continue
                    if kind == guard.UNMADE:
                        raise InputError(f"the oracle can't begin: {found}")
                    if kind == "labels":
                        wrong = complaint(systems[index], found, settings.net_force, known, settings.outliers)
                        found = Failure("refused", wrong, tries) if wrong else found
                    else:
                        found = Failure(kind, found, tries)
                    results[index] = found
                    if on_result is not None:
                        on_result(index, found)
        finally:
            for future in running:
                future.cancel()
            guard.close_all(payload)
            while settings.executor == "processes" and wait(running, timeout=0.1).not_done:
                guard.close_all(payload)  # of those that were about to start
    return results


def _pickled(oracle) -> bytes:
    try:
        return pickle.dumps(oracle)
    except Exception as error:  # what can't be pickled raises what it likes
        raise InputError(
            f"{oracle!r} can't be sent to other processes ({error}); an oracle is an object of a class, or a "
            "function, of a module or a file"
        ) from None


def _outcome(future):
    """(kind, Labels or why not) of a future; what the executor itself lost has failed."""
    error = future.exception()
    return future.result() if error is None else ("failed", f"{type(error).__name__}: {error}")
