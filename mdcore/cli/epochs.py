"""The epochs of a training: what is told of them, when is their state kept, and how do they go on or end?"""

import time

import numpy as np

from mdcore.base.errors import InputError, Interrupted
from mdcore.cli.outputs import tell
from mdcore.cli.training_file import TrainingFile
from mdcore.training import metrics

FEW = 20  # epochs that are told whatever time they take


def go_on(fit, state, path: str) -> None:
    """Restore a fit from a state of the file `path`; InputError if it is another training's."""
    try:
        fit.restore(state)
    except InputError as error:
        told = InputError(f"{path}: {error}")
        told.collective = True
        raise told from None


def nothing_left(fit, usual: bool = False) -> str:
    """If a fit that was restored has no epoch left: why, and what would make it train on.
    usual : the input names no optimisers (recipe.py)"""
    if fit.left:
        return ""
    if usual:
        return (
            "; nothing is left to train: all that is usual for one layer is done. For more: write it out, an "
            "[[optimizer]] a step (docs/training.md has them), with larger numbers"
        )
    own = fit.stages[fit.stage] if fit.stage < len(fit.stages) else None
    number = f"[[optimizer]] #{fit.stage + 1}"
    if own is None:
        why = f"{number}, with which it ended, is not in the input any more"
    elif fit.epoch >= own.epochs:
        why = f"{fit.epoch} epochs of {number}, {own.name}, are done, and it says epochs = {own.epochs}"
    elif own.patience and fit.since >= own.patience:
        why = f"{number}, {own.name}, had {fit.since} epochs without a better error, patience = {own.patience}"
    else:
        timed = fit.optimizer is not None and getattr(fit.optimizer.settings, "minutes", 0.0)
        why = f"{number}, {own.name}, " + ("has had its minutes" if timed else "finds nothing better")
    return f"; nothing is left to train: {why}. For more: larger numbers there, or another [[optimizer]] after it"


def best(fit, warm: bool = False) -> str:
    """Which epoch is kept; a word, whatever is shown, if that is none that was trained.
    warm : it began with a potential"""
    if not fit.best_epoch and warm and fit.training.comm.rank == 0:
        tell("no epoch was better than the potential that it began with, which is kept")
    elif not fit.best_epoch and fit.training.comm.rank == 0:
        tell(
            "no epoch was better than the start, so the networks know nothing. Look at the labels (mdcore check), let "
            "it train longer, or take smaller steps"
        )
    return f"best: epoch {fit.best_epoch}"


def run(settings, fit, member: int | str, file: TrainingFile, stop, say) -> None:
    """All epochs of one member, told one by one: the first FEW, then at most one a second, and the last."""
    comm, saved, began, done = fit.training.comm, time.monotonic(), time.monotonic(), 0
    told, line = 0.0, ""
    for row in fit.epochs():
        if not told:
            say(heads(row))
        done += row["epoch"] > 0
        pace = (time.monotonic() - began) / max(done, 1)
        line = f"{row['epoch']:>6.0f} {row['seconds']:>7.1f}  {cells(row)}  {clock(pace * fit.left) if done else ''}"
        if done <= FEW or time.monotonic() - told >= 1.0:
            say(line)
            told, line = time.monotonic(), ""
        due = time.monotonic() - saved > 60 * settings.output.checkpoint_minutes
        due, stopped = comm.maximum(np.array([due, stop()], dtype=np.float64))  # ranks agree
        if due or stopped:
            file.put_state(fit, member)
            saved = time.monotonic()
        if stopped:
            signals = filter(None, comm.allgather(getattr(stop, "received", None)))
            raise Interrupted(
                f"{next(signals, 'a request to stop')} came: stopped after epoch {row['epoch']:.0f}; its state is in "
                f"{file.path}; go on with --restart"
            ).everywhere()
    if line:
        say(line)
    file.put_state(fit, member)


def heads(row) -> str:
    """Names of columns, units below."""
    wide, names = width(row), [name for name, value in row.items() if " " in name and not np.isnan(value)]
    units = " ".join(f"{metrics.UNITS[name.split()[-1]]:>{wide}}" for name in names)
    names = " ".join(f"{name.replace('validation', 'valid'):>{wide}}" for name in names)
    return f"{'epoch':>6} {'s':>7}  {names}  left\n{units:>{16 + len(units)}}"


def width(row) -> int:
    """Of a column of errors."""
    return max([13, *(len(name.replace("validation", "valid")) for name, x in row.items() if not np.isnan(x))])


def cells(row) -> str:
    wide = width(row)
    return " ".join(f"{value:>{wide}.4g}" for name, value in row.items() if " " in name and not np.isnan(value))


def clock(seconds: float) -> str:
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
