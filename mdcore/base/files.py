"""How are users' files opened? The one place that does it; writing.py is the one that writes.

Regular files only (a pipe, a device or a folder is told by its name, nothing waits for it); sizes are looked
at before anything is taken into memory; text with a byte-order mark is UTF-8, UTF-16 or UTF-32, other text is UTF-8,
and bytes that are none count as Latin-1. HDF5 files are looked through before anything is read from them.
"""

import codecs
import hashlib
import io
import math
import os
import re
import stat

from mdcore.base.errors import InputError

MOST_TEXT = 1 << 26  # bytes of a text that is read as a whole: tables, weights
HEAD = 4096  # bytes in which a byte-order mark, and a zero byte that no text has, are looked for
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
LATIN_1 = "mdcore-latin-1"  # errors= : bytes that are no UTF-8
codecs.register_error(LATIN_1, lambda e: (e.object[e.start : e.end].decode("latin-1"), e.end))

# --- HDF5 -----------------------------------------------------------------------------------------------------
MOST_OBJECTS = 10_000  # groups and data sets of a file
MOST_ATTRIBUTES = 1_000  # of one of them
DEEPEST = 16  # groups within groups
UNPACKED = 20  # what is unpacked may be so many times as large as the file ...
UNPACKED_BYTES = 1 << 25  # ... and so many bytes more
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}  # others would be loaded from plug-ins
SEAL_BYTES = 512
SIGNATURE = b"\x89HDF\r\n\x1a\n"



def open_binary(path, what: str = "a file") -> io.BufferedReader:
    """The regular file at `path`, open for reading bytes; InputError, which says that `what` was expected."""
    try:  # O_NONBLOCK: opening a pipe waits for its other end otherwise
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error, what) from None
    except (ValueError, TypeError):
        raise InputError(f"{str(path)!r}: no file can have such a name; expected {what}") from None
    kind = stat.S_IFMT(os.fstat(handle).st_mode)
    if kind != stat.S_IFREG:
        os.close(handle)
        raise InputError(f"{path}: {KINDS.get(kind, 'no regular file')}; expected {what}")
    return open(handle, "rb")


def open_text(path, what: str = "a text file") -> io.TextIOWrapper:
    """The regular file at `path`, open for reading text line by line, any kind of line end; InputError."""
    stream = open_binary(path, what)
    try:
        head = stream.peek(HEAD)[:HEAD]
    except OSError as error:
        stream.close()
        raise _unreadable(path, error, what) from None
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    if b"\0" in head and encoding.startswith("utf-8"):
        stream.close()
        raise InputError(f"{path}: a binary file; expected {what}")
    if not encoding.startswith("utf-8"):
        _check_encoding(stream, encoding, path, what)
    return io.TextIOWrapper(stream, encoding=encoding, errors=LATIN_1)


def _check_encoding(stream, encoding: str, path, what: str) -> None:
    """InputError unless all of a binary stream is text; it stands at its beginning again."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := stream.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        stream.close()
        raise InputError(f"{path}: not a text file in UTF-8, nor in {encoding.upper()}; expected {what}") from None
    stream.seek(0)


def read_text(path, what: str = "a text file", most: int = MOST_TEXT) -> str:
    """All of a text file; InputError if it is larger than `most` bytes, or no text."""
    with open_text(path, what) as stream:
        check_size(path, os.fstat(stream.fileno()).st_size, what, most)
        try:
            text = stream.read()
        except OSError as error:
            raise _unreadable(path, error, what) from None
    if "\0" in text:
        raise InputError(f"{path}: a binary file; expected {what}")
    return text


def read_bytes(path, what: str = "a file", most: int = MOST_TEXT) -> bytes:
    """All bytes of a file; InputError if there are more than `most`."""
    with open_binary(path, what) as stream:
        check_size(path, os.fstat(stream.fileno()).st_size, what, most)
        try:
            return stream.read()
        except OSError as error:
            raise _unreadable(path, error, what) from None


def digest(path) -> str:
    """SHA-256 of a file; InputError."""
    with open_binary(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unreadable(path, error: OSError, what: str) -> InputError:
    """Of a file that is not there, or on a disk that fails, or of a server that is gone."""
    return InputError(f"{path}: can't be read: {error.strerror}; expected {what}")


def check_size(path, size: int, what: str, most: int) -> None:
    if size > most:
        raise InputError(f"{path}: {size / 1e6:,.0f} MB; expected {what}, which has {most / 1e6:,.0f} MB at most")


# --- HDF5: reading --------------------------------------------------------------------------------------------


def open_h5(path, what: str = "an HDF5 file"):
    """The HDF5 file at `path`, an ``h5py.File`` open for reading, looked through by `check_h5`; InputError."""
    with open_binary(path, what) as stream:
        if not _is_h5(stream):
            raise InputError(f"{path}: not an HDF5 file; expected {what}")
        size = os.fstat(stream.fileno()).st_size
    try:
        file = _open_h5(path)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: can't be read as HDF5: {cause(error)}; expected {what}") from None
    try:
        check_h5(file, path, size)
    except BaseException:
        file.close()
        raise
    return file


def _open_h5(path):
    """An ``h5py.File``, also of one that is open elsewhere in this process, or that a program left which died."""
    import h5py

    first = None
    for locking, swmr in ((False, False), (None, False), (True, False), ("best-effort", False), (False, True)):
        try:
            return h5py.File(path, "r", locking=locking, swmr=swmr)
        except OSError as error:
            first = first or error
            if "locking" not in str(error) and "already open" not in str(error):
                break
    raise first


def check_h5(file, path, size: int) -> None:
    """InputError if something in an open HDF5 file leads out of it, or takes more memory than its size explains.

    Refused: soft and external links, virtual data sets, external storage, filters from plug-ins, references, more than
    MOST_OBJECTS objects, groups DEEPEST deep, data sets that say to be larger than UNPACKED times the file.
    """
    try:
        _check_h5(file, path, UNPACKED_BYTES + UNPACKED * size)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:  # h5py's, of damage
        raise InputError(f"{path}: damaged HDF5 file: {cause(error)}") from None


def _is_h5(stream) -> bool:
    """Is the signature at its place: the beginning, or behind a block of the user's of 512, 1024, 2048, ... bytes?"""
    offset, size = 0, os.fstat(stream.fileno()).st_size
    while offset < size:
        stream.seek(offset)
        if stream.read(len(SIGNATURE)) == SIGNATURE:
            return True
        offset = 2 * offset or 512
    return False


def _check_h5(file, path, room: int) -> None:
    from h5py import h5d, h5g, h5l, h5o

    def refuse(name, what):
        raise InputError(f"{path}: {name or '/'}: {what}; nothing was read. Take another file, or write it anew")

    seen, waiting, linked = set(), [("", h5o.open(file.id, b"."), 0)], 0
    while waiting:
        name, item, depth = waiting.pop()
        about = h5o.get_info(item)
        if about.addr in seen:  # times and steps of H5MD have many names
            continue
        seen.add(about.addr)
        if about.num_attrs > MOST_ATTRIBUTES:
            refuse(name, f"{about.num_attrs:,} attributes, more than {MOST_ATTRIBUTES:,}")
        if isinstance(item, h5g.GroupID):
            linked += len(item)
            if linked > MOST_OBJECTS:
                refuse(name, f"more than {MOST_OBJECTS:,} objects")
            if len(item) and depth >= DEEPEST:
                refuse(name, f"groups more than {DEEPEST} deep")
            for key in item:
                own, kind = f"{name}/{key.decode(errors='backslashreplace')}", item.links.get_info(key).type
                if kind != h5l.TYPE_HARD:
                    refuse(own, f"{'a soft' if kind == h5l.TYPE_SOFT else 'an external'} link, which is not followed")
                waiting.append((own, h5o.open(item, key), depth + 1))
        elif isinstance(item, h5d.DatasetID):
            plan = item.get_create_plist()
            if plan.get_layout() == h5d.VIRTUAL or plan.get_external_count():
                refuse(name, "its values are in other files, which are not opened")
            filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
            if unknown := [number for number in filters if number not in FILTERS]:
                refuse(name, f"packed with filter {unknown[0]}; known are {', '.join(FILTERS.values())}")
            if what := _unknown(item.get_type()):
                refuse(name, f"{what}; expected numbers or texts")
            room -= math.prod(item.shape or ()) * item.get_type().get_size()
        if room < 0:
            refuse(name, "says to hold far more than a file of this size can")


def _unknown(kind) -> str | None:
    """What values of this type are, if not numbers, texts, or records and arrays of them."""
    from h5py import h5t

    if isinstance(kind, h5t.TypeCompoundID):
        return next(filter(None, (_unknown(kind.get_member_type(k)) for k in range(kind.get_nmembers()))), None)
    if isinstance(kind, h5t.TypeArrayID):
        return _unknown(kind.get_super())
    known = (h5t.TypeIntegerID, h5t.TypeFloatID, h5t.TypeStringID, h5t.TypeEnumID)
    return None if isinstance(kind, known) else f"values of {type(kind).__name__.removesuffix('ID')}"


# --- seals ----------------------------------------------------------------------------------------------------


def seal(path, title: str) -> None:
    """Write `title`, length and SHA-256 of the rest into the first SEAL_BYTES of a file, the user block of HDF5.

    It is for a file that `writing.replacing` is about to put in its place, which waits for the disk.
    """
    with open(path, "r+b") as stream:
        length, digest = _fingerprint(stream)
        stream.seek(0)
        stream.write(f"{title}\n{length} bytes\nsha256 {digest}\n".encode().ljust(SEAL_BYTES, b"\0"))


def read_seal(stream) -> tuple[str, str | None]:
    """(title, what does not match it) of an open file: None if nothing; ("", None) if it is HDF5 without a seal."""
    stream.seek(0)
    head = stream.read(SEAL_BYTES)
    if head.startswith(SIGNATURE):
        return "", None
    title, *lines = head.rstrip(b"\0").decode("ascii", "replace").split("\n")
    length = os.fstat(stream.fileno()).st_size - SEAL_BYTES
    if lines[:1] != [f"{length} bytes"]:  # before all of it is read
        return title, f"it has {length} bytes, not {''.join(lines[:1])}"
    _, digest = _fingerprint(stream)
    return title, None if lines[1:] == [f"sha256 {digest}", ""] else "its content does not match its checksum"


def _fingerprint(stream) -> tuple[int, str]:
    """Length and SHA-256 of what follows the seal."""
    stream.seek(SEAL_BYTES)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return stream.tell() - SEAL_BYTES, digest


def cause(error: Exception) -> str:
    """The operating system's words inside an HDF5 error, else the error's first line."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    text = str(error)
    found = re.search(r"error message = '([^']*)'", text) or re.search(r"\((.*)\)\s*$", text)
    return found.group(1) if found else (text.splitlines() or [type(error).__name__])[0]
