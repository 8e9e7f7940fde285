"""The reference of input files as plain text, for those who have a terminal and no docs: `mdcore help input`."""

import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import Field, dataclass

from mdcore.base import units
from mdcore.base.errors import InputError
from mdcore.config.learn import LearnSettings
from mdcore.config.parse import _classes
from mdcore.config.problems import near_miss
from mdcore.config.reference import EXAMPLE, LEARN_EXAMPLE, TENSORS_EXAMPLE, TRAINING_EXAMPLE, row
from mdcore.config.settings import Settings
from mdcore.config.training import TrainingSettings
from mdcore.config.training_tensors import TensorTrainingSettings
from mdcore.faces.schema import NamedSections, Sections, is_required, keys, toml

INTRODUCTION = """\
An input is a text file in TOML: sections in brackets, and in them key = value.
[section] is written once, [[section]] as often as needed, in order. Numbers
stand alone, their units are fixed; text stands in quotes; # begins a comment.
What is not listed here is an error. One key is changed for one run with --set:

    {command} --set {override}

An example:

"""
ROOTS = {
    "input": (Settings, EXAMPLE, "mdcore run input.toml", "stage.produce.steps=1000"),
    "train": (TrainingSettings, TRAINING_EXAMPLE, "mdcore train train.toml", "committee.members=5"),
    "learn": (LearnSettings, LEARN_EXAMPLE, "mdcore learn learn.toml", "campaign.calls=500"),
    "tensors": (TensorTrainingSettings, TENSORS_EXAMPLE, "mdcore train tensors.toml", "model.cutoff=5.0"),
}


@dataclass(frozen=True)
class Part:
    """A section, or what of it depends on its tag."""

    path: str  # potential.species
    title: str  # [potential.species.<name>]
    about: str
    fields: dict[str, Field]


def parts(root) -> Iterator[Part]:
    """All sections of an input, each followed by those in it."""
    top = {name: field for name, field in keys(root).items() if not _classes(field)}
    yield Part("", "the top of the file", "", top)
    for name, field in keys(root).items():
        yield from _parts(name, name, field)


def _parts(path: str, name: str, field: Field) -> Iterator[Part]:
    kind, classes = field.metadata["kind"], _classes(field)
    if not classes:
        return
    if isinstance(kind, NamedSections):
        name += ".<name>"
    title = f"[[{name}]]" if isinstance(kind, Sections) else f"[{name}]"
    needed = "Required. " if is_required(field) else ""
    common = set.intersection(*(set(keys(cls)) for cls in classes)) if len(classes) > 1 else set()
    if common:
        first = keys(classes[0])
        yield Part(path, title, needed + field.metadata["doc"], {key: first[key] for key in first if key in common})
    for word, cls in (getattr(kind, "classes", None) or {"": kind.cls}).items():
        own = {key: f for key, f in keys(cls).items() if key not in common and not _classes(f)}
        about = inspect.cleandoc(cls.__doc__)
        if word:
            yield Part(path, f"{title} with {kind.tag} = {toml(word)}", about, own)
        else:
            yield Part(path, title, needed + about, own)
        for key, inner in keys(cls).items():
            yield from _parts(f"{path}.{key}", f"{name}.{key}", inner)


def page(which: str, words=(), width: int = 80) -> str:
    """All of the reference `which` (a key of ROOTS), or what `words` name: sections, keys; InputError."""
    root, example, command, override = ROOTS[which]
    everything = list(parts(root))
    if not words:
        start = INTRODUCTION.format(command=command, override=override) + textwrap.indent(example, "    ")
        return "\n\n".join([start, *(_section(part, width) for part in everything)])
    return "\n\n".join(text for word in words for text in _about(which, word, everything, width))


def _about(which: str, word: str, everything: list[Part], width: int) -> list[str]:
    wanted = word.strip("[]").lower()
    found = [part for part in everything if part.path == wanted or (wanted and part.path.startswith(wanted + "."))]
    if found:
        return [_section(part, width) for part in found]
    found = [part for part in everything if part.title.endswith(f" = {toml(wanted)}")]  # a type: "npt", "eam"
    if found:
        return [_section(part, width) for part in found]
    section, _, key = wanted.rpartition(".")
    having = [p for p in everything if key in p.fields and (not section or p.path == section)]
    if having:
        shown = (Part(p.path, p.title, "", {key: p.fields[key]}) for p in having)
        return [_section(part, width) for part in shown]
    known = {word for part in everything for word in (part.path, part.title.partition(' = "')[2].rstrip('"')) if word}
    known |= {key for part in everything for key in part.fields}
    close = near_miss(word, known)
    sections = ", ".join(dict.fromkeys(part.path for part in everything if part.path))
    hint = f"did you mean: mdcore help {which} {close}?" if close else f"sections: {sections}"
    raise InputError(f"help {which}: no section and no key is called '{word}'; {hint}")


def _section(part: Part, width: int) -> str:
    lines = [part.title, *_folded(part.about, width, "  ")]
    for name, field in part.fields.items():
        _, kind, unit, default, meaning, example = (text.replace("`", "") for text in row(name, field))
        told = [kind, unit, "required" if default == "required" else f"default {default}"]
        lines += ["", *_folded(f"{name}: {', '.join(filter(None, told))}", width, "  ", "          ")]
        lines += _folded(f"{meaning} E.g. {example}", width, "      ")
    return "\n".join(lines)


def _folded(text: str, width: int, indent: str, then: str | None = None) -> list[str]:
    text = " ".join(text.replace("`", "").split())
    options = {"break_on_hyphens": False, "break_long_words": False}
    return textwrap.wrap(text, max(width, 30), initial_indent=indent, subsequent_indent=then or indent, **options)


def units_table() -> str:
    """The unit of each quantity in each system."""
    systems = list(units.SYSTEMS.values())
    rows = [("quantity", *(f"units = {toml(s.name)}" for s in systems))]
    rows += [(quantity, *(s.labels[quantity] for s in systems)) for quantity in units.METAL.labels]
    return "\n".join(f"{name:<14}" + "".join(f" {text:<18}" for text in cells).rstrip() for name, *cells in rows)
