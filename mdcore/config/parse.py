"""From TOML tables to settings objects: every key known, every value of its kind?"""

from mdcore.base.units import UnitSystem
from mdcore.config import synonyms
from mdcore.config.problems import Problems, instead, meant_by, near_miss, short, suggest
from mdcore.faces import schema
from mdcore.faces.schema import Mismatch, NamedSections, Section, Sections, Table, is_required, keys, toml


class Parser:
    """Converts tables to settings of one unit system; problems are collected, not raised."""

    def __init__(self, problems: Problems, unit_system: UnitSystem, root: type):
        self.problems = problems
        self.labels = unit_system.labels
        self.root = root

    def section(self, cls: type, table, path: tuple, siblings: dict[str, type] | None = None, tag: str = ""):
        """An instance of `cls` from `table`, or None if something in it is wrong.

        `siblings` are the classes that another value of the key `tag` would have chosen.
        """
        if not isinstance(table, dict):
            form = f"[{next(part for part in reversed(path) if isinstance(part, str))}]"
            self.problems.add(
                path, f"expected a section, {form}, with the keys {', '.join(keys(cls))}", table
            )
            return None
        before = len(self.problems.messages)
        known = keys(cls)
        meant = set()  # keys that are there, but misspelt
        for key in table:
            if key not in known:
                self.problems.add((*path, key), self.unknown(cls, key, table[key], siblings, tag, path))
                meant.add(meant_by(key, known))
        values = {}
        for key, field in known.items():
            if key in table:
                values[key] = self.value(field, table[key], (*path, key))
            elif is_required(field) and key not in meant:
                self.problems.add((*path, key), self.required(field))
        if len(self.problems.messages) > before:
            return None
        settings = cls(**values)
        for key, text in settings.check(table) if hasattr(settings, "check") else ():
            self.problems.add((*path, *(int(p) if p.isdigit() else p for p in key.split("."))), text)
        return settings if len(self.problems.messages) == before else None

    def value(self, field, value, path):
        """`value` converted to the kind of `field`; None after a problem."""
        kind = field.metadata["kind"]
        if isinstance(kind, Section):
            return self.section(kind.cls, value, path)
        if isinstance(kind, NamedSections):
            if not isinstance(value, dict):
                self.problems.add(path, f"expected sections [{'.'.join(map(str, path))}.<name>]")
                return None
            return {name: self.section(kind.cls, table, (*path, name)) for name, table in value.items()}
        if isinstance(kind, Sections):
            return self.sections(kind, value, path)
        if isinstance(kind, Table) and isinstance(value, dict):
            return {key: self.simple(field, kind.item, item, (*path, key)) for key, item in value.items()}
        return self.simple(field, kind, value, path)

    def simple(self, field, kind, value, path):
        try:
            return kind.convert(value)
        except Mismatch as mismatch:
            self.problems.add(path, self.expected(field, value, str(mismatch), kind))
            return None

    def sections(self, kind: Sections, value, path):
        if not isinstance(value, list):
            value = [value]
        if not value and kind.single:
            self.problems.add(path, f"at least one section [[{path[-1]}]] is needed")
        return tuple(self.one_of_many(kind, table, (*path, i)) for i, table in enumerate(value))

    def one_of_many(self, kind: Sections, table, path):
        """One table of an array: its class is fixed, or chosen by the tag."""
        if kind.classes is None or not isinstance(table, dict):
            return self.section(kind.cls or next(iter(kind.classes.values())), table, path)
        words = ", ".join(f'"{word}"' for word in kind.classes)
        if kind.tag not in table:
            first = next(iter(kind.classes))
            self.problems.add((*path, kind.tag), f'required, one of {words}, e.g. {kind.tag} = "{first}"')
            return None
        choice = table[kind.tag]
        if not isinstance(choice, str) or choice not in kind.classes:
            hint = instead(kind.tag, choice, kind.classes) if isinstance(choice, str) else ""
            self.problems.add((*path, kind.tag), f"expected one of {words}{hint}")
            return None
        return self.section(kind.classes[choice], table, path, kind.classes, kind.tag)

    def expected(self, field, value, reason: str, kind) -> str:
        """What `field` expects instead of `value`, with an example."""
        unit = self.labels.get(field.metadata["quantity"], "")
        text = reason or f"expected {kind.describe(unit)}"
        if isinstance(value, str) and isinstance(kind, schema.Choice):
            return text + instead(field.name, value, kind.words)
        return text + ("" if reason else self.example(field))

    def example(self, field) -> str:
        example = field.metadata["example"]
        return "" if example is None else f", e.g. {field.name} = {toml(example)}"

    def required(self, field) -> str:
        kind = field.metadata["kind"]
        if isinstance(kind, Section | Sections):
            form = f"[{field.name}]" if isinstance(kind, Section) else f"[[{field.name}]]"
            return f"the section {form} is required: {field.metadata['doc'].lower().rstrip('.')}"
        unit = self.labels.get(field.metadata["quantity"], "")
        return f"required, {kind.describe(unit)}{self.example(field)}"

    def unknown(self, cls, key, value, siblings, tag, path) -> str:
        """Why `key` is not accepted here, and where it would be."""
        if path and (inner := list(dict.fromkeys(_labels_with(key, cls, f"{path[0]}.")))):
            return f"unknown key here; it belongs to {' or '.join(inner)}"
        owners = [choice for choice, cls in (siblings or {}).items() if key in keys(cls)]
        if len(owners) > 3:
            mine = next(choice for choice, other in siblings.items() if other is cls)
            return f"does not apply to {tag} {short(mine)}"
        if owners:
            return f"applies to {tag} {' and '.join(map(short, owners))} only"
        if variants := self.variants_with(key, path):
            return f"applies to {variants} only"
        known = keys(cls)
        if isinstance(value, dict) and (close := near_miss(key, [k for k in known if _classes(known[k])], 0.75)):
            return f"unknown key; did you mean {self.label(close) if cls is self.root else repr(close)}?"
        if cls is self.root and (sections := list(dict.fromkeys(self.sections_with(key)))):
            return f"unknown key here; it belongs to {' or '.join(sections)}"
        if close := meant_by(key, known):
            name = self.label(close) if cls is self.root else f"'{close}'"
            remark = synonyms.REMARKS.get(close, "") if close in synonyms.of_key(key) else ""
            return f"unknown key; did you mean {name}{remark}?"
        if text := synonyms.missing(key):
            return f"unknown key; {text}"
        for word in (key, *synonyms.of_key(key)):
            if sections := list(dict.fromkeys(self.sections_with(word))):
                belongs = f"belongs to {' or '.join(sections)}"
                return f"unknown key here; {'it' if word == key else repr(word) + ' is meant, which'} {belongs}"
        plain = not isinstance(value, dict | list)
        if plain and (close := near_miss(key, _all_keys(self.root), cutoff=0.75)):
            return f"unknown key; did you mean '{close}' of {' or '.join(dict.fromkeys(self.sections_with(close)))}?"
        return f"unknown key; {suggest(key, known)}"

    def variants_with(self, key: str, path: tuple) -> str:
        """Of which types would `key` be right in a section such as ("potential", 0, "pair", 2)? `type "lj"`"""
        kind = keys(self.root)[path[0]].metadata["kind"] if len(path) > 2 else None
        if not (isinstance(kind, Sections) and kind.classes):
            return ""
        fields = {word: keys(cls).get(path[2]) for word, cls in kind.classes.items()}
        words = [word for word, field in fields.items() if field and any(key in keys(c) for c in _classes(field))]
        return f"{kind.tag} {' and '.join(map(short, words))}" if words else ""

    def label(self, key: str) -> str:
        """A key of the top as the user writes it: 'seed', [structure], [[stage]]."""
        field = keys(self.root)[key]
        if not _classes(field):
            return f"'{key}'"
        return f"[[{key}]]" if isinstance(field.metadata["kind"], Sections) else f"[{key}]"

    def sections_with(self, key):
        """Labels of the sections in which `key` would be right."""
        if key in keys(self.root):
            yield "the top of the file" + (f", as {self.label(key)}" if _classes(keys(self.root)[key]) else "")
        yield from _labels_with(key, self.root, "")


def _classes(field) -> list[type]:
    """The classes of the section(s) under this key; none for a plain value."""
    kind = field.metadata["kind"]
    if isinstance(kind, Sections) and kind.classes:
        return list(kind.classes.values())
    return [kind.cls] if isinstance(kind, Section | Sections | NamedSections) else []


def _all_keys(cls) -> set[str]:
    """The keys of a section and of all sections in it."""
    found = set(keys(cls))
    for field in keys(cls).values():
        for inner in _classes(field):
            found |= _all_keys(inner)
    return found


def _labels_with(key, cls, prefix):
    for name, field in keys(cls).items():
        kind, inner = field.metadata["kind"], _classes(field)
        label = prefix + name + (".<name>" if isinstance(kind, NamedSections) else "")
        if any(key in keys(c) for c in inner):
            yield f"[[{label}]]" if isinstance(kind, Sections) else f"[{label}]"
        for c in inner:
            yield from _labels_with(key, c, label + ".")
