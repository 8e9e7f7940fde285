"""How many evaluations of forces does a relaxation take? Ours, ASE's optimisers, LAMMPS's min_style.

    python benchmarks/relaxations.py --lmp lammps/bin/lmp

Eleven structures, five of them with the cell. All end at the same: no force above --force (water: ten times that), and
no component of the stress above --stress. ASE's optimisers use mdcore's calculator, and FrechetCellFilter for cells,
and are stopped at the same place. LAMMPS runs Lennard-Jones (lj/smooth/linear is truncation = "force-shifted") with the
cell fixed. Energies are compared: another minimum is marked with a star.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from ase.build import bulk, fcc111
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE as ASEFire
from ase.optimize import FIRE2, BFGSLineSearch
from ase.optimize import LBFGS as ASELBFGS
from common import add_lammps, machine, parser, table

from mdcore import FIRE, LBFGS, LennardJones, System, relax
from mdcore.ase import MDCore
from mdcore.base.units import GIGAPASCAL

ROOT = Path(__file__).resolve().parent.parent
ARGON = {"cutoff": 8.5, "epsilon": 0.01034, "sigma": 3.4, "truncation": "force-shifted"}
ASE = {"ASE LBFGS": ASELBFGS, "ASE BFGSLineSearch": BFGSLineSearch, "ASE FIRE2": FIRE2, "ASE FIRE": ASEFire}
MOST = 1000
WATER, ROUGHER = "water, 64 molecules", 10.0  # its hydrogen bonds are soft, its O-H bonds stiff
INPUT = """units metal
atom_style atomic
atom_modify map array
boundary {boundary}
read_data structure.data
pair_style lj/smooth/linear 8.5
pair_coeff 1 1 0.01034 3.4
mass 1 39.948
min_style {style}
min_modify norm max
minimize 0.0 {force} 10000 10000
variable e equal pe
print "energy ${{e}}"
"""


def shaken(atoms, shake: float, skew: float = 0.0, holes=0, seed=1):
    """Atoms displaced, cell strained, the first ones left out."""
    rng = np.random.default_rng(seed)
    atoms.set_cell(atoms.cell @ (np.eye(3) + skew * rng.uniform(-1.0, 1.0, (3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(0.0, shake, atoms.positions.shape)
    return atoms[holes:]


def cluster():
    atoms = bulk("Ar", "fcc", a=5.25, cubic=True) * (4, 4, 4)
    nearest = np.argsort(np.linalg.norm(atoms.positions - atoms.positions.mean(axis=0), axis=1), kind="stable")
    atoms = atoms[nearest[:38]]
    atoms.set_cell(np.eye(3) * 50.0)
    atoms.center()
    atoms.pbc = False
    return shaken(atoms, 0.2)


def surface():
    atoms = fcc111("Ar", (4, 4, 5), a=5.25, vacuum=12.0)
    atoms.pbc = True
    return shaken(atoms, 0.15)


def cases() -> dict:
    """{name: (atoms, potential, does the cell move)}"""
    argon, silicon = LennardJones(**ARGON), str(ROOT / "potentials/silicon.h5")
    molybdenum, water = str(ROOT / "potentials/molybdenum.h5"), str(ROOT / "potentials/water_PBE0-TS.h5")
    liquid = System.read(ROOT / "inputs/water.extxyz", masses={"H": 1.00794, "O": 15.9994}, labels=False).to_ase()
    return {
        "Ar, cluster of 38": (cluster(), argon, False),
        "Ar, crystal, shaken": (shaken(bulk("Ar", "fcc", a=5.25, cubic=True) * 4, 0.2), argon, False),
        "Ar, vacancy": (shaken(bulk("Ar", "fcc", a=5.25, cubic=True) * 4, 0.1, holes=1), argon, False),
        "Ar, surface (111)": (surface(), argon, False),
        "Ar, crystal, sheared": (shaken(bulk("Ar", "fcc", a=5.4, cubic=True) * 4, 0.1, 0.04), argon, True),
        "Si, vacancy": (shaken(bulk("Si", "diamond", a=5.47, cubic=True) * 2, 0.05, holes=1), silicon, False),
        "Si, crystal, sheared": (shaken(bulk("Si", "diamond", a=5.6, cubic=True) * 2, 0.05, 0.03), silicon, True),
        "Si, vacancy, again": (shaken(bulk("Si", "diamond", a=5.47, cubic=True) * 2, 0.05, holes=1), silicon, True),
        "Mo, crystal, sheared": (shaken(bulk("Mo", "bcc", a=3.2, cubic=True) * 3, 0.05, 0.03), molybdenum, True),
        "Mo, vacancy": (shaken(bulk("Mo", "bcc", a=3.17, cubic=True) * 3, 0.03, holes=1), molybdenum, True),
        WATER: (liquid, water, False),
    }


def ours(method, atoms, potential, moves, args):
    """(calls or None, energy)"""
    minimiser = method(args.force, args.stress, cell="flexible" if moves else "fixed")
    found = relax(potential, atoms, minimiser, MOST)
    return found.calls if found.converged else None, found.energy


class Counted(MDCore):
    """A calculator that counts."""

    calls = 0

    def calculate(self, *arguments, **more):
        self.calls += 1
        super().calculate(*arguments, **more)


def ases(optimiser, atoms, potential, moves, args):
    """(calls or None, energy)"""
    atoms = atoms.copy()
    atoms.calc = Counted(potential)
    steps = optimiser(FrechetCellFilter(atoms) if moves else atoms, logfile=None).irun(fmax=1e-12, steps=MOST)
    done = False
    for _ in steps:
        done = np.linalg.norm(atoms.get_forces(), axis=1).max() <= args.force
        if moves and done:
            done = np.abs(atoms.get_stress()).max() <= args.stress * GIGAPASCAL
        if done:
            break
    return atoms.calc.calls if done else None, atoms.get_potential_energy()


def lammpses(style, atoms, args):
    """(calls or None, energy)"""
    with tempfile.TemporaryDirectory() as folder:
        boundary = "p p p" if atoms.pbc.all() else "s s s"
        atoms.write(f"{folder}/structure.data", format="lammps-data")
        Path(folder, "in.min").write_text(INPUT.format(style=style, force=args.force, boundary=boundary))
        command = [args.lmp, "-in", "in.min", "-log", "none"]
        text = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    numbers = next(line for line in text.splitlines() if "Iterations, force evaluations" in line).split("=")[1].split()
    return int(numbers[1]), float(text.split("\nenergy ")[1].split()[0])


def main():
    p = parser(__doc__)
    p.add_argument("--force", type=float, default=0.001, help="eV/Angstrom")
    p.add_argument("--stress", type=float, default=0.01, help="GPa")
    p.add_argument("--only", default="", help="structures with this in their names")
    add_lammps(p)
    args = p.parse_args()
    names = ["L-BFGS", "FIRE", *ASE, "LAMMPS cg", "LAMMPS fire"]
    rows, force = [], args.force
    for name, (atoms, potential, moves) in cases().items():
        if args.only not in name:
            continue
        args.force = force * (ROUGHER if name == WATER else 1.0)
        found = [ours(method, atoms, potential, moves, args) for method in (LBFGS, FIRE)]
        found += [ases(optimiser, atoms, potential, moves, args) for optimiser in ASE.values()]
        runs = "Ar" in name and not moves
        found += [lammpses(style, atoms, args) if runs else ("", found[0][1]) for style in ("cg", "fire")]
        same = [abs(energy - found[0][1]) < 5e-3 for _, energy in found]
        words = [f"> {MOST}" if calls is None else str(calls) for calls, _ in found]
        marked = [word + "*" * (not known) for word, known in zip(words, same, strict=True)]
        rows.append([name + (" (cell)" if moves else ""), *marked])
        print(rows[-1], flush=True)
    print(machine(), "\n")
    print(table(["evaluations of forces", *names], rows))


if __name__ == "__main__":
    main()
