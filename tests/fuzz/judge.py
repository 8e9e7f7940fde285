"""What happens when mdcore meets an input?  A child process with limits tries; what it leaves is judged."""

import contextlib
import hashlib
import os
import re
import resource
import shutil
import signal
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HANG = 20.0  # seconds; of the processor, for others may use the machine
ASLEEP = 60.0  # seconds by the clock, for what waits
ASKED = 4.0  # a run that goes on for so long is asked to stop
MEMORY = 300e6  # bytes beyond those of a process that has only begun ...
PER_BYTE = 100  # ... and so many for each byte of the input
ADDRESSES = 3 << 30  # bytes of address space beyond those at the start
LARGEST_FILE = 1 << 26
WAITING = 16 * 1024  # bytes of standard error that are looked at

LINKED = "target of the link"  # of a file that may be changed: links are followed
GOOD = ("accepted", "refused", "stopped")
BAD = ("internal error", "traceback", "crash", "hang", "memory", "foreign file", "litter", "raw warning", "essay")
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


@dataclass
class Verdict:
    kind: str  # of GOOD or BAD
    text: str = ""  # what was said
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def bad(self) -> bool:
        return self.kind in BAD


def judge(folder: Path, action, own: tuple[str, ...] = (), together: bool = False) -> Verdict:
    """Run `action()` in a child process whose current folder is `folder`; its exit code and messages say what it did.

    together : in this process
    own : how the names of files begin that it may change
    """
    before = contents(folder.parent)
    size = sum(size for _, size, _ in before.values())
    verdict = here(folder, action) if together else attempt(folder, action, MEMORY + PER_BYTE * size)
    if verdict.bad:
        return verdict
    after = contents(folder.parent)
    for name, state in before.items():
        if after.get(name) != state and not os.path.basename(name).startswith(own and (*own, LINKED)):
            return Verdict("foreign file", f"{name} is not what it was. {verdict.text}", verdict.seconds)
    if left := [name for name in after if name not in before and re.search(r"\.tmp$|-tmp$|\.lock$", name)]:
        return Verdict("litter", f"{', '.join(left)} stays. {verdict.text}", verdict.seconds)
    return verdict


def attempt(folder: Path, action, memory: float) -> Verdict:
    out, err = folder.parent / ".out", folder.parent / ".err"
    status, usage, stopped, asleep = spawn(folder, action, out, err)
    text = tail(err)
    seconds, extra = usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss - base_memory()
    found = Verdict(kind_of(status, text, stopped), text, seconds, extra / 1e6)
    if asleep or found.kind == "hang":
        found.kind = "hang"
    elif not found.bad and extra > memory:
        found.kind, found.text = "memory", f"{extra / 1e6:.0f} MB. {text}"
    return found


def here(folder: Path, action) -> Verdict:
    """In this process, which a hang ends."""
    out, err = folder.parent / ".out", folder.parent / ".err"
    kept, streams, home = (os.dup(1), os.dup(2)), (sys.stdout, sys.stderr), os.getcwd()
    signal.setitimer(signal.ITIMER_PROF, HANG)
    signal.alarm(int(ASLEEP))
    try:
        redirect(out, err)
        os.chdir(folder)
        code = action()
    except SystemExit as error:
        code = error.code
    except BaseException:
        import traceback

        code = 70
        traceback.print_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sys.stdout, sys.stderr = streams
        for number, handle in enumerate(kept, start=1):
            os.dup2(handle, number)
            os.close(handle)
        os.chdir(home)
    text = tail(err)
    return Verdict(kind_of((code if isinstance(code, int) else 0) << 8, text, stopped=False), text)


def redirect(out: Path, err: Path) -> None:
    """Let standard output and error go to files."""
    for path, stream in ((out, 1), (err, 2)):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, stream)
        os.close(handle)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115


def kind_of(status: int, text: str, stopped: bool) -> str:
    """The name for an end of the process."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGKILL, signal.SIGXCPU, signal.SIGPROF, signal.SIGALRM):
            return "hang"
        return "stopped" if stopped and number == signal.SIGTERM else "crash"
    code = os.WEXITSTATUS(status)
    if "AddressSanitizer" in text or "runtime error:" in text:
        return "crash"
    if "Traceback (most recent call last)" in text:
        return "traceback"
    if "internal error" in text:
        return "internal error"
    if "out of memory" in text:
        return "memory"
    if re.search(r"\b(?!User)\w+Warning: |Exception ignored", text):
        return "raw warning"
    if code == 75 and stopped:
        return "stopped"
    if code and "mdcore: error: " not in text and code != 1:
        return "crash"
    if len(text) > 6000 or any(len(row) > 2000 for row in text.splitlines()):
        return "essay"
    return "refused" if code else "accepted"


def spawn(folder: Path, action, out: Path, err: Path):
    """(exit status, resources used, was it asked to stop?, did it sleep too long?) of a child that does `action`."""
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setsid()
            limit()
            os.chdir(folder)
            redirect(out, err)
            code = action()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code if isinstance(code, int) else 0)
    began, pause, asked = time.monotonic(), 0.001, False
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        past = time.monotonic() - began
        if found:
            return status, usage, asked, past > ASLEEP
        if past > ASKED and not asked and catches(child, signal.SIGTERM):
            os.kill(child, signal.SIGTERM)
            asked = True
        if past > ASLEEP:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(HANG), int(HANG) + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not SANITIZED:  # its shadow takes terabytes of addresses
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + ADDRESSES, size + ADDRESSES))


def catches(process: int, number: int) -> bool:
    """Has the process a handler for a signal?"""
    with contextlib.suppress(OSError, ValueError):
        mask = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
        return mask is not None and bool(int(mask[1], 16) >> (number - 1) & 1)
    return False


def base_memory() -> int:
    """Bytes that a child has from its parent."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def tail(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_bytes()[:WAITING].decode("utf-8", "replace")
    return ""


def contents(folder: Path) -> dict:
    """name -> (kind, size, digest) of all that is in a folder."""
    found = {}
    for base, folders, files in os.walk(folder):
        for name in files + folders:
            if name in (".out", ".err"):
                continue
            path = os.path.join(base, name)
            mode = os.lstat(path).st_mode
            size, digest = 0, b""
            if stat.S_ISLNK(mode):
                digest = os.readlink(path).encode()
            elif stat.S_ISREG(mode):
                size = os.stat(path).st_size
                digest = hashlib.sha256(Path(path).read_bytes()).digest() if size < 1 << 24 else b""
            found[os.path.relpath(path, folder)] = (stat.S_IFMT(mode), size, digest)
    return found


def clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
