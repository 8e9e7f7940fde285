"""Two methane molecules, 3 to 30 Angstrom apart, labelled with GFN1-xTB, whose dispersion is DFT-D3.

    pip install tblite ase
    OMP_NUM_THREADS=1 python inputs/dispersion/label.py    # a minute or two; writes beside itself

    methane.extxyz          turned at random, their atoms moved a little
    methane_profile.extxyz  pulled apart as they are, an edge of one before a face of the other

GFN1-xTB: S. Grimme, C. Bannwarth, P. Shushkov, J. Chem. Theory Comput. 13, 1989 (2017), as tblite has it. Its
dispersion is D3 with Becke-Johnson damping, s8 = 2.4, a1 = 0.63, a2 = 5 bohr, no triples: beyond a few Angstrom it is
nearly all that methane feels of methane.
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
SAMPLES = 1500
SPREADS = (0.005, 0.01, 0.02)  # Angstrom, how far atoms are moved, in turn
NEAR, FAR = 3.0, 30.0  # Angstrom: carbon to carbon
CLOSEST, PULLED = 1.8, 1.9  # Angstrom between atoms of both; of those that are pulled apart
BOND = 1.09


def calculator() -> TBLite:
    return TBLite(method="GFN1-xTB", verbosity=0, accuracy=0.01)


def labelled(atoms: Atoms) -> Atoms:
    own = Atoms(atoms.symbols, atoms.positions)
    own.calc = calculator()
    energy, forces = own.get_potential_energy(), own.get_forces()
    own.calc = SinglePointCalculator(own, energy=energy, forces=forces)
    return own


def methane() -> Atoms:
    corners = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]) / np.sqrt(3)
    atoms = Atoms("CH4", np.vstack([np.zeros(3), BOND * corners]), calculator=calculator())
    BFGS(atoms, logfile=None).run(fmax=0.001, steps=200)
    return Atoms(atoms.symbols, atoms.positions - atoms.positions[0])


def turned(x: np.ndarray, random) -> np.ndarray:
    """By any rotation."""
    q, r = np.linalg.qr(random.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return x @ (q * np.linalg.det(q))


def pair(one: np.ndarray, other: np.ndarray, far: float) -> Atoms:
    return Atoms("CH4CH4", np.vstack([one, other + np.array([0.0, 0.0, far])]))


def gap(atoms: Atoms) -> float:
    """Angstrom between the molecules."""
    return np.linalg.norm(atoms.positions[:5, None] - atoms.positions[5:], axis=-1).min()


def save(name: str, structures: list[Atoms]) -> None:
    write(HERE / name, structures, format="extxyz")
    print(f"{name}: {len(structures)} structures", file=sys.stderr, flush=True)


def main() -> None:
    print(f"tblite {version('tblite')}", file=sys.stderr)
    random, x = np.random.default_rng(4), methane().positions
    samples = []
    while len(samples) < SAMPLES:
        spread = SPREADS[len(samples) % 3]
        both = [turned(x, random) + random.normal(scale=spread, size=x.shape) for _ in range(2)]
        own = pair(*both, NEAR * (FAR / NEAR) ** random.uniform())
        if gap(own) > CLOSEST:
            samples.append(labelled(own))
    save("methane.extxyz", samples)
    apart = [pair(x, -x, far) for far in np.geomspace(NEAR, FAR, 41)]
    save("methane_profile.extxyz", [labelled(own) for own in apart if gap(own) > PULLED])


if __name__ == "__main__":
    main()
