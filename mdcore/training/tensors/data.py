"""Which dipole moments and polarizabilities does a file of structures hold, of the whole and of atoms?

Extended xyz: of the whole under a key of the comment line, of atoms in columns (nan: an atom without a label). Folders
of DeePMD: dipole.npy [frames, 3], polarizability.npy [frames, 9], atomic_dipole.npy [frames, 3 n],
atomic_polarizability.npy [frames, 9 n]. Matrices have nine numbers, or six (xx yy zz yz xz xy).
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.tensors.model import COMPONENTS, DIPOLE, POLARIZABILITY
from mdcore.structure import extxyz
from mdcore.structure.extxyz_columns import NEEDED
from mdcore.structure.quantities import ASYMMETRIC, asymmetric, asymmetry, numbers, pick, symmetric, tensor, voigt
from mdcore.structure.system import check_file
from mdcore.training.data import deepmd
from mdcore.training.data.labelled import LARGEST, Labelled
from mdcore.training.data.labels import Labels
from mdcore.training.data.sources import guess
from mdcore.training.tensors.settings import DIPOLE_UNITS, POLARIZABILITY_UNITS, TensorSource

FORMATS = ("extxyz", "deepmd")
KEYS = {  # of the whole, without regard to capitals
    DIPOLE: ("dipole", "REF_dipole", "dipole_moment", "dipoles"),
    POLARIZABILITY: ("polarizability", "REF_polarizability", "polarisability"),
}
COLUMNS = {
    DIPOLE: ("atomic_dipole", "atomic_dipoles", "REF_atomic_dipole"),
    POLARIZABILITY: ("atomic_polarizability", "atomic_polarizabilities", "REF_atomic_polarizability"),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class TensorLabelled(Labelled):
    """One structure with its tensors; None: not known. Units: e Angstrom, Angstrom^3.

    dipole float64 [3], polarizability [6] (xx yy zz yz xz xy): of the whole
    atomic_dipole [n, 3], atomic_polarizability [n, 6]: of atoms; nan: not known of this one
    """

    dipole: np.ndarray | None = None
    polarizability: np.ndarray | None = None
    atomic_dipole: np.ndarray | None = None
    atomic_polarizability: np.ndarray | None = None

    def __post_init__(self):
        super().__post_init__()
        for quantity, n in COMPONENTS.items():
            for name, shape in ((quantity, (n,)), (f"atomic_{quantity}", (self.n, n))):
                own = getattr(self, name)
                if own is None:
                    continue
                if own.shape != shape:
                    raise InputError(f"{self.where}: {name}: {own.shape} numbers, expected {shape}")
                known = own[~np.isnan(own)] if name.startswith("atomic") else own
                if not (np.abs(known) <= LARGEST).all():
                    raise InputError(f"{self.where}: {name}: no possible numbers; repair or drop it")

    def whole(self, quantity: str) -> np.ndarray | None:
        return getattr(self, quantity)

    def atomic(self, quantity: str) -> np.ndarray | None:
        return getattr(self, f"atomic_{quantity}")


def of_source(source: TensorSource) -> list[TensorLabelled]:
    """All structures of a file or folder; InputError names it, the structure and the cure."""
    path = Path(source.file)
    kind = source.format or guess(path)
    if kind not in FORMATS:
        raise InputError(f"{path}: tensors are read from extended xyz and folders of DeePMD, and this is {kind}")
    if kind == "extxyz":
        check_file(path)
    if source.periodic and kind != "deepmd":
        raise InputError(f"{path}: periodic = true is for folders of DeePMD; extended xyz says it in pbc")
    reader = _Reader(source)
    frames = reader.extxyz(path) if kind == "extxyz" else reader.deepmd(path)
    found = [
        TensorLabelled(**{"file": str(path), "index": k, "weight": source.weight, **own})
        for k, own in enumerate(frames)
    ]
    reader.warn()
    if not found:
        raise InputError(f"{path}: holds no structures")
    if not any(s.whole(q) is not None or s.atomic(q) is not None for s in found for q in COMPONENTS):
        raise InputError(
            f"{path}: no structure has a dipole moment or a polarizability: extended xyz has them under the keys "
            f"{KEYS[DIPOLE][0]} and {KEYS[POLARIZABILITY][0]}, in the columns {COLUMNS[DIPOLE][0]} and "
            f"{COLUMNS[POLARIZABILITY][0]}; name others, e.g. dipole = \"mu\""
        )
    return found


class _Reader:
    """What a source says its labels are called, and in which units."""

    def __init__(self, source: TensorSource):
        self.source, self.skewed = source, []
        self.unit = {
            DIPOLE: DIPOLE_UNITS[source.dipole_unit], POLARIZABILITY: POLARIZABILITY_UNITS[source.polarizability_unit]
        }  # fmt: skip
        self.labels = Labels(needed=(), tag=source.tag_key)

    def columns(self, quantity: str) -> tuple[str, ...]:
        own = getattr(self.source, f"atomic_{quantity}")
        return (own,) if own else COLUMNS[quantity]

    def extxyz(self, path: Path) -> Iterator[dict]:
        names = [name for quantity in COMPONENTS for name in self.columns(quantity)]
        for frame in extxyz.iterate(path, extra=names, wanted=NEEDED, may_be_nan=names):
            where = f"{path}: structure {frame.index}"
            cell = frame.lattice if any(frame.periodic) else None
            own = {
                "symbols": [frame.symbols[k] for k in frame.species.tolist()], "positions": frame.positions,
                "cell": cell, "periodic": frame.periodic, "origin": frame.origin if cell is not None else None,
                "tag": self.labels.tag_in(frame.texts) if self.source.tag is None else self.source.tag,
            }  # fmt: skip
            for quantity in COMPONENTS:
                key = getattr(self.source, quantity)
                name, value = pick(frame.info, (key,) if key else KEYS[quantity], quantity, where, exact=bool(key))
                if value is not None:
                    own[quantity] = self._whole(quantity, value, f"{where}: {name}")
                there = [name for name in self.columns(quantity) if name in frame.extra]
                name, value = pick(frame.extra, there, f"atomic_{quantity}", where, exact=True)
                if value is not None and not np.isnan(value).all():
                    own[f"atomic_{quantity}"] = self._atomic(quantity, value, f"{where}: {name}")
            yield own

    def deepmd(self, path: Path) -> Iterator[dict]:
        for folder in deepmd.systems(path):
            for own in deepmd.frames(folder, path, self.labels, tensors=True, periodic=self.source.periodic):
                where = own["place"]
                for quantity in COMPONENTS:
                    if quantity in own:
                        own[quantity] = self._whole(quantity, own[quantity], f"{where}: {quantity}")
                    name = f"atomic_{quantity}"
                    if name in own:
                        own[name] = self._atomic(quantity, own[name], f"{where}: {name}")
                if self.source.tag is not None:
                    own["tag"] = self.source.tag
                yield own

    def _whole(self, quantity: str, value, where: str) -> np.ndarray:
        if quantity == DIPOLE:
            return self.unit[quantity] * numbers(value, (3,), where)
        return self.unit[quantity] * self._voigt(numbers(value, (9, 6), where), where)

    def _atomic(self, quantity: str, value: np.ndarray, where: str) -> np.ndarray:
        value = np.asarray(value, dtype=np.float64).reshape(len(value), -1)
        sizes = (3,) if quantity == DIPOLE else (9, 6)
        if value.shape[1] not in sizes:
            raise InputError(f"{where}: {value.shape[1]} columns, expected {' or '.join(map(str, sizes))}")
        if quantity == POLARIZABILITY:
            value = np.array([self._voigt(row, where) for row in value])
        return self.unit[quantity] * value

    def _voigt(self, value: np.ndarray, where: str) -> np.ndarray:
        """xx yy zz yz xz xy of nine or six numbers; what is not symmetric is noted."""
        matrix = tensor(value)
        if asymmetry(matrix) > ASYMMETRIC:
            self.skewed.append((where, asymmetry(matrix)))
        return voigt(symmetric(matrix))

    def warn(self) -> None:
        """Warn of matrices that were not symmetric, once."""
        if self.skewed:
            where, key = self.skewed[0][0].rsplit(": ", 1)
            share = max(share for _, share in self.skewed)
            warnings.warn(asymmetric(where, key, share, len(self.skewed) - 1), stacklevel=3)
