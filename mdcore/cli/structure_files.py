"""``mdcore convert`` of a structure: any that mdcore reads to a data file of LAMMPS, or to extended xyz."""

import os
from pathlib import Path

from mdcore.base.errors import InputError
from mdcore.base.writing import writing_text
from mdcore.cli.clashes import refuse
from mdcore.output.trajectory import Trajectory
from mdcore.structure import lammps
from mdcore.structure.extxyz import SUFFIXES, write_frame
from mdcore.structure.lammps_write import write_data
from mdcore.structure.system import System


def is_structure(source: str, target: str) -> bool:
    """Is this a conversion of a structure, not of a network or a trajectory?"""
    if os.path.isdir(source) or source.lower().endswith((".h5", ".hdf5")):
        return False
    if target.lower().endswith(lammps.SUFFIXES):
        return True
    return target.lower().endswith(SUFFIXES) and not source.lower().endswith(".h5md")


def convert_structure(source: str, target: str, overwrite: bool) -> str:
    """Write the last structure of `source`; what to tell. InputError, OutputError if it exists."""
    refuse([target], [source])
    if source.lower().endswith(".h5md"):
        with Trajectory(source) as trajectory:
            if not len(trajectory):
                raise InputError(f"{source}: holds no frames")
            system = trajectory[-1].to_system()
    else:
        system = System.read(source)
    with writing_text(Path(target), overwrite=overwrite) as stream:
        if target.lower().endswith(SUFFIXES):
            write_frame(stream, system, info=system.totals)
            return f"{target}: {system.n_atoms} atoms"
        return f"{target}: {system.n_atoms} atoms; for LAMMPS: {write_data(stream, system)}"
