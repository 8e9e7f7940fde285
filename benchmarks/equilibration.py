"""What do charges by equilibration cost in a step of dynamics, and is the energy conserved at their residual?

    python benchmarks/equilibration.py --potential H2O_RPBE-D3_4G --units length=bohr,energy=hartree

Water of --atoms or a little more, cells of inputs/water.extxyz side by side, at 300 K, on one core: processor time a
step, of it the charges (their field, both solutions, their forces), and steps of conjugate gradients. Then --steps
steps of one cell at constant energy, at several residuals: the trend of the energy, and how far it goes away from that
of the smallest residual.
"""

import sys
import time
from pathlib import Path

import numpy as np
from common import machine, parser, table

from mdcore import Simulation, System, VelocityVerlet, maxwell_boltzmann, read_model
from mdcore.cli.potential import parse_units
from mdcore.potentials.charges.equilibration import Equilibrium
from mdcore.potentials.charges.field import Field, Interaction
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.hdnnp import HDNNPotential

WATER = Path(__file__).parents[1] / "inputs" / "water.extxyz"
RESIDUALS = (1e-4, 1e-6, 1e-11)


def timed(owner, name: str, spent: list) -> None:
    """Processor time of a method goes into spent[0]."""
    method = getattr(owner, name)

    def run(*arguments):
        begin = time.process_time()
        try:
            return method(*arguments)
        finally:
            spent[0] += time.process_time() - begin

    setattr(owner, name, run)


def box_of(n_atoms: int) -> System:
    """Cells side by side, as near to a cube as whole cells allow, of at least so many atoms."""
    cell = System.read(WATER)
    repeat = [1, 1, 1]
    while cell.n_atoms * np.prod(repeat) < n_atoms:
        repeat[int(np.argmin(repeat))] += 1
    return cell.replicate(tuple(map(int, repeat)))


def simulation(system, model, settings, timestep) -> Simulation:
    potential = HDNNPotential(model, charges=settings, threads=1, extrapolation="ignore")
    maxwell_boltzmann(system, 300.0, seed=1)
    return Simulation(system, potential, VelocityVerlet(timestep), seed=1)


def cost(model, arguments) -> list:
    rows = []
    for residual in (1e-6, 1e-8):
        sim = simulation(box_of(arguments.atoms), model, ChargeSettings(residual=residual), arguments.timestep)
        sim.run(10)
        solves, steps = 0, 20
        whole = time.process_time()
        MEASURED[0] = 0.0
        for _ in range(steps):
            sim.run(1)
            solves += sim.work.bound.steps
        whole = (time.process_time() - whole) / steps
        spent = MEASURED[0] / steps
        found = (whole, spent, spent * arguments.atoms / sim.n_atoms)
        rows.append((sim.n_atoms, f"{residual:g}", f"{solves / steps:.1f}", *(f"{seconds:.3f}" for seconds in found)))
    return rows


def drift(model, arguments) -> list:
    totals = {}
    for residual in RESIDUALS:
        sim = simulation(System.read(WATER), model, ChargeSettings(residual=residual), arguments.timestep)
        totals[residual] = []
        for _ in range(arguments.steps // 5):
            sim.run(5)
            totals[residual].append(sim.total_energy)
    rows, finest = [], np.array(totals[RESIDUALS[-1]])
    t = np.arange(len(finest)) * 5 * arguments.timestep / 1000.0
    for residual, own in totals.items():
        own, n = np.array(own), sim.n_atoms
        found = (np.polyfit(t, own, 1)[0], own.std(), np.abs(own - finest).max())
        rows.append((f"{residual:g}", *(f"{1e3 * value / n:.2g}" for value in found)))
    return rows


MEASURED = [0.0]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--potential", required=True, help="a potential of the fourth generation: folder or .h5")
    options.add_argument("--units", help="of a folder, e.g. length=bohr,energy=hartree")
    options.add_argument("--atoms", type=int, default=2600)
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--timestep", type=float, default=0.5, help="fs")
    arguments = options.parse_args()
    model = read_model(arguments.potential, parse_units(arguments.units))
    print(machine())
    timed(Interaction, "field", MEASURED)
    timed(Equilibrium, "solve", MEASURED)
    for kind in Field.__subclasses__():
        timed(kind, "act", MEASURED)
    last = f"the same of {arguments.atoms} atoms"
    header = ("atoms", "residual, e", "steps of CG", "s a step", "of it charges", last)
    print(table(header, cost(model, arguments)))
    header = ("residual, e", "trend, meV/atom/ps", "fluctuation, meV/atom", "away, meV/atom")
    print(table(header, drift(model, arguments)))


if __name__ == "__main__":
    sys.exit(main())
