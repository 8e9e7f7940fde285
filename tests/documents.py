"""What do README and docs say to type? Their blocks, run one after the other in a scratch copy of the clone.

- ``sh`` blocks run as they stand. The commands in them are found in a folder of stand-ins that shorten what would take
  long by a rule (`shorten`): a run takes FEW steps a stage, a training FEW_EPOCHS, a campaign one generation, a
  crystal that is verified has 2 x 2 x 2 cells. What installs is looked at, not installed: that is what `.ci/run` does.
  A block that begins with ``$ `` is one command, its output is the next block.
- ``python`` blocks of a document share one namespace.
- ``toml`` blocks begin with ``# FILE``, and are written there; or with ``# in FILE``, and replace sections of it. An
  input is checked.
- Blocks without a language are output, or drawings.
"""

import contextlib
import io
import json
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FEW, FEW_EPOCHS, SECONDS = 20, 2, 300
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "results", "build", "__pycache__", ".*_cache", "*.egg-info", "tests", "_*.c"
)


def blocks(path: Path) -> list[tuple[int, str, str]]:
    """(line, language, text) of each fenced block."""
    text = path.read_text(encoding="utf-8")
    return [(text.count("\n", 0, m.start()) + 2, m[1], m[2]) for m in BLOCK.finditer(text)]


def scratch_copy(folder: Path) -> Path:
    """A copy of the clone in `folder`, set up: its environment is the one that runs the tests."""
    clone = folder / "mdcore"
    shutil.copytree(ROOT, clone, ignore=NOT_COPIED, symlinks=True)
    (clone / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "test_units.py", clone / "tests")
    own = clone / ".venv" / "bin"
    own.mkdir(parents=True)
    for name in ("mdcore", "python", "python3", "pip", "mpirun", "mpiexec", "git"):
        command = own / name
        call = f"from tests.documents import stand_in\nstand_in({name!r}, {str(clone)!r}, sys.argv[1:])\n"
        command.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n{call}")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
    (own / "activate").write_text(f"PATH={own}:$PATH\n")
    for extra in ("plot", "test", "lint"):  # .ci/venv has nothing to do
        (clone / ".venv" / f"installed-{extra}").touch()
    return clone


# --- stand-ins ---------------------------------------------------------------------------------------------------


def stand_in(name: str, clone: str, arguments: list[str]) -> None:
    """What a block's command `name` does instead of the real one; never returns."""
    python = [sys.executable]
    if name == "mdcore":
        sys.argv = [name, *shorten(arguments)]
        runpy.run_module("mdcore", run_name="__main__", alter_sys=True)
        return
    if name in ("mpirun", "mpiexec"):
        from tests.mpi import MPIEXEC

        command = [str(MPIEXEC), *arguments]
    elif name == "pip":
        command = [*python, "-c", "", *installable(arguments)]
    elif name == "git":
        assert arguments[:1] == ["clone"], arguments
        command = ["cp", "-a", clone, arguments[-1]]
    elif arguments[:2] == ["-m", "venv"]:
        (Path(arguments[2]) / "bin").mkdir(parents=True)
        command = ["cp", "-a", *map(str, (Path(clone) / ".venv" / "bin").iterdir()), f"{arguments[2]}/bin"]
    elif arguments[:2] == ["-m", "pytest"]:
        command = [*python, *arguments, "-n", "0", "tests/test_units.py"]
    elif arguments[:1] and arguments[0].startswith("benchmarks/"):
        command = [*python, arguments[0], "--help"]  # they take minutes and need their peers
    else:
        command = [*python, *arguments]
    os.execvp(command[0], command)


def shorten(arguments: list[str]) -> list[str]:
    """Arguments of mdcore, and settings that make what they ask for short."""
    path = next((word for word in arguments[1:] if word.endswith(".toml") and os.path.exists(word)), None)
    if arguments[:1] == ["verify"] and path:
        text = re.sub(r"^replicate = .*", "replicate = [2, 2, 2]", Path(path).read_text(), flags=re.MULTILINE)
        Path(path).write_text(text)
    if arguments[:1] not in (["run"], ["train"], ["learn"]) or path is None:
        return arguments
    if arguments[0] == "learn":
        from mdcore.faces.schema import toml  # not above: the stand-ins begin at once

        few = {"campaign.generations": 1, "judge.frames": 1, "select.batch": 2}
        for k, one in enumerate(tomllib.loads(Path(path).read_text(encoding="utf-8"))["explorer"]):
            if one["type"] == "run":
                few[f"explorer.{k}.set"] = toml([*one.get("set", []), f"stage.0.steps={6 * FEW}"])
        return [*arguments, *(word for key, value in few.items() for word in ("--set", f"{key}={value}"))]
    settings, few = tomllib.loads(Path(path).read_text(encoding="utf-8")), {}
    for k, stage in enumerate(settings.get("stage", ())):
        every = {f"stage.{k}.{key}": 1 for key in ("thermo_every", "trajectory_every", "dump_every") if key in stage}
        few |= {f"stage.{k}.steps": min(stage["steps"], FEW), **every}
    output = settings.get("output", {})
    few |= {f"output.{key}": 1 for key in ("dump_every", "trajectory_every") if key in output and "stage" in settings}
    optimizers = settings.get("optimizer", ())
    for k, one in enumerate([optimizers] if isinstance(optimizers, dict) else optimizers):
        few[f"optimizer.{k}.epochs"] = min(one.get("epochs", FEW_EPOCHS), FEW_EPOCHS)
    if arguments[0] == "train" and not optimizers:  # the usual ones
        few |= {"model.channels": 16, "model.cutoff": 4.0, "split.test": 0.4}
    return [*arguments, *(word for key, value in few.items() for word in ("--set", f"{key}={value}"))]


def installable(arguments: list[str]) -> list[str]:
    """[] if these are arguments of pip install that could work: extras that there are, names that can be."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert arguments[0] == "install", arguments
    for word in arguments[1:]:
        own = re.fullmatch(r"(?:\.|mdcore)(?:\[([\w,]+)\])?", word)
        assert own or re.fullmatch(r"[\w-]+(==[\w.]+)?", word), word
        assert set(own[1].split(",") if own and own[1] else ()) <= set(extras), word
    return []


# --- running -------------------------------------------------------------------------------------------------------


class Session:
    """One reader who types what a document says, in `clone`."""

    def __init__(self, clone: Path, path: Path):
        self.clone, self.path, self.names = clone, path, {"__name__": "__main__"}
        self.folder = clone  # where the reader is: in the clone, or outside as long as there is none
        if any("git clone" in text for _, _, text in blocks(path)):
            self.folder = clone.parent / "reader"
            self.folder.mkdir()
        self.told = None  # what a command printed whose output the next block shows

    def play(self, line: int, language: str, text: str) -> None:
        where = f"{self.path.name}, line {line}"
        if language == "sh":
            self.sh(text, where)
        elif language == "python":
            self.python(text, line)
        elif language == "toml":
            self.toml(text, where)
        elif self.told is not None:
            missing = [row for row in text.splitlines() if row.strip() not in self.told]
            assert not missing, f"{where}: not printed: {missing}; printed: {self.told}"
            self.told = None

    def sh(self, text: str, where: str) -> None:
        shown = text.startswith("$ ")
        from tests.mpi import PATIENT  # not above: the stand-ins begin at once

        script = text.removeprefix("$ ").replace("<this repository>", "repository")
        end = self.clone.parent / "folder"
        environment = {
            **os.environ,
            "PATH": f"{self.clone / '.venv' / 'bin'}:{os.environ['PATH']}",
            **PATIENT,
            "MDCORE_NUM_THREADS": "1",
        }
        command = ["sh", *([] if shown else ["-e"]), "-c", f"{script}\npwd -P >{end}"]
        how = {"cwd": self.folder, "env": environment, "timeout": SECONDS}
        done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
        printed = done.stdout + done.stderr
        assert shown or done.returncode == 0, f"{where}:\n{text}\nended with {done.returncode}:\n{printed}"
        assert "Traceback" not in printed and "internal error" not in printed, f"{where}: {printed}"
        self.folder, self.told = Path(end.read_text().strip()), printed if shown else None

    def python(self, text: str, line: int) -> None:
        code = compile("\n" * (line - 1) + text, self.path, "exec")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()):
            exec(code, self.names)

    def toml(self, text: str, where: str) -> None:
        from mdcore.faces.schema import toml  # not above: the stand-ins begin at once

        first = re.match(r"# (in )?([\w./-]+\.toml)\b", text)
        assert first, f"{where}: the first line is not '# FILE.toml' or '# in FILE.toml'"
        path, sections = self.folder / first[2], tomllib.loads(text)
        if first[1]:
            sections = tomllib.loads(path.read_text()) | sections
            text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in sections.items())
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        if "stage" in sections or "data" in sections:
            self.sh(f"mdcore check {first[2]}", where)
