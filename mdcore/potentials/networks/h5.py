"""How is a trained potential kept in one file? The native HDF5 form, nothing lost, open to other programs.

Layout (lengths and energies in the units the root attributes name)::

    /                 format = "mdcore-hdnnp" or "mdcore-density", version, name, length_unit, energy_unit, elements
    /provenance       any texts                                      (attributes)
    /training         any texts and numbers                          (attributes)
    /walls            one record a pair of elements: atomic numbers, inner, cutoff, Angstrom  (absent without walls)
    /subtracted/<i>   type of a law that was subtracted before the fit and is added back (subtracted.py), and all its
                      numbers: eV, Angstrom, but a1, a2, ... as in publications (attributes)
    /known            structures, atoms, share, farthest, disagreement of held-back structures (known.py; attributes;
                      group absent if not known, the last one of a single network)
    /nearest          [2, elements, elements]: least and largest distance from an atom to its nearest one of each
                      element in the training set, Angstrom; below, above (attributes; nearest.py; absent if not known)
    /test_vectors/<i> symbols, positions, forces, cell (absent for a cluster); energy (attribute)

and of Behler-Parrinello networks (h5_hdnnp.py), version 1 (2: a committee; 3: with walls, or what is known;
4: descriptors of another kind; 5: with charges; 6: with what was subtracted)::

    /normalisation    mean_energy, conv_energy, conv_length          (attributes; group absent if not used)
    /elements/<El>    atom_energy, activations, normalize_nodes, scaling_mode, scaling_target (attributes)
        symmetry_functions   one record a network input; another kind (kinds.py): descriptors, which say `kind`
        scaling              [n, 4]: min, max, mean, sigma
        weights/<layer>      [n_in, n_out];  biases/<layer>  [n_out];  layers count from 0
    /members          n = members of a committee, the one in /elements counts (attribute; group absent if there is one)
        <i>/<El>             of member i = 1, 2, ...: activations, normalize_nodes, weights, biases as in /elements
        <i>/charges/<El>     the same of its charges, with hardness, of a potential that has some
    /charges          (charge_model.py; group absent if there are none) kind, conserve, as_input, own_energy, constant,
                      output_scale, input_scale; screening [inner, outer] and screening_core; truncation [precision,
                      charge, cutoff] and truncation_method (attributes)
        <El>                 width, hardness (of equilibrated ones), shared: its descriptors and their scaling are those
                             of /elements; if not, these; activations, normalize_nodes, weights, biases as there

and of density networks (density/h5.py), version 1 (2: with element_rank, 3: with message_l, 4: with what was
subtracted, 5: members of several designs, 6: with envelope)::

    /design           cutoff, l_max, factors, layers, channels, radial, mixed, hidden, neighbours, scale, element_rank
                      and message_l where they are not 0, envelope where it is not 6 (attributes)
    /members          n (attribute)
        <i>/parameters/<name>  of member i = 0, 1, ...: arrays as Design.shapes has them
        <i>/ranges             [2, elements, features]: least and most of the training set (absent if not known)
        <i>/design             of this member, as above, of its elements and cutoff (absent if all members have one)

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
from mdcore.potentials.density import h5 as h5_density
from mdcore.potentials.networks import h5_hdnnp
from mdcore.potentials.networks.h5_texts import at_most, plain_value, text
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.nearest import Nearest
from mdcore.potentials.networks.subtracted import MOST as MOST_LAWS
from mdcore.potentials.networks.subtracted import law_of, name_of
from mdcore.potentials.networks.trained import Model, TestVector
from mdcore.potentials.networks.walls import Wall

FORMATS = {own.FORMAT: own for own in (h5_hdnnp, h5_density)}
MOST_VECTORS, MOST_WALLS = 1_000, 10_000
_WALL = np.dtype([("element_1", "i4"), ("element_2", "i4"), ("inner", "f8"), ("cutoff", "f8")])


def write_h5(model: Model, path, overwrite: bool = False) -> None:
    """Write `model` to one file, replaced in one step; OutputError if it exists and not `overwrite`."""
    own = FORMATS[model.format]
    with replacing(path, overwrite=overwrite) as temporary:
        with new_h5(temporary, userblock_size=SEAL_BYTES) as file:
            file.attrs.update(format=own.FORMAT, version=own.version(model), elements=list(model.elements))
            own.write(file, model)
            _write(file, model)
        seal(temporary, f"{own.FORMAT} {own.version(model)}")


def read_h5(path, units: Units | dict | None = None) -> Model:
    """The potential in `path`; `units`, if stated by the user, must agree with the file's."""
    path = Path(path)
    try:
        with open_h5(path, "a potential of mdcore") as file:
            own = FORMATS.get(file.attrs.get("format"))
            if file.attrs.get("format") == "mdcore-tensors":
                raise InputError(f'{path}: a network of tensors: its [[potential]] has type = "tensors"')
            if own is None:
                raise InputError(f"{path}: not a potential of mdcore (mdcore info tells what it is, if mdcore made it)")
            if file.attrs["version"] > own.NEWEST:
                raise InputError(f"{path}: format version {file.attrs['version']}: written by a newer mdcore")
            model = own.read(file, _read(file))
        with open_binary(path) as stream:
            title, damage = read_seal(stream)
            if damage or title.partition(" ")[0] not in ("", own.FORMAT):
                damage = damage or "its first line is another"
                raise InputError(f"{damage}: damaged or changed; get it anew, or convert it again from its source")
    except InputError as error:
        told = str(error)
        raise InputError(told if told.startswith(str(path)) else f"{path}: {told}") from None
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


def _write(file: h5py.File, model: Model) -> None:
    """What all have."""
    file.attrs["name"] = plain(model.name)
    if model.units:
        file.attrs.update(length_unit=model.units.length, energy_unit=model.units.energy)
    for name in ("provenance", "training"):
        texts = {plain(k): plain(v) if isinstance(v, str) else v for k, v in getattr(model, name).items()}
        file.create_group(name).attrs.update(texts)
    if model.walls:
        rows = [(*(ATOMIC_NUMBERS[e] for e in wall.pair), wall.inner, wall.cutoff) for wall in model.walls]
        file["walls"] = np.array(rows, dtype=_WALL)
    for index, law in enumerate(model.subtracted):
        file.create_group(f"subtracted/{index}").attrs.update({"type": name_of(law), **law.arguments})
    if model.nearest:
        own = model.nearest
        told = {name: value for name in ("below", "above") if (value := getattr(own, name)) is not None}
        file.create_dataset("nearest", data=np.stack([own.low, own.high])).attrs.update(told)
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


def _read(file: h5py.File) -> dict:
    """What all have."""
    units = None
    if "length_unit" in file.attrs:
        units = Units(text(file.attrs["length_unit"]), text(file.attrs["energy_unit"]))
    walls = ()
    if "walls" in file:
        at_most(MOST_WALLS, len(file["walls"]), "walls")
        walls = tuple(Wall((SYMBOLS[a], SYMBOLS[b]), *span) for a, b, *span in file["walls"][()].tolist())
    known = None
    if "known" in file:
        known = Known(**{key: plain_value(value) for key, value in file["known"].attrs.items()})
    nearest = None
    if "nearest" in file:
        n, found = len(file.attrs["elements"]), file["nearest"]
        if found.shape != (2, n, n):
            raise InputError(f"distances trained on: {list(found.shape)}, expected {[2, n, n]}")
        nearest = Nearest(*found[()], **{key: plain_value(value) for key, value in found.attrs.items()})
    laws = file.get("subtracted", {})
    at_most(MOST_LAWS, len(laws), "laws that were subtracted")
    vectors = file.get("test_vectors", {})
    at_most(MOST_VECTORS, len(vectors), "test vectors")
    return dict(
        walls=walls,
        subtracted=tuple(_law(laws[str(index)]) for index in range(len(laws))),
        known=known,
        nearest=nearest,
        units=units,
        provenance={key: plain_value(value) for key, value in file["provenance"].attrs.items()},
        training={key: plain_value(value) for key, value in file["training"].attrs.items()},
        test_vectors=tuple(_vector(vectors[str(index)]) for index in range(len(vectors))),
        name=text(file.attrs["name"]),
    )


def _law(group: h5py.Group):
    arguments = {key: plain_value(value) for key, value in group.attrs.items()}
    return law_of(arguments.pop("type"), arguments)


def _vector(group: h5py.Group) -> TestVector:
    return TestVector(
        symbols=tuple(symbol.decode() for symbol in group["symbols"][()]),
        positions=group["positions"][()],
        cell=group["cell"][()] if "cell" in group else None,
        energy=float(group.attrs["energy"]),
        forces=group["forces"][()],
    )
