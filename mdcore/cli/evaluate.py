"""``mdcore evaluate``: how good is this potential on these labelled structures?"""

import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, MdcoreError, OutputError
from mdcore.base.threads import number_of_threads
from mdcore.base.units import GIGAPASCAL
from mdcore.base.voigt import PAIRS
from mdcore.base.writing import writing_text
from mdcore.cli.clashes import clash
from mdcore.cli.potential import is_input, load_input, parse_table, parse_units, tell_swapped
from mdcore.engine.evaluation import evaluate, open_potential
from mdcore.potentials.base import leaves
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.running import TrainedPotential
from mdcore.structure import extxyz
from mdcore.structure.columns import CHARGES
from mdcore.training import metrics
from mdcore.training.data import sources
from mdcore.training.data.labels import Labels
from mdcore.training.settings import LABELS, TOTAL, USUAL
from mdcore.watch.extrapolation import Count, Distance, Sighting
from mdcore.watch.verdict import verdict

H5 = (".h5", ".hdf5")
PICTURES = (".png", ".pdf", ".svg", ".jpg", ".eps")


def command(arguments, comm) -> None:
    on_root(comm, lambda: print(run(arguments)))


def run(arguments) -> str:
    """The table of a command line; writes predictions where asked. InputError, OutputError."""
    output, plot, threads = arguments.output, arguments.plot, number_of_threads(arguments.threads)
    _protect(output, plot, (arguments.data, *potential_files(arguments.potential)), arguments.overwrite)
    if arguments.record is not None:
        _recordable(arguments.record, arguments.potential)
    try:
        potential = the_potential(arguments.potential, parse_units(arguments.units))
    except InputError:
        tell_swapped("evaluate", arguments.potential, arguments.data)
        raise
    charged = any(finding.name == CHARGES for finding in potential.findings)
    own = any(getattr(term, "of_atoms", False) for term in leaves(potential))  # charges of the structures
    needed = (*LABELS, TOTAL) if charged else USUAL
    data = read_data(arguments.data, arguments.data_units, arguments.labels, needed)
    compared = charged and not own and any(s.charges is not None for s in data)
    told = compared or bool(output and potential.outputs)
    try:
        answers = evaluate(potential, [s.structure for s in data], threads=threads, findings=told)
    except MdcoreError as error:
        raise type(error)(f"{arguments.potential} on {arguments.data}: {error}") from None
    found = metrics.Predictions.of(answers)
    found = found if compared else replace(found, charges=None)
    many = f"{len(data)} structure" + "s" * (len(data) != 1)
    lines = [f"{arguments.potential} on {arguments.data}: {many}, {sum(s.n for s in data)} atoms"]
    rows = metrics.rows(data, found, arguments.record or "")
    if arguments.record and not rows:
        raise InputError(
            f"--record {arguments.record}: {arguments.data} has no energies, forces or stress to compare with"
        )
    lines += ["", metrics.table(rows)] if rows else ["no energies, forces or stress to compare with"]
    lines += outside(data, answers)
    lines += verdict_on(potential, data, answers)
    if output:
        write(output, data, answers)
        lines += ["", f"predictions: {output}"]
    if plot:
        from mdcore.training.plots import draw_parity

        names = map(os.path.basename, (arguments.potential, arguments.data))
        draw_parity({"": (data, found)}, plot, title=" on ".join(names))
        lines += ["", f"plot: {plot}"]
    if arguments.record:
        lines += ["", record(arguments.potential, rows)]
    return "\n".join(lines)


def record(path: str, rows) -> str:
    """Keep the errors in the card of a .h5 file; what to tell."""
    model, file = read_model(path), os.path.realpath(os.path.expanduser(path))
    write_h5(replace(model, training={**model.training, **metrics.notes(rows)}), file, overwrite=True)
    return f"{path}: keeps these errors"


def _recordable(name: str, path: str) -> None:
    """InputError if errors can't be kept under that name in that file."""
    if not (name.strip() and name.isprintable()):
        raise InputError(f"--record {name!r}: expected a name of printable characters, e.g. test")
    file = os.path.realpath(os.path.expanduser(path))
    if not path.endswith(H5) or not os.path.isfile(file):
        raise InputError(
            f"--record {name}: keeps the errors of a set of that name in a .h5 file; {path} is to be one (mdcore "
            "convert makes it of a folder)"
        )
    if not os.access(file, os.W_OK):
        raise OutputError(f"--record {name}: {path} can't be written; record in a copy of it")


def read_data(path: str, units: str | None, labels: str | None, needed=USUAL):
    """The labelled structures of a command line; needed : the labels that count."""
    try:
        named = Labels(**{"needed": needed} | parse_table(labels, "labels", "energy=REF_energy,forces=REF_forces"))
    except TypeError:
        known = ", ".join(Labels.__dataclass_fields__)
        raise InputError(f"--labels {labels}: expected KEY=NAME of {known}, e.g. energy=REF_energy") from None
    data = sources.read(path, units=parse_units(units, "data-units"), labels=named)
    for label in needed:
        name = getattr(named, label)
        if name and all(getattr(one, label) is None for one in data):
            raise InputError(f"--labels {label}={name}: no structure of {path} has it; name another key or column")
    return data


def the_potential(path: str, units):
    """The potential of files, or the sum of those of an input file."""
    potential, system = with_units(path, units)
    if system != "metal":
        raise InputError(f'{path}: units = "{system}": labelled structures are in eV and Angstrom')
    return potential


def with_units(path: str, units, bonds: bool = False):
    """(potential, name of its system of units); bonds : have the structures that it is for?"""
    if not is_input(path):
        return open_potential(path, units), "metal"
    from mdcore.cli.assemble import at, make_potential, read_potentials

    settings = load_input(path, units)
    for i, own in enumerate(settings.potential):
        if own.needs_bonds and not bonds:
            text = "these structures have no bonds: for runs, and trajectories (.h5md) of structures that have some"
            raise at(settings, ("potential", i, own.needs_bonds), text)
    return make_potential(settings, read_potentials(settings, ())), settings.units


def potential_files(path: str) -> list[str]:
    """What is read for a potential: itself, and what an input file names."""
    if not is_input(path):
        return [path]
    from mdcore.cli.files import input_files

    return input_files(load_input(path, None))


def outside(data, answers) -> list[str]:
    """How many structures have atoms outside the range of training; nothing without networks, or if none has."""
    counts = [len(a.extrapolation.atoms) if a.extrapolation is not None else 0 for a in answers]
    if not any(counts):
        return []
    found = []
    for name in ("excess", "apart"):
        worst = int(np.argmax([getattr(a.extrapolation, name).max() for a in answers]))
        seen = answers[worst].extrapolation
        far = getattr(seen, name)
        atom = int(np.argmax(far))
        if far[atom] > 0.0:
            how = f"by {100 * far[atom]:.3g} % of the range of {seen.worst[atom]}"
            found.append(f"{data[worst].where}, atom {atom}, {how if name == 'excess' else seen.distances[atom]}")
    return [
        "",
        f"{np.count_nonzero(counts)} structures have atoms outside the range of training, {sum(counts)} atoms in all; "
        f"farthest: {'; '.join(found)}",
    ]


def verdict_on(potential, data, answers) -> list[str]:
    """Are these structures what the networks were trained on? A line; nothing without networks, or for several."""
    found = [term for term in leaves(potential) if isinstance(term, TrainedPotential)]
    if len(found) != 1 or any(a.extrapolation is None for a in answers):
        return []
    seen, known = Count(), found[0].model.known
    for k, (s, a) in enumerate(zip(data, answers, strict=True)):
        it = a.extrapolation
        worst, strangest = int(np.argmax(it.excess)), int(np.argmax(it.apart))
        sighting = Sighting(float(it.excess[worst]), -worst, k, s.symbols[worst], "")
        apart = None
        if it.apart[strangest] > 0.0:
            told = f"{it.distances[strangest]} in {s.where}"
            apart = Distance(float(it.apart[strangest]), -strangest, k, s.symbols[strangest], told, "", 0.0)
        seen.add(k, len(it.atoms), sighting, 0 if known is None else it.far(known.far), s.n, apart)
    return ["", verdict(found[0].name, known, seen, None, "structures")[1]]


def write(path: str, data, answers) -> None:
    """Predictions as extxyz: energy, forces, stress, and what the potential tells of each atom and of the whole beside
    (charges, electric_potential, force_disagreement, ...); labels beside them as REF_energy, REF_forces, REF_stress."""
    with writing_text(path) as stream:
        for s, a in zip(data, answers, strict=True):
            write_one(stream, s, a)


def write_one(stream, s, a) -> None:
    info = {"tag": s.tag} if s.tag else {}
    info |= {} if s.energy is None else {"REF_energy": s.energy}
    info |= {} if s.stress is None else {"REF_stress": s.stress.ravel()}
    it = s.structure
    atoms = SimpleNamespace(
        box=it.box, positions=it.positions, species=it.species, symbols=it.symbols, units=it.units, velocities=None
    )
    stress = np.array([a.stress[pair] for pair in PAIRS]) * (GIGAPASCAL / it.units.pressure)
    extra = {} if s.forces is None else {"REF_forces": s.forces}
    for name, value in (a.findings or {}).items():
        if isinstance(value, np.ndarray):
            extra[name] = value.reshape(len(value), -1)
        else:
            info[name] = float(value)
    extxyz.write_frame(stream, atoms, forces=a.forces, energy=a.energy, stress=stress, info=info, extra=extra)


def _protect(output: str | None, plot: str | None, inputs, overwrite: bool) -> None:
    """InputError or OutputError if files can't be written, or not without destroying something."""
    if plot and not plot.lower().endswith(PICTURES):
        raise InputError(f"--plot {plot}: end the name with {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
    paths = [path for path in (output, plot) if path]
    if wrong := clash(paths, inputs):
        raise OutputError(f"{wrong}; choose another name")
    for path in paths:
        if os.path.exists(path) and not overwrite:
            raise OutputError(f"{path}: exists; choose another name, or add --overwrite")
        if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
            raise OutputError(f"{path}: there is no such folder")
