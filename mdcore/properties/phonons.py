"""How does this crystal vibrate? Phonons from the forces of displaced atoms, by phonopy (an extra)."""

import itertools
import warnings
from dataclasses import dataclass

import numpy as np

from mdcore.base.arguments import function, listed
from mdcore.base.comm import connect, on_root
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.ranges import choice, count, number
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.evaluation import open_potential
from mdcore.potentials.base import leaves
from mdcore.properties.elastic import STEPS
from mdcore.properties.relaxation import at_rest, relax
from mdcore.structure.crystals import check_repeat

MISSING = 'phonons need phonopy and ASE: pip install "mdcore[phonons]"'
RELAX = ("cell", "atoms", "nothing")
SAME = 1e-3  # unit of length: how far atoms may be from where a symmetry wants them
SOFT = 1e-3  # of the highest frequency: imaginary ones below are noise
MOST_KINDS, PER_LEG = 100, 50


@dataclass(frozen=True, eq=False)
class Phonons:
    """Frequencies ascend; imaginary ones are negative. The same on every rank, but for `system` and `phonopy`, which
    rank 0 has.

    unit : of frequencies, THz (lj: 1/tau); points : [(name of a special point, its row in q)], along the path
    q : float64 [m, 3], reciprocal vectors of the primitive cell;
    distances : float64 [m], along the path, 2 pi / length; frequencies : float64 [m, 3 atoms of the primitive cell]
    levels, density : float64 [k], density of states, whose integral is the number of branches
    lowest : frequency, of path and mesh; repeat : the supercell, of the cell given; primitive : float64 [3, 3], rows
    largest_force : of the crystal at rest; drift : the largest sum of force constants of an atom, 0 but for rounding,
    before it is made so; calls : displacements whose forces were computed
    system : System, whose phonons they are; phonopy : the Phonopy, for all else that it knows (metal units)
    """

    unit: str
    points: list
    q: np.ndarray
    distances: np.ndarray
    frequencies: np.ndarray
    levels: np.ndarray
    density: np.ndarray
    lowest: float
    repeat: tuple
    primitive: np.ndarray
    largest_force: float
    drift: float
    calls: int
    system: object
    phonopy: object

    @property
    def is_stable(self) -> bool:
        """No mode of path and mesh is imaginary."""
        return not self.is_imaginary(self.lowest)

    def is_imaginary(self, frequency: float) -> bool:
        """Is it, beyond what rounding makes of zero?"""
        return bool(frequency < -SOFT * np.abs(self.frequencies).max())


def phonons(
    potential, system, *, repeat=None, displacement: float = 0.01, path: str | None = None, mesh: int = 20,
    relaxed: str = "cell", max_force: float = 0.0001, max_stress: float = 0.01, observers=(), comm=None,
) -> Phonons:  # fmt: skip
    """Harmonic phonons of a crystal (collective).

    repeat : three numbers of cells; None: opposite faces are two cutoffs apart, or more
    displacement : unit of length; mesh : points an atom's distance in reciprocal space
    path : names of special points, such as "GXWL,UX", as ASE calls them; None: all that the lattice has
    relaxed : first, "cell" (with its atoms), "atoms", "nothing"; max_force, max_stress : that are left
    potential, system, comm : as for `relax`; observers : functions of (what is relaxed, Relaxed)
    InputError without phonopy, and for systems that are not periodic; SimulationError where a relaxation does not end.
    """
    comm, potential = connect(comm), open_potential(potential)
    observers = [function("phonons: observer", each) for each in listed("phonons: observers", observers, "function")]
    displacement = number("phonons: displacement", displacement)
    if not 1e-5 <= displacement <= 1.0:
        raise InputError(f"phonons: displacement = {displacement:g}: expected 1e-5 to 1, e.g. 0.01")
    choice("phonons: relaxed", relaxed, RELAX)
    count("phonons: mesh", mesh, 1, 1000)
    system = on_root(comm, lambda: _checked(system))
    repeat = on_root(comm, lambda: _repeat(repeat, system, potential), share=True)
    if relaxed != "nothing":
        how = {"cell": "flexible", "max_stress": max_stress} if relaxed == "cell" else {}
        found = relax(potential, system, LBFGS(max_force, **how), STEPS, comm=comm)
        if not found.converged:
            raise SimulationError(
                f"not relaxed after {STEPS} steps, largest force {found.largest_force:.3g}: is the structure a crystal "
                "that this potential knows? A larger max_force is met sooner"
            ).everywhere()
        for tell in observers:
            tell("the crystal", found)
        system = found.system

    work = on_root(comm, lambda: _Displaced(system, repeat, displacement))
    sim = Simulation(work and work.crystal, potential, comm=comm)
    rest = sim.forces
    forces = []
    for k in range(comm.bcast(work and len(work.moves))):
        sim.positions = comm.bcast(work and work.positions(k))
        forces.append(sim.forces - rest)
    told = on_root(comm, lambda: work.finish(forces, path, mesh), share=True)
    largest = float(np.linalg.norm(rest, axis=1).max())
    return Phonons(
        **told, repeat=repeat, largest_force=largest, calls=len(forces), system=system, phonopy=work and work.phonopy
    )


def _checked(system):
    """The System at rest; InputError if it has no phonons, or no program to compute them."""
    try:
        import ase  # noqa: F401
        import phonopy  # noqa: F401
    except ImportError:
        raise InputError(MISSING) from None
    system = at_rest(system)
    if not all(system.box.periodic):
        raise InputError("phonons: for systems that are periodic along all three directions")
    if system.fixed is not None and np.any(system.fixed):
        raise InputError("phonons: some atoms are held in place, and would not vibrate: let them go")
    return system


def _repeat(repeat, system, potential) -> tuple:
    if repeat is not None:
        return check_repeat(repeat)
    if not potential.cutoff > 0.0:
        raise InputError("phonons: the potential does not say how far it reaches: give repeat, e.g. 4 4 4")
    if any(term.far for term in leaves(potential)):
        raise InputError("phonons: the potential reaches past its cutoff: give repeat, e.g. 4 4 4, and try more")
    return tuple(int(np.ceil(2.0 * potential.cutoff / width - 1e-9)) for width in system.box.widths)


class _Displaced:
    """The crystal, its supercell and what is displaced in it; rank 0's."""

    def __init__(self, system, repeat, displacement: float):
        from phonopy import Phonopy
        from phonopy.structure.atoms import PhonopyAtoms
        from phonopy.structure.cells import guess_primitive_matrix

        box, self.units = system.box, system.units
        hand = np.sign(np.linalg.det(box.matrix))  # phonopy and ASE want right-handed cells: the vectors turned round
        inside = hand * (system.positions - box.origin) @ box.inverse
        numbers = _kinds(system)
        cell = PhonopyAtoms(cell=hand * box.matrix, scaled_positions=inside, numbers=numbers, masses=system.masses)
        try:
            least = guess_primitive_matrix(cell, symprec=SAME)
            with warnings.catch_warnings():  # a supercell of less symmetry than the crystal is all right
                warnings.filterwarnings("ignore", "Warning: Point group")
                self.phonopy = Phonopy(cell, np.diag(repeat), primitive_matrix=least, symprec=SAME)
            self.phonopy.generate_displacements(distance=displacement)
        except (RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"phonons: phonopy finds no symmetry of the crystal: {error}") from None
        self.moves = self.phonopy.dataset["first_atoms"]
        self.crystal = system.replicate(repeat)
        # which of our atoms is each of phonopy's: the copy whose cell is where its own is
        theirs = self.phonopy.supercell
        mine = np.array([theirs.u2u_map[s] for s in theirs.s2u_map])
        shift = (hand * np.rint(theirs.scaled_positions * repeat - inside[mine])).astype(int) % repeat
        self.order = np.ravel_multi_index(shift.T, repeat) * system.n_atoms + mine

    def positions(self, k: int) -> np.ndarray:
        """Of displacement k."""
        x, move = self.crystal.positions.copy(), self.moves[k]
        x[self.order[move["number"]]] += move["displacement"]
        return x

    def finish(self, forces, path, mesh: int) -> dict:
        """Force constants, frequencies along the path, density of states."""
        ph = self.phonopy
        ph.forces = [one[self.order] for one in forces]
        ph.produce_force_constants(calculate_full_force_constants=False)
        drift = float(np.abs(ph.force_constants.sum(axis=1)).max())
        ph.symmetrize_force_constants(show_drift=False)
        points, q, distances = band_path(ph.primitive.cell, path)
        ph.run_qpoints(q)
        if not ph.qpoints.frequencies.any():
            raise InputError("phonons: no atom feels that another one was displaced: give a larger repeat")
        reciprocal = np.linalg.norm(np.linalg.inv(ph.primitive.cell), axis=0)
        apart = (ph.primitive.volume / len(ph.primitive)) ** (1.0 / 3.0)
        ph.run_mesh([int(np.ceil(mesh * apart * b)) for b in reciprocal], is_gamma_center=True)
        ph.run_total_dos()
        metal = self.units.name == "metal"
        scale = self.units.time / (2.0 * np.pi) * (1e3 if metal else 1.0) / ph.unit_conversion_factor
        frequencies = scale * ph.qpoints.frequencies
        return {
            "unit": "THz" if metal else self.units.labels["rate"],
            "points": points, "q": q, "distances": distances, "frequencies": frequencies,
            "levels": scale * ph.total_dos.frequency_points, "density": ph.total_dos.dos / scale,
            "lowest": float(min(frequencies.min(), scale * ph.mesh.frequencies.min())),
            "primitive": np.array(ph.primitive.cell), "drift": drift,
        }  # fmt: skip


def _kinds(system) -> np.ndarray:
    """A number for each kind of atoms, from 1: the same species, mass and charge."""
    charges = np.zeros(system.n_atoms) if system.charges is None else system.charges
    _, kinds = np.unique(np.column_stack([system.species, system.masses, charges]), axis=0, return_inverse=True)
    if kinds.max() >= MOST_KINDS:
        raise InputError(f"phonons: more than {MOST_KINDS} kinds of atoms (species, masses, charges)")
    return kinds.ravel() + 1


def band_path(cell, path: str | None):
    """([(name, row of q)], q [m, 3], distances [m]) through the Brillouin zone of a primitive cell."""
    from ase.cell import Cell
    from ase.dft.kpoints import parse_path_string

    try:
        usual = Cell(cell).bandpath(npoints=0)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"phonons: ASE finds no path for this lattice: {error}") from None
    special = usual.special_points
    path = usual.path if path is None else path
    segments = parse_path_string(path) if isinstance(path, str) else [[]]
    legs = [list(itertools.pairwise(names)) for names in segments]
    if not all(legs) or any(a == b or not {a, b} <= special.keys() for leg in legs for a, b in leg):
        raise InputError(f'phonons: path = {path!r}: expected two or more of {", ".join(special)}, e.g. "{usual.path}"')
    reciprocal = 2.0 * np.pi * np.linalg.inv(cell).T
    points, q, distances = [], [], [0.0]
    for leg in legs:
        points.append((leg[0][0], len(q)))
        q.append(special[leg[0][0]])
        distances.append(distances[-1])
        for start, end in leg:
            steps = np.linspace(special[start], special[end], PER_LEG + 1)[1:]
            length = np.linalg.norm((special[end] - special[start]) @ reciprocal)
            q.extend(steps)
            distances.extend(distances[-1] + length * np.arange(1, PER_LEG + 1) / PER_LEG)
            points.append((end, len(q) - 1))
    return points, np.array(q), np.array(distances[1:])
