"""What does the comment line of an extended xyz frame say?"""

import json
import re
from dataclasses import dataclass, field

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.numerals import integer, number
from mdcore.structure.box import Box
from mdcore.structure.quantities import numbers, shown

# key, or key=value; values may stand in quotes or brackets
QUOTED = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
BRACKETS = r"\{[^{}]*\}|\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
BARE = r"[^\s\"'{}\[\]]"
ENTRY = re.compile(rf"\s*({QUOTED}|(?:(?!=){BARE})+)(?:\s*=\s*({QUOTED}|{BRACKETS}|{BARE}*))?(?=\s|$)")
BLANK = re.compile(r"\s+")
COUNT = re.compile("0*[1-9][0-9]{0,3}")
JSON = "_JSON "
TRUE, FALSE = ("t", "true", "1"), ("f", "false", "0")
PLAIN = (("species", "S", 1), ("pos", "R", 3))  # the columns of plain xyz
CELL = ("lattice", "properties", "pbc", "origin")  # in any spelling
LABELS = ("energy", "stress", "virial")


@dataclass
class Header:
    """The comment line, understood."""

    plain: bool  # no extended xyz: columns are name, x, y, z and whatever follows
    properties: tuple[tuple[str, str, int], ...]  # (name, type, columns)
    lattice: np.ndarray | None = None
    periodic: tuple[bool, bool, bool] = (False, False, False)
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))
    texts: dict = field(default_factory=dict)  # the other entries as they stand; None: a key alone
    info: dict = field(default_factory=dict)  # the same as bool, int, float, array, JSON or text


def parse(comment: str, where: str) -> Header:
    """The comment line as a Header; ``where`` ("file: line 2") opens messages. Raises InputError.

    A comment without Lattice and Properties is anything: entries in it count where they can be understood.
    """
    if "\0" in comment:
        raise InputError(f"{where}: a zero byte; expected text. Is the file damaged?")
    extended = re.search(r"(?:^|\s)[\"']?(?:lattice|properties)[\"']?\s*=", comment, re.IGNORECASE) is not None
    entries = _entries(comment, where if extended else None)
    given: dict[str, dict] = {}
    for key, text in entries:
        if key.lower() not in CELL:
            given.setdefault(key, {})[text] = True
    # a key given twice, with different values, holds both: two numbers are no energy
    texts = {key: next(iter(own)) if len(own) == 1 else " ".join(map(str, own)) for key, own in given.items()}
    if not extended:
        text = comment.strip()
        info = {key: value(found) for key, found in texts.items() if found is not None}
        for key in [key for key, found in info.items() if key.lower() in LABELS and isinstance(found, str)]:
            del info[key]  # "energy = low" is prose
        own = {"comment": text} if text else {}
        return Header(plain=True, properties=PLAIN, texts={key: texts[key] for key in info}, info=own | info)
    known = _cell(entries, where)
    head = Header(plain=False, properties=_properties(known.get("properties"), where), texts=texts)
    if "lattice" in known:
        head.lattice = _numbers("Lattice", known["lattice"], 9, where).reshape(3, 3)
        head.periodic = (True, True, True)
    if "pbc" in known:
        head.periodic = _flags(known["pbc"], where)
        if any(head.periodic) and head.lattice is None:
            raise InputError(f'{where}: pbc = {known["pbc"]!r} needs a Lattice; add it, or set pbc="F F F"')
    if "origin" in known:
        head.origin = _numbers("Origin", known["origin"], 3, where)
    head.info = {key: value(text) for key, text in texts.items()}
    return head


def _cell(entries, where: str) -> dict[str, str | None]:
    """The entries that say where atoms may be, by name in lower case; InputError if one is given twice and differs."""
    known, names = {}, {}
    for key, text in entries:
        name = key.lower()
        if name not in CELL:
            continue
        if name in known and known[name] != text:
            both = f"{key} is" if key == names[name] else f"{names[name]} and {key} are both"
            raise InputError(f"{where}: {both} given, with different values; keep one")
        known[name], names[name] = text, key
    return known


def format_comment(box: Box, properties: str, energy, stress, info: dict) -> str:
    """The comment line of a frame. stress : [6] in eV/Angstrom^3; what is None or nan is left out."""
    entries = {}
    if any(box.periodic):
        entries["Lattice"] = box.matrix.ravel()
        if box.origin.any():
            entries["Origin"] = box.origin
    entries["Properties"] = properties
    if energy is not None and np.isfinite(energy):
        entries["energy"] = float(energy)
    if stress is not None and np.isfinite(stress).all():
        xx, yy, zz, yz, xz, xy = stress
        entries["stress"] = np.array([xx, xy, xz, xy, yy, yz, xz, yz, zz])
    entries["pbc"] = np.array(box.periodic)
    entries.update(info)
    return " ".join(f"{key}={_format(value)}" for key, value in entries.items())


def _entries(comment: str, where: str | None) -> list[tuple[str, str | None]]:
    """(key, text), text None for a key alone; with ``where`` a quote without end is an InputError, else passed over."""
    entries, position, text = [], 0, comment.strip()
    while position < len(text):
        match = ENTRY.match(text, position)
        if match is None:
            if where is not None:
                raise InputError(
                    f"{where}: can't understand {text[position : position + 40]!r}; "
                    'expected key=value or key="value with blanks"'
                )
            position = next((m.end() for m in [BLANK.search(text, position)] if m), len(text))
            continue
        key, found = match.groups()
        entries.append((_unquoted(key), None if found is None else _unquoted(found)))
        position = match.end()
        while position < len(text) and text[position].isspace():
            position += 1
    return entries


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] in "\"'" and text[-1] == text[0]:
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _words(text: str) -> list[str]:
    """What stands between blanks, commas and brackets."""
    return re.sub(r"[\[\]{},]", " ", text).split()


def _properties(text: str | None, where: str) -> tuple[tuple[str, str, int], ...]:
    if text is None:
        return PLAIN
    listed = value(text)
    words = (listed if isinstance(listed, str) else text).split(":")
    triplets = list(zip(words[0::3], words[1::3], words[2::3], strict=False))
    valid = len(words) % 3 == 0 and all(
        name and kind in ("S", "I", "R", "L") and COUNT.fullmatch(count) for name, kind, count in triplets
    )
    if not valid:
        raise InputError(
            f"{where}: Properties={shown(text)}: expected name:type:columns triplets with types S, I, R, L, "
            "e.g. species:S:1:pos:R:3"
        )
    return tuple((name, kind, int(count)) for name, kind, count in triplets)


def _numbers(key: str, text: str | None, size: int, where: str) -> np.ndarray:
    try:
        return numbers(value(text), (size,), key)
    except InputError:
        raise InputError(f"{where}: {key}={shown(text or '')}: expected {size} numbers") from None


def _flags(text: str | None, where: str) -> tuple[bool, bool, bool]:
    words = _words(str(_json(text) if text and text.startswith(JSON) else text or "").lower())
    if len(words) == 1:
        words *= 3
    if len(words) != 3 or any(word not in TRUE + FALSE for word in words):
        raise InputError(f"{where}: pbc={shown(text or '')}: expected three of T and F, e.g. pbc=\"T T F\"")
    return tuple(word in TRUE for word in words)


def value(text: str | None):
    """Text as bool, int, float, array of floats, JSON, or what it is."""
    if text is None:
        return True
    if text in ("T", "F"):
        return text == "T"
    if text.startswith(JSON):
        return _json(text)
    for kind in () if " " in text.strip() else (integer, number):
        try:
            return kind(text.strip())
        except ValueError:
            pass
    try:
        words = [number(word) for word in _words(text)]
    except ValueError:
        words = []
    return np.array(words) if words else text


def _json(text: str):
    """What ASE writes as ``_JSON ...``; the text itself if it is no JSON."""
    try:
        return json.loads(text.removeprefix(JSON))
    except (ValueError, RecursionError):  # also of integers of thousands of digits
        return text


def _format(value) -> str:
    if isinstance(value, np.ndarray | list | tuple):
        return '"' + " ".join(_format(item) for item in np.asarray(value).ravel().tolist()) + '"'
    if isinstance(value, bool | np.bool_):
        return "T" if value else "F"
    if isinstance(value, np.generic):
        value = value.item()
    text = value if isinstance(value, str) else repr(value)
    if text and not re.search(r"[\s\"'\\{}\[\]=,]", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
