"""Which settings differ between the input that was run and that of today? By value, however they are written."""

import dataclasses
import re
import tomllib

from mdcore.base import units
from mdcore.base.errors import InputError
from mdcore.config.learn import LearnSettings
from mdcore.config.load import ARRAYS, opened, resolve
from mdcore.config.load_learn import ARRAYS as LEARN_ARRAYS
from mdcore.config.load_learn import with_directory
from mdcore.config.load_training import ARRAYS as TRAINING_ARRAYS
from mdcore.config.load_training import with_name
from mdcore.config.parse import Parser
from mdcore.config.problems import lookup, short
from mdcore.config.settings import Settings

OVERRIDE = "# --set "  # how `annotated` keeps them
OF_START = ("structure.", "velocities.")  # sections of a run that its checkpoint has the outcome of
MOST = 8  # differences that are told one by one


def differences(text: str, settings) -> list[str]:
    """What differs between the input `text`, as it was kept, and `settings` (of a run, a training or a campaign), one
    each: ``stage.produce.steps = 100, was 50``. InputError if `text` can't be read (of another version)."""
    return _differing(_flat(_former(text, settings)), _flat(settings))


def _differing(before: dict, now: dict) -> list[str]:
    changed = {key: (before.get(key), now.get(key)) for key in {**before, **now} if before.get(key) != now.get(key)}
    for key in [key for key in changed if key.startswith("stage.")]:  # told with [output], where its default is
        if changed.get("output." + key.rpartition(".")[2]) == changed[key]:
            del changed[key]
    return [f"{key} = {_shown(now, key)}, was {_shown(before, key)}" for key in changed]


def told(path: str, text: str, settings, what: str) -> str | None:
    """A note that the file `path` is of an input, `text`, with other settings, and which; None if they are the same.

    what : goes on with those of today
    """
    try:
        found = differences(text, settings)
    except InputError:
        return f"{path} was written with settings that this version can't read; {what} goes on with today's"
    idle = [line for line in found if line.startswith(OF_START)] if isinstance(settings, Settings) else []
    parts = [f"{what} goes on with {_some(rest)}"] if (rest := [line for line in found if line not in idle]) else []
    if idle:
        parts.append(f"atoms and velocities are those of the checkpoint, whatever the input says now: {_some(idle)}")
    return "; ".join([f"{path} was written with other settings", *parts]) if found else None


def of_inputs(before: str, now: str) -> str:
    """What differs between two texts, if both are TOML; else "today's". Nothing, if both say the same."""
    try:
        return _some(_differing(*(_flat(tomllib.loads(text)) for text in (before, now))))
    except tomllib.TOMLDecodeError:
        return "today's"


def _some(found: list[str]) -> str:
    return "; ".join(found[:MOST] + ([f"{len(found) - MOST} more"] if len(found) > MOST else []))


def _former(text: str, settings):
    """The settings in `text`; files that it names need not be there any more."""
    lines = text.rstrip("\n").split("\n")
    n = len(lines)
    while n and lines[n - 1].startswith(OVERRIDE):
        n -= 1
    overrides = [line.removeprefix(OVERRIDE) for line in lines[n:]]
    run = isinstance(settings, Settings)
    arrays = ARRAYS if run else LEARN_ARRAYS if isinstance(settings, LearnSettings) else TRAINING_ARRAYS
    problems = opened("\n".join(lines[:n]), settings.source, overrides, arrays)
    name = lookup(problems.origin.document, ("units",)) if run else "metal"
    system = units.SYSTEMS.get(name, units.METAL) if isinstance(name, str) else units.METAL
    former = Parser(problems, system, type(settings)).section(type(settings), problems.origin.document, ())
    problems.raise_if_any()
    former = dataclasses.replace(former, origin=problems.origin)
    if isinstance(settings, LearnSettings):
        return with_directory(former)
    return resolve(former) if run else with_name(former)


def _flat(value, path: str = "") -> dict:
    """{``stage.produce.steps``: value} of all settings; entries of arrays by their name or index."""
    if dataclasses.is_dataclass(value):
        members = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        for name in ("origin", "text"):
            members.pop(name, None)
    elif isinstance(value, dict):
        members = value
    elif isinstance(value, tuple) and value and all(map(dataclasses.is_dataclass, value)):
        members = {getattr(v, "name", None) or i: v for i, v in enumerate(value)}
    elif isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        members = {v.get("name") or i: v for i, v in enumerate(value)}
    else:
        return {path: value}
    found = {}
    for key, member in members.items():
        name = str(key) if re.fullmatch(r"[\w-]+", str(key)) else short(str(key))
        found |= _flat(member, f"{path}.{name}" if path else name)
    return found


def _shown(flat: dict, key: str) -> str:
    value = flat.get(key)
    return "none" if value is None or value == () or value == "" else short(value)
