"""Which files does a run write, and would it destroy something?"""

import contextlib
import os

from mdcore.checkpoint import previous_path
from mdcore.cli import networks
from mdcore.config.problems import at
from mdcore.config.settings import Settings
from mdcore.errors import OutputError
from mdcore.writing import make_folder

CHECKPOINT = ".checkpoint"


def output_files(settings: Settings) -> dict[str, str]:
    """Path -> what it is, of the files this run will write."""
    stages = settings.stage
    files = {}
    if any(stage.thermo_every or stage.trajectory_every for stage in stages):
        frames = any(stage.trajectory_every for stage in stages)
        files[settings.output_path(".h5md")] = "trajectory and thermo log" if frames else "thermo log"
    if any(stage.dump_every for stage in stages):
        files[settings.output_path(".extxyz")] = "extxyz dump"
    if networks.saves(settings):
        files[settings.output_path(networks.SAVED)] = "structures outside the range of training, if there are any"
    if networks.disputes(settings):
        files[settings.output_path(networks.DISPUTED)] = "structures the committee disagrees about, if there are any"
    files[settings.output_path(CHECKPOINT)] = "checkpoint"
    if settings.analysis is not None:
        files[settings.output_path(".analysis.json")] = "analysis"
        if settings.analysis.plot:
            files[settings.output_path(".analysis.png")] = "plot of the analysis"
    return files


def protect(settings: Settings, overwrite: bool, restart: bool) -> None:
    """Make the output folder; refuse to write over the input, or over results unless told."""
    files = output_files(settings)
    for source in filter(None, (settings.source, settings.structure_path)):
        for path in files:
            if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
                raise at(
                    settings,
                    ("output", "name"),
                    f"the run would write over its own input {source}; choose another name, "
                    f"e.g. --set output.name={settings.output.name}-run",
                )
    existing = [path for path in files if os.path.exists(path)]
    if existing and not overwrite and not restart:
        raise OutputError(
            f"{', '.join(existing)}: results exist; continue the run with --restart, replace them with "
            f"--overwrite, or choose another name, e.g. --set output.name={settings.output.name}-2"
        )
    folder = settings.output.directory
    try:
        make_folder(folder)
    except OSError as error:
        raise OutputError(
            str(at(settings, ("output", "directory"), f"can't be made: {error.strerror}"))
        ) from None
    if not os.access(folder, os.W_OK):
        raise OutputError(
            str(at(settings, ("output", "directory"), "may not be written; choose another one"))
        )


def forget(settings: Settings) -> None:
    """Remove what the run that is being replaced left and this one may not write: a restart must not take up its
    checkpoints, nobody its structures for labelling."""
    path, structure = settings.output_path(CHECKPOINT), settings.structure_path
    saved = [settings.output_path(name) for name in (networks.SAVED, networks.DISPUTED)]
    for old in (path, previous_path(path), *saved):
        with contextlib.suppress(FileNotFoundError):
            if not (structure and os.path.samefile(old, structure)):
                os.remove(old)
