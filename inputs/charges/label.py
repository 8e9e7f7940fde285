"""Molecules whose charges change with what happens far away, labelled with GFN2-xTB.

    pip install tblite ase
    OMP_NUM_THREADS=1 python inputs/charges/label.py       # some minutes; writes beside itself

    carbon.extxyz   C10H2, a chain, and C10H3+, where a proton more sits on one end: the other end, 12 Angstrom away,
                    feels it. Relaxed, then moved at random
    salt.extxyz     Na9Cl8+, a rod of four squares and one ion more at its end, and Na8Cl8, without the ion at the other
                    end: moved at random, the last ion along the rod besides
    *_profile.extxyz  what local networks can't know: the bond of the far hydrogen stretched, the last ion of the rod
                    moved, with and without what is 11 Angstrom away; everything else stands still
    polar.extxyz, ions.extxyz   two HCN molecules; NH4+ and BF4-: 2.8 to 30 Angstrom apart, a third of them 2.8 to 5,
                    turned and moved a little
    polar_profile.extxyz, ions_profile.extxyz   the same pulled apart, as they are

After T. W. Ko, J. A. Finkler, S. Goedecker, J. Behler, Nat. Commun. 12, 398 (2021), whose labels are of density
functional theory. GFN2-xTB: C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019), as tblite has
it; of pairs with electrons at 50 K: at 300 K some change sides where ions are far apart. Charges are Mulliken's.
"""

import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.optimize import BFGS
from tblite.ase import TBLite

HERE = Path(__file__).resolve().parent
SAMPLES = 320  # of each molecule
PAIRS = 480  # of two molecules
TURN = 0.25  # rad, about each axis
STRANGE = 20.0  # eV/Angstrom: so large a force on a pair is of another state of the electrons
COLD = 50.0  # K, electrons
NEAR, FAR = 3.0, 30.0  # Angstrom: centres of two molecules along a profile
CLOSE = 5.0  # Angstrom: a third of the samples is nearer, where forces change most
BEYOND = 0.2, 0.3  # Angstrom: by how much centres, and atoms, of samples are nearer than along a profile
# Angstrom, how far atoms are moved, in turn
SPREADS = {"carbon": (0.01, 0.02, 0.03), "salt": (0.02, 0.05, 0.08), "pairs": (0.005, 0.01, 0.02)}
BOND, LATTICE = 1.29, 2.75  # Angstrom: of the chain, of the salt, before they relax


def labelled(atoms: Atoms, charge: int, tag: str, electrons: float = 300.0) -> Atoms:
    """The structure with energy, forces and charges of GFN2-xTB."""
    own = Atoms(atoms.symbols, atoms.positions)
    own.calc = TBLite(
        method="GFN2-xTB", charge=charge, verbosity=0, accuracy=0.1, electronic_temperature=electrons
    )
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


def rod() -> Atoms:
    """Four squares of Na2Cl2 along x, and an Na behind the fourth, which is the last atom."""
    sites = [(x, y, z) for x in range(4) for y in range(2) for z in range(2)]
    symbols = ["Na" if sum(site) % 2 == 0 else "Cl" for site in sites]
    end = next(site for site, symbol in zip(sites, symbols, strict=True) if site[0] == 3 and symbol == "Cl")
    return Atoms([*symbols, "Na"], LATTICE * np.array([*sites, (4, *end[1:])], dtype=float))


def around(center: str, others: str, bond: float) -> Atoms:
    """A tetrahedron."""
    corners = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]) / np.sqrt(3)
    return Atoms([center, *[others] * 4], np.concatenate([np.zeros((1, 3)), bond * corners]))


def apart(one: Atoms, other: Atoms, far: float, random=None, spread: float = 0.0) -> Atoms:
    """Two molecules along z, centres so far apart; turned a little at random, their atoms moved."""
    both = []
    for k, own in enumerate((one, other)):
        place = own.positions - own.positions.mean(axis=0)
        if random is not None:
            axis = random.normal(scale=TURN, size=3)
            angle = np.linalg.norm(axis)
            place = Atoms(own.symbols, place)
            place.rotate(np.degrees(angle), axis / angle, center=(0, 0, 0))
            place = place.positions + random.normal(scale=spread, size=place.positions.shape)
        both.append(Atoms(own.symbols, place + k * np.array([0.0, 0.0, far])))
    return both[0] + both[1]


def gap(atoms: Atoms, n: int) -> float:
    """Angstrom between the first n and the others."""
    return np.linalg.norm(atoms.positions[:n, None] - atoms.positions[n:], axis=-1).min()


def save_pairs(name: str, one: Atoms, other: Atoms, closest: float, random) -> None:
    samples, near = [], NEAR - BEYOND[0]
    while len(samples) < PAIRS:
        far = FAR if len(samples) % 3 else CLOSE
        spread = SPREADS["pairs"][len(samples) // 3 % 3]
        own = apart(one, other, near * (far / near) ** random.uniform(), random, spread)
        if gap(own, len(one)) < closest - BEYOND[1]:
            continue
        with suppress(CalculationFailed):  # where electrons do not settle
            found = labelled(own, 0, name, COLD)
            if np.abs(found.get_forces()).max() < STRANGE:
                samples.append(found)
    save(f"{name}.extxyz", samples)
    distances = [far for far in np.geomspace(NEAR, FAR, 41) if gap(apart(one, other, far), len(one)) > closest]
    save(f"{name}_profile.extxyz", [labelled(apart(one, other, far), 0, name, COLD) for far in distances])


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
        profile += [labelled(along_x(atoms, -1, far), charge, tag) for far in np.linspace(-0.07, 0.09, 17)]
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
    molecule = relaxed(Atoms("HCN", [(0, 0, -1.07), (0, 0, 0), (0, 0, 1.16)]), 0)
    save_pairs("polar", molecule, molecule, 2.3, np.random.default_rng(2))
    ions = relaxed(around("N", "H", 1.03), 1), relaxed(around("B", "F", 1.4), -1)
    save_pairs("ions", *ions, 1.9, np.random.default_rng(3))


if __name__ == "__main__":
    main()
