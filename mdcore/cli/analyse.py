"""``mdcore analyse``: what do the results of a run tell?"""

import math
import os
from pathlib import Path
from types import SimpleNamespace

from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, OutputError
from mdcore.config.problems import suggest

WHAT = ("rdf", "diffusion", "vibrations", "viscosity", "conductivity", "dielectric", "infrared", "raman", "means")


def command(arguments, comm) -> None:
    on_root(comm, lambda: print(run(arguments)))


def run(arguments) -> str:
    """What to tell; writes the table and the picture. InputError, OutputError."""
    from mdcore.analysis import analyse
    from mdcore.analysis.report import open_frames

    asked = parse_what(arguments.what)
    if arguments.blocks < 2:
        raise InputError(f"--blocks {arguments.blocks}: expected 2 or more; their scatter is the error")
    for name in ("rdf_max", "end", "interval", "temperature"):
        value = getattr(arguments, name)
        if value is not None and not 0.0 < value < float("inf"):
            raise InputError(f"--{name.replace('_', '-')} {value}: expected a number > 0")
    path = Path(arguments.results)
    source = _source(path, arguments)
    with open_frames(source) as trajectory:
        tensors = _tensors(arguments, asked)
        wanted = asked or [*there(trajectory), *(tensors.analyses if tensors and all(trajectory.periodic) else ())]
    if not wanted:
        raise InputError(f"{path}: holds no positions, no velocities and no thermo log")
    output = Path(arguments.output) if arguments.output else path.with_suffix(".analysis")
    suffixes = (".json", ".png", *([".tensors.csv"] if tensors else []))
    files = [output.with_name(output.name + suffix) for suffix in suffixes]
    for file in files:
        if os.path.lexists(file) and not arguments.overwrite:
            raise OutputError(f"{file}: exists; --overwrite replaces it, --output NAME chooses another name")
        if not file.parent.is_dir():
            raise OutputError(f"{file}: there is no such folder")
    settings = SimpleNamespace(**{name: name in wanted for name in WHAT}, rdf_max=arguments.rdf_max, plot=True)
    report = analyse(
        source, settings, first_step=arguments.first, last_step=arguments.last, output=output, blocks=arguments.blocks,
        integral_end=arguments.end, tensors=tensors,
    )  # fmt: skip
    head = f"{path}: steps {report.steps[0]} to {report.steps[1]}"
    if report.times[1] == report.times[1]:  # known
        head += f", {report.times[0]:g} to {report.times[1]:g} {report.units.labels['time']}"
    return "\n".join([head, "", *report.lines()])


def _source(path: Path, arguments):
    """What `analyse` takes for it; InputError."""
    from mdcore.analysis.text import TextTrajectory

    if path.suffix.lower() not in (".h5md", ".h5"):
        return TextTrajectory(path, arguments.units or "metal", arguments.interval, arguments.unwrapped)
    for name in ("interval", "unwrapped", "units"):
        if getattr(arguments, name):
            raise InputError(f"--{name}: {path} tells it; leave it out")
    return path


def _tensors(arguments, asked: list[str]):
    """The networks of --tensors, or None; InputError for those that nobody wants."""
    from mdcore.analysis.tensors import WANTED, Tensors

    if not arguments.tensors:
        if arguments.temperature is not None:
            raise InputError("--temperature: is for --tensors, of a trajectory that does not tell it")
        return None
    found = Tensors(arguments.tensors, arguments.temperature)
    if asked and not any(name in asked for name in WANTED):
        raise InputError(f"--tensors: nothing in --what {arguments.what} is made of them: {', '.join(WANTED)} are")
    return found


def there(trajectory) -> list[str]:
    """What can be computed of a file."""
    log = trajectory.thermo()
    found = ["rdf", "diffusion"] if "position" in trajectory.fields else []
    found += ["vibrations"] if "velocity" in trajectory.fields else []
    found += ["conductivity"] if "heat_current_x" in log else []
    of_cells = len(log.get("volume", ())) > 0 and math.isfinite(log["volume"][0])
    found += ["dielectric", "infrared"] if "dipole_x" in log and of_cells else []
    found += ["raman"] if "polarizability_xx" in log else []
    return found + (["means"] if log else [])


def parse_what(text: str | None) -> list[str]:
    """The words of --what; InputError."""
    words = [word.strip() for word in text.split(",")] if text is not None else []
    for word in words:
        if word not in WHAT:
            raise InputError(f"--what {text}: no '{word}'; {suggest(word, WHAT)}")
    return words
