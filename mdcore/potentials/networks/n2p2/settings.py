"""What does ``input.nn`` say? Its lines as checked, typed settings, each with the place it came from."""

from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.base.files import read_text
from mdcore.base.numerals import integer, number
from mdcore.potentials.networks.model import ACTIVATIONS, SymmetryFunction
from mdcore.potentials.networks.n2p2.keywords import HANDLED, IGNORED, REFUSED, canonical, is_ignored
from mdcore.potentials.networks.native_units import did_you_mean

# Arguments after `symfunction_short <element> <type>`; a trailing ? marks an optional one.
SYMFUNCTION_ARGUMENTS = {
    2: ("e1", "eta", "rs", "cutoff"),
    3: ("e1", "e2", "eta", "lambda_", "zeta", "cutoff", "rs?"),
    9: ("e1", "e2", "eta", "lambda_", "zeta", "cutoff", "rs?"),
    12: ("eta", "rs", "cutoff"),
    13: ("eta", "rs", "lambda_", "zeta", "cutoff"),
    20: ("e1", "rl", "cutoff", "subtype"),
    21: ("e1", "e2", "rl", "cutoff", "thl", "thr", "subtype"),
    22: ("e1", "e2", "rl", "cutoff", "thl", "thr", "subtype"),
    23: ("rl", "cutoff", "subtype"),
    24: ("rl", "cutoff", "thl", "thr", "subtype"),
    25: ("rl", "cutoff", "thl", "thr", "subtype"),
}

MOST_TEXT = 1 << 20  # bytes of an input.nn: thousands of symmetry functions


@dataclass(frozen=True)
class Line:
    """One keyword with its arguments, as written in `path` at line `number`."""

    path: Path
    number: int
    keyword: str
    arguments: tuple[str, ...]

    def fail(self, problem: str) -> InputError:
        return InputError(f"{self.path}: line {self.number}: {self.keyword}: {problem}")

    def argument(self, index: int, meaning: str) -> str:
        if index >= len(self.arguments):
            raise self.fail(f"{meaning} is missing")
        return self.arguments[index]

    def number_at(self, index: int, meaning: str) -> float:
        text = self.argument(index, meaning)
        try:
            return number(text)
        except ValueError:
            raise self.fail(f"expected a number for {meaning}, found {text!r}") from None

    def integer_at(self, index: int, meaning: str) -> int:
        text = self.argument(index, meaning)
        try:
            return integer(text)
        except ValueError:
            raise self.fail(f"expected an integer for {meaning}, found {text!r}") from None

    def integers(self, meaning: str, start: int = 0) -> tuple[int, ...]:
        return tuple(self.integer_at(i, meaning) for i in range(start, len(self.arguments)))

    def element_at(self, index: int, elements: tuple[str, ...]) -> str:
        symbol = self.argument(index, "an element")
        if symbol not in elements:
            raise self.fail(f"{symbol!r} is not among the elements ({' '.join(elements)})")
        return symbol

    def activations(self, start: int = 0) -> tuple[str, ...]:
        letters = self.arguments[start:]
        for letter in letters:
            if len(letter) != 1 or letter not in ACTIVATIONS:
                raise self.fail(f"unknown activation {letter!r}: expected {' '.join(ACTIVATIONS)}")
        return letters


@dataclass(frozen=True)
class Settings:
    """The keywords of one ``input.nn`` that decide energies, grouped by canonical name."""

    path: Path
    lines: dict[str, list[Line]] = field(default_factory=dict)

    def all(self, keyword: str) -> list[Line]:
        return self.lines.get(keyword, [])

    def one(self, keyword: str) -> Line | None:
        return next(iter(self.all(keyword)), None)

    def of_element(self, keyword: str, element: str) -> list[Line]:
        return [line for line in self.all(keyword) if line.argument(0, "an element") == element]

    def required(self, keyword: str) -> Line:
        line = self.one(keyword)
        if line is None:
            raise InputError(f"{self.path}: keyword {keyword} is missing")
        return line

    def number(self, keyword: str, default: float) -> float:
        line = self.one(keyword)
        return default if line is None else line.number_at(0, "its value")

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.lines


def settings_text(path) -> str:
    """The text of an input.nn; InputError."""
    return read_text(path, "settings of n2p2 or RuNNer (input.nn)", MOST_TEXT)


def read_settings(path: Path, text: str) -> Settings:
    """Parse the text of ``input.nn``; InputError for refused, unknown and repeated keywords.

    What follows a # is a comment; so is, from its first word on, what follows an ! (published folders of RuNNer).
    """
    settings = Settings(path)
    for count, raw in enumerate(text.split("\n"), start=1):
        words = list(takewhile(lambda word: not word.startswith("!"), raw.split("#", 1)[0].split()))
        if not words:
            continue
        line = Line(path, count, words[0], tuple(words[1:]))
        keyword = canonical(words[0])
        if keyword in REFUSED:
            raise line.fail(f"mdcore does not support {REFUSED[keyword]}")
        if keyword not in HANDLED:
            if is_ignored(keyword):
                continue
            near = did_you_mean(keyword, [*HANDLED, *IGNORED])
            raise line.fail(f"unknown keyword{near or '; put # before it if no energy depends on it'}")
        known = settings.lines.setdefault(keyword, [])
        if known and HANDLED[keyword] == "once":
            raise line.fail(f"given twice (first at line {known[0].number})")
        known.append(line)
    return settings


def symmetry_functions(settings: Settings, elements: tuple[str, ...], of: str = "short") -> list[SymmetryFunction]:
    """Every symmetry function of the file, in file order; RuNNer's element and global forms expanded.

    of : "short", or "electrostatic", those of the networks of charges alone
    """
    cutoff_type, alpha = _cutoff(settings)
    functions = []

    def add(line, center, kind, index, neighbors):
        values = {"type": kind, "center": center, "neighbors": neighbors}
        names = [name for name in SYMFUNCTION_ARGUMENTS[kind] if name not in ("e1", "e2")]
        for name in names:
            if name == "subtype":
                values[name] = line.argument(index, "the subtype")
            elif not name.endswith("?") or index < len(line.arguments):
                name = name.rstrip("?")
                values[name] = line.number_at(index, name.rstrip("_"))
            index += 1
        if len(line.arguments) > index:
            raise line.fail(f"too many arguments for type {kind}: expected {_usage(kind)}")
        try:
            functions.append(SymmetryFunction(**values, cutoff_type=cutoff_type, alpha=alpha))
        except InputError as error:
            raise line.fail(str(error)) from None

    for line in settings.all(f"symfunction_{of}"):
        center = line.element_at(0, elements)
        kind = _type(line, 1)
        n_neighbors = sum(name in ("e1", "e2") for name in SYMFUNCTION_ARGUMENTS[kind])
        neighbors = tuple(line.element_at(2 + i, elements) for i in range(n_neighbors))
        add(line, center, kind, 2 + n_neighbors, neighbors)
    for keyword, first in ((f"element_symfunction_{of}", 1), (f"global_symfunction_{of}", 0)):
        for line in settings.all(keyword):
            kind = _type(line, first)
            for center in (line.element_at(0, elements),) if first else elements:
                for neighbors in _combinations(kind, elements):
                    add(line, center, kind, first + 1, neighbors)
    return functions


def _cutoff(settings: Settings) -> tuple[int, float]:
    line = settings.required("cutoff_type")
    cutoff_type = line.integer_at(0, "the cutoff type")
    if not 0 <= cutoff_type <= 8:
        raise line.fail(f"{cutoff_type}: expected 0 to 8")
    alpha, runner = line, settings.one("cutoff_alpha")
    value = line.number_at(1, "the inner cutoff") if len(line.arguments) > 1 else 0.0
    if runner is not None:
        alpha, value = runner, runner.number_at(0, "the inner cutoff")
        if value and cutoff_type in (2, 3):
            raise runner.fail("an inner cutoff of the tanh cutoffs (cutoff_type 2 and 3) is not supported")
    if not 0 <= value < 1:
        raise alpha.fail(f"inner cutoff alpha = {value}: expected 0 <= alpha < 1")
    return cutoff_type, 0.0 if cutoff_type in (2, 3) else value  # n2p2: the tanh cutoffs have no inner part


def _type(line: Line, index: int) -> int:
    kind = line.integer_at(index, "the symmetry function type")
    if kind not in SYMFUNCTION_ARGUMENTS:
        raise line.fail(f"type {kind} is not supported (2, 3, 9, 12, 13, 20 to 25 are)")
    return kind


def _usage(kind: int) -> str:
    names = (name.replace("cutoff", "rc").replace("_", "") for name in SYMFUNCTION_ARGUMENTS[kind])
    return " ".join(f"[<{name[:-1]}>]" if name.endswith("?") else f"<{name}>" for name in names)


def _combinations(kind: int, elements: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The neighbour elements a global function of this type stands for."""
    names = SYMFUNCTION_ARGUMENTS[kind]
    if "e2" in names:
        return [(a, b) for i, a in enumerate(elements) for b in elements[i:]]
    return [(a,) for a in elements] if "e1" in names else [()]


def element_list(settings: Settings) -> tuple[str, ...]:
    """The elements by atomic number."""
    line = settings.required("elements")
    for symbol in line.arguments:
        if symbol not in ATOMIC_NUMBERS:
            raise line.fail(f"unknown element {symbol!r}{did_you_mean(symbol, ATOMIC_NUMBERS)}")
    count = settings.one("number_of_elements")
    stated = len(line.arguments) if count is None else count.integer_at(0, "the number of elements")
    if len(set(line.arguments)) != len(line.arguments) or len(line.arguments) != stated or not stated:
        raise line.fail(f"{len(line.arguments)} given, {stated} distinct elements expected")
    return tuple(sorted(line.arguments, key=ATOMIC_NUMBERS.__getitem__))
