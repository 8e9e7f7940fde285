"""python -m tests.fuzz --seed 7 --count 2000: mutations of every kind of input; what happens to each, as a table.

The same seed gives the same mutations. `--kind extxyz --number 17` repeats one; `--keep FOLDER` keeps what failed.
"""

import argparse
import collections
import contextlib
import json
import os
import random as randoms
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz import good, judge
from tests.fuzz.judge import Verdict
from tests.fuzz.kinds import KINDS, prepare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000, help="mutations in all")
    parser.add_argument("--each", type=int, help="mutations of every kind")
    parser.add_argument("--hours", type=float, help="go on, round after round, for so long")
    parser.add_argument("--kind", action="append", choices=KINDS, help="of this kind only (may be repeated)")
    parser.add_argument("--number", type=int, help="this one only")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes side by side")
    parser.add_argument("--together", action="store_true", help="many in a process, faster; no limits")
    parser.add_argument("--keep", metavar="FOLDER", help="copy inputs that fail there")
    arguments = parser.parse_args()
    names = arguments.kind or list(KINDS)
    each = arguments.each or -(-arguments.count // len(names))
    numbers = [arguments.number] if arguments.number is not None else range(each)
    tasks = [(arguments.seed, name, number) for number in numbers for name in names]
    if arguments.each is None and arguments.number is None:
        tasks = tasks[: arguments.count]
    began, counts = time.monotonic(), collections.Counter()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a mistake there fills no disk
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory) as top:
        root = Path(top) / "good"
        in_child(lambda: good.make(root))  # kernels start threads, which no fork survives
        load()
        while True:
            for result in side_by_side(tasks, root, Path(top), arguments):
                counts[result["name"], result["kind"]] += 1
                if result["kind"] in judge.BAD:
                    print(told(result), flush=True)
            if not arguments.hours or time.monotonic() - began > 3600 * arguments.hours:
                break
            tasks = [(seed, name, number + each) for seed, name, number in tasks]
    print(table(counts, names))
    total, bad = sum(counts.values()), sum(n for (_, kind), n in counts.items() if kind in judge.BAD)
    print(f"{total} mutations, seed {arguments.seed}, {time.monotonic() - began:.0f} s: {bad} of them bad")
    return bad > 0


def in_child(work) -> None:
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        sys.exit("the good inputs can't be made")


def load() -> None:
    """Import all that a command may need: children have it then."""
    import importlib
    import pkgutil

    import h5py  # noqa: F401

    import mdcore

    for module in pkgutil.walk_packages(mdcore.__path__, "mdcore."):
        if module.name not in ("mdcore.__main__", "mdcore.ase"):
            importlib.import_module(module.name)
    try:
        import ase.io.lammpsdata
        import ase.io.vasp  # noqa: F401
    except ImportError:
        pass


def side_by_side(tasks, root: Path, top: Path, arguments):
    """Results as they come, from processes side by side; one that dies has said so of the task it was at."""
    waiting = [tasks[job :: arguments.jobs] for job in range(arguments.jobs)]
    while any(waiting):
        reader, writer = os.pipe()
        children = {}
        for job, own in enumerate(waiting):
            child = os.fork()
            if not child:
                os.close(reader)
                os._exit(work_off(own, root, top / f"job{job}", writer, arguments))
            children[child] = job
        os.close(writer)
        done = [0] * len(waiting)
        with open(reader) as stream:
            for line in stream:
                result = json.loads(line)
                done[result.pop("job")] += 1
                yield result
        for child, job in children.items():
            status = os.waitpid(child, 0)[1]
            rest = waiting[job][done[job] :]
            if rest and arguments.together:
                seed, name, number = rest.pop(0)
                text = judge.tail(top / f"job{job}" / ".err")
                yield {"seed": seed, "name": name, "number": number, "how": "together with others",
                       **vars(Verdict(judge.kind_of(status, text, stopped=False), text))}  # fmt: skip
            elif rest:
                sys.exit("the fuzzer itself has failed")
            waiting[job] = rest


def work_off(tasks, root: Path, work: Path, writer: int, arguments) -> int:
    """Do tasks, and write each result as a line; the exit code."""
    try:
        for task in tasks:
            result = one(*task, root, work, arguments)
            os.write(writer, (json.dumps({**result, "job": int(work.name[3:])}) + "\n").encode())
        return 0
    except BaseException:
        import traceback

        traceback.print_exc()
        return 1


def one(seed: int, name: str, number: int, root: Path, work: Path, arguments) -> dict:
    """Break one input, try it, and say what happened."""
    verdict, how = attempt(seed, name, number, root, work, together=arguments.together)
    if verdict.bad:
        if arguments.keep:
            target = Path(arguments.keep) / f"{name.replace(' ', '-')}-{seed}-{number}"
            shutil.rmtree(target, ignore_errors=True)
            with contextlib.suppress(shutil.Error):  # pipes and devices
                shutil.copytree(work / KINDS[name].folder, target, symlinks=True, ignore=uncopied)
        if verdict.kind != "hang" and not arguments.together:
            how = shrunk(seed, name, number, root, work, verdict, how)
    judge.clear(work)
    return {"seed": seed, "name": name, "number": number, "how": how, **vars(verdict)}


def uncopied(folder, names) -> list[str]:
    """Names of what has no end: devices, pipes, sparse files."""
    states = {name: os.lstat(os.path.join(folder, name)) for name in names}
    endless = (stat.S_ISBLK, stat.S_ISCHR, stat.S_ISFIFO, stat.S_ISSOCK)
    return [name for name, s in states.items() if s.st_size > 1 << 24 or any(kind(s.st_mode) for kind in endless)]


def attempt(seed, name, number, root, work, keep=None, together=False):
    judge.clear(work)
    work.mkdir()
    kind = KINDS[name]
    folder, action, how = prepare(kind, randoms.Random(f"{seed} {name} {number}"), root, work, keep, together)
    own = kind.own if kind.targets else ("net", "new", "both")
    return judge.judge(folder, action, own, together), how


def shrunk(seed, name, number, root, work, verdict, how) -> str:
    """How it was broken, by as few mutations as do it."""
    for k in range(3):
        again, _ = attempt(seed, name, number, root, work, keep={k})
        if again.kind == verdict.kind and again.text.splitlines()[-1:] == verdict.text.splitlines()[-1:]:
            return f"{how} (number {k + 1} alone does it)"
    return how


def told(result) -> str:
    text = result["text"].strip()
    text = text if len(text) < 1500 else f"{text[:300]} ... {text[-1100:]}"
    which = f"--seed {result['seed']} --kind '{result['name']}' --number {result['number']}"
    lines = [result["how"][:600], f"{result['seconds']:.1f} s, {result['megabytes']:.0f} MB", *text.splitlines()]
    return "\n    ".join([f"{result['kind'].upper()}: {which}", *lines])


def table(counts, names) -> str:
    heads = [kind for kind in (*judge.GOOD, *judge.BAD) if any(counts[name, kind] for name in names)]
    rows = [f"{'':<16}" + "".join(f"{head:>16}" for head in heads)]
    rows += [f"{name:<16}" + "".join(f"{counts[name, head]:>16}" for head in heads) for name in names]
    return "\n".join([*rows, f"{'all':<16}" + "".join(f"{sum(counts[n, h] for n in names):>16}" for h in heads)])


if __name__ == "__main__":
    sys.exit(main())
