"""Structures of molybdenum that nobody computed, labelled by tight binding: what electrons tell a network.

    python inputs/molybdenum/teach.py ../shared/reference/datasets/Mo_mlearn_train.xyz \
        --dynamics results/molybdenum_one.h5 --hot results/molybdenum_hot.extxyz --few results/molybdenum_few.extxyz \
        --beside results/molybdenum_taught.extxyz --slabs results/molybdenum_slabs.extxyz

To what tight binding (tight_binding.py) and the labels of the first file differ by, 62 coefficients of local features
(features.py) are fitted. --hot: structures from dynamics, perfect and with a vacancy, at a tenth to twice the melting
point (inputs/distil.py; --dynamics is the potential that moves them), are labelled by both. Every ninth of them goes to
--few, too, and strained cells of --beside, as inputs/distil.py labelled them, to both. --slabs: slabs of all Miller
indices up to 3 (inputs/distil.py), relaxed by both and labelled, with coefficients of their own, fitted with more
weight on energies and a larger ridge: chosen by leaving each surface out. inputs/train_molybdenum_tight_binding.sh
trains networks on all these. --held tells errors of structures that are in no fit: of a third, as
benchmarks/leave_out.py writes thirds, without making any, by

    python inputs/molybdenum/teach.py results/leave_out/fold-0-train.xyz --held results/leave_out/fold-0-held.xyz

A structure of 54 atoms takes 0.6 s of one core: some ten minutes for 1,000. Needs ASE and SciPy.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from features import Features, features
from fit import ENERGY, RIDGE, rows
from tight_binding import Answer, evaluate

from mdcore import PythonPotential
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model

sys.path.append(str(Path(__file__).resolve().parents[1]))
from distil import Maker

SURFACE = 2.0  # weight of energies of surfaces over that of others
OF_HOT = {"energy": ENERGY, "ridge": RIDGE}  # of a fit: weight of energies, over that of forces; ridge of coefficients
OF_SLABS = {"energy": 200.0, "ridge": 1e-4}
HEAT = (0.1, 0.5, 0.9, 1.2, 1.5, 2.0, 2.0)  # of the melting point
MISSING = (0, 0, 1)  # atoms
FEW = 9
MOST = 25.0  # eV/Angstrom: with larger forces on them atoms are where nothing of all this is right

Told = list[tuple[Atoms, Answer, Features]]


def told(structures) -> Told:
    """What tight binding says of each, and features; without those of which it says nothing."""
    found = []
    for k, atoms in enumerate(structures):
        try:
            found.append((atoms, evaluate(atoms), features(atoms)))
        except np.linalg.LinAlgError:
            print(f"structure {k}: atoms are too near for tight binding, left out")
    return found


def group(atoms: Atoms) -> str:
    """What an mlearn set calls the kind of structure."""
    return str(atoms.info.get("group", "all"))


def differences(own: Told):
    """Per structure: energy (eV) and forces (eV/Angstrom) that its label has over tight binding."""
    for atoms, answer, _ in own:
        yield atoms.get_potential_energy() - answer.energy, atoms.get_forces() - answer.forces


def fitted(own: Told, energy: float, ridge: float) -> np.ndarray:
    """[62], eV: coefficients by least squares. `energy`, `ridge`: as OF_HOT."""
    left, local = [], []
    for (atoms, _, parts), (lacks, forces) in zip(own, differences(own), strict=True):
        weight = (SURFACE if group(atoms) == "Surface" else 1.0) * energy / ENERGY
        left.append(rows(atoms, weight * lacks, forces))
        local.append(rows(atoms, weight * parts.values, parts.forces))
    left, local = np.concatenate(left), np.concatenate(local)
    size = np.sqrt(np.mean(local**2, axis=0)) + 1e-12
    local /= size
    prior = ridge * len(local) * np.ones(len(size))
    prior[-1] = 0.0  # the number of atoms: a zero of energy, which may have any size
    return np.linalg.solve(local.T @ local + np.diag(prior), local.T @ left) / size


def errors(own: Told, coefficients: np.ndarray) -> str:
    """Root mean squares of each group: meV/atom, meV/Angstrom."""
    energies: dict[str, list] = {}
    forces: dict[str, list] = {}
    for (atoms, _, parts), (energy, force) in zip(own, differences(own), strict=True):
        for name in ("all", group(atoms)):
            energies.setdefault(name, []).append((energy - parts.values @ coefficients) / len(atoms))
            forces.setdefault(name, []).append((force - parts.forces @ coefficients).ravel())
    pairs = {name: [1e3 * np.sqrt(np.mean(np.square(e))) for e in (energies[name], np.concatenate(forces[name]))]
             for name in sorted(energies)}  # fmt: skip
    return ", ".join(f"{name} {e:.1f} meV/atom {f:.0f} meV/Angstrom" for name, (e, f) in pairs.items())


def labelled(own: Told, coefficients: np.ndarray, tag: str) -> list[Atoms]:
    found = []
    for atoms, answer, parts in own:
        atoms, forces = atoms.copy(), answer.forces + parts.forces @ coefficients
        stress = (answer.stress + parts.stress @ coefficients).ravel()[[0, 4, 8, 5, 2, 1]]
        energy = answer.energy + parts.values @ coefficients
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        atoms.info["tag"] = tag
        if np.abs(forces).max() < MOST:
            found.append(atoms)
    return found


def hot(dynamics: str, runs: int, seed: int) -> list[Atoms]:
    """From dynamics."""
    maker = Maker("Mo", potential_of(read_model(dynamics), extrapolation="ignore"), seed)
    starts = [(share, missing) for share in HEAT for missing in MISSING for _ in range(runs)]
    return [atoms for own in starts for atoms in maker.hot(*own)]


def slabs(coefficients: np.ndarray, runs: int, seed: int) -> list[Atoms]:
    """As cut, relaxed, and shaken after that."""

    def both(positions, cell):
        atoms = Atoms(f"Mo{len(positions)}", positions=positions, cell=cell, pbc=True)
        answer, parts = evaluate(atoms), features(atoms)
        energy, forces = answer.energy + parts.values @ coefficients, answer.forces + parts.forces @ coefficients
        return energy, forces, answer.stress + parts.stress @ coefficients

    maker = Maker("Mo", PythonPotential(both), seed)
    return [atoms for _ in range(runs) for atoms in maker.all_slabs()]


def keep(path: str, structures: list[Atoms]) -> None:
    write(path, structures, format="extxyz")
    print(f"{path}: {len(structures)} structures")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("train", help="labelled structures, to fit to")
    options.add_argument("--hot", metavar="FILE", help="where hot structures go")
    options.add_argument("--few", metavar="FILE", help="where every ninth of these goes")
    options.add_argument("--beside", metavar="FILE", help="by inputs/distil.py; strained ones join these")
    options.add_argument("--slabs", metavar="FILE", help="where slabs go")
    options.add_argument("--dynamics", help="the potential that moves hot ones")
    options.add_argument("--held", help="labelled structures, to tell errors of")
    options.add_argument("--runs", type=int, default=2, help="of dynamics, 126 structures each")
    options.add_argument("--slab-runs", type=int, default=2, help="78 slabs each")
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    if bool(options.hot) != bool(options.dynamics):
        raise SystemExit("teach.py: error: --hot and --dynamics: both, to make hot structures, or neither")
    if (options.few or options.beside) and not options.hot:
        raise SystemExit("teach.py: error: --few, --beside: with --hot only")
    own = told(read(options.train, ":"))
    held = told(read(options.held, ":")) if options.held else []
    of_hot, of_slabs = (fitted(own, **settings) for settings in (OF_HOT, OF_SLABS))
    for name, coefficients in (("hot structures", of_hot), ("slabs", of_slabs)):
        print(f"for {name}, fitted: {errors(own, coefficients)}")
        if held:
            print(f"for {name}, held back: {errors(held, coefficients)}")
    if options.hot:
        made = labelled(told(hot(options.dynamics, options.runs, options.seed)), of_hot, "hot")
        beside = read(options.beside, ":") if options.beside else []
        beside = [atoms for atoms in beside if atoms.info["tag"] == "strained"]
        keep(options.hot, made + beside)
        if options.few:
            keep(options.few, made[::FEW] + beside)
    if options.slabs:
        keep(options.slabs, labelled(told(slabs(of_slabs, options.slab_runs, options.seed)), of_slabs, "slab"))


if __name__ == "__main__":
    main()
