"""Which labelled structures does a DeePMD folder hold?

A system is a folder with ``type.raw`` (one integer an atom), ``type_map.raw`` (element of each type) and
``set.*/``: ``coord.npy`` [frames, 3 n], ``box.npy`` [frames, 9] (absent, or a file ``nopbc`` beside ``type.raw``: a
cluster), ``energy.npy`` [frames], ``force.npy`` [frames, 3 n], ``virial.npy`` [frames, 9]; ``real_atom_types.npy``
[frames, n] where compositions are mixed (-1: no atom). Angstrom, eV, eV/Angstrom; the virial in eV is -dE/dstrain:
positive when compressed. Tensors: ``dipole.npy`` [frames, 3], ``polarizability.npy`` [frames, 9], and of
all atoms ``atomic_dipole.npy`` [frames, 3 n], ``atomic_polarizability.npy`` [frames, 9 n].
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.files import open_binary, read_text
from mdcore.base.numerals import integer
from mdcore.training.data.labels import Labels


def systems(path: Path) -> list[Path]:
    """The system folders in `path`, itself included, in the order of their names."""
    found = (Path(top) for top, _, files in os.walk(path) if "type.raw" in files)  # passes over what can't be listed
    return sorted(folder for folder in found if any(folder.glob("set.*/coord.npy")))


ENERGIES = (("energy", 1), ("force", -3), ("virial", 9))  # width of a frame; -3: 3 an atom
TENSORS = (("dipole", 3), ("polarizability", 9), ("atomic_dipole", -3), ("atomic_polarizability", -9))


def frames(folder: Path, root: Path, labels: Labels, tensors=False, periodic=False) -> Iterator[dict]:
    """The structures of a system; keys as the fields of Labelled. root : what the user named.

    tensors : with these instead of energies and what follows from them; periodic : there is a box, whatever nopbc says
    """
    types, names = _types(folder), _type_map(folder)
    cluster = (folder / "nopbc").exists() and not periodic
    wanted = TENSORS if tensors else ENERGIES
    tag = str(folder.relative_to(root)) if folder != root else ""
    for part in sorted(folder.glob("set.*")):
        coord = _load(part / "coord.npy", 3 * len(types))
        n, number = len(coord), len(types)
        columns = {
            name: _load(part / f"{name}.npy", width, n)
            for name, width in (("box", 9), *((name, n if n > 0 else -n * number) for name, n in wanted))
            if (part / f"{name}.npy").exists()
        }
        mixed = part / "real_atom_types.npy"
        kinds = _load(mixed, number, n).astype(int) if mixed.exists() else np.tile(types, (n, 1))
        if not cluster and "box" not in columns:
            raise InputError(f"{part}: no box.npy; add it, or an empty file nopbc in {folder} if it is a cluster")
        for k in range(n):
            place = f"{part}: frame {k}"
            own = _frame(coord, kinds, columns, k, names, cluster, labels, place)
            yield own | {"tag": tag, "place": place}


def _frame(coord, kinds, columns, k, names, cluster, labels, where) -> dict:
    there = kinds[k] >= 0
    if kinds[k].max() >= len(names):
        raise InputError(f"{where}: type {kinds[k].max()}: type_map.raw names {len(names)} types only")
    box = None if cluster else columns["box"][k].reshape(3, 3)
    own = {
        "symbols": [names[t] for t in kinds[k][there]],
        "positions": coord[k].reshape(-1, 3)[there],
        "cell": box,
        "periodic": (not cluster,) * 3,
    }
    if "energy" in columns:
        own["energy"] = float(columns["energy"][k, 0])
    if "force" in columns:
        own["forces"] = columns["force"][k].reshape(-1, 3)[there]
    for name, width in TENSORS:
        if name in columns:
            own[name] = columns[name][k] if width > 0 else columns[name][k].reshape(len(there), -width)[there]
    if "virial" in columns and box is not None:
        volume = abs(np.linalg.det(box))
        own["stress"] = labels.stress_in({"virial": columns["virial"][k]}, volume if volume > 0 else None, where)
    return own


def _load(path: Path, width: int, frames: int | None = None) -> np.ndarray:
    """float64 [frames, width]"""
    open_binary(path, "a NumPy array").close()  # a regular file
    try:
        with np.errstate(over="ignore"):
            array = np.load(path, allow_pickle=False, mmap_mode="r")  # which looks at sizes before anything is taken
    except Exception as error:  # NumPy's reader raises many kinds
        raise InputError(f"{path}: can't be read as a NumPy array: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise InputError(f"{path}: no NumPy array of numbers")
    if not array.size:
        raise InputError(f"{path}: an empty array")
    rows = array.reshape(len(array), -1) if array.ndim else array.reshape(1, -1)
    if rows.shape[1] != width or frames not in (None, len(rows)):
        expected = f"[{'frames' if frames is None else frames}, {width}]"
        raise InputError(f"{path}: an array of shape {array.shape}, expected {expected}")
    return rows.astype(np.float64)


def _types(folder: Path) -> np.ndarray:
    words = read_text(folder / "type.raw", "one integer an atom").split()
    try:
        types = np.array([integer(word) for word in words])
    except ValueError:
        types = np.empty(0)
    if not types.size:
        raise InputError(f"{folder / 'type.raw'}: expected one integer an atom")
    return types


def _type_map(folder: Path) -> list[str]:
    path = folder / "type_map.raw"
    if not path.exists():
        raise InputError(f"{path}: is missing; write the element of each type into it, one a line, e.g. O and H")
    return read_text(path, "the element of each type").split()
