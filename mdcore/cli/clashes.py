"""Would a command write over what it reads, or twice into one file? Links, hard links and other spellings count."""

import os
from fnmatch import fnmatch

from mdcore.base.errors import InputError
from mdcore.base.writing import check_target

# of what is read in a folder: n2p2 and RuNNer, DeePMD
PATTERNS = ("input.nn", "input.data*", "scaling.data", "weights*.data", "mdcore.toml", "*.raw", "*.npy")
DEEPEST, MOST = 5, 100_000  # folders within a folder, files of it


def clash(outputs, inputs) -> str | None:
    """What is wrong with writing `outputs`, paths of files, while `inputs`, files or folders, are read; None: nothing.

    OutputError if one of `outputs` can't be written over: a folder, a device, write-protected, no possible name.
    """
    read, taken = identities(inputs), {}
    for path in map(str, outputs):
        about = check_target(path, overwrite=True)
        if about is not None and (about.st_dev, about.st_ino) in read:
            source = read[about.st_dev, about.st_ino]
            return f"{path}: is what is read" + (f" ({source})" if source != path else "")
        one = os.path.realpath(path)  # hard links don't count: a kill may leave one checkpoint under both its names
        if one in taken:
            return f"{path} and {taken[one]} are one file"
        taken[one] = path
    return None


def refuse(outputs, inputs) -> None:
    """InputError or OutputError if there is a clash."""
    if wrong := clash(outputs, inputs):
        raise InputError(f"{wrong}; choose another name")


def identities(inputs) -> dict[tuple[int, int], str]:
    """(device, inode) -> name, of all files that are read."""
    found = {}
    for source in filter(None, inputs):
        for path in _files(os.path.expanduser(str(source))):
            try:
                about = os.stat(path)
            except (OSError, ValueError):  # whoever reads it says so
                continue
            found[about.st_dev, about.st_ino] = str(path)
    return found


def _files(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        if folder.count(os.sep) - path.count(os.sep) >= DEEPEST or len(found) > MOST:
            folders.clear()
        found += [os.path.join(folder, name) for name in names if any(fnmatch(name, p) for p in PATTERNS)]
    return found
