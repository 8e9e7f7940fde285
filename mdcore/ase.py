"""Potentials of mdcore as a calculator of ASE: its optimisers, filters, dynamics and everything built on them.

    from mdcore.ase import MDCore

    atoms.calc = MDCore("potentials/water")
    BFGS(FrechetCellFilter(atoms)).run(fmax=0.01)

ASE's conventions: eV, Angstrom, stress in eV/Angstrom^3 as xx, yy, zz, yz, xz, xy, negative when compressed.
"""

from threading import RLock

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.base.voigt import PAIRS
from mdcore.dynamics.simulation import SKIN
from mdcore.engine.evaluation import open_potential, take
from mdcore.engine.single import Engine
from mdcore.structure.columns import CHARGES
from mdcore.structure.quantities import totals

try:
    from ase.calculators.calculator import Calculator, all_changes
except ImportError:
    raise InputError('ASE is not installed: pip install "mdcore[ase]"') from None

MOVING = {"positions", "momenta"}  # arrays: ASE looks at positions itself, and energies do not go by momenta


class MDCore(Calculator):
    """An ASE calculator of any potential of mdcore.

    potential : LennardJones, HDNNPotential, Sum, or the path of a network potential (n2p2 folder or .h5 file)
    units, precision, threads : of a potential given by its path, as for HDNNPotential
    skin : Angstrom; the neighbour list holds pairs up to cutoff + skin and is kept until a pair may be missing, or
        cell, species or periodicity change. It changes the speed, never the result
    builds : how often the list was built; evaluation : the last Evaluation (mdcore.evaluate)

    What else a potential finds is a property, too: of a committee "force_disagreement", "energy_disagreement",
    "max_disagreement" and "mean_disagreement", the standard deviations of its members about the force on each atom and
    the energy an atom; of potentials with charges "charges", e, and, of a cluster, "dipole", e Angstrom.

    Stress is known where the cell has three vectors, periodic or not. InputError for a species without
    parameters, SimulationError if atoms overlap.
    """

    name = "mdcore"
    implemented_properties = ("energy", "free_energy", "energies", "forces", "stress")
    nolabel = True

    def __init__(
        self,
        potential,
        *,
        units=None,
        precision: str = "double",
        threads: int | None = None,
        skin: float = SKIN["metal"],
        atoms=None,
        directory=".",
    ):
        super().__init__(atoms=atoms, directory=directory)
        skin = number("MDCore: skin", skin, "length", zero=True)
        self.potential, self.skin = open_potential(potential, units, precision, threads), skin
        self._findings = tuple(finding.name for finding in self.potential.outputs)
        dipole = ("dipole",) if CHARGES in self._findings else ()
        self.implemented_properties = (*self.implemented_properties, *self._findings, *dipole)
        self.builds, self.evaluation = 0, None
        self._engine, self._placed, self._lock = None, None, RLock()

    def __getstate__(self):
        """For copies and pickles: each makes an engine of its own."""
        return {**vars(self), "_engine": None, "_placed": None, "_lock": None}

    def __setstate__(self, state):
        vars(self).update(state)
        self._lock = RLock()

    def get_property(self, name, atoms=None, allow_calculation=True):
        """As of all calculators of ASE; threads that share one wait for each other."""
        with self._lock:
            return super().get_property(name, atoms, allow_calculation)

    def check_state(self, atoms, tol=1e-15):
        """As of all calculators of ASE, which look at neither charge and spin in `info` nor at masses and columns."""
        return super().check_state(atoms, tol) or (["info"] if _differ(atoms, self.atoms) else [])

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        atoms = self.atoms
        if atoms is None:
            raise InputError("MDCore: no atoms to compute for: atoms.calc = MDCore(...), then atoms.get_forces()")
        frame = [a.tobytes() for a in (atoms.numbers, atoms.cell.array, atoms.pbc, atoms.get_celldisp())]
        structure = take(atoms)
        frame += [structure.masses.tobytes(), structure.totals]
        frame += [part for name, values in structure.columns.items() for part in (name, values.tobytes())]
        placed, self._placed = self._placed, None  # should the engine fail, the next structure is placed anew
        if frame == placed:
            before = self._engine.neighbors.builds
            self._engine.move(structure.positions)
        else:
            if self._engine is None or self._engine.symbols != structure.symbols:
                self._engine = Engine(self.potential, structure.symbols, self.skin, looks=True)
            before = self._engine.neighbors.builds
            s = structure
            self._engine.place(s.box, s.positions, s.species, s.columns, s.masses, s.bonds, s.totals)
        self._placed = frame
        self.builds += self._engine.neighbors.builds - before
        asked = any(name in self._findings or name == "dipole" for name in properties)
        found = self.evaluation = self._engine.compute(findings=asked)
        self.results = {
            "energy": found.energy,
            "free_energy": found.energy,
            "energies": found.energies,
            "forces": found.forces,
        }
        self.results |= found.findings or {}
        if CHARGES in self.results and not atoms.pbc.any():
            self.results["dipole"] = self.results[CHARGES] @ atoms.positions
        if atoms.cell.rank == 3:
            self.results["stress"] = np.array([-found.virial[pair] for pair in PAIRS]) / atoms.cell.volume


def _differ(one, other) -> bool:
    """Do these Atoms differ in what they say of the whole, or in arrays that do not change by moving?"""
    names = (one.arrays.keys() | other.arrays.keys()) - MOVING
    alike = (np.array_equal(one.arrays.get(name), other.arrays.get(name)) for name in names)
    return totals(one.info) != totals(other.info) or not all(alike)
