"""Training from Python: one call, labelled structures in, a potential out.

    result = mdcore.train("labels.extxyz", descriptors={"cutoff": 5.0}, optimizer={"type": "kalman", "epochs": 12})
    mdcore.evaluate(mdcore.HDNNPotential(result.model), system)

Arguments are the sections of docs/train-input.md, checked like those of an input file.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mdcore.comm import SelfComm, connect, on_root
from mdcore.config.parse import Parser
from mdcore.config.problems import Origin, Problems, at
from mdcore.config.training import TrainingSettings
from mdcore.config.training_data import DataSettings
from mdcore.errors import InputError
from mdcore.schema import Sections, setting
from mdcore.training import sources
from mdcore.training.labelled import Labelled
from mdcore.training.members import Ended, Members
from mdcore.training.outcome import Trained, outcome
from mdcore.training.prepare import prepare
from mdcore.training.settings import Unsuited
from mdcore.units import METAL


@dataclass(frozen=True, kw_only=True)
class CallSettings(TrainingSettings):
    """Those of a call, whose structures may be at hand."""

    data: tuple[DataSettings, ...] = setting(Sections(DataSettings), "Files of labelled structures.", default=())


def train(data, *, progress: Callable[[dict], None] | None = None, comm=None, **sections) -> Trained:
    """Train a network potential; InputError says what is wrong with the arguments or the data.

    data : a file of labelled structures, a dict of the keys of [[data]], a Labelled, or a list of these
    sections : descriptors, optimizer, and others of a training's input (docs/train-input.md) as dicts with its keys:
        split, network, loss, committee, parallel; and seed, zbl, title, card
    progress : called after each epoch, on rank 0, with a row of the history and the "member"
    comm : a communicator of mpi4py whose ranks share the structures; all call, and all get the result
    """
    comm = SelfComm() if comm is None else connect(comm)
    items = data if isinstance(data, list | tuple) else [data]
    tables = [own if isinstance(own, dict) else {"file": str(own)} for own in items if not isinstance(own, Labelled)]
    document = {"data": tables, **{k: v for k, v in sections.items() if v is not None and k != "output"}}
    problems = Problems(Origin("mdcore.train", document))
    if "output" in sections:
        raise InputError("mdcore.train: output: nothing is written; write result.model yourself")
    settings = Parser(problems, METAL, CallSettings).section(CallSettings, document, ())
    problems.raise_if_any()
    plan = replace(settings.plan, text=f"mdcore.train(..., **{sections!r})")
    try:
        prepared = prepare(plan, lambda: _groups(items, settings), comm)
    except Unsuited as error:
        told = InputError("\n".join(str(at(settings, error.path, line)) for line in str(error).splitlines()))
        told.collective = getattr(error, "collective", False)
        raise told from None
    members, ended = Members(plan, prepared, comm), []
    for member in range(plan.committee.members):
        fit = members.fit(member)
        for row in fit.epochs():
            if progress is not None and comm.rank == 0:
                progress({"member": member, **row})
        ended.append(Ended.of(fit))
    return on_root(comm, lambda: outcome(plan, prepared, ended), share=True)


def _groups(items, settings) -> list:
    """(use, structures) of each file, and of structures that stand one after the other."""
    groups, files = [], iter(settings.sources)
    for before, own in zip([None, *items], items, strict=False):
        if not isinstance(own, Labelled):
            source = next(files)
            groups.append((source.use, sources.of_source(source, settings.plan.needed)))
        elif isinstance(before, Labelled):
            groups[-1][1].append(own)
        else:
            groups.append(("split", [own]))
    return groups
