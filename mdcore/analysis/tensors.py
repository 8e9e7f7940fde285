"""Which dipole moments and polarizabilities do networks find in the frames of a trajectory, after the fact?

A run with the networks beside its potential has them in its thermo log; here they are made of frames, as a log that
dielectric constant and spectra are made of.
"""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.engine.evaluation import Structure, Worker
from mdcore.potentials.base import Sum
from mdcore.potentials.tensors.potential import TensorPotential

WANTED = {"dielectric": "dipole", "infrared": "dipole", "raman": "polarizability"}  # what analyses are made of


class Tensors:
    """Networks of tensors, to be asked of frames.

    sources : paths of their files, or TensorPotentials; temperature : of the run, K, where it does not tell
    InputError for two that tell the same.
    """

    def __init__(self, sources, temperature: float | None = None):
        own = [source if isinstance(source, TensorPotential) else TensorPotential(source) for source in sources]
        told = [quantity for each in own for quantity in each.model.design.quantities]
        for quantity in told:
            if told.count(quantity) > 1:
                raise InputError(f"tensors: two networks tell the {quantity} of the whole; leave one out")
        self.quantities, self.potential = tuple(told), Sum(*own)
        self.temperature = None if temperature is None else number("temperature", temperature, "temperature")

    @property
    def analyses(self) -> list[str]:
        """What can be made of them in a cell."""
        return [name for name, quantity in WANTED.items() if quantity in self.quantities]

    def log(self, trajectory, frames: np.ndarray) -> dict[str, np.ndarray]:
        """A log (`Trajectory.thermo()`) with a row for each of these frames; InputError."""
        where = trajectory.path
        if trajectory.units.name != "metal":
            raise InputError(f"{where}: has units {trajectory.units.name}, and tensors are in e, Angstrom")
        if not trajectory.whole:
            raise InputError(f"{where}: holds some of the atoms, and the tensors of the whole need all")
        if not np.isfinite(trajectory.times[frames]).all():
            raise InputError(f"{where}: does not tell the time between frames; --interval does")
        work, found = Worker(self.potential, findings=True), []
        for k, (positions, _, box) in zip(
            frames.tolist(), trajectory.paths(frames[0], frames[-1], images=False), strict=True
        ):
            structure = Structure(box, positions, trajectory.species, tuple(trajectory.symbols), trajectory.units)
            found.append(work(k, structure).findings)
        steps, times = trajectory.steps[frames], trajectory.times[frames]
        columns = {name: np.array([row[name] for row in found]) for name in found[0]}
        temperature = np.full(len(steps), self._temperature(trajectory, frames))
        return {"step": steps, "time": times, "temperature": temperature, **columns}

    def _temperature(self, trajectory, frames: np.ndarray) -> float:
        """The mean over the frames' steps: as given, of the thermo log, or of velocities."""
        if self.temperature is not None:
            return self.temperature
        log = trajectory.thermo()
        if len(log.get("temperature", ())):
            return float(np.interp(trajectory.steps[frames], log["step"], log["temperature"]).mean())
        if "velocity" not in trajectory.fields:
            raise InputError(f"{trajectory.path}: does not tell the temperature; --temperature does")
        units, masses = trajectory.units, trajectory.masses
        squares = [masses @ (v**2).sum(axis=1) for v in trajectory.velocities(frames.tolist())]
        free = 3 * trajectory.n_atoms - 3
        return float(np.mean(squares)) * units.velocity**2 / (free * units.boltzmann)
