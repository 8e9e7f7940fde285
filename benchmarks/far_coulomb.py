"""What does a term cost that reaches farther than the other? python far_coulomb.py: milliseconds a step of a network
(water, cutoff 6 Angstrom), of charges (12 Angstrom), and of their sum, which should cost no more than both.

Each term has its own list of neighbours; the sum shares ghosts, steps and builds. The charges are so small that the
water stays water: the time does not depend on them. Runs take turns, the median counts.
"""

import statistics
import time
from pathlib import Path

import common

from mdcore import Coulomb, HDNNPotential, Simulation, Sum, System, VelocityVerlet, maxwell_boltzmann, read_model

HOME = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--cutoff", type=float, default=12.0, help="of the charges, Angstrom")
    parser.add_argument("--copies", type=int, default=2, help="of the cell, along each edge")
    parser.add_argument("--steps", type=int, default=40, help="of a run")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print(common.machine(), flush=True)
    system = System.read(HOME / "inputs" / "water.extxyz").replicate((arguments.copies,) * 3)
    maxwell_boltzmann(system, 300.0, seed=1)
    network = HDNNPotential(read_model(HOME / "potentials" / "water_PBE0-TS.h5"), threads=1)
    charges = Coulomb(arguments.cutoff, {"O": -0.002, "H": 0.001})
    runs, both = {}, Sum(network, charges, double_counting="allow")
    for name, potential in {"network": network, "charges": charges, "both": both}.items():
        sim = Simulation(system, potential, VelocityVerlet(0.25), skin=0.6)
        runs[name] = lambda sim=sim: timed(sim, arguments.steps)
        runs[name]()
    found = {name: statistics.median(own) for name, own in common.alternate(runs, arguments.repeats).items()}
    rows = [[name, f"{1e3 * own:.2f}"] for name, own in found.items()]
    rows.append(["both / (network + charges)", f"{found['both'] / (found['network'] + found['charges']):.2f}"])
    print(f"{system.n_atoms} atoms")
    print(common.table(["", "ms a step"], rows))


def timed(sim, steps: int) -> float:
    begin = time.perf_counter()
    sim.run(steps)
    return (time.perf_counter() - begin) / steps


if __name__ == "__main__":
    main()
