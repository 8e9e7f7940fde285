"""Flexible water in dynamics beside LAMMPS, at equal errors of forces: what does a step cost, is energy kept?

    python benchmarks/water_dynamics.py --lammps PYTHON        # as benchmarks/charges.py

SPC/Fw (Y. Wu, H. L. Tepper, G. A. Voth, J. Chem. Phys. 124, 024503 (2006)), but for the angle, which a spring between
the hydrogens keeps, as stiff as theirs; joined pairs feel springs alone. Equilibrated by ours at 300 K, then both take
the same atoms and velocities through the same steps of NVE, lists made anew as they are due, processor time of one
core, in turn; ours at a temperature, and at a pressure with a cell that changes every ten steps and every step, too.
Errors of forces, root mean squares relative to what they are without springs, next to our own at 1e-8.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from charges import CONSTANT
from charges_water import water
from common import alternate, machine, parser, relative, table

from mdcore import (
    CellRescaling,
    Electrostatics,
    Langevin,
    LennardJones,
    Simulation,
    Sum,
    System,
    VelocityRescaling,
    VelocityVerlet,
    evaluate,
)
from mdcore.potentials.bonds import Bonds
from mdcore.structure.lammps_write import write_data

KCAL = 0.0433641042  # eV, a mole's
CHARGES = {"O": -0.82, "H": 0.41}
SIGMA, EPSILON = 3.165492, 0.1554253 * KCAL
BOND, LENGTH, ANGLE, BEND = 1059.162 * KCAL, 1.012, np.radians(113.24), 75.90 * KCAL
# what the angle's spring is to small changes of the distance of the hydrogens, d = 2 r sin(angle / 2)
APART, SPRING = 2.0 * LENGTH * np.sin(ANGLE / 2.0), BEND / (LENGTH * np.cos(ANGLE / 2.0)) ** 2
ENSEMBLES = {"NVE": None, "NVT": 0, "NPT": 10, "NPT, every step": 1}  # steps between two changes of the cell


def parts_of(every: int | None) -> list:
    """Thermostat and barostat."""
    bath = [] if every is None else [VelocityRescaling(300.0, 100.0)]
    return [*bath, CellRescaling(1e-4, 1000.0, 0.45, every)] if every else bath  # GPa, fs


LAMMPS = """
import json, sys, time, lammps
data, oxygen, accuracy, cutoff, lj, timestep, steps, pair, springs = sys.argv[1:]
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''
units metal
atom_style full
pair_style lj/cut/coul/long {lj} {cutoff}
bond_style harmonic
special_bonds lj/coul 0 0 1
read_data {data}
pair_coeff * * 0 1
pair_coeff {oxygen} {oxygen} {pair}
kspace_style pppm {accuracy}
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
timestep {timestep}
fix 1 all nve
''')
for k, spring in enumerate(springs.split(";"), start=1):
    l.command(f"bond_coeff {k} {spring}")
l.command("run 0")
n, start = l.get_natoms(), l.get_thermo("etotal")
forces = list(l.gather_atoms("f", 1, 3))
begin = time.process_time()
l.command(f"run {steps}")
us = 1e6 * (time.process_time() - begin) / max(int(steps), 1) / n
print(json.dumps({"forces": [] if int(steps) else forces, "us": us, "drift": (l.get_thermo("etotal") - start) / n}))
"""


def potential(accuracy: float, lj: float, springs: bool = True) -> Sum:
    charges = Electrostatics(CHARGES, accuracy=accuracy, constant=CONSTANT)
    charges.exclude_bonded = 1
    pairs = LennardJones(lj, species={"O": (EPSILON, SIGMA), "H": (0.0, 1.0)}, truncation="cut")
    pairs.exclude_bonded = 1
    bonds = Bonds({1: {"k": BOND, "r0": LENGTH}, 2: {"k": SPRING, "r0": APART}})
    return Sum(charges, pairs, bonds) if springs else Sum(charges, pairs)


def liquid(edge: int, lj: float, steps: int) -> System:
    """edge^3 molecules of a liquid at 300 K."""
    system = water(edge)
    hydrogens = 3 * np.arange(edge**3)[:, None] + np.array([1, 2])
    system.bonds = np.concatenate([system.bonds, np.column_stack([hydrogens, np.full(edge**3, 2)])])
    sim = Simulation(system, potential(1e-3, lj), Langevin(0.25, 300.0, 0.05), seed=1, skin=1.0)
    sim.run(steps)
    sim.run(steps, Langevin(0.5, 300.0, 0.02))
    found, names = sim.snapshot(), [system.symbols[k] for k in system.species]
    charges = [CHARGES[name] for name in names]
    system = System(found.box, found.positions, names, charges=charges, velocities=found.velocities)
    system.bonds = found.bonds
    return system


def ours(system, accuracy: float, lj: float, timestep: float, steps: int, every: int | None) -> dict:
    integrator = VelocityVerlet(timestep, *parts_of(every))
    sim = Simulation(system, potential(accuracy, lj), integrator, seed=2, skin=1.0)
    start, begin = sim.thermo().total, time.process_time()
    sim.run(steps)
    us = 1e6 * (time.process_time() - begin) / steps / system.n_atoms
    return {"us": us, "drift": (sim.thermo().total - start) / system.n_atoms}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--lammps", help="an interpreter that has lammps")
    options.add_argument("--edge", type=int, default=15, help="of its cube are so many molecules")
    options.add_argument("--lj", type=float, default=9.0, help="cutoff of Lennard-Jones, Angstrom")
    options.add_argument("--accuracies", type=float, nargs="+", default=[1e-3, 1e-4])
    options.add_argument("--theirs", type=float, nargs="+", default=[1e-5, 1e-6], help="accuracies of LAMMPS")
    options.add_argument("--cutoff", type=float, default=9.0, help="of charges in LAMMPS")
    options.add_argument("--timestep", type=float, default=0.5, help="fs")
    options.add_argument("--relax", type=int, default=1000, help="steps, twice")
    options.add_argument("--steps", type=int, default=100)
    options.add_argument("--repeats", type=int, default=3)
    it = options.parse_args()
    print(machine(), flush=True)
    system, runs, errors = liquid(it.edge, it.lj, it.relax), {}, {}
    exact = evaluate(potential(1e-8, it.lj, springs=False), system).forces
    whole = evaluate(potential(1e-8, it.lj), system).forces
    for accuracy in it.accuracies:
        errors["mdcore", accuracy] = relative(evaluate(potential(accuracy, it.lj, springs=False), system).forces, exact)
        for ensemble, every in ENSEMBLES.items():
            if ensemble == "NVE" or accuracy == it.accuracies[-1]:
                name = "mdcore", ensemble, accuracy
                runs[name] = lambda a=accuracy, e=every: ours(system, a, it.lj, it.timestep, it.steps, e)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "water.data"
        with open(data, "w") as stream:
            write_data(stream, system)
        oxygen = tuple(system.symbols).index("O") + 1
        springs = ";".join(f"{0.5 * k!r} {r0!r}" for k, r0 in ((BOND, LENGTH), (float(SPRING), float(APART))))
        library = str(Path(it.lammps).parent.parent / "lib") if it.lammps else ""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": library}

        def lammps(accuracy, steps) -> dict:
            own = data, oxygen, accuracy, it.cutoff, it.lj, 1e-3 * it.timestep, steps, f"{EPSILON!r} {SIGMA!r}", springs
            command = [it.lammps, "-c", LAMMPS, *map(str, own)]
            told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            return json.loads(told.stdout)

        for accuracy in it.theirs if it.lammps else ():
            name = "LAMMPS, pppm", "NVE", accuracy
            off = np.reshape(lammps(accuracy, 0)["forces"], (-1, 3)) - whole
            errors[name[0], accuracy] = float(np.sqrt((off**2).mean() / (exact**2).mean()))
            runs[name] = lambda a=accuracy: lammps(a, it.steps)
        found = alternate(runs, it.repeats)
    rows = []
    for name, own in found.items():
        us, drift = (np.median([one[key] for one in own]) for key in ("us", "drift"))
        won = f"{1e6 * drift:.2f}" if name[1] == "NVE" else ""
        rows.append((*name, f"{errors[name[0], name[2]]:.2g}", f"{us:.2f}", won))
    print(f"{system.n_atoms:,} atoms, {it.steps} steps of {it.timestep:g} fs")
    print(table(("program", "ensemble", "accuracy", "error", "us a step and atom", "energy won, ueV an atom"), rows))


if __name__ == "__main__":
    main()
