"""What is the state of the system, in a few numbers?"""

from dataclasses import dataclass

import numpy as np

from mdcore import _kernels, exact


@dataclass(frozen=True)
class Thermo:
    """Thermodynamic state at a step, in user units.

    temperature : from the kinetic energy and the degrees of freedom of the stage
    total : kinetic + potential; conserved : total minus what thermostats and drift removal put in
    pressure : positive when compressed; stress : float64 [6] (xx, yy, zz, yz, xz, xy), dE/dstrain / V as in
    ASE, negative when compressed; both with the kinetic part, nan unless fully periodic
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


@dataclass(frozen=True)
class Snapshot:
    """All atoms at a step, in the order of their tags, user units.

    positions float64 [n, 3] inside the cell; images int32 [n, 3] (true position: positions + images @ matrix);
    velocities, forces float64 [n, 3]; species int32 [n] into symbols; masses [n]; tags int64 [n]
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


def measure(sim) -> Thermo:
    """Thermo of the current step (collective). Sums are exact, so every rank gets the same bits."""
    limbs = np.concatenate(
        [
            _kernels.kinetic_sums(sim.atoms),
            sim.virial,
            [exact.limbs(sim.results.energy), exact.limbs(sim.heat)],
        ]
    )
    sums = [exact.integer(row) for row in sim.comm.sum(limbs)]
    units = sim.units
    mvv = np.array([exact.value(number, exact.ENERGY_BITS) for number in sums[:6]])
    virial = np.array([exact.value(number, exact.FORCE_BITS + sim.position_bits) for number in sums[9:15]])
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
