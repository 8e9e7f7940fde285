"""``mdcore train``: from labelled structures to a potential that runs."""

import contextlib
import os
import time
from contextlib import ExitStack
from dataclasses import replace

import h5py
import numpy as np

from mdcore.cli import training
from mdcore.cli.outputs import tell
from mdcore.config.load_training import load_training
from mdcore.config.training import TrainingSettings
from mdcore.errors import InputError, Interrupted, OutputError
from mdcore.evaluation import evaluate
from mdcore.lock import RunLock
from mdcore.potentials.committee import committee
from mdcore.potentials.hdnnp import HDNNPotential
from mdcore.potentials.hdnnp_h5 import write_h5
from mdcore.potentials.hdnnp_model import HDNNP
from mdcore.potentials.hdnnp_vectors import make_test_vectors
from mdcore.potentials.n2p2_write import member_folders, write_n2p2
from mdcore.signals import StopSignals
from mdcore.train import metrics
from mdcore.train.summary import summarise

STATE = ".training.h5"


def command(arguments, comm) -> None:
    if comm.size > 1:
        error = InputError("mdcore train uses threads, not ranks: run it without mpirun, with [parallel] threads")
        error.collective = True
        raise error
    settings = load_training(arguments.input, arguments.set)
    say = (lambda text="": None) if arguments.quiet else lambda text="": print(text, flush=True)
    train(settings, restart=arguments.restart, overwrite=arguments.overwrite, say=say)


def check(path: str, overrides=()) -> str:
    """What is in the data and what would be trained; InputError."""
    settings = load_training(path, overrides)
    prepared = training.prepare(settings)
    reach = settings.descriptors.cutoff or 6.0
    lines = [f"{path}: the input is right", *about(settings, prepared)]
    lines += ["", str(summarise(prepared.data.all, prepared.atom_energies, reach))]
    return "\n".join([*lines, "", *(f"writes {file} ({what})" for file, what in outputs(settings).items())])


def about(settings: TrainingSettings, prepared) -> list[str]:
    """Data, descriptors and networks, in a few lines."""
    model = training.blank_model(settings, prepared)
    sizes = [f"{e} {'-'.join(map(str, n.layer_sizes))}" for e, n in zip(model.elements, model.networks, strict=True)]
    parameters = sum(n.flat().size for n in model.networks)
    members = settings.committee.members
    return [
        "structures: " + ", ".join(f"{len(own)} {name}" for name, own in prepared.data.subsets().items()),
        "atom energies: " + ", ".join(f"{e} {x:.6f} eV" for e, x in prepared.atom_energies.items()),
        *str(prepared.descriptors).splitlines(),
        f"networks: {', '.join(sizes)}, {parameters} parameters" + (f", {members} members" if members > 1 else ""),
        "optimisers: " + ", then ".join(f"{s.type} (up to {s.epochs} epochs)" for s in settings.optimizer),
    ]


def outputs(settings: TrainingSettings) -> dict[str, str]:
    """Path -> what it is, of the files that a training writes."""
    members = settings.committee.members
    what = "potential" if members == 1 else f"potential, a committee of {members}"
    files = {settings.output_path(".h5"): what}
    if settings.output.n2p2:
        for folder in member_folders(settings.output_path("-n2p2"), members):
            files[str(folder)] = "potential for n2p2" if members == 1 else "member for n2p2"
    files[settings.output_path(STATE)] = "history, and state to go on from"
    files[settings.output_path(".errors.txt")] = "errors"
    if settings.output.plot:
        files[settings.output_path(".parity.png")] = "predictions against labels"
        files[settings.output_path(".learning.png")] = "learning curves"
    return files


def train(settings: TrainingSettings, *, restart=False, overwrite=False, say=print, stop=None) -> HDNNP:
    """Train all members, write everything; Interrupted with a checkpoint if asked to stop."""
    protect(settings, restart, overwrite)
    with ExitStack() as held:
        held.enter_context(RunLock(settings.output_path(".lock")))
        stop = held.enter_context(StopSignals()) if stop is None else stop
        prepared = training.prepare(settings)
        say("\n".join(about(settings, prepared)))
        sets = training.Sets(settings, prepared)
        kept = sets.train.kept / sets.train.n_structures
        say(f"derivatives of descriptors: {sets.train.bytes / 1e9:.2f} GB, {100 * kept:.0f} % of the structures kept\n")
        states = read_states(settings) if restart else {}
        models, histories = [], []
        for member in range(settings.committee.members):
            fit = sets.fit(member)
            if member in states:
                fit.restore(states[member])
                say(f"member {member + 1} goes on after epoch {len(fit.history['epoch']) - 1}")
            run(settings, fit, member, stop, say)
            models.append(fit.training.fitted())
            histories.append(fit.history)
            say(f"best: epoch {fit.best_epoch}\n")
        return finish(settings, prepared, models, histories, say)


def run(settings: TrainingSettings, fit, member: int, stop, say) -> None:
    """All epochs of one member, told one by one."""
    saved, began, done = time.monotonic(), time.monotonic(), 0
    first = True
    for row in fit.epochs():
        if first:
            say(f"{'epoch':>6} {'s':>7}  {heads(row)}  left")
            first = False
        done += row["epoch"] > 0
        pace = (time.monotonic() - began) / max(done, 1)
        say(f"{row['epoch']:>6.0f} {row['seconds']:>7.1f}  {cells(row)}  {clock(pace * fit.left) if done else ''}")
        minutes = settings.output.checkpoint_minutes
        due = time.monotonic() - saved > 60 * minutes
        if due or stop():
            write_state(settings, fit, member)
            saved = time.monotonic()
        if stop():
            signal = getattr(stop, "received", None) or "a request to stop"
            raise Interrupted(
                f"{signal} came: stopped after epoch {row['epoch']:.0f}; its state is in "
                f"{settings.output_path(STATE)}; go on "
                "with --restart"
            )
    write_state(settings, fit, member)


def heads(row) -> str:
    names = [name for name, value in row.items() if " " in name and not np.isnan(value)]
    return " ".join(f"{name.replace('validation', 'valid'):>13}" for name in names)


def cells(row) -> str:
    return " ".join(f"{value:>13.4g}" for name, value in row.items() if " " in name and not np.isnan(value))


def clock(seconds: float) -> str:
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"


def finish(settings: TrainingSettings, prepared, models, histories, say) -> HDNNP:
    """One potential of all members; its errors on all sets, files, plots."""
    model = replace(committee(models), provenance=training.card(settings, prepared))
    potential = HDNNPotential(model, extrapolation="ignore")
    rows, drawn = errors_of(settings, prepared, potential)
    notes = {}
    for row in rows:
        if row.group == "all":
            notes[f"{row.subset} {row.quantity} RMSE, {row.unit}"] = row.rmse
            notes[f"{row.subset} {row.quantity} MAE, {row.unit}"] = row.mae
    notes["epochs"] = sum(len(history["epoch"]) - 1 for history in histories)
    notes["seconds"] = float(sum(np.sum(history["seconds"]) for history in histories))
    told = metrics.table(rows)
    if len(models) > 1:
        each = [errors_of(settings, prepared, HDNNPotential(own, extrapolation="ignore"))[0] for own in models]
        told = f"the committee, mean of {len(models)} members\n{told}\n\n{members_table(rows, each)}"
    model = replace(model, training=notes)
    model = replace(model, test_vectors=make_test_vectors(model, potential.networks))
    write_h5(model, settings.output_path(".h5"), overwrite=True)
    if settings.output.n2p2:
        write_n2p2(model, settings.output_path("-n2p2"), overwrite=True)
    say(told)
    with open(settings.output_path(".errors.txt"), "w", encoding="utf-8") as file:
        file.write(told + "\n")
    if settings.output.plot:
        draw(settings, drawn, histories[-1])
    say("\n" + "\n".join(f"{file}: {what}" for file, what in outputs(settings).items() if os.path.exists(file)))
    return model


def errors_of(settings: TrainingSettings, prepared, potential):
    """(rows of the table, {subset: (data, predictions)}) of a potential on all sets."""
    rows, drawn = [], {}
    for name, data in prepared.data.subsets().items():
        data = [s for s in data if not s.isolated]
        answers = evaluate(potential, [s.structure for s in data], threads=training.threads_of(settings))
        drawn[name] = data, metrics.Predictions.of(answers)
        rows += metrics.rows(*drawn[name], name)
    return rows, drawn


def members_table(mean, each) -> str:
    """RMSE of all members and of their mean, a line a member."""
    columns = [(r.subset, r.quantity, r.unit) for r in mean if r.group == "all"]
    lines = [f"{'RMSE':<10}" + "".join(f" {f'{subset} {quantity}':>18}" for subset, quantity, _ in columns)]
    lines.append(f"{'':<10}" + "".join(f" {unit:>18}" for *_, unit in columns))
    for name, rows in [(f"member {k}", own) for k, own in enumerate(each, start=1)] + [("committee", mean)]:
        found = {(r.subset, r.quantity, r.unit): r.rmse for r in rows if r.group == "all"}
        lines.append(f"{name:<10}" + "".join(f" {found[column]:>18.4g}" for column in columns))
    return "\n".join(lines)


def draw(settings: TrainingSettings, drawn, history) -> None:
    from mdcore.train.plots import draw_learning, draw_parity

    title = settings.title or settings.output.name
    try:
        draw_parity(drawn, settings.output_path(".parity.png"), title)
        draw_learning(history, settings.output_path(".learning.png"), title)
    except InputError as error:  # no Matplotlib: everything else is there
        tell(f"no plots: {error}")


# --- files -----------------------------------------------------------------------------------------------


def protect(settings: TrainingSettings, restart: bool, overwrite: bool) -> None:
    """Make the folder; OutputError if a training would be overwritten, or there is none to go on with."""
    existing = [path for path in outputs(settings) if os.path.exists(path)]
    if existing and not (restart or overwrite):
        raise OutputError(
            f"{', '.join(existing)}: results exist; go on with --restart, replace them with --overwrite, or choose "
            f"another name, e.g. --set output.name={settings.output.name}-2"
        )
    state = settings.output_path(STATE)
    if restart and not os.path.exists(state):
        raise OutputError(f"{state}: not there, so there is nothing to go on with; train without --restart")
    try:
        os.makedirs(settings.output.directory, exist_ok=True)
        if overwrite and not restart:
            with contextlib.suppress(FileNotFoundError):
                os.remove(state)
    except OSError as error:
        raise OutputError(f"{settings.output.directory}: can't be made: {error.strerror}") from None


def write_state(settings: TrainingSettings, fit, member: int) -> None:
    """Put the state of one member into the file, beside those of the members before; replaced in one step."""
    path = settings.output_path(STATE)
    temporary = path + ".tmp"
    try:
        with h5py.File(temporary, "w") as file:
            file.attrs["input"] = settings.text
            if os.path.exists(path):
                with h5py.File(path) as old:
                    for name in old:
                        if name != f"member {member}":
                            old.copy(name, file)
            group = file.create_group(f"member {member}")
            for name, value in fit.state().items():
                group[name] = value
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"{path}: can't be written: {error}") from None


def read_states(settings: TrainingSettings) -> dict[int, dict[str, np.ndarray]]:
    """The states of the members that have begun; OutputError."""
    path, states = settings.output_path(STATE), {}
    try:
        with h5py.File(path) as file:
            if file.attrs["input"] != settings.text:
                tell(f"{path} was written with other settings; the training goes on with those of {settings.source}")
            for name, group in file.items():
                own: dict[str, np.ndarray] = {}
                group.visititems(lambda key, item, own=own: own.update({key: item[()]}) if hasattr(item, "shape") else None)
                states[int(name.split()[1])] = own
    except (OSError, KeyError, ValueError) as error:
        raise OutputError(f"{path}: can't be read: {error}") from None
    return states
