"""What is in a file that is no potential, and which command reads it?"""

import os
from pathlib import Path

import numpy as np

from mdcore.base.elements import formula
from mdcore.base.errors import InputError
from mdcore.base.files import open_h5
from mdcore.config.mistakes import is_structure
from mdcore.output import checkpoint
from mdcore.output.trajectory import Trajectory
from mdcore.potentials.tensors.h5 import FORMAT, is_tensors, read_tensors

TRAINING = "mdcore training"  # layout of cli/training_file.py
RESULTS = {  # how names end -> what it is
    ".analysis.json": "g(r), diffusion and averages of a run, JSON; [analysis] of its input says which",
    ".errors.txt": "errors of a trained potential, a text; mdcore info tells those in the potential, too",
    ".csv": "a table; [analysis.reference] rdf takes g(r) to compare a run with",
    ".png": "a picture", ".pdf": "a picture", ".svg": "a picture",
}  # fmt: skip


def of_file(path: str) -> list[str] | None:
    """Lines about a file of a run, a training, a campaign, structures, data; None if it may be a potential. InputError,
    OutputError of what is damaged."""
    if os.path.isdir(path):
        return _of_folder(path)
    if not os.path.isfile(path):
        return None
    if checkpoint.is_checkpoint(path):
        return _of_checkpoint(path)
    if path.endswith(".jsonl"):
        return _of_campaign(path)
    if os.path.basename(path).startswith("input.data"):
        return _of_data(path, "of n2p2 and RuNNer")
    if is_structure(path):
        return _of_structure(path)
    for ending, what in RESULTS.items():
        if path.lower().endswith(ending):
            return [f"{path}: {what}"]
    try:
        with open_h5(path) as file:
            layout = str(file.attrs.get("layout")) if "layout" in file.attrs else "h5md" if "h5md" in file else None
            if layout == TRAINING:
                return _of_training(path, file)
            if is_tensors(file):
                layout = FORMAT
    except InputError:  # the reader of potentials says why
        return None
    if layout == FORMAT:
        return _of_tensors(path)
    return _of_results(path) if layout == "h5md" else None


def _line(name: str, text) -> str:
    return f"  {name:<12} {text}"


def _atoms(symbols, species) -> str:
    return f"{len(species)}: {formula(symbols, np.bincount(species, minlength=len(symbols)))}"


def _of_campaign(path: str) -> list[str]:
    from mdcore.learn.record import Record, check_begin
    from mdcore.learn.table import status

    check_begin(path)
    record = Record(path, write=False)
    lines, trained = status(record), record.last("trained")
    if trained is not None:
        lines += ["", f"potential: {os.path.join(os.path.dirname(path), trained['file'])}"]
    return [f"{path}: record of a campaign, mdcore learn", *lines]


def _of_folder(path: str) -> list[str] | None:
    if os.path.exists(campaign := os.path.join(path, "campaign.jsonl")):
        return _of_campaign(campaign)
    if os.path.exists(os.path.join(path, "input.nn")):
        return None
    if os.path.exists(os.path.join(path, "input.data")):
        return _of_data(path, "of n2p2 and RuNNer")
    if any(next(Path(path).glob(pattern), None) for pattern in ("type.raw", "*/type.raw")):
        return _of_data(path, "of DeePMD")
    raise InputError(f"{path}: a folder without input.nn: no potential; expected a folder of n2p2 or RuNNer, or a file")


def _of_data(path: str, whose: str) -> list[str]:
    return [f"{path}: labelled structures {whose}", _used_by(path)]


def _used_by(path: str) -> str:
    return _line("used by", f'mdcore evaluate POTENTIAL {path}, and [[data]] file = "{path}" of a training')


def _of_structure(path: str) -> list[str]:
    from mdcore.structure.system import System

    system = System.read(path, 0, labels=False)
    sides = [axis for axis, flag in zip("abc", system.box.periodic, strict=True) if flag]
    return [
        f"{path}: structures",
        _line("the first", f"{_atoms(system.symbols, system.species)}; periodic along {', '.join(sides) or 'no axis'}"),
        _line("used by", f'[structure] file = "{path}" of a run; frames of one by mdcore analyse and rerun; with '
              f'labels by mdcore evaluate POTENTIAL {path}, and '
              f'[[data]] file = "{path}" of a training'),
    ]  # fmt: skip


def _of_checkpoint(path: str) -> list[str]:
    state = checkpoint.read(path)
    try:
        atoms, step = _atoms(state["symbols"], state["species"]), f"{state['step']}, {state['time']:g} of time"
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged checkpoint ({error})") from None
    go_on = f"mdcore run INPUT --restart, or --restart={path}; INPUT is the input of the run"
    return [f"{path}: checkpoint of a run", _line("atoms", atoms), _line("step", step), _line("used by", go_on)]


def _of_results(path: str) -> list[str]:
    with Trajectory(path) as results:
        log, unit = results.thermo(), results.units.labels["time"]
        lines = [f"{path}: {'trajectory' if len(results) else 'thermo log'} of a run"]
        if len(results):
            some = "" if results.whole else ", some of those of the run"
            lines.append(_line("atoms", _atoms(results.symbols, results.species) + some))
            first, last = (f"{results.steps[k]} ({results.times[k]:g} {unit})" for k in (0, -1))
            lines.append(_line("frames", f"{len(results)}, steps {first} to {last}: {', '.join(results.fields)}"))
        else:
            lines.append(_line("frames", "none: trajectory_every is 0"))
        if log and len(log["step"]):
            steps = f"steps {log['step'][0]} to {log['step'][-1]}"
            names = ", ".join(name for name in log if name not in ("step", "time"))
            lines.append(_line("thermo log", f"{len(log['step'])} rows, {steps}: {names}"))
    if len(results):
        stem = path.removesuffix(".h5md")
        lines.append(_line("look at it", f"mdcore convert {path} {stem}.extxyz for OVITO and ASE, {stem}.pdb"))
    lines.append(_line("in Python", f'mdcore.Trajectory("{path}"), its frames and .thermo()'))
    return lines


def _of_tensors(path: str) -> list[str]:
    model = read_tensors(path)
    design, lines = model.design, [f"{path}: network of tensors"]
    far = " with the local field of cells" if design.local_field else ""
    made = {"dipole": f"dipole moments of {design.dipole}", "polarizability": f"polarizabilities{far}"}
    lines.append(_line("tells", " and ".join(made[q] for q in design.quantities) + f" of {', '.join(design.centers)}"))
    ions = f"; ions {', '.join(f'{e} {z:g} e' for e, z in design.ions)}" if design.ions else ""
    lines.append(_line("sees", f"{', '.join(design.elements)} within {design.cutoff:g} Angstrom{ions}"))
    sizes = "-".join(map(str, (*design.hidden, design.n_outputs)))
    lines.append(_line("networks", f"{sizes}, {model.n_parameters} parameters"))
    lines += [_line(key, value) for key, value in model.provenance.items() if key != "settings"]
    lines += [_line("error", f"{key}: {value:.4g}") for key, value in model.training.items() if "RMSE" in key]
    lines.append(_line("used by", f'[[potential]] type = "tensors", file = "{path}" of a run'))
    return lines


def _of_training(path: str, file) -> list[str]:
    try:
        members = sorted(name for name in file if name.startswith("member "))
        sets = [f"{len(group['n_atoms'])} for {name}" for name, group in file["data"].items()]
        epochs = [int(file[name]["history/epoch"][-1]) for name in members]
        own = file["model/elements"].asstr()[()] if "model" in file else file["descriptors"]
        elements = ", ".join(name for name in own if name != "dropped")
        command = str(file.attrs.get("command", ""))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OSError, RuntimeError) as error:
        raise InputError(f"{path}: damaged file of a training ({error})") from None
    lines = [f"{path}: course of a training", _line("elements", elements), _line("structures", ", ".join(sets))]
    lines.append(_line("epochs", ", ".join(map(str, epochs)) or "none yet"))
    lines += [_line("made by", command)] if command else []
    potential = path.removesuffix(".training.h5") + ".h5"
    lines.append(_line("used by", f"mdcore train INPUT --restart; the potential is {potential}"))
    return lines
