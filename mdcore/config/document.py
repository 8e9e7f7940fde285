"""What do all input files have in common: where they are, what they say word for word, and what lies beside them?"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from mdcore.config.problems import Origin
from mdcore.faces.schema import List, OneOf, Text, setting


@dataclass(frozen=True, kw_only=True)
class Document:
    """The settings of a whole input file; a subclass has their sections, `output` among them."""

    include: str | tuple[str, ...] = setting(
        OneOf((Text(), List(Text()))),
        "Other input files to begin with, relative to this one; what this one says wins: sections are joined key by "
        "key, arrays of tables replaced as a whole. Paths in them are relative to them.",
        default=(),
        default_text="none",
        example="common.toml",
    )
    origin: Origin = field(default_factory=Origin)  # the document behind the settings
    text: str = ""  # the input file's content, and the overrides of the command line as comments

    @property
    def source(self) -> str:
        """The input file."""
        return self.origin.source

    def beside(self, file: str) -> str:
        """A file that the input names, as seen from the current directory."""
        return beside_input(self.source, file)

    def output_path(self, suffix: str) -> str:
        """``<directory>/<name><suffix>``"""
        return os.path.normpath(os.path.join(self.output.directory, self.output.name + suffix))


def beside_input(source: str, file: str) -> str:
    """`file`, which an input at `source` names, as seen from the current directory."""
    return os.path.join(os.path.dirname(source), os.path.expanduser(file))


def check_name(name: str | None) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) with the `name` of output files."""
    if name is not None and (os.path.basename(name) != name or name in (".", "..")):
        yield "name", 'a name, not a path; give the folder as directory = "..."'
    elif name is not None and not name.isprintable():
        yield "name", "expected printable characters: no line breaks, no control characters"
