"""What comes with mdcore beside its code: inputs to begin with, potentials, structures.

A clone has potentials and structures in folders of their own; an installed package in its folder `shipped`.
"""

from pathlib import Path

from mdcore.base.files import read_bytes, read_text

PACKAGE = Path(__file__).resolve().parent
TEMPLATES = PACKAGE / "templates"
FOLDERS = (PACKAGE / "shipped", PACKAGE.parent / "potentials", PACKAGE.parent / "inputs")


def templates() -> dict[str, str]:
    """{name: what it simulates, its first line} of the inputs to begin with."""
    return {path.stem: template(path.stem).partition("\n")[0].lstrip("# ") for path in sorted(TEMPLATES.glob("*.toml"))}


def template(name: str) -> str:
    """The text of an input to begin with."""
    return read_text(TEMPLATES / f"{name}.toml")


def content(name: str) -> bytes:
    """The potential or structure of that name; InputError if this installation lacks it."""
    found = next((folder / name for folder in FOLDERS if (folder / name).is_file()), FOLDERS[0] / name)
    return read_bytes(found)
