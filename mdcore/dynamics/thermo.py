"""What is the state of the system, in a few numbers?"""

from dataclasses import dataclass, field

import numpy as np

from mdcore.base import exact
from mdcore.base.elements import formula
from mdcore.base.errors import InputError
from mdcore.base.units import METAL, UnitSystem
from mdcore.doors import _kernels
from mdcore.structure.system import System


@dataclass(frozen=True)
class Thermo:
    """Thermodynamic state at a step, in user units.

    temperature : from the kinetic energy and the degrees of freedom of the stage
    total : kinetic + potential; conserved : total minus what thermostats and drift removal put in
    pressure : positive when compressed; stress : float64 [6] (xx, yy, zz, yz, xz, xy), dE/dstrain / V as in
    ASE, negative when compressed; both with the kinetic part, nan unless fully periodic
        and known to the potential
    density : g/cm3 (lj: number density times mass); nan unless fully periodic
    """

    step: int
    time: float
    temperature: float
    kinetic: float
    potential: float
    total: float
    conserved: float
    pressure: float
    density: float
    stress: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """All atoms at a step, in the order of their tags, user units.

    positions float64 [n, 3] inside the cell; images int32 [n, 3] (true position: positions + images @ matrix);
    velocities, forces float64 [n, 3]; species int32 [n] into symbols; masses [n]; tags int64 [n]
    columns : what else is known of each atom (columns.py), the same at all steps
    bonds : those of the structure (bonds.py); what a file does not hold is None
    totals : what the structure says of the whole, charge and spin (quantities.py)
    """

    step: int
    time: float
    box: object
    positions: np.ndarray
    images: np.ndarray
    velocities: np.ndarray
    forces: np.ndarray
    species: np.ndarray
    symbols: tuple
    masses: np.ndarray
    tags: np.ndarray
    units: UnitSystem = METAL
    columns: dict = field(default_factory=dict)
    bonds: np.ndarray | None = None
    totals: dict = field(default_factory=dict)

    @property
    def n_atoms(self) -> int:
        """How many atoms there are, of all ranks."""
        return len(self.species)

    @property
    def names(self) -> list[str]:
        """The species name of every atom."""
        return [self.symbols[k] for k in self.species.tolist()]

    def to_system(self) -> System:
        """The atoms as a System, to go on from there."""
        if self.positions is None:
            raise InputError(f"step {self.step}: the trajectory holds no positions; ask for them: [output] fields")
        system = System(
            self.box, self.positions, self.species, self.symbols, masses=self.masses, velocities=self.velocities,
            columns=self.columns, units=self.units, info={"step": self.step, "time": self.time, **self.totals},
        )  # fmt: skip
        system.bonds = self.bonds
        return system

    def to_ase(self):
        """As an ``ase.Atoms`` with masses, momenta and, where known, forces."""
        atoms = self.to_system().to_ase()
        atoms.info |= {"step": self.step, "time": self.time}
        if self.forces is not None:
            from ase.calculators.singlepoint import SinglePointCalculator

            atoms.calc = SinglePointCalculator(atoms, forces=self.forces)
        return atoms

    def __len__(self):
        return self.n_atoms

    def __repr__(self):
        known = [name for name in ("positions", "velocities", "forces") if getattr(self, name) is not None]
        counts = np.bincount(self.species, minlength=len(self.symbols))
        return (
            f"Snapshot(step {self.step}, {self.time:g} {self.units.labels['time']}: {formula(self.symbols, counts)}, "
            f"{', '.join(known)})"
        )


def virial(sim) -> np.ndarray:
    """The sum of x (x) F over all atoms and images, float64 [3, 3], user unit of energy (collective)."""
    return sim.work.virial_tensor(sim.comm.sum(sim.work.virial.copy()))


def measure(sim) -> Thermo:
    """Thermo of the current step (collective). Sums are exact, so every rank gets the same bits."""
    limbs = np.concatenate(
        [
            _kernels.kinetic_sums(sim.atoms),
            sim.work.virial,
            [exact.limbs(sim.results.energy), exact.limbs(sim.heat)],
        ]
    )
    sums = [exact.integer(row) for row in sim.comm.sum(limbs)]
    units = sim.units
    mvv = np.array([exact.value(number, exact.ENERGY_BITS) for number in sums[:6]])
    virial = np.array([exact.value(number, exact.FORCE_BITS + sim.work.bits) for number in sums[9:15]])
    tail_energy, tail_virial = sim.tail
    kinetic = 0.5 * float(mvv[:3].sum())
    potential = exact.value(sums[15], exact.FORCE_BITS) + tail_energy
    heat = exact.value(sums[16], exact.ENERGY_BITS)
    temperature = (
        2.0 * kinetic / (sim.degrees_of_freedom * units.boltzmann) if sim.degrees_of_freedom else 0.0
    )
    pressure, density, stress = np.nan, np.nan, np.full(6, np.nan)
    if all(sim.box.periodic):
        virial[:3] += tail_virial / 3.0
        if sim.results.virial_known:
            stress = -(mvv + virial) / (sim.box.volume * units.pressure)
        pressure = -float(stress[:3].sum()) / 3.0
        density = sim.system.total_mass / sim.box.volume / units.density
    return Thermo(
        step=sim.step,
        time=sim.time,
        temperature=temperature,
        kinetic=kinetic,
        potential=potential,
        total=kinetic + potential,
        conserved=kinetic + potential - heat,
        pressure=pressure,
        density=density,
        stress=stress,
    )
