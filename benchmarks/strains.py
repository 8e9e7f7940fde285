"""Does a crystal under stress strain as its elastic constants say? python strains.py

The constants C are those of mdcore.elastic, at rest. A stress C e, for a strain e with all six components, acts on a
flexible cell: of both minimisers, and of both barostats near absolute zero. Half the difference of what +e and -e
make is compared with e: expansion by heat and all that is of second order is not in it. Errors of barostats are those
of 20 blocks. Argon is the fcc crystal of Lennard-Jones, silicon the network that ships (its atoms move within the
cell: C44 is not what a frozen lattice has).
"""

import math
from copy import copy
from pathlib import Path

import common
import numpy as np

import mdcore
from mdcore import (
    FIRE,
    LBFGS,
    Andersen,
    CellRescaling,
    Langevin,
    LennardJones,
    MartynaTobiasKlein,
    Simulation,
    System,
    VelocityVerlet,
    elastic,
    maxwell_boltzmann,
    relax,
)

NAMES = ("xx", "yy", "zz", "yz", "xz", "xy")
STRAIN = np.array([0.002, -0.001, 0.0005, 0.003, -0.002, 0.004])  # shear counts twice, as in Voigt's notation
ROOT = Path(__file__).resolve().parents[1]
BLOCKS = 20


class Argon:
    name, temperature, timestep, compressibility = "argon", 0.03, 5.0, 0.3

    def __init__(self):
        self.system = System.build("fcc", 5.25, "Ar", repeat=(3, 3, 3))
        self.potential = LennardJones(8.5, 0.01034, 3.4, truncation="force-shifted")


class Silicon:
    name, temperature, timestep, compressibility = "silicon", 0.5, 2.0, 0.01

    def __init__(self):
        self.system = System.build("diamond", 5.47, "Si", repeat=(2, 2, 2))
        self.potential = mdcore.HDNNPotential(mdcore.read_model(ROOT / "potentials" / "silicon.h5"))


def six(cells, base) -> np.ndarray:
    """Strains [..., 6] of cells that were `base`."""
    strain = np.linalg.inv(base) @ cells - np.eye(3)
    strain = strain + np.swapaxes(strain, -1, -2)  # twice the symmetric one
    six = [strain[..., j, k] for j, k in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))]
    return np.stack(six, axis=-1) * np.array([0.5, 0.5, 0.5, 1.0, 1.0, 1.0])


def at_rest(it, system, method, stress) -> np.ndarray:
    minimiser = method(1e-6, 1e-5, cell="flexible", stress=stress)
    found = relax(it.potential, system, minimiser, 5000)
    assert found.converged
    return six(found.system.box.matrix, system.box.matrix)


def in_motion(it, system, barostat: str, stress, steps: int, seed: int) -> np.ndarray:
    """Strains [times, 6]"""
    dt, t = it.timestep, it.temperature
    tau = 100.0 * dt
    if barostat == "cell rescaling":
        way = CellRescaling(None, tau, it.compressibility, coupling="flexible", stress=stress)
        integrator = Langevin(dt, t, 1.0 / tau, way)
    else:  # its inertia goes by the temperature, its spring is that of the crystal
        energy = system.box.volume * system.units.pressure / it.compressibility
        spring = math.sqrt(energy / (system.n_atoms * system.units.boltzmann * t))
        way = MartynaTobiasKlein(None, tau * spring, coupling="flexible", stress=stress)
        integrator = VelocityVerlet(dt, Andersen(t, tau), way)
    system = copy(system)
    maxwell_boltzmann(system, t, seed)
    sim = Simulation(system, it.potential, integrator, seed=seed)
    sim.run(steps // 10)
    cells = []
    sim.every(20, lambda s: cells.append(s.cell.matrix))
    sim.run(steps)
    return six(np.array(cells), system.box.matrix)


def blocks(values) -> np.ndarray:
    return values[: len(values) // BLOCKS * BLOCKS].reshape(BLOCKS, -1, 6).mean(axis=1)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="of each run with a barostat")
    parser.add_argument("--only", choices=("argon", "silicon"))
    options = parser.parse_args()
    print(common.machine(), flush=True)
    rows = []
    for it in (Argon(), Silicon()):
        if options.only not in (None, it.name):
            continue
        known = elastic(it.potential, it.system, strain=0.001, max_force=1e-5, max_stress=1e-4)
        c = known.constants
        print(f"{it.name}: C11 {c[0, 0]:.2f}, C12 {c[0, 1]:.2f}, C44 {c[3, 3]:.2f} GPa at rest", flush=True)
        rows.append([it.name, "elastic constants say", *(f"{100 * e:+.3f}" for e in STRAIN), ""])
        for name, method in (("L-BFGS", LBFGS), ("FIRE", FIRE)):
            up, down = (at_rest(it, known.system, method, sign * c @ STRAIN) for sign in (1.0, -1.0))
            found = 0.5 * (up - down)
            rows.append([it.name, name, *(f"{100 * e:+.3f}" for e in found), ""])
            print(*rows[-1], sep=" | ", flush=True)
        for name in ("cell rescaling", "Martyna, Tobias, Klein"):
            up, down = (blocks(in_motion(it, known.system, name, sign * c @ STRAIN, options.steps, seed))
                        for seed, sign in ((1, 1.0), (2, -1.0)))  # fmt: skip
            found = 0.5 * (up.mean(axis=0) - down.mean(axis=0))
            error = 0.5 * np.sqrt((up.var(axis=0, ddof=1) + down.var(axis=0, ddof=1)) / BLOCKS)
            told = (f"{100 * e:+.3f} +- {100 * d:.3f}" for e, d in zip(found, error, strict=True))
            off = (found - STRAIN) / error
            rows.append([it.name, f"{name}, {it.temperature:g} K", *told, f"{math.sqrt(np.mean(off**2)):.1f}"])
            print(*rows[-1], sep=" | ", flush=True)
    print(common.table(["", "by", *(f"{name}, %" for name in NAMES), "apart, errors (root mean square)"], rows))


if __name__ == "__main__":
    main()
