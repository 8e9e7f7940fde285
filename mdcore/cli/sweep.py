"""``mdcore sweep``: one input, run for each of several values of its settings; a folder a run, a table at the end."""

import itertools
import os
import sys
from pathlib import Path
from types import SimpleNamespace

from mdcore.base import console
from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, MdcoreError, OutputError
from mdcore.base.writing import writing_text
from mdcore.cli.run import run
from mdcore.config import load
from mdcore.output.averages import TOLD, means, uncertain
from mdcore.output.trajectory import Trajectory

MOST = 1000  # runs
TABLE = "sweep.csv"


def command(arguments, comm) -> int:
    """Run all; the exit code is that of the first that failed."""
    jobs = on_root(comm, lambda: prepare(arguments), share=True)
    say = print if comm.rank == 0 and not arguments.quiet else lambda text="": None
    failed = 0
    for k, job in enumerate(jobs):
        say(f"run {k + 1} of {len(jobs)}: {job.label}, in {job.settings.output.directory}")
        if on_root(comm, lambda job=job: arguments.restart and is_done(job), share=True):
            say("  is done\n")
            continue
        restart = on_root(comm, lambda job=job: arguments.restart and _is_begun(job), share=True)
        try:
            run(job.settings, comm, restart=restart or None, overwrite=arguments.overwrite, quiet=True)
        except MdcoreError as error:
            if error.exit_code not in (3, 5) or not (comm.size == 1 or getattr(error, "collective", False)):
                raise
            if comm.rank == 0:
                console.tell("warning", f"{job.label}: {error}")
            failed = failed or error.exit_code
    on_root(comm, lambda: tell(jobs, arguments))
    return failed


def prepare(arguments) -> list[SimpleNamespace]:
    """All runs, checked before the first begins: `label`, `values`, `settings`; InputError, OutputError."""
    varied = [parse(text) for text in arguments.vary]
    keys = [key for key, _ in varied]
    if "output.directory" in keys:
        raise InputError("--vary output.directory: each run has a folder of its own, in the one that --output names")
    if len(set(keys)) < len(keys):
        raise InputError(f"--vary: {', '.join(keys)}: a key is there twice; name all its values at once")
    combinations = list(itertools.product(*(values for _, values in varied)))
    if len(combinations) > MOST:
        raise InputError(f"--vary: {len(combinations)} runs; at most {MOST}")
    folder = arguments.output or os.path.splitext(os.path.basename(arguments.input))[0] + ".sweep"
    jobs = []
    for values in combinations:
        label = ", ".join(f"{key} = {value}" for key, value in zip(keys, values, strict=True))
        name = "_".join(f"{key.rpartition('.')[2]}={value}" for key, value in zip(keys, values, strict=True))
        name = "".join(letter if letter.isalnum() or letter in "=._-" else "-" for letter in name)
        own = [f"{key}={value}" for key, value in zip(keys, values, strict=True)]
        place = f"output.directory={os.path.join(folder, name)}"
        settings = load(arguments.input, [*arguments.set, *own, place])
        jobs.append(SimpleNamespace(label=label, values=values, settings=settings, folder=folder, keys=keys))
    places = [job.settings.output.directory for job in jobs]
    if len(set(places)) < len(places):
        raise InputError("--vary: two runs would have one folder; name every value once")
    if os.path.exists(os.path.join(folder, TABLE)) and not (arguments.overwrite or arguments.restart):
        raise OutputError(f"{folder}: a sweep is there; --restart goes on, --overwrite replaces it, or --output")
    return jobs


def parse(text: str) -> tuple[str, list[str]]:
    """``stage.temperature=300,400`` -> the key and its values; commas in brackets and quotes are theirs. InputError."""
    key, equals, rest = text.partition("=")
    values, depth, quote = [""], 0, ""
    for letter in rest:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth and not quote:
            values.append("")
        else:
            values[-1] += letter
    values = [value.strip() for value in values]
    if not equals or not key.strip() or not all(values):
        raise InputError(f"--vary {text}: expected KEY=VALUE,VALUE,..., e.g. --vary stage.temperature=300,400,500")
    return key.strip(), values


def is_done(job) -> bool:
    """Has the run come to its end?"""
    log = _log(job)
    return bool(len(log.get("step", ()))) and log["step"][-1] == sum(stage.steps for stage in job.settings.stage)


def _is_begun(job) -> bool:
    return os.path.exists(job.settings.output_path(".checkpoint"))


def _log(job) -> dict:
    path = Path(job.settings.output_path(".h5md"))
    if not path.exists():
        return {}
    with Trajectory(path) as trajectory:
        return trajectory.thermo()


def tell(jobs, arguments) -> None:
    """The table: of each run its values, and the means of its last stage with their errors."""
    rows = []
    for job in jobs:
        log, stage = _log(job), job.settings.stage[-1]
        first = sum(each.steps for each in job.settings.stage) - stage.steps
        after = {name: values[log["step"] > first] for name, values in log.items()}
        rows.append(means(after, TOLD) if is_done(job) else {})
    columns = [name for name in TOLD if any(name in row for row in rows)]
    keys = jobs[0].keys
    table = [[*keys, *columns]]
    for job, row in zip(jobs, rows, strict=True):
        cells = [uncertain(*row[name]) if name in row else "-" for name in columns]
        table.append([*job.values, *(cells or ["-"])])
    widths = [max(len(row[k]) if k < len(row) else 0 for row in table) for k in range(len(table[0]))]
    path = os.path.join(jobs[0].folder, TABLE)
    with writing_text(path) as stream:
        stream.write(",".join([*map(_quoted, keys), *(f"{name},{name}_error" for name in columns)]) + "\n")
        for job, row in zip(jobs, rows, strict=True):
            numbers = [repr(number) for name in columns for number in row.get(name, (float("nan"),) * 2)]
            stream.write(",".join([*map(_quoted, job.values), *numbers]) + "\n")
    if not arguments.quiet:
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        print("\n".join(["means of the last stage, +- standard error of blocks:", "", *lines, "", f"wrote {path}"]))
        sys.stdout.flush()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(letter in text for letter in ',"\n') else text
