"""What does a committee cost, next to one of its members?

Liquid water (H2O_RPBE-D3, 1080 atoms) at constant energy from 300 K, on one core: one network; a committee of several
with weights that differ a little, without and with looks at how its members differ. All take turns, some steps each;
the lists are built at about the same steps, for all start alike.
"""

import statistics
import time
from dataclasses import replace
from pathlib import Path

import common
import networks
import numpy as np

from mdcore import Disagreement, Simulation, VelocityVerlet, committee, maxwell_boltzmann
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import HDNNP, ElementNetwork

EVERY = (0, 10, 1)  # steps between looks, 0: none


def differing(model: HDNNP, n: int) -> HDNNP:
    """A committee of the model and of n - 1 others, whose weights are off by a percent."""
    rng, others = np.random.default_rng(1), [model]
    for _ in range(n - 1):
        changed = [
            ElementNetwork.from_flat(w.flat() * rng.normal(1.0, 0.01, w.flat().size), w.layer_sizes, w.activations)
            for w in model.networks
        ]
        others.append(replace(model, networks=tuple(changed)))
    return committee(others)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--reference", type=Path, required=True, help="folder that holds H2O_RPBE-D3")
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="steps of a turn")
    parser.add_argument("--repeats", type=int, default=8, help="turns of each")
    parser.add_argument("--precision", choices=("double", "mixed"), default="double")
    arguments = parser.parse_args()
    print(common.machine(), flush=True)
    folder = arguments.reference / "H2O_RPBE-D3"
    model = networks.open_potential(folder, ("bohr", "hartree"))
    system = networks.first_structure(folder, model)
    maxwell_boltzmann(system, 300.0, seed=1)
    several = differing(model, arguments.members)

    def simulation(own, every=0):
        looks = {"disagreement": Disagreement(every)} if every else {}
        potential = HDNNPotential(own, precision=arguments.precision, threads=1, extrapolation="ignore", **looks)
        sim = Simulation(system, potential, VelocityVerlet(0.5), skin=0.6)
        sim.run(arguments.steps)
        return sim

    sims = {"one network": simulation(model)}
    for every in EVERY:
        name = f"{arguments.members} members" + (f", a look every {every} step{'s' * (every > 1)}" if every else "")
        sims[name] = simulation(several, every)

    def turn(sim):
        begin = time.process_time()
        sim.run(arguments.steps)
        return (time.process_time() - begin) / arguments.steps

    seconds = common.alternate({name: (lambda sim=sim: turn(sim)) for name, sim in sims.items()}, arguments.repeats)
    rows, one = [], seconds["one network"]
    for name, own in seconds.items():
        cost = statistics.median(a / b for a, b in zip(own, one, strict=True))
        rows.append([name, f"{system.n_atoms / statistics.median(own):,.0f}", f"{cost:.3f}"])
    print(common.table(["potential", "atom-steps/s", "cost, in steps of one network"], rows))


if __name__ == "__main__":
    main()
