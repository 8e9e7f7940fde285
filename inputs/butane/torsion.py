"""The torsion of n-butane: turn it, hold it with a spring, relax all the rest. For ASE and any of its calculators."""

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.singlepoint import SinglePointCalculator
from ase.geometry import get_dihedrals, get_dihedrals_derivatives
from ase.optimize import BFGS

TORSION = [0, 1, 2, 3]  # the carbons of ase.build.molecule("trans-butane"), along the chain
ANGLES = range(0, 181, 5)  # degrees: cis is 0, anti 180; the other half is its mirror image
STIFF = 500.0  # eV/rad^2: holds the angle within some 0.03 degrees of where it should be


class Sprung(Calculator):
    """Another calculator and a spring, k/2 (phi - centre)^2, on the torsion phi.

    centre : degrees, None: no spring; stiffness : k, eV/rad^2
    labels : {"energy": eV, "forces": eV/Angstrom [n, 3]} of the other calculator alone
    """

    implemented_properties = ("energy", "forces")

    def __init__(self, inner: Calculator, centre: float | None = None, stiffness: float = STIFF):
        super().__init__()
        self.inner, self.centre, self.stiffness, self.labels = inner, centre, stiffness, {}

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        bare = Atoms(atoms.symbols, atoms.positions, calculator=self.inner)
        forces, energy = bare.get_forces(), float(bare.get_potential_energy())
        self.labels = {"energy": energy, "forces": forces.copy()}
        if self.centre is not None:
            r = atoms.positions[TORSION]
            bonds = (r[1] - r[0])[None], (r[2] - r[1])[None], (r[3] - r[2])[None]
            off = np.radians((get_dihedrals(*bonds)[0] - self.centre + 180.0) % 360.0 - 180.0)
            energy += 0.5 * self.stiffness * off**2
            forces[TORSION] -= self.stiffness * off * np.radians(get_dihedrals_derivatives(*bonds)[0])
        self.results = {"energy": energy, "forces": forces}


def butane(angle: float) -> Atoms:
    """trans-butane, turned about its middle bond to this angle, nothing relaxed."""
    atoms = molecule("trans-butane")
    r = atoms.get_all_distances()
    half = [i for i in range(len(atoms)) if r[i, TORSION[1]] > r[i, TORSION[2]]]
    atoms.set_dihedral(*TORSION, angle, indices=half)
    return atoms


def angle_of(atoms: Atoms) -> float:
    """Its torsion, 0 to 180 degrees."""
    angle = atoms.get_dihedral(*TORSION)
    return float(min(angle, 360.0 - angle))


def relaxed(calculator: Calculator, angle: float) -> Atoms:
    """At its lowest energy for this torsion, with the labels of this calculator."""
    atoms = butane(angle)
    atoms.calc = Sprung(calculator, angle)
    if not BFGS(atoms, logfile=None).run(fmax=0.002, steps=1000):
        raise RuntimeError(f"butane did not relax at {angle} degrees")
    return labelled(atoms, atoms.calc.labels, tag="profile")


def labelled(atoms: Atoms, labels: dict, **info) -> Atoms:
    """A copy that carries its labels, as extended xyz wants them."""
    copy = Atoms(atoms.symbols, atoms.positions, info={**info, "torsion": round(angle_of(atoms), 3)})
    copy.calc = SinglePointCalculator(copy, **labels)
    return copy
