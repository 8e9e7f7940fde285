"""What else does a structure say of each atom: its charge, its group, a user's own numbers?

{name: array [n] or [n, width] of float64, int64, bool or str}, in the order of the System; "charge" is in e. They do
not change while atoms move: rank 0 keeps them in the order of tags (`Atoms.constants`), for outputs, checkpoints and
functions of Python. Only what a kernel reads goes with its atom: a Column of source "structure" (atoms.py).
"""

import warnings
from collections import UserDict

import numpy as np

from mdcore.base.errors import InputError
from mdcore.structure.atoms import COLUMNS
from mdcore.structure.extxyz_columns import ALIASES, LONGEST_LABEL, NAME, is_kept

CHARGE = "charge"
CHARGES = "charges"  # finding of potentials whose charges follow from the places of atoms
FIXED = "fixed"
WIDEST = 1000  # numbers of an atom in a column


class Columns(UserDict):
    """Columns of n atoms, checked as they come in."""

    def __init__(self, n: int, columns):
        self.n = n
        super().__init__(checked(columns, n))

    def __setitem__(self, name, values):
        self.data[name] = _checked(name, values, self.n)

    def __ior__(self, columns):
        self.update(columns)
        return self


class WithColumns:
    """What a System has of each atom beside; `n_atoms` : how many there are."""

    @property
    def columns(self) -> Columns:
        """{name: float64, int64, bool or str [n] or [n, width]}"""
        return self._columns

    @columns.setter
    def columns(self, columns) -> None:
        self._columns = Columns(self.n_atoms, columns)

    @property
    def charges(self) -> np.ndarray | None:
        """float64 [n], e, or None: the column "charge"."""
        return self.columns.get(CHARGE)

    @charges.setter
    def charges(self, charges) -> None:
        if charges is None:
            self.columns.pop(CHARGE, None)
        else:
            self.columns[CHARGE] = charges

    @property
    def fixed(self) -> np.ndarray | None:
        """bool [n, 3], the components of each atom that are held where they are, or None: the column "fixed"."""
        return self.columns.get(FIXED)

    @fixed.setter
    def fixed(self, fixed) -> None:
        if fixed is None or not np.any(fixed):
            self.columns.pop(FIXED, None)
        else:
            self.columns[FIXED] = fixed


def checked(columns, n: int) -> dict[str, np.ndarray]:
    """Copies of the columns of n atoms; InputError."""
    if not hasattr(columns, "items"):
        raise InputError(f"columns = {type(columns).__name__}: expected {{name: numbers, one or a row for each atom}}")
    return {name: _checked(name, values, n) for name, values in columns.items()}


def _checked(name, values, n: int) -> np.ndarray:
    if name == CHARGE:
        return column("charges", values, n, ())
    if name == FIXED:
        return _fixed(values, n)
    if not isinstance(name, str) or ALIASES.get(name.lower()) or not is_kept(name):
        raise InputError(
            f"columns: {name!r} can't be the name of one: a word without : = / and quotes that does not name "
            'positions, forces, energies, ...; charges are "charge"'
        )
    try:
        values = np.array(values)
    except (TypeError, ValueError):
        values = np.empty(0, dtype=object)
    kind = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64, "U": np.str_}.get(values.dtype.kind)
    if kind is None or values.ndim not in (1, 2) or len(values) != n or (values.ndim == 2 and not values.shape[1]):
        raise InputError(
            f"columns: {name}: expected numbers or labels of {n} atoms, one or a row for each, got "
            f"{values.dtype.name if kind is None else 'an array of shape'} {values.shape}"
        )
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind == "U":
        labels = set(values.ravel().tolist())
        if any(label.split() != [label] or len(label) > LONGEST_LABEL for label in labels):
            raise InputError(f"columns: {name}: expected words without blanks, of up to {LONGEST_LABEL} characters")
        return values.astype(f"U{max(map(len, labels))}")
    if values.ndim == 2 and values.shape[1] > WIDEST:
        raise InputError(f"columns: {name}: {values.shape[1]} numbers for each atom; up to {WIDEST}")
    if values.dtype.kind == "u" and values.max() > np.iinfo(np.int64).max:
        raise InputError(f"columns: {name}: {values.max()} is beyond 2^63")
    return np.ascontiguousarray(values, dtype=kind)


def _fixed(values, n: int) -> np.ndarray:
    held = np.array(values)
    if held.shape not in ((n,), (n, 3)) or held.dtype != np.bool_:
        raise InputError(
            f'columns: "fixed" says which atoms are held: expected yes or no (bool), [{n}] or [{n}, 3], got '
            f"{held.dtype.name} {list(held.shape)}; another column needs another name"
        )
    return np.broadcast_to(held.reshape(n, -1), (n, 3)).copy()


def column(name, values, n, row=(3,)) -> np.ndarray:
    """A fresh float64 [n, *row], or InputError; n = None takes any length but zero."""
    try:
        if np.iscomplexobj(values):
            raise TypeError
        column = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name}: expected numbers") from None
    if column.ndim != 1 + len(row) or column.shape[1:] != row or n not in (None, len(column)):
        expected = " x ".join(map(str, ("n" if n is None else n, *row)))
        raise InputError(f"{name}: expected {expected} numbers, got an array of shape {column.shape}")
    if len(column) == 0:
        raise InputError(f"{name}: no atoms; give at least one")
    if not np.isfinite(column).all():
        bad = int(np.argwhere(~np.isfinite(column))[0][0])
        raise InputError(f"{name}: atom {bad} (counting from 0) has {column[bad]}, which is not finite")
    return column


def of_ase(atoms) -> dict[str, np.ndarray]:
    """What ASE's Atoms carry beside what a System has of its own; what can't be kept is told."""
    arrays, n, found = getattr(atoms, "arrays", {}), len(atoms), {}
    if "initial_charges" in arrays:
        found[CHARGE] = column("charges", arrays["initial_charges"], n, ())
    for name in arrays:
        if name in (CHARGE, FIXED) or ALIASES.get(name.lower()) or (NAME.fullmatch(name) and not is_kept(name)):
            continue  # a System has it, or it would be wrong after a step
        try:
            found |= checked({name: arrays[name]}, n)
        except InputError as error:
            warnings.warn(f"ASE's Atoms: {error}; it is left out", stacklevel=4)
    return found


def of_kernels(atoms) -> dict[str, np.ndarray]:
    """Of `atoms.constants`, the columns that kernels read, in the order of tags; InputError if one is not there."""
    found = {}
    remembered = atoms.remembered()
    for name in [name for name in atoms.migrating() if name not in COLUMNS and name not in remembered]:
        values, declared = atoms.constants.get(name), atoms.columns[name]
        if values is None:
            raise InputError(
                f"the potential needs {name!r} of each atom, which the structure has not: a column of its file, or "
                f"System(..., columns={{{name!r}: ...}})"
            )
        if values.shape[1:] != declared.shape or values.dtype.kind == "U":
            raise InputError(f"column {name!r}: the potential needs numbers of shape {(len(values), *declared.shape)}")
        found[name] = values.astype(declared.dtype)
    return found


def pack(columns) -> dict:
    """For a checkpoint, which knows no arrays of text."""
    return {name: values.tolist() if values.dtype.kind == "U" else values for name, values in columns.items()}


def store(group, columns, metal: bool) -> None:
    """Into a group of particles of H5MD: elements that are constant in time."""
    import h5py

    for name, values in columns.items():
        place = name
        while place in group:
            place += "_"
        text = {"dtype": h5py.string_dtype()} if values.dtype.kind == "U" else {}
        data = group.create_dataset(place, data=values.astype(object) if text else values, **text)
        data.attrs["column"] = name
        if name == CHARGE and metal:
            data.attrs["unit"] = "e"


def load(group, n: int) -> dict[str, np.ndarray]:
    """The reverse of `store`; ValueError or TypeError for what is none."""
    found = {}
    for place, item in group.items():
        name = item.attrs.get("column", CHARGE if place == CHARGE and hasattr(item, "dtype") else None)
        if name is not None:
            text = item.dtype.kind == "O"
            found[str(name)] = item.asstr()[:].astype(np.str_) if text else item[:]
    try:
        return checked(found, n)
    except InputError as error:
        raise ValueError("columns: expected one number for each") from error


def size(columns) -> int:
    """Bytes in a file, or more."""
    return sum(2 * values.nbytes + 4096 for values in columns.values())
