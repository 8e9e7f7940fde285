"""``mdcore info``: what is in this potential? Of other files: what they are (kinds.py)."""

import dataclasses
import os
from collections import Counter

import numpy as np

from mdcore.base.comm import on_root
from mdcore.base.files import open_binary, read_seal
from mdcore.cli.potential import is_input, load_input, parse_units
from mdcore.potentials.density.model import DensityNetwork
from mdcore.potentials.networks import walls
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.model import ACTIVATION_NAMES, HDNNP, n_parameters
from mdcore.potentials.networks.trained import Model

NOTHING = "nothing; mdcore convert --data adds the range of the structures that it was trained on"
UNKNOWN = "the range alone; mdcore convert --data adds what is usual for structures like those it was trained on"


def command(arguments, comm) -> None:
    on_root(comm, lambda: print(info(arguments.potential, parse_units(arguments.units))))


def info(path: str, units=None) -> str:
    """What there is to say of a network potential's files, of each potential of an input file, or of another file;
    InputError."""
    if not is_input(path):
        from mdcore.cli.kinds import of_file
        from mdcore.potentials.networks.files import read_model

        if lines := of_file(path):
            return "\n".join(lines)
        model = read_model(path, units)
        return "\n".join([f"{path}: network potential", *of_model(model, _unsealed(path, model))])
    from mdcore.config.load import kind_of_input

    kind = kind_of_input(path) if os.path.isfile(path) else "run"
    if kind != "run":
        what = {"train": "training", "learn": "campaign"}[kind]
        return f"{path}: input of a {what}, which makes a potential; mdcore check {path} tells what it would do"
    from mdcore.cli import committees
    from mdcore.cli.assemble import make_potential, read_potentials
    from mdcore.potentials.base import leaves

    settings = load_input(path, units)
    terms, lines = leaves(make_potential(settings, read_potentials(settings, ()))), []
    for k, term in zip(committees.order(settings), terms, strict=True):
        section = settings.potential[k]
        lines.append(f"{path}: [[potential]] #{k + 1}: {section.type}")
        lines += of_settings(section)
        if hasattr(term, "model"):
            lines += of_model(term.model)
    return "\n".join(lines)


def _unsealed(path: str, model: Model) -> bool:
    """Is it a .h5 file of an earlier version, without a checksum? Then its test vectors are computed; InputError."""
    if not os.path.isfile(path) or os.path.basename(path) == "input.nn":
        return False
    with open_binary(path) as stream:
        unsealed = not read_seal(stream)[0]
    if unsealed:
        from mdcore.potentials.families import family
        from mdcore.potentials.networks.vectors import check_test_vectors

        check_test_vectors(family(model).runs.answers_of(model))
    return unsealed


def of_settings(settings) -> list[str]:
    """The keys of a section, one a line, with those of its subsections."""
    lines = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name == "type" or value is None:
            continue
        if isinstance(value, dict) and all(map(dataclasses.is_dataclass, value.values())):
            lines += [_line(f"{field.name} {name}", _short(item)) for name, item in value.items()]
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            lines += [_line(field.name, _short(item)) for item in value]
        elif dataclasses.is_dataclass(value):
            lines.append(_line(field.name, _short(value)))
        elif value not in ((), {}):
            lines.append(_line(field.name, value))
    return lines


def _short(settings) -> str:
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    shown = {k: "-".join(v) if isinstance(v, tuple) else v for k, v in values.items() if v is not None}
    return ", ".join(f"{key} = {value}" for key, value in shown.items())


def _line(name: str, text) -> str:
    return f"  {name:<17} {text}"


# --- network potentials ----------------------------------------------------------------------------


def of_model(model: Model, unsealed: bool = False) -> list[str]:
    """Everything of a network potential but its weights. unsealed : its file has no checksum, the vectors were computed
    """
    unit = f" {model.units.length}" if model.units else ""
    lines = [_line("name", model.name)] if model.name else []
    lines.append(_line("species", ", ".join(model.elements)))
    if model.others:
        lines.append(_line("members", f"{len(model.members)}: a committee; energy and forces are means"))
    lines.append(_line("units", f"{model.units.length}, {model.units.energy}" if model.units else _unstated(model)))
    inner = f" = {model.cutoff * model.units.angstrom:.6g} Angstrom" if model.units else ""
    lines.append(_line("cutoff", f"{model.cutoff:g}{unit}{inner}"))
    energy = f" {model.units.energy}" if model.units else ""
    if isinstance(model, HDNNP) and model.normalisation:
        n = model.normalisation
        lines.append(
            _line(
                "normalisation",
                f"mean energy {n.mean_energy:.10g}{energy} an atom, conv_energy {n.conv_energy:.10g}, "
                f"conv_length {n.conv_length:.10g}",
            )
        )
    unwatched = isinstance(model, DensityNetwork) and not model.ranges
    lines.append(_line("verdicts go by", NOTHING if unwatched else model.known or UNKNOWN))
    lines += _of_distances(model)
    if model.walls:
        lines.append(_line("walls", f"{walls.table(model.walls)} Angstrom (ZBL; nothing beyond the second)"))
    lines += [_line("subtracted", f"{law!r}; before training, added back in every run") for law in model.subtracted]
    lines.append(_line("counts", _counted(model)))
    if isinstance(model, HDNNP):
        for e, element in enumerate(model.elements):
            lines += _of_element(model, e, element, unit, energy)
    else:
        lines += _of_densities(model)
    if isinstance(model, HDNNP) and model.charges:
        lines += _of_charges(model, unit, energy)
    vectors = f"{len(model.test_vectors) or 'none: not verified'}"
    if unsealed:
        vectors += ", computed: they hold" if model.test_vectors else ""
        vectors += "; no checksum: an older file (mdcore convert writes one with it)"
    lines.append(_line("test vectors", vectors))
    for name in ("provenance", "training"):
        lines += [f"  {name}"] if getattr(model, name) else []
        lines += [_line(f"  {key}", value) for key, value in getattr(model, name).items()]
    return lines


def _of_distances(model: Model) -> list[str]:
    """How far from their nearest neighbours the atoms of its data were, a line an element."""
    if (seen := model.watched) is None:
        return []
    lines = [_line("nearest", "Angstrom, " + ("of its data" if model.nearest else "the shortest, by its card"))]
    for i, element in enumerate(model.elements):
        spans = (f"{other} {seen.span(i, j)}" for j, other in enumerate(model.elements) if np.isfinite(seen.low[i, j]))
        lines.append(_line(f"  {element} to", ", ".join(spans)))
    return lines


def _counted(model: Model) -> str:
    """What of long range its energy has, so that nobody adds it again."""
    told = [f"{kind} ({why})" for kind, why in model.has.items()]
    if not model.says:
        told.append("its card does not say what its labels contain; mdcore convert --contains adds it")
    return "; ".join(told) or "neither dispersion nor electrostatics, says its card"


def _of_charges(model: HDNNP, unit: str, energy: str) -> list[str]:
    """How charges of atoms follow."""
    own = model.charges
    what = "by equilibration, networks of electronegativities" if own.equilibrated else "predicted by networks"
    lines = [_line("charges", what)]
    for e, element in enumerate(model.elements):
        own_layers = "-".join(map(str, own.networks[e].layer_sizes))
        width = "points" if own.points else f"width {own.widths[e]:g}{unit}"
        hard = f", hardness {own.hardness[e]:g}{energy} / e^2" if own.hardness else ""
        lines.append(_line(f"  {element}", f"network {own_layers}, {width}{hard}"))
    if own.screening:
        s = own.screening
        lines.append(_line("  screening", f"{s.inner:g} to {s.outer:g}{unit}, {s.core}"))
    if not own.equilibrated:
        kept = "an even correction keeps the total charge" if own.conserve else "their sum is not kept"
        lines.append(_line("  total", kept))
    if own.as_input:
        lines.append(_line("  seen by", "the short-range networks, as their last input"))
    if own.truncation:
        how = own.truncation
        sums = f'cut off by n2p2 ({how.method}, {how.precision:g}); converged unless charge_sums = "n2p2"'
        lines.append(_line("  sums", sums))
    return lines


def _of_densities(model) -> list[str]:
    """Of a density network; of a committee, all designs that its members have."""
    counts = Counter(model.member_designs)
    lines = [line for design, n in counts.items() for line in _of_design(design, n, model)]
    energies = zip(model.elements, model.design.views(model.parameters)["E0"], strict=True)
    return [*lines, _line("atom energies", ", ".join(f"{element} {energy:.10g} eV" for element, energy in energies))]


def _of_design(design, n: int, model) -> list[str]:
    """Of a density network that n members are."""
    products = f"{design.program.n_invariants} invariants of up to {design.factors} factors, l_max {design.l_max}"
    window = f" under a window of exponent {design.envelope}" if "envelope" in design.options else ""
    radial = f"{design.radial} Bessel functions{window} mixed to {design.mixed}"
    if design.element_rank:
        radial += f", of rank {design.element_rank} in the elements"
    vectors = ["numbers and vectors"] if design.message_l else []
    hidden = f"linear, and tanh of {design.hidden}" if design.hidden else "linear"
    members = f"; {n} member{'s' * (n > 1)}" if model.designs else ""
    return [
        _line("layers", f"{design.layers} of {design.channels} channels{members}"),
        _line("densities", f"{radial}; sums divided by {design.neighbours:.6g} neighbours"),
        _line("products", products),
        *(_line("messages", own) for own in vectors),
        _line("readout", f"{hidden}; energies in units of {design.scale:.6g} eV"),
        _line("parameters", f"{design.n_parameters}" + (" of each member" if model.others else "")),
    ]


def _unstated(model: Model) -> str:
    hint = model.provenance.get("unit_comments", "")
    return "not stated; give --units length=bohr,energy=hartree" + (f" (comments say: {hint})" if hint else "")


def _of_element(model: HDNNP, e: int, element: str, unit: str, energy: str) -> list[str]:
    functions, scaling = model.symmetry_functions[e], model.scaling[e]
    lines = [f"  {element}"]
    for text, count in Counter(_of_network(own[e]) for own in model.members).items():
        lines.append(_line("  network", text + (f"; {count} members" if model.others else "")))
    parameters = [n_parameters(own[e].layer_sizes) for own in model.members]
    lines.append(_line("  parameters", f"{sum(parameters)} of all members" if model.others else parameters[0]))
    lines.append(_line("  atom energy", f"{model.atom_energies[e]:.10g}{energy}"))
    kind = KINDS[model.kind]
    lines.append(_line("  descriptors", f"{len(functions)} {kind.plural}"))
    lines += [_line("", text) for text in kind.summary(functions, unit)]
    target = f" to {scaling.target_min:g}..{scaling.target_max:g}" if scaling.mode not in ("none", "center") else ""
    lines.append(_line("  scaling", f"{scaling.mode}{target}; min, max, mean, sigma of each:"))
    columns = zip(scaling.min, scaling.max, scaling.mean, scaling.sigma, strict=True)
    width = max(len(function.label) for function in functions)
    for function, numbers in zip(functions, columns, strict=True):
        lines.append(f"    {function.label:<{width}}  " + " ".join(f"{number:>12.5e}" for number in numbers))
    return lines


def _of_network(network) -> str:
    names = [ACTIVATION_NAMES[letter] for letter in network.activations]
    nodes = " (node arguments divided by their number)" if network.normalize_nodes else ""
    return f"{'-'.join(map(str, network.layer_sizes))}, {', '.join(names)}{nodes}"
