"""Where does work go? To an executor of `concurrent.futures`: there is no scheduler here.

"processes": threads of this process, each of which watches over a process (guard.py). "mpi": the other ranks of
`mpiexec -n N python -m mpi4py.futures ...`. "dask", "parsl": a cluster that these know. Wherever a calculation lands, a
guard watches over it there.
"""

import contextlib
import importlib
import os
from concurrent.futures import Executor, ThreadPoolExecutor

from mdcore.base.comm import without_launcher
from mdcore.base.errors import InputError, MdcoreError
from mdcore.base.files import read_text

KINDS = ("processes", "mpi", "dask", "parsl")
MODULES = {"dask": "distributed", "parsl": "parsl"}
IN_FLIGHT = 100  # calculations that are handed to a cluster whose size is not known, or may grow


@contextlib.contextmanager
def opened(kind: str, workers: int | None, cluster: str | None = None):
    """(Executor, how many calculations it is given at a time).

    workers : None: one for each core or rank; cluster : of "dask", the address of a scheduler, None: this machine; of
    "parsl", a Python file whose `config` is a parsl.Config. InputError for what is not installed, or not there.
    """
    yield_from = {"processes": _processes, "mpi": _mpi, "dask": _dask, "parsl": _parsl}[kind]
    with yield_from(workers, cluster) as (executor, most):
        yield executor, most


def check(kind: str) -> None:
    """InputError for an executor that is not installed, or whose ranks are not there."""
    if kind == "mpi":
        _pool()
    elif kind in MODULES:
        _module(MODULES[kind], kind)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def leave_launcher() -> None:
    """On rank 0 of mpi4py.futures, whose other ranks only compute: from here on this process is alone, and so are those
    it starts. To be called before anything else looks for ranks."""
    _pool()
    for name in os.environ.keys() - without_launcher(os.environ).keys():
        del os.environ[name]


@contextlib.contextmanager
def _processes(workers, cluster):
    workers = workers or cores()
    with ThreadPoolExecutor(workers, thread_name_prefix="oracle") as executor:
        yield executor, workers


def _pool():
    """The class of mpi4py's executors; InputError where there are no ranks for them."""
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor, _core
    except (ImportError, RuntimeError) as error:
        raise InputError(f'executor = "mpi" needs mpi4py and an MPI ({error}): pip install "mdcore[mpi]"') from None
    if MPI.COMM_WORLD.size < 2 or getattr(_core, "SharedPool", None) is None:
        raise InputError(
            'executor = "mpi": there are no ranks that wait for work; start with: mpiexec -n 5 python '
            "-m mpi4py.futures -m mdcore learn learn.toml (one rank and four that compute)"
        )
    return MPIPoolExecutor


@contextlib.contextmanager
def _mpi(workers, cluster):
    with _pool()() as executor:
        yield executor, min(workers or executor.num_workers, executor.num_workers)


@contextlib.contextmanager
def _dask(workers, cluster):
    distributed = _module(MODULES["dask"], "dask")
    try:
        opened = distributed.Client(cluster) if cluster else distributed.Client(n_workers=workers)
    except (OSError, ValueError) as error:  # nobody there, no address
        raise InputError(f'executor = "dask": cluster = "{cluster}": {error}') from None
    with opened as client:
        executor = client.get_executor(pure=False, retries=0)
        yield executor, workers or max(sum(client.ncores().values()), IN_FLIGHT if cluster else 1)


@contextlib.contextmanager
def _parsl(workers, cluster):
    _module(MODULES["parsl"], "parsl")
    concurrent = importlib.import_module("parsl.concurrent")
    if cluster is None:
        raise InputError('executor = "parsl": cluster = "FILE.py", a file whose `config` is a parsl.Config, is missing')
    space = {"__name__": "parsl_config", "__file__": cluster}
    text = read_text(cluster, "a Python file")
    try:
        exec(compile(text, cluster, "exec"), space)
    except (Exception, SystemExit) as error:  # a user's file raises what it likes
        raise InputError(f"{cluster} failed: {type(error).__name__}: {error}") from error
    if "config" not in space:
        raise InputError(f"{cluster} has no `config`; expected config = parsl.Config(...)")
    with concurrent.ParslPoolExecutor(config=space["config"]) as executor:
        yield executor, workers or IN_FLIGHT


def _module(name: str, extra: str):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f'executor = "{extra}": {name} is not installed: pip install "mdcore[{extra}]"') from None


class Broken(MdcoreError):
    """The executor is lost, and with it what was in flight."""


def submitted(executor: Executor, function, *arguments):
    """The future of a call; Broken."""
    try:
        return executor.submit(function, *arguments)
    except RuntimeError as error:  # concurrent.futures.BrokenExecutor among them
        raise Broken(f"the executor takes no more work: {error}; what was labelled is kept, start again") from error
