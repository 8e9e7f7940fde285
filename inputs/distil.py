"""Structures of a crystal that nobody computed, labelled by a mean of potentials: what slow teachers tell a student.

    python inputs/distil.py Mo results/molybdenum_taught.extxyz --dynamics results/molybdenum_one.h5 \
        --teachers potentials/molybdenum.h5 results/molybdenum_vectors.h5 results/molybdenum_one.h5

Structures: crystal, vacancy and melt from dynamics at a tenth to twice the melting point, crystals strained by up to
a tenth and shaken, and slabs of all Miller indices up to 3, with any termination, as cut, relaxed and shaken; all in
cells of some 60 atoms at most. --dynamics is the fast potential that moves them; energies, forces and stress are
weighted means of --teachers. No label of any reference method is used but those that the teachers were trained on.

A student is no better than its teachers where these have not been. They know a handful of surfaces, so labels of slabs
are guesses, 11 meV/atom off and more on surfaces that were held back. Molybdenum that learned slabs so had errors of 15
meV/atom about surfaces, and 4.2 once tight binding labelled them (inputs/molybdenum/teach.py). Silicon's slabs, which
silicon_density.h5 has learned, are still labelled by a network. Label slabs by what knows them: teachers that have seen
such (--slab-weights), or another method.
"""

import argparse
from math import gcd

import numpy as np
from ase import Atoms
from ase.build import bulk, surface
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.units import GPa

import mdcore
from mdcore import LBFGS, Langevin, Simulation, System, maxwell_boltzmann
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model

# crystal, lattice constant (Angstrom), cubes along each edge of a hot cell, melting point (K), time step (fs) when hot
CRYSTALS = {"Mo": ("bcc", 3.1676, 3, 2896.0, 2.0), "Si": ("diamond", 5.4687, 2, 1687.0, 1.0)}
HEAT = (0.1, 0.5, 0.9, 1.5, 2.0)  # of the melting point
SETTLE, APART, SNAPSHOTS, RUNS = 600.0, 80.0, 6, 2  # fs before the first and between structures; of each run; runs
STRAINED = 30
MILLER = 3
THICK, MOST = (8.0, 11.0), 60  # Angstrom; atoms of a slab
PROPERTIES = ("energy", "forces", "stress")


def shaken(atoms: Atoms, by: float, random: np.random.Generator) -> Atoms:
    atoms = atoms.copy()
    atoms.positions += random.normal(scale=by, size=atoms.positions.shape)
    return atoms


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


class Maker:
    """Makes structures of one element; `fast` moves them."""

    def __init__(self, element: str, fast, seed: int):
        self.kind, self.a, self.cubes, self.melting, self.timestep = CRYSTALS[element]
        self.cube, self.fast = bulk(element, self.kind, a=self.a, cubic=True), fast
        self.random = np.random.default_rng(seed)

    def hot(self, share: float, missing: int) -> list[Atoms]:
        """From dynamics at a share of the melting point, at the volume of the crystal give or take 6 %."""
        atoms, found = self.cube.repeat(self.cubes), []
        atoms = strained(atoms, np.eye(3) * self.random.uniform(-0.02, 0.02))
        del atoms[:missing]
        system = System.from_ase(atoms)
        maxwell_boltzmann(system, 2.0 * share * self.melting, seed=int(self.random.integers(1 << 30)))
        motion = Langevin(self.timestep, share * self.melting, friction=0.01)
        sim = Simulation(system, self.fast, motion, seed=int(self.random.integers(1 << 30)))
        sim.run(round(SETTLE / self.timestep))
        for _ in range(SNAPSHOTS):
            sim.run(round(APART / self.timestep))
            found.append(Atoms(atoms.numbers, sim.snapshot().positions, cell=atoms.cell, pbc=True))
        return found

    def deformed(self) -> Atoms:
        """A small cell, any strain; half of them with atoms at their places."""
        strain = self.random.uniform(-0.1, 0.1, size=(3, 3))
        strain *= self.random.random() * (np.eye(3) if self.random.random() < 0.5 else 1.0)
        atoms = strained(self.cube.repeat((2, 2, 2) if len(self.cube) == 2 else (1, 1, 2)), (strain + strain.T) / 2.0)
        return shaken(atoms, self.random.choice([0.0, 0.05, 0.1]), self.random)

    def slabs(self, indices, thick: float) -> list[Atoms]:
        """As cut, relaxed, and relaxed and shaken."""
        layer = surface(self.cube, indices, 1)
        height = self.cube.get_volume() / np.linalg.norm(np.cross(*layer.cell.array[:2]))
        layers = max(1, min(round(thick / height), MOST // len(self.cube)))
        slab = surface(self.cube, indices, layers + 1)
        up = slab.positions[:, 2] - slab.positions[:, 2].min() - self.random.random() * height  # any termination
        slab = slab[(up >= 0.0) & (up < layers * height)]
        slab.center(vacuum=6.0, axis=2)
        slab.pbc = True
        cut = shaken(slab, 0.01, self.random)
        relaxed = mdcore.relax(self.fast, cut, LBFGS(max_force=0.02), steps=40).system.to_ase()
        relaxed = Atoms(slab.numbers, relaxed.positions, cell=slab.cell, pbc=True)
        return [cut, relaxed, shaken(relaxed, 0.08, self.random)]

    def all_slabs(self) -> list[Atoms]:
        three = range(MILLER + 1)
        faces = [(h, k, m) for h in three for k in range(h + 1) for m in range(k + 1) if gcd(gcd(h, k), m) == 1]
        return [atoms for face in faces for thick in THICK for atoms in self.slabs(face, thick)]

    def all(self) -> dict[str, list[Atoms]]:
        hot = [(share, missing) for share in HEAT for missing in (0, 1) for _ in range(RUNS)]
        return {
            "hot": [atoms for own in hot for atoms in self.hot(*own)],
            "strained": [self.deformed() for _ in range(STRAINED)],
            "slab": self.all_slabs(),
        }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("element", choices=CRYSTALS)
    options.add_argument("output")
    options.add_argument("--dynamics", required=True, help="the potential that moves atoms")
    options.add_argument("--teachers", required=True, nargs="+", help="potentials whose mean labels")
    options.add_argument("--weights", type=float, nargs="+", help="of the teachers; alike, if not given")
    options.add_argument("--slab-weights", type=float, nargs="+", help="of the teachers for slabs; as --weights")
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    weights = np.array(options.weights or [1.0] * len(options.teachers))
    of_slabs = np.array(options.slab_weights or weights)
    if not len(weights) == len(of_slabs) == len(options.teachers):
        raise SystemExit("distil.py: error: --weights, --slab-weights: one for each of --teachers")
    weights, of_slabs = weights / weights.sum(), of_slabs / of_slabs.sum()
    fast = potential_of(read_model(options.dynamics), extrapolation="ignore")
    made = Maker(options.element, fast, options.seed).all()
    structures = [(name, atoms) for name, group in made.items() for atoms in group]
    answers = [mdcore.evaluate(path, [atoms for _, atoms in structures]) for path in options.teachers]
    for (name, atoms), *told in zip(structures, *answers, strict=True):
        shares = list(zip(of_slabs if name == "slab" else weights, told, strict=True))
        mean = [sum(w * getattr(answer, key) for w, answer in shares) for key in PROPERTIES]
        stress = GPa * mean[2].ravel()[[0, 4, 8, 5, 2, 1]]
        atoms.calc = SinglePointCalculator(atoms, energy=mean[0], forces=mean[1], stress=stress)
        atoms.info["tag"] = name
    write(options.output, [atoms for _, atoms in structures], format="extxyz")
    print({name: (len(own), sum(map(len, own))) for name, own in made.items()})


if __name__ == "__main__":
    main()
