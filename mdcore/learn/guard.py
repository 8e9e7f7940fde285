"""How can a calculation hang or crash without harm? In a process of its own, which is killed when its time is over.

A guard belongs to one thread and keeps one process, which computes one structure after the other; a new one is started
after a crash or a kill. What it has started dies with it, wherever that went, and it ends itself when the process that
started it is gone.
"""

import atexit
import contextlib
import fcntl
import multiprocessing.util
import os
import pickle
import resource
import signal
import tempfile
import threading

from mdcore.base.comm import without_launcher
from mdcore.base.errors import MdcoreError
from mdcore.base.writing import appending
from mdcore.learn.base import Unconverged, Unready
from mdcore.learn.process import LIBC, family, go_with_parent, keep_orphans, slay

READY = 300.0  # s, for imports
LAST = 400  # characters of what a process said that a message quotes
MOST_SAID = 1 << 16  # bytes of its end that are looked through
UNMADE = "unmade"  # the oracle can't begin: nothing of the structure
SCRIPT = (
    'a script that labels does so below if __name__ == "__main__":, for every process of an oracle reads the script '
    "again"
)
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_starting = threading.Lock()  # the environment is one for all threads
_local, _guards = threading.local(), {}


class Guard:
    """A process that computes with an oracle.

    payload : the pickled oracle; threads : of its libraries, where the environment does not say
    """

    def __init__(self, payload: bytes, threads: int = 1):
        self.payload, self.threads = payload, threads
        self._process, self._closed = None, False

    def compute(self, system, seconds: float):
        """(kind, Labels or why not): "labels", a kind of Failure (labelling.py), or UNMADE."""
        if self._process is None and (trouble := self._start()):
            self._end()
            return ("failed", "it was stopped") if self._closed else (UNMADE, trouble)
        try:
            os.ftruncate(self._log.fileno(), 0)  # of all that it says only what belongs to this structure is kept
            self._pipe.send(system)
            if not self._pipe.poll(seconds):
                self._end()
                return "timeout", f"not finished after {seconds / 60.0:g} minutes"
            return self._pipe.recv()
        except (EOFError, OSError, ValueError):  # the last: `close` came from another thread, and the log is closed
            process = self._process
            why = "it was stopped" if self._closed else _death(process, self._said())
            self._end()
            return "failed", why

    def close(self) -> None:
        """End the process, whatever it does; from any thread."""
        self._closed = True
        self._end()

    def _start(self) -> str:
        """What went wrong, or nothing."""
        context = multiprocessing.get_context("spawn")
        try:
            self._log = tempfile.NamedTemporaryFile(prefix="mdcore-oracle-")  # noqa: SIM115  (until the process ends)
            self._pipe, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self.payload, self._log.name), name="oracle")
            with _starting, _environment(self.threads), _allowed():
                process.start()
            self._process = process
            theirs.close()
            if self._closed:  # meanwhile
                return "it was stopped"
            if not self._pipe.poll(READY):
                return f"the oracle was not ready after {READY:g} s"
            return self._pipe.recv()
        except RuntimeError as error:  # of multiprocessing, where this process reads the script itself
            return SCRIPT if "bootstrapping" in str(error) else str(error)
        except EOFError:
            return f"{_death(process, self._said())} before it was ready; {SCRIPT}"
        except OSError as error:
            return error.strerror or str(error)

    def _said(self) -> str:
        self._log.seek(-min(self._log.seek(0, os.SEEK_END), MOST_SAID), os.SEEK_END)
        return " ".join(self._log.read().decode("utf-8", "replace").split())[-LAST:]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        whole = family(process.pid)  # first: what it has started in sessions of their own dies, too
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        slay(whole)
        process.join()
        self._pipe.close()
        self._log.close()


def compute(payload: bytes, system, seconds: float, threads: int = 1):
    """As `Guard.compute`, with the guard of this thread; what executors call, here or elsewhere."""
    guard = getattr(_local, "guard", None)
    if guard is None or guard.payload != payload or guard._closed:
        if guard is not None:
            guard.close()
        guard = _local.guard = Guard(payload, threads)
        _guards[id(guard)] = guard
    return guard.compute(system, seconds)


def close_all(payload: bytes | None = None) -> None:
    """End all processes of this one that compute with an oracle; None: with any."""
    for key, guard in list(_guards.items()):
        if payload is None or guard.payload == payload:
            _guards.pop(key, None)
            guard.close()


atexit.register(close_all)  # it comes before multiprocessing.util waits for them, for it was registered after


# --- in the process -----------------------------------------------------------------------------------------------


def _serve(pipe, payload: bytes, log: str) -> None:
    os.setsid()
    if LIBC is None:
        threading.Thread(target=_follow, daemon=True).start()
    else:
        _look_after(pipe)
    with appending(log, 0) as said:
        # whoever truncates it, what comes then is at its beginning
        fcntl.fcntl(said, fcntl.F_SETFL, fcntl.fcntl(said, fcntl.F_GETFL) | os.O_APPEND)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    try:
        oracle = pickle.loads(payload)
    except BaseException as error:
        pipe.send(_text(error))
        return
    pipe.send("")
    while True:
        try:
            system = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_answer(oracle, system))


def _look_after(pipe) -> None:
    """Fork: the child returns, to compute. This process adopts what that leaves behind, and waits for all that end,
    lest they stay zombies; the computing process could not, for it would take the exit codes of what its oracle waits
    for. It kills what is left when the computing process has ended, and ends like it."""
    keep_orphans()
    worker = os.fork()
    if worker == 0:
        go_with_parent()
        return
    pipe.close()
    threading.Thread(target=_follow, daemon=True).start()
    ended = None
    while ended != worker:
        ended, how = os.wait()
    slay(family(os.getpid())[1:])
    code = os.waitstatus_to_exitcode(how)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the worker has left one
        with contextlib.suppress(OSError):  # SIGKILL has no other way
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _answer(oracle, system):
    try:
        return "labels", oracle(system)
    except Unconverged as error:
        return "unconverged", str(error)
    except Unready as error:
        return UNMADE, str(error)
    except BaseException as error:  # an oracle raises what it likes
        text = _text(error)
        return "unconverged" if "converge" in text.lower() else "failed", text


def _text(error: BaseException) -> str:
    return str(error) if isinstance(error, MdcoreError) else f"{type(error).__name__}: {error}"


def _follow() -> None:
    """Nobody is left to hear the answer."""
    multiprocessing.parent_process().join()
    slay(family(os.getpid())[1:])
    os.killpg(0, signal.SIGKILL)


@contextlib.contextmanager
def _environment(threads: int):
    """What a process is started with: so many threads, and no word of the launcher whose rank this process may be."""
    before = dict(os.environ)
    for name in THREADS:
        os.environ.setdefault(name, str(threads))
    for name in before.keys() - without_launcher(before).keys():
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _allowed():
    """Workers of Dask are daemons, which multiprocessing allows no processes of their own, lest these are left alone;
    those of a guard follow (`_follow`)."""
    config = multiprocessing.current_process()._config
    before = config.get("daemon")
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = before


def _death(process, said: str) -> str:
    process.join(5.0)
    code = process.exitcode
    how = f"by signal {-code} ({signal.Signals(-code).name})" if code is not None and code < 0 else f"with code {code}"
    return f"the process died {how}" + (f"; it last said: {said}" if said else "")
