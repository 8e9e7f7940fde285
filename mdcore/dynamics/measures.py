"""What do the atoms of a group do, all together? Exact sums, so every rank gets the same bits."""

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import listed, table
from mdcore.base.errors import InputError
from mdcore.potentials.base import Finding

CENTRE_BITS = 36  # coordinates are below 1e8
# what there is to measure: the quantity whose unit it has, components
MEASURES = {
    "temperature": ("temperature", ""),
    "kinetic": ("energy", ""),
    "center": ("length", "xyz"),
    "velocity": ("velocity", "xyz"),
    "force": ("force", "xyz"),
    "heat": ("energy", ""),
}


class Group:
    """The atoms of a group as they are now, user units; each property is collective.

    count : how many they are; motions : how many of theirs are not held
    """

    def __init__(self, sim, name: str):
        self._sim, self.name = sim, name
        members = sim.driven.group(name)
        self.count, self.motions = int(members.sum()), sim.driven.free(name)
        self._members = members

    def __repr__(self):
        return f"Group({self.name!r}, {self.count} atoms)"

    @property
    def _rows(self) -> np.ndarray:
        return np.flatnonzero(self._members[self._sim.atoms.tags[: self._sim.atoms.n_owned]])

    def _sum(self, values, bits):
        return exact.sums(self._sim.comm, values, bits)

    @property
    def _masses(self) -> np.ndarray:
        return self._sim.atoms.masses[self._rows, None]

    def _mean(self, values, bits):
        """Of values [m, 3], by mass."""
        total = self._sum(self._masses, exact.FORCE_BITS)[0]
        return self._sum(values * (self._masses / total), bits) if total else np.full(3, np.nan)

    @property
    def kinetic(self) -> float:
        """Kinetic energy."""
        v = self._sim.atoms.velocities[self._rows]
        return 0.5 * float(self._sum((self._masses * v**2).sum(axis=1), exact.ENERGY_BITS))

    @property
    def temperature(self) -> float:
        """From the kinetic energy and all motions that are not held; 0 if all are."""
        return 2.0 * self.kinetic / (self.motions * self._sim.units.boltzmann) if self.motions else 0.0

    @property
    def center(self) -> np.ndarray:
        """float64 [3], centre of mass; atoms go on beyond the faces of the cell."""
        atoms = self._sim.atoms
        return self._mean(atoms.x[self._rows, :3] + atoms.images[self._rows] @ self._sim.box.matrix, CENTRE_BITS)

    @property
    def velocity(self) -> np.ndarray:
        """float64 [3], of the centre of mass."""
        return self._mean(self._sim.atoms.velocities[self._rows], exact.ENERGY_BITS) / self._sim.units.velocity

    @property
    def heat(self) -> float:
        """What its bath has put in since the stage began; nan if it has none of its own."""
        integrator = self._sim._running
        heat = integrator and integrator.heat_of(self.name)
        if heat is None:
            return np.nan
        return exact.value(exact.integer(self._sim.comm.sum(exact.limbs(heat))), exact.ENERGY_BITS)

    @property
    def force(self) -> np.ndarray:
        """float64 [3], the sum of the forces on its atoms; on those that are held what they would feel."""
        work = self._sim.work
        if work.holds and work.unheld is None:
            work.forces(want_energy=True)
        forces = self._sim.atoms.forces if work.unheld is None else work.unheld
        return self._sum(forces[self._rows], exact.FORCE_BITS)


def check_measures(groups) -> dict:
    """{name of a group: measures}; InputError for one that there is not."""
    groups = table("groups", groups)
    for name, measures in groups.items():
        for measure in listed(f"groups: {name}", measures, "'temperature'"):
            if measure not in MEASURES:
                raise InputError(f"group {name}: no measure {measure!r}; there are {', '.join(MEASURES)}")
    return groups


def measure(sim, groups: dict) -> dict[Finding, float]:
    """{Finding: number} of the measures of groups at this step (collective): wall_temperature, wall_force_x, ..."""
    found = {}
    for name, measures in groups.items():
        group = Group(sim, name)
        for what in measures:
            quantity, components = MEASURES[what]
            values = np.atleast_1d(getattr(group, what))
            for axis, value in zip(components or [""], values, strict=True):
                column = f"{name}_{what}" + (f"_{axis}" if axis else "")
                found[Finding(column, quantity)] = float(value)
    return found
