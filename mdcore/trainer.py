"""Training from Python: one call, labelled structures in, a potential out.

    result = mdcore.train("labels.extxyz", descriptors={"cutoff": 5.0}, optimizer={"type": "kalman", "epochs": 12})
    mdcore.evaluate(mdcore.HDNNPotential(result.model), system)

Arguments are the sections of docs/train-input.md, checked like those of an input file.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mdcore.base.comm import SelfComm, connect, on_root
from mdcore.base.errors import InputError
from mdcore.base.units import METAL
from mdcore.config.arguments import Arguments, CallParser, plain
from mdcore.config.problems import Origin
from mdcore.config.training import TrainingOutputSettings, TrainingSettings
from mdcore.config.training_data import DataSettings
from mdcore.faces.schema import Sections, keys, setting
from mdcore.training.data import sources
from mdcore.training.data.labelled import Labelled
from mdcore.training.data.labels import Labels
from mdcore.training.members import Ended, Members
from mdcore.training.outcome import Trained, outcome
from mdcore.training.prepare import prepare
from mdcore.training.settings import Unsuited

CALL = "mdcore.train"
WRITE = 'use mdcore.potentials.networks.h5.write_h5(result.model, "name.h5")'
SETS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class CallSettings(TrainingSettings):
    """Those of a call, whose structures may be at hand."""

    data: tuple[DataSettings, ...] = setting(Sections(DataSettings), "Files of labelled structures.", default=())
    output: TrainingOutputSettings = TrainingOutputSettings()  # noqa: RUF009  (no argument: nothing is written)


def train(data, *, progress: Callable[[dict], None] | None = None, comm=None, **sections) -> Trained:
    """Train a network potential; InputError says what is wrong with the arguments or the data.

    data : a file of labelled structures, a dict of the keys of [[data]], Atoms of ASE with their labels, a Labelled, or
        a list of these; {"train": ..., "validation": ..., "test": ...} says what each is for, else `split` does
    sections : descriptors, optimizer, and others of a training's input (docs/train-input.md) as dicts with its keys:
        split, network, long_range, subtract, loss, committee, parallel; and seed, zbl, title, card
    progress : called after each epoch, on rank 0, with a row of the history and the "member": its
        number, or "rehearsal" where one layer decides how to train
    comm : a communicator of mpi4py whose ranks share the structures; all call, and all get the result
    """
    if progress is not None and not callable(progress):
        raise InputError(f"{CALL}: progress = {progress!r}: expected a function that takes a dict")
    comm = SelfComm() if comm is None else connect(comm)
    items = list(_spread(data))
    tables = [own for _, own in items if isinstance(own, dict)]
    sections = {name: plain(own, f"{CALL}: {name}") for name, own in sections.items() if own is not None}
    document = {"data": tables, **sections}
    for name in ("optimizer", "subtract"):
        if isinstance(sections.get(name), dict):
            document[name] = [sections[name]]
    problems = Arguments(Origin(CALL, document))
    if not items:
        problems.add(("data",), "no structures; give a file, or structures", [])
    for name in [name for name in document if name == "output" or name in keys(TrainingOutputSettings)]:
        problems.add((name,), f"nothing is written; {WRITE}")
    for name in [name for name in document if name in SETS]:
        problems.add((name,), f'belongs to the data: {{"train": ..., "{name}": ...}} as the first argument')
    problems.raise_if_any()
    settings = CallParser(problems, METAL, CallSettings).section(CallSettings, document, ())
    problems.raise_if_any()
    plan = replace(settings.plan, text=f"{CALL}(..., **{sections!r})")
    try:
        prepared = prepare(plan, lambda: _groups(items, settings), comm)
    except Unsuited as error:
        for line in str(error).splitlines():
            problems.add(error.path, line)
        told = InputError("\n".join(problems.messages))
        told.collective = getattr(error, "collective", False)
        raise told from None
    members, ended, decided = Members(plan, prepared, comm), [], ""
    if rehearsal := members.rehearsal():
        for row in rehearsal.epochs():
            _report(progress, {"member": "rehearsal", **row}, comm)
        decided = members.decide(rehearsal)
    for member in range(plan.committee.members):
        fit = members.fit(member)
        for row in fit.epochs():
            _report(progress, {"member": member, **row}, comm)
        ended.append(Ended.of(fit))
    return on_root(comm, lambda: outcome(plan, prepared, ended, decided), share=True)


def _report(progress, row: dict, comm) -> None:
    """Call `progress` on rank 0; if it raises, all ranks do (collective)."""
    failed = None
    if progress is not None and comm.rank == 0:
        try:
            progress(row)
        except BaseException as error:
            failed = error
    told = comm.bcast(None if failed is None else f"{type(failed).__name__}: {failed}")
    if failed is not None:
        raise failed
    if told is not None:
        raise InputError(f"{CALL}: progress failed on rank 0: {told}").everywhere()


def _spread(data, use: str = "split") -> Iterator[tuple[str, object]]:
    """(use, table of [[data]] or structure), one by one, of what the user hands in."""
    if isinstance(data, Mapping) and data and data.keys() <= set(SETS):
        for name, own in data.items():
            yield from _spread(own, name)
    elif isinstance(data, Mapping):
        table = plain(data, f"{CALL}: data")
        if use != "split" and table.get("use", use) != use:
            raise InputError(f"{CALL}: data: use = {table['use']!r} in what is for {use!r}; drop one of them")
        yield use, table if use == "split" else {**table, "use": use}
    elif isinstance(data, str | os.PathLike):
        yield from _spread({"file": os.fspath(data)}, use)
    elif isinstance(data, Labelled) or hasattr(data, "get_chemical_symbols"):
        yield use, data
    elif isinstance(data, Iterable) and not isinstance(data, bytes):
        for own in data:
            yield from _spread(own, use)
    else:
        raise InputError(
            f"{CALL}: data: expected a file, a dict with the key 'file', Atoms of ASE or a Labelled, or a list of "
            f"these; found {type(data).__name__}"
        )


def _groups(items, settings) -> list:
    """(use, structures) of each file, and of structures that stand one after the other."""
    groups, files, needed, before = [], iter(settings.sources), settings.plan.read, None
    labels = Labels(needed=needed)
    for index, (use, own) in enumerate(items):
        if isinstance(own, dict):
            source = next(files)
            groups.append((source.use, sources.of_source(source, needed)))
            before = None
            continue
        if before != use:
            groups.append((use, []))
        groups[-1][1].append(own if isinstance(own, Labelled) else sources.of_atoms(own, index, labels))
        before = use
    labels.warn()
    return groups
