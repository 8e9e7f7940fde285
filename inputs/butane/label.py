"""Structures of n-butane at every torsion, labelled with GFN2-xTB: what the butane network is trained on.

    pip install tblite ase
    OMP_NUM_THREADS=1 python inputs/butane/label.py        # ten minutes; writes beside itself

    train.extxyz    dynamics with a spring on the torsion, in windows 15 degrees apart, at 300, 600 and 1000 K: the
                    barriers are seen as often as the wells. Labels are GFN2-xTB's own; the spring is not in them
    test.extxyz     free dynamics at 300 and 600 K, begun in the anti and in a gauche well: what a user would run
    profile.extxyz  the torsion from cis to anti in steps of 5 degrees, everything else relaxed

GFN2-xTB: C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019), as tblite has it.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import write
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from tblite.ase import TBLite
from torsion import ANGLES, Sprung, butane, labelled, relaxed

STEP, FRICTION = 1.0, 0.01  # fs, 1/fs
SOFT = 5.0  # eV/rad^2, a spread of 4 degrees at 300 K: neighbouring windows overlap
WINDOWS = range(0, 360, 15)  # degrees
SETTLE, EVERY = 200, 30  # steps before the first sample, and from one sample to the next


def dynamics(start: float, centre: float | None, temperature: float, samples: int, seed: int) -> list[Atoms]:
    """Langevin dynamics from butane at the angle `start`, with a spring at `centre`."""
    random, atoms = np.random.RandomState(seed), butane(start)
    atoms.calc = Sprung(TBLite(method="GFN2-xTB", verbosity=0), centre, SOFT)
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=random)
    friction = FRICTION / units.fs
    run = Langevin(atoms, STEP * units.fs, temperature_K=temperature, friction=friction, fixcm=False, rng=random)
    run.run(SETTLE)
    found = []
    for _ in range(samples):
        run.run(EVERY)
        atoms.get_forces()
        found.append(labelled(atoms, atoms.calc.labels, tag=f"{temperature}K"))
    return found


def main() -> None:
    here = Path(__file__).resolve().parent

    def save(name: str, structures: list[Atoms]) -> None:
        write(here / name, structures, format="extxyz")
        print(f"{name}: {len(structures)} structures", file=sys.stderr, flush=True)

    print(f"tblite {version('tblite')}, ase {version('ase')}", file=sys.stderr)
    reference = TBLite(method="GFN2-xTB", verbosity=0)
    save("profile.extxyz", [relaxed(reference, angle) for angle in ANGLES])
    temperatures = 300, 600, 1000
    save("train.extxyz", [s for t in temperatures for w in WINDOWS for s in dynamics(w, w, t, 20, 1000 * t + w)])
    starts = 180, 65
    save("test.extxyz", [s for t in (300, 600) for w in starts for s in dynamics(w, None, t, 200, 1000 * t + w + 500)])


if __name__ == "__main__":
    main()
