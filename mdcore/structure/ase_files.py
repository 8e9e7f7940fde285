"""How are structures read that ASE alone can read?"""

import contextlib
import difflib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from mdcore.base.errors import InputError
from mdcore.base.files import check_size, open_text, read_text
from mdcore.structure import extxyz, lammps

MOST = 1 << 32  # bytes of a file
ROOM, PER_BYTE = 1 << 29, 100  # bytes of memory to read one, and for each of its bytes
DUMPS = ("lammps-dump-text", "lammps-dump-binary")


def read_atoms(path: Path, frame: int, format: str | None, types: dict[str, str] | None):
    """(ASE's Atoms, species of each atom or None: as the Atoms say); InputError.

    format : a name of ASE's, or None: as ASE guesses; types : {number of a type: species} of a dump of LAMMPS
    """
    try:
        from ase.io import read
        from ase.io.formats import UnknownFileTypeError, filetype, ioformats
    except ImportError:
        raise InputError(
            f"{path}: mdcore itself reads {', '.join(extxyz.SUFFIXES)} files and data files of LAMMPS; "
            f'for other formats install ASE: pip install "mdcore[ase]"'
        ) from None
    if format is not None and format not in ioformats:
        near = difflib.get_close_matches(format, [*ioformats, "lammps-data"], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "expected extxyz, lammps-data, or one of `ase info --formats`"
        raise InputError(f"{path}: format {format!r}: {hint}")
    try:
        kind = format or filetype(str(path))
    except (UnknownFileTypeError, OSError, ValueError):
        kind = None  # told below
    if kind in DUMPS:
        _check_dump(path, kind, types)
    elif types:
        raise InputError(f"{path}: types: apply to data files and dumps of LAMMPS only; this is {kind or 'none'}")
    try:
        with bounded(path):
            atoms = read(path, index=frame, format=format)
    except InputError:
        raise
    except Exception as error:  # every reader of ASE raises its own kind
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, IndexError):
            reason = "it has no such frame"
        if isinstance(error, KeyError) and error.args[:1] in (("D",), ("T",)):
            reason = f"it knows no {error.args[0]}, which has its mass in .extxyz; or write H"
        raise InputError(f"{path}: {_cause(path, f'frame {frame} of it', reason)}") from None
    if not len(atoms):
        raise InputError(f"{path}: holds no atoms")
    for site in dict(atoms.info.get("occupancy") or {}).values():  # of a CIF file
        if len(site) > 1 or abs(sum(site.values()) - 1.0) > 1e-3:
            shares = ", ".join(f"{name} {share:g}" for name, share in site.items())
            raise InputError(f"{path}: a site is shared, or empty in part ({shares}); build a cell of whole atoms")
    return atoms, None if types is None else _named(path, atoms, types)


def iterate_atoms(path: Path) -> Iterator:
    """ASE's Atoms of each structure in a file; InputError."""
    try:
        from ase.io import iread
        from ase.io.formats import filetype
    except ImportError:
        raise InputError(
            f"{path}: mdcore itself reads {', '.join(extxyz.SUFFIXES)} files and others of its own; "
            'for other formats install ASE: pip install "mdcore[ase]"'
        ) from None
    try:
        with bounded(path):
            if (kind := filetype(str(path))) in DUMPS:
                _check_dump(path, kind, None)
            found = list(iread(path, index=":"))
    except InputError:
        raise
    except Exception as error:  # every reader of ASE raises its own kind
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise InputError(f"{path}: {_cause(path, 'it', reason)}") from None
    yield from found


def _cause(path: Path, what: str, reason: str) -> str:
    """Why no structure was read: what mdcore's own files are, by their names, or what ASE says."""
    own = {
        ".h5": f"no structure; mdcore info {path} tells what it is",
        ".h5md": f"the results of a run; mdcore convert {path} NAME.extxyz makes structures of them",
        ".toml": "an input file; name the structures, or results, themselves",
    }
    return own.get(Path(path).suffix, f"ASE can't read {what} ({reason}); convert it to .extxyz")


def _check_dump(path: Path, kind: str, types) -> None:
    """InputError if ASE would take numbers of types, or masses, for elements, or read other units."""
    columns = ()
    if kind == "lammps-dump-text":
        with open_text(path, "a dump of LAMMPS") as stream:
            lines = [line.split() for line in itertools.islice(stream, 20)]
        columns = next((words[2:] for words in lines if words[:2] == ["ITEM:", "ATOMS"]), ())
        style = next((b[0] for a, b in itertools.pairwise(lines) if a == ["ITEM:", "UNITS"] and b), "metal")
        if style != "metal":
            raise InputError(f"{path}: a dump of LAMMPS in units {style}; expected metal")
    if types is None and "element" not in columns:
        raise InputError(
            f"{path}: a dump of LAMMPS that names no elements; say which species each type is: {lammps.example(1)}, "
            "or write the dump with a column element"
        )
    if types is not None and columns and "type" not in columns:
        raise InputError(f"{path}: types: this dump has no column type")


def _named(path: Path, atoms, types: dict[str, str]) -> list[str]:
    numbers = atoms.arrays.get("type", atoms.numbers)
    for number in sorted(set(numbers.tolist())):
        if str(number) not in types:
            raise InputError(f"{path}: types: type {number} is missing; name each: {lammps.example(number)}")
    return [types[str(number)] for number in numbers.tolist()]


@contextlib.contextmanager
def bounded(path):
    """A block in which ASE reads the file at `path`; MemoryError for far more than its size explains, InputError."""
    size = os.stat(path).st_size
    check_size(path, size, "a structure", MOST)
    try:
        import resource

        taken = int(read_text("/proc/self/statm").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        before = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, InputError):  # not Linux
        yield
        return
    most = taken + ROOM + PER_BYTE * size
    limits = [most] if before[0] == resource.RLIM_INFINITY else [most, before[0]]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
