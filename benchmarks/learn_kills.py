"""Does a campaign that was killed ten times at random end as one that was not?

    python benchmarks/learn_kills.py                            # copper of `mdcore init learn`
    python benchmarks/learn_kills.py inputs/learn/water/learn.toml --seed 3

Runs the campaign once, then again with SIGKILL to its whole process group at random moments, until it was killed ten
times while it worked, each time followed by --restart; the last start goes on to the end. Then compares what must be
the same to the last bit: which structures were chosen and why, their labels and failures, judgements, errors after each
training, the fingerprints of all potentials, and all files of structures. It ends with code 1 where anything differs.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import common

from mdcore.learn.process import family
from mdcore.learn.record import NAME

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzz.kills import forget, memory_of  # noqa: E402  (it is no package that is installed)

SHARE = 0.25  # of the time of an undisturbed campaign, until the latest kill after a start
TIMES = ("at", "hours", "spent", "cpu", "version")  # what may differ
ONCE = ("resume", "begin")  # how often it was started


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("input", nargs="?", help="learn.toml; none: the example of mdcore init learn")
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--seed", type=int, default=1, help="of the moments")
    options.add_argument("--set", action="append", default=[], help="section.key=value, as mdcore learn has it")
    given = options.parse_args()
    print(common.machine())
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(compare(given, Path(folder)))


def compare(given, folder: Path) -> int:
    """Run both; 0 if they end alike."""
    source = "learn.toml" if given.input is None else Path(given.input).resolve()
    if given.input is None:
        for arguments in (["init", "learn"], ["run", "learn_start.toml", "--quiet"]):
            start(arguments, folder, "prepared").wait()
    overrides = [word for own in given.set for word in ("--set", own)]
    commands = {
        name: ["learn", source, "--quiet", *overrides, "--set", f"campaign.directory={name}"]
        for name in ("whole", "killed")
    }
    began = time.monotonic()
    if start(commands["whole"], folder, "whole").wait():
        sys.exit((folder / "whole.log").read_text())
    longest = SHARE * (time.monotonic() - began)
    record, chance, hit = folder / "killed" / NAME, random.Random(given.seed), []
    while True:
        more = ["--restart"] if record.exists() else []
        child = start([*commands["killed"], *more], folder, "killed")
        wait = chance.uniform(0.0, longest) if len(hit) < given.kills else None
        try:
            code = child.wait(wait)
        except subprocess.TimeoutExpired:
            left = memory_of(family(child.pid))  # an oracle's, if it has MPI, as LAMMPS has
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            forget(left)
            hit.append(last_event(record))
            continue
        if code:
            sys.exit((folder / "killed.log").read_text())
        break
    told = ", ".join(f"{count} after {event}" for event, count in Counter(hit).items())
    print(f"killed {len(hit)} times of {given.kills}: {told}")
    whole, killed = (told_of(folder / name) for name in ("whole", "killed"))
    differ = [key for key in sorted({*whole, *killed}) if whole.get(key) != killed.get(key)]
    events = Counter(key.split()[0] for key in whole)
    print("compared: " + ", ".join(f"{count} {what}" for what, count in events.items()))
    print("all the same to the last bit" if not differ else "DIFFERENT: " + ", ".join(differ[:20]))
    return int(bool(differ) or len(hit) < given.kills)


def start(arguments, folder: Path, name: str) -> subprocess.Popen:
    """A command that leads a process group of its own; what it says goes to a file."""
    with open(folder / f"{name}.log", "w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "mdcore", *map(str, arguments)], cwd=folder, stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
        )  # fmt: skip


def last_event(record: Path) -> str:
    """What was done last, by a record in which the last line may be torn."""
    for line in reversed(record.read_text().splitlines() if record.exists() else []):
        try:
            event = json.loads(line)["event"]
        except ValueError:
            continue
        if event not in ONCE:
            return event
    return "nothing"


def told_of(campaign: Path) -> dict[str, object]:
    """{what: what must be the same}, of events but for times, and of files of structures."""
    found = {}
    for line in (campaign / NAME).read_text().splitlines():
        event = json.loads(line.replace(str(campaign.resolve()), "campaign"))  # lost explorers name files
        if event["event"] in ONCE:
            continue
        which = [str(event[key]) for key in ("generation", "explorer", "hash") if key in event]
        key = " ".join([event["event"], *which])
        own = {name: value for name, value in event.items() if name not in TIMES}
        if key in found and found[key] != own:
            found[key] = "twice, differently"
        else:
            found[key] = own
    for path in sorted(campaign.glob("generation-*/**/*.extxyz")):
        found[f"file {path.relative_to(campaign)}"] = path.read_bytes()
    return found


if __name__ == "__main__":
    main()
