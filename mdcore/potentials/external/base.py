"""What acts on each atom of a group from outside: all that they have in common.

It feels no neighbours, so it asks for no list. Energies and forces are put on the grids of exact sums, so bits do not
depend on ranks. What acts from outside adds nothing to the virial: the pressure is that of the material.
"""

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.base.ranges import signed
from mdcore.doors import _kernels
from mdcore.potentials.base import Bound, Potential
from mdcore.structure.atoms import Column

GRID = 2.0**exact.FORCE_BITS
HEAT_BITS = exact.ENERGY_BITS - exact.FORCE_BITS
TOO_MUCH = 2.0 ** (61 - exact.FORCE_BITS)  # of an energy or a force, to be put on the grid
MEMBER = Column("?", (), "structure")  # of a group


class External(Potential):
    """What all of them are. group : the name of the group it acts on, None: all atoms."""

    list_kinds = ()
    cutoff = 0.0
    outside = True
    pushes = "xyz"

    def __init__(self, group: str | None = None):
        if group is not None and not isinstance(group, str):
            raise InputError(f"{type(self).__name__}: group = {group!r}: expected the name of a group")
        self.group = group

    def _on(self) -> str:
        return "" if self.group is None else f", group={self.group!r}"

    def describe(self, unit: str) -> str:
        return "on all atoms" if self.group is None else f"on group {self.group}"

    def bind(self, symbols) -> "BoundExternal":
        return BoundExternal(self, symbols)

    def act(self, atoms, rows, box, time: float):
        """(rows [m], energies [m], forces [m, 3]) of those of the owned atoms in `rows` that feel something, internal
        units; where it can't be: nan, and `complain`."""
        raise NotImplementedError

    def complain(self, atoms, row: int) -> str:
        """What is wrong with the atom in this row."""
        return f"{self!r} pulls atom {atoms.tags[row]} (counting from 0) harder than can be computed: check its numbers"


class BoundExternal(Bound):
    """One of them for a system of these species."""

    def __init__(self, potential: External, symbols):
        self.potential, self.symbols = potential, tuple(symbols)
        if potential.group is not None:
            self.columns = {potential.group: MEMBER}

    @property
    def moves(self) -> bool:
        return getattr(self.potential, "velocity", None) is not None and np.any(self.potential.velocity)

    def rows(self, atoms) -> np.ndarray:
        """Rows of the owned atoms it acts on."""
        group = self.potential.group
        return np.arange(atoms.n_owned) if group is None else np.flatnonzero(getattr(atoms, group)[: atoms.n_owned])

    def act(self, atoms, rows, box, time: float):
        """As of the potential."""
        return self.potential.act(atoms, rows, box, time)

    def compute(self, atoms, neighbors, domain, out) -> None:
        rows, energies, forces = self.act(atoms, self.rows(atoms), domain.box, out.time)
        bad = ~((np.abs(forces) < TOO_MUCH).all(axis=1) & (np.abs(energies) < TOO_MUCH))
        if bad.any():
            out.bad_row = int(rows[np.argmax(bad)])
            out.complaint = self.potential.complain(atoms, out.bad_row)
            energies, forces = np.where(bad, 0.0, energies), np.where(bad[:, None], 0.0, forces)
        add(atoms, rows, energies, forces, None, out)

    def work(self, atoms, domain, before, after):
        rows = self.rows(atoms)
        energies = [self.act(atoms, rows, domain.box, time)[1] for time in (before, after)]
        old, new = (np.rint(np.where(np.abs(e) < TOO_MUCH, e, 0.0) * GRID).astype(np.int64) for e in energies)
        return (exact.total(new) - exact.total(old)) << HEAT_BITS


def add(atoms, rows, energies, forces, virial, out) -> None:
    """Add energies [m] and forces [m, 3] of the owned atoms in `rows` to `atoms` and `out`.

    virial : float64 [6] (xx yy zz yz xz xy), what they are to add to the virial, this rank's share; None: nothing
    """
    forces = np.rint(forces * GRID) / GRID
    if out.want_energy:
        energies = np.rint(energies * GRID).astype(np.int64)
        out.energy += exact.total(energies)
        if out.atom_energies is not None:
            out.atom_energies[rows] += energies / GRID
        before = atoms.f[: atoms.n_total + 1].copy()
        atoms.clear_forces()
        atoms.f[rows, :3] = forces
        sums = _kernels.virial_sums(atoms, 2.0**out.position_bits)  # what the engine will find
        atoms.f[: atoms.n_total + 1] = before
        for k in range(6):
            wanted = 0 if virial is None else round(float(virial[k]) * GRID) << out.position_bits
            out.virial[k] += wanted - exact.integer(sums[k])
    atoms.f[rows, :3] += forces


def vector(name: str, value, quantity: str = "") -> np.ndarray:
    """float64 [3]; InputError."""
    if isinstance(value, str) or np.ndim(value) != 1 or len(value) != 3:
        raise InputError(f"{name} = {value!r}: expected three numbers, along x, y, z")
    return np.array([signed(name, float(x) if isinstance(x, np.number) else x, quantity) for x in value])


def pushes(components) -> str:
    """The axes along which a vector has a component."""
    return "".join(axis for axis, x in zip("xyz", components, strict=True) if x)


def unwrapped(atoms, rows, box) -> np.ndarray:
    """Positions float64 [m, 3], going on beyond the faces of the cell; exact, so the same from any image."""
    return atoms.x[rows, :3] + atoms.images[rows] @ box.matrix
