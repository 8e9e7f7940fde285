"""What does the comment line of an extended xyz frame say?"""

import json
import re
from dataclasses import dataclass, field

import numpy as np

from mdcore.box import Box
from mdcore.errors import InputError

# key, or key=value; values may stand in quotes or brackets
QUOTED = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
BRACKETS = r"\{[^{}]*\}|\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
BARE = r"[^\s\"'{}\[\]]"
ENTRY = re.compile(rf"\s*({QUOTED}|(?:(?!=){BARE})+)(?:\s*=\s*({QUOTED}|{BRACKETS}|{BARE}*))?(?=\s|$)")
TRUE, FALSE = ("t", "true", "1"), ("f", "false", "0")
PLAIN = (("species", 1), ("pos", 3))  # the columns of plain xyz
VOIGT = (0, 4, 8, 5, 2, 1)  # xx yy zz yz xz xy of a flattened 3 x 3 matrix
KNOWN = ("lattice", "properties", "pbc", "origin", "energy", "stress", "virial")


@dataclass
class Header:
    """The comment line, understood."""

    plain: bool  # no extended xyz: columns are name, x, y, z and whatever follows
    properties: tuple[tuple[str, int], ...]  # (name, columns)
    lattice: np.ndarray | None = None
    periodic: tuple[bool, bool, bool] = (False, False, False)
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))
    energy: float | None = None
    stress: np.ndarray | None = None  # [6], eV/Angstrom^3
    virial: np.ndarray | None = None  # [6], eV
    info: dict = field(default_factory=dict)


def parse(comment: str, where: str) -> Header:
    """The comment line as a Header; ``where`` ("file: line 2") opens messages. Raises InputError."""
    extended = re.search(r"(?:^|\s)(?:lattice|properties)\s*=", comment, re.IGNORECASE) is not None
    entries = _entries(comment, where if extended else None)
    if not extended:
        text = comment.strip()
        return Header(plain=True, properties=PLAIN, info={"comment": text} if text else {})
    known = {key.lower(): value for key, value in entries.items() if key.lower() in KNOWN}
    head = Header(plain=False, properties=_properties(known.get("properties"), where))
    if "lattice" in known:
        head.lattice = _numbers("Lattice", known["lattice"], (9,), where).reshape(3, 3)
        head.periodic = (True, True, True)
    if "pbc" in known:
        head.periodic = _flags(known["pbc"], where)
        if any(head.periodic) and head.lattice is None:
            raise InputError(f'{where}: pbc = {known["pbc"]!r} needs a Lattice; add it, or set pbc="F F F"')
    if "origin" in known:
        head.origin = _numbers("Origin", known["origin"], (3,), where)
    if "energy" in known:
        head.energy = float(_numbers("energy", known["energy"], (1,), where)[0])
    for key in ("stress", "virial"):
        if key in known:
            numbers = _numbers(key, known[key], (9, 6), where)
            setattr(head, key, numbers[list(VOIGT)] if len(numbers) == 9 else numbers)
    head.info = {key: _value(value) for key, value in entries.items() if key.lower() not in KNOWN}
    return head


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


def _entries(comment: str, where: str | None) -> dict[str, str | None]:
    """key -> text, None for a key alone; with ``where`` a quote without end is an InputError."""
    entries, position, text = {}, 0, comment.strip()
    while position < len(text):
        match = ENTRY.match(text, position)
        if match is None:
            if where is None:
                break
            raise InputError(
                f"{where}: can't understand {text[position : position + 40]!r}; "
                'expected key=value or key="value with blanks"'
            )
        key, value = match.groups()
        entries[_unquoted(key)] = None if value is None else _unquoted(value)
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


def _properties(text: str | None, where: str) -> tuple[tuple[str, int], ...]:
    if text is None:
        return PLAIN
    words = text.split(":")
    triplets = list(zip(words[0::3], words[1::3], words[2::3], strict=False))
    valid = len(words) % 3 == 0 and all(
        name and kind in ("S", "I", "R", "L") and count.isdigit() and 0 < int(count) < 10000
        for name, kind, count in triplets
    )
    if not valid:
        raise InputError(
            f"{where}: Properties={text}: expected name:type:columns triplets with types S, I, R, L, "
            "e.g. species:S:1:pos:R:3"
        )
    return tuple((name, int(count)) for name, _, count in triplets)


def _numbers(key: str, text: str | None, sizes: tuple[int, ...], where: str) -> np.ndarray:
    words = _words(text or "")
    try:
        numbers = np.array([float(word) for word in words])
        valid = len(numbers) in sizes and bool(np.isfinite(numbers).all())
    except ValueError:
        valid = False
    if not valid:
        expected = " or ".join(map(str, sizes)) + (" numbers" if sizes != (1,) else " number")
        raise InputError(f'{where}: {key}="{text or ""}": expected {expected}')
    return numbers


def _flags(text: str | None, where: str) -> tuple[bool, bool, bool]:
    words = _words((text or "").lower())
    if len(words) == 1:
        words *= 3
    if len(words) != 3 or any(word not in TRUE + FALSE for word in words):
        raise InputError(f'{where}: pbc="{text or ""}": expected three of T and F, e.g. pbc="T T F"')
    return tuple(word in TRUE for word in words)


def _value(text: str | None):
    """Text as bool, int, float, array of floats, JSON, or what it is."""
    if text is None:
        return True
    if text in ("T", "F"):
        return text == "T"
    if text.startswith("_JSON "):
        try:
            return json.loads(text[6:])
        except ValueError:
            return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    try:
        words = [float(word) for word in _words(text)]
    except ValueError:
        words = []
    return np.array(words) if words else text


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
