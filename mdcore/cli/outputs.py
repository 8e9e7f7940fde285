"""What does this run write, and how often in each stage?"""

import sys
from contextlib import contextmanager, suppress

from mdcore.base import console
from mdcore.base.errors import InputError, OutputError
from mdcore.cli import networks
from mdcore.cli.assemble import Stage, is_in_log
from mdcore.cli.files import BROKEN, CHECKPOINT, LOG
from mdcore.config.settings import Settings
from mdcore.dynamics.simulation import is_due
from mdcore.output import provenance
from mdcore.output.averages import lines, write_csv
from mdcore.output.checkpoint import Checkpointer
from mdcore.output.dump import ExtxyzDump
from mdcore.output.h5md import H5MDFile
from mdcore.output.selection import Selection
from mdcore.output.thermo_log import ThermoLog
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.watch.broken_bonds import BrokenBonds

MINUTES = 10.0  # between checkpoints, if the input says nothing of them


class Outputs:
    """The observers of a run. Writing is done by rank 0; every rank has them all.

    resume_step : continue existing files after dropping what is later than this step
    quiet : nothing on the screen
    """

    def __init__(self, settings: Settings, sim, stages, cpu: str, resume_step=None, overwrite=False, quiet=False):
        out, comm = settings.output, sim.comm
        about = {"title": settings.title, "ranks": str(comm.size), **networks.provenance(settings, sim.potential)}
        about["potentials"] = " + ".join(s.title for s in settings.potential)
        self.provenance = comm.bcast(provenance.collect(settings.text, cpu, settings.seed, **about))
        files = {"provenance": self.provenance, "resume_step": resume_step, "overwrite": overwrite}
        self.file = H5MDFile(settings.output_path(".h5md"), note=tell, **files)
        extra = resume_step is not None and not is_in_log(stages, resume_step)
        self.thermo = ThermoLog(
            0, None if quiet else sys.stdout, self.file, drop=resume_step if extra else None,
            groups={group.name: group.measure for group in settings.group if group.measure},
            columns=out.thermo_columns or (), show_every=out.screen_every,
        )  # fmt: skip
        self.csv = settings.output_path(LOG) if out.thermo_csv else None
        self.trajectory = H5MDWriter(
            self.file, 0, out.trajectory_fields, atoms=out.trajectory_atoms or (), compression=out.compression
        )
        chosen = Selection(out.dump_fields, out.dump_atoms or ())
        self.dump = ExtxyzDump(settings.output_path(".extxyz"), 0, note=tell, selection=chosen, **files)
        self.extrapolated = ExtxyzDump(settings.output_path(networks.SAVED), 0, note=lambda text: None, **files)
        self.disputed = ExtxyzDump(settings.output_path(networks.DISPUTED), 0, note=lambda text: None, **files)
        self.broken = ExtxyzDump(settings.output_path(BROKEN), 0, note=lambda text: None, **files)
        for watcher, _ in sim.watchers:
            if isinstance(watcher, BrokenBonds):
                watcher.saver.dump = self.broken
        extrapolated = self.extrapolated if networks.saves(settings) else None
        networks.connect(sim, extrapolated, self.disputed if networks.disputes(settings) else None)
        asked = out.checkpoint_every or out.checkpoint_minutes is not None
        self._last_checkpoint = asked or resume_step is not None  # one at the end, however short the run
        self.checkpoint = Checkpointer(
            settings.output_path(CHECKPOINT),
            out.checkpoint_every,
            (out.checkpoint_minutes or 0.0) if asked else MINUTES,
            self.provenance,
            outputs=[self.file, self.dump, self.extrapolated, self.disputed, self.broken],
        )
        self.observers = [
            self.thermo, self.trajectory, self.dump, self.checkpoint, self.extrapolated, self.disputed, self.broken
        ]  # fmt: skip

    def begin_stage(self, stage: Stage) -> None:
        """Take over the intervals of a stage; its last step is in the thermo log whatever they are."""
        self.thermo.every, self.thermo.last = stage.settings.thermo_every, stage.last
        self.trajectory.every = stage.settings.trajectory_every
        self.dump.every = stage.settings.dump_every

    def observe(self, sim) -> None:
        """Call every observer whose turn it is at this step (collective)."""
        for observer in self.observers:
            if is_due(observer, sim.step):
                observer.observe(sim)

    def finish(self, sim) -> None:
        """The run came to its end: a last checkpoint, if there are checkpoints at all (collective)."""
        if sim.comm.rank == 0:
            self._write_csv()
        if (self.checkpoint.steps or self.checkpoint.minutes) and (self._last_checkpoint or self.checkpoint.written):
            self.write_checkpoint(sim)

    def _write_csv(self):
        if self.csv and (log := self.thermo.rows()):
            write_csv(self.csv, log)
            self.csv = None

    def averages(self, stage: Stage) -> list[str]:
        """What the log says of a stage on the average; on rank 0."""
        log = self.thermo.rows(stage.first)
        told = lines(log, {name: self.thermo.unit_of(name) for name in log})
        return [f"means of {stage.name}, {len(log['step'])} rows, +- standard error of blocks:", *told] if told else []

    def write_checkpoint(self, sim) -> None:
        """A checkpoint of this step, unless there is one (collective)."""
        if self.checkpoint.last_step != sim.step:
            self.checkpoint.write(sim)

    @contextmanager
    def closing(self, comm):
        """Close the files at the end of the block; if it failed, its error is the one to hear of."""
        try:
            try:
                yield
            except BaseException:
                with suppress(Exception):
                    self._close(comm)
                raise
            self._close(comm)
        except OutputError as error:
            raise self._advised(error) from error

    def _advised(self, error: OutputError) -> OutputError:
        """`error`, and how the run can be taken up again."""
        path = self.checkpoint.path
        there = f"The last checkpoint is intact: {path}; then continue with --restart"
        told = OutputError(f"{error}. {there if path.exists() else 'There is no checkpoint: begin again, --overwrite'}")
        told.collective = getattr(error, "collective", False)
        return told

    def _close(self, comm):
        if comm.rank == 0:
            self._write_csv()
            for observer in self.observers:
                observer.close()


def tell(message: str) -> None:
    console.tell("note", message)


def tell_differences(path: str, text: str, settings, what: str) -> None:
    """Tell if the file at `path` is of an input, `text`, that said something else than `settings`."""
    if text == settings.text:
        return
    from mdcore.config.differences import told

    if note := told(path, text, settings, what):
        tell(note)


def differs(text: str, settings, section: str) -> bool:
    """Does a section of `settings` say something else than in the input `text`?"""
    try:
        return bool(changes(text, settings, section))
    except InputError:
        return True


def changes(text: str, settings, section: str) -> list[str]:
    """What a section of `settings` says otherwise than the input `text`; InputError if that can't be read."""
    if text == settings.text:
        return []
    from mdcore.config.differences import differences

    return [line for line in differences(text, settings) if line.startswith((f"{section}.", f"{section} "))]
