"""Several thermostats, each for a group of atoms."""

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.dynamics.motion.verlet import Part

STREAMS = 100  # of random numbers, between those of one group and the next


class Baths(Part):
    """Thermostats of groups: each takes the kinetic energy of its group for that of the whole.

    thermostats : {name of a group: VelocityRescaling or another one that rescales velocities}; atoms of no group move
    by Newton's equations. Total momentum is not conserved, so no motion of a group is left out of its temperature.
    A barostat beside them takes the temperature of the first.
    """

    acts_as = "thermostat"
    conserves_momentum = False

    def __init__(self, thermostats: dict):
        if not isinstance(thermostats, dict) or not thermostats:
            raise InputError("Baths: expected {name of a group: thermostat}")
        for name, part in thermostats.items():
            if not getattr(part, "rescales", False) or isinstance(part, type):
                raise InputError(
                    f"Baths: {name!r}: {part!r}: expected a thermostat that rescales velocities, such as "
                    "VelocityRescaling(300, 100); Langevin has groups of its own"
                )
        self.thermostats = dict(thermostats)
        self.temperature = next(iter(thermostats.values())).temperature

    def __repr__(self):
        return f"Baths({self.thermostats})"

    @property
    def splits(self) -> bool:
        """Do all of them?"""
        return all(part.splits for part in self.thermostats.values())

    def start(self, run, integrator):
        self._runs = [RunOfGroup(run, name, k) for k, name in enumerate(self.thermostats)]
        shared = sum(run.group(name).astype(int) for name in self.thermostats) > 1
        if shared.any():
            run.refuse(f"Baths: atom {np.argmax(shared)} (counting from 0) is in two groups; one atom has one bath")
        for own, part in zip(self._runs, self.thermostats.values(), strict=True):
            part.start(own, integrator)

    def act(self, run, integrator, *share):
        for own, part in zip(self._runs, self.thermostats.values(), strict=True):
            own.refresh()
            part.act(own, integrator, *share)

    def heat_of(self, group):
        return next((run.heat for run in self._runs if run.name == group), None)

    def state(self):
        parts = self.thermostats
        return {run.name: {"heat": run.whole(run.heat), "part": parts[run.name].state()} for run in self._runs}

    def restore(self, state):
        for run in self._runs:
            if told := state.get(run.name):
                run.heat = run.share(told["heat"])
                if told["part"]:
                    self.thermostats[run.name].restore(told["part"])


class RunOfGroup:
    """The run as a thermostat sees it that has only the atoms of a group."""

    def __init__(self, run, name: str, number: int):
        self.run, self.name, self.number = run, name, number
        self.heat = 0  # that its thermostat has put in, this rank's share
        self._member = run.group(name)
        self.degrees_of_freedom = run.free(name)
        self.refresh()

    def __getattr__(self, name):
        return getattr(self.run, name)

    def refresh(self) -> None:
        """A step begins: which rows are those of the group?"""
        atoms = self.run.atoms
        self._rows, self._kinetic = np.flatnonzero(self._member[atoms.tags[: atoms.n_owned]]), None

    def twice_kinetic(self) -> float:
        """Of the group, as `Run.twice_kinetic` (collective, exact)."""
        if self._kinetic is None:
            atoms = self.run.atoms
            v, masses = atoms.velocities[self._rows], atoms.masses[self._rows]
            xx, yy, zz = exact.sums(self.run.comm, masses[:, None] * v**2, exact.ENERGY_BITS).tolist()
            self._kinetic = xx + yy + zz
        return self._kinetic

    def needs_velocities(self, name: str) -> None:
        """InputError, raised by all ranks together, if all atoms of the group are at rest."""
        if self.degrees_of_freedom == 0:
            self.run.refuse(f"{name}: all atoms of group {self.name} are held in place, nothing of it is to be warm")
        if not self.twice_kinetic() > 0.0:
            self.run.refuse(
                f"{name}: all atoms of group {self.name} are at rest, there are no velocities to rescale: draw some "
                "first ([velocities] temperature, maxwell_boltzmann)"
            )

    def random(self, stream: int):
        """Random numbers of this group's own."""
        return self.run.random(stream + STREAMS * (1 + self.number))

    def scale_velocities(self, factor: float, gain: float | None = None) -> None:
        """Those of the group (collective)."""
        twice, square = self.twice_kinetic(), factor**2
        self.run.atoms.velocities[self._rows] *= factor
        self.run.forget()
        self._kinetic = square * twice
        self.gain(0.5 * (square - 1.0) * twice if gain is None else gain)

    def gain(self, energy: float) -> None:
        """So much came from outside (rank 0 keeps the books)."""
        before = self.run.heat
        self.run.gain(energy)
        self.heat += self.run.heat - before
