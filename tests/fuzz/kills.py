"""python -m tests.fuzz.kills --seed 5 --count 100: does what is killed at random end as if nothing had happened?

Each history runs a command on one or two ranks, kills it (SIGKILL, all its processes) at a random moment, goes on with
--restart, up to three times, and lets it end. Trajectory, thermo log, dump and checkpoint of a run, which goes through
all ensembles, and the potential of a training, are those of one that nothing disturbed, bit for bit. A run goes on on
another number of ranks as chance will have it; a training on the same, for its sums depend on it (docs/training.md).
"""

import argparse
import collections
import contextlib
import os
import random as randoms
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from mdcore.learn.process import family, slay
from tests import all_ensembles
from tests.fuzz import good
from tests.mpi import MPIEXEC, PATIENT, ROOT

STEPS = {"kalman": "epochs = 12", "adam": "epochs = 12", "lbfgs": "epochs = 12"}
COMMANDS = {"run": ("run", "run.toml", "--quiet"), "train": ("train", "train.toml", "--quiet")}
LONGEST = 300  # seconds of a command


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100, help="kills in all")
    parser.add_argument("--ranks", type=int, default=2 if MPIEXEC else 1, help="most ranks")
    arguments = parser.parse_args()
    began, counts, wrong = time.monotonic(), collections.Counter(), 0
    with tempfile.TemporaryDirectory(prefix="kills-") as top:
        top = Path(top)
        wholes = {("run", 1): whole(top, "run", 1)}
        wholes |= {("train", ranks): whole(top, "train", ranks) for ranks in range(1, arguments.ranks + 1)}
        number = 0
        while sum(counts.values()) < arguments.count:
            found, told = history(top / "work", arguments.seed, number, wholes, arguments.ranks)
            counts.update(found)
            if told:
                wrong += 1
                print(f"--seed {arguments.seed}, history {number}: {told}", flush=True)
            number += 1
    for (kind, ranks), n in sorted(counts.items()):
        print(f"{kind:<6} on {ranks} {'ranks' if ranks > 1 else 'rank':<6}{n:>5} kills")
    ended = f"{number - wrong} identical ends, {wrong} others"
    passed = time.monotonic() - began
    print(f"{sum(counts.values())} kills in {number} histories, seed {arguments.seed}, {passed:.0f} s: {ended}")
    return wrong > 0


def prepare(folder: Path) -> None:
    """run.toml; train.toml and its data."""
    folder.mkdir()
    with contextlib.chdir(folder):
        good.labelled()
        Path("run.toml").write_text(all_ensembles.text(all_ensembles.ARGON, 40, often=20))
        text = good.TRAIN.replace("n2p2 = true", "checkpoint_minutes = 0.0002")
        for kind, epochs in STEPS.items():
            text = text.replace(f'"{kind}"\nepochs = 1', f'"{kind}"\n{epochs}')
        Path("train.toml").write_text(text + "[committee]\nmembers = 2\n")


def whole(top: Path, kind: str, ranks: int) -> tuple[dict, float]:
    """(results, seconds) of a command that nothing disturbs."""
    folder = top / f"whole {kind} {ranks}"
    prepare(folder)
    began = time.monotonic()
    code, text = command(folder, kind, ranks, (), None)
    if code:
        sys.exit(f"mdcore {' '.join(COMMANDS[kind])}: exit code {code}: {text}")
    return results(folder, kind), time.monotonic() - began


def history(folder: Path, seed: int, number: int, wholes, most: int):
    """(kills by kind and ranks, what went wrong) of one history."""
    random = randoms.Random(f"{seed} {number}")
    kind = random.choice(list(COMMANDS))
    ranks = random.randint(1, most)
    wanted, seconds = wholes[kind, 1 if kind == "run" else ranks]
    shutil.rmtree(folder, ignore_errors=True)
    prepare(folder)
    kills, how, code = collections.Counter(), (), None
    for _ in range(random.choice((1, 2, 3))):
        ranks = random.randint(1, most) if kind == "run" else ranks
        code, text = command(folder, kind, ranks, how, random.uniform(0.1, 1.2) * seconds)
        if code is None:
            kills[kind, ranks] += 1
        elif code:
            return kills, f"{kind} on {ranks} ranks, exit code {code}: {text}"
        how = again(folder, kind)
    ranks = random.randint(1, most) if kind == "run" else ranks
    if code is None:
        code, text = command(folder, kind, ranks, how, None)
    if code:
        return kills, f"{kind} on {ranks} ranks, exit code {code}: {text}"
    found = results(folder, kind)
    others = [name for name in wanted.keys() | found.keys() if not same(wanted.get(name), found.get(name))]
    left = [path.name for path in folder.iterdir() if "mdcore-tmp" in path.name]
    return kills, f"{kind}: differs in {', '.join(sorted(others))}" if others else ", ".join(left) and f"{left} stay"


def again(folder: Path, kind: str) -> tuple[str, ...]:
    """How the command goes on: from a checkpoint if there is one, else anew over what is there."""
    there = folder / ("run.checkpoint" if kind == "run" else "net.training.h5")
    return ("--restart",) if there.exists() else ("--overwrite",)


def command(folder: Path, kind: str, ranks: int, more, after: float | None):
    """(exit code, messages); the code is None if it was killed, `after` seconds."""
    start = [str(MPIEXEC), "-n", str(ranks)] if ranks > 1 else []
    environment = {**os.environ, **PATIENT, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [*start, sys.executable, "-m", "mdcore", *COMMANDS[kind], *more], cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        text, _ = child.communicate(timeout=after or LONGEST)
    except subprocess.TimeoutExpired:
        end(child.pid)
        text, _ = child.communicate()
        return (None, text) if after else (-9, f"no end after {LONGEST} s. {text}")
    return child.returncode, text.strip()[-600:]


def end(process: int) -> None:
    """SIGKILL to a process and all its children, which a launcher may have put into groups of their own."""
    whole = family(process)
    left = memory_of(whole)
    slay(reversed(whole))  # ranks before their launcher, which would end them otherwise
    forget(left)


def memory_of(processes) -> set[str]:
    """Files of shared memory that ranks of MPICH among these processes have, and leave behind when they are killed."""
    found = set()
    for one in processes:
        with contextlib.suppress(OSError):
            maps = Path(f"/proc/{one}/maps").read_text().splitlines()
            found.update(line.split(maxsplit=5)[5] for line in maps if "/dev/shm/mpich" in line)
    return found


def forget(left) -> None:
    """Remove such files."""
    for path in left:
        with contextlib.suppress(OSError):
            os.unlink(path)


def results(folder: Path, kind: str) -> dict:
    """name -> content of what a command has made, without who made it and when."""
    if kind == "run":
        found = {f"run.h5md {name}": data for name, data in values(folder / "run.h5md").items()}
        found |= {f"checkpoint {name}": data for name, data in values(folder / "run.checkpoint").items()}
        return {**found, "dump": (folder / "run.extxyz").read_bytes()}
    return {f"net.h5 {name}": data for name, data in values(folder / "net.h5").items()}


def values(path: Path) -> dict:
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith(("provenance", "card")):
            found[name] = item[()]

    with h5py.File(path, "r", locking=False) as file:
        file.visititems(visit)
    return found


def same(one, other) -> bool:
    return np.asarray(one).dtype == np.asarray(other).dtype and np.array_equal(one, other, equal_nan=False)


if __name__ == "__main__":
    sys.exit(main())
