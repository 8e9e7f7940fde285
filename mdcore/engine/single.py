"""What are energy, forces and stress of this structure? On this process alone, one structure after the other.

What a simulation does in a step, without steps (work.py). `evaluation.py` and `ase.py` are its callers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mdcore.base import exact
from mdcore.base.elements import ATOMIC_MASSES
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.units import METAL, UnitSystem
from mdcore.engine import faults
from mdcore.engine.domain import Domain
from mdcore.engine.work import Work
from mdcore.potentials.base import leaves
from mdcore.potentials.networks.outside import DESCRIPTORS, NEAREST, OutOfRange, out_of_range
from mdcore.potentials.networks.outside import descriptors as descriptors_of
from mdcore.structure.bonds import NONE
from mdcore.structure.box import MOST_IMAGES
from mdcore.structure.columns import of_kernels
from mdcore.structure.quantities import total_charge


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a potential says of a structure. User units (metal: eV, Angstrom, GPa), atoms as they were given.

    energy : float; energies : float64 [n], the share of each atom; they add up to it
    forces : float64 [n, 3]
    virial : float64 [3, 3], sum of x (x) F over all atoms and images, = -dE/dstrain; unit of energy
    stress : float64 [3, 3], +dE/dstrain / volume (ASE's sign: negative when compressed), unit of pressure (GPa);
        nan unless periodic along all three directions
    findings : where asked, {name: value}, what else the potential tells (potentials/base.py), per atom float64 [n]; of
        a committee max_disagreement, mean_disagreement, energy_disagreement, force_disagreement
    told : what came with the forces: (potential, {Finding: values of each atom}); species : name of each atom
    """

    energy: float
    energies: np.ndarray
    forces: np.ndarray
    virial: np.ndarray
    stress: np.ndarray
    findings: dict | None = None
    told: tuple = ()
    species: tuple[str, ...] = ()

    @cached_property
    def extrapolation(self) -> OutOfRange | None:
        """How far atoms are outside of what was trained on; None without a network potential."""
        return out_of_range(self.told, self.species)

    @cached_property
    def descriptors(self) -> tuple[np.ndarray, ...] | None:
        """Where asked, float64 [n_functions of the element] of each atom, in the network's own units."""
        return descriptors_of(self.told, self.species)

    @property
    def nearest(self) -> np.ndarray | None:
        """Of a trained potential, float64 [n, n_elements], Angstrom: how far each atom's nearest neighbour of each
        element that it knows is, the cutoff without one."""
        return next((values[NEAREST] for _, values in self.told if NEAREST in values), None)

    @property
    def pressure(self) -> float:
        """Without the kinetic part, positive when compressed; unit of pressure (GPa)."""
        return -float(np.trace(self.stress)) / 3.0


class Engine:
    """A potential for structures of given species; it remembers the last structure.

    potential : keeps the protocol of potentials/base.py; the engine has a copy of its own
    symbols : names of the species; skin : the list holds pairs up to cutoff + skin, so that it serves while atoms
    `move` a little; looks : at whether atoms are too close to be right (sanity.py)
    threads : of a network's kernels; None: as the potential says
    """

    def __init__(
        self, potential, symbols: tuple[str, ...], skin: float = 0.0, units: UnitSystem = METAL, looks=False,
        threads: int | None = None,
    ):  # fmt: skip
        self.symbols, self.units, self.looks = tuple(symbols), units, looks
        self._standard = np.array([ATOMIC_MASSES.get(name, 1.0) for name in self.symbols])
        self._potential, self._skin, self._threads = potential, skin, threads
        self._take(potential)

    def _take(self, potential) -> None:
        """Work with this form of the potential."""
        self.work = Work(potential, self.symbols, self._skin, units=self.units)
        self.atoms, self.neighbors = self.work.atoms, self.work.neighbors
        self.terms = leaves(self.work.bound)
        for term in self.terms:
            term.threads = term.threads if self._threads is None else self._threads

    def set_clock(self, time: float) -> None:
        """The time, user unit, for what moves; InputError for none (nan) where something does."""
        if any(term.moves for term in self.terms) and not np.isfinite(time):
            raise InputError("something in the potential moves, and the time of this structure is not known")
        self.work.results.time = time

    def place(
        self, box, positions: np.ndarray, species: np.ndarray, columns: dict | None = None, masses=None, bonds=NONE,
        totals: dict | None = None,
    ) -> None:  # fmt: skip
        """Take up a structure: positions float64 [n, 3], anywhere; species int [n] index `symbols`; columns : what else
        is known of each atom (columns.py); masses float64 [n], None: the standard ones, or 1; bonds : bonds.py;
        totals : what is said of the whole, charge and spin (quantities.py)
        """
        n = len(positions)
        suited = self._potential.suited(n, box, self.units)
        if suited is not self.work.potential:
            time = self.work.results.time
            self._take(suited)
            self.work.results.time = time
        work, atoms = self.work, self.atoms
        self._names = tuple(self.symbols[k] for k in np.asarray(species).tolist())
        self._placed = species, columns, masses, bonds, totals
        work.results.totals = totals or {}
        work.results.total_charge = total_charge(work.results.totals)
        farthest = float(np.abs(positions).max())
        counts = np.bincount(species, minlength=len(self.symbols)).tolist()
        work.take_cell(box, counts, 0.0 if all(box.periodic) else farthest)
        self.box = work.box
        if farthest > MOST_IMAGES * self.box.widths.min():
            self.box.wrap(positions)  # tells which atom is too far away to count the cells
        atoms.n_ghost = atoms.n_owned = 0
        atoms.reserve(n)
        atoms.x[:n, :3], atoms.x[:n, 3] = work.rounded(positions), species
        atoms.tags[:n], atoms.images[:n] = np.arange(n), 0
        atoms.masses[:n] = self._standard[species] if masses is None else masses
        atoms.constants, atoms.bonds = columns or {}, bonds
        for name, values in of_kernels(atoms).items():
            getattr(atoms, name)[:n] = values
        atoms.n_owned = n
        self._neighbourhood()

    def move(self, positions: np.ndarray) -> None:
        """The same atoms in the same box, elsewhere; the list is built anew where it must be."""
        atoms, work = self.atoms, self.work
        if not all(self.box.periodic) and np.abs(positions).max() >= work.limit:
            return self.place(work.cell, positions, *self._placed)  # beyond the grid
        x = work.rounded(positions)[self._tags]
        atoms.positions[:] = x - atoms.images[: len(x)] @ self.box.matrix  # exact: all on one grid
        step = atoms.positions - atoms.start[: len(x), :3]
        if work.follow(float(np.einsum("ij,ij->i", step, step).max())):
            self._neighbourhood()

    def _neighbourhood(self) -> None:
        self.work.neighbourhood(self.looks)
        self._tags = self.atoms.tags[: self.atoms.n_owned].copy()

    def compute(self, descriptors: bool = False, findings: bool = False) -> Evaluation:
        """Energy, forces, virial; SimulationError if atoms overlap, InputError for descriptors of no network, or
        findings of a potential that has none."""
        atoms, work = self.atoms, self.work
        n, order = atoms.n_owned, self._tags
        shares = np.zeros(atoms.n_total + 1)
        self._ask(descriptors)
        atoms.forget()  # no structure depends on those before
        work.forces(True, shares)
        self._check_forces()
        energy = exact.value(work.results.energy, exact.FORCE_BITS)
        if abs(energy) >= exact.TOO_MUCH:
            raise SimulationError(faults.beyond_sums(order[faults.largest_share(shares[:n])], self.units.labels))
        tail_energy, _ = work.tail
        energies, forces = np.empty(n), np.empty((n, 3))
        energies[order], forces[order] = shares[:n] + tail_energy / n, atoms.forces
        virial = work.virial_tensor(work.virial)
        periodic = all(self.box.periodic)
        return Evaluation(
            energy=energy + tail_energy,
            energies=energies,
            forces=forces,
            virial=virial,
            stress=virial / (-self.box.volume * self.units.pressure) if periodic else np.full((3, 3), np.nan),
            findings=self._find() if findings else None,
            told=self._told(),
            species=self._names,
        )

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """centre, neighbour int64 [n_pairs], atoms as they were given, and r_ij [n_pairs, 3] = r_j - r_i.

        All pairs closer than the cutoff, each from both sides, of a potential that asks for the full list. Ordered by
        centre, then as the kernels want it: species, tag, displacement.
        """
        atoms, full = self.atoms, self.neighbors.full
        row = np.repeat(np.arange(atoms.n_owned), np.diff(full.first))
        other = full.index[: len(row)]
        row, other = row[other < atoms.n_total], other[other < atoms.n_total]
        r = atoms.x[other, :3] - atoms.x[row, :3]
        near = np.flatnonzero(np.einsum("ij,ij->i", r, r) < self.work.potential.cutoff**2)
        near = near[np.argsort(self._tags[row[near]], kind="stable")]
        return self._tags[row[near]], atoms.tags[other[near]].astype(np.int64), r[near]

    # --- what potentials tell beside ---------------------------------------------------------------

    def _ask(self, more: bool) -> None:
        """For what comes with the forces; for descriptors only where asked."""
        tellers = [term for term in self.terms if DESCRIPTORS in term.potential.findings]
        if more and len(tellers) != 1:
            raise InputError(
                f"descriptors: this potential has {len(tellers) or 'no'} networks; evaluate one network potential"
            )
        for term in self.terms:
            wanted = (f for f in term.potential.findings if f.with_forces)
            term.wanted = frozenset(f for f in wanted if more or f is not DESCRIPTORS)

    def _told(self) -> tuple:
        """(potential, {Finding: values of the atoms as they were given}) of each that tells something with forces."""
        order, tellers = np.argsort(self._tags), [term for term in self.terms if term.wanted]
        found = [(term.potential, term.find(self.work, term.wanted)) for term in tellers]
        return tuple((potential, {f: values[order] for f, values in own.items()}) for potential, own in found)

    def _find(self) -> dict:
        if not self.work.potential.outputs:
            raise InputError("findings: this potential has none; a committee of networks has")
        order = np.argsort(self._tags)
        return {f.name: v[order] if f.per_atom else v for f, v in self.work.bound.find(self.work).items()}

    def _check_forces(self) -> None:
        atoms, row = self.atoms, self.work.bad_row()
        if row < 0:
            return
        Domain(self.work.comm, self.box, self.neighbors.reach).make_ghosts(atoms, ("tags",))  # from below too
        message = faults.wrong_from_the_start(self, row)
        self._neighbourhood()
        raise SimulationError(message)
