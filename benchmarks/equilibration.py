"""What do charges by equilibration cost in a step of dynamics, and is the energy conserved at their residual?

    python benchmarks/equilibration.py --potential H2O_RPBE-D3_4G --units length=bohr,energy=hartree

Water of --atoms or a little more, cells of inputs/water.extxyz side by side, at 300 K, on one core: processor time a
step, of it the charges (their field, both solutions, their forces), and steps of conjugate gradients of both solutions
together; in turn with the same networks without charges (the weights of their last input left away), so that what else
the machine does hits all. Then --steps steps of one cell at constant energy, at several residuals: the trend of the
energy, and how far it goes away from that of the smallest residual.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import alternate, machine, parser, table

from mdcore import Simulation, System, VelocityVerlet, maxwell_boltzmann, read_model
from mdcore.cli.potential import parse_units
from mdcore.potentials.charges.equilibration import Equilibrium
from mdcore.potentials.charges.field import Field, Interaction
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.hdnnp import HDNNPotential

WATER = Path(__file__).parents[1] / "inputs" / "water.extxyz"
RUNS = (("double", 1e-4), ("double", 1e-5), ("double", 1e-6), ("mixed", 1e-6), ("double", 1e-11))  # beside the last


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


def simulation(system, model, settings, timestep, precision="double") -> Simulation:
    potential = HDNNPotential(model, charges=settings, threads=1, extrapolation="ignore", precision=precision)
    maxwell_boltzmann(system, 300.0, seed=1)
    return Simulation(system, potential, VelocityVerlet(timestep), seed=1)


def without_charges(model):
    """The same short-range networks, but for the weights of charges, which they see as their last input."""
    def alone(network):
        return replace(network, weights=(network.weights[0][:-1], *network.weights[1:]))

    return replace(model, charges=None, networks=tuple(map(alone, model.networks)))


class Counter:
    """Of steps of conjugate gradients in steps of dynamics."""

    every, needs_energy = 1, False

    def __init__(self, sim):
        self.found = []
        sim.add_observer(self)

    def observe(self, sim) -> None:
        self.found.append(sim.work.bound.steps)


def cost(model, arguments) -> list:
    settings = {f"residual {residual:g} e": ChargeSettings(residual=residual) for residual in (1e-6, 1e-8)}
    runs, counters, spent, sizes = {}, {}, {}, {}
    for precision in ("double", "mixed"):
        for name, own in {"without charges": None, **settings}.items():
            key = f"{name}, {precision}"
            sim = simulation(box_of(arguments.atoms), model if own else without_charges(model), own,
                             arguments.timestep, precision)  # fmt: skip
            sim.run(10)
            if own:
                counters[key] = Counter(sim)
            sizes[key], spent[key] = sim.n_atoms, []

            def steps(sim=sim, key=key):
                MEASURED[0], begin = 0.0, time.process_time()
                sim.run(5)
                spent[key].append(MEASURED[0] / 5)
                return (time.process_time() - begin) / 5

            runs[key] = steps
    rows = []
    for key, found in alternate(runs, arguments.repeats).items():
        whole, n = np.median(found), sizes[key]
        counted = f"{np.mean(counters[key].found):.1f}" if key in counters else ""
        charges = f"{np.median(spent[key]):.3f}" if key in counters else ""
        rows.append((key, n, counted, f"{whole:.3f}", charges, f"{whole * arguments.atoms / n:.3f}"))
    return rows


def drift(model, arguments) -> list:
    totals = {}
    for run in RUNS:
        precision, residual = run
        settings = ChargeSettings(residual=residual)
        sim = simulation(System.read(WATER), model, settings, arguments.timestep, precision)
        totals[run] = []
        for _ in range(arguments.steps // 5):
            sim.run(5)
            totals[run].append(sim.total_energy)
    rows, finest = [], np.array(totals[RUNS[-1]])
    t = np.arange(len(finest)) * 5 * arguments.timestep / 1000.0
    for (precision, residual), own in totals.items():
        own, n = np.array(own), sim.n_atoms
        found = (np.polyfit(t, own, 1)[0], own.std(), np.abs(own - finest).max())
        rows.append((f"{residual:g}, {precision}", *(f"{1e3 * value / n:.2g}" for value in found)))
    return rows


MEASURED = [0.0]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--potential", required=True, help="a potential of the fourth generation: folder or .h5")
    options.add_argument("--units", help="of a folder, e.g. length=bohr,energy=hartree")
    options.add_argument("--atoms", type=int, default=2600)
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--repeats", type=int, default=5, help="times five steps, in turn")
    options.add_argument("--timestep", type=float, default=0.5, help="fs")
    arguments = options.parse_args()
    model = read_model(arguments.potential, parse_units(arguments.units))
    print(machine())
    timed(Interaction, "field", MEASURED)
    timed(Equilibrium, "solve", MEASURED)
    for kind in Field.__subclasses__():
        timed(kind, "act", MEASURED)
    header = ("", "atoms", "steps of CG", "s a step", "of it charges", f"a step of {arguments.atoms} atoms")
    print(table(header, cost(model, arguments)))
    header = ("residual, e", "trend, meV/atom/ps", "fluctuation, meV/atom", "away, meV/atom")
    print(table(header, drift(model, arguments)))


if __name__ == "__main__":
    sys.exit(main())
