"""Which inputs does mdcore read, how is each broken, and what then tries to read it?"""

import contextlib
import os
import shutil
import stat
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import hdf5, text, words


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    folder : of the good files (good.py)
    targets : files of which one is broken
    mutations : (random, bytes) -> bytes
    actions : what reads it: argument lists of the command, and functions of Python; one is taken
    objects : HDF5: (random, open file, folder) changes things in it
    own : how the names of files begin that the command may change
    """

    folder: str
    targets: tuple[str, ...]
    mutations: list
    actions: tuple
    objects: list | None = None
    own: tuple[str, ...] = ()


def run(*arguments) -> Callable[[], int]:
    """The command, in this process."""

    def action():
        from mdcore.cli import main

        return main(list(arguments))

    action.name = "mdcore " + " ".join(map(str, arguments))
    return action


def python(function) -> Callable[[], int]:
    """A function of the Python interface as a command: what it raises on purpose is a message."""

    def action():
        from mdcore.base.errors import MdcoreError
        from mdcore.cli import message

        try:
            function()
        except MdcoreError as error:
            print(message(error), file=sys.stderr)
            return error.exit_code
        return 0

    action.name = function.__name__
    return action


def trajectory():
    from mdcore.output.trajectory import Trajectory

    with Trajectory("run.h5md") as found:
        for frame in found:
            repr(frame)
        found.thermo()
        len(found)


def analysis_of_trajectory():
    from mdcore.analysis import diffusion, rdf  # noqa: F401
    from mdcore.output.trajectory import Trajectory, unwrapped

    with Trajectory("run.h5md") as found:
        for frame in found:
            if frame.positions is not None:
                unwrapped(frame)


def system():
    from mdcore import System

    for frame in (0, -1):
        System.read("start.extxyz", frame)


def structure(name, settings="plain.toml"):
    which = ("--set", f"structure.file={name}")
    return run("check", settings, *which), run("run", settings, "--quiet", *which, "--set", "output.name=run")


def sets(**values):
    return [word for key, value in values.items() for word in ("--set", f"potential.0.{key}={value}")]


def potential(name, kind="hdnnp"):
    units = ("--units", "length=angstrom,energy=ev")
    return (
        run("info", name, *units),
        run("info", name),
        run("convert", name, "out.h5", *units),
        run("convert", name, "out-n2p2", *units),
        run("evaluate", name, "labelled.extxyz", *units),
        run("run", "network.toml", "--quiet", *sets(file=name, type=kind)),
    )


ARRAYS = ("coord", "box", "energy", "force", "virial")
DEEPMD = ("type.raw", "type_map.raw", *(f"set.000/{name}.npy" for name in ARRAYS))
LONG = ("mdcore run", "mdcore train")
DAMAGE = (OSError, ValueError, TypeError, KeyError, RuntimeError, AttributeError, IndexError)  # one undoes another
START = (*structure("start.extxyz", "run.toml"), python(system))
PAIRS = (run("check", "pairs.toml"), run("run", "pairs.toml", "--quiet", "--set", "output.name=run"))
THREEBODY = (run("check", "threebody.toml"), run("run", "threebody.toml", "--quiet", "--set", "output.name=run"))
TRAINING = (run("check", "train.toml"), run("check", "train.toml"), run("train", "train.toml", "--quiet"))

KINDS = {
    "run.toml": Kind("run", ("run.toml",), text.TOML, (run("check", "run.toml"), run("run", "run.toml", "--quiet"))),
    "pairs.toml": Kind("run", ("pairs.toml",), text.TOML, PAIRS),
    "u.table": Kind("run", ("u.table",), text.TEXT, PAIRS),
    "threebody": Kind("run", ("ArKr.sw", "ArKr.tersoff"), text.TEXT, THREEBODY),
    "train.toml": Kind("training", ("train.toml",), text.TOML, TRAINING),
    "extxyz": Kind("run", ("start.extxyz",), text.TEXT, START),
    "extxyz header": Kind("run", ("start.extxyz",), text.HEADER, START),
    "xyz": Kind("run", ("plain.xyz",), text.TEXT, structure("plain.xyz")),
    "LAMMPS data": Kind("run", ("start.data",), text.TEXT, structure("start.data")),
    "formats of ASE": Kind("run", ("POSCAR",), text.TEXT, structure("POSCAR")),
    "labelled extxyz": Kind(
        "training", ("labelled.extxyz",), [*text.TEXT, *4 * text.HEADER],
        (*TRAINING, run("evaluate", "../network/net.h5", "labelled.extxyz")),
    ),
    "input.data": Kind(
        "training", ("input.data",), text.TEXT,
        (run("check", "train_n2p2.toml"), run("train", "train_n2p2.toml", "--quiet"),
         run("evaluate", "../network/net.h5", "input.data", "--data-units", "length=angstrom,energy=ev")),
    ),
    "DeePMD": Kind(
        "training", tuple(f"deepmd/water/{name}" for name in DEEPMD), text.ARRAY,
        (run("check", "train_deepmd.toml"), run("evaluate", "../network/net.h5", "deepmd")),
    ),
    "input.nn": Kind("network", ("n2p2/input.nn",), text.TEXT, potential("n2p2")),
    "scaling.data": Kind("network", ("n2p2/scaling.data",), text.TEXT, potential("n2p2")),
    "weights": Kind("network", ("n2p2/weights.001.data", "n2p2/weights.008.data"), text.TEXT, potential("n2p2")),
    "density.h5": Kind(
        "network", ("density.h5", "plain.h5"), text.BYTES[:4], potential("density.h5", "density"), hdf5.OBJECTS
    ),
    "potential.h5": Kind("network", ("net.h5", "bare.h5"), text.BYTES[:4], potential("net.h5"), hdf5.OBJECTS),
    "training.h5": Kind(
        "retraining", ("net.training.h5",), text.BYTES[:4],
        (run("train", "train.toml", "--restart", "--quiet"),
         run("train", "train.toml", "--restart", "--quiet", "--set", "optimizer.2.epochs=3")), hdf5.OBJECTS, ("net",),
    ),
    "checkpoint": Kind(
        "restart", ("run.checkpoint",), text.BYTES, (run("run", "run.toml", "--restart", "--quiet"),),
        hdf5.OBJECTS, ("run.",),
    ),
    "h5md": Kind(
        "restart", ("run.h5md",), text.BYTES[:4],
        (python(trajectory), python(analysis_of_trajectory), run("run", "run.toml", "--restart", "--quiet")),
        hdf5.OBJECTS, ("run.",),
    ),
    "dump": Kind(
        "restart", ("run.extxyz",), text.TEXT, (run("run", "run.toml", "--restart", "--quiet"),), None,
        ("run.",),
    ),
    "table": Kind("run", ("rdf.csv",), text.TEXT, (run("check", "run.toml"), run("run", "run.toml", "--quiet"))),
    "arguments": Kind("network", (), [], ()),
}  # fmt: skip


def prepare(kind: Kind, random, root: Path, work: Path, keep=None, read_only=False) -> tuple[Path, Callable, str]:
    """A folder with one broken input below the empty folder `work`: (folder, action, how it was broken).

    keep : numbers of the mutations that are made, of up to three; None: all
    read_only : take actions that read rather than run, where there are any
    """
    folder = work / kind.folder
    shutil.copytree(root / kind.folder, folder, symlinks=True)
    if kind.folder.endswith("training"):
        (work / "network").mkdir()
        shutil.copy(root / "network" / "net.h5", work / "network")
    for name in ("run.lock", "run.tmp", "run.checkpoint.tmp", "net.lock", "out.h5.tmp"):  # of somebody else
        (folder / name).write_text(f"{name}: precious\n")
    (work / "outside").write_text("precious\n")
    (work / "secret.h5").write_bytes((root / "network" / "net.h5").read_bytes())
    (work / "secret.bin").write_bytes(bytes(range(256)) * 64)
    special(folder)
    if not kind.targets:
        arguments = words.arguments(random)
        return folder, run(*arguments), " ".join(map(repr, arguments))
    path, action = folder / random.choice(kind.targets), random.choice(kind.actions)
    if read_only:
        action = random.choice([a for a in kind.actions if not a.name.startswith(LONG)] or kind.actions)
    if random.random() < 0.02 and keep is None:
        return folder, action, f"{path.name}: {stand_in(random, path)}; {action.name}"
    objects = kind.objects and random.random() < 0.8
    names = []
    for _ in range(random.choice((1, 1, 2, 3))):
        own, mutation = random.getrandbits(64), random.choice(kind.objects if objects else kind.mutations)
        if keep is None or len(names) in keep:
            broken(type(random)(own), path, mutation, folder, objects)
        names.append(mutation.__name__)
    return folder, action, f"{path.name}: {', '.join(names)}; {action.name}"


def broken(random, path: Path, mutation, folder: Path, objects: bool) -> None:
    """Apply one mutation to a file."""
    if not objects:
        path.write_bytes(mutation(random, path.read_bytes()))
        return
    import h5py

    with contextlib.suppress(*DAMAGE), contextlib.chdir(folder), warnings.catch_warnings(action="ignore"):
        file = h5py.File(path, "r+", locking=False)
        try:
            mutation(random, file, folder)
        finally:
            file.close()
    reseal(path)


def reseal(path: Path) -> None:
    """A checksum as if mdcore had written the file, where it has one: what is behind it shall be tried."""
    from mdcore.base import files

    with open(path, "rb") as stream:
        title, _ = files.read_seal(stream)
    if title.startswith("mdcore"):
        files.seal(path, title)


def special(folder: Path) -> None:
    """What is no file: a pipe, a device, a link to itself, a folder."""
    os.mkfifo(folder / "pipe")
    os.symlink("loop", folder / "loop")
    (folder / "folder").mkdir()
    with contextlib.suppress(OSError):  # a device of our own: whatever happens to it, /dev/zero stays
        os.mknod(folder / "zero", stat.S_IFCHR | 0o600, os.makedev(1, 5))


def stand_in(random, path: Path) -> str:
    """Something else takes the place of a file."""
    kept = path.read_bytes()
    path.unlink()
    name = random.choice(("nothing", "empty", "folder", "pipe", "loop", "zero", "sparse", "link"))
    match name:
        case "empty":
            path.touch()
        case "sparse":
            path.touch()
            os.truncate(path, 1 << 40)
        case "link":
            path.with_name("target of the link").write_bytes(kept)
            path.symlink_to("target of the link")
        case "folder" | "pipe" | "loop" | "zero":
            own = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "loop": lambda: path.symlink_to(path.name)}
            with contextlib.suppress(OSError):
                own.get(name, lambda: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)))()
    return name
