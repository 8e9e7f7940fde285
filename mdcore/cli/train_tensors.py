"""``mdcore train`` with ``type = "tensors"``: from dipole moments and polarizabilities to a network of them."""

import os
from contextlib import ExitStack

import h5py
import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.signals import StopSignals
from mdcore.base.threads import number_of_threads
from mdcore.base.writing import writing_text
from mdcore.cli.epochs import best, go_on, nothing_left, run
from mdcore.cli.outputs import tell
from mdcore.cli.training import naming, refuse_clash
from mdcore.cli.training_file import SUFFIX, TrainingFile, keep_results
from mdcore.config.training_tensors import TensorTrainingSettings
from mdcore.output.lock import RunLock, lock_path
from mdcore.potentials.tensors.h5 import write_tensors
from mdcore.potentials.tensors.model import COMPONENTS
from mdcore.training.settings import Unsuited
from mdcore.training.tensors import data as reading
from mdcore.training.tensors.outcome import Prepared, outcome, prepare, started


class TensorFile(TrainingFile):
    """The file of a training of tensors: labels, model and predictions are of another kind."""

    @staticmethod
    def labels_of(data) -> dict[str, np.ndarray]:
        """Of the whole [n, components], of atoms [all atoms, components]; nan: none."""
        found = {}
        for q, n in COMPONENTS.items():
            found[q] = np.array([np.full(n, np.nan) if (own := s.whole(q)) is None else own for s in data])
            atomic = [np.full((s.n, n), np.nan) if (own := s.atomic(q)) is None else own for s in data]
            found[f"atomic_{q}"] = np.concatenate(atomic)
        return found

    def _put_model(self, file, prepared, model) -> None:
        group = file.create_group("model")
        for name, value in vars(model).items():
            if name in ("elements", "centers"):
                group.create_dataset(name, data=list(value), dtype=h5py.string_dtype())
            elif name == "ions":
                group.create_group(name).attrs.update(dict(value))
            else:
                group.attrs[name] = value
        group.attrs["type"] = "tensors"

    @staticmethod
    def put_predictions(group, own) -> None:
        for quantity, values in own.items():
            group[quantity] = values


def prepared_of(settings: TensorTrainingSettings) -> Prepared:
    """What is trained on and with."""

    def read():
        for i, source in enumerate(settings.sources):
            try:
                yield source.use, reading.of_source(source)
            except InputError as error:
                raise Unsuited(str(error), ("data", i, "file")) from None

    with naming(settings):
        return prepare(settings.plan, read())


def about(settings: TensorTrainingSettings, prepared: Prepared) -> list[str]:
    """Data and model, in a few lines."""
    design, told = prepared.design, []
    for q in COMPONENTS:
        every = prepared.data.all
        wholes = sum(s.whole(q) is not None for s in every)
        atoms = sum(s.atomic(q) is not None for s in every)
        told += [f"{q}: of the whole of {wholes} structures, of atoms of {atoms}"] if wholes or atoms else []
    what = [f"dipole moments of {design.dipole}"] if design.dipole != "none" else []
    what += ["polarizabilities"] if design.polarizability else []
    return [
        "structures: " + ", ".join(f"{len(own)} {name}" for name, own in prepared.subsets.items()),
        *told,
        f"networks of {' and '.join(what)} at {', '.join(design.centers)}, that see {', '.join(design.elements)}: "
        f"{design.channels} channels, {'-'.join(map(str, (*design.hidden, design.n_outputs)))}, cutoff "
        f"{design.cutoff:g} Angstrom",
        "optimisers: " + ", then ".join(f"{s.type} (up to {s.epochs} epochs)" for s in settings.optimizer),
    ]


def check(settings: TensorTrainingSettings) -> str:
    """What is in the data and what would be trained; InputError."""
    check_names(settings)
    lines = [f"{settings.source}: the input is right", *about(settings, prepared_of(settings))]
    return "\n".join([*lines, "", *(f"writes {file} ({what})" for file, what in outputs(settings).items())])


def outputs(settings: TensorTrainingSettings) -> dict[str, str]:
    """Path -> what it is, of the files that a training writes."""
    files = {
        settings.output_path(".h5"): "network of tensors",
        settings.output_path(SUFFIX): "history, and state to go on from",
        settings.output_path(".errors.txt"): "errors",
    }
    if settings.output.plot:
        files[settings.output_path(".parity.png")] = "predictions against labels"
        files[settings.output_path(".learning.png")] = "learning curves"
    return files


def train(settings: TensorTrainingSettings, *, restart=False, overwrite=False, say=print, stop=None, comm=None):
    """Train, write everything; the model. Interrupted with a checkpoint if asked to stop."""
    if comm is not None and comm.size > 1:
        raise InputError(
            f"{settings.source}: tensors are trained by one process, and these are {comm.size}: it takes "
            "minutes; start mdcore train without mpirun"
        ).everywhere()
    check_names(settings)
    keep_results(settings, outputs(settings), restart, overwrite)
    with ExitStack() as held:
        held.enter_context(RunLock(lock_path(settings.output.directory, settings.output.name)))
        prepared = prepared_of(settings)
        say("\n".join(about(settings, prepared)))
        with naming(settings):
            begun = started(settings.plan, prepared, number_of_threads())
        fit = begun.fit
        say(f"{fit.training.n_parameters} parameters\n")
        file = TensorFile(settings, fit.training.comm)
        held.enter_context(file.advising())
        before = file.begun(prepared.data.train) if restart else set()
        stop = held.enter_context(StopSignals()) if stop is None else stop
        if 0 in before:
            go_on(fit, file.state(0), file.path)
            say(f"training goes on after epoch {len(fit.history['epoch']) - 1}" + nothing_left(fit))
        file.begin(prepared, prepared.subsets, prepared.design, afresh=not restart)
        run(settings, fit, 0, file, stop, say)
        say(best(fit) + "\n")
        return finish(settings, outcome(settings.plan, prepared, begun), fit, file, say)


def finish(settings: TensorTrainingSettings, found, fit, file: TensorFile, say):
    """Files, errors, plots; the model."""
    file.put_results({"member 0": (found.predictions, found.errors)})
    write_tensors(found.model, settings.output_path(".h5"), overwrite=True)
    say(str(found))
    with writing_text(settings.output_path(".errors.txt")) as stream:
        stream.write(f"{found}\n")
    if settings.output.plot:
        from mdcore.training.plots import draw_learning, draw_pairs

        title = settings.title or settings.output.name
        try:
            draw_pairs(found.pairs, settings.output_path(".parity.png"), title)
            draw_learning(fit.history, settings.output_path(".learning.png"), title, fit.best_epoch)
        except InputError as error:  # no Matplotlib: everything else is there
            tell(f"no plots: {error}")
    say("\n" + "\n".join(f"{path}: {what}" for path, what in outputs(settings).items() if os.path.exists(path)))
    return found.model


def check_names(settings: TensorTrainingSettings) -> None:
    """InputError if a training would write over what it reads."""
    inputs = [settings.source, *(settings.beside(s.file) for s in settings.data)]
    refuse_clash(settings, outputs(settings), inputs)
