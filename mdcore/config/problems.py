"""Everything wrong with one input file: where, what and the cure, collected and told at once."""

import difflib
from dataclasses import dataclass, field

from mdcore.base.errors import InputError
from mdcore.config import synonyms
from mdcore.faces.schema import toml

ABSENT = object()

MOST = 20  # mistakes that are told at once


@dataclass(frozen=True)
class Origin:
    """Where settings come from.

    source : the input file.
    document : the parsed file with the overrides applied; arrays of tables are lists.
    single : names of arrays of tables that were written as one table, ``[potential]``.
    overrides : path -> text of the ``--set`` that put the value there.
    files : path -> the file that was included for the value there; text : all of it as one TOML, if there were some
    """

    source: str = "input"
    document: dict = field(default_factory=dict, repr=False)
    single: tuple[str, ...] = ()
    overrides: dict[tuple, str] = field(default_factory=dict)
    files: dict[tuple, str] = field(default_factory=dict)
    text: str = ""


class Problems:
    """Collects errors at paths such as ``("stage", 0, "steps")`` of one document."""

    def __init__(self, origin: Origin):
        self.origin = origin
        self.messages: list[str] = []

    def add(self, path: tuple, text: str, value=ABSENT):
        """Report ``text`` at ``path``; the value there is quoted if there is one."""
        place = " ".join(filter(None, self.place(path)))
        if value is ABSENT:
            value = lookup(self.origin.document, path)
        plain = value is not ABSENT and not isinstance(value, dict) and not _is_tables(value)
        shown = f" = {self.quoted(value)}" if plain else ""
        self.messages.append(f"{self.author(path)}: {place}{shown}: {text}")
        if len(self.messages) >= MOST:
            self.raise_if_any()

    @staticmethod
    def quoted(value) -> str:
        """A value as the user wrote it."""
        return short(value)

    def author(self, path) -> str:
        """The ``--set`` responsible for the value at `path`, else the file, which may be an included one."""
        for at, text in self.origin.overrides.items():
            if tuple(path[: len(at)]) == at or self._only(path, at):
                return f"--set {text}"
        near = [at for at in self.origin.files if tuple(path[: len(at)]) == at]
        return self.origin.files[max(near, key=len)] if near else self.origin.source

    def _only(self, path, at) -> bool:
        """Is the value at `at` all there is in the section at `path`?"""
        here = lookup(self.origin.document, path)
        for part in at[len(path) :]:
            if not isinstance(here, dict) or list(here) != [part]:
                return False
            here = here[part]
        return tuple(path) == at[: len(path)]

    def place(self, path) -> tuple[str, str]:
        """("[[stage]] #2", "steps") for ("stage", 1, "steps"): section and key as the user sees them."""
        if len(path) == 1 and not isinstance(lookup(self.origin.document, path), dict | list):
            return "", path[0]
        if len(path) > 1 and isinstance(path[1], int) and path[0] not in self.origin.single:
            return f"[[{path[0]}]] #{path[1] + 1}", dotted(path[2:])
        if len(path) == 1 and _is_tables(lookup(self.origin.document, path)) and path[0] not in self.origin.single:
            return f"[[{path[0]}]]", ""
        rest = path[2:] if len(path) > 1 and isinstance(path[1], int) else path[1:]
        return f"[{path[0]}]", dotted(rest)

    def raise_if_any(self):
        if self.messages:
            raise InputError("\n".join(dict.fromkeys(self.messages)))


def at(settings, path: tuple, text: str) -> InputError:
    """An InputError that names the file (or --set), section, key and value of one of the settings."""
    problems = Problems(settings.origin)
    problems.add(path, text)
    return InputError(problems.messages[0])


def dotted(parts) -> str:
    """``pair #1 epsilon`` or ``species.Ar.epsilon``"""
    out = ""
    for part in parts:
        out += (
            f" #{part + 1} "
            if isinstance(part, int)
            else ("" if not out or out[-1] == " " else ".") + str(part)
        )
    return out.strip()


def lookup(document, path):
    """The value at `path`, or ABSENT."""
    for part in path:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return document


def short(value, width=60) -> str:
    text = toml(value)
    return text if len(text) <= width else text[: width - 3] + "..."


def near_miss(word: str, known, cutoff: float = 0.6) -> str | None:
    """The known word that `word` was probably meant to be."""
    lower = {k.lower(): k for k in sorted(known)}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=cutoff)
    return lower[close[0]] if close else None


def suggest(word: str, known) -> str:
    """``did you mean 'cutoff'?``, or the list of what is known."""
    known = list(known)
    close = near_miss(word, known)
    return f"did you mean '{close}'?" if close else "known: " + ", ".join(known)


def meant_by(key: str, known) -> str | None:
    """The known key that is meant by `key`: what other programs call so, or a near miss."""
    return next((ours for ours in synonyms.of_key(key) if ours in known), None) or near_miss(key, known)


def instead(key: str, value: str, known) -> str:
    """``; did you mean 'fcc'?`` after a word that is none of the known ones under `key`; nothing if no idea."""
    if text := synonyms.of_value(key, value):
        return f"; {text}"
    close = near_miss(value, known)
    return f"; did you mean '{close}'?" if close else ""


def _is_tables(value) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)
