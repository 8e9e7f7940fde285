"""Read a train.toml and return complete, consistent settings, or say everything that is wrong with it."""

import dataclasses
import os

from mdcore.base.errors import InputError
from mdcore.base.units import METAL
from mdcore.config.document import beside_input
from mdcore.config.load import annotated, is_of_run, kind_of, opened, read
from mdcore.config.mistakes import missing
from mdcore.config.parse import Parser
from mdcore.config.problems import Problems, lookup
from mdcore.config.training import TrainingSettings
from mdcore.config.training_tensors import TYPE, TensorTrainingSettings

ARRAYS = ("data", "optimizer", "subtract")


def load_training(path, overrides=()) -> TrainingSettings | TensorTrainingSettings:
    """The settings in the TOML file `path`, with ``section.key=value`` overrides; raises InputError."""
    path = os.fspath(path)
    return parse_training(read(path), path, overrides)


def parse_training(text: str, source: str = "train.toml", overrides=()) -> TrainingSettings | TensorTrainingSettings:
    """The settings in `text`; `source` names the file in messages and locates the data."""
    problems = opened(text, source, overrides, ARRAYS)
    if is_of_run(problems.origin.document):
        raise InputError(f"{source}: this is the input of a run; the command is: mdcore run {source}")
    if kind_of(problems.origin.document) == "learn":
        raise InputError(f"{source}: this is the input of a campaign; the command is: mdcore learn {source}")
    root = root_of(problems.origin.document)
    settings = Parser(problems, METAL, root).section(root, problems.origin.document, ())
    _check_files(problems)
    if settings is not None:
        text = annotated(problems.origin.text or text, overrides)
        settings = with_name(dataclasses.replace(settings, origin=problems.origin, text=text))
    problems.raise_if_any()
    return settings


def root_of(document: dict) -> type:
    """Of which class the settings are: of a potential, or of tensors, as the type of the model says."""
    model = document.get("model")
    return TensorTrainingSettings if isinstance(model, dict) and model.get("type") == TYPE else TrainingSettings


def with_name(settings: TrainingSettings) -> TrainingSettings:
    """Its files have the name of the input, unless it gives one."""
    output = settings.output
    if output.name is None:
        output = dataclasses.replace(output, name=os.path.splitext(os.path.basename(settings.source))[0])
    return dataclasses.replace(settings, output=output)


def _check_files(problems: Problems) -> None:
    """Are the files there that the document names?"""
    data = problems.origin.document.get("data")
    paths = [("data", i, "file") for i in range(len(data) if isinstance(data, list) else 0)]
    for path in (*paths, ("descriptors", "file"), ("warm_start",)):
        file = lookup(problems.origin.document, path)
        if isinstance(file, str) and file:
            place = beside_input(problems.origin.source, file)
            if not os.path.exists(place):
                text = missing(place, problems.origin.source, "file or folder")
                problems.add(path, text)
