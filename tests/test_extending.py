"""Can a reader of docs/extending.md add a potential and a thermostat? What it prints is added to a scratch copy."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mpi import MPIEXEC, PATIENT, needs_mpi

ROOT = Path(__file__).resolve().parents[1]
STEP = re.compile(r"^### \d\. [^\n]*`([^`\n]+)`\n.*?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ("ext", "mdcore", "tests", "docs/architecture.md", "setup.py", "pyproject.toml", "README.md", "LICENSE")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.so", "_hdnnp.c")
# the kernels with the pair potentials alone, for any processor, quickly
BUILD = """
import platform, runpy, setuptools
platform.machine = lambda: "any"
whole = setuptools.setup
def setup(ext_modules, **others):
    whole(ext_modules=[one for one in ext_modules if one.name == "mdcore.doors._kernels"], **others)
setuptools.setup = setup
runpy.run_path("setup.py", run_name="__main__")
"""


def steps(title: str) -> list[tuple[str, str, str]]:
    """(file, language, text) of each step of a worked example."""
    text = (ROOT / "docs" / "extending.md").read_text()
    chapter = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    return STEP.findall(chapter)


def plain(line: str) -> str:
    return " ".join(line.split())


def apply(folder: Path, path: str, language: str, text: str) -> None:
    """Make the file, or change lines of it: + follows the line above, - goes, a word or a line."""
    file = folder / path
    if language != "diff":
        assert not file.exists(), f"{path} is there already"
        file.write_text(text)
        return
    lines, here = file.read_text().split("\n"), None
    for one in text.splitlines():
        if one.startswith("-"):
            having = [k for k, line in enumerate(lines) if re.search(rf"\b{one[1:]}\b", line)]
            assert len(having) == 1, f"{path}: {one}"
            lines[having[0]] = re.sub(rf"\b{one[1:]}\b ?", "", lines[having[0]])
        elif one.startswith("+"):
            here += 1
            lines.insert(here, one[1:])
        elif one != "@@":
            having = [k for k, line in enumerate(lines) if plain(line) == plain(one)]
            assert len(having) == 1, f"{path}: {one}"
            here = having[0]
    file.write_text("\n".join(lines))


def copy(folder: Path) -> Path:
    """The sources, with the kernels of those who run this test."""
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=NOT_COPIED)
        else:
            shutil.copy2(ROOT / name, target)
    for kernels in (ROOT / "mdcore" / "doors").glob("*.so"):
        shutil.copy2(kernels, folder / "mdcore" / "doors")
    return folder


def python(folder: Path, *arguments, **environment) -> str:
    """What Python prints in the copy."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "OPENBLAS_NUM_THREADS": "1", **environment}
    command = [sys.executable, *map(str, arguments)]
    how = {"cwd": folder, "env": environment, "timeout": 600}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, f"{arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


INPUT = """
units = "lj"
[structure]
build = "fcc"
species = "A"
density = 0.9
replicate = [3, 3, 3]
[velocities]
temperature = 0.8
[potential]
type = "TYPE"
cutoff = 2.2
truncation = "force-shifted"
[[potential.pair]]
species = ["A", "A"]
depth = 1.0
alpha = 5.0
r0 = 1.1
[[stage]]
ensemble = "nve"
timestep = 0.004
steps = 50
[output]
name = "TYPE"
progress = "off"
trajectory_every = 10
checkpoint_every = 10
"""


def test_the_potential_is_printed_as_it_is():
    found = steps("Add a potential")
    for path, language, text in found:
        have = (ROOT / path).read_text()
        if language != "diff":
            assert text == have, path
        for line in text.splitlines() if language == "diff" else ():
            assert line == "@@" or plain(line.removeprefix("+")) in map(plain, have.split("\n")), f"{path}: {line}"
    assert len(found) == 6 and lines_added(found) == [1, 1, 2]


def lines_added(found) -> list[int]:
    """To the files that are there already."""
    return sorted(len(re.findall(r"^[+-]", text, re.MULTILINE)) for _, language, text in found if language == "diff")


def test_no_other_file_knows_the_potential():
    """Six files name Morse: docs, changelog and words of other programs aside."""
    named = set()
    kernels, doors = (ROOT / "ext").rglob("*.[ch]"), (ROOT / "mdcore" / "doors").glob("*.p[yx]*")
    for path in [*kernels, *doors, *(ROOT / "mdcore").rglob("*.py")]:
        if "morse" in path.read_text(encoding="utf-8").lower():
            named.add(path.relative_to(ROOT).as_posix())
    assert named == {path for path, *_ in steps("Add a potential")} - {"tests/test_contract.py"} | {
        "mdcore/config/synonyms.py"
    }


def test_no_other_file_knows_the_descriptor():
    """Five files name Chebyshev descriptors. (vfun.h means the nodes of its polynomials.)"""
    named = set()
    kernels, doors = (ROOT / "ext").rglob("*.[ch]"), (ROOT / "mdcore" / "doors").glob("*.p[yx]*")
    for path in [*kernels, *doors, *(ROOT / "mdcore").rglob("*.py")]:
        if "chebyshev" in path.read_text(encoding="utf-8").lower() and path.name != "vfun.h":
            named.add(path.relative_to(ROOT).as_posix())
    found = steps("Add a descriptor")
    assert named == {path for path, *_ in found} and len(found) == 5
    for path, language, text in found:
        have = set(map(plain, (ROOT / path).read_text().split("\n")))
        printed = re.sub(r"^\+|^@@$|^ +\.\.\.$", "", text, flags=re.MULTILINE)
        assert set(map(plain, printed.split("\n"))) <= have | {""}, f"{path}, {language}"


def test_a_potential_is_added_by_what_is_printed(tmp_path):
    """Morse once more, under another name: the kernels are built, the contract kept, and the numbers are Morse's."""
    folder = copy(tmp_path / "mdcore")
    for step in newcomers("Add a potential", ("morse", "newcomer"), ("Morse", "Newcomer"), ("MORSE", "NEWCOMER")):
        apply(folder, *step)
    for kernels in (folder / "mdcore" / "doors").glob("_kernels*.so"):
        kernels.unlink()
    python(folder, "-c", BUILD, "-q", "build_ext", "--inplace", MDCORE_CFLAGS="-O0")
    python(folder, "-m", "pytest", "tests/test_contract.py", "-k", "newcomer")
    energies = []
    for kind in ("morse", "newcomer"):
        (folder / f"{kind}.toml").write_text(INPUT.replace("TYPE", kind))
        python(folder, "-m", "mdcore", "run", f"{kind}.toml", "--quiet")
        energies.append(energy(folder, kind))
    assert energies[0] == energies[1]
    assert 'type = "newcomer"' in python(folder, "-m", "mdcore.config.reference")


def energy(folder: Path, name: str) -> str:
    """Energies and positions at the end of a run, to the last bit."""
    code = "import sys; from mdcore import Trajectory; t = Trajectory(sys.argv[1])\n"
    code += "print(t.thermo()['conserved'].tolist(), t[-1].positions.tolist())"
    return python(folder, "-c", code, f"{name}.h5md")


def newcomers(title: str, *words: tuple[str, str]) -> list[tuple[str, str, str]]:
    """The steps with other words in their files and texts."""
    found = []
    for path, language, text in steps(title):
        for word, other in words:
            path, text = path.replace(word, other), text.replace(word, other)
        found.append((path, language, text))
    return found


COLLISIONS = ("Add a thermostat", ("andersen", "collisions"), ("Andersen", "Collisions"))


def test_the_thermostat_is_printed_as_it_is():
    found = steps("Add a thermostat")
    for path, language, text in found:
        have = (ROOT / path).read_text()
        for line in text.splitlines() if language == "diff" else ():
            assert plain(line.removeprefix("+")) in map(plain, have.split("\n")), f"{path}: {line}"
        assert language == "diff" or text == have, path
    assert len(found) == 4 and lines_added(found) == [1, 1]


def test_a_thermostat_is_added_by_what_is_printed(tmp_path):
    folder = copy(tmp_path / "mdcore")
    for step in newcomers(*COLLISIONS):
        apply(folder, *step)
    python(folder, "-m", "pytest", "tests/test_collisions.py", "tests/test_hints.py", "tests/test_architecture.py")
    assert '"collisions"' in python(folder, "-m", "mdcore.config.reference")


@pytest.mark.mpi
@needs_mpi[1]
def test_it_gives_the_same_bits_on_two_ranks_and_across_a_restart(tmp_path):
    folder = copy(tmp_path / "mdcore")
    for step in newcomers(*COLLISIONS):
        apply(folder, *step)
    bath = 'ensemble = "nvt"\nthermostat = "collisions"\ntemperature = 1.2\nrelaxation = 0.2'
    (folder / "bath.toml").write_text(INPUT.replace('"TYPE"', '"morse"').replace('ensemble = "nve"', bath))
    run = ("-m", "mdcore", "run", "bath.toml", "--quiet", "--set")
    python(folder, *run, "output.name=one")
    code = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"
    python(folder, "-c", code, MPIEXEC, "-n", 2, sys.executable, *run, "output.name=two", **PATIENT)
    python(folder, *run, "output.name=three", "--set", "stage.0.steps=30")
    python(folder, *run, "output.name=three", "--restart")
    assert energy(folder, "one") == energy(folder, "two") == energy(folder, "three")
