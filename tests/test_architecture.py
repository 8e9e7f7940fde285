"""Does every file import only from the floors below (docs/architecture.md), and do kernels stay pure?"""

import ast
import functools
import inspect
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mdcore"
MOST_LINES = 400
# all a kernel may include beside its neighbours in ext/: no Python.h, no mpi.h, no stdio.h
KERNEL_HEADERS = {"immintrin.h", "math.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")])
}


@functools.cache
def floors() -> dict[str, int]:
    """{"base/errors" or "config/": its floor}, from the table in docs/architecture.md; ground floor is 0."""
    return {room: floor for floor, room in enumerate(room for line in table() for room in rooms(line))}


def table() -> list[list[str]]:
    """The words of each line of the table, ground floor first."""
    text = re.search(r"```floors\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(), re.DOTALL)[1]
    return [line.split(" : ")[0].split() for line in text.splitlines()]


def rooms(words: list[str]) -> list[str]:
    """`base/ errors files` are base/errors and base/files; `config/` alone is the whole folder."""
    return [words[0] + word for word in words[1:]] if words[0].endswith("/") and len(words) > 1 else words


def room_of(module: str, plan: dict[str, int]) -> str | None:
    """The line of a module: its own, or that of the smallest folder around it; a folder itself stands on its lowest."""
    path = module.replace(".", "/").removeprefix("mdcore/") if module != "mdcore" else "__init__"
    parts = path.split("/")
    around = [path, *("/".join(parts[:k]) + "/" for k in range(len(parts), 0, -1))]
    inside = [room for room in plan if room.startswith(path + "/")]
    return next((room for room in around + inside if room in plan), None)


def floor_of(module: str, plan: dict[str, int]) -> int | None:
    return plan.get(room_of(module, plan))


@functools.cache
def tree(path: Path) -> ast.Module:
    text = path.read_text()
    if path.suffix == ".pyx":  # no Python syntax; its imports stand at the start of lines
        text = "\n".join(re.findall(r"^(?:from mdcore\S* import .*|import mdcore.*)$", text, re.MULTILINE))
    return ast.parse(text)


@functools.cache
def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Modules of mdcore that a file imports."""
    found = set()
    for node in tree(path).body if top_level_only else ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "mdcore"}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module.split(".")[0] == "mdcore":
                inside = {f"{node.module}.{name.name}" for name in node.names}
                found |= {name if name in MODULES else node.module for name in inside}
    return found


def test_every_module_has_its_floor():
    plan = floors()
    assert [module for module in MODULES if floor_of(module, plan) is None] == []
    known = {module.replace(".", "/").removeprefix("mdcore/") for module in MODULES} | {"__init__"}
    assert [room for room in plan if room.rstrip("/") not in known] == [], "gone, but still in the plan"


def test_imports_come_from_the_floors_below():
    floor = {module: floor_of(module, floors()) for module in MODULES}
    pairs = [(module, other) for module, path in MODULES.items() for other in sorted(imports(path))]
    wrong = [(module, other) for module, other in pairs if floor[other] > floor[module]]
    assert wrong == [], "these import from floors above their own"


def test_no_two_files_need_each_other():
    needs = {module: imports(path, top_level_only=True) - {module} for module, path in MODULES.items()}
    while free := [module for module, others in needs.items() if not others & needs.keys()]:
        for module in free:
            del needs[module]
    assert needs == {}, "files that import each other"


# who opens, makes and removes files: docs/files.md says what these promise
DOORS = {"mdcore.base.files", "mdcore.base.writing", "mdcore.base.writing_h5"}
ELSEWHERE = {
    "mdcore.output.lock": {"os.open", ".unlink"},  # a file of its own, never through links
    "mdcore.base.screen": {"os.open", "open"},  # /dev/null
    "mdcore.output.progress": {"open"},  # /proc/self/status
    "mdcore.base.memory": {"open"},  # of /proc and /sys
    "mdcore.base.common_memory": {"os.open"},  # of /proc
    "mdcore.verify.runs": {".read_bytes", ".write_bytes", "np.savez", "np.load"},  # in a folder of tempfile's
    "mdcore.training.data.deepmd": {"np.load"},  # mapped, once open_binary has seen it
    "mdcore.output.h5md": {".open"},  # its own method; also below
    "mdcore.output.thermo_log": {".open"},
    "mdcore.output.trajectory_writer": {".open"},
}
FORBIDDEN = {
    "open", "os.open", "io.open", "os.fdopen", "h5py.File", "os.truncate", "os.makedirs", ".mkdir",
    *(f"os.{name}" for name in ("replace", "rename", "link", "symlink", "unlink", "remove", "rmdir", "mkdir")),
    *(f"np.{name}" for name in ("load", "save", "savez", "savetxt", "genfromtxt", "fromfile", "memmap")),
    *(f".{name}" for name in ("open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "touch")),
    *(f".{name}" for name in ("rmdir", "rename", "symlink_to", "hardlink_to", "savefig", "tofile")),
    *(f"shutil.{name}" for name in ("copy", "copyfile", "move", "rmtree")),
}  # fmt: skip


def calls(path: Path) -> set[str]:
    """What a file calls: `f`, `os.f` of these modules, `.f` of anything else."""
    found = set()
    for node in (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            owner = getattr(node.value, "id", "")
            found.add(f"{owner if owner in ('os', 'io', 'np', 'h5py', 'shutil') else ''}.{node.attr}")
    return found


def test_one_place_opens_and_one_place_writes():
    python = {module: path for module, path in MODULES.items() if path.suffix == ".py" and module not in DOORS}
    wrong = {module: calls(path) & FORBIDDEN - ELSEWHERE.get(module, set()) for module, path in python.items()}
    told = {module: found for module, found in wrong.items() if found}
    assert told == {}, "mdcore.base.files is there to read, mdcore.base.writing to write"


def test_kernels_are_pure():
    include, strange = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)', re.MULTILINE), set()
    for path in (ROOT / "ext").rglob("*.[ch]"):
        headers = include.findall(path.read_text())
        strange |= {(path.name, name) for name in headers if not (ROOT / "ext" / name).exists()}
    assert {one for one in strange if one[1] not in KERNEL_HEADERS} == set() != strange


def test_files_stay_small():
    long = {module for module, path in MODULES.items() if len(path.read_text().splitlines()) > MOST_LINES}
    assert long == set(), "split them along a line of thought"


def test_the_python_interface_is_documented():
    """Each public name of the package, and each public method and property of theirs, has a docstring."""
    import mdcore

    for name in mdcore._HOME:
        thing = getattr(mdcore, name)
        assert thing.__doc__, name
        for key, member in vars(thing).items() if isinstance(thing, type) else ():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if not key.startswith("_") and inspect.isfunction(function):
                assert inspect.getdoc(getattr(thing, key)), f"{name}.{key}"
