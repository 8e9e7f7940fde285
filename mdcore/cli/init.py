"""``mdcore init``: an input to begin with, and all it needs, in the current folder."""

import os
import tomllib
from pathlib import Path

from mdcore import shipped
from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, OutputError
from mdcore.base.files import read_bytes
from mdcore.base.writing import write_bytes
from mdcore.config.problems import suggest

WITH = {name: ("labels",) for name in ("train", "train_density")}  # inputs that come with another, to be run first


def command(arguments, comm) -> None:
    on_root(comm, lambda: print(init(arguments.name) if arguments.name else overview()))


def overview() -> str:
    """All there are."""
    found = shipped.templates()
    width = max(map(len, found))
    return "\n".join([f"{name:<{width}} {about}" for name, about in found.items()] + ["", "mdcore init NAME writes it"])


def init(name: str, folder=".") -> str:
    """Write the input `name` and what it needs into `folder`; what to tell. InputError, OutputError if anything that is
    there would change: then nothing is written."""
    found, stem = shipped.templates(), name.removesuffix(".toml")
    if stem not in found:
        raise InputError(f"init {name}: no such input; {suggest(stem, list(found))}; mdcore init lists them")
    inputs = [*WITH.get(stem, ()), stem]
    contents = {}
    for each in inputs:
        text = shipped.template(each)
        contents |= {f"{each}.toml": text.encode(), **needs(tomllib.loads(text))}
    new = {file: content for file, content in contents.items() if not _is_there(Path(folder, file), content)}
    for file, content in new.items():
        write_bytes(Path(folder, file), content, overwrite=False)
    kept = [file for file in contents if file not in new]
    lines = [f"{stem}.toml: {found[stem]}", ""]
    lines += [f"wrote {file}" for file in new] + [f"{file} was there" for file in kept]
    lines += ["", "next:"]
    lines += [f"  mdcore {'train' if each in WITH else 'run'} {each}.toml" for each in inputs]
    return "\n".join(lines)


def needs(document: dict) -> dict[str, bytes]:
    """{name: content} of the files that come with mdcore and stand in an input."""
    potential = document.get("potential", {})
    names = [document.get("structure", {}).get("file"), potential.get("file")]
    return {name: shipped.content(name) for name in names if name}


def _is_there(path: Path, content: bytes) -> bool:
    """Is the file there, as it would be written? OutputError if there is another one."""
    if not os.path.lexists(path):
        return False
    if path.is_file() and read_bytes(path) == content:
        return True
    raise OutputError(f"{path} is there, and is another file: nothing was written; init where there is none: mkdir, cd")
