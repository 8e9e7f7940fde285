"""Read a learn.toml and return complete, consistent settings, or say everything that is wrong with it."""

import dataclasses
import os
from collections.abc import Iterator

from mdcore.base.errors import InputError
from mdcore.base.units import METAL
from mdcore.config.arguments import Arguments, CallParser, plain
from mdcore.config.document import beside_input
from mdcore.config.learn import LearnSettings
from mdcore.config.load import annotated, kind_of, opened, read
from mdcore.config.mistakes import missing
from mdcore.config.parse import Parser
from mdcore.config.problems import Origin, Problems, lookup

ARRAYS = ("explorer", "oracle")
FILES = (("start", "data"), ("start", "potential"), ("train", "input"), ("oracle", 0, "file"))
OF_EXPLORERS, WORDS = ("input", "start", "end"), ("labelled", "input")  # keys that name files; what stands there else


def load_learn(path, overrides=()) -> LearnSettings:
    """The settings in the TOML file `path`, with ``section.key=value`` overrides; raises InputError."""
    path = os.fspath(path)
    return parse_learn(read(path), path, overrides)


def parse_learn(text: str, source: str = "learn.toml", overrides=()) -> LearnSettings:
    """The settings in `text`; `source` names the file in messages and locates the files it names."""
    problems = opened(text, source, overrides, ARRAYS)
    document = problems.origin.document
    command = kind_of(document)
    if command != "learn" and ("data" in document or "structure" in document or "stage" in document):
        what = {"run": "run", "train": "training"}[command]
        raise InputError(f"{source}: this is the input of a {what}; the command is: mdcore {command} {source}")
    settings = Parser(problems, METAL, LearnSettings).section(LearnSettings, document, ())
    check_files(problems)
    if settings is not None:
        text = annotated(problems.origin.text or text, overrides)
        settings = with_directory(dataclasses.replace(settings, origin=problems.origin, text=text))
    problems.raise_if_any()
    return settings


def of_arguments(call: str, sections) -> LearnSettings:
    """The settings in a dict of sections, as `call` was handed it; raises InputError in Python's words."""
    document = {name: plain(own, f"{call}: {name}") for name, own in sections.items() if own is not None}
    for name in ARRAYS:
        if isinstance(document.get(name), dict):
            document[name] = [document[name]]
    problems = Arguments(Origin(call, document))
    settings = CallParser(problems, METAL, LearnSettings).section(LearnSettings, document, ())
    check_files(problems)
    problems.raise_if_any()
    return with_directory(dataclasses.replace(settings, origin=problems.origin, text=f"{call}({document!r})"))


def with_directory(settings: LearnSettings) -> LearnSettings:
    """Its folder has the name of the input, unless it gives one."""
    if settings.campaign.directory is not None:
        return settings
    stem = os.path.splitext(os.path.basename(settings.source))[0]
    return dataclasses.replace(settings, campaign=dataclasses.replace(settings.campaign, directory=stem))


def named_files(origin: Origin) -> Iterator[tuple[tuple, str, str]]:
    """(path of the key, what it says, where that is) of each file that the document names."""
    explorers = origin.document.get("explorer")
    own = [("explorer", k, key) for k in range(len(explorers or ())) for key in OF_EXPLORERS]
    for path in (*FILES, *own):
        file = lookup(origin.document, path)
        of_run = path[-1] == "start" and lookup(origin.document, (*path[:-1], "type")) == "run"
        if isinstance(file, str) and file and not (of_run and file in WORDS):
            yield path, file, beside_input(origin.source, file)


def check_files(problems: Problems) -> None:
    """Are the files there that the document names?"""
    for path, _, place in named_files(problems.origin):
        if not os.path.exists(place):
            problems.add(path, missing(place, problems.origin.source))
