"""What do thermostats and barostats cost? python ensembles.py: milliseconds of the processor a step of the
Lennard-Jones melt (32,000 atoms) in each ensemble, and the ratio to constant energy, of which a piece goes before each;
medians, and the ratio of the faster quarters."""

import statistics
import time

import common

from mdcore import (
    Andersen,
    CellRescaling,
    Langevin,
    MartynaTobiasKlein,
    NoseHoover,
    Simulation,
    StrainRate,
    VelocityRescaling,
    VelocityVerlet,
)

DT, T, P = common.TIMESTEP, 0.705, 1.26  # of the melt: its density stays


def npt(every: int) -> VelocityVerlet:
    return VelocityVerlet(DT, VelocityRescaling(T, 0.5), CellRescaling(P, 2.0, 0.1, every=every))


def mtk(coupling: str) -> VelocityVerlet:
    return VelocityVerlet(DT, NoseHoover(T, 0.5), MartynaTobiasKlein(P, 2.0, coupling=coupling))


INTEGRATORS = {
    "nve": lambda: VelocityVerlet(DT),
    "langevin": lambda: Langevin(DT, T, 0.5),
    "velocity rescaling": lambda: VelocityVerlet(DT, VelocityRescaling(T, 0.5)),
    "Nose-Hoover chain": lambda: VelocityVerlet(DT, NoseHoover(T, 0.5)),
    "Andersen": lambda: VelocityVerlet(DT, Andersen(T, 2.0)),
    "npt, the cell moves every 10 steps": lambda: npt(every=10),
    "npt, every step": lambda: npt(every=1),
    "mtk, the cell moves every 9 steps": lambda: mtk("isotropic"),
    "mtk, flexible": lambda: mtk("flexible"),
    "strain rate": lambda: VelocityVerlet(DT, barostat=StrainRate([0.0, 0.0, 0.0, 0.0, 0.0, 0.01])),
}


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--steps", type=int, default=90, help="a piece (90: whole periods of every part)")
    it = parser.parse_args()
    print(common.machine(), flush=True)
    system, potential = common.melt(20, 500), common.lennard_jones("force-shifted")
    sims = {
        name: Simulation(system, potential, integrator(), skin=common.SKIN, seed=1)
        for name, integrator in INTEGRATORS.items()
    }
    for sim in sims.values():
        sim.run(20)

    def piece(name: str) -> float:
        begin = time.process_time()
        sims[name].run(it.steps)
        return 1e3 * (time.process_time() - begin) / it.steps

    found = common.alternate({name: lambda name=name: (piece("nve"), piece(name)) for name in sims}, it.repeats)
    rows = []
    for name, both in found.items():
        nve, own = zip(*both, strict=True)
        fast = statistics.quantiles(own)[0] / statistics.quantiles(nve)[0]
        rows.append([name, f"{statistics.median(own):.3g}", common.median_ratio(own, nve), f"{fast:.3f}"])
    print(common.table(["32,000 atoms", "ms a step", "to nve", "faster quarters"], rows))


if __name__ == "__main__":
    main()
