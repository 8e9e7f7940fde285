"""Structures of a soft metal, labelled by perturbation theory (metal.py) or by density functional theory (espresso.py).

    pip install ase scipy
    python inputs/lithium/label.py         # a minute; writes train.extxyz and held.extxyz beside itself
    python inputs/lithium/label.py --dft   # 12 minutes, with pw.x; dft_train.extxyz and dft_held.extxyz

Structures of the kinds of the mlearn sets (Y. Zuo et al., J. Phys. Chem. A 124, 731 (2020)): the bcc crystal of 54
atoms and the same without one at 300 K, the melting point and twice that, crystals strained by up to a tenth, slabs.
Atoms are moved by a Morse potential at the volume of the crystal; no label is of it. `held.extxyz` has dynamics from
other starts, strains between those of train.extxyz, and other faces. With --dft there are fewer large cells, strained
ones have two atoms, and all are scaled to that crystal.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, surface
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from espresso import Espresso
from metal import A, Metal

from mdcore import Langevin, Morse, Simulation, System, maxwell_boltzmann

# that of sodium, L. A. Girifalco, V. G. Weizer, Phys. Rev. 114, 687 (1959), scaled to lengths and bulk modulus
MORSE = {"depth": 0.055, "alpha": 0.72, "r0": 4.38}
TIMESTEP, SETTLE, APART = 2.0, 1000, 75  # fs; steps before the first structure and between two
KELVIN = {"hot": (300, 450, 900), "vacancy": (300, 900)}
MANY = {"hot": (24, 7), "vacancy": (7, 3)}  # of each temperature: structures to train on and to hold back
FEW = {"hot": (7, 3), "vacancy": (3, 1)}
STRAINED = 40, 8
FACES = ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (3, 1, 0)), ((2, 2, 1), (3, 1, 1), (3, 2, 0), (3, 2, 1))
MODES = ("100000", "110000", "111000", "001000", "000001", "000111")  # xx yy zz yz xz xy


def dynamics(kelvin: float, missing: int, many: int, seed: int) -> list[Atoms]:
    atoms = bulk("Li", "bcc", a=A, cubic=True).repeat(3)
    del atoms[:missing]
    system = System.from_ase(atoms)
    maxwell_boltzmann(system, 2.0 * kelvin, seed=seed)
    potential = Morse(9.0, pairs={("Li", "Li"): MORSE})
    sim = Simulation(system, potential, Langevin(TIMESTEP, kelvin, friction=0.01), seed=seed)
    sim.run(SETTLE)
    found = []
    for _ in range(many):
        sim.run(APART)
        found.append(Atoms(atoms.numbers, sim.snapshot().positions, cell=atoms.cell, pbc=True))
    return found


def strained(many: int, repeat: int, random: np.random.Generator) -> list[Atoms]:
    found = []
    for k in range(many):
        xx, yy, zz, yz, xz, xy = random.uniform(-0.1, 0.1) * np.array([float(c) for c in MODES[k % len(MODES)]])
        atoms = bulk("Li", "bcc", a=A, cubic=True)
        strain = np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        found.append(atoms.repeat(repeat))
    return found


def slabs(faces, random: np.random.Generator) -> list[Atoms]:
    """Of each face one as cut, nearly, and one with shaken atoms; some 11 Angstrom thick, as much between them."""
    found, cube = [], bulk("Li", "bcc", a=A, cubic=True)
    for face in faces:
        layer = surface(cube, face, 1)
        height = cube.get_volume() / np.linalg.norm(np.cross(*layer.cell.array[:2]))
        slab = surface(cube, face, max(2, round(11.0 / height)))
        slab.center(vacuum=5.5, axis=2)
        for by in (0.02, 0.1):
            atoms = slab.copy()
            atoms.positions += random.normal(scale=by, size=atoms.positions.shape)
            atoms.pbc = True
            found.append(atoms)
    return found


def structures(part: int, many: dict, repeat: int) -> list[Atoms]:
    """Those to train on (0) or to hold back (1), tagged, shuffled."""
    random = np.random.default_rng(part)
    made = [("strained", atoms) for atoms in strained(STRAINED[part], repeat, random)]
    made += [("surface", atoms) for atoms in slabs(FACES[part], random)]
    for missing, (tag, runs) in enumerate(KELVIN.items()):
        for kelvin in runs:
            found = dynamics(kelvin, missing, many[tag][part], kelvin + part)
            made += [(f"{tag} {kelvin} K", atoms) for atoms in found]
    for tag, atoms in made:
        atoms.info["tag"] = tag
    return [made[k][1] for k in random.permutation(len(made))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--dft", action="store_true", help="labels by pw.x")
    dft = options.parse_args().dft
    here, oracle = Path(__file__).resolve().parent, Espresso() if dft else Metal()
    many, repeat = (FEW, 1) if dft else (MANY, 3)
    jobs = []
    for part, name in enumerate(("dft_train", "dft_held") if dft else ("train", "held")):
        made, path = structures(part, many, repeat), here / f"{name}.extxyz"
        path.unlink(missing_ok=True)
        jobs += [((k + 0.5) / len(made), path, atoms) for k, atoms in enumerate(made)]
    for _, path, atoms in sorted(jobs, key=lambda job: job[0]):  # both files grow together
        atoms.set_cell(oracle.lattice / A * atoms.cell.array, scale_atoms=True)
        energy, forces = oracle(atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        write(path, atoms, format="extxyz", append=True)


if __name__ == "__main__":
    main()
