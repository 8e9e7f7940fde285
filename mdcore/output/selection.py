"""Which atoms of a frame are written, and what of them?"""

from dataclasses import dataclass, replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.structure.bonds import among
from mdcore.structure.groups import group_of

FIELDS = ("velocity", "force", "energy", "columns")  # beside species and position; energy with stress


@dataclass(frozen=True)
class Selection:
    """fields : some of FIELDS; atoms : species and groups, whose atoms are written; none: all atoms are.

    Energy and stress are those of all atoms: of some there are none.
    """

    fields: tuple[str, ...] = FIELDS
    atoms: tuple[str, ...] = ()

    def __post_init__(self):
        for name in self.fields:
            if name not in FIELDS:
                raise InputError(f"fields: no {name!r}; there are {', '.join(FIELDS)}")

    @property
    def energy(self) -> bool:
        return "energy" in self.fields and not self.atoms

    def of(self, snapshot, columns: dict):
        """(snapshot, columns of each atom) of what is written; InputError for atoms that there are not."""
        if not self.atoms and set(self.fields) == set(FIELDS):
            return snapshot, columns
        has = self.fields.__contains__
        frame = replace(
            snapshot,
            velocities=snapshot.velocities if has("velocity") else None,
            forces=snapshot.forces if has("force") else None,
            columns=snapshot.columns if has("columns") else {},
        )
        columns = columns if has("columns") else {}
        if not self.atoms:
            return frame, columns
        rows = np.flatnonzero(members(self.atoms, frame.species, frame.symbols, snapshot.columns))

        def some(values):
            return None if values is None else values[rows]

        per_atom = ("positions", "images", "velocities", "forces", "species", "masses", "tags")
        changes = {name: some(getattr(frame, name)) for name in per_atom}
        changes["columns"] = {name: values[rows] for name, values in frame.columns.items()}
        changes["bonds"] = None if frame.bonds is None else among(frame.bonds, rows, len(frame.species))
        return replace(frame, **changes), {name: values[rows] for name, values in columns.items()}


def members(names, species, symbols, columns) -> np.ndarray:
    """bool [n], the atoms of any of these species and groups; InputError."""
    found = np.zeros(len(species), dtype=bool)
    for name in names:
        found |= species == symbols.index(name) if name in symbols else group_of(columns, name)
    return found
