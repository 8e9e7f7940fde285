"""Water with protons that left their molecules: what tells a network of liquid water what an ion costs.

    pip install tblite ase
    OMP_NUM_THREADS=1 python inputs/water/label.py water_pbe0ts_train.xyz      # 19 minutes of two cores

writes protons.extxyz beside itself. Structures are liquid water of the training set in which protons were moved along
hydrogen bonds, to the next oxygen or one further, or away from their own; some oxygens were pushed together or apart
before. Energies and forces are those of the structure it was made from, by DFT, and differences of GFN2-xTB on top:

    E = E_DFT(before) + E_xTB(after) - E_xTB(before), and so forces, atom by atom

GFN2-xTB: C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019), as tblite has it.
"""

import sys
from importlib.metadata import version
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from tblite.ase import TBLite

BASES, VARIANTS = 16, 3  # structures of the training set, and what is made of each
EVENTS = 5  # at most so many moved protons (or pairs of them) in a structure of 64 molecules
APART = 5.0  # Angstrom, between the oxygens of different events
BOND, ANGLED = 3.0, 0.12  # Angstrom: longest O-O of a hydrogen bond, and by how much O-H-O may be longer
OXYGEN, HYDROGEN = 8, 1


def xtb(atoms: Atoms) -> tuple[float, np.ndarray]:
    """Energy (eV) and forces (eV/Angstrom, (n, 3)) of GFN2-xTB."""
    atoms = atoms.copy()
    atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
    return atoms.get_potential_energy(), atoms.get_forces()


class Liquid:
    """A structure of whole molecules: who owns which hydrogen, who donates it to whom."""

    def __init__(self, atoms: Atoms):
        self.atoms, self.distances = atoms, atoms.get_all_distances(mic=True)
        self.oxygens = np.flatnonzero(atoms.numbers == OXYGEN)
        self.hydrogens = np.flatnonzero(atoms.numbers == HYDROGEN)
        near = self.oxygens[np.argsort(self.distances[np.ix_(self.hydrogens, self.oxygens)], axis=1)[:, :2]]
        self.owner = dict(zip(self.hydrogens.tolist(), near[:, 0].tolist(), strict=True))
        self.bonds = {}  # from (donor, hydrogen) to acceptor
        for h, (donor, acceptor) in zip(self.hydrogens.tolist(), near.tolist(), strict=True):
            length = self.distances[donor, acceptor]
            if length < BOND and self.distances[h, donor] + self.distances[h, acceptor] - length < ANGLED:
                self.bonds[donor, h] = acceptor

    def chain(self, random: np.random.Generator, links: int) -> list[tuple[int, int, int]]:
        """Hydrogen bonds (donor, hydrogen, acceptor), each from the acceptor of the one before; [] if there is none."""
        found: list[tuple[int, int, int]] = []
        for _ in range(links):
            begins = [b for b in self.bonds if not found or b[0] == found[-1][2]]
            begins = [b for b in begins if self.bonds[b] not in {d for d, _, _ in found}]
            if not begins:
                return []
            donor, hydrogen = begins[random.integers(len(begins))]
            found.append((donor, hydrogen, self.bonds[donor, hydrogen]))
        return found

    def molecule(self, oxygen: int) -> list[int]:
        return [oxygen, *(h for h, o in self.owner.items() if o == oxygen)]


def move(liquid: Liquid, atoms: Atoms, links, random: np.random.Generator) -> None:
    """Move the proton of each bond; all but the last one arrive, the last one gets somewhere."""
    if len(links) == 1 and random.random() < 0.5:  # as in H5O2+, whose oxygens are 2.4 Angstrom apart; or too far
        donor, _, acceptor = links[0]
        way = atoms.get_distance(donor, acceptor, mic=True, vector=True)
        length = np.linalg.norm(way)
        shift = 0.5 * (random.uniform(2.4, 2.9) - length) * way / length
        atoms.positions[liquid.molecule(donor)] -= shift
        atoms.positions[liquid.molecule(acceptor)] += shift
    for n, (donor, hydrogen, acceptor) in enumerate(links, start=1):
        way = atoms.get_distance(donor, acceptor, mic=True, vector=True)
        length = np.linalg.norm(way)
        arrives = length - random.uniform(0.95, 1.1)
        reach = arrives if n < len(links) else random.uniform(1.1, length - 0.93)
        place = way / length * reach
        atoms.positions[hydrogen] = atoms.positions[donor] + place + random.normal(scale=0.06, size=3)


def stretch(liquid: Liquid, atoms: Atoms, hydrogen: int, random: np.random.Generator) -> None:
    """Pull a hydrogen away from its oxygen, wherever it goes."""
    way = atoms.get_distance(liquid.owner[hydrogen], hydrogen, mic=True, vector=True)
    length = np.linalg.norm(way)
    atoms.positions[hydrogen] += way / length * (random.uniform(1.1, 1.45) - length)


def variant(liquid: Liquid, random: np.random.Generator) -> Atoms:
    """The structure after some events far from each other."""
    atoms, taken = liquid.atoms.copy(), []
    for _ in range(40 * EVENTS):
        if len(taken) == EVENTS:
            break
        kind = random.choice(["one", "two", "away"], p=[0.6, 0.25, 0.15])
        if kind == "away":
            free = [h for h in liquid.hydrogens.tolist() if (liquid.owner[h], h) not in liquid.bonds]
            hydrogen = free[random.integers(len(free))]
            members = [liquid.owner[hydrogen]]
        else:
            links = liquid.chain(random, 2 if kind == "two" else 1)
            if not links:
                continue
            members = sorted({o for donor, _, acceptor in links for o in (donor, acceptor)})
        if any(liquid.distances[np.ix_(members, others)].min() < APART for others in taken):
            continue
        taken.append(members)
        if kind == "away":
            stretch(liquid, atoms, hydrogen, random)
        else:
            move(liquid, atoms, links, random)
    return atoms


def labelled(task: tuple[Atoms, int]) -> list[Atoms]:
    """Variants of a structure of the training set, with labels."""
    before, seed = task
    energy, forces = before.get_potential_energy(), before.get_forces()
    energy_before, forces_before = xtb(before)
    liquid, random, made = Liquid(before), np.random.default_rng(seed), []
    for _ in range(VARIANTS):
        after = variant(liquid, random)
        energy_after, forces_after = xtb(after)
        made.append(Atoms(after.numbers, after.positions, cell=after.cell, pbc=after.pbc))
        made[-1].calc = SinglePointCalculator(
            made[-1], energy=energy + energy_after - energy_before, forces=forces + forces_after - forces_before
        )
    print(f"structure {seed}: {(energy_after - energy_before):.2f} eV", file=sys.stderr, flush=True)
    return made


def main() -> None:
    print(f"tblite {version('tblite')}", file=sys.stderr)
    known = read(sys.argv[1], index=":")
    numbers = np.linspace(0, len(known) - 1, BASES).astype(int).tolist()
    with Pool(2) as pool:
        groups = pool.map(labelled, [(known[k], k) for k in numbers], chunksize=1)
    write(Path(__file__).with_name("protons.extxyz"), [s for group in groups for s in group], format="extxyz")


if __name__ == "__main__":
    main()
