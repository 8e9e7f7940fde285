"""What does `include = "file.toml"` add to an input? The document as a whole, which file says what, and its text.

What the input says itself wins; sections are joined key by key, arrays of tables ([[stage]], [[potential]]) replaced as
a whole. Of several files the last wins. Paths in a file are relative to it.
"""

import json
import os
import re
from collections.abc import Callable

from mdcore.base.errors import InputError
from mdcore.faces.schema import toml

KEY = "include"
PATHS = ("file", "rdf", "warm_start")  # keys whose texts are paths
BARE = re.compile(r"[A-Za-z0-9_-]+")


def included(document: dict, source: str, arrays, open_document: Callable, above=()) -> dict[tuple, str]:
    """Join into `document`, which is that of the file `source`, what it includes; {path of a key: the file it is from}.

    arrays : names of arrays of tables; open_document : path -> document; above : the files that led here. InputError
    names the file.
    """
    named = document.pop(KEY, ())
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(f'{source}: include = {toml(named)}: expected a file, or a list of files, e.g. "common.toml"')
    above, origins = (*above, os.path.realpath(source)), {}
    for name in reversed(names):
        path = os.path.join(os.path.dirname(source), os.path.expanduser(name))
        if not os.path.isfile(path):
            raise InputError(
                f"{source}: include = {toml(name)}: no such file; looked for {path} (the path is relative to the file "
                "that includes it)"
            )
        if os.path.realpath(path) in above:
            raise InputError(f"{source}: include = {toml(name)}: it includes, in the end, itself; take one of them out")
        other = open_document(path)
        inner = included(other, path, arrays, open_document, above)
        move(other, os.path.dirname(name))
        origins |= _join(document, other, arrays, path, inner)
    return origins


def move(part, folder: str) -> None:
    """Let paths in a document be relative to the folder that `folder` is relative to."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(value, dict | list):
            move(value, folder)
        elif key in PATHS and isinstance(value, str) and not os.path.isabs(os.path.expanduser(value)):
            part[key] = os.path.join(folder, value)


def _join(into: dict, other: dict, arrays, file: str, inner: dict, at=()) -> dict[tuple, str]:
    """Add what `into` has not; where that is from."""
    origins = {}
    for key, value in other.items():
        path = (*at, key)
        if key not in into:
            into[key] = value
            deeper = {p: name for p, name in inner.items() if p[: len(path)] == path}
            origins |= {path: file, **deeper}
        elif isinstance(value, dict) and isinstance(into[key], dict) and not (key in arrays and not at):
            origins |= _join(into[key], value, arrays, file, inner, path)
    return origins


def text_of(document: dict, at=()) -> str:
    """A document as TOML: what an input with all it includes says."""
    own = {key: value for key, value in document.items() if not _is_section(value)}
    lines = [f"{_key(key)} = {_inline(value)}" for key, value in own.items()]
    for key, value in document.items():
        if not _is_section(value):
            continue
        name = ".".join(map(_key, (*at, key)))
        for part in value if isinstance(value, list) else [value]:
            title = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            lines += ["", title, text_of(part, (*at, key)).strip("\n")]
    return "\n".join(lines) + "\n"


def _is_section(value) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, dict) for each in value)
    return isinstance(value, dict)


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _inline(value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(each)}" for key, each in value.items()) + " }"
    return toml(value)
