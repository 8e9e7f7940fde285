"""The structures of a file, one by one, as frames of a trajectory."""

from collections.abc import Iterator

import numpy as np

from mdcore.dynamics.thermo import Snapshot
from mdcore.structure.frames import systems

OF = "all_atoms"  # in the comment line of a dump: how many atoms there are, of which it has some


def snapshots(path, units="metal") -> Iterator[tuple[Snapshot, dict]]:
    """(frame, what else its file says of it): steps as the file tells, else counted from 0; a time that it does not
    tell is nan. InputError."""
    last = -1
    for system in systems(path, units):
        step = system.info.get("Step", system.info.get("step"))
        last = step if isinstance(step, int) and step > last else last + 1
        time = system.info.get("Time", system.info.get("time"))
        known = isinstance(time, int | float) and not isinstance(time, bool)
        frame = Snapshot(
            last, float(time) if known else np.nan, system.box, system.positions,
            np.zeros((system.n_atoms, 3), np.int32), system.velocities, None, system.species, system.symbols,
            system.masses, np.arange(system.n_atoms), system.units, system.columns, totals=system.totals,
        )  # fmt: skip
        yield frame, system.info


def holds_some(info: dict, n_atoms: int) -> bool:
    """Are these atoms some of more? `info` of a frame."""
    return info.get(OF, n_atoms) != n_atoms
