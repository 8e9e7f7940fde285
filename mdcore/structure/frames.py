"""All structures of a file, one by one: extended xyz of any size, data of LAMMPS, what ASE alone can read."""

from collections.abc import Iterator
from pathlib import Path

from mdcore.base.errors import InputError
from mdcore.base.units import get as get_units
from mdcore.structure import extxyz, lammps
from mdcore.structure.ase_files import iterate_atoms
from mdcore.structure.extxyz_columns import COLUMNS, MOVES
from mdcore.structure.system import System, check_file


def systems(path, units="metal") -> Iterator[System]:
    """Every structure in a file as a `System`, without energies and forces; InputError names file and structure."""
    path, units = Path(path), get_units(units)
    check_file(path)
    if lammps.is_data(path):
        yield System.read(path, units=units)
    elif path.suffix.lower() in extxyz.SUFFIXES:
        wanted = {*COLUMNS, MOVES} - {"forces"}
        for data in extxyz.iterate(path, units, wanted=wanted, keep=True):
            yield System.of_extxyz(data, units, path, labels=False)
    else:
        for k, atoms in enumerate(iterate_atoms(path)):
            try:
                yield System.from_ase(atoms, units)
            except InputError as error:
                raise InputError(f"{path}: structure {k} (counting from 0): {error}") from None
