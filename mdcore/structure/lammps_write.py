"""A structure as a data file of LAMMPS (read_data), in units metal or lj: atom style atomic, charge, bond or full.

LAMMPS wants the first cell vector along x and the second in the plane of x and y: a structure whose cell lies otherwise
is turned, velocities with it. Types are numbered in the order of the species; comments behind the masses name them.
"""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.structure.box import Box

PICOSECOND = 1000.0  # fs
STYLES = {(False, False): "atomic", (True, False): "charge", (False, True): "bond", (True, True): "full"}


def write_data(stream, system) -> str:
    """Write a System to a text stream; the commands that read it. InputError for what has no room."""
    box, turn = upright(system.box)
    places = system.box.wrap(system.positions)[0]
    if box is not system.box:
        places = (places - system.box.origin) @ turn + system.box.origin
    charges, bonds = system.charges, system.bonds
    style, lj = STYLES[charges is not None, len(bonds) > 0], system.units.name == "lj"
    low, m = box.origin.tolist(), box.matrix.tolist()
    lines = [f"mdcore, units = {system.units.name}", "", f"{system.n_atoms} atoms", f"{len(system.symbols)} atom types"]
    if len(bonds):
        lines += [f"{len(bonds)} bonds", f"{bonds[:, 2].max()} bond types"]
    lines += [""] + [f"{low[k]!r} {low[k] + m[k][k]!r} {x}lo {x}hi" for k, x in enumerate("xyz")]
    if not box.is_orthorhombic:
        lines.append(f"{m[1][0]!r} {m[2][0]!r} {m[2][1]!r} xy xz yz")
    lines += ["", "Masses", ""]
    for k, name in enumerate(system.symbols, start=1):
        lines.append(f"{k} {_mass(system, k - 1)!r} # {name}")
    lines += ["", f"Atoms # {style}", ""]
    molecules = _molecules(bonds, system.n_atoms)
    for i, place in enumerate(places.tolist()):
        words = [i + 1, *([molecules[i]] if len(bonds) else []), system.species[i] + 1]
        words += [repr(float(charges[i]))] if charges is not None else []
        lines.append(" ".join(map(str, [*words, *map(repr, place)])))
    if system.velocities is not None:
        lines += ["", "Velocities", ""]
        moved = system.velocities @ turn * (1.0 if lj else PICOSECOND)
        lines += [f"{i} {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(moved.tolist(), start=1)]
    if len(bonds):
        lines += ["", "Bonds", ""]
        lines += [f"{i} {kind} {a + 1} {b + 1}" for i, (a, b, kind) in enumerate(bonds.tolist(), start=1)]
    stream.write("\n".join(lines) + "\n")
    boundary = " ".join("p" if flag else "f" for flag in box.periodic)
    return f"units {system.units.name}; atom_style {style}; boundary {boundary}"


def upright(box) -> tuple[Box, np.ndarray]:
    """(the cell as LAMMPS wants it, rotation [3, 3] of rows that brings it there); InputError if it is left-handed."""
    matrix = box.matrix
    if matrix[0, 1] == matrix[0, 2] == matrix[1, 2] == 0.0 and (np.diag(matrix) > 0.0).all():
        return box, np.eye(3)
    if np.linalg.det(matrix) < 0.0:
        raise InputError("the cell vectors are left-handed, which LAMMPS can't have; swap two of them")
    q, r = np.linalg.qr(matrix.T)
    signs = np.sign(np.diag(r))
    turned = np.tril(r.T * signs[None])
    return Box(turned, box.periodic, box.origin), q * signs[None]


def _mass(system, kind: int) -> float:
    masses = system.masses[system.species == kind]
    if len(masses) and masses.max() > masses.min():
        raise InputError(
            f"{system.symbols[kind]}: atoms of several masses, {masses.min():g} to {masses.max():g}, and a type of "
            "LAMMPS has one; name them differently"
        )
    return float(masses[0]) if len(masses) else 1.0


def _molecules(bonds: np.ndarray, n: int) -> list[int]:
    """The number of the molecule of each atom, counted from 1: what bonds join."""
    root = list(range(n))

    def of(atom):
        while root[atom] != atom:
            root[atom] = atom = root[root[atom]]
        return atom

    for a, b, _ in bonds.tolist():
        root[max(of(a), of(b))] = min(of(a), of(b))
    roots = [of(atom) for atom in range(n)]
    number = {each: k for k, each in enumerate(dict.fromkeys(roots), start=1)}
    return [number[each] for each in roots]
