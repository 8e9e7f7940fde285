"""Is energy conserved: does the error shrink with the square of the time step, and is there a trend?

Velocity Verlet conserves a shadow energy that differs from the energy by terms of order dt^2; so the
total energy fluctuates, by an amount that is four times smaller at half the time step, and does not
drift. This holds for a smooth potential. The plain cut is measured too: there the energy jumps by
u(2.5) = -0.0163 whenever a pair crosses the cutoff while the force knows nothing of it; the total energy
wanders and no time step mends that. "shifted" has the same trajectories as "cut" with an energy that
is continuous; its force still jumps. "force-shifted" is continuous in both.

The melt of LAMMPS's in.lj. The trend is a straight line through the means of 20 blocks, with its
standard error.
"""

import sys

import common
import numpy as np

from mdcore import Langevin, Simulation, VelocityVerlet

BLOCKS = 20
EVERY = 10  # steps between samples


def start(cells: int):
    """A liquid at temperature 0.7."""
    sim = Simulation(common.melt(cells, 500), common.lennard_jones(), seed=1, skin=common.SKIN)
    sim.run(2000, Langevin(common.TIMESTEP, 0.7, friction=1.0))
    frame = sim.snapshot()
    return common.System(sim.system.box, frame.positions, "A", velocities=frame.velocities, units="lj")


def total_energies(system, truncation: str, timestep: float, steps: int) -> np.ndarray:
    """Total energy an atom, every EVERY steps, after the first 200 steps."""
    energies = []
    sim = Simulation(system, common.lennard_jones(truncation), VelocityVerlet(timestep), skin=common.SKIN)
    sim.run(200)
    sim.every(EVERY, lambda sim: energies.append(sim.thermo().total / sim.system.n_atoms))
    sim.run(steps)
    return np.array(energies)


def trend(energies: np.ndarray) -> tuple[float, float]:
    """(change over the whole run, its standard error) of a line through the means of blocks."""
    means = np.array([block.mean() for block in np.array_split(energies, BLOCKS)])
    x = np.linspace(-0.5, 0.5, BLOCKS)
    slope = (x @ means) / (x @ x)
    rest = means - means.mean() - slope * x
    return slope, np.sqrt(rest @ rest / (BLOCKS - 2) / (x @ x))


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--cells", type=int, default=5, help="fcc cells along an edge; 5: 500 atoms")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--timestep", type=float, default=0.005, help="the longer of the two")
    arguments = parser.parse_args()
    print(common.machine())
    system = start(arguments.cells)
    rows, ratios = [], []
    for truncation in ("force-shifted", "shifted", "cut"):
        spread = []
        for timestep in (arguments.timestep, 0.5 * arguments.timestep):
            energies = total_energies(system, truncation, timestep, arguments.steps)
            slope, error = trend(energies)
            spread.append(energies.std())
            rows.append(
                (truncation, timestep, f"{arguments.steps:,}", f"{energies.std():.3e}",
                 f"{slope:+.1e} +- {error:.1e}", f"{abs(slope) / error:.1f}")
            )  # fmt: skip
            print("  ", *rows[-1], file=sys.stderr, flush=True)
        ratios.append(f"{truncation}: {spread[0] / spread[1]:.2f}")
    print(f"{len(system.positions):,} atoms; energies in epsilon an atom")
    header = ("truncation", "dt", "steps", "fluctuation", "change over the run", "change / error")
    print(common.table(header, rows))
    print("fluctuation at dt / at dt/2 (second order: 4): " + ", ".join(ratios))


if __name__ == "__main__":
    main()
