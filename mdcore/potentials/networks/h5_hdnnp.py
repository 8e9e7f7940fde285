"""What does a file say of a Behler-Parrinello network alone? The layout is in h5.py."""

import h5py
import numpy as np

from mdcore.base.elements import SYMBOLS
from mdcore.base.errors import InputError
from mdcore.potentials.charges.truncated import Truncation
from mdcore.potentials.networks.charge_model import ChargeModel, Screening
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5_texts import at_most, text
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Normalisation, Scaling
from mdcore.potentials.networks.trained import MOST_MEMBERS

FORMAT = "mdcore-hdnnp"
# who knows no committees, walls, such descriptors, charges, what was subtracted shall not take one for less than it is
VERSION, COMMITTEE, GUARDED, DESCRIBED, CHARGED, SUBTRACTED = 1, 2, 3, 4, 5, 6
NEWEST = SUBTRACTED
MOST_FUNCTIONS, MOST_LAYERS = 10_000, 64


def version(model: HDNNP) -> int:
    if model.subtracted:
        return SUBTRACTED
    if model.charges:
        return CHARGED
    if model.kind != "symmetry":
        return DESCRIBED
    return GUARDED if model.walls or model.known else COMMITTEE if model.others else VERSION


def write(file: h5py.File, model: HDNNP) -> None:
    if model.normalisation:
        file.create_group("normalisation").attrs.update(vars(model.normalisation))
    columns = (model.elements, model.symmetry_functions, model.scaling, model.networks, model.atom_energies)
    for element, functions, scaling, network, energy in zip(*columns, strict=True):
        group = file.create_group(f"elements/{element}")
        group.attrs["atom_energy"] = energy
        _write_inputs(group, functions, scaling, model.kind)
        _write_network(group, network)
    if model.charges:
        _write_charges(file.create_group("charges"), model)
    if model.others:
        file.create_group("members").attrs["n"] = len(model.members)
    for i, member in enumerate(model.others, start=1):
        for element, network in zip(model.elements, member, strict=True):
            _write_network(file.create_group(f"members/{i}/{element}"), network)
    for i, (networks, hardness) in enumerate(model.charges.others if model.charges else (), start=1):
        for e, (element, network) in enumerate(zip(model.elements, networks, strict=True)):
            group = file.create_group(f"members/{i}/charges/{element}")
            _write_network(group, network)
            if hardness:
                group.attrs["hardness"] = hardness[e]


def _write_inputs(group: h5py.Group, functions, scaling: Scaling, kind_name: str) -> None:
    """What the networks of an element see, and how it is scaled."""
    kind = KINDS[kind_name]
    group.attrs.update(scaling_mode=scaling.mode, scaling_target=[scaling.target_min, scaling.target_max])
    records = np.array([kind.pack(f) for f in functions], dtype=kind.record)
    if kind.name == "symmetry":
        group["symmetry_functions"] = records
    else:
        group.create_dataset("descriptors", data=records).attrs["kind"] = kind.name
    group["scaling"] = np.column_stack([scaling.min, scaling.max, scaling.mean, scaling.sigma])


def _write_charges(group: h5py.Group, model: HDNNP) -> None:
    own = model.charges
    for name in ("kind", "conserve", "as_input", "own_energy", "constant", "output_scale", "input_scale"):
        group.attrs[name] = getattr(own, name)
    if own.screening:
        group.attrs.update(
            screening=[own.screening.inner, own.screening.outer], screening_core=own.screening.core
        )
    if own.truncation:
        how = own.truncation
        group.attrs.update(truncation=[how.precision, how.charge, how.cutoff], truncation_method=how.method)
    for e, element in enumerate(model.elements):
        of = group.create_group(element)
        of.attrs["width"] = own.widths[e]
        if own.hardness:
            of.attrs["hardness"] = own.hardness[e]
        functions, scaling = own.symmetry_functions[e], own.scaling[e]
        of.attrs["shared"] = shared = identical((functions, scaling), (model.symmetry_functions[e], model.scaling[e]))
        if not shared:
            _write_inputs(of, functions, scaling, model.kind)
        _write_network(of, own.networks[e])


def _read_charges(file: h5py.File, elements, all_functions, all_scaling, n_others: int) -> ChargeModel:
    group, others = file["charges"], []
    functions, scaling, networks, widths, hardness = [], [], [], [], []
    for element, of_short, scaled in zip(elements, all_functions, all_scaling, strict=True):
        of = group[element]
        if not of.attrs["shared"]:
            of_short, scaled = _read_inputs(element, of)
        functions.append(of_short)
        scaling.append(scaled)
        networks.append(_read_network(of))
        widths.append(float(of.attrs["width"]))
        if "hardness" in of.attrs:
            hardness.append(float(of.attrs["hardness"]))
    for i in range(1, n_others + 1):
        members = [file[f"members/{i}/charges/{element}"] for element in elements]
        own = tuple(float(of.attrs["hardness"]) for of in members if "hardness" in of.attrs)
        others.append((tuple(map(_read_network, members)), own))
    attributes, screening, truncation = group.attrs, None, None
    if "truncation" in attributes:
        truncation = Truncation(text(attributes["truncation_method"]), *map(float, attributes["truncation"]))
    if "screening" in attributes:
        inner, outer = map(float, attributes["screening"])
        screening = Screening(inner, outer, text(attributes["screening_core"]))
    return ChargeModel(
        kind=text(attributes["kind"]),
        symmetry_functions=tuple(functions),
        scaling=tuple(scaling),
        networks=tuple(networks),
        widths=tuple(widths),
        hardness=tuple(hardness),
        screening=screening,
        truncation=truncation,
        others=tuple(others),
        **{name: bool(attributes[name]) for name in ("conserve", "as_input", "own_energy")},
        **{name: float(attributes[name]) for name in ("constant", "output_scale", "input_scale")},
    )


def _write_network(group: h5py.Group, network: ElementNetwork) -> None:
    group.attrs.update(activations="".join(network.activations), normalize_nodes=network.normalize_nodes)
    for layer, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        # many zeros: a member of a committee that does not know all of its descriptors
        packed = {} if weights.all() else {"compression": "gzip", "shuffle": True}
        group.create_dataset(f"weights/{layer}", data=weights, **packed)
        group[f"biases/{layer}"] = biases


def _read_network(group: h5py.Group) -> ElementNetwork:
    activations = tuple(text(group.attrs["activations"]))
    at_most(MOST_LAYERS, len(activations), "layers of a network")
    return ElementNetwork(
        tuple(group[f"weights/{layer}"][()] for layer in range(len(activations))),
        tuple(group[f"biases/{layer}"][()] for layer in range(len(activations))),
        activations,
        bool(group.attrs["normalize_nodes"]),
    )


def read(file: h5py.File, common: dict) -> HDNNP:
    """common : what all trained potentials have"""
    elements = tuple(text(e) for e in file.attrs["elements"])
    at_most(len(SYMBOLS) - 1, len(elements), "elements")
    functions, scaling, networks, energies = [], [], [], []
    for element in elements:
        group = file["elements"][element]
        of_element, scaled = _read_inputs(element, group)
        functions.append(of_element)
        scaling.append(scaled)
        networks.append(_read_network(group))
        energies.append(float(group.attrs["atom_energy"]))
    others = []
    if file.attrs["version"] == COMMITTEE or "members" in file:
        at_most(MOST_MEMBERS, int(file["members"].attrs["n"]), "members of a committee")
        others = [
            tuple(_read_network(file[f"members/{i}/{element}"]) for element in elements)
            for i in range(1, int(file["members"].attrs["n"]))
        ]
    normalisation = None
    if "normalisation" in file:
        normalisation = Normalisation(
            **{key: float(value) for key, value in file["normalisation"].attrs.items()}
        )
    return HDNNP(
        elements=elements,
        symmetry_functions=tuple(functions),
        scaling=tuple(scaling),
        networks=tuple(networks),
        others=tuple(others),
        atom_energies=tuple(energies),
        normalisation=normalisation,
        charges=_read_charges(file, elements, functions, scaling, len(others)) if "charges" in file else None,
        **common,
    )


def _read_inputs(element: str, group: h5py.Group) -> tuple[tuple, Scaling]:
    attributes = group.attrs
    return _descriptors(element, group), Scaling(
        *group["scaling"][()].T,
        mode=text(attributes["scaling_mode"]),
        target_min=float(attributes["scaling_target"][0]),
        target_max=float(attributes["scaling_target"][1]),
    )


def _descriptors(element: str, group: h5py.Group) -> tuple:
    records = group["symmetry_functions" if "symmetry_functions" in group else "descriptors"]
    at_most(MOST_FUNCTIONS, len(records), "descriptors of an element")
    kind = text(records.attrs.get("kind", "symmetry"))
    if kind not in KINDS:
        raise InputError(f"descriptors of the kind {kind!r}, which this mdcore does not know")
    kind = KINDS[kind]
    rows = records[()]
    names = kind.record.names
    return tuple(kind.unpack(element, {name: row[name].item() for name in names}) for row in rows)
