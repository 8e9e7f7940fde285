"""Is the energy of liquid water with a network potential conserved: second order in the time step, no trend?

A structure of a published potential (--potential; for H2O_RPBE-D3: 1080 atoms), or that of --structure for any file of
a potential, is brought to temperature by Langevin dynamics. Then, at constant energy, two runs over the same time, the
second with half the time step, whose fluctuations of the total energy have the ratio 4 if the error is of second order;
and a long one, for a trend: a straight line through the means of 20 blocks.

The total energy fluctuates by far more than a trend could be in 20 ps. Velocity Verlet conserves not it, but a shadow
energy; with the first correction,

    H' = H + h^2 ( v . U'' v / 12 - F . F / (24 m) ),      U'' v = -dF/dt, from the forces before and after the step,

H' fluctuates with the fourth power of the time step, and differs from H by a bounded amount: both have the same trend,
but in H' it can be seen. R. D. Skeel, D. J. Hardy, SIAM J. Sci. Comput. 23, 1172 (2001).
"""

import sys
import time
from functools import partial
from pathlib import Path

import common
import networks
import numpy as np
from energy_conservation import BLOCKS, trend

from mdcore import Langevin, Simulation, System, VelocityVerlet, maxwell_boltzmann
from mdcore.potentials.families import potential_of

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


class Recorder:
    """Total and shadow energy, eV/atom, and temperature, every `every` steps; looks at the forces of all steps."""

    every, needs_energy = 1, False

    def __init__(self, sim, every: int):
        self.sim, self.stride, self.h = sim, every, sim.integrator.timestep * sim.units.time
        self.energies, self.shadows, self.temperatures = [], [], []
        self._before, self._at = None, None
        sim.every(every, lambda sim: None)  # so the energy is at hand in the steps that are kept
        sim.add_observer(self)

    def observe(self, sim) -> None:
        atoms = sim.atoms
        forces = np.empty((atoms.n_owned, 3))  # the order of rows changes, that of tags does not
        forces[atoms.tags[: atoms.n_owned]] = atoms.forces
        if self._at is not None:  # one step after the one that is kept
            total, squares, velocities, before = self._at
            bend = -(velocities * (forces - before)).sum() / (2.0 * self.h)
            self.energies.append(total / len(forces))
            self.shadows.append((total + self.h**2 * (bend / 12.0 - squares / 24.0)) / len(forces))
            self._at = None
        if sim.step % self.stride == 0 and self._before is not None:
            thermo, velocities = sim.thermo(), np.empty_like(forces)
            velocities[atoms.tags[: atoms.n_owned]] = atoms.velocities
            self.temperatures.append(thermo.temperature)
            squares = (atoms.forces**2 / atoms.masses[: atoms.n_owned, None]).sum()
            self._at = thermo.total, squares, velocities, self._before
        self._before = forces


def run(system: System, potential, timestep: float, steps: int, every: int) -> tuple[Recorder, float]:
    """(what was recorded, atom-steps/s) of a run at constant energy; a word ten times on the way."""
    sim = Simulation(system, potential, VelocityVerlet(timestep), skin=SKIN)
    sim.begin_stage(steps)
    recorder = Recorder(sim, every)

    def tell(sim):
        note = f"  {timestep} fs: step {sim.step:,}, {sim.thermo().total / sim.system.n_atoms:.9f} eV/atom"
        print(note, file=sys.stderr, flush=True)

    sim.every(every * max(1, steps // every // 10), tell)
    begin = time.perf_counter()
    sim.run_until(steps)
    return recorder, steps * sim.system.n_atoms / (time.perf_counter() - begin)


def slope(energies: list, ps: float) -> tuple[str, str]:
    """(trend, its standard error) in eV/atom/ns"""
    if len(energies) < 2 * BLOCKS:
        return "-", "-"
    change, error = trend(np.array(energies))
    return f"{1000 * change / ps:+.1e}", f"{1000 * error / ps:.1e}"


def main() -> None:
    parser = common.parser(__doc__)
    networks.add_potential(parser)
    parser.add_argument("--structure", type=Path, help="begin with this structure; default: input.data of the folder")
    parser.add_argument("--temperature", type=float, default=300.0, help="K")
    parser.add_argument("--timestep", type=float, default=0.5, help="fs")
    parser.add_argument("--ps", type=float, default=20.0, help="length of the long run")
    parser.add_argument("--order-ps", type=float, default=2.0, help="length of each run that tells the order; 0: none")
    parser.add_argument("--equilibrate-ps", type=float, default=2.0)
    parser.add_argument("--precision", choices=("double", "mixed"), default="double")
    parser.add_argument("--every", type=int, default=2, help="steps between samples")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    print(common.machine(), flush=True)
    dt = arguments.timestep
    model = networks.open_potential(arguments.potential, arguments.units)
    potential = partial(potential_of, model, precision=arguments.precision)
    own = arguments.structure
    system = System.read(own) if own else networks.first_structure(arguments.potential, model)
    steps = round(1000 * arguments.equilibrate_ps / dt)
    system = equilibrate(system, potential(), arguments.temperature, dt, steps, arguments.seed)

    runs = [(dt, arguments.order_ps), (dt / 2, arguments.order_ps)] if arguments.order_ps else []
    rows, spread = [], []
    for timestep, ps in [*runs, (dt, arguments.ps)]:
        steps, every = round(1000 * ps / timestep), round(arguments.every * dt / timestep)
        recorder, speed = run(system, potential(), timestep, steps, every)
        spread.append((np.std(recorder.energies), np.std(recorder.shadows)))
        for name, values in (("total", recorder.energies), ("shadow", recorder.shadows)):
            rows.append(
                (timestep, f"{ps:g}", f"{np.mean(recorder.temperatures):.0f}", name, f"{np.std(values):.2e}",
                 *slope(values, ps), f"{speed:,.0f}")
            )  # fmt: skip
            print("  ", *rows[-1], file=sys.stderr, flush=True)
    print(f"{len(system.positions):,} atoms of {model.name or arguments.potential.name}")
    header = ("dt, fs", "ps", "T, K", "energy", "fluctuation, eV/atom", "drift, eV/atom/ns", "error", "atom-steps/s")
    print(common.table(header, rows))
    if runs:
        ratios = np.array(spread[0]) / np.array(spread[1])
        print(f"fluctuation at dt / at dt/2: total energy {ratios[0]:.2f} (second order: 4), shadow {ratios[1]:.2f}")


if __name__ == "__main__":
    main()
