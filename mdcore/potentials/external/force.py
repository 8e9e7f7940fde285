"""The same force on each atom of a group; a piston that presses on a layer of atoms; an electric field on charges."""

import numpy as np

from mdcore.base.arguments import table
from mdcore.base.errors import InputError
from mdcore.base.ranges import signed
from mdcore.base.units import get as get_units
from mdcore.potentials.external.base import BoundExternal, External, pushes, unwrapped, vector
from mdcore.structure.atoms import Column
from mdcore.structure.columns import CHARGE


class ExternalForce(External):
    """A force on each atom of a group, E = -F x, x unwrapped.

    force : along x, y, z, unit of force; group : its name, None: all atoms
    total : the force is that on the whole group, of which each atom has the same share
    """

    def __init__(self, force, group: str | None = None, *, total: bool = False):
        super().__init__(group)
        self.force, self.total = vector("ExternalForce: force", force), total
        self.pushes = pushes(self.force)

    def __repr__(self):
        return f"ExternalForce({self.force.tolist()}{self._on()}{', total=True' if self.total else ''})"

    def bind(self, symbols):
        return BoundForce(self, symbols)

    def of_all(self, box) -> np.ndarray:
        """The force [3], in this cell."""
        return self.force


class BoundForce(BoundExternal):
    """A force, for a system of these species."""

    def compute(self, atoms, neighbors, domain, out):
        if self.potential.total:
            self._count = int(domain.comm.sum(np.array([len(self.rows(atoms))]))[0])
        super().compute(atoms, neighbors, domain, out)

    def act(self, atoms, rows, box, time):
        force = self.potential.of_all(box) / (self._count if self.potential.total else 1)
        return rows, -unwrapped(atoms, rows, box) @ force, np.broadcast_to(force, (len(rows), 3))


class Piston(ExternalForce):
    """A pressure on a layer of atoms: a force along an axis, shared by the atoms of a group.

    pressure : user unit (GPa); axis : "x", "y", "z" or "-x", "-y", "-z", where it pushes to; group : the layer; units :
    "metal" or "lj"
    The area is that of the face of the cell that the other two vectors make (x: b and c, y: c and a, z: a and b).
    """

    def __init__(self, pressure: float, axis: str, group: str, *, units="metal"):
        if axis not in ("x", "y", "z", "-x", "-y", "-z"):
            raise InputError(f'Piston: axis = {axis!r}: expected "x", "y", "z" or with a minus, where it pushes to')
        if group is None:
            raise InputError("Piston: group: expected the name of the group of atoms that are the piston")
        self.pressure, self.axis = signed("Piston: pressure", pressure, "pressure"), axis
        self._k = "xyz".index(axis[-1])
        size = self.pressure * get_units(units).pressure * (-1.0 if axis[0] == "-" else 1.0)
        super().__init__(np.eye(3)[self._k] * size, group, total=True)
        self.pushes = axis[-1]

    def __repr__(self):
        return f"Piston({self.pressure:g}, {self.axis!r}, {self.group!r})"

    def of_all(self, box):
        others = np.delete(box.matrix, self._k, axis=0)
        return self.force * np.linalg.norm(np.cross(*others))


class ElectricField(External):
    """A uniform field on charges, E = -q F x, x unwrapped.

    field : along x, y, z, V/Angstrom (lj: energy by charge and length); group : its name, None: all atoms
    charges : {species: e}; None: those that the structure has
    """

    def __init__(self, field, charges: dict | None = None, group: str | None = None):
        super().__init__(group)
        self.field = vector("ElectricField: field", field)
        self.charges = None
        if charges is not None:
            own = table("ElectricField: charges", charges)
            self.charges = {name: signed(f"ElectricField: charge of {name}", q) for name, q in own.items()}
        self.pushes = pushes(self.field)

    def __repr__(self):
        charges = "" if self.charges is None else f", {self.charges}"
        return f"ElectricField({self.field.tolist()}{charges}{self._on()})"

    def bind(self, symbols):
        return BoundField(self, symbols)


class BoundField(BoundExternal):
    """A field, for a system of these species."""

    def __init__(self, potential, symbols):
        super().__init__(potential, symbols)
        self.columns = dict(self.columns)
        if potential.charges is None:
            self.columns[CHARGE] = Column("f8", (), "structure")
            return
        for name in symbols:
            if name not in potential.charges:
                raise InputError(f"ElectricField: species {name} has no charge; give one, or 0")
        self._charges = np.array([potential.charges[name] for name in symbols])

    def act(self, atoms, rows, box, time):
        own = self.potential.charges is None
        charges = atoms.charge[rows] if own else self._charges[atoms.x[rows, 3].astype(int)]
        forces = charges[:, None] * self.potential.field
        return rows, -np.einsum("ij,ij->i", unwrapped(atoms, rows, box), forces), forces
