"""Is the cutoff and the mesh that a sum over charges chooses the cheapest? All choices timed beside it.

    python benchmarks/charge_choices.py --cells 4 8 16 32 --accuracies 1e-3 1e-5

Rock salt with its ions displaced, Coulomb's law alone, a step of all ions, lists included as they are built in a
liquid: processor time of one core, in turn, medians. Choices that the model (mdcore/potentials/charges/cost.py) takes
for more than `--within` times as dear as its own are left out. `ratio`: the time of what was chosen over the best's.
"""

import time

import numpy as np
from charges import CONSTANT, SALT, salt
from common import alternate, machine, parser, table

from mdcore import Electrostatics, Simulation, VelocityVerlet
from mdcore.base.units import METAL
from mdcore.potentials.charges.cost import choose, cutoffs_from, orders_of

SKIN, LASTS = 1.0, 15  # steps that a list lasts


def step(system, accuracy: float, cutoff: float, order: int, steps: int):
    """A function that takes steps and returns us a step and atom."""
    potential = Electrostatics(SALT, accuracy=accuracy, cutoff=cutoff, constant=CONSTANT)
    potential.order = order
    sim = Simulation(system, potential, VelocityVerlet(1e-4), skin=SKIN)
    sim.run(1)

    def run() -> float:
        begin = time.process_time()
        sim.run(steps)
        took = (time.process_time() - begin) / steps
        begin = time.process_time()
        sim.work.neighbourhood()
        return 1e6 * (took + (time.process_time() - begin) / LASTS) / system.n_atoms

    return run


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--cells", type=int, nargs="+", default=[4, 8, 16, 32], help="5.64 Angstrom each, of 8 ions")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-5])
    options.add_argument("--within", type=float, default=1.4)
    options.add_argument("--every", type=float, default=0.5, help="cutoffs, Angstrom")
    options.add_argument("--steps", type=int, default=2)
    options.add_argument("--repeats", type=int, default=3)
    it = options.parse_args()
    print(machine(), flush=True)
    rows = []
    for cells in it.cells:
        system = salt(cells)
        for accuracy in it.accuracies:
            mine = Electrostatics(SALT, accuracy=accuracy, constant=CONSTANT).suited(system.n_atoms, system.box, METAL)
            chosen = mine.cutoff, mine.order
            grid = [cutoff for cutoff in cutoffs_from(0.0, 1.0) if cutoff % it.every == 0.0 or cutoff == mine.cutoff]

            def reckoned(cutoff, order, a=accuracy, own=mine, s=system):
                return choose(own.exponent, a, (order,), s.n_atoms, s.box.matrix, [cutoff], SKIN).cost

            most = it.within * reckoned(*chosen)
            tried = [(c, order) for c in grid for order in orders_of("auto") if reckoned(c, order) <= most]
            runs = {key: step(system, accuracy, *key, it.steps) for key in tried}
            found = {key: float(np.median(times)) for key, times in alternate(runs, it.repeats).items()}
            best = min(found, key=found.get)
            us = (reckoned(*chosen) / system.n_atoms, found[chosen], found[best])
            names = (f"{c:g}, {f'order {order}' if order else 'waves'}" for c, order in (chosen, best))
            numbers = *(f"{t:.3g}" for t in us), f"{us[1] / us[2]:.2f}"
            rows.append((system.n_atoms, accuracy, len(tried), *names, *numbers))
            print(*rows[-1], {key: round(value, 2) for key, value in found.items()}, flush=True)
    heads = "ions", "accuracy", "tried", "chosen", "best", "reckoned us", "took us", "best us", "ratio"
    print(table(heads, rows))


if __name__ == "__main__":
    main()
