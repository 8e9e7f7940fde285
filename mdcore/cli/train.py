"""``mdcore train``: from labelled structures to a potential that runs."""

import os
from contextlib import ExitStack

from mdcore.base.comm import SelfComm, on_root
from mdcore.base.errors import InputError
from mdcore.base.signals import StopSignals
from mdcore.base.writing import writing_text
from mdcore.cli import train_tensors
from mdcore.cli.epochs import best, go_on, nothing_left, run
from mdcore.cli.outputs import tell
from mdcore.cli.training import prepared_of, refuse_clash
from mdcore.cli.training_file import REHEARSAL, SUFFIX, TrainingFile, keep_results
from mdcore.config.load_training import load_training
from mdcore.config.training import TrainingSettings
from mdcore.config.training_tensors import TensorTrainingSettings
from mdcore.faces.schema import toml
from mdcore.output.lock import RunLock, lock_path
from mdcore.potentials.counted import KINDS
from mdcore.potentials.networks import walls
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.model import HDNNP
from mdcore.potentials.networks.n2p2.write import folder_files, member_folders, write_n2p2
from mdcore.training import recipe
from mdcore.training.data.labelled import elements_of, gaps
from mdcore.training.families import family
from mdcore.training.members import Ended, Members, name_of
from mdcore.training.outcome import outcome
from mdcore.training.prepare import has
from mdcore.training.settings import ALL, BALANCED, LABELS
from mdcore.training.summary import fitted_by_atoms, nothing_pulls, summarise

LOPSIDED = 100.0  # times as large is a weight that leaves nothing to another one


def command(arguments, comm) -> None:
    settings = on_root(comm, lambda: load_training(arguments.input, arguments.set), share=True)
    say = (lambda text="": None) if arguments.quiet else lambda text="": print(text, flush=True)
    trains = train_tensors.train if isinstance(settings, TensorTrainingSettings) else train
    trains(settings, restart=arguments.restart, overwrite=arguments.overwrite, say=say, comm=comm)


def check(path: str, overrides=()) -> str:
    """What is in the data and what would be trained; InputError."""
    settings = load_training(path, overrides)
    if isinstance(settings, TensorTrainingSettings):
        return train_tensors.check(settings)
    check_names(settings)
    prepared = prepared_of(settings)
    lines = [f"{path}: the input is right", *about(settings, prepared)]
    subsets = [name for name, own in prepared.data.subsets().items() for _ in own]
    lines += ["", str(summarise(prepared.left.all, prepared.atom_energies, prepared.reach, subsets))]
    return "\n".join([*lines, "", *(f"writes {file} ({what})" for file, what in outputs(settings).items())])


def about(settings: TrainingSettings, prepared, ranks: int = 1) -> list[str]:
    """Data and models, in a few lines."""
    members = settings.committee.members
    return [
        "structures: " + ", ".join(f"{len(own)} {name}" for name, own in prepared.data.subsets().items()),
        *missing(settings, prepared.data),
        "atom energies: " + ", ".join(f"{e} {x:.6f} eV" for e, x in prepared.atom_energies.items()),
        *str(family(settings.plan, prepared)).splitlines(),
        *([f"begins with the parameters of {settings.warm_start}"] if settings.warm_start else []),
        *([f"committee: {members} members"] if members > 1 else []),
        f"walls: {walls.table(prepared.walls)} Angstrom" if prepared.walls else "walls: none",
        *(f"subtracted from labels: {law!r}" for law in settings.plan.subtract),
        *unsaid(settings),
        optimisers(settings.plan, prepared, ranks),
        *lopsided(settings.plan.loss),
    ]


def optimisers(plan, prepared, ranks: int = 1) -> str:
    """One after the other, and why these where the input names none."""
    told = []
    for own in recipe.optimizers(plan, prepared, ranks):
        part, fresh = getattr(own, "part", ALL), getattr(own, "fresh", False)
        how = f"{part} part, " * (part != ALL) + "afresh, " * fresh
        told.append(f"{name_of(own)} ({how}up to {own.epochs} epochs)")
    return "optimisers: " + ", then ".join(told) + recipe.told(plan, prepared, ranks)


def unsaid(settings: TrainingSettings) -> list[str]:
    """A word on a card that does not say what the labels contain."""
    if settings.plan.contains is not None:
        return []
    return [
        f"[card]: contains is not there: what of long range do the labels contain, e.g. contains = {toml(KINDS)}? Then "
        "no run adds it a second time"
    ]


def lopsided(loss) -> list[str]:
    """A word on weights of which one is forgotten: they have no units."""
    known = [(own, name) for name in LABELS if (own := getattr(loss, name)) and own != BALANCED]
    (least, minor), (most, major) = min(known, default=(1.0, "")), max(known, default=(1.0, ""))
    if most < LOPSIDED * least:
        return []
    return [
        f"[loss]: {major} = {most:g} beside {minor} = {least:g}: weights have no units, so {minor} hardly count"
        f"{'s' if minor not in ('forces', 'charges') else ''}; mostly both are between 0.1 and 10"
    ]


def missing(settings: TrainingSettings, data) -> list[str]:
    """What is left out of the data, or not there."""
    told = []
    if data.strangers:
        elements, first = ", ".join(elements_of(data.strangers)), data.strangers[0].where
        told.append(f"left out: lone atoms of {elements} ({first}), which no structure to train on contains")
    own = [s for s in data.train + data.validation if not s.isolated]
    told += [f"{line}: what is missing does not count" for line in gaps(own, *settings.plan.needed)]
    if "stress" not in settings.plan.needed and (n := sum(s.stress is not None for s in data.train)):
        told.append(
            f"stress: {n} structures to train on have labels of it that are not trained on ([loss] stress = 0), so "
            "pressures may be off by many GPa; [loss] stress = 1 trains on them"
        )
    if settings.plan.needed == ("energy",):
        told += fitted_by_atoms([s for s in data.train if s.energy is not None and not s.isolated])
    if "forces" in settings.plan.needed:
        told += nothing_pulls(own)
    if not data.validation and settings.plan.split.validation and settings.plan.optimizer:
        told.append(
            f"nothing validates: of {len(data.train)} structures to train on none is held back, so their own errors "
            'decide which epoch is the best; give more, or a file with use = "validation"'
        )
    for label in settings.plan.needed:
        if data.validation and not has(data.validation, label):
            told.append(f"no {label} in structures that validate: other errors decide which epoch is the best")
    return told


def outputs(settings: TrainingSettings) -> dict[str, str]:
    """Path -> what it is, of the files that a training writes."""
    members = settings.committee.members
    files = {settings.output_path(".h5"): "potential" if members == 1 else f"potential, a committee of {members}"}
    if settings.output.n2p2:
        bare = "" if settings.zbl == "off" else ", without the walls, which n2p2 has no place for"
        for folder in member_folders(settings.output_path("-n2p2"), members):
            files[str(folder)] = ("potential for n2p2" if members == 1 else "member for n2p2") + bare
    files[settings.output_path(SUFFIX)] = "history, and state to go on from"
    files[settings.output_path(".errors.txt")] = "errors"
    if settings.output.plot:
        files[settings.output_path(".parity.png")] = "predictions against labels"
        files[settings.output_path(".learning.png")] = "learning curves"
    return files


def train(
    settings: TrainingSettings, *, restart=False, overwrite=False, say=print, stop=None, comm=None
) -> HDNNP | None:
    """Train all members, write everything; the potential, on rank 0. Interrupted with a checkpoint if asked to stop.

    comm : ranks that share the structures; rank 0 alone reads, speaks and writes
    """
    comm = comm or SelfComm()
    say = say if comm.rank == 0 else lambda text="": None
    on_root(comm, lambda: protect(settings, restart, overwrite))
    with ExitStack() as held:
        on_root(comm, lambda: held.enter_context(RunLock(lock_path(settings.output.directory, settings.output.name))))
        prepared = prepared_of(settings, comm)
        say("\n".join(about(settings, prepared, comm.size)))
        sets = Members(settings.plan, prepared, comm)
        size, kept = sets.memory()
        say(f"{sets.family.seen}: {size:.2f} GB, {100 * kept:.0f} % of the structures kept\n")
        file = TrainingFile(settings, comm)
        held.enter_context(file.advising())
        begun = file.begun(prepared.subsets()["train"]) if restart else set()
        if begun and (told := recipe.unlike(settings.plan, prepared, file.ranks(), comm.size)):
            raise InputError(f"{file.path}: {told}").everywhere()
        # signals are caught only now: before, there is nothing to keep, and they end the process at once
        stop = held.enter_context(StopSignals()) if stop is None else stop

        def course(fit, member, which: str) -> None:
            if member in begun:
                go_on(fit, file.state(member), file.path)
                if fit.left or member != REHEARSAL:  # of one that is over its decision is told
                    left = nothing_left(fit, not settings.optimizer)
                    say(f"{which} goes on after epoch {len(fit.history['epoch']) - 1}{left}")
            if not file.is_open:  # not before: what was refused leaves the file as it was
                file.begin(prepared, prepared.subsets(), sets.family.blank, afresh=not restart)
            run(settings, fit, member, file, stop, say)

        decided = ""
        if rehearsal := sets.rehearsal():
            course(rehearsal, REHEARSAL, REHEARSAL)
            decided = sets.decide(rehearsal)
            say(f"{decided}\n")
        members = []
        for member in range(settings.committee.members):
            fit = sets.fit(member)
            course(fit, member, f"member {member + 1}" if settings.committee.members > 1 else "training")
            members.append(Ended.of(fit))
            say(best(fit, settings.warm_start is not None) + "\n")
        return on_root(comm, lambda: finish(settings, prepared, members, file, say, decided))


def finish(settings: TrainingSettings, prepared, members, file: TrainingFile, say, decided: str = "") -> HDNNP:
    """One potential of all members; its errors on all sets, files, plots."""
    found = outcome(settings.plan, prepared, members, decided)
    model, told = found.model, str(found)
    if found.each:
        results = {"committee": (found.predictions, found.errors)}
        results |= {f"member {k}": own[::-1] for k, own in enumerate(found.each)}
    else:
        results = {"member 0": (found.predictions, found.errors)}
    file.put_results(results)
    write_h5(model, settings.output_path(".h5"), overwrite=True)
    if settings.output.n2p2:
        write_n2p2(model, settings.output_path("-n2p2"), overwrite=True)
    say(f"{told}\n\nverdicts go by: {model.known}" if model.known else told)
    with writing_text(settings.output_path(".errors.txt")) as stream:
        stream.write(told + "\n")
    if settings.output.plot:
        draw(settings, found)
    say("\n" + "\n".join(f"{file}: {what}" for file, what in outputs(settings).items() if os.path.exists(file)))
    return model


def draw(settings: TrainingSettings, found) -> None:
    from mdcore.training.plots import draw_learning, draw_parity

    title = settings.title or settings.output.name
    try:
        draw_parity(found.predictions, settings.output_path(".parity.png"), title)
        draw_learning(found.histories[-1], settings.output_path(".learning.png"), title, found.best_epochs[-1])
    except InputError as error:  # no Matplotlib: everything else is there
        tell(f"no plots: {error}")


# --- files -----------------------------------------------------------------------------------------------


def protect(settings: TrainingSettings, restart: bool, overwrite: bool) -> None:
    """Make the folder; OutputError if a training would be overwritten, or there is none to go on with."""
    check_names(settings)
    keep_results(settings, outputs(settings), restart, overwrite)


def check_names(settings: TrainingSettings) -> None:
    """InputError if a training would write over what it reads; OutputError if a file can't be written over."""
    folders = set(map(str, member_folders(settings.output_path("-n2p2"), settings.committee.members)))
    paths = [file for path in outputs(settings) for file in (folder_files(path) if path in folders else [path])]
    inputs = [settings.source, *(settings.beside(s.file) for s in settings.data)]
    if settings.descriptors and settings.descriptors.file:
        inputs.append(settings.beside(settings.descriptors.file))
    if settings.warm_start:
        inputs.append(settings.beside(settings.warm_start))
    refuse_clash(settings, paths, inputs)
