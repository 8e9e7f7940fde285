"""``mdcore convert`` of a trajectory: .h5md to extended xyz, the atoms of its first frame as .pdb, or its log as .csv.

A .pdb has the names and elements for programs that take them from a file of their own:
``MDAnalysis.Universe("run.pdb", "run.h5md")``.
"""

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS, element_of
from mdcore.base.errors import InputError
from mdcore.base.writing import writing_text
from mdcore.cli.clashes import refuse
from mdcore.output.averages import write_csv
from mdcore.output.trajectory import Trajectory
from mdcore.structure.extxyz import SUFFIXES, write_frame

SOURCE = ".h5md"
PDB_LOW, PDB_HIGH = -999.999, 9999.999  # what its columns hold


def convert_trajectory(source: str, target: str, overwrite: bool) -> str:
    """Write the file; what to tell. InputError for a target of another kind, OutputError if it exists."""
    pdb, csv = (target.lower().endswith(suffix) for suffix in (".pdb", ".csv"))
    if not pdb and not csv and not target.lower().endswith(SUFFIXES):
        raise InputError(
            f"{target}: a trajectory becomes .extxyz (or .xyz), all frames, .pdb, the atoms of the first one, or .csv, "
            "its thermo log; name the target so"
        )
    refuse([target], [source])
    with Trajectory(source) as trajectory:
        if csv:
            log = trajectory.thermo()
            if not log:
                raise InputError(f"{source}: holds no thermo log")
            return f"{target}: {write_csv(target, log, overwrite)} rows"
        if not len(trajectory):
            raise InputError(f"{source}: holds no frames")
        with writing_text(target, overwrite=overwrite) as stream:
            if pdb:
                write_pdb(stream, trajectory[0])
                return f"{target}: {trajectory.n_atoms} atoms of step {trajectory.steps[0]}"
            for frame in trajectory:
                frame.to_system()  # refuses one without positions
                write_frame(stream, frame, info={"Step": frame.step, "Time": frame.time, **frame.totals})
            return f"{target}: {len(trajectory)} frames of {trajectory.n_atoms} atoms"


def write_pdb(stream, frame) -> None:
    """A snapshot as one model of the Protein Data Bank format 3.3 (wwPDB, 2012): names, elements, cell, positions."""
    positions = frame.to_system().positions
    if positions.min() < PDB_LOW or positions.max() > PDB_HIGH:
        raise InputError(f"positions beyond {PDB_LOW:g} to {PDB_HIGH:g} have no room in a .pdb; write .extxyz")
    if any(frame.box.periodic):
        lengths = np.linalg.norm(frame.box.matrix, axis=1)
        a, b, c = frame.box.matrix / lengths[:, None]
        angles = np.degrees(np.arccos(np.clip([b @ c, a @ c, a @ b], -1.0, 1.0)))
        stream.write("CRYST1{:9.3f}{:9.3f}{:9.3f}{:7.2f}{:7.2f}{:7.2f} P 1           1\n".format(*lengths, *angles))
    for k, (name, (x, y, z)) in enumerate(zip(frame.names, positions.tolist(), strict=True), start=1):
        element = element_of(name) if element_of(name) in ATOMIC_NUMBERS else ""  # readers know no D, no T
        column = f"{name[:4]:<4}" if len(element) == 2 or len(name) > 3 else f" {name:<3}"
        stream.write(
            f"HETATM{k % 100000:5d} {column} MOL A{1:4d}    {x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{0:6.2f}"
            f"          {element.upper():>2}\n"
        )
    stream.write("END\n")
