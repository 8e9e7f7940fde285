"""Read an input file and return complete, consistent settings, or say everything that is wrong with it."""

import dataclasses
import os
import re
import tomllib

from mdcore.base import units
from mdcore.base.errors import InputError
from mdcore.base.files import read_text
from mdcore.config import includes
from mdcore.config import overrides as override
from mdcore.config.check import check_document, check_settings
from mdcore.config.mistakes import absent, has_long_key, not_toml, other_kind
from mdcore.config.parse import Parser
from mdcore.config.problems import Origin, Problems
from mdcore.config.settings import Settings

ARRAYS = ("potential", "stage", "group")
OF_TRAINING = frozenset(("data", "descriptors", "network", "optimizer", "committee"))
MOST_TEXT = 1 << 20  # bytes; TOML is read letter by letter, in Python


def load(path, overrides=()) -> Settings:
    """The settings in the TOML file `path`, with ``section.key=value`` overrides; raises InputError."""
    path = os.fspath(path)
    return parse(read(path), path, overrides)


def read(path: str) -> str:
    """The text of the input file; raises InputError."""
    if os.path.isfile(path) and (kind := other_kind(path)):
        raise InputError(f"{path}: this is {kind}")
    if os.path.isdir(path):
        raise InputError(f"{path}: is a directory; name the input file in it")
    if "\0" not in path and not os.path.exists(path):
        raise InputError(f"{path}: {absent(path)}")
    return read_text(path, "an input file (TOML)", MOST_TEXT)


def parse(text: str, source: str = "input.toml", overrides=()) -> Settings:
    """The settings in `text`; `source` names the file in messages and locates the structure file."""
    problems = opened(text, source, overrides, ARRAYS)
    origin = problems.origin
    document = origin.document
    for kind, command in (("training", "train"), ("campaign", "learn")):
        if kind_of(document) == command:
            raise InputError(f"{source}: this is the input of a {kind}; the command is: mdcore {command} {source}")
    name = document.get("units", "metal")
    system = units.SYSTEMS.get(name, units.METAL) if isinstance(name, str) else units.METAL
    settings = Parser(problems, system, Settings).section(Settings, document, ())
    check_document(problems)
    if settings is not None:
        settings = resolve(dataclasses.replace(settings, origin=origin, text=annotated(origin.text or text, overrides)))
        check_settings(settings, problems)
    problems.raise_if_any()
    return settings


def kind_of_input(path) -> str:
    """Which command is this input for: "run", "train" or "learn"? InputError."""
    path = os.fspath(path)
    document = decode(read(path), path)
    if includes.KEY in document:
        includes.included(document, path, (), lambda other: decode(read(other), other))
    return kind_of(document)


def kind_of(document: dict) -> str:
    """Of the document of an input: a training has data, a campaign explorers and an oracle, a run a structure. The
    training that a campaign names has no data yet."""
    of_run = "structure" in document or "stage" in document
    if not of_run and ("explorer" in document or "oracle" in document):
        return "learn"
    return "train" if not of_run and not OF_TRAINING.isdisjoint(document) else "run"


def is_of_run(document: dict) -> bool:
    """Is this the document of a run, not of a training?"""
    return "data" not in document and ("structure" in document or "stage" in document)


def opened(text: str, source: str, overrides, arrays) -> Problems:
    """The document with the overrides applied, and what was wrong with them; `arrays`: names of arrays of tables."""
    document, files, whole = decode(text, source), {}, ""
    if includes.KEY in document:
        files = includes.included(document, source, arrays, lambda other: decode(read(other), other))
        whole = f"# {source}, with all it includes\n" + includes.text_of(document)
    single = [name for name in arrays if isinstance(document.get(name), dict)]
    for name in single:
        document[name] = [document[name]]
    errors, paths = [], {}
    for item in overrides:
        try:
            paths[override.apply(document, item)] = item
        except InputError as error:
            errors.append(str(error))
    if includes.KEY in document:
        errors.append(f"--set {paths[(includes.KEY,)]}: include stands in input files only")
    problems = Problems(Origin(source, document, tuple(single), paths, files, whole))
    problems.messages += errors
    return problems


def annotated(text: str, overrides) -> str:
    """The input as it ran: its text, and the overrides as comments."""
    return (
        text
        if not overrides
        else "\n".join([text.rstrip("\n"), *(f"# --set {item}" for item in overrides), ""])
    )


def decode(text: str, source: str) -> dict:
    """The TOML document; a syntax error names the line and quotes it."""
    if has_long_key(text):
        raise InputError(f"{source}: a key with hundreds of points")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
        if not match:
            raise InputError(f"{source}: not valid TOML: {error}") from None
        reason, line, column = match.groups()
        content = text.split("\n")[int(line) - 1].strip()[:120]
        hint = not_toml(text, content)
        raise InputError(
            f"{source}: line {line}, column {column}: {reason}; the line is: {content}" + (f"; {hint}" if hint else "")
        ) from None
    except (RecursionError, ValueError) as error:  # brackets by the thousand; integers of thousands of digits
        deep = isinstance(error, RecursionError)
        what = "too many brackets within brackets" if deep else "an integer of thousands of digits; all are below 2^63"
        raise InputError(f"{source}: {what}") from None


def resolve(settings: Settings) -> Settings:
    """Fill in the defaults that depend on other settings."""
    lj = settings.units == "lj"
    replace = dataclasses.replace
    output = settings.output
    if output.name is None:
        output = replace(output, name=os.path.splitext(os.path.basename(settings.source))[0])
    stages = []
    for i, stage in enumerate(settings.stage):
        changes = {
            key: getattr(output, key)
            for key in ("thermo_every", "trajectory_every", "dump_every")
            if getattr(stage, key) is None
        }
        stages.append(replace(stage, name=stage.name or f"stage{i + 1}", **changes))
    neighbors = settings.neighbors
    if neighbors.skin is None:
        neighbors = replace(neighbors, skin=0.3 if lj else 1.0)
    analysis = settings.analysis
    if analysis is not None:
        analysis = replace(
            analysis,
            stage=analysis.stage or stages[-1].name,
            rdf_max=analysis.rdf_max or (4.0 if lj else 10.0),
        )
    return replace(settings, output=output, stage=tuple(stages), neighbors=neighbors, analysis=analysis)
