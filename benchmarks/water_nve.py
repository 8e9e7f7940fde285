"""Is the energy of liquid water with a network potential conserved: second order in the time step, no trend?

A structure of a published potential (--potential; for H2O_RPBE-D3: 1080 atoms) is brought to temperature by Langevin
dynamics. Then, at constant energy: a long run whose total energy is fitted by a straight line through the means
of 20 blocks; and two shorter ones over the same time, the second with half the time step, whose fluctuations have
the ratio 4 if the error is of second order.
"""

import sys
import time

import common
import networks
import numpy as np
from energy_conservation import BLOCKS, trend

from mdcore import Langevin, Simulation, System, VelocityVerlet, maxwell_boltzmann
from mdcore.potentials.hdnnp import HDNNPotential

SKIN = 0.6  # Angstrom


def equilibrate(system: System, potential, temperature: float, timestep: float, steps: int, seed: int) -> System:
    """The system after Langevin dynamics, without total momentum."""
    maxwell_boltzmann(system, temperature, seed=seed)
    integrator = Langevin(timestep, temperature, friction=0.02)
    sim = Simulation(system, potential, integrator, seed=seed, skin=SKIN)
    sim.run(steps)
    sim.run(0, VelocityVerlet(timestep))  # begins the next stage: the momentum goes
    print(f"equilibrated {steps * timestep / 1000:g} ps; at {sim.temperature:.0f} K", file=sys.stderr)
    frame = sim.snapshot()
    return System(
        sim.system.box, frame.positions, species=frame.species, symbols=frame.symbols, velocities=frame.velocities
    )


def run(system: System, potential, timestep: float, steps: int, every: int) -> tuple[np.ndarray, float, float]:
    """(total energies in eV/atom every `every` steps, mean temperature, atom-steps/s)"""
    energies, temperatures, n = [], [], len(system.positions)
    sim = Simulation(system, potential, VelocityVerlet(timestep), skin=SKIN)

    def observe(sim):
        thermo = sim.thermo()
        energies.append(thermo.total / n)
        temperatures.append(thermo.temperature)
        if sim.step % (every * max(1, steps // every // 10)) == 0:
            note = f"  {timestep} fs: step {sim.step:,}, {thermo.total / n:.9f} eV/atom, {thermo.temperature:.0f} K"
            print(note, file=sys.stderr, flush=True)

    sim.every(every, observe)
    begin = time.perf_counter()
    sim.run(steps)
    return np.array(energies[1:]), float(np.mean(temperatures)), steps * n / (time.perf_counter() - begin)


def main() -> None:
    parser = common.parser(__doc__)
    networks.add_potential(parser)
    parser.add_argument("--temperature", type=float, default=300.0, help="K")
    parser.add_argument("--timestep", type=float, default=0.5, help="fs")
    parser.add_argument("--ps", type=float, default=20.0, help="length of the long run")
    parser.add_argument("--order-ps", type=float, default=2.0, help="length of each run that tells the order; 0: none")
    parser.add_argument("--equilibrate-ps", type=float, default=2.0)
    parser.add_argument("--every", type=int, default=2, help="steps between samples")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    print(common.machine(), flush=True)
    dt = arguments.timestep
    model = networks.open_potential(arguments.potential, arguments.units)
    system = networks.first_structure(arguments.potential, model)
    steps = round(1000 * arguments.equilibrate_ps / dt)
    system = equilibrate(system, HDNNPotential(model), arguments.temperature, dt, steps, arguments.seed)

    runs = [(dt, arguments.order_ps), (dt / 2, arguments.order_ps)] if arguments.order_ps else []
    rows, spread = [], []
    for timestep, ps in [*runs, (dt, arguments.ps)]:
        steps = round(1000 * ps / timestep)
        every = round(arguments.every * dt / timestep)
        energies, mean, speed = run(system, HDNNPotential(model), timestep, steps, every)
        change, error = trend(energies) if len(energies) >= 2 * BLOCKS else (np.nan, np.nan)
        spread.append(energies.std())
        rows.append(
            (timestep, f"{ps:g}", f"{mean:.0f}", f"{energies.std():.2e}", f"{1000 * change / ps:+.1e}",
             f"{1000 * error / ps:.1e}", f"{speed:,.0f}")
        )  # fmt: skip
        print("  ", *rows[-1], file=sys.stderr, flush=True)
    print(f"{len(system.positions):,} atoms of {model.name or arguments.potential.name}")
    header = ("dt, fs", "ps", "T, K", "fluctuation, eV/atom", "drift, eV/atom/ns", "its error", "atom-steps/s")
    print(common.table(header, rows))
    if runs:
        print(f"fluctuation at dt / at dt/2 (second order: 4): {spread[0] / spread[1]:.2f}")


if __name__ == "__main__":
    main()
