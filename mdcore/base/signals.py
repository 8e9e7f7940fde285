"""Has somebody asked this run to stop?

Batch systems send SIGTERM, SIGUSR1, SIGUSR2 or SIGXCPU some time before they kill, a terminal sends SIGINT, and SIGHUP
when it goes; SIGPIPE comes when nobody reads any more what is printed. All only set a flag; the time-step loop
reads it, agrees on it with the other ranks, writes a checkpoint and stops. A second SIGINT stops at once, with
KeyboardInterrupt. Whoever ignores SIGHUP (nohup) goes on.
"""

import signal
import threading
import time

from mdcore.base.errors import Interrupted

NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGPIPE")  # not all exist everywhere


class StopSignals:
    """Catch the signals inside a ``with`` block and restore the former handlers after it.

    Calling the object tells whether a signal has come: ``sim.stop_requested = stop``. Python delivers
    signals to the main thread; in another one nothing is caught and the answer stays False.
    """

    def __init__(self):
        self.received: str | None = None  # name of the first signal
        self._former = {}

    def __call__(self) -> bool:
        return self.received is not None

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for name in NAMES:
                number = getattr(signal, name, None)
                if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                    continue
                self._former[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *_):
        for number, handler in self._former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: set by C code
        self._former.clear()

    def _catch(self, number, _frame):
        if number == signal.SIGINT and self.received is not None:
            raise KeyboardInterrupt
        if self.received is None:
            self.received = signal.Signals(number).name


class _Stop(BaseException):
    """On its way out of the block; no error that somebody could take for one of a structure, or of a file."""


class Interrupting(StopSignals):
    """Leave the block where the main thread happens to be, with Interrupted and `told`: for work that loses nothing."""

    def __init__(self, told: str):
        super().__init__()
        self.told = told

    def __exit__(self, kind, error, trace):
        super().__exit__(kind, error, trace)
        if isinstance(error, _Stop):
            raise Interrupted(f"{self.received} came: {self.told}") from None

    def _catch(self, number, _frame):
        if self.received is not None:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self.received = signal.Signals(number).name
        if number != signal.SIGPIPE:
            raise _Stop


class Deadline:
    """Asks to stop when `stop` does, or so many minutes from now; `received` says why."""

    def __init__(self, stop, minutes: float):
        self._stop, self.minutes = stop, minutes
        self._end = time.monotonic() + 60.0 * minutes
        self._over = False

    def __call__(self) -> bool:
        self._over = self._over or time.monotonic() >= self._end
        return self._over or self._stop()

    @property
    def received(self) -> str | None:
        own = f"the end of wall_minutes = {self.minutes:g}" if self._over else None
        return getattr(self._stop, "received", None) or own
