"""How are our files written, so that nothing is lost and nothing foreign touched? The one place that does it.

A file is made under a private name beside the target, then renamed onto it: the target is whole at every moment, on a
full disk and under kill -9. Private names can't be guessed, are never opened if they exist, and are locked as long as
somebody writes: one that is not was left by a kill, and goes when its target is written again.
A symbolic link that is given as target stays; what it points to is replaced. Folders, devices and pipes are refused.
"""

import contextlib
import errno
import fcntl
import io
import os
import re
import shutil
import stat
import sys
import warnings
from pathlib import Path

from mdcore.base.errors import OutputError
from mdcore.base.files import KINDS, cause

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
TEMPORARY = ".mdcore-tmp"  # how private names end
NAME_BYTES = 100  # of the target's name in a private one
_swept: set[Path] = set()


def plain(text: str) -> str:
    """`text` as any file can hold it: bytes of file names that are no UTF-8, and zeros, become escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


# --- files written in one go ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path, *, overwrite: bool = True):
    """The path of an empty file beside `path`, which takes its place at the end of the block.

    If the block fails, the new file goes and `path` is as it was. Permissions, and where possible the owner, are those
    of the file that was there; other names of it (hard links) keep the old content. OutputError if `path` exists and
    not `overwrite`, if it is no regular file or write-protected, or can't be written.
    """
    temporary = handle = None
    try:
        before = check_target(path, overwrite)
        target = Path(os.path.realpath(path))
        _sweep(target)
        temporary, handle = _private(target)
        yield temporary
        if before is not None:
            _take_over(handle, before)
        os.fsync(handle)
        if overwrite:
            os.replace(temporary, target)
        else:
            _place(temporary, target, path)
        temporary = None
        _sync_names(target.parent)
    except OSError as error:
        raise OutputError(cannot_write(path, error)) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def writing_text(path, *, overwrite: bool = True):
    """A text stream whose content replaces `path` at the end of the block, as in `replacing`."""
    how = {"encoding": "utf-8", "errors": "backslashreplace", "newline": "\n"}
    with replacing(path, overwrite=overwrite) as temporary, open(temporary, "w", **how) as stream:
        yield stream


def write_texts(folder, texts: dict[str, str], *, overwrite: bool = True, instead_of=()) -> None:
    """Replace files of a folder, made if needed, once all are on the disk; without the last of `texts` none counts.

    instead_of : patterns of the names that are replaced: others of them go
    """
    folder, last, made = Path(folder), [*texts][-1], not os.path.lexists(folder)
    try:
        make_folder(folder)
        with contextlib.ExitStack() as held:
            for name, text in reversed(texts.items()):  # they are put in place in the opposite order
                stream = held.enter_context(writing_text(folder / name, overwrite=overwrite))
                stream.write(text)
                stream.flush()
            old = [path for pattern in instead_of for path in folder.glob(pattern)] if (folder / last).exists() else []
            for path in (folder / last, *(path for path in old if path.name not in texts)):
                remove(path)
    except OSError as error:
        raise OutputError(cannot_write(folder, error)) from None
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        raise


def write_bytes(path, content, *, overwrite: bool = True) -> None:
    """Replace `path`, as in `replacing`."""
    with replacing(path, overwrite=overwrite) as temporary, open(temporary, "wb") as stream:
        stream.write(content)


def write_picture(path, figure, dpi: int) -> None:
    """Replace `path` by a picture of a Matplotlib figure, in the format that the name says (png if it says nothing)."""
    drawn, kind = io.BytesIO(), Path(path).suffix[1:].lower() or "png"
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")  # letters that the font has not
            figure.savefig(drawn, dpi=dpi, format=kind)
    except ValueError as error:
        raise OutputError(f"{path}: can't draw it: {cause(error)}") from None
    write_bytes(path, drawn.getvalue())


def in_picture(text: str) -> str:
    """`text` as Matplotlib shall draw it: letter by letter, no formulas."""
    return plain(text).replace("$", r"\$")


# --- files that grow --------------------------------------------------------------------------------------------------


def update(path):
    """The file at `path`, open for changes of its bytes; OSError."""
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        check_regular(os.fstat(handle))
        return open(handle, "r+b")
    except BaseException:
        os.close(handle)
        raise


@contextlib.contextmanager
def appending(path, size: int, buffering: int = -1):
    """A text stream at the end of the file at `path`, which has `size` bytes; what a failed block wrote is taken back.

    OutputError if the file is gone, or not as it was left; OSError.
    """
    try:
        stream = update(path)
    except FileNotFoundError:
        raise OutputError(gone(path)) from None
    with stream:
        if os.fstat(stream.fileno()).st_size != size:
            raise OutputError(gone(path))
        try:
            with open(
                stream.fileno(), "a", encoding="utf-8", errors="backslashreplace", newline="\n", buffering=buffering,
                closefd=False,
            ) as text:  # fmt: skip
                yield text
        except BaseException:
            os.ftruncate(stream.fileno(), size)
            raise


def add_line(path, line: str) -> None:
    """Append a line to a file, made if needed; it is on the disk when this returns. OSError; what a kill tore stays."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        check_regular(os.fstat(handle))
        data = (line + "\n").encode()
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def cut_off(path, size: int) -> None:
    """Let a file end after so many bytes; OSError."""
    with update(path) as stream:
        os.ftruncate(stream.fileno(), size)


def sync(path) -> None:
    """Wait until a file is on the disk; OSError."""
    with update(path) as stream:
        os.fsync(stream.fileno())


def is_at(handle: int, path) -> bool:
    """Is the open file still the one of that name?"""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


# --- names ------------------------------------------------------------------------------------------------------------


def keep(path, other) -> None:
    """Let the file at `path` be at `other`, too, instead of what is there; OSError, OutputError."""
    check_target(other, True)
    source, target = os.path.realpath(path), Path(os.path.realpath(other))
    temporary, handle = _private(target)
    try:
        os.unlink(temporary)
        try:
            os.link(source, temporary)
        except OSError:  # a file system without hard links, or two of them
            with open(source, "rb") as old, replacing(other) as new, open(new, "wb") as stream:
                while block := old.read(1 << 20):
                    stream.write(block)
        else:
            os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)  # rename does nothing if both names are of one file
        os.close(handle)


def remove(path) -> None:
    """Remove a regular file of ours, if it is there; where `path` is a link, the link stays. OSError."""
    with contextlib.suppress(FileNotFoundError):
        check_regular(os.stat(path))
        os.unlink(os.path.realpath(path))


def remove_folder(path) -> None:
    """Remove a folder of ours, if it is there, with all that is in it; a link stays. OSError."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)


def make_folder(path) -> None:
    """Make a folder and those above it; OSError."""
    os.makedirs(path, exist_ok=True)


def check_target(path, overwrite: bool) -> os.stat_result | None:
    """What is at `path` now, None if nothing.

    OutputError if it is no regular file or write-protected, exists and not `overwrite`, or is a link into a folder that
    is not there or may not be written to.
    """
    try:
        if os.path.islink(path):
            _check_folder(path)
        before = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(cannot_write(path, error)) from None
    except ValueError:
        raise OutputError(f"{str(path)!r}: no file can have such a name") from None
    kind = stat.S_IFMT(before.st_mode)
    if kind != stat.S_IFREG:
        raise OutputError(f"{path}: {KINDS.get(kind, 'no regular file')}: it can't be replaced; choose another name")
    if not overwrite:
        raise OutputError(already_exists(path))
    if not (before.st_mode & 0o222 and os.access(path, os.W_OK)):
        raise OutputError(f"{path}: is write-protected: allow writing (chmod u+w), or choose another name")
    return before


def _check_folder(link) -> None:
    """Is there a folder to write in where a link leads to? Nobody makes it. OutputError."""
    folder = os.path.dirname(os.path.realpath(link))
    if not os.path.isdir(folder):
        code = errno.ENOTDIR if os.path.exists(folder) else errno.ENOENT
        raise OutputError(cannot_write(link, OSError(code, os.strerror(code))))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(cannot_write(link, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))


def check_regular(about: os.stat_result) -> None:
    """OSError if it is a folder, a pipe, a device."""
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, f"{KINDS.get(stat.S_IFMT(about.st_mode), 'no regular file')}, no file")


def _prefix(target: Path) -> str:
    return "." + os.fsencode(target.name)[:NAME_BYTES].decode(sys.getfilesystemencoding(), "ignore") + "."


def _private(target: Path) -> tuple[Path, int]:
    """A new, empty, locked file beside `target` under a name nobody can know: path, descriptor; OSError."""
    while True:
        temporary = target.with_name(_prefix(target) + os.urandom(8).hex() + TEMPORARY)
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        _lock(handle)
        if is_at(handle, temporary):  # not swept by somebody before it was locked
            return temporary, handle
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody has it, or the file system knows no locks
        return False
    return True


def _sweep(target: Path) -> None:
    """Remove what killed runs left of `target`, once a process."""
    if target in _swept:
        return
    _swept.add(target)
    ours = re.compile(re.escape(_prefix(target)) + "[0-9a-f]{16}" + re.escape(TEMPORARY))
    with contextlib.suppress(OSError):
        for entry in [entry for entry in os.scandir(target.parent) if ours.fullmatch(entry.name)]:
            with contextlib.suppress(OSError):
                handle = os.open(entry.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                about = os.fstat(handle)
                if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid() and _lock(handle):
                    os.unlink(entry.path)
                os.close(handle)


def _take_over(handle: int, before: os.stat_result) -> None:
    """Owner and permissions of the file that is replaced."""
    with contextlib.suppress(OSError):
        os.fchown(handle, -1, before.st_gid)
    with contextlib.suppress(OSError):
        os.fchown(handle, before.st_uid, -1)
    with contextlib.suppress(OSError):  # file systems without permissions
        os.fchmod(handle, stat.S_IMODE(before.st_mode) & 0o777)


def _place(temporary: Path, target: Path, path) -> None:
    """Give a file its name, unless somebody else has taken it meanwhile."""
    try:
        os.link(temporary, target)
        os.unlink(temporary)
    except FileExistsError:
        raise OutputError(already_exists(path)) from None
    except OSError:  # a file system without hard links
        os.rename(temporary, target)


def _sync_names(directory: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with contextlib.suppress(OSError):  # not every file system can
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# --- messages ---------------------------------------------------------------------------------------------------------


def already_exists(path) -> str:
    """The message for a file that would be overwritten."""
    return (
        f"{path} already exists: choose another name, continue it (--restart), "
        "or replace it (--overwrite, overwrite=True)"
    )


def gone(path) -> str:
    """The message for a file that disappeared, or was changed, while it grew."""
    return f"{path}: was removed, replaced or changed by somebody else while this run was writing it"


def cannot_write(path, error: Exception) -> str:
    """The message for a failed write: file, cause, cure."""
    target = os.path.realpath(path)
    via = f", a link to {target}," if os.path.islink(path) else ":"
    text, code = f"{path}{via} can't write: {cause(error)}", getattr(error, "errno", None)
    told = {
        errno.EFBIG: "raise the limit of the size of a file (ulimit -f), or write elsewhere",
        errno.ENAMETOOLONG: "choose a shorter name",
        errno.EROFS: "choose a directory that may be written to",
        errno.ELOOP: "the links lead in a circle: remove them",
    }
    if code in DISK_FULL or text.endswith(tuple(map(os.strerror, DISK_FULL))):
        return f"{text}; free some space, or write elsewhere"
    return f"{text}; {told.get(code, 'check that the directory exists and may be written to')}"
