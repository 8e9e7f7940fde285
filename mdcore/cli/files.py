"""Which files does a run write, and would it destroy something?"""

import os

from mdcore.base.errors import OutputError
from mdcore.base.writing import cannot_write, make_folder, remove
from mdcore.cli import networks
from mdcore.cli.clashes import clash, identities
from mdcore.config.problems import at
from mdcore.config.settings import Settings
from mdcore.output.checkpoint import is_checkpoint, previous_path
from mdcore.output.dump import is_dump

CHECKPOINT = ".checkpoint"
LOG = ".thermo.csv"
BROKEN = "-broken.extxyz"


def output_files(settings: Settings) -> dict[str, str]:
    """Path -> what it is, of the files this run will write."""
    stages = settings.stage
    files = {}
    if any(stage.thermo_every or stage.trajectory_every for stage in stages):
        frames = any(stage.trajectory_every for stage in stages)
        files[settings.output_path(".h5md")] = "trajectory and thermo log" if frames else "thermo log"
    if settings.output.thermo_csv and any(stage.thermo_every for stage in stages):
        files[settings.output_path(LOG)] = "thermo log as text"
    if any(stage.dump_every for stage in stages):
        files[settings.output_path(".extxyz")] = "extxyz dump"
    if networks.saves(settings):
        files[settings.output_path(networks.SAVED)] = "structures outside the range of training, if there are any"
    if networks.disputes(settings):
        files[settings.output_path(networks.DISPUTED)] = "structures the committee disagrees about, if there are any"
    if settings.limits.bonds is not None:
        files[settings.output_path(BROKEN)] = "structure with a broken bond, if there is one"
    files[settings.output_path(CHECKPOINT)] = "checkpoint"
    if settings.analysis is not None:
        files[settings.output_path(".analysis.json")] = "analysis"
        if settings.analysis.plot:
            files[settings.output_path(".analysis.png")] = "plot of the analysis"
    return files


def input_files(settings: Settings) -> list[str]:
    """What this run reads: files and folders."""
    reference = settings.analysis and settings.analysis.reference
    rdf = [settings.beside(reference.rdf)] if reference and reference.rdf else []
    potentials = [settings.beside(file) for s in settings.potential for file in s.files]
    molecules = [settings.beside(one.file) for one in settings.structure.insert]
    included = sorted(set(settings.origin.files.values()))
    return [settings.source, *included, *filter(None, [settings.structure_path]), *molecules, *potentials, *rdf]


def check_names(settings: Settings) -> None:
    """InputError if the run would write over what it reads; OutputError if a file can't be written over."""
    checkpoint = settings.output_path(CHECKPOINT)
    wrong = clash([*output_files(settings), previous_path(checkpoint)], input_files(settings))
    if wrong:
        raise at(
            settings,
            ("output", "name"),
            f"the run would write over its own input or output: {wrong}; choose another name, "
            f"e.g. --set output.name={settings.output.name}-run",
        )


def protect(settings: Settings, overwrite: bool, restart: bool) -> None:
    """Make the output folder; refuse to write over the input, or over results unless told."""
    check_names(settings)
    previous = str(previous_path(settings.output_path(CHECKPOINT)))
    existing = [path for path in (*output_files(settings), previous) if os.path.exists(path)]
    if existing and not overwrite and not restart:
        kept = any(os.path.exists(path) for path in (settings.output_path(CHECKPOINT), previous))
        go_on = "; continue the run with --restart," if kept else ", but no checkpoint to --restart from;"
        raise OutputError(
            f"{', '.join(existing)}: results exist{go_on} replace them with --overwrite, or choose another name, "
            f"e.g. --set output.name={settings.output.name}-2"
        )
    open_folder(settings)


def open_folder(settings) -> None:
    """Make the output folder of a run or a training; OutputError if it can't be written to."""
    folder = settings.output.directory
    try:
        make_folder(folder)
    except OSError as error:
        why = error.strerror
        if isinstance(error, FileExistsError):
            why = "it is a link that leads nowhere" if os.path.islink(folder) else "there is a file of that name"
        raise OutputError(str(at(settings, ("output", "directory"), f"can't be made: {why}"))) from None
    if not os.access(folder, os.W_OK):
        raise OutputError(
            str(at(settings, ("output", "directory"), "may not be written; choose another one"))
        )


def forget(settings: Settings) -> None:
    """Remove what the run that is being replaced left and this one may not write: a restart must not take up its
    checkpoints, nobody its structures for labelling. What mdcore did not write stays, and what this run reads."""
    path, read = settings.output_path(CHECKPOINT), identities(input_files(settings))
    ours = [old for old in (path, previous_path(path)) if is_checkpoint(old)]
    ours += [old for old in map(settings.output_path, (networks.SAVED, networks.DISPUTED, BROKEN)) if is_dump(old)]
    for old in ours:
        if not read.keys() & identities([old]).keys():
            try:
                remove(old)
            except OSError as error:
                raise OutputError(cannot_write(old, error)) from None
