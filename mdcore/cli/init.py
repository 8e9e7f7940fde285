"""``mdcore init``: an input to begin with, and all it needs, in the current folder."""

import os
import tomllib
from pathlib import Path

from mdcore import shipped
from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, OutputError
from mdcore.base.files import read_bytes
from mdcore.base.writing import write_bytes
from mdcore.config.load import kind_of
from mdcore.config.problems import suggest

WITH = {  # inputs that come with others
    "train": ("labels",),
    "train_density": ("labels",),
    "train_one_layer": ("labels",),
    "learn": ("learn_start", "learn_train", "learn_explore"),
}
PARTS = ("learn_train", "learn_explore")  # that are no inputs of their own


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
    commands = {each: kind_of(tomllib.loads(shipped.template(each))) for each in inputs if each not in PARTS}
    lines += [f"  mdcore {command} {each}.toml" for each, command in commands.items()]
    return "\n".join(lines)


def needs(document: dict) -> dict[str, bytes]:
    """{name: content} of the files that come with mdcore and stand in an input."""
    potential = document.get("potential", {})
    names = [document.get("structure", {}).get("file"), potential.get("file")]
    made = [f"{name}.extxyz" for others in WITH.values() for name in others]  # by inputs that come along
    return {name: shipped.content(name) for name in names if name and name not in made}


def _is_there(path: Path, content: bytes) -> bool:
    """Is the file there, as it would be written? OutputError if there is another one."""
    if not os.path.lexists(path):
        return False
    if path.is_file() and read_bytes(path) == content:
        return True
    raise OutputError(f"{path} is there, and is another file: nothing was written; init where there is none: mkdir, cd")
