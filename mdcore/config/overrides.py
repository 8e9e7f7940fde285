"""What does ``--set section.key=value`` change in the parsed input?"""

import tomllib

from mdcore.base.errors import InputError
from mdcore.config.mistakes import has_long_key
from mdcore.config.problems import suggest


def apply(document: dict, text: str) -> tuple:
    """Put one override, ``stage.produce.steps=100``, into `document`; returns the path of the key it set.

    Arrays of tables (lists in `document`) take an index from 0 or the ``name`` of the entry; nothing, if
    there is only one. Raises InputError naming ``--set``.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {text}: expected section.key=value, e.g. --set output.thermo_every=10")
    parts = _split(key, text)
    here, path = document, []
    for i, part in enumerate(parts):
        if isinstance(here, list):
            index, skipped = _entry(here, part, path, text)
            path.append(index)
            here = here[index]
            if not skipped:
                continue
        if not isinstance(here, dict):
            raise InputError(f"--set {text}: '{'.'.join(map(str, path))}' is a value, it has no key '{part}'")
        path.append(part)
        if i == len(parts) - 1:
            break
        here = here.setdefault(part, {})
    else:
        raise InputError(f"--set {text}: '{key.strip()}' is a whole section; name a key in it")
    here[path[-1]] = _value(value.strip(), text)
    return tuple(path)


def _split(key: str, text: str) -> list[str]:
    """The parts of a dotted key, read as TOML does: bare or quoted."""
    try:
        table = {} if has_long_key(key) else tomllib.loads(f"{key} = 0")
    except (ValueError, RecursionError):
        table = {}
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        ((part, table),) = table.items()
        parts.append(part)
    if not parts or isinstance(table, dict):
        raise InputError(
            f"--set {text}: '{key.strip()}' is no key, expected section.key=value, "
            "e.g. --set output.thermo_every=10"
        )
    return parts


def _entry(entries: list, part: str, path: list, text: str) -> tuple[int, bool]:
    """Index of the entry that `part` names, and whether `part` is rather a key of the only entry."""
    names = {
        e["name"]: i
        for i, e in reversed(list(enumerate(entries)))
        if isinstance(e, dict) and isinstance(e.get("name"), str)
    }
    if part in names:
        return names[part], False
    if part.isdigit():
        if int(part) < len(entries):
            return int(part), False
        raise InputError(
            f"--set {text}: there is no {path[-1]} {part}; the last is {len(entries) - 1} (counting from 0)"
        )
    if len(entries) == 1:
        return 0, True
    choices = [*names, *map(str, range(len(entries)))]
    raise InputError(f"--set {text}: no {path[-1]} is called '{part}'; {suggest(part, choices)}")


def _value(value: str, text: str):
    """`value` as TOML; what is not TOML is a bare string."""
    try:
        parsed = tomllib.loads(f"value = {value}")
        if len(parsed) == 1:
            return parsed["value"]
    except (ValueError, RecursionError):  # thousands of digits, of brackets
        pass
    if not value or value[0] in "\"'[{" or "\n" in value:
        raise InputError(
            f"--set {text}: the value is not valid TOML; write a number, true, false, [a, b, c] or a text"
        )
    return value
