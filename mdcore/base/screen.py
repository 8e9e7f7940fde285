"""What becomes of text that the screen can't show: letters it has not, a reader who left, a full disk, no screen?

A run goes on without its screen: results are in files. What was lost is told once, at the end.
"""

import contextlib
import os
import sys

from mdcore.base.errors import OutputError


class Screen:
    """A text stream that does not fail; ``error`` is the first OSError that writing met, None if all went well.

    Letters that the encoding has not become escapes. After an error nothing is written any more.
    """

    def __init__(self, stream):
        self.stream, self.error = stream, None
        if hasattr(stream, "reconfigure"):  # block-buffered under a launcher or in a batch log
            stream.reconfigure(line_buffering=True, errors="backslashreplace")

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        self._try(lambda: self.stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self.stream.flush)

    def close(self) -> None:
        """Write what waits in buffers, or let it go."""
        self.flush()
        if self.error is not None:
            self._abandon()

    def _try(self, act) -> None:
        if self.error is not None and not isinstance(self.error, BrokenPipeError):
            return
        try:
            act()
        except BrokenPipeError as error:  # tried again: each try is a SIGPIPE, which ends a run (signals.py)
            self.error = error
        except OSError as error:
            self.error = error
            self._abandon()

    def _abandon(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def screens():
    """Standard output and error as Screens inside the block, of which the first is given."""
    before = sys.stdout, sys.stderr
    _fill()
    sys.stdout, sys.stderr = (Screen(stream or open(os.devnull, "w")) for stream in before)  # noqa: SIM115
    try:
        yield sys.stdout
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.close()
        if before[0] is not None:
            sys.stdout = before[0]
        if before[1] is not None:
            sys.stderr = before[1]


def exit_code(out: Screen, code: int) -> int:
    """`code`, unless a command did well whose output was lost: that is told. 141: as if ended by SIGPIPE."""
    out.flush()
    if out.error is None:
        return code
    if isinstance(out.error, BrokenPipeError):  # as in `mdcore check x.toml | head`
        return code or 141
    print(f"mdcore: error: standard output: {out.error.strerror}: what was printed is incomplete", file=sys.stderr)
    return code or OutputError.exit_code


def _fill() -> None:
    """Let closed descriptors 0, 1, 2 lead nowhere, or the next file that is opened would get what is printed."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
