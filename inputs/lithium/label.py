"""Structures of a soft metal, labelled by perturbation theory (metal.py) or by density functional theory (espresso.py).

    pip install ase scipy
    python inputs/lithium/label.py         # a minute; writes train.extxyz and held.extxyz beside itself
    python inputs/lithium/label.py --dft   # 12 minutes, with pw.x; dft_train.extxyz and dft_held.extxyz
    python inputs/lithium/label.py --dft --metal aluminium   # 10 minutes; aluminium_train.extxyz, aluminium_held.extxyz

Structures of the kinds of the mlearn sets (Y. Zuo et al., J. Phys. Chem. A 124, 731 (2020)): the bcc crystal of 54
atoms and the same without one at 300 K, the melting point and twice that, crystals strained by up to a tenth, slabs.
Atoms are moved by a Morse potential at the volume of the crystal; no label is of it. `held.extxyz` has dynamics from
other starts, strains between those of train.extxyz, and other faces. With --dft there are fewer large cells, strained
ones have two atoms (aluminium: one), and all are scaled to that crystal; crystals.py has the numbers of each metal.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import surface
from ase.calculators.singlepoint import SinglePointCalculator
from ase.geometry import minkowski_reduce
from ase.io import write
from crystals import CRYSTALS, Crystal
from espresso import Espresso
from metal import Metal

from mdcore import Langevin, Morse, Simulation, System, maxwell_boltzmann

TIMESTEP, SETTLE, APART = 2.0, 1000, 75  # fs; steps before the first structure and between two
MANY = {"hot": (24, 7), "vacancy": (7, 3)}  # for perturbation theory
MODES = ("100000", "110000", "111000", "001000", "000001", "000111")  # xx yy zz yz xz xy


def dynamics(crystal: Crystal, kelvin: float, missing: int, many: int, seed: int) -> list[Atoms]:
    atoms = crystal.many()
    del atoms[:missing]
    system = System.from_ase(atoms)
    maxwell_boltzmann(system, 2.0 * kelvin, seed=seed)
    potential = Morse(9.0, pairs={(crystal.symbol, crystal.symbol): crystal.morse})
    sim = Simulation(system, potential, Langevin(TIMESTEP, kelvin, friction=0.01), seed=seed)
    sim.run(SETTLE)
    found = []
    for _ in range(many):
        sim.run(APART)
        found.append(Atoms(atoms.numbers, sim.snapshot().positions, cell=atoms.cell, pbc=True))
    return found


def strained(crystal: Crystal, many: int, repeat: int, random: np.random.Generator) -> list[Atoms]:
    found = []
    for k in range(many):
        xx, yy, zz, yz, xz, xy = random.uniform(-0.1, 0.1) * np.array([float(c) for c in MODES[k % len(MODES)]])
        atoms = crystal.unit()
        strain = np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        found.append(atoms.repeat(repeat))
    return found


def slabs(crystal: Crystal, faces, shaken, random: np.random.Generator) -> list[Atoms]:
    """Of each face one as cut, nearly, and others with shaken atoms; some 11 Angstrom thick, as much between them."""
    found, unit = [], crystal.unit()
    for face in faces:
        layer = surface(unit, crystal.indices(face), 1)
        height = unit.get_volume() / np.linalg.norm(np.cross(*layer.cell.array[:2]))
        slab = surface(unit, crystal.indices(face), max(2, round(11.0 / height)))
        if not crystal.cubic:  # else cells of slabs are narrow, and points of k too few across
            slab.set_cell(minkowski_reduce(slab.cell, pbc=[True, True, False])[0])
        slab.center(vacuum=5.5, axis=2)
        for by in shaken:
            atoms = slab.copy()
            atoms.positions += random.normal(scale=by, size=atoms.positions.shape)
            atoms.pbc = True
            found.append(atoms)
    return found


def structures(crystal: Crystal, part: int, many: dict, repeat: int) -> list[Atoms]:
    """Those to train on (0) or to hold back (1), tagged, shuffled."""
    random = np.random.default_rng(part)
    made = [("strained", atoms) for atoms in strained(crystal, crystal.strained[part], repeat, random)]
    made += [("surface", atoms) for atoms in slabs(crystal, crystal.faces[part], crystal.shaken[part], random)]
    for missing, (tag, runs) in enumerate(crystal.kelvin.items()):
        for kelvin in runs:
            found = dynamics(crystal, kelvin, missing, many[tag][part], kelvin + part)
            made += [(f"{tag} {kelvin} K", atoms) for atoms in found]
    for tag, atoms in made:
        atoms.info["tag"] = tag
    return [made[k][1] for k in random.permutation(len(made))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--dft", action="store_true", help="labels by pw.x")
    options.add_argument("--metal", choices=CRYSTALS, default="lithium", help="other metals: with --dft")
    asked = options.parse_args()
    if asked.metal != "lithium" and not asked.dft:
        options.error(f"--metal {asked.metal}: perturbation theory has lithium alone; say --dft")
    crystal = CRYSTALS[asked.metal]
    here, oracle = Path(__file__).resolve().parent, Espresso(crystal) if asked.dft else Metal()
    many, repeat = (crystal.few, 1) if asked.dft else (MANY, 3)
    begin = "" if not asked.dft else "dft_" if asked.metal == "lithium" else f"{asked.metal}_"
    jobs = []
    for part, name in enumerate(("train", "held")):
        made, path = structures(crystal, part, many, repeat), here / f"{begin}{name}.extxyz"
        path.unlink(missing_ok=True)
        jobs += [((k + 0.5) / len(made), path, atoms) for k, atoms in enumerate(made)]
    for _, path, atoms in sorted(jobs, key=lambda job: job[0]):  # both files grow together
        atoms.set_cell(oracle.lattice / crystal.lattice * atoms.cell.array, scale_atoms=True)
        energy, forces = oracle(atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        write(path, atoms, format="extxyz", append=True)


if __name__ == "__main__":
    main()
