"""What does a simulation tell, and how is it changed from outside?

All of it in user units, of all atoms in the order of the System, and the same on every rank: scripts for one rank serve
many, as long as all ranks ask (each property here is collective).
"""

import numpy as np

from mdcore.base.elements import formula
from mdcore.base.errors import InputError, MdcoreError
from mdcore.dynamics import drift, loading
from mdcore.dynamics.measures import Group
from mdcore.dynamics.thermo import Snapshot, virial
from mdcore.watch.watchers import summaries, verdicts


class View:
    """What a `Simulation` is to its user."""

    @property
    def n_atoms(self) -> int:
        return self.system.n_atoms

    @property
    def potential_energy(self) -> float:
        return self.thermo().potential

    @property
    def kinetic_energy(self) -> float:
        return self.thermo().kinetic

    @property
    def total_energy(self) -> float:
        return self.thermo().total

    @property
    def temperature(self) -> float:
        return self.thermo().temperature

    @property
    def pressure(self) -> float:
        """Positive when compressed; nan unless periodic along all three directions."""
        return self.thermo().pressure

    @property
    def stress(self) -> np.ndarray:
        """float64 [6], xx yy zz yz xz xy, negative when compressed; with the kinetic part."""
        return self.thermo().stress

    @property
    def virial(self) -> np.ndarray:
        """float64 [3, 3], unit of energy: the sum of x (x) F over all atoms and images, -dE/dstrain."""
        self.thermo()
        return virial(self)

    @property
    def atom_energies(self) -> np.ndarray:
        """float64 [n], the share of each atom in the potential energy."""
        return loading.everywhere(self, self.work.shares()[0])

    @property
    def atom_virials(self) -> np.ndarray:
        """float64 [n, 3, 3], unit of energy: the share of each atom in the virial, W_i = sum_j (x_j - x_i) (x)
        dE_j/d(x_i - x_j), E_j the energy of atom j; not symmetric for networks and other potentials of many atoms. The
        stress of an atom of volume V is -(W_i + m v (x) v) / V. InputError if the potential does not tell."""
        return loading.everywhere(self, self._shares()[1])

    @property
    def heat_current(self) -> np.ndarray:
        """float64 [3], unit of energy times velocity: d/dt of the sum of x_i e_i, e_i the potential and kinetic energy
        of atom i: sum_i e_i v_i + W_i v_i. InputError if the potential does not tell `atom_virials`."""
        energies, virials = self._shares()
        v, masses = self.atoms.velocities, self.atoms.masses[: self.atoms.n_owned, None]
        flow = (energies[:, None] + 0.5 * masses * (v**2).sum(axis=1, keepdims=True)) * v
        flow = loading.everywhere(self, flow + np.einsum("nab,nb->na", virials, v))
        return flow.sum(axis=0) / self.units.velocity

    def _shares(self):
        """`Work.shares`, with virials."""
        if not self.potential.tells_virials:
            raise InputError(f"{self.potential!r} does not tell the virial of each atom")
        return self.work.shares()

    @property
    def density(self) -> float:
        return self.thermo().density

    def group(self, name: str) -> Group:
        """What the atoms of a group do, all together: temperature, kinetic, center, velocity, force, heat. InputError
        for one that is not there."""
        return Group(self, name)

    @property
    def findings(self) -> dict:
        """{name: value}, what the potential tells of this step beside energy and forces (of a committee
        max_disagreement and others): a number, or float64 [n] of the atoms, user units."""
        return {f.name: loading.everywhere(self, v) if f.per_atom else v for f, v in self.find().items()}

    def find(self, atoms: bool = True) -> dict:
        """{Finding: value} of this step (potentials/base.py), per atom those of this rank; watchers take note.
        atoms : those of atoms too"""
        wanted = [finding for finding in self.potential.outputs if atoms or not finding.per_atom]
        found = self.work.bound.find(self.work, wanted)
        if found:
            for watcher, term in self.watchers:
                watcher.note(self, term)
        return found

    def summary(self) -> list[str]:
        """What the watchers have seen so far, in numbers, a line each."""
        return summaries(self.watchers)

    def verdicts(self) -> list[tuple[bool, str]]:
        """Is the run so far doubtful, and why, in a line, of each potential that was trained (watch/verdict.py)."""
        return verdicts(self.watchers)

    # --- atoms: read-only copies; assign a new array to change them ----------------------------------------------

    @property
    def positions(self) -> np.ndarray:
        """float64 [n, 3], inside the cell. `sim.positions = x` moves the atoms: neighbours and forces are made anew."""
        x, _ = self.box.wrap(self.atoms.positions)
        return loading.everywhere(self, x)

    @positions.setter
    def positions(self, positions) -> None:
        before = self._places()
        try:
            loading.move(self, positions)
            self.refresh()
        except MdcoreError as error:
            if self.comm.size == 1 or getattr(error, "collective", False):  # all ranks are here: as it was
                self._put(before)
            raise

    def _places(self):
        """Positions and images of all atoms, in the order of the System."""
        n = self.atoms.n_owned
        return [loading.everywhere(self, column) for column in (self.atoms.positions, self.atoms.images[:n])]

    def _put(self, places) -> None:
        tags = self.atoms.tags[: self.atoms.n_owned]
        self.atoms.positions[:], self.atoms.images[: len(tags)] = (column[tags] for column in places)
        self.refresh()

    @property
    def velocities(self) -> np.ndarray:
        """float64 [n, 3]. `sim.velocities = v` sets them."""
        return loading.everywhere(self, self.atoms.velocities / self.units.velocity)

    @velocities.setter
    def velocities(self, velocities) -> None:
        loading.set_velocities(self, velocities)
        if self._running is not None:
            self.degrees_of_freedom = drift.degrees_of_freedom(self, self._running.conserves_momentum)
        self._thermo = None

    @property
    def forces(self) -> np.ndarray:
        """float64 [n, 3]."""
        return loading.everywhere(self, self.atoms.forces)

    @property
    def masses(self) -> np.ndarray:
        """float64 [n]."""
        return loading.everywhere(self, self.atoms.masses[: self.atoms.n_owned])

    @property
    def names(self) -> list[str]:
        """The species name of every atom."""
        return [self.symbols[k] for k in loading.everywhere(self, self.atoms.species).tolist()]

    def refresh(self) -> None:
        """Recompute neighbours and forces, after columns of `atoms` were changed from outside."""
        self.atoms.positions[:] = self.work.rounded(self.atoms.positions)
        self._thermo, self._watched = None, -1
        self._neighbourhood()
        self._first_forces()

    def snapshot(self) -> Snapshot | None:
        """All atoms at this step, on rank 0 (None elsewhere)."""
        return loading.snapshot(self)

    def by_tag(self, column: np.ndarray) -> np.ndarray | None:
        """A per-atom column [>= n_owned, ...] of all atoms in the order of their tags, on rank 0."""
        gathered = loading.by_tag(self, column)
        return gathered and gathered[0]

    def __repr__(self):
        unit, ranks = self.units.labels["time"], f", {self.comm.size} ranks" if self.comm.size > 1 else ""
        return (
            f"Simulation(step {self.step}, {self.time:g} {unit}: {formula(self.symbols, self.system.counts)}, "
            f"{self.potential!r}, {self.integrator!r}{ranks})"
        )
