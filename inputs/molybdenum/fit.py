"""What does tight binding lack? Its corrections, by one Gauss-Newton step from the published model.

    python inputs/molybdenum/fit.py Mo_mlearn_train.xyz      # some minutes; writes corrections.json beside itself

54 numbers (all but a constant on levels of d, for which the number of atoms in features.py stands in, and the crystal
field of ss, sp, sd and pp pi) are fitted to energies and forces of 16 structures, none of which is ever held back in
docs/benchmarks.md, together with the coefficients of local features (features.py). These are not kept: teach.py fits
them to what is left. Slopes by the numbers are differences at one k point, in turn each of seven.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from ase.io import read
from features import features
from tight_binding import CORRECTIONS, NAMES, SHELLS, evaluate, no_corrections

STRUCTURES = (21, 27, 35, 42, 50, 57, 65, 71, 79, 86, 94, 101, 109, 115, 1, 7)  # from 0: hot; the last two: vacancies
UNITS = {"hopping": 0.5, "overlap": 0.05, "crystal_field": 0.2, "levels": 1.0, "screening": 1.0}  # as no_corrections()
FIELDS = ("pp_sigma", "pd_sigma", "pd_pi", "dd_sigma", "dd_pi", "dd_delta")  # that have a crystal field
STEP = 0.02  # of UNITS, for slopes
ENERGY = 30.0  # weight of an energy, eV/atom, over that of a force component, eV/Angstrom
LIKELY, NOISE = 0.05, 0.15  # of UNITS: corrections; of a row: what is left. Chosen by leaving each structure out
RIDGE = 1e-6  # of coefficients


def places() -> list[tuple[str, int, int]]:
    """Table, row and column of each number that is fitted."""
    every = [(name, *at) for name, table in no_corrections().items() for at in np.ndindex(table.shape)]
    return [
        (name, row, column) for name, row, column in every
        if not (name == "crystal_field" and NAMES[row] not in FIELDS) and (name, row, column) != ("levels", 2, 0)
    ]  # fmt: skip


def shifted(place, by: float) -> dict[str, np.ndarray]:
    name, row, column = place
    corrections = no_corrections()
    corrections[name][row, column] = by * UNITS[name]
    return corrections


def rows(atoms, energy, forces) -> np.ndarray:
    """[3 n + 1, ...]: energies [...] and forces [n, 3, ...], weighted."""
    forces = np.asarray(forces)
    return np.concatenate([ENERGY * np.array([energy]) / len(atoms), forces.reshape(3 * len(atoms), *forces.shape[2:])])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("train", help="labelled structures of Mo")
    options.add_argument("--output", type=Path, default=CORRECTIONS)
    options = options.parse_args()
    every = read(options.train, ":")
    left, slopes, local = [], [], []
    for k, number in enumerate(STRUCTURES):
        atoms = every[number]
        as_published = evaluate(atoms, no_corrections())
        energy, forces = atoms.get_potential_energy() - as_published.energy, atoms.get_forces() - as_published.forces
        left.append(rows(atoms, energy, forces))
        one = np.array([[int(bit) for bit in f"{k // 2 % 7 + 1:03b}"]]) / 2.0, np.ones(1)  # on the edge of the zone
        base, columns = evaluate(atoms, no_corrections(), one), []
        for place in places():
            here = evaluate(atoms, shifted(place, STEP), one)
            columns.append(rows(atoms, here.energy - base.energy, here.forces - base.forces) / STEP)
        slopes.append(np.stack(columns, axis=1))
        own = features(atoms)
        local.append(rows(atoms, own.values, own.forces))
        print(f"structure {number}: {len(atoms)} atoms, error {np.sqrt(np.mean(left[-1][1:] ** 2)):.3f} eV/Angstrom")
    left, slopes, local = (np.concatenate(parts) for parts in (left, slopes, local))
    many = slopes.shape[1]
    both = np.hstack([slopes, local / (np.sqrt(np.mean(local**2, axis=0)) + 1e-12)])
    prior = np.full(both.shape[1], RIDGE * len(left))
    prior[:many] = (NOISE / LIKELY) ** 2
    best = np.linalg.solve(both.T @ both + np.diag(prior), both.T @ left)
    print(f"{np.sqrt(np.mean((left - both @ best) ** 2)):.3f} eV/Angstrom remain, were all linear")
    corrections = no_corrections()
    for (name, row, column), value in zip(places(), best, strict=False):
        corrections[name][row, column] = round(value * UNITS[name], 6)
    named = {
        name: dict(zip(SHELLS if name == "levels" else NAMES, table.tolist(), strict=True))
        for name, table in corrections.items()
    }
    options.output.write_text(json.dumps(named, indent=1) + "\n")


if __name__ == "__main__":
    main()
