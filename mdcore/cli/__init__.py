"""The command ``mdcore``: what did the user ask for, and how does it end?

An error becomes one message on standard error, from one rank, and an exit code (see errors.py).
"""

import os

# BLAS threads on top of ranks cost up to 70x; NumPy is not imported yet. Kernels are told their number of threads.
for _name in ("OPENBLAS", "MKL", "BLIS", "OMP", "VECLIB_MAXIMUM", "NUMEXPR"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")
# Threads that wait shall sleep: spinning costs half the speed where others use the cores too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import atexit  # noqa: E402
import gc  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

from mdcore.base import console  # noqa: E402
from mdcore.base.errors import InputError, MdcoreError, OutputError  # noqa: E402
from mdcore.base.screen import exit_code, screens  # noqa: E402
from mdcore.cli.arguments import parse_arguments  # noqa: E402

LONGEST = 1200  # letters of a line of an error
GRACE = 1.0  # seconds in which rank 0 may tell an error before another rank does


def main(argv=None) -> int:
    """Run the command with arguments `argv` (default: those of the process, which ends with it); returns the exit
    code."""
    if argv is None:
        atexit.register(gc.freeze)  # Python would look through all that is loaded for cycles, several times
    with screens() as out, warnings.catch_warnings():
        warnings.showwarning = told
        return exit_code(out, outcome(argv))


def told(warning, category, filename, line, file=None, text=None) -> None:
    """A warning of ours as one line; others as Python shows them. NumPy tells of overflow; our checks do."""
    if category is UserWarning:
        console.tell("warning", str(warning))
    elif not issubclass(category, RuntimeWarning):
        sys.stderr.write(warnings.formatwarning(warning, category, filename, line, text))


def outcome(argv) -> int:
    comm = None
    debug = bool(os.environ.get("MDCORE_DEBUG"))
    try:
        arguments = parse_arguments(sys.argv[1:] if argv is None else argv)
        if arguments is None:
            return 0
        debug = debug or arguments.debug
        from mdcore.base.comm import connect

        if getattr(arguments, "leads", False) and "mpi4py.futures" in sys.modules:  # the other ranks wait for its work
            from mdcore.learn.executors import leave_launcher

            leave_launcher()
        comm = connect()
        return arguments.command(arguments, comm) or 0
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            import traceback

            traceback.print_exc()
        return fail(error, comm)


def fail(error: BaseException, comm) -> int:
    """Tell `error` once, and make all ranks stop; returns the exit code."""
    code = getattr(error, "exit_code", 1)
    if isinstance(error, OSError | MemoryError):
        code = OutputError.exit_code
    if isinstance(error, KeyboardInterrupt):
        code = 130
    if comm is None:  # the command line itself, which is the same on all ranks
        comm, error.collective = _connect_quietly(), True
    if comm.rank == 0:
        console.write(console.folded(message(error), sys.stderr), sys.stderr)
    if comm.size == 1 or getattr(error, "collective", False):
        return code
    if comm.rank != 0:
        time.sleep(GRACE)  # rank 0 may have failed too, and then aborts us
        console.write(console.folded(message(error), sys.stderr), sys.stderr)
    sys.stdout.flush()
    comm.abort(code)
    return code


def message(error: BaseException) -> str:
    """What the user sees."""
    if isinstance(error, MdcoreError):
        lines = [shortened(line) for line in str(error).splitlines()]
        if isinstance(error, InputError) and len(lines) > 1:
            return "\n".join([f"mdcore: error: {len(lines)} errors in the input", *lines])
        return "mdcore: error: " + "\n".join(lines)
    if isinstance(error, KeyboardInterrupt):
        return "mdcore: error: interrupted"
    if isinstance(error, MemoryError):
        return "mdcore: error: out of memory; use fewer atoms, or more ranks on more machines"
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return "mdcore: error: the current directory was removed: go to another one (cd)"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return shortened(f"mdcore: error: {where}{error.strerror or error}")
    return (
        f"mdcore: error: internal error, {type(error).__name__}: {error}; "
        "run again with --debug and report what it prints"
    )


def shortened(line: str) -> str:
    """A line that quotes more than anybody reads, without its middle."""
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} [...] {line[-LONGEST // 2 :]}"


def _is_nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _connect_quietly():
    """The communicator, to find out who tells an error; this process alone if MPI itself is the trouble."""
    from mdcore.base.comm import SelfComm, connect

    try:
        return connect()
    except MdcoreError:
        return SelfComm()
