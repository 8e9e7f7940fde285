"""How long does a pair take in each formula? python pair_formulas.py: nanoseconds a listed pair, and the ratio to
Lennard-Jones in the same run.

The Lennard-Jones melt of 32,000 atoms (cutoff 2.5, skin 0.3), its list of pairs, forces alone and with energies;
kernels take turns, the shortest time counts. Parameters don't matter: kernels have no branches.
"""

import time

import common
import numpy as np

from mdcore import Buckingham, Coulomb, LennardJones, Morse, Simulation, SoftCore, Tabulated, VelocityVerlet


def potentials(name: str) -> dict:
    r = np.linspace(0.7, 2.5, 1000)
    return {
        "lj": LennardJones(2.5, 1.0, 1.0),
        "lj, force-shifted": LennardJones(2.5, 1.0, 1.0, truncation="force-shifted"),
        "soft-core": SoftCore(2.5, epsilon=1.0, sigma=1.0, coupling=0.9),
        "tabulated": Tabulated({(name, name): (r, 4.0 * (r**-12 - r**-6))}),
        "morse": Morse(2.5, depth=1.0, alpha=5.0, r0=1.1),
        "buckingham": Buckingham(2.5, a=5e4, rho=0.1, c=1.0),
        "coulomb": Coulomb(2.5, {name: 1.0}, 0.9, constant=1.0),
    }


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    repeats = parser.parse_args().repeats
    print(common.machine(), flush=True)
    sim = Simulation(common.melt(20, 20), common.lennard_jones(), VelocityVerlet(common.TIMESTEP))
    sim.run(5)
    bound = {name: own.bind(sim.symbols) for name, own in potentials(sim.symbols[0]).items()}
    seconds = {(name, energy): [] for name in bound for energy in (False, True)}
    for _ in range(repeats):
        for name, energy in seconds:
            sim.results.reset(energy)
            begin = time.perf_counter()
            bound[name].compute(sim.atoms, sim.neighbors, sim.domain, sim.results)
            seconds[name, energy].append(time.perf_counter() - begin)
    pairs, rows = sim.neighbors.list.n_pairs, []
    for name in bound:
        found = [min(seconds[name, energy]) for energy in (False, True)]
        ratios = [own / min(seconds["lj", energy]) for own, energy in zip(found, (False, True), strict=True)]
        cells = (f"{1e9 * own / pairs:.2f} ({ratio:.2f})" for own, ratio in zip(found, ratios, strict=True))
        rows.append([name, *cells])
    print(common.table(["ns a pair (ratio to lj)", "forces", "with energies"], rows))


if __name__ == "__main__":
    main()
