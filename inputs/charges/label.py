"""Molecules whose charges change with what happens far away, labelled with GFN2-xTB.

    pip install tblite ase
    OMP_NUM_THREADS=1 python inputs/charges/label.py       # some minutes; writes beside itself

    carbon.extxyz   C10H2, a chain, and C10H3+, where a proton more sits on one end: the other end, 12 Angstrom away,
                    feels it. Relaxed, then moved at random
    salt.extxyz     Na9Cl8+, a rod of four squares and one ion more at its end, and Na8Cl8, without the ion at the other
                    end: moved at random, the last ion along the rod besides
    *_profile.extxyz  what local networks can't know: the bond of the far hydrogen stretched, the last ion of the rod
                    moved, with and without what is 11 Angstrom away; everything else stands still
    pairs.extxyz    see pairs.py

After T. W. Ko, J. A. Finkler, S. Goedecker, J. Behler, Nat. Commun. 12, 398 (2021), whose labels are of density functional
theory. GFN2-xTB: C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019), as tblite has it. Charges are
Mulliken's.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.optimize import BFGS
from tblite.ase import TBLite

HERE = Path(__file__).resolve().parent
SAMPLES = 320  # of each molecule
SPREADS = {"carbon": (0.01, 0.02, 0.03), "salt": (0.02, 0.05, 0.08)}  # Angstrom, how far atoms are moved, in turn
BOND, LATTICE = 1.29, 2.75  # Angstrom: of the chain, of the salt, before they relax


def labelled(atoms: Atoms, charge: int, tag: str) -> Atoms:
    """The structure with energy, forces and charges of GFN2-xTB."""
    own = Atoms(atoms.symbols, atoms.positions)
    own.calc = TBLite(method="GFN2-xTB", charge=charge, verbosity=0, accuracy=0.1)
    energy, forces, charges = own.get_potential_energy(), own.get_forces(), own.get_charges()
    own.arrays["charges"] = charges
    own.calc = SinglePointCalculator(own, energy=energy, forces=forces)
    own.info.update(total_charge=charge, tag=tag)
    return own


def relaxed(atoms: Atoms, charge: int) -> Atoms:
    atoms.calc = TBLite(method="GFN2-xTB", charge=charge, verbosity=0)
    BFGS(atoms, logfile=None).run(fmax=0.01, steps=500)
    return Atoms(atoms.symbols, atoms.positions)


def chain(protons: int) -> Atoms:
    """C10H2 along x; with a proton more, the end at x = 0 is CH2."""
    carbons = [(BOND * k, 0, 0) for k in range(10)]
    near = [(-1.07, 0, 0)] if not protons else [(-0.54, 0.93, 0), (-0.54, -0.93, 0)]
    return Atoms(f"C10H{2 + protons}", [*carbons, *near, (BOND * 9 + 1.07, 0, 0)])


def rod(last: bool = True) -> Atoms:
    """Four squares of Na2Cl2 along x, and an Na behind the fourth, which is the last atom; without the first Na or not."""
    sites = [(x, y, z) for x in range(4) for y in range(2) for z in range(2)]
    symbols = ["Na" if sum(site) % 2 == 0 else "Cl" for site in sites]
    end = next(site for site, symbol in zip(sites, symbols, strict=True) if site[0] == 3 and symbol == "Cl")
    rod = Atoms([*symbols, "Na"], LATTICE * np.array([*sites, (4, *end[1:])], dtype=float))
    if not last:
        del rod[[0]]
    return rod


def moved(atoms: Atoms, spread: float, random) -> Atoms:
    return Atoms(atoms.symbols, atoms.positions + random.normal(scale=spread, size=(len(atoms), 3)))


def along_x(atoms: Atoms, atom: int, far: float) -> Atoms:
    own = atoms.copy()
    own.positions[atom, 0] += far
    return own


def save(name: str, structures: list[Atoms]) -> None:
    write(HERE / name, structures, format="extxyz")
    print(f"{name}: {len(structures)} structures", file=sys.stderr, flush=True)


def main() -> None:
    print(f"tblite {version('tblite')}", file=sys.stderr)
    random = np.random.default_rng(1)
    chains = {"C10H2": (relaxed(chain(0), 0), 0), "C10H3+": (relaxed(chain(1), 1), 1)}
    whole = relaxed(rod(), 1)
    rods = {"Na9Cl8+": (whole, 1), "Na8Cl8": (whole[1:], 0)}  # what is left stands where it stood
    samples, profile = [], []
    for tag, (atoms, charge) in chains.items():
        for k in range(SAMPLES):
            samples.append(labelled(moved(atoms, SPREADS["carbon"][k % 3], random), charge, tag))
        profile += [labelled(along_x(atoms, -1, far), charge, tag) for far in np.linspace(-0.15, 0.25, 21)]
    save("carbon.extxyz", samples)
    save("carbon_profile.extxyz", profile)
    samples, profile = [], []
    for tag, (atoms, charge) in rods.items():
        for k in range(SAMPLES):
            own = along_x(atoms, -1, random.uniform(-0.4, 0.8))
            samples.append(labelled(moved(own, SPREADS["salt"][k % 3], random), charge, tag))
        profile += [labelled(along_x(atoms, -1, far), charge, tag) for far in np.linspace(-0.4, 0.8, 25)]
    save("salt.extxyz", samples)
    save("salt_profile.extxyz", profile)


if __name__ == "__main__":
    main()
