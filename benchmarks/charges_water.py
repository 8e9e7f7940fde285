"""SPC/E water beside LAMMPS, without what atoms of a molecule do to each other: what does a step cost, how wrong is it?

    python benchmarks/charges_water.py --lammps PYTHON       # as benchmarks/charges.py

Molecules on a lattice, turned at random; bonds say what is excluded and do nothing else. Errors of forces, root mean
squares relative to what forces are, next to our own sum over waves at 1e-8; microseconds a step and atom, processor
time of one core, in turn. LAMMPS has lj/cut/coul/long with pppm, whose accuracy is relative to the force of two unit
charges 1 Angstrom apart: compare rows of equal errors.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from charges import CONSTANT, TIMED
from common import alternate, machine, parser, relative, table, us_a_step

from mdcore import Box, Electrostatics, LennardJones, Simulation, Sum, System, VelocityVerlet, evaluate
from mdcore.structure.lammps_write import write_data

CHARGES = {"O": -0.8476, "H": 0.4238}  # H. J. C. Berendsen et al., J. Phys. Chem. 91, 6269 (1987)
SIGMA, EPSILON, APART = 3.166, 0.00674, 3.106  # Angstrom, eV; of molecules at 1 g/cm3
LAMMPS = """
import json, sys, time, lammps
data, oxygen, accuracy, cutoff, lj, steps = sys.argv[1:]
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''
units metal
atom_style full
pair_style lj/cut/coul/long {lj} {cutoff}
bond_style zero nocoeff
special_bonds lj/coul 0 0 1
read_data {data}
pair_coeff * * 0 1
pair_coeff {oxygen} {oxygen} 0.00674 3.166
bond_coeff *
kspace_style pppm {accuracy}
"""


def water(edge: int) -> System:
    """edge^3 molecules."""
    rng, n = np.random.default_rng(5), edge**3
    place = APART * (np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), -1).reshape(-1, 3) + 0.5)
    half = np.radians(109.47) / 2.0
    rigid = np.array([[0.0, 0, 0], [np.sin(half), np.cos(half), 0], [-np.sin(half), np.cos(half), 0]])
    turns = np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
    x = (place + rng.normal(scale=0.1, size=place.shape))[:, None] + rigid @ turns
    oxygen = 3 * np.arange(n)
    bonds = np.concatenate([np.column_stack([oxygen, oxygen + k, np.ones(n, dtype=int)]) for k in (1, 2)])
    names = ["O", "H", "H"] * n
    charges = [CHARGES[name] for name in names]
    system = System(Box.cubic(APART * edge), x.reshape(-1, 3), names, charges=charges)
    system.bonds = bonds
    return system


def potential(accuracy: float, lj: float, **options) -> Sum:
    charges = Electrostatics(CHARGES, accuracy=accuracy, constant=CONSTANT, **options)
    charges.exclude_bonded = 2
    pairs = LennardJones(lj, species={"O": (EPSILON, SIGMA), "H": (0.0, 1.0)}, truncation="cut")
    pairs.exclude_bonded = 2
    return Sum(charges, pairs)


def ours(system, steps: int, *how, **options) -> float:
    sim = Simulation(system, potential(*how, **options), VelocityVerlet(1e-4), skin=1.0)
    sim.run(1)
    return us_a_step(sim, steps)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--lammps", help="an interpreter that has lammps")
    options.add_argument("--edge", type=int, default=15, help="of its cube are so many molecules")
    options.add_argument("--lj", type=float, default=9.0, help="cutoff of Lennard-Jones, Angstrom")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-4, 1e-5])
    options.add_argument("--theirs", type=float, nargs="+", default=[1e-4, 1e-5, 1e-6], help="accuracies of LAMMPS")
    options.add_argument("--cutoffs", type=float, nargs="+", default=[9.0, 12.0], help="of charges in LAMMPS")
    options.add_argument("--steps", type=int, default=10)
    options.add_argument("--repeats", type=int, default=3)
    it = options.parse_args()
    print(machine(), flush=True)
    system, runs, errors = water(it.edge), {}, {}
    exact = evaluate(potential(1e-8, it.lj, cutoff=12.0, method="mesh"), system).forces
    for accuracy in it.accuracies:
        own = evaluate(potential(accuracy, it.lj), system).forces
        name = "mdcore", accuracy, ""
        errors[name] = relative(own, exact)
        runs[name] = lambda a=accuracy: ours(system, it.steps, a, it.lj)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "water.data"
        with open(data, "w") as stream:
            write_data(stream, system)
        oxygen = tuple(system.symbols).index("O") + 1
        library = str(Path(it.lammps).parent.parent / "lib") if it.lammps else ""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": library}

        def lammps(accuracy, cutoff, steps) -> dict:
            command = [it.lammps, "-c", LAMMPS + TIMED, *map(str, (data, oxygen, accuracy, cutoff, it.lj, steps))]
            told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            return json.loads(told.stdout)

        for accuracy in it.theirs if it.lammps else ():
            for cutoff in it.cutoffs:
                name = "LAMMPS, pppm", accuracy, f"{cutoff:g}"
                errors[name] = relative(np.reshape(lammps(accuracy, cutoff, 0)["forces"], (-1, 3)), exact)
                runs[name] = lambda a=accuracy, c=cutoff: lammps(a, c, it.steps)["us"]
        found = alternate(runs, it.repeats)
    rows = [(*name, f"{errors[name]:.2g}", f"{np.median(times):.2f}") for name, times in found.items()]
    print(f"{system.n_atoms:,} atoms")
    print(table(("program", "accuracy", "cutoff", "error", "us a step and atom"), rows))


if __name__ == "__main__":
    main()
