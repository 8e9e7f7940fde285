"""Does every malformed input end in one message that names where, what and the cure, and in its exit code?

Each row: a name; how a good input is spoiled; the fragments the message must contain. Whatever goes
wrong, there is no traceback, and no file of the folder changes.
"""

import errno
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mdcore.cli import main
from mdcore.cli.run import run  # noqa: F401  (everything is imported before tests patch it)
from mdcore.output import checkpoint
from mdcore.output.lock import RunLock, lock_path

GOOD = """\
title = "liquid argon"
units = "metal"
seed = 1

[structure]
build = "fcc"
species = "Ar"
lattice_constant = 5.26
replicate = [2, 2, 2]

[velocities]
temperature = 94.4

[potential]
type = "lj"
cutoff = 5.0

[potential.species.Ar]
epsilon = 0.0104
sigma = 3.40

[[stage]]
name = "equilibrate"
ensemble = "langevin"
timestep = 2.0
steps = 5
temperature = 94.4
friction = 0.001

[[stage]]
name = "produce"
ensemble = "nve"
timestep = 4.0
steps = 6

[output]
thermo_every = 10
"""


@dataclass
class Bad:
    """One malformed input.

    edits : old text -> new text in the good input (the empty old text: append)
    text : the whole input instead; bytes are written as they are; None: there is no input file
    says : fragments the message must contain
    """

    name: str
    says: tuple
    edits: dict = field(default_factory=dict)
    text: str | bytes | None = GOOD
    args: tuple = ("run", "argon.toml")
    code: int = 2
    files: dict = field(default_factory=dict)

    def write(self, folder: Path):
        text = self.text
        for old, new in self.edits.items():
            assert old in text, f"{old!r} is not in the good input"
            text = text + new if not old else text.replace(old, new, 1)
        if isinstance(text, bytes):
            (folder / "argon.toml").write_bytes(text)
        elif text is not None:
            (folder / "argon.toml").write_text(text)
        for name, content in self.files.items():
            (folder / name).write_text(content)


def edit(name, old, new, *says, **more):
    return Bad(name, says, {old: new}, **more)


def override(name, item, *says):
    return Bad(name, says, args=("run", "argon.toml", "--set", item))


STRUCTURE = GOOD[GOOD.index("[structure]") : GOOD.index("[velocities]")]
FCC = 'build = "fcc"\nspecies = "Ar"\nlattice_constant = 5.26\n'
LJ = GOOD[GOOD.index("[potential]") : GOOD.index("[[stage]]")]
ZBL = '[potential]\ntype = "zbl"\ninner = 1.0\ncutoff = 2.0\n\n'
TWO_PAIRS = '[[potential.pair]]\nspecies = ["Ar", "Ar"]\nepsilon = 0.01\nsigma = 3.4\n' * 2

SYNTAX = [
    Bad("no such input", ("argon.toml: no such input file in ", "mdcore init"), text=None),
    Bad("input is a folder", ("is a directory",), args=("run", ".")),
    Bad("not text", ("argon.toml: not a text file in UTF-8, nor in UTF-16",), text=b"\xff\xfe\x00title!"),
    Bad("empty file", ("[structure]", "[[potential]]", "[[stage]]", "required"), text=""),
    edit(
        "not TOML",
        "seed = 1",
        "seed = ",
        "argon.toml: line 3, column",
        "Invalid value",
        "the line is: seed =",
    ),
    edit("quote not closed", '"metal"', '"metal', "argon.toml: line 2", 'units = "metal'),
    edit("key twice", "seed = 1", "seed = 1\nseed = 2", "argon.toml: line 4", "overwrite"),
    edit("section twice", "[velocities]", "[structure]", "argon.toml: line 11", "[structure]"),
    edit("text without quotes", '"fcc"', "fcc", "argon.toml: line 6", "build = fcc"),
    edit("section not closed", "[output]", "[output", "argon.toml: line", "[output"),
    Bad("not an input at all", ("argon.toml: line 1",), text="HEADER    WATER\nATOM 1\n"),
]

KEYS = [
    edit(
        "unknown key",
        "cutoff = 5.0",
        "cutof = 5.0",
        "[potential] cutof = 5.0: unknown key; did you mean 'cutoff'?",
    ),
    edit("unknown key at the top", "title =", "titel =", 'titel = "liquid argon": unknown key', "'title'"),
    edit(
        "unknown section", "[velocities]", "[velocity]", "[velocity]: unknown key; did you mean [velocities]?"
    ),
    edit("unknown key far from any", "seed = 1", "foo = 1", "foo = 1: unknown key", "title, units, seed"),
    edit(
        "key of another section",
        "[velocities]",
        "[velocities]\nthermo_every = 5",
        "[velocities] thermo_every = 5",
        "belongs to [[stage]] or [output]",
    ),
    edit(
        "key of a section inside",
        "cutoff = 5.0",
        "cutoff = 5.0\nsigma = 3.4",
        "[potential] sigma = 3.4",
        "belongs to [potential.species.<name>]",
    ),
    edit(
        "key of another ensemble",
        "timestep = 4.0",
        "timestep = 4.0\nfriction = 0.1",
        "[[stage]] #2 friction = 0.1",
        'applies to ensemble "langevin" only',
    ),
    edit(
        "nve key in langevin",
        "friction = 0.001",
        "friction = 0.001\nzero_momentum = true",
        "[[stage]] #1 zero_momentum = true",
        'applies to ensemble "nve" and "npt" and "nvt" only',
    ),
    edit("key missing", "timestep = 4.0\n", "", "[[stage]] #2 timestep: required", "in fs", "timestep = 2.0"),
    edit("friction missing", "friction = 0.001\n", "", "[[stage]] #1 friction: required", "1/fs"),
    edit("ensemble missing", 'ensemble = "nve"\n', "", "[[stage]] #2 ensemble: required", '"langevin"'),
    edit("potential type missing", 'type = "lj"\n', "", "[potential] type: required", '"lj"'),
    edit(
        "no potential",
        GOOD[GOOD.index("[potential]") : GOOD.index("[[stage]]")],
        "",
        "[[potential]] is required",
    ),
    edit("no stage", GOOD[GOOD.index("[[stage]]") : GOOD.index("[output]")], "", "[[stage]] is required"),
    edit("no structure", STRUCTURE, "", "[structure] is required"),
    edit(
        "empty list of stages",
        GOOD[GOOD.index("[[stage]]") :],
        "",
        "at least one section [[stage]]",
        text="stage = []\n" + GOOD,
    ),
    edit("epsilon missing", "epsilon = 0.0104\n", "", "[potential] species.Ar.epsilon: required", "in eV"),
    edit(
        "section is a value",
        "[velocities]\ntemperature = 94.4",
        "",
        "velocities = 300: expected a section",
        "[velocities]",
        "temperature",
        text="velocities = 300\n" + GOOD,
    ),
    edit("stage is a value", GOOD[GOOD.index("[[stage]]") :], "", "[stage]", text='stage = "nve"\n' + GOOD),
    edit(
        "species is a value",
        "[potential.species.Ar]\n",
        "species = 'Ar'\n",
        "[potential] species",
        "[potential.species.<name>]",
    ),
]

VALUES = [
    edit(
        "number as text",
        "timestep = 4.0",
        'timestep = "4fs"',
        '[[stage]] #2 timestep = "4fs": expected a number > 0 in fs (1e-09 to 1e+06), e.g. timestep = 2.0',
    ),
    edit("text as number", 'species = "Ar"', "species = 18", "[structure] species = 18", "text in quotes"),
    edit("negative cutoff", "cutoff = 5.0", "cutoff = -5.0", "[potential] cutoff = -5.0", "> 0 in Angstrom"),
    edit("zero timestep", "timestep = 2.0", "timestep = 0", "[[stage]] #1 timestep = 0", "> 0 in fs"),
    edit("negative steps", "steps = 6", "steps = -6", "[[stage]] #2 steps = -6", "integer >= 0"),
    edit(
        "steps not an integer", "steps = 6", "steps = 1e6", "[[stage]] #2 steps = 1000000.0", "write 1000000"
    ),
    edit("steps a fraction", "steps = 6", "steps = 6.5", "[[stage]] #2 steps = 6.5", "integer"),
    edit("boolean for an integer", "seed = 1", "seed = true", "seed = true", "expected an integer"),
    edit(
        "integer for a boolean",
        "[output]",
        "[output]\ncompression = 1",
        "[output] compression = 1",
        "true or false",
    ),
    edit("negative seed", "seed = 1", "seed = -1", "seed = -1", ">= 0"),
    edit("huge seed", "seed = 1", "seed = 9223372036854775808", "seed = 9223372036854775808", "2^63"),
    edit("not a number", "cutoff = 5.0", "cutoff = nan", "[potential] cutoff = nan", "finite number"),
    edit("infinite", "temperature = 94.4", "temperature = inf", "[velocities] temperature = inf", "finite"),
    edit(
        "number too large for a float",
        "cutoff = 5.0",
        "cutoff = 1" + 400 * "0",
        "[potential] cutoff",
        "finite",
    ),
    edit(
        "negative temperature",
        "temperature = 94.4",
        "temperature = -1",
        "[velocities] temperature = -1",
        "in K",
    ),
    edit("zero friction", "friction = 0.001", "friction = 0.0", "[[stage]] #1 friction = 0.0", "> 0 in 1/fs"),
    edit(
        "ramp of three",
        "temperature = 94.4\nfriction",
        "temperature = [1, 2, 3]\nfriction",
        "[[stage]] #1 temperature = [1, 2, 3]",
        "list of 2",
    ),
    edit(
        "ramp below zero",
        "temperature = 94.4\nfriction",
        "temperature = [300, -1]\nfriction",
        "[[stage]] #1 temperature = [300, -1]",
        ">= 0",
    ),
    edit(
        "unknown units", '"metal"', '"metall"', 'units = "metall"', '"metal", "lj"', "did you mean 'metal'?"
    ),
    edit("unknown crystal", '"fcc"', '"fc"', '[structure] build = "fc"', "did you mean 'fcc'?"),
    edit("unknown ensemble", '"nve"', '"nph"', '[[stage]] #2 ensemble = "nph"', '"nve", "langevin"'),
    edit("ensemble not a text", '"nve"', "5", "[[stage]] #2 ensemble = 5", '"nve", "langevin"'),
    edit("unknown potential", '"lj"', '"reaxff"', '[potential] type = "reaxff"', 'expected one of "lj"'),
    edit(
        "unknown truncation",
        "cutoff = 5.0",
        'cutoff = 5.0\ntruncation = "shift"',
        '[potential] truncation = "shift"',
        "did you mean 'shifted'?",
    ),
    edit(
        "unknown mixing",
        "cutoff = 5.0",
        'cutoff = 5.0\nmixing = "berthelot"',
        "[potential] mixing",
        "geometric",
    ),
    edit("two copies only", "[2, 2, 2]", "[2, 2]", "[structure] replicate = [2, 2]", "list of 3"),
    edit("no copies", "[2, 2, 2]", "[2, 0, 2]", "[structure] replicate = [2, 0, 2]", ">= 1"),
    edit("replicate is a number", "[2, 2, 2]", "2", "[structure] replicate = 2", "[6, 6, 6]"),
    edit(
        "periodic is a text",
        "[2, 2, 2]",
        '[2, 2, 2]\nperiodic = "xy"',
        '[structure] periodic = "xy"',
        "true or false",
    ),
    edit(
        "mass of nothing",
        "[2, 2, 2]",
        "[2, 2, 2]\nmasses = { Ar = 0 }",
        "[structure] masses.Ar = 0",
        "> 0",
    ),
    edit("zbl without inner", LJ, ZBL.replace("inner = 1.0\n", ""), "[potential] inner: required", "in Angstrom"),
    edit("negative inner", LJ, ZBL.replace("1.0", "-1"), "[potential] inner = -1: expected a number >= 0 in Angstrom"),
    edit(
        "atomic number of nothing",
        LJ,
        ZBL + "numbers = { Ar = 0 }\n",
        "[potential] numbers.Ar = 0: expected an integer >= 1 and <= 118",
    ),
    edit("key of another potential", LJ, ZBL + "mixing = 'none'\n", '[potential] mixing = "none"', '"lj" only'),
    edit("zero sigma", "sigma = 3.40", "sigma = 0", "[potential] species.Ar.sigma = 0", "> 0 in Angstrom"),
    edit("negative epsilon", "epsilon = 0.0104", "epsilon = -1", "species.Ar.epsilon = -1", ">= 0 in eV"),
    edit("negative interval", "thermo_every = 10", "thermo_every = -1", "[output] thermo_every = -1", ">= 0"),
    edit(
        "unknown field",
        "[output]",
        '[output]\ntrajectory_fields = ["pos"]',
        "[output] trajectory_fields",
        '"position"',
    ),
    edit("field twice", "[output]", '[output]\ntrajectory_fields = ["force", "force"]', "listed twice"),
    edit(
        "grid of two", "[output]", "[parallel]\ngrid = [2, 2]\n[output]", "[parallel] grid = [2, 2]", '"auto"'
    ),
    edit("skin of zero", "[output]", "[neighbors]\nskin = 0\n[output]", "[neighbors] skin = 0", "> 0"),
    edit("date as a title", '"liquid argon"', "1979-05-27", "title = 1979-05-27", "text in quotes"),
    edit(
        "units of the message follow the input",
        'units = "metal"',
        'units = "lj"\nneighbors = { skin = -1 }',
        "skin = -1",
        "in sigma",
    ),
]

SENSE = [
    edit(
        "two stages with one name",
        '"produce"',
        '"equilibrate"',
        '[[stage]] #2 name = "equilibrate"',
        "stage #1",
    ),
    edit(
        "name of an unnamed stage",
        'name = "equilibrate"',
        'name = "stage2"',
        "[[stage]] #2 name",
        "stage #1 has",
        text=GOOD.replace('name = "produce"\n', ""),
    ),
    edit(
        "file and build",
        'build = "fcc"',
        'build = "fcc"\nfile = "argon.toml"',
        '[structure] build = "fcc"',
        "choose one",
    ),
    edit("neither file nor build", 'build = "fcc"\n', "", "[structure] file: no structure", 'build = "fcc"'),
    edit("species missing", 'species = "Ar"\n', "", "[structure] species: required to build fcc"),
    edit(
        "no size of the crystal",
        "lattice_constant = 5.26\n",
        "",
        "[structure] lattice_constant: required",
        "density",
    ),
    edit(
        "two sizes of the crystal",
        "lattice_constant = 5.26",
        "lattice_constant = 5.26\ndensity = 1.4",
        "[structure] density = 1.4",
        "choose one",
    ),
    edit(
        "c over a of a cubic crystal",
        "lattice_constant = 5.26",
        "lattice_constant = 5.26\nc_over_a = 1.6",
        "[structure] c_over_a = 1.6",
        "hcp",
    ),
    edit("frame of a crystal", '"fcc"', '"fcc"\nframe = 0', "[structure] frame = 0", "from a file only"),
    edit(
        "lattice constant of a file",
        'build = "fcc"',
        'file = "argon.toml"',
        "[structure] lattice_constant = 5.26",
        "built crystal",
    ),
    edit(
        "no such structure file",
        FCC,
        'file = "water.extxyz"\n',
        '[structure] file = "water.extxyz"',
        "no such file",
        "relative to the input file",
    ),
    edit("structure file is a folder", FCC, 'file = "."\n', "[structure] file", "is a directory"),
    edit(
        "no such element",
        'species = "Ar"',
        'species = "Arg"',
        '[structure] species = "Arg"',
        "no chemical element",
        "masses = { Arg =",
    ),
    edit(
        "mass of another species",
        "[2, 2, 2]",
        "[2, 2, 2]\nmasses = { Kr = 84 }",
        "[structure] masses.Kr = 84",
        "no such species",
        "Ar",
    ),
    edit(
        "rotation without temperature",
        "temperature = 94.4",
        "zero_rotation = true",
        "[velocities] zero_rotation = true",
        "temperature",
    ),
    edit("inner beyond the cutoff", LJ, ZBL.replace("1.0", "2"), "[potential] inner = 2: must be less than the cutoff"),
    edit(
        "inner of a pair beyond its cutoff",
        LJ,
        ZBL + '[[potential.pair]]\nspecies = ["Ar", "Ar"]\ninner = 1.0\ncutoff = 0.5\n',
        "[potential] pair #1 inner = 1.0: must be less than the cutoff, 0.5",
    ),
    edit(
        "a pair of another species",
        LJ,
        ZBL + '[[potential.pair]]\nspecies = ["Ar", "Kr"]\ninner = 1.0\ncutoff = 1.5\n',
        "no species 'Kr' in the structure, which has Ar",
    ),
    edit("zbl in lj units", '"metal"', '"lj"', 'type = "zbl"', 'with units = "metal"', text=GOOD.replace(LJ, ZBL)),
    edit(
        "number of another species",
        LJ,
        ZBL + "numbers = { Ow = 8 }\n",
        "[potential] numbers.Ow = 8: no such species in the structure, which has Ar",
    ),
    edit(
        "species without a number",
        'species = "Ar"',
        'species = "Ow"\nmasses = { Ow = 16 }',
        "[potential] numbers: species Ow is no chemical element",
        "numbers = { Ow = ... }",
        text=GOOD.replace(LJ, ZBL),
    ),
    edit(
        "no parameters at all",
        GOOD[GOOD.index("[potential.species") : GOOD.index("[[stage]]")],
        "",
        "[potential] species: no parameters",
    ),
    edit(
        "element without parameters",
        "species.Ar]",
        "species.Kr]",
        "[potential] species.Ar",
        "has no parameters",
        "[potential.species.Ar]",
    ),
    edit("pair twice", "[[stage]]", TWO_PAIRS + "[[stage]]", "[potential] pair #2 species", "given before"),
    edit(
        "pair of another species",
        "[[stage]]",
        TWO_PAIRS.replace("Ar", "Ne", 1)[: len(TWO_PAIRS) // 2] + "[[stage]]",
        "[potential] pair #1 species",
        "no species 'Ne'",
    ),
    edit(
        "tail of a shifted potential",
        "cutoff = 5.0",
        'cutoff = 5.0\ntruncation = "shifted"\ntail_corrections = true',
        "[potential] tail_corrections = true",
        'truncation = "cut"',
    ),
    edit(
        "output name is a path", "[output]", '[output]\nname = "a/b"', '[output] name = "a/b"', "directory ="
    ),
    edit(
        "limit below the temperature",
        "[output]",
        "[limits]\nmax_temperature = 50\n[output]",
        "[limits] max_temperature = 50",
        "94.4",
    ),
    edit(
        "analysis without a trajectory",
        "[output]",
        "[analysis]\n[output]",
        "[analysis]",
        'stage "produce"',
        "trajectory_every = 20",
    ),
    edit(
        "analysis of no stage",
        "[output]",
        '[analysis]\nstage = "prod"\n[output]',
        '[analysis] stage = "prod"',
        "equilibrate, produce",
    ),
    edit(
        "analysis of nothing",
        "[output]",
        "[analysis]\nrdf = false\ndiffusion = false\n[output]",
        "[analysis] rdf",
        "nothing to analyse",
    ),
    edit(
        "analysis of no frames",
        "[output]",
        "[analysis]\n[output]\ntrajectory_every = 100",
        "[[stage]] #2",
        "6 steps only",
    ),
    edit(
        "analysis without positions",
        "[output]",
        '[analysis]\n[output]\ntrajectory_every = 1\ntrajectory_fields = ["force"]',
        "[output] trajectory_fields",
        '"position"',
    ),
    edit(
        "bins of nothing",
        "[output]",
        "[analysis]\nrdf = false\nrdf_bins = 10\n[output]",
        "[analysis] rdf_bins = 10",
        "rdf = true only",
    ),
]

COMMANDS = [
    override("override without a value", "seed", "--set seed: expected section.key=value"),
    override("override without a key", "=5", "--set =5: expected section.key=value"),
    override("override of an unknown key", "output.nam=x", "--set output.nam=x", "did you mean 'name'?"),
    override(
        "override of the wrong type",
        "stage.0.steps=many",
        "--set stage.0.steps=many",
        '[[stage]] #1 steps = "many"',
    ),
    override("override of no stage", "stage.5.steps=1", "--set stage.5.steps=1", "the last is 1"),
    override(
        "override of a misspelt stage",
        "stage.prod.steps=1",
        "--set stage.prod.steps=1",
        "did you mean 'produce'?",
    ),
    override("override of a value's key", "seed.x=1", "--set seed.x=1", "'seed' is a value"),
    override(
        "override with bad TOML",
        "structure.replicate=[1,2",
        "--set structure.replicate=[1,2",
        "not valid TOML",
    ),
    override("override with a bad key", "a..b=1", "--set a..b=1", "is no key"),
    override("override of a whole stage", "stage.0=1", "--set stage.0=1", "whole section"),
    Bad("unknown option", ("unrecognized arguments: --fast", "--help"), args=("run", "argon.toml", "--fast")),
    Bad("no input named", ("required: INPUT", "mdcore run --help"), args=("run",)),
    Bad("unknown command", ("invalid choice: 'rum'",), args=("rum", "argon.toml")),
    Bad(
        "restart and overwrite",
        ("not allowed with argument",),
        args=("run", "argon.toml", "--restart", "--overwrite"),
    ),
    Bad(
        "check finds the same",
        ("argon.toml: [potential] cutoff = -1",),
        {"cutoff = 5.0": "cutoff = -1"},
        args=("check", "argon.toml"),
    ),
]


DIMER = """2
Lattice="20 0 0 0 20 0 0 0 20" Properties=species:S:1:pos:R:3 pbc="T T T"
Ar 1.0 2.0 3.0
Ar {x} 2.0 3.0
"""


def structure(name, content, *says, file="dimer.extxyz", more="", edits=None, **rest):
    """The structure comes from a file with this content."""
    edits = {FCC: f'file = "{file}"\n{more}', "replicate = [2, 2, 2]": "", **(edits or {})}
    return Bad(name, says, edits, files={file: content}, **rest)


STRUCTURES = [
    structure("atoms at one place", DIMER.format(x=1.0), "atoms 0 (Ar) and 1 (Ar)", "the same place"),
    structure("atoms almost at one place", DIMER.format(x=1.01), "0.01 Angstrom apart", "unit of length"),
    structure(
        "position is not a number", DIMER.format(x="nan"), "[structure] file", "dimer.extxyz", "finite"
    ),
    structure("position is a word", DIMER.format(x="here"), "[structure] file", "dimer.extxyz"),
    structure("file of no atoms", "0\n\n", "[structure] file", "dimer.extxyz", "atoms"),
    structure("empty structure file", "", "[structure] file", "dimer.extxyz"),
    structure("structure file cut short", DIMER.format(x=4.0)[:-20], "[structure] file", "dimer.extxyz"),
    structure(
        "number of atoms is a word", "two" + DIMER.format(x=4.0)[1:], "[structure] file", "dimer.extxyz"
    ),
    structure(
        "no such frame", DIMER.format(x=4.0), "[structure] file", "dimer.extxyz", "frame", more="frame = 7\n"
    ),
    structure(
        "cell without a volume", DIMER.format(x=4.0).replace("20 0 0 0 20", "20 0 0 20 0"), "[structure] file"
    ),
    structure(
        "species in the file without parameters",
        DIMER.format(x=4.0).replace("Ar 1", "Kr 1"),
        "[potential] species.Kr",
        "no parameters",
        "[potential.species.Kr]",
    ),
    structure(
        "unknown element in the file", DIMER.format(x=4.0).replace("Ar 1", "Q 1"), "'Q'", "masses = { Q ="
    ),
    structure(
        "another format without ASE",
        "HEADER\n",
        "dimer.pdb",
        "ASE",
        'pip install "mdcore[ase]"',
        file="dimer.pdb",
    ),
    structure(
        "own input as an output",
        DIMER.format(x=4.0),
        "[output] name",
        "write over its own input",
        edits={"thermo_every = 10": 'dump_every = 1\nname = "dimer"'},
        args=("run", "argon.toml", "--overwrite"),
    ),
    structure(
        "mass of nobody in the file",
        DIMER.format(x=4.0),
        "[structure] masses.Kr = 84.0",
        "no such species",
        more="masses = { Kr = 84.0 }\n",
    ),
    edit(
        "tail correction of a slab",
        "cutoff = 5.0",
        "cutoff = 5.0\ntail_corrections = true",
        "[potential] tail_corrections = true",
        "fully periodic",
        "a, b",
        text=GOOD.replace("[2, 2, 2]", "[2, 2, 2]\nperiodic = [true, true, false]"),
    ),
    edit(
        "constant pressure of a slab",
        'ensemble = "nve"',
        'ensemble = "npt"\ntemperature = 94.4\nrelaxation = 100\npressure = 0.0\npressure_relaxation = 1000\n'
        "compressibility = 1.0",
        "[[stage]]",
        "axes: the cell changes along its free vector c",
        "a, b",
        text=GOOD.replace("[2, 2, 2]", "[2, 2, 2]\nperiodic = [true, true, false]"),
    ),
    edit(
        "strain that leaves nothing",
        'ensemble = "nve"',
        'ensemble = "nve"\nstrain_rate = [0, 0, -1.0, 0, 0, 0]',
        "strain_rate = [0, 0, -1.0, 0, 0, 0]",
        "leaves the cell no volume",
    ),
    edit(
        "strain of a cluster",
        'ensemble = "nve"',
        'ensemble = "nve"\nstrain_rate = [0, 0, 1e-6, 0, 0, 0]',
        "strain_rate = [0, 0, 1e-06, 0, 0, 0]",
        "along its free vector a",
        "a cluster",
        text=GOOD.replace("[2, 2, 2]", "[2, 2, 2]\nperiodic = false"),
    ),
    edit(
        "radial distribution of a cluster",
        "[output]",
        "[analysis]\n[output]\ntrajectory_every = 1",
        "[analysis] rdf",
        "a cluster",
        "rdf = false",
        text=GOOD.replace("[2, 2, 2]", "[2, 2, 2]\nperiodic = false"),
    ),
    edit(
        "rotation of a periodic system",
        "temperature = 94.4",
        "temperature = 94.4\nzero_rotation = true",
        "[velocities] zero_rotation = true",
        "rotate",
    ),
    edit(
        "grid of more domains than ranks",
        "[output]",
        "[parallel]\ngrid = [2, 1, 1]\n[output]",
        "[parallel] grid = [2, 1, 1]: 2 domains for 1 rank",
        "mpirun -n 2",
    ),
    edit(
        "time step far too long",
        "timestep = 2.0",
        "timestep = 2000.0",
        "atom",
        "step 1",
        "smaller timestep",
        code=3,
    ),
    edit(
        "explosion",
        "[output]",
        "[limits]\nmax_temperature = 95\n[output]",
        "the temperature is",
        "atom",
        "max_temperature",
        text=GOOD.replace("friction = 0.001", "friction = 0.5").replace("steps = 5", "steps = 500"),
        code=3,
    ),
]

EXISTING = [
    Bad(
        "results exist",
        ("argon.h5md: results exist, but no checkpoint to --restart from; replace them with --overwrite",),
        code=4,
        files={"argon.h5md": "precious"},
    ),
    Bad(
        "a checkpoint exists",
        ("argon.checkpoint: results exist; continue the run with --restart, replace them",),
        code=4,
        files={"argon.checkpoint": "precious"},
    ),
    edit(
        "a dump exists",
        "[output]",
        "[output]\ndump_every = 1",
        "argon.extxyz: results exist",
        code=4,
        files={"argon.extxyz": "precious"},
    ),
    edit(
        "an analysis exists",
        "[output]",
        "[analysis]\n[output]\ntrajectory_every = 1",
        "argon.analysis.json",
        code=4,
        files={"argon.analysis.json": "{}"},
    ),
    edit(
        "output folder is a file",
        "[output]",
        '[output]\ndirectory = "out"',
        '[output] directory = "out"',
        code=4,
        files={"out": "precious"},
    ),
    Bad(
        "no checkpoint to continue",
        ("argon.checkpoint: no such checkpoint, nothing to go on from; start without --restart",),
        code=4,
        args=("run", "argon.toml", "--restart"),
    ),
    Bad(
        "no such checkpoint",
        ("there.checkpoint", "no such checkpoint"),
        code=4,
        args=("run", "argon.toml", "--restart", "there.checkpoint"),
    ),
    Bad(
        "not a checkpoint",
        ("argon.checkpoint", "not a checkpoint"),
        code=4,
        files={"argon.checkpoint": "hello"},
        args=("run", "argon.toml", "--restart"),
    ),
]

TABLE = SYNTAX + KEYS + VALUES + SENSE + COMMANDS + STRUCTURES + EXISTING


def contents(folder: Path) -> dict:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fails(bad: Bad, capsys) -> str:
    """Run the command in the current folder, see that it ends as `bad` says, and return its message."""
    before = contents(Path.cwd())
    code = main(list(bad.args))
    err = capsys.readouterr().err
    assert code == bad.code, err
    assert err.startswith("mdcore: error: "), err
    assert err.count("mdcore: error:") == 1
    assert "Traceback" not in err and "internal error" not in err
    for fragment in bad.says:
        assert fragment in err
    assert not re.search(r"<[a-z_]+ object|MISSING|None", err), err
    after = contents(Path.cwd())
    assert {name: after.get(name) for name in before} == before, "a file changed"
    if code == 2:
        assert after.keys() == before.keys(), "a file was written"
    return err


def test_the_table_is_long_and_its_names_are_unique():
    assert len(TABLE) >= 60
    assert len({bad.name for bad in TABLE}) == len(TABLE)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MDCORE_DEBUG", raising=False)
    return tmp_path


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name)
def test_bad_input(bad, folder, monkeypatch, capsys):
    if "without ASE" in bad.name:
        monkeypatch.setitem(sys.modules, "ase", None)
        monkeypatch.setitem(sys.modules, "ase.io", None)
    bad.write(folder)
    fails(bad, capsys)


# --- a run that was good ---------------------------------------------------------------------------

SAVING = GOOD.replace("[output]", "[output]\ntrajectory_every = 2\ndump_every = 2\ncheckpoint_every = 4")


@pytest.fixture
def finished(folder, capsys):
    """A folder with the results of a good run."""
    Bad("", (), text=SAVING).write(folder)
    assert main(["run", "argon.toml", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    return folder


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = [
    ("truncated", truncated, ("damaged checkpoint", "bytes", "argon.checkpoint.previous")),
    ("one bit wrong", damaged, ("damaged checkpoint", "checksum")),
    ("empty", lambda content: b"", ("not a checkpoint",)),
    (
        "of the future",
        lambda content: content.replace(b"checkpoint 1", b"checkpoint 9"),
        ("format 9", "reads 1"),
    ),
]


@pytest.mark.parametrize(("name", "damage", "says"), DAMAGES, ids=[name for name, *_ in DAMAGES])
def test_bad_checkpoint(name, damage, says, finished, capsys):
    path = finished / "argon.checkpoint"
    path.write_bytes(damage(path.read_bytes()))
    fails(Bad(name, ("argon.checkpoint", *says), args=("run", "argon.toml", "--restart"), code=4), capsys)


CHANGES = [
    ("seed", ["--set", "seed=9"], 2, ("--set seed=9: seed = 9", "seed = 1", "--restart")),
    ("units", ["--set", "units=lj"], 2, ("--set units=lj", "units = metal")),
    (
        "fewer steps",
        ["--set", "stage.0.steps=1", "--set", "stage.1.steps=1"],
        2,
        ("step 11", "end at step 2"),
    ),
    (
        "other species",
        ["--set", "structure.species=Kr", "--set", "potential.species={Kr={epsilon=0.01,sigma=3}}"],
        2,
        ("species.Ar", "has no parameters"),
    ),
]


@pytest.mark.parametrize(("name", "sets", "code", "says"), CHANGES, ids=[name for name, *_ in CHANGES])
def test_checkpoint_of_another_run(name, sets, code, says, finished, capsys):
    fails(Bad(name, says, args=("run", "argon.toml", "--restart", *sets), code=code), capsys)


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("module", ["h5md", "checkpoint", "dump"])
def test_full_disk(module, folder, monkeypatch, capsys):
    """A disk that is full from the start: what is on it stays as it is."""
    Bad("", (), text=SAVING).write(folder)
    if module == "dump":
        monkeypatch.setattr("mdcore.output.dump.write_frame", no_space)
    else:
        call = {"h5md": "allocate", "checkpoint": "_write_file"}[module]
        monkeypatch.setattr(f"mdcore.output.{module}.{call}", no_space)
    suffix = {"h5md": ".h5md", "checkpoint": ".checkpoint", "dump": ".extxyz"}[module]
    bad = Bad("full disk", (f"argon{suffix}", "No space left on device"), code=4, args=("run", "argon.toml"))
    fails(bad, capsys)
    assert not [name for name in os.listdir(folder) if "tmp" in name or "lock" in name]


def test_disk_that_fills_up_keeps_the_last_checkpoint(folder, monkeypatch, capsys):
    Bad("", (), text=SAVING).write(folder)
    write = checkpoint._write_file
    calls = []

    def second_fails(*arguments):
        calls.append(arguments)
        return write(*arguments) if len(calls) == 1 else no_space()

    monkeypatch.setattr("mdcore.output.checkpoint._write_file", second_fails)
    fails(Bad("", ("argon.checkpoint", "No space left", "the checkpoint before is intact"), code=4), capsys)
    assert checkpoint.read("argon.checkpoint")["step"] == 4
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert main(["run", "argon.toml", "--quiet", "--restart"]) == 0


def test_broken_physics_keeps_the_last_checkpoint(finished, capsys):
    sets = [
        "--set",
        "stage.produce.timestep=4000",
        "--set",
        "stage.produce.steps=20",
        "--set",
        "output.thermo_every=1",
    ]
    says = ("step 12", "smaller timestep", "The last checkpoint is intact: argon.checkpoint", "--restart")
    err = fails_keeping_checkpoint(says, sets, capsys)
    assert "written with other settings" in err


def fails_keeping_checkpoint(says, sets, capsys):
    before = Path("argon.checkpoint").read_bytes()
    assert main(["run", "argon.toml", "--restart", *sets]) == 3
    err = capsys.readouterr().err
    for fragment in says:
        assert fragment in err
    assert Path("argon.checkpoint").read_bytes() == before
    return err


def test_two_runs_of_one_name(folder, capsys):
    Bad("", (), text=GOOD).write(folder)
    with RunLock(lock_path(".", "argon")):
        fails(
            Bad("", ("argon.mdcore-lock", "is writing these results", "choose another output name"), code=4), capsys
        )


def test_unknown_instruction_set(folder):
    Bad("", (), text=GOOD).write(folder)
    environment = {**os.environ, "MDCORE_CPU": "pentium", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-m", "mdcore", "run", "argon.toml"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("mdcore: error: MDCORE_CPU = 'pentium'")
    assert done.stderr.count("\n") == 1


def test_debug_adds_the_traceback(folder, capsys):
    assert main(["run", "missing.toml", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err and "mdcore: error: missing.toml: no such input file" in err
