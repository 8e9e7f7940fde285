"""Arguments of a call that are sections of an input: as plain values, and what is wrong with them in Python's words."""

import os
import re
from collections.abc import Mapping

from mdcore.base.errors import InputError
from mdcore.config.parse import Parser
from mdcore.config.problems import ABSENT, Problems, dotted

# what an input file is told -> what a call is told
WORDS = (
    (r"a section, \[+\w+\]+,", "a dict"), (r"the section \[+\w+\]+ is required", "required"),
    (r"section \[+\w+\]+ is needed", "dict is needed"), (r"(?<!\w)\[+([a-z_.]+)\]+", r"\1"),
    ("unknown key here", "not an argument of its own"), (r"a table { key = value, \.\.\. }", "a dict"),
    ("a text in quotes", "a text"), ("true or false", "True or False"),
)  # fmt: skip


def plain(value, name: str):
    """`value` with lists for tuples and arrays, texts for paths, Python's numbers for NumPy's, no None in dicts."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InputError(f"{name}: key {key!r}: expected a text")
        return {str(key): plain(own, f"{name}: {key}") for key, own in value.items() if own is not None}
    if isinstance(value, list | tuple):
        return [plain(own, name) for own in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.tolist() if type(value).__module__ == "numpy" and hasattr(value, "tolist") else value


class Arguments(Problems):
    """Problems of a call: ``mdcore.train: optimizer 1: epochs = -1: expected ...``, counted from 1 as in an input."""

    def add(self, path, text, value=ABSENT):
        for found, instead in WORDS:
            text = re.sub(found, instead, text)
        if len(path) == 1:
            text = re.sub("^unknown key", "unknown argument", text)
        super().add(path, text, value)

    def place(self, path):
        numbered = len(path) > 1 and isinstance(path[1], int)
        name, rest = (f"{path[0]} {path[1] + 1}", path[2:]) if numbered else (str(path[0]), path[1:])
        return (f"{name}:", dotted(rest)) if rest else (name, "")

    @staticmethod
    def quoted(value, width=60):
        text = " ".join(repr(value).split())
        return text if len(text) <= width else text[: width - 3] + "..."


class CallParser(Parser):
    """Examples as Python writes them."""

    def example(self, field) -> str:
        example = field.metadata["example"]
        return "" if example is None else f", e.g. {field.name} = {example!r}"
