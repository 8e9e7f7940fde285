"""What was given instead of an input file, and what is wrong with a line that is no TOML?"""

import difflib
import os
import re
from contextlib import suppress
from pathlib import Path

from mdcore.base.errors import InputError
from mdcore.base.files import read_text

MOST_PROGRAMS, MOST_BYTES = 50, 1 << 20  # that are looked through for what makes a file that is missing
RUN = "stage]"  # what inputs of runs have and those of trainings have not
SCRIPT = re.compile(r"^\s*(pair_style|pair_coeff|atom_style|read_data|units\s+(metal|real|lj)|fix\s+\w+\s+all)\b", re.M)
LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){200}""")
STRUCTURE = 'a structure; name it in an input file, [structure] file = "{name}" (mdcore help input tells how)'
POTENTIAL = (
    'a potential; mdcore info {path} tells what is in it, an input file uses it with [[potential]] type = "hdnnp" '
    'or "density", file = "{name}"'
)
# how a file's name ends -> what it is and what to do with it
KINDS = {
    ".xyz .extxyz .cif .pdb .gro .poscar .contcar .vasp .data .lmp .lammpstrj .dump .traj .mol .sdf": STRUCTURE,
    ".training.h5": "the course of a training; go on with it: mdcore train input.toml --restart",
    ".h5 .hdf5": POTENTIAL,
    ".h5md": "the results of a run: Trajectory in Python, or MDAnalysis, reads them; to go on with the run, give its "
    "input: mdcore run input.toml --restart",
    ".checkpoint .previous": "a checkpoint; the command is: mdcore run input.toml --restart {path}",
    ".py": "a Python program; run it with: python {path}",
    ".json .csv .txt .log .png .pdf .md .nn": "no input file, which is TOML: mdcore help input",
    ".yaml .yml": "YAML; an input file is TOML: mdcore help input",
    ".gz .zip .tar .tgz .bz2 .xz": "packed; unpack it first",
}


def _kind(name: str) -> str | None:
    """What a file of that name is, one of KINDS."""
    for endings, text in KINDS.items():
        if name.lower().endswith(tuple(endings.split())) or (name in ("POSCAR", "CONTCAR") and "poscar" in endings):
            return text
    return None


def is_structure(path: str) -> bool:
    """Is a file named as structures are?"""
    return _kind(os.path.basename(path)) is STRUCTURE


def other_kind(path: str) -> str | None:
    """What a file is that isn't an input, by its name, and what to do with it; None if it may be one."""
    name = os.path.basename(path)
    if text := _kind(name):
        return text.format(path=path, name=name)
    if (name.startswith("in.") and not name.endswith(".toml")) or name.endswith(".in"):
        return "named as scripts of LAMMPS are; an input file is TOML: mdcore help input"
    return None


def absent(path: str) -> str:
    """What to do if there is no input at `path`."""
    folder, name = os.path.split(path)
    for near in dict.fromkeys((folder, ".", "inputs")):
        found = {file.stem: file for file in Path(near).glob("*.toml")}
        if close := difflib.get_close_matches(name.removesuffix(".toml"), sorted(found), n=1, cutoff=0.75):
            return f"no such input file; did you mean {found[close[0]]}?"
    here = os.path.abspath(folder)
    if not os.path.isdir(here):
        return f"no such input file; there is no folder {here}"
    return f"no such input file in {here}; mdcore init lists some to begin with"


def missing(place: str, source: str, what: str = "file") -> str:
    """What to say of a file that an input names and that is not there, and what makes it, if that lies beside it.

    place : where it was looked for; source : the input. A run makes files of its own name (an input of a training with
    that name reads them); a program says in its text which it writes.
    """
    text = f"no such {what}; looked for {place} (the path is relative to the input file)"
    folder, name = os.path.split(place)
    for near in dict.fromkeys((folder, os.path.dirname(source))):
        run = os.path.join(near, f"{os.path.splitext(name)[0]}.toml")
        if not os.path.isfile(run) or os.path.realpath(run) == os.path.realpath(source):
            continue
        with suppress(InputError):
            if RUN in read_text(run, "an input", MOST_BYTES):
                return f"{text}; perhaps made by: mdcore run {run}"
    for program in sorted(Path(folder or ".").glob("*.py"))[:MOST_PROGRAMS]:
        with suppress(InputError):
            if name in read_text(program, "a Python program", MOST_BYTES):
                return f"{text}; perhaps made by: python {program}"
    return text


def not_toml(text: str, line: str) -> str:
    """A hint about an input `text`, of which this `line` is no TOML; empty if there is none."""
    if SCRIPT.search(text):
        return "this looks like a script of LAMMPS; an input of mdcore is TOML: mdcore help input"
    if line.startswith(("{", "<", "---")) or re.match(r"[\w ]+:\s", line):
        return "an input file is TOML, key = value: mdcore help input"
    if line.startswith(("!", "//", ";", "%")):
        return "a comment begins with #"
    section = re.fullmatch(r"\[(\w+)\]\s*(#.*)?", line)
    if section:
        return f"a section that occurs more than once is written [[{section[1]}]], each time"
    match = re.match(r"([\w.-]+)\s*=\s*([^#]*)", line)
    if not match:
        name = re.match(r"([\w.-]+)\s+([^=\s#]+)", line)
        return f"an equals sign is missing: {name[1]} = ..." if name else ""
    key, value = match[1], match[2].strip()
    if value in ("True", "False"):
        return f"write {key} = {value.lower()}"
    if value in ("None", "null", "nil"):
        return "leave the line out: every key that is not required has a default"
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        return f"decimals follow a point: {key} = {value.replace(',', '.')}"
    if exponent := re.fullmatch(r"([+-]?\d*\.?\d+)[dD]([+-]?\d+)", value):
        return f"write {key} = {exponent[1]}e{exponent[2]}"
    if bare := re.fullmatch(r"([+-]?)(\.\d+|\d+\.)", value):
        number = "0" + bare[2] if bare[2][0] == "." else bare[2] + "0"
        return f"write {key} = {bare[1]}{number}"
    if re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?\s*[A-Za-z/%][\w/^%]*", value):
        return f"a number stands alone, its unit is that of the key: {key} = {re.match('[+-]?[0-9.]+', value)[0]}"
    if re.fullmatch(r"[+-]?[\d.]+\s*\*+.*|.*\d\s*[*/^+]\s*\d.*", value):
        return "a value is a number, not a formula"
    if re.fullmatch(r"[\d.]+(\s+[\d.]+)+", value):
        return f"a list is written {key} = [{', '.join(value.split())}]"
    if re.fullmatch(r"\([^()]*\)", value):
        return f"a list is written {key} = [{value[1:-1].strip()}]"
    if re.fullmatch(r"[A-Za-z_][\w./ -]*", value):
        return f'text stands in quotes: {key} = "{value}"'
    return ""


def has_long_key(text: str) -> bool:
    """Has TOML a key with hundreds of points?  The time to read it grows with the square of their number."""
    return LONG_KEY.search(text) is not None
