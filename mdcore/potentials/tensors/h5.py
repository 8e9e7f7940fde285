"""How is a network of tensors kept in one file?

```
/                 format = "mdcore-tensors", version, name, elements, centers          (attributes)
                  cutoff (Angstrom), radial, mixed, hidden, dipole, polarizability, local_field
/ions             {element: charge, e}                                                 (attributes)
/units            {quantity: what a weight of 1 is worth}, e Angstrom and Angstrom^3   (attributes)
/centers/<El>     mean, projection, mixing, scale, parameters (tensors/model.py)
/provenance       any texts; /training: any texts and numbers                          (attributes)
/test_vectors/<i> symbols, positions, cell (absent for a cluster), values
```

The user block holds a checksum, as that of all files of mdcore.
"""

from pathlib import Path

import h5py
import numpy as np

from mdcore.base.elements import SYMBOLS
from mdcore.base.errors import InputError
from mdcore.base.files import SEAL_BYTES, cause, open_binary, open_h5, read_seal, seal
from mdcore.base.writing import plain, replacing
from mdcore.base.writing_h5 import new_h5
from mdcore.potentials.networks.h5_texts import at_most, plain_value, text
from mdcore.potentials.tensors.model import Design, Scaling, TensorNetwork, TestVector

FORMAT, VERSION = "mdcore-tensors", 2  # 1: without local_field
MOST_PARAMETERS, MOST_VECTORS = 10_000_000, 1_000
WHAT = "a network of tensors (mdcore train)"


def write_tensors(model: TensorNetwork, path, overwrite: bool = False) -> None:
    """Write `model` to one file, replaced in one step; OutputError if it exists and not `overwrite`."""
    design = model.design
    with replacing(path, overwrite=overwrite) as temporary:
        with new_h5(temporary, userblock_size=SEAL_BYTES) as file:
            file.attrs.update(
                format=FORMAT, version=VERSION, name=plain(model.name), elements=list(design.elements),
                centers=list(design.centers), cutoff=design.cutoff, radial=design.radial, mixed=design.mixed,
                hidden=np.array(design.hidden, dtype=np.int64), dipole=design.dipole,
                polarizability=design.polarizability, local_field=design.local_field,
            )  # fmt: skip
            file.create_group("ions").attrs.update(dict(design.ions))
            file.create_group("units").attrs.update(model.unit)
            for center, own, parameters in zip(design.centers, model.scaling, model.parameters, strict=True):
                for name, values in (*vars(own).items(), ("parameters", parameters)):
                    file[f"centers/{center}/{name}"] = values
            for name in ("provenance", "training"):
                texts = {plain(k): plain(v) if isinstance(v, str) else v for k, v in getattr(model, name).items()}
                file.create_group(name).attrs.update(texts)
            for index, vector in enumerate(model.test_vectors):
                group = file.create_group(f"test_vectors/{index}")
                group["symbols"] = np.array(vector.symbols, dtype="S2")
                group["positions"], group["values"] = vector.positions, vector.values
                if vector.cell is not None:
                    group["cell"] = vector.cell
        seal(temporary, f"{FORMAT} {VERSION}")


def is_tensors(file: h5py.File) -> bool:
    return file.attrs.get("format") == FORMAT


def read_tensors(path) -> TensorNetwork:
    """The model in `path`; InputError says what is wrong with the file."""
    path = Path(path).expanduser()
    if not path.exists():
        raise InputError(f"{path}: no such file; expected {WHAT}, e.g. water_tensors.h5")
    try:
        with open_h5(path, WHAT) as file:
            if not is_tensors(file):
                raise InputError(f"{path}: not {WHAT}; mdcore info tells what it is, if mdcore made it")
            if file.attrs["version"] > VERSION:
                raise InputError(f"{path}: format version {file.attrs['version']}: written by a newer mdcore")
            model = _read(file)
        with open_binary(path) as stream:
            title, damage = read_seal(stream)
            if damage or title.partition(" ")[0] != FORMAT:
                raise InputError(f"{damage or 'its first line is another'}: damaged or changed; get it anew")
    except InputError as error:
        told = str(error)
        raise InputError(told if told.startswith(str(path)) else f"{path}: {told}") from None
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise InputError(f"{path}: incomplete or damaged: {cause(error)}") from None
    return model


def _read(file: h5py.File) -> TensorNetwork:
    it = file.attrs
    elements, centers = (tuple(text(e) for e in it[name]) for name in ("elements", "centers"))
    at_most(len(SYMBOLS) - 1, len(elements), "elements")
    design = Design(
        elements, centers, float(it["cutoff"]), int(it["radial"]), int(it["mixed"]), tuple(map(int, it["hidden"])),
        text(it["dipole"]), bool(it["polarizability"]),
        tuple((text(e), float(z)) for e, z in file["ions"].attrs.items()), bool(it.get("local_field", False)),
    )  # fmt: skip
    scaling, parameters = [], []
    for center in centers:
        group = file[f"centers/{center}"]
        at_most(MOST_PARAMETERS, sum(own.size for own in group.values()), f"numbers of {center}")
        scaling.append(Scaling(*(_array(group, name) for name in ("mean", "projection", "mixing", "scale"))))
        parameters.append(_array(group, "parameters"))
    vectors = file.get("test_vectors", {})
    at_most(MOST_VECTORS, len(vectors), "test vectors")
    return TensorNetwork(
        design=design, scaling=tuple(scaling), parameters=tuple(parameters),
        unit={key: float(value) for key, value in file["units"].attrs.items()},
        provenance={key: plain_value(value) for key, value in file["provenance"].attrs.items()},
        training={key: plain_value(value) for key, value in file["training"].attrs.items()},
        test_vectors=tuple(_vector(vectors[str(k)]) for k in range(len(vectors))), name=text(it["name"]),
    )  # fmt: skip


def _array(group, name: str) -> np.ndarray:
    if group[name].dtype.kind not in "fiu":
        raise InputError(f"{name}: numbers of {group[name].dtype}, expected float64")
    return group[name][()]


def _vector(group) -> TestVector:
    return TestVector(
        tuple(symbol.decode() for symbol in group["symbols"][()]), _array(group, "positions"),
        _array(group, "cell") if "cell" in group else None, _array(group, "values"),
    )  # fmt: skip
