"""What does a campaign of active learning cost beside exploring, labelling and training?

    python benchmarks/learn_cost.py                                     # copper of `mdcore init learn`: calls of 10 ms
    python benchmarks/learn_cost.py --set train.start=warm              # the same, trained otherwise
    python benchmarks/learn_cost.py inputs/learn/water/learn.toml       # any other one, whatever its oracle needs

Runs each campaign in a new folder, in a process of its own. Tells how good its potentials were, and by the clock and by
processor time (of the campaign and all that it starts) the share of each verb, from its record; what the command needs
beside, to start and to end, is the last row but one. Processor time is what a loaded machine leaves honest.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import common

from mdcore.learn.record import CLOCK, CPU, NAME, VERBS, Record
from mdcore.learn.table import WORK, lines

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("inputs", nargs="*", help="learn.toml; none: the example of mdcore init learn")
    options.add_argument("--set", action="append", default=[], help="section.key=value, as mdcore learn has it")
    given = options.parse_args()
    print(common.machine())
    for path in given.inputs or [None]:
        with tempfile.TemporaryDirectory() as folder:
            measure(path, Path(folder), [word for own in given.set for word in ("--set", own)])


def measure(path: str | None, folder: Path, overrides: list[str]) -> None:
    """Run a campaign in an empty folder and print its shares."""
    if path is None:
        mdcore(["init", "learn"], folder)
        mdcore(["run", "learn_start.toml", "--quiet"], folder)
    source = "learn.toml" if path is None else Path(path).resolve()
    clock, cpu = perf_counter(), processor()
    mdcore(["learn", source, "--quiet", "--set", "campaign.directory=campaign", *overrides], folder)
    whole = {CLOCK: perf_counter() - clock, CPU: processor() - cpu}
    record = Record(folder / "campaign" / NAME, write=False)
    spent = {kind: record.spent(kind) for kind in (CLOCK, CPU)}
    for kind, own in spent.items():
        own["start, end"] = whole[kind] - sum(own.values())
    rows = [
        (verb, *(cell for kind in (CLOCK, CPU) for cell in cells(spent[kind][verb], whole[kind])))
        for verb in (*VERBS, "start, end")
    ]
    beside = [(kind, sum(s for verb, s in spent[kind].items() if verb not in WORK)) for kind in (CLOCK, CPU)]
    rows.append(("overhead", *(cell for kind, seconds in beside for cell in cells(seconds, whole[kind]))))
    calls, generations = len(record.of("label")) + len(record.of("failed")), len(record.of("judged"))
    print(f"\n{path or 'copper of mdcore init learn'}: {generations} generations, {calls} calls of the oracle\n")
    print("\n".join(lines(record)) + "\n")
    print(common.table(("verb", "clock, s", "share", "processor, s", "share"), rows))


def cells(seconds: float, whole: float) -> tuple[str, str]:
    return f"{seconds:.2f}", f"{100.0 * seconds / whole:.1f} %"


def mdcore(arguments, folder: Path) -> None:
    """A command, which must go well."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each process would compile all of mdcore, as no user's does
    done = subprocess.run(
        [sys.executable, "-m", "mdcore", *map(str, arguments)], cwd=folder, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"mdcore {arguments[0]} failed:\n{done.stdout}")


def processor() -> float:
    """Seconds of processors that processes which ended have used, with those that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
