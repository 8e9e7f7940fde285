"""How is a network potential kept in one file? The native HDF5 form, nothing lost, open to other programs.

Layout (lengths and energies in the units the root attributes name)::

    /                 format = "mdcore-hdnnp", version = 1 (2: a committee; 3: with walls, or what is known;
                      4: descriptors of another kind), name,
                      length_unit, energy_unit, elements
    /normalisation    mean_energy, conv_energy, conv_length          (attributes; group absent if not used)
    /provenance       any texts                                      (attributes)
    /training         any texts and numbers                          (attributes)
    /elements/<El>    atom_energy, activations, normalize_nodes, scaling_mode, scaling_target (attributes)
        symmetry_functions   one record a network input; another kind (kinds.py): descriptors, which say `kind`
        scaling              [n, 4]: min, max, mean, sigma
        weights/<layer>      [n_in, n_out];  biases/<layer>  [n_out];  layers count from 0
    /members          n = members of a committee, the one in /elements counts (attribute; group absent if there is one)
        <i>/<El>             of member i = 1, 2, ...: activations, normalize_nodes, weights, biases as in /elements
    /walls            one record a pair of elements: atomic numbers, inner, cutoff, Angstrom  (absent without walls)
    /known            structures, atoms, share, farthest, disagreement of held-back structures (known.py; attributes;
                      group absent if not known, the last one of a single network)
    /test_vectors/<i> symbols, positions, forces, cell (absent for a cluster); energy (attribute)

Test vectors are stored as data, answers of the networks without walls; whoever loads the potential into the engine
checks them there. The user block holds a checksum (files.py: `seal`; older files have none). A file is looked through
before it is read, counts before what they count.
"""

from pathlib import Path

import h5py
import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS, SYMBOLS
from mdcore.base.errors import InputError
from mdcore.base.files import SEAL_BYTES, cause, open_binary, open_h5, read_seal, seal
from mdcore.base.writing import plain, replacing
from mdcore.base.writing_h5 import new_h5
from mdcore.potentials.networks.kinds import KINDS
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.model import (
    HDNNP,
    MOST_MEMBERS,
    ElementNetwork,
    Normalisation,
    Scaling,
    TestVector,
)
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.walls import Wall

FORMAT = "mdcore-hdnnp"
# who knows no committees, no walls or no such descriptors shall not take one for less than it is
VERSION, COMMITTEE, GUARDED, DESCRIBED = 1, 2, 3, 4
MOST_FUNCTIONS, MOST_LAYERS, MOST_VECTORS, MOST_WALLS = 10_000, 64, 1_000, 10_000
_WALL = np.dtype([("element_1", "i4"), ("element_2", "i4"), ("inner", "f8"), ("cutoff", "f8")])


def write_h5(model: HDNNP, path, overwrite: bool = False) -> None:
    """Write `model` to one file, replaced in one step; OutputError if it exists and not `overwrite`."""
    with replacing(path, overwrite=overwrite) as temporary:
        with new_h5(temporary, userblock_size=SEAL_BYTES) as file:
            _write(file, model)
        seal(temporary, f"{FORMAT} {_version(model)}")


def read_h5(path, units: Units | dict | None = None) -> HDNNP:
    """The potential in `path`; `units`, if stated by the user, must agree with the file's."""
    path = Path(path)
    try:
        with open_h5(path, "a potential of mdcore") as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError(f"{path}: not a potential of mdcore (mdcore info tells what it is, if mdcore made it)")
            if file.attrs["version"] > DESCRIBED:
                raise InputError(f"{path}: format version {file.attrs['version']}: written by a newer mdcore")
            model = _read(file)
        with open_binary(path) as stream:
            title, damage = read_seal(stream)
            if damage or title.partition(" ")[0] not in ("", FORMAT):
                damage = damage or "its first line is another"
                raise InputError(f"{damage}: damaged or changed; get it anew, or convert it again from its source")
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from None
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise InputError(f"{path}: incomplete or damaged potential: {cause(error)}") from None
    stated = Units.parse(units)
    if stated and model.units and stated != model.units:
        raise InputError(
            f"units: {stated.length}, {stated.energy} given, but {path} states "
            f"{model.units.length}, {model.units.energy}"
        )
    if stated and not model.units:
        object.__setattr__(model, "units", stated)
    return model


def _version(model: HDNNP) -> int:
    if model.kind != "symmetry":
        return DESCRIBED
    return GUARDED if model.walls or model.known else COMMITTEE if model.others else VERSION


def _write(file: h5py.File, model: HDNNP) -> None:
    file.attrs.update(
        format=FORMAT, version=_version(model), name=plain(model.name), elements=list(model.elements)
    )
    if model.units:
        file.attrs.update(length_unit=model.units.length, energy_unit=model.units.energy)
    if model.normalisation:
        file.create_group("normalisation").attrs.update(vars(model.normalisation))
    for name in ("provenance", "training"):
        texts = {plain(k): plain(v) if isinstance(v, str) else v for k, v in getattr(model, name).items()}
        file.create_group(name).attrs.update(texts)
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
    if model.walls:
        rows = [(*(ATOMIC_NUMBERS[e] for e in wall.pair), wall.inner, wall.cutoff) for wall in model.walls]
        file["walls"] = np.array(rows, dtype=_WALL)
    if model.known:
        attributes = {name: value for name, value in vars(model.known).items() if value is not None}
        file.create_group("known").attrs.update(attributes)
    for index, vector in enumerate(model.test_vectors):
        group = file.create_group(f"test_vectors/{index}")
        group["symbols"] = np.array(vector.symbols, dtype="S2")
        group["positions"], group["forces"] = vector.positions, vector.forces
        group.attrs["energy"] = vector.energy
        if vector.cell is not None:
            group["cell"] = vector.cell


def _write_network(group: h5py.Group, network: ElementNetwork) -> None:
    group.attrs.update(activations="".join(network.activations), normalize_nodes=network.normalize_nodes)
    for layer, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        # many zeros: a member of a committee that does not know all of its descriptors
        packed = {} if weights.all() else {"compression": "gzip", "shuffle": True}
        group.create_dataset(f"weights/{layer}", data=weights, **packed)
        group[f"biases/{layer}"] = biases


def _read_network(group: h5py.Group) -> ElementNetwork:
    activations = tuple(_text(group.attrs["activations"]))
    _at_most(MOST_LAYERS, len(activations), "layers of a network")
    return ElementNetwork(
        tuple(group[f"weights/{layer}"][()] for layer in range(len(activations))),
        tuple(group[f"biases/{layer}"][()] for layer in range(len(activations))),
        activations,
        bool(group.attrs["normalize_nodes"]),
    )


def _read(file: h5py.File) -> HDNNP:
    elements = tuple(_text(e) for e in file.attrs["elements"])
    _at_most(len(SYMBOLS) - 1, len(elements), "elements")
    functions, scaling, networks, energies = [], [], [], []
    for element in elements:
        group = file["elements"][element]
        attributes = group.attrs
        functions.append(_descriptors(element, group))
        scaling.append(
            Scaling(
                *group["scaling"][()].T,
                mode=_text(attributes["scaling_mode"]),
                target_min=float(attributes["scaling_target"][0]),
                target_max=float(attributes["scaling_target"][1]),
            )
        )
        networks.append(_read_network(group))
        energies.append(float(attributes["atom_energy"]))
    others = []
    if file.attrs["version"] == COMMITTEE or "members" in file:
        _at_most(MOST_MEMBERS, int(file["members"].attrs["n"]), "members of a committee")
        others = [
            tuple(_read_network(file[f"members/{i}/{element}"]) for element in elements)
            for i in range(1, int(file["members"].attrs["n"]))
        ]
    normalisation = None
    if "normalisation" in file:
        normalisation = Normalisation(
            **{key: float(value) for key, value in file["normalisation"].attrs.items()}
        )
    units = None
    if "length_unit" in file.attrs:
        units = Units(_text(file.attrs["length_unit"]), _text(file.attrs["energy_unit"]))
    walls = ()
    if "walls" in file:
        _at_most(MOST_WALLS, len(file["walls"]), "walls")
        walls = tuple(Wall((SYMBOLS[a], SYMBOLS[b]), *span) for a, b, *span in file["walls"][()].tolist())
    known = None
    if "known" in file:
        known = Known(**{key: _plain(value) for key, value in file["known"].attrs.items()})
    vectors = file.get("test_vectors", {})
    _at_most(MOST_VECTORS, len(vectors), "test vectors")
    return HDNNP(
        elements=elements,
        symmetry_functions=tuple(functions),
        scaling=tuple(scaling),
        networks=tuple(networks),
        others=tuple(others),
        atom_energies=tuple(energies),
        normalisation=normalisation,
        walls=walls,
        known=known,
        units=units,
        provenance={key: _plain(value) for key, value in file["provenance"].attrs.items()},
        training={key: _plain(value) for key, value in file["training"].attrs.items()},
        test_vectors=tuple(_vector(vectors[str(index)]) for index in range(len(vectors))),
        name=_text(file.attrs["name"]),
    )


def _descriptors(element: str, group: h5py.Group) -> tuple:
    records = group["symmetry_functions" if "symmetry_functions" in group else "descriptors"]
    _at_most(MOST_FUNCTIONS, len(records), "descriptors of an element")
    kind = _text(records.attrs.get("kind", "symmetry"))
    if kind not in KINDS:
        raise InputError(f"descriptors of the kind {kind!r}, which this mdcore does not know")
    kind = KINDS[kind]
    rows = records[()]
    names = kind.record.names
    return tuple(kind.unpack(element, {name: row[name].item() for name in names}) for row in rows)


def _vector(group: h5py.Group) -> TestVector:
    return TestVector(
        symbols=tuple(symbol.decode() for symbol in group["symbols"][()]),
        positions=group["positions"][()],
        cell=group["cell"][()] if "cell" in group else None,
        energy=float(group.attrs["energy"]),
        forces=group["forces"][()],
    )


def _at_most(most: int, found: int, what: str) -> None:
    if found > most:
        raise InputError(f"{found:,} {what}: {most:,} at most")


def _text(value) -> str:
    """A text without characters that steer a terminal."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _plain(value):
    """An attribute as Python's own str, int or float."""
    return _text(value) if isinstance(value, bytes | str) else value.item() if hasattr(value, "item") else value
