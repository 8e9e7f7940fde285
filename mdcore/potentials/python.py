"""A potential written in Python, or a calculator of ASE: slow, and the quickest way to try an idea.

    def springs(positions, cell):
        ...
        return energy, forces

    sim = Simulation(system, PythonPotential(springs), VelocityVerlet(1.0))

Rank 0 gathers the atoms and calls the function, all ranks get its answer. Energy and forces are put on the grid of
exact sums as those of kernels are, so the run has the same bits on any number of ranks and across a restart, if the
function has.
"""

import inspect
import math
import os
from threading import Lock

import numpy as np

from mdcore.base import exact
from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError, MdcoreError, SimulationError
from mdcore.base.voigt import PAIRS
from mdcore.potentials.base import Bound, Potential
from mdcore.potentials.named import NamedCalculator
from mdcore.structure.columns import CHARGE
from mdcore.structure.quantities import tell, totals

LARGEST = 1e12  # of energies and stresses: beyond, sums would not be exact
ARGUMENTS = ("positions", "cell", "species", "periodic", "charges", "total_charge", "columns")


class PythonPotential(Potential):
    """The potential that a function computes.

    function : called with those of these that it names as arguments
        positions : float64 [n, 3], in the order of the System, unwrapped: they go on beyond the faces of the cell
        cell : float64 [3, 3], rows a, b, c; species : str [n]; periodic : bool [3]
        charges : float64 [n], e, where the structure has them; total_charge : of the whole, e, 0 if it says none
        columns : what else it says of each atom, {name: array}
        returns (energy, forces [n, 3]) or (energy, forces, stress [3, 3] or [6]: xx yy zz yz xz xy), in user units
        (eV, eV/Angstrom); stress: dE/dstrain / volume in eV/Angstrom^3, as ASE has it. Without it the pressure of a
        periodic system is nan
    cutoff : how far atoms feel each other, if it is known: `verify` uses it, the engine does not
    name : for messages

    InputError for a function with other arguments or another answer, SimulationError if it fails or what it returns
    is not finite.
    """

    def __init__(self, function, *, cutoff: float = 0.0, name: str | None = None):
        self.name = name or getattr(function, "__name__", type(function).__name__)
        if not callable(function):
            raise InputError(f"PythonPotential: {function!r} can't be called; expected a function")
        if not (isinstance(cutoff, int | float) and 0 <= cutoff < 1e6):
            raise InputError(f"PythonPotential: cutoff = {cutoff!r}: expected a length, or 0 where it is not known")
        self.function, self.cutoff = function, float(cutoff)
        self.needs_charges = False
        self.asks = self._arguments()
        self._lock = Lock()  # copies share the function, and it may have a state

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state):
        vars(self).update(state)
        self._lock = Lock()

    def __repr__(self):
        return f"{type(self).__name__}({self.name})"

    def _arguments(self) -> tuple[str, ...]:
        """The arguments that the function wants."""
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):
            return ARGUMENTS
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return ARGUMENTS
        variadic = (inspect.Parameter.VAR_POSITIONAL,)
        strange = [p.name for p in parameters if p.default is p.empty and p.kind not in variadic
                   and (p.name not in ARGUMENTS or p.kind is p.POSITIONAL_ONLY)]  # fmt: skip
        asks = tuple(p.name for p in parameters if p.name in ARGUMENTS and p.kind not in variadic)
        self.needs_charges = any(p.name == "charges" and p.default is p.empty for p in parameters)
        if strange or not asks:
            have = f"has the argument{'s' if len(strange) > 1 else ''} {', '.join(strange)}" if strange else "has none"
            raise InputError(
                f"{self.name}: a potential in Python is called by the names of its arguments, some of "
                f"{', '.join(ARGUMENTS)}; this one {have}. E.g. def {self.name}(positions, cell): ..."
            )
        return asks

    def bind(self, symbols) -> "BoundPython":
        return BoundPython(self, symbols)

    def ask(self, given: dict, want_stress: bool):
        """What the function says; one thread at a time, for it may know none."""
        with self._lock:
            return self._call(given, want_stress)

    def _call(self, given: dict, want_stress: bool):
        return self.function(**{name: given[name] for name in self.asks if given[name] is not None})

    def checked(self, found, n: int):
        """(energy, forces float64 [n, 3], stress or None) of an answer about n atoms; InputError, SimulationError."""
        try:
            energy, forces, *stress = found
            energy, forces = np.asarray(energy, dtype=np.float64).item(), np.array(forces, dtype=np.float64)
            stress = None if not stress or stress[0] is None else np.array(stress[0], dtype=np.float64)
        except (TypeError, ValueError):
            forces = stress = np.empty(0)
        if forces.shape != (n, 3) or (stress is not None and stress.shape not in ((3, 3), (6,))):
            raise InputError(
                f"{self.name}: expected (energy, forces) or (energy, forces, stress): a number, float [{n}, 3] and "
                f"[3, 3] or [6]; it returned {_shapes(found)}"
            )
        if not (math.isfinite(energy) and np.isfinite(forces).all()):
            rows = np.flatnonzero(~np.isfinite(forces).all(axis=1))
            what = f"the force on atom {rows[0]} (counting from 0)" if len(rows) else "the energy"
            raise SimulationError(f"{self.name}: {what} is not a finite number")
        if abs(energy) > LARGEST:
            raise SimulationError(f"{self.name}: the energy is {energy:.3g}, beyond +-{LARGEST:g}; check its unit")
        if stress is not None and stress.shape == (3, 3):
            stress = np.array([0.5 * (stress[a, b] + stress[b, a]) for a, b in PAIRS])
        if stress is not None and not np.abs(stress).max() <= LARGEST:
            raise SimulationError(
                f"{self.name}: the stress is not finite, or beyond +-{LARGEST:g}; return None where it is not known"
            )
        return energy, forces, stress


class BoundPython(Bound):
    """A potential in Python for a system of these species."""

    def __init__(self, potential: PythonPotential, symbols):
        self.potential, self.symbols = potential, tuple(symbols)

    def compute(self, atoms, neighbors, domain, out) -> None:
        n, tags, comm = atoms.n_owned, atoms.tags[: atoms.n_owned], domain.comm
        columns = [comm.gather(column[:n]) for column in (atoms.tags, atoms.x, atoms.images)]
        answer = self._answer(*columns, domain.box, atoms.constants, out) if comm.rank == 0 else None
        answer = comm.bcast(answer)
        if isinstance(answer, MdcoreError):
            answer.collective = True
            raise answer
        energy, forces, stress = answer
        grid = 2.0**exact.FORCE_BITS
        mine = np.rint(forces[tags] * grid) / grid
        if out.want_energy:
            if comm.rank == 0:
                out.energy += round(math.ldexp(energy, exact.FORCE_BITS))
            if out.atom_energies is not None:
                out.atom_energies[:n] += energy / len(forces)
            if any(domain.box.periodic):  # of a cluster, x (x) F is the virial
                if stress is None:
                    out.virial_known = False
                else:
                    out.replace_virial(out.sums_of(atoms, mine), -stress * domain.box.volume * (comm.rank == 0))
        atoms.forces[:] += mine

    def _answer(self, tags, x, images, box, constants, out):
        """(energy, forces, stress or None), or the error to raise on all ranks."""
        it, order = self.potential, np.argsort(tags)
        inside, moved = box.wrap(x[order, :3])  # the same image whatever became of the list: the same bits
        given = {
            "positions": inside + (images[order] + moved) @ box.matrix,
            "cell": np.array(box.matrix),
            "species": np.array(self.symbols)[x[order, 3].astype(int)],
            "periodic": np.array(box.periodic),
            "columns": {name: values.copy() for name, values in constants.items()},
            "total_charge": out.total_charge,
            "totals": out.totals,
        }
        given["charges"] = given["columns"].pop(CHARGE, None)
        if given["charges"] is None and it.needs_charges:
            return InputError(f"{it.name} asks for charges, and the structure has none: System(..., charges=...)")
        try:
            found = it.ask(given, out.want_energy)
        except MdcoreError as error:
            return error
        except (Exception, SystemExit) as error:  # a user's function raises what it likes
            failed = SimulationError(f"{it.name} failed: {type(error).__name__}: {error}")
            failed.__cause__ = error
            return failed
        try:
            return it.checked(found, len(tags))
        except MdcoreError as error:
            return error


class ASEPotential(PythonPotential):
    """The potential that a calculator of ASE computes: eV and Angstrom. Energies are those that go with the forces (its
    free_energy, where it has one). What the structure says of the whole, its charge and spin, it is told
    (`quantities.tell`), and columns, initial magnetic moments (`initial_magmoms`) among them, are arrays of its Atoms.

    calculator : any with get_property; cutoff : as for PythonPotential
    """

    def __init__(self, calculator, *, cutoff: float = 0.0):
        if not hasattr(calculator, "get_property"):
            raise InputError(f"ASEPotential: {calculator!r} is no calculator of ASE")
        super().__init__(calculator.get_property, cutoff=cutoff, name=_name(calculator))
        self.calculator = calculator
        known = getattr(calculator, "implemented_properties", ())
        self._energy = "free_energy" if "free_energy" in known else "energy"
        self._has_stress = "stress" in known

    def _arguments(self):
        return ()

    def bind(self, symbols):
        for name in symbols:
            if name not in ATOMIC_NUMBERS:
                raise InputError(f"{self.name}: a calculator of ASE knows chemical elements, and {name} is none")
        return super().bind(symbols)

    def _call(self, given, want_stress):
        from ase import Atoms

        cell = given["cell"] if given["periodic"].any() else None
        names, charges = given["species"].tolist(), given["charges"]
        atoms = Atoms(names, given["positions"], cell=cell, pbc=given["periodic"], charges=charges)
        atoms.arrays |= given["columns"]
        tell(atoms, given["totals"])
        before = getattr(self.calculator, "atoms", None)
        if before is not None and totals(before.info) != totals(atoms.info) and hasattr(self.calculator, "reset"):
            self.calculator.reset()  # it goes by atoms and cell alone, and would answer as before
        stress = None
        if want_stress and self._has_stress and cell is not None:
            stress = self._get("stress", atoms)
        forces = self._get("forces", atoms)
        return self._get(self._energy, atoms), forces, stress

    def _get(self, name: str, atoms):
        from ase.calculators.calculator import PropertyNotImplementedError

        try:
            return self.calculator.get_property(name, atoms)
        except PropertyNotImplementedError:
            if name != "stress":
                raise
            return None


def as_potential(thing):
    """A potential as it is; a calculator of ASE, a function or an object with `compute` made into one; InputError."""
    if isinstance(thing, Potential):
        return thing
    if isinstance(thing, type):
        raise InputError(f"{thing.__name__} is a class; make one: {thing.__name__}(...)")
    if hasattr(thing, "get_property") and hasattr(thing, "implemented_properties"):
        return ASEPotential(thing)
    if callable(getattr(thing, "compute", None)):
        return PythonPotential(thing.compute, cutoff=getattr(thing, "cutoff", 0.0), name=type(thing).__name__)
    if callable(thing):
        return PythonPotential(thing)
    hint = ""
    if isinstance(thing, str | os.PathLike):
        hint = f": HDNNPotential(read_model({os.fspath(thing)!r}))"
    raise InputError(
        "expected a potential, such as LennardJones or HDNNPotential, a function for PythonPotential or a calculator "
        f"of ASE, not {type(thing).__name__}{hint}"
    )


def _name(calculator) -> str:
    return calculator.name if isinstance(calculator, NamedCalculator) else type(calculator).__name__


def _shapes(found) -> str:
    if not isinstance(found, tuple | list):
        return type(found).__name__
    return f"{len(found)} of shapes {', '.join(str(np.shape(item)) for item in found[:4])}" if found else "nothing"
