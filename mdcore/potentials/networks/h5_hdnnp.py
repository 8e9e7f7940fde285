"""What does a file say of a Behler-Parrinello network alone? The layout is in h5.py."""

import h5py
import numpy as np

from mdcore.base.elements import SYMBOLS
from mdcore.base.errors import InputError
from mdcore.potentials.networks.h5_texts import at_most, text
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Normalisation, Scaling
from mdcore.potentials.networks.trained import MOST_MEMBERS

FORMAT = "mdcore-hdnnp"
# who knows no committees, no walls or no such descriptors shall not take one for less than it is
VERSION, COMMITTEE, GUARDED, DESCRIBED = 1, 2, 3, 4
NEWEST = DESCRIBED
MOST_FUNCTIONS, MOST_LAYERS = 10_000, 64


def version(model: HDNNP) -> int:
    if model.kind != "symmetry":
        return DESCRIBED
    return GUARDED if model.walls or model.known else COMMITTEE if model.others else VERSION


def write(file: h5py.File, model: HDNNP) -> None:
    if model.normalisation:
        file.create_group("normalisation").attrs.update(vars(model.normalisation))
    columns, kind = (model.elements, model.symmetry_functions, model.scaling, model.networks), KINDS[model.kind]
    columns = (*columns, model.atom_energies)
    for element, functions, scaling, network, energy in zip(*columns, strict=True):
        group = file.create_group(f"elements/{element}")
        group.attrs.update(
            atom_energy=energy,
            scaling_mode=scaling.mode,
            scaling_target=[scaling.target_min, scaling.target_max],
        )
        records = np.array([kind.pack(f) for f in functions], dtype=kind.record)
        if kind.name == "symmetry":
            group["symmetry_functions"] = records
        else:
            group.create_dataset("descriptors", data=records).attrs["kind"] = kind.name
        group["scaling"] = np.column_stack([scaling.min, scaling.max, scaling.mean, scaling.sigma])
        _write_network(group, network)
    if model.others:
        file.create_group("members").attrs["n"] = len(model.members)
    for i, member in enumerate(model.others, start=1):
        for element, network in zip(model.elements, member, strict=True):
            _write_network(file.create_group(f"members/{i}/{element}"), network)


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
        attributes = group.attrs
        functions.append(_descriptors(element, group))
        scaling.append(
            Scaling(
                *group["scaling"][()].T,
                mode=text(attributes["scaling_mode"]),
                target_min=float(attributes["scaling_target"][0]),
                target_max=float(attributes["scaling_target"][1]),
            )
        )
        networks.append(_read_network(group))
        energies.append(float(attributes["atom_energy"]))
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
        **common,
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
