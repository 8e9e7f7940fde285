"""What ASE's Atoms hold in place, and ours for theirs."""

import numpy as np


def constraints_of(atoms) -> tuple[np.ndarray | None, str]:
    """(bool [n, 3] of components that are held, or None; the constraints that are more than that, in words, or "")."""
    fixed, others = np.zeros((len(atoms), 3), dtype=bool), []
    for constraint in atoms.constraints:
        name, index = type(constraint).__name__, getattr(constraint, "index", None)
        mask = np.asarray(getattr(constraint, "mask", True))
        if name == "FixScaled" and (mask.all() or not np.any(atoms.cell.array[~np.eye(3, dtype=bool)])):
            name = "FixCartesian"  # the cell's vectors lie along the axes
        if name in ("FixAtoms", "FixCartesian") and index is not None and mask.shape in ((), (3,)):
            fixed[np.atleast_1d(index)] |= mask
        elif (index is None or np.size(index)) and mask.any():
            others.append(name if index is None else f"{name} on {np.size(index)} of {len(atoms)} atoms")
    told = f"constraints ({', '.join(dict.fromkeys(others))}) hold something in place" if others else ""
    return (fixed if fixed.any() else None), told


def to_constraints(fixed: np.ndarray) -> list:
    """FixAtoms and FixCartesian of bool [n, 3]."""
    from ase.constraints import FixAtoms, FixCartesian

    kinds = np.unique(fixed[fixed.any(axis=1)], axis=0)
    made = []
    for kind in kinds:
        index = np.flatnonzero((fixed == kind).all(axis=1))
        made.append(FixAtoms(index) if kind.all() else FixCartesian(index, mask=kind))
    return made
