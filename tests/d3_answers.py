"""What s-dftd3 says: molecules and crystals whose dispersion is compared with it, and the numbers that are kept.

    pip install dftd3==1.7.0
    python -m tests.d3_answers                # writes tests/d3.json

tests/test_d3.py reads that file, and asks dftd3 itself for more where it is there. Places were displaced at random, so
that no force vanishes by symmetry.
"""

import json
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS, SYMBOLS
from mdcore.base.units import BOHR, HARTREE

KEPT = Path(__file__).with_name("d3.json")
MOLECULES = ("H2O", "C6H6", "CH3CH2OH", "SO2", "C60", "PH3", "NaCl", "Si2H6", "HCOOH", "CH3Cl")  # of ase.build
PBE0 = {"bj": {"s8": 1.2177, "a1": 0.4145, "a2": 4.8593}, "zero": {"s8": 0.928, "sr6": 1.287}}
FULL = {"cutoff": 60.0, "triple_cutoff": 40.0, "cn_cutoff": 40.0, "width": 0.0}  # bohr
SHORT = {"cutoff": 40.0, "triple_cutoff": 15.0, "cn_cutoff": 30.0, "width": 0.0}  # triples of a crystal are many
SMOOTH = {"cutoff": 12.0, "triple_cutoff": 10.0, "cn_cutoff": 40.0, "width": 6.0}  # no width of numbers in s-dftd3
WORDS = {"sr6": "rs6", "sr8": "rs8"}


def structures() -> dict:
    """{name: ase.Atoms}: ten molecules, five crystals."""
    from ase.build import bulk, molecule

    found = {name: molecule(name) for name in MOLECULES}
    found["rock salt"] = bulk("NaCl", "rocksalt", a=5.6)
    found["diamond"] = bulk("C", "diamond", a=3.57)
    found["copper"] = bulk("Cu", "fcc", a=3.6)
    found["magnesia"] = bulk("MgO", "rocksalt", a=4.2, cubic=True)
    found["titanium"] = bulk("Ti", "hcp", a=2.95, c=4.68)
    for atoms in found.values():
        atoms.rattle(0.05, seed=3)
    return found


def answer(numbers, positions, matrix, damping: str, parameters: dict, s9=0.0, cutoff=60.0, triple_cutoff=40.0,
           cn_cutoff=40.0, width=0.0) -> tuple[float, np.ndarray, np.ndarray]:  # fmt: skip
    """Energy, forces [n, 3] and the sum of x (x) F [3, 3] of dftd3; eV and Angstrom, cutoffs in bohr. matrix : None for
    a molecule; parameters : numbers, or {"method": a functional}"""
    from dftd3.interface import DispersionModel, RationalDampingParam, ZeroDampingParam

    lattice, periodic = (None, None) if matrix is None else (np.asarray(matrix) / BOHR, np.array([True] * 3))
    model = DispersionModel(np.asarray(numbers), np.asarray(positions) / BOHR, lattice, periodic)
    model.set_realspace_cutoff(cutoff, triple_cutoff, cn_cutoff, width, width)
    kind = {"bj": RationalDampingParam, "zero": ZeroDampingParam}[damping]
    own = {WORDS.get(name, name): value for name, value in parameters.items()}
    found = model.get_dispersion(kind(**own) if "method" in own else kind(**own, s9=s9), True)
    energy, gradient, virial = float(found["energy"]), found["gradient"], found["virial"]
    return energy * HARTREE, -gradient * HARTREE / BOHR, -virial * HARTREE


def main() -> None:
    found, all_of = [], structures()
    for name, damping, s9, cutoffs in (
        ("CH3CH2OH", "bj", 1.0, FULL), ("SO2", "zero", 0.0, FULL), ("Si2H6", "zero", 1.0, FULL),
        ("C6H6", "bj", 1.0, SMOOTH), ("rock salt", "bj", 0.0, FULL), ("diamond", "zero", 1.0, SHORT),
        ("titanium", "bj", 1.0, SHORT),
    ):  # fmt: skip
        atoms = all_of[name]
        matrix = np.array(atoms.cell).tolist() if atoms.pbc.all() else None
        energy, forces, virial = answer(atoms.numbers, atoms.positions, matrix, damping, PBE0[damping], s9, **cutoffs)
        found.append({
            "name": name, "species": atoms.get_chemical_symbols(), "positions": atoms.positions.tolist(),
            "matrix": matrix, "damping": damping, "s9": s9, "cutoffs": cutoffs, "energy": energy,
            "forces": forces.tolist(), "virial": virial.tolist(),
        })  # fmt: skip
    dimers = {}
    for name in SYMBOLS[1:104]:  # a trimer, so that atoms have neighbours, with an atom of carbon beside
        z = ATOMIC_NUMBERS[name]
        dimers[name] = answer([z, z, 6], trimer(), None, "bj", PBE0["bj"])[0]
    text = {"program": "dftd3 1.7.0 (PyPI)", "made by": "python -m tests.d3_answers"}
    KEPT.write_text(json.dumps(text | {"answers": found, "elements": dimers}, indent=1) + "\n")


def trimer() -> np.ndarray:
    """Places of two atoms of an element and one of carbon, Angstrom."""
    return np.array([[0.0, 0.0, 0.0], [0.0, 0.3, 2.4], [2.1, 0.1, 1.0]])


if __name__ == "__main__":
    main()
