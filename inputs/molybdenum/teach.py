"""Structures of molybdenum that nobody computed, labelled by tight binding: what electrons tell a network.

    python inputs/molybdenum/teach.py ../shared/reference/datasets/Mo_mlearn_train.xyz \
        --output results/molybdenum_told.extxyz --dynamics results/molybdenum_one.h5 \
        --beside results/molybdenum_taught.extxyz
    mdcore train inputs/train_molybdenum_taught.toml --set data.2.file="$PWD/results/molybdenum_told.extxyz"

To what tight binding (tight_binding.py) and the labels of the first file differ by, 62 coefficients of local features
(features.py) are fitted. Then structures from dynamics, perfect and with a vacancy, at a tenth to twice the melting
point (inputs/distil.py; --dynamics is the potential that moves them) are labelled by both. Structures of --beside, as
inputs/distil.py writes them, are added as they are labelled, but for its hot ones. Both files are made by
inputs/train_molybdenum_taught.sh. --held tells errors of structures that are in no fit: of a third, as
benchmarks/leave_out.py writes thirds, without making any, by

    python inputs/molybdenum/teach.py results/leave_out/fold-0-train.xyz --held results/leave_out/fold-0-held.xyz

A structure of 54 atoms takes about a second of one core: some ten minutes. Needs ASE and SciPy.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from features import Features, features
from fit import RIDGE, rows
from tight_binding import Answer, evaluate

from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model

sys.path.append(str(Path(__file__).resolve().parents[1]))
from distil import Maker

SURFACE = 2.0  # weight of energies of surfaces over that of others
HEAT = (0.1, 0.5, 0.9, 1.2, 1.5, 2.0, 2.0)  # of the melting point
MISSING = (0, 0, 1)  # atoms
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


def fitted(own: Told) -> np.ndarray:
    """[62], eV: coefficients by least squares."""
    left, local = [], []
    for (atoms, _, parts), (energy, forces) in zip(own, differences(own), strict=True):
        weight = SURFACE if group(atoms) == "Surface" else 1.0
        left.append(rows(atoms, weight * energy, forces))
        local.append(rows(atoms, weight * parts.values, parts.forces))
    left, local = np.concatenate(left), np.concatenate(local)
    size = np.sqrt(np.mean(local**2, axis=0)) + 1e-12
    local /= size
    return np.linalg.solve(local.T @ local + RIDGE * len(local) * np.eye(len(size)), local.T @ left) / size


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


def labelled(own: Told, coefficients: np.ndarray) -> list[Atoms]:
    found = []
    for atoms, answer, parts in own:
        atoms, forces = atoms.copy(), answer.forces + parts.forces @ coefficients
        stress = (answer.stress + parts.stress @ coefficients).ravel()[[0, 4, 8, 5, 2, 1]]
        energy = answer.energy + parts.values @ coefficients
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        atoms.info["tag"] = "hot"
        if np.abs(forces).max() < MOST:
            found.append(atoms)
    return found


def hot(dynamics: str, runs: int, seed: int) -> list[Atoms]:
    """From dynamics."""
    maker = Maker("Mo", potential_of(read_model(dynamics), extrapolation="ignore"), seed)
    starts = [(share, missing) for share in HEAT for missing in MISSING for _ in range(runs)]
    return [atoms for own in starts for atoms in maker.hot(*own)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("train", help="labelled structures, to fit to")
    options.add_argument("--output", help="labelled structures; none are made without")
    options.add_argument("--dynamics", help="the potential that moves atoms")
    options.add_argument("--held", help="labelled structures, to tell errors of")
    options.add_argument("--beside", help="structures that have labels; the hot ones among them are not used")
    options.add_argument("--runs", type=int, default=2, help="of dynamics; 126 structures each")
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    if bool(options.output) != bool(options.dynamics):
        raise SystemExit("teach.py: error: --output and --dynamics: both, to make structures, or neither")
    own = told(read(options.train, ":"))
    coefficients = fitted(own)
    print("fitted:", errors(own, coefficients))
    if options.held:
        print("held back:", errors(told(read(options.held, ":")), coefficients))
    if not options.output:
        return
    made = labelled(told(hot(options.dynamics, options.runs, options.seed)), coefficients)
    print(f"{len(made)} structures labelled")
    beside = read(options.beside, ":") if options.beside else []
    write(options.output, made + [atoms for atoms in beside if atoms.info["tag"] != "hot"], format="extxyz")


if __name__ == "__main__":
    main()
