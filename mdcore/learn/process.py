"""How does a campaign start ``mdcore`` in a process of its own?

What breaks there breaks nothing here, and what one command does is done by one program only. The child goes when the
campaign is killed, so that nobody writes into a folder which the campaign, started again, gives to another one. Who is
to be killed with all that it has started, wherever that went, is told by its family.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mdcore as package
from mdcore.base.comm import without_launcher
from mdcore.base.errors import InputError
from mdcore.base.files import read_bytes

GO_ON = "; go on with --restart"
GRACE = 30.0  # seconds to write a checkpoint in, before the child is killed
ERROR = "mdcore: error: "
ADVICE = re.compile(r"\. (?:There is no checkpoint|The last (?:checkpoint|state) is intact): .*")
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Done:
    """How a command ended: exit code (cli/arguments.py; negative: killed by that signal), and what it told."""

    code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """The error that it told, in one line, without how it would be begun again, for that is the campaign's affair;
        else how it ended."""
        lines = [" ".join(line.split()) for line in self.stderr.splitlines() if line.strip()]
        first = next((k for k, line in enumerate(lines) if line.startswith(ERROR)), len(lines))
        how = f"it was killed by signal {-self.code}" if self.code < 0 else f"it ended with exit code {self.code}"
        return ADVICE.sub("", " ".join(lines[first:]).removeprefix(ERROR)) or how


def mdcore(arguments, folder) -> Done:
    """Run ``mdcore ARGUMENTS`` in a folder. An exception here (Interrupted, KeyboardInterrupt) ends the child, too."""
    home = str(Path(package.__file__).resolve().parents[1])
    environment = without_launcher(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [home, environment.get("PYTHONPATH")]))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            [sys.executable, "-m", "mdcore", *map(str, arguments)], cwd=folder, env=environment, stdout=out, stderr=err,
            stdin=subprocess.DEVNULL, preexec_fn=None if LIBC is None else go_with_parent,
        )  # fmt: skip
        try:
            code = child.wait()
        except BaseException:
            _end(child)
            raise
        return Done(code, _read(out), _read(err))


def go_with_parent() -> None:
    """In the child (Linux): be killed when its parent ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def keep_orphans() -> None:
    """From here on what this process's children leave behind when they end becomes its own child (Linux)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def family(process: int) -> list[int]:
    """A process and all that it has started, and they, whatever sessions they are in; just the process where the kernel
    does not tell."""
    found = [process]
    for one in found:  # grows meanwhile
        with contextlib.suppress(OSError, InputError):  # it has ended
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += map(int, read_bytes(thread / "children").split())
    return found


def slay(processes) -> None:
    """SIGKILL to all of these that there are."""
    for one in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)


def _end(child: subprocess.Popen) -> None:
    child.terminate()
    try:
        child.wait(GRACE)
    except BaseException:  # too slow, or a second signal
        child.kill()
        child.wait()


def _read(stream) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")
