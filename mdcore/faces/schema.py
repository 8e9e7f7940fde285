"""What may a setting be? Kinds of values, and how a settings field is declared.

A kind knows how to `convert` a TOML value (or raise `Mismatch`), how to `describe`
what it expects in an error message, and its `type_name` in the reference page.
"""

import json
import math
from dataclasses import MISSING, Field, dataclass, field, fields, replace

from mdcore.base.ranges import LARGEST, RANGES, SMALLEST

REQUIRED = MISSING
MOST = 10**15  # largest integer, where nothing else is said
LONGEST = 4096  # characters of a text


class Mismatch(Exception):
    """The value is not what the kind expects; the text, if any, replaces the kind's own description."""


@dataclass(frozen=True)
class Boolean:
    type_name = "boolean"

    def describe(self, unit=""):
        return "true or false"

    def convert(self, value):
        if not isinstance(value, bool):
            raise Mismatch
        return value


@dataclass(frozen=True)
class Text:
    type_name = "text"

    def describe(self, unit=""):
        return "a text in quotes"

    def convert(self, value):
        if not isinstance(value, str) or not value.strip():
            raise Mismatch
        if len(value) > LONGEST or "\0" in value:
            raise Mismatch(f"expected a text of at most {LONGEST} characters, none of them NUL")
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few words; a near miss is suggested."""

    words: tuple[str, ...]

    @property
    def type_name(self):
        return " or ".join(f'"{word}"' for word in self.words)

    def describe(self, unit=""):
        return ("one of " if len(self.words) > 1 else "") + ", ".join(f'"{word}"' for word in self.words)

    def convert(self, value):
        if not isinstance(value, str) or value not in self.words:
            raise Mismatch
        return value


@dataclass(frozen=True)
class Integer:
    minimum: int | None = None
    maximum: int = MOST

    @property
    def type_name(self):
        lower = "" if self.minimum is None else f">= {self.minimum} and "
        upper = {MOST: "<= 10^15", 2**63 - 1: "< 2^63"}.get(self.maximum, f"<= {self.maximum}")
        return f"integer {lower}{upper}"

    def describe(self, unit=""):
        return f"an {self.type_name}" + (f" in {unit}" if unit else "")

    def convert(self, value):
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
            raise Mismatch(f"expected an integer, write {int(value)}")
        if isinstance(value, bool) or not isinstance(value, int):
            raise Mismatch
        if not (-MOST if self.minimum is None else self.minimum) <= value <= self.maximum:
            raise Mismatch
        return value


@dataclass(frozen=True)
class Number:
    """A float, from `minimum` or above zero to `maximum`, or zero itself; integers are accepted.

    least : nothing is nearer to zero, but zero where it is allowed
    """

    minimum: float | None = None
    above: float | None = None
    maximum: float = LARGEST
    least: float = SMALLEST

    @property
    def type_name(self):
        return " ".join(filter(None, self._words()))

    def describe(self, unit=""):
        form, sizes = self._words()
        return " ".join(filter(None, [f"a {form}", f"in {unit}" if unit else "", sizes]))

    def _words(self) -> tuple[str, str]:
        """``number > 0``, and the sizes it may have."""
        bounded = self.minimum is not None or self.above is not None
        if self.minimum or (bounded and self.maximum < LARGEST and self.least == SMALLEST):  # that somebody means
            lower = f"> {self.above:g}" if self.minimum is None else f">= {self.minimum:g}"
            return f"number {lower} and <= {self.maximum:g}", ""
        sizes = f"{self.least:g} to {self.maximum:g}"
        if self.above is not None:
            return f"number > {self.above:g}", f"({sizes})"
        return ("number >= 0", f"(0, or {sizes})") if self.minimum == 0 else ("number", f"(+-{self.maximum:g})")

    def convert(self, value):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Mismatch
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise Mismatch(f"expected a finite {self.type_name}")
        lowest = -LARGEST if self.minimum is None else self.minimum
        if not lowest <= value <= self.maximum or (self.above is not None and value <= self.above):
            raise Mismatch
        if 0.0 < abs(value) < self.least:
            raise Mismatch
        return value + 0.0  # no -0.0


@dataclass(frozen=True)
class List:
    """A list of one kind; a tuple after conversion. Without a fixed length: one or more, none twice (or `repeats`)."""

    item: object
    length: int | None = None
    repeats: bool = False

    @property
    def type_name(self):
        return f"list of {self.length or 'one or more'}: {self.item.type_name}"

    def describe(self, unit=""):
        return f"a list of {self.length or 'one or more'}, each {self.item.describe(unit)}"

    def convert(self, value):
        if not isinstance(value, list | tuple):
            raise Mismatch
        if len(value) != self.length if self.length else not value:
            raise Mismatch
        if self.length is None and not self.repeats and any(item in value[:i] for i, item in enumerate(value)):
            raise Mismatch("an item is listed twice")
        return tuple(self.item.convert(item) for item in value)


@dataclass(frozen=True)
class OneOf:
    """The first kind that takes the value."""

    kinds: tuple

    @property
    def type_name(self):
        return " or ".join(kind.type_name for kind in self.kinds)

    def describe(self, unit=""):
        return ", or ".join(kind.describe(unit) for kind in self.kinds)

    def convert(self, value):
        for kind in self.kinds:
            try:
                return kind.convert(value)
            except Mismatch:
                pass
        raise Mismatch


@dataclass(frozen=True)
class Anything:
    """What only another program can judge."""

    type_name = "any value"

    def describe(self, unit=""):
        return "any value"

    def convert(self, value):
        return value


@dataclass(frozen=True)
class Table:
    """Free keys (such as species names), all values of one simple kind; a dict after conversion."""

    item: object

    @property
    def type_name(self):
        return f"table of {self.item.type_name}"

    def describe(self, unit=""):
        return f"a table {{ key = value, ... }}, each value {self.item.describe(unit)}"

    def convert(self, value):
        if not isinstance(value, dict):
            raise Mismatch
        return {key: self.item.convert(item) for key, item in value.items()}


@dataclass(frozen=True)
class Section:
    """A table whose keys are the settings of ``cls``."""

    cls: type


@dataclass(frozen=True)
class Sections:
    """An array of tables (or one table), each of class ``cls`` or of the class that key ``tag`` chooses."""

    cls: type | None = None
    tag: str | None = None
    classes: dict[str, type] | None = None
    single: bool = False  # accept [name] for a list of one


@dataclass(frozen=True)
class NamedSections:
    """Tables under free names (such as species), each of class ``cls``."""

    cls: type


def setting(
    kind, doc, *, default=REQUIRED, factory=MISSING, default_text=None, quantity=None, ranged=True, example=None
):
    """A dataclass field that is a key of the input file.

    `quantity` names the unit (a key of `UnitSystem.labels`), `default_text` describes a default that
    depends on other settings (the field then holds None until the settings are resolved), `example`
    is a TOML value. Numbers that are a quantity get its range (RANGES), unless theirs is narrower or
    they are not `ranged`.
    """
    metadata = {
        "kind": _within(kind, *RANGES[quantity]) if ranged and quantity in RANGES else kind,
        "doc": doc,
        "quantity": quantity,
        "default_text": default_text,
        "example": example,
    }
    if factory is not MISSING:
        return field(default_factory=factory, metadata=metadata)
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


def _within(kind, least: float, most: float):
    """The kind with the numbers in it no smaller and no larger than that."""
    if isinstance(kind, Number):
        return replace(kind, least=max(least, kind.least), maximum=min(most, kind.maximum))
    if isinstance(kind, OneOf):
        return replace(kind, kinds=tuple(_within(each, least, most) for each in kind.kinds))
    if isinstance(kind, List | Table):
        return replace(kind, item=_within(kind.item, least, most))
    return kind


def keys(cls) -> dict[str, Field]:
    """The keys a section accepts, in the order of their definition."""
    return {f.name: f for f in fields(cls) if "kind" in f.metadata}


def is_required(f: Field) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def toml(value) -> str:
    """``value`` as it would stand in a TOML file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, int) and value.bit_length() > 4096:
        return f"an integer of {value.bit_length()} bits"
    return str(value)
