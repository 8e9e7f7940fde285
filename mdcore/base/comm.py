"""Who else works on this simulation?

One interface, two implementations: ``SelfComm`` (one rank, no MPI library needed) and
``MPIComm`` (mpi4py's buffer calls). Everything takes its communicator as an argument.
MPI is started only under a launcher or when a communicator is handed in.
"""

import os

import numpy as np

from mdcore.base.errors import InputError, MdcoreError

# what launchers tell their children: the number of ranks
LAUNCHER_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "PMIX_SIZE")
# with what names of their variables begin
LAUNCHERS = ("OMPI_", "PMI_", "PMIX_", "MPI_LOCAL", "MPIR_", "HYDI_", "HYDRA_", "SLURM_STEP", "SLURM_PROCID")


class SelfComm:
    """One rank: what it sends it receives, what it sums it has."""

    rank, size = 0, 1
    shares_memory = False  # may ranks read what others have (common_memory.py)?

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum of int64 (exact) or float64 (to rounding) `values` over ranks, the same on all of them, in place."""
        return values

    def maximum(self, values: np.ndarray) -> np.ndarray:
        """Largest of float64 `values` over ranks, in place."""
        return values

    def exchange(self, send: np.ndarray, dest: int | None, receive: np.ndarray, source: int | None) -> None:
        """Send an array to rank `dest` while receiving one from `source` (None: nobody)."""
        raise NotImplementedError("one rank copies in place")

    def post(self, send: np.ndarray, dest: int | None, receive: np.ndarray, source: int | None):
        """The same, begun: ``arrived(wait=True)`` waits for its end, before which nobody may touch these arrays, or
        just tells whether it is there."""
        raise NotImplementedError("one rank copies in place")

    def gather(self, rows: np.ndarray) -> np.ndarray | None:
        """Rows of all ranks, one after the other, on rank 0 (None elsewhere)."""
        return rows

    def join(self, rows: np.ndarray) -> np.ndarray:
        """Rows of all ranks, one after the other, on every rank."""
        return rows

    def scatter(self, rows: np.ndarray | None, counts) -> np.ndarray:
        """Deal rows [sum(counts), ...] of rank 0 out in rank order."""
        return rows

    def bcast(self, value):
        """The (small, picklable) value of rank 0, on every rank."""
        return value

    def allgather(self, value) -> list:
        """The (small, picklable) values of all ranks."""
        return [value]

    def barrier(self) -> None:
        pass

    def abort(self, code: int) -> None:
        raise SystemExit(code)


class MPIComm:
    """mpi4py behind the same interface; `comm` is any mpi4py intracommunicator."""

    shares_memory = True

    def __init__(self, comm):
        from mpi4py import MPI

        self._mpi = MPI
        self.comm = comm
        self.rank, self.size = comm.rank, comm.size

    def sum(self, values):
        self.comm.Allreduce(self._mpi.IN_PLACE, values, op=self._mpi.SUM)
        return values

    def maximum(self, values):
        self.comm.Allreduce(self._mpi.IN_PLACE, values, op=self._mpi.MAX)
        return values

    def exchange(self, send, dest, receive, source):
        null = self._mpi.PROC_NULL
        self.comm.Sendrecv(
            send, null if dest is None else dest, 0, receive, null if source is None else source, 0
        )

    def post(self, send, dest, receive, source):
        begun = [] if source is None else [self.comm.Irecv(receive, source, 0)]
        begun += [] if dest is None else [self.comm.Isend(send, dest, 0)]
        own = self._mpi.Request
        return lambda wait=True: own.Waitall(begun) if wait else own.Testall(begun)

    def gather(self, rows):
        rows = np.ascontiguousarray(rows)
        counts = self.comm.gather(rows.size)
        if self.rank:
            self.comm.Gatherv(rows, None)
            return None
        width = int(np.prod(rows.shape[1:], dtype=int))
        whole = np.empty((sum(counts) // width, *rows.shape[1:]), dtype=rows.dtype)
        self.comm.Gatherv(rows, (whole, counts))
        return whole

    def join(self, rows):
        rows = np.ascontiguousarray(rows)
        counts = self.comm.allgather(len(rows))
        width = int(np.prod(rows.shape[1:], dtype=int))
        whole = np.empty((sum(counts), *rows.shape[1:]), dtype=rows.dtype)
        self.comm.Allgatherv(rows, (whole, [n * width for n in counts]))
        return whole

    def scatter(self, rows, counts):
        shape, dtype = self.comm.bcast(None if self.rank else (rows.shape[1:], rows.dtype))
        width = int(np.prod(shape, dtype=int))
        mine = np.empty((counts[self.rank], *shape), dtype=dtype)
        sizes = [int(n) * width for n in counts]
        self.comm.Scatterv(None if self.rank else (np.ascontiguousarray(rows), sizes), mine)
        return mine

    def bcast(self, value):
        return self.comm.bcast(value)

    def allgather(self, value):
        return self.comm.allgather(value)

    def barrier(self):
        self.comm.Barrier()

    def abort(self, code):
        self.comm.Abort(code)


def launched_ranks() -> int:
    """Number of ranks the launcher started (1: no launcher)."""
    names = list(LAUNCHER_SIZES)
    if "PMIX_RANK" in os.environ or "PMI_RANK" in os.environ:  # Slurm's srun tells its own name for the size
        names.append("SLURM_STEP_NUM_TASKS")
    sizes = [os.environ.get(name, "") for name in names]
    return max((int(size) for size in sizes if size.isdigit()), default=1)


def without_launcher(environment) -> dict[str, str]:
    """The variables of an environment that no launcher has set: of a process that is none of its ranks."""
    return {name: value for name, value in environment.items() if not name.startswith(LAUNCHERS)}


def connect(comm=None):
    """The communicator to use: the given mpi4py one, the launcher's world, or this process alone.

    MdcoreError if the launcher is of another MPI than mpi4py's, or mpi4py is missing.
    """
    if comm is not None:
        if isinstance(comm, (SelfComm, MPIComm)):
            return comm
        if not hasattr(comm, "Allreduce"):
            raise InputError(f"comm = {comm!r}: expected a communicator of mpi4py, e.g. MPI.COMM_WORLD, or None")
        return MPIComm(comm)
    wanted = launched_ranks()
    if wanted == 1:
        return SelfComm()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise MdcoreError(
            f"started on {wanted} ranks, but mpi4py finds no MPI library ({error}); "
            'install both with: pip install "mdcore[mpi]"'
        ) from None
    if wanted != MPI.COMM_WORLD.size:
        raise MdcoreError(
            f"the launcher started {wanted} ranks but mpi4py's MPI sees {MPI.COMM_WORLD.size}: mpiexec belongs "
            "to another MPI than mpi4py; use the mpiexec beside this Python (pip install mpi4py mpich)"
        )
    return MPIComm(MPI.COMM_WORLD)


def on_root(comm, function, share: bool = False):
    """``function()`` on rank 0; its error is raised on all ranks, its value returned on all if `share`."""
    value = error = None
    if comm.rank == 0:
        try:
            value = function()
        except MdcoreError as raised:
            error = raised
    error, shared = comm.bcast((error, value if share else None))
    if error is not None:
        error.collective = True
        raise error
    return shared if share else value
