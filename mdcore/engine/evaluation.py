"""Energies and forces of structures, from Python: one call, arrays in and arrays out.

    result = mdcore.evaluate("potentials/water", System.read("water.extxyz"))
    result.energy, result.energies, result.forces, result.stress

No simulation, no files, no MPI; nothing is kept. ASE's Atoms are taken as they are, without importing ASE.
"""

import os
import queue
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from mdcore.base.elements import SYMBOLS
from mdcore.base.errors import InputError, MdcoreError
from mdcore.base.threads import number_of_threads
from mdcore.base.units import METAL, UnitSystem
from mdcore.engine.single import Engine, Evaluation
from mdcore.potentials.python import as_potential
from mdcore.structure.bonds import NONE
from mdcore.structure.box import Box, check_positions
from mdcore.structure.columns import of_ase
from mdcore.structure.quantities import totals
from mdcore.structure.system import System


def evaluate(
    potential, structures, *, units=None, precision: str = "double", threads: int | None = None,
    descriptors: bool = False, findings: bool = False,
):  # fmt: skip
    """Energy, forces and stress of a structure, or of each structure of a list.

    potential : LennardJones, HDNNPotential, Sum, a function or a calculator of ASE (python.py), or the path of a
        network potential: a folder of n2p2 or RuNNer files, or a .h5 file (read at each call)
    structures : a System, ASE's Atoms, the path of a structure file (its last frame), or a list of these;
        systems in lj units give results in lj units
    units : of a potential given by its path, e.g. {"length": "bohr", "energy": "hartree"}; None: it states them
    precision : of a potential given by its path, "double" or "mixed"
    threads : structures of a list are computed side by side, a single one in parallel if it can be; None: as
        MDCORE_NUM_THREADS says, or 1. The results are the same bits
    descriptors : of a network potential: tell each atom's symmetry functions too
    findings : tell what else the potential finds, too: of a committee, how its members differ; it takes about as long
        as a reverse pass a member

    Returns an Evaluation, or a list of them, atoms in the order given. Raises InputError for a structure or
    a potential that is not right, SimulationError if atoms overlap; both say which structure of the list.
    """
    potential = open_potential(potential, units, precision)
    many = isinstance(structures, list | tuple)
    jobs = list(enumerate(structures)) if many else [(None, structures)]
    workers = min(number_of_threads(threads), len(jobs))
    if workers > 1:
        results = _side_by_side([Worker(potential, descriptors, findings, True) for _ in range(workers)], jobs)
    else:
        work = Worker(potential, descriptors, findings, threads=threads)
        results = [work(*job) for job in jobs]
    return results if many else results[0]


def _side_by_side(workers, jobs) -> list[Evaluation]:
    idle = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def run(job):
        worker = idle.get()
        try:
            return worker(*job)
        finally:
            idle.put(worker)

    with ThreadPoolExecutor(len(workers)) as pool:
        try:
            return list(pool.map(run, jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class Worker:
    """One thread's engines, one for each set of species it has met.

    alone : other threads compute meanwhile; threads : of a network's kernels (None: as the potential says)
    """

    def __init__(self, potential, descriptors=False, findings=False, alone=False, threads: int | None = None):
        self.potential, self.asked = potential, (descriptors, findings)
        self.threads = 1 if alone else None if threads is None else number_of_threads(threads)
        self.engines: dict[tuple, Engine] = {}

    def __call__(self, index: int | None, structure, time: float = 0.0) -> Evaluation:
        """The evaluation of a structure; `index` names it in messages. time : for what moves, user unit."""
        try:
            s = take(structure)
            key = s.symbols, s.units.name
            if key not in self.engines:
                self.engines[key] = Engine(self.potential, s.symbols, units=s.units, looks=True, threads=self.threads)
            engine = self.engines[key]
            engine.set_clock(time)
            engine.place(s.box, s.positions, s.species, s.columns, s.masses, s.bonds, s.totals)
            return engine.compute(*self.asked)
        except MdcoreError as error:
            if index is None:
                raise
            raise type(error)(f"structure {index} (counting from 0): {error}") from None


@dataclass(frozen=True, eq=False)
class Structure:
    """What an engine needs of a structure: box, positions [n, 3], species int [n] into symbols, ..., totals (System)"""

    box: Box
    positions: np.ndarray
    species: np.ndarray
    symbols: tuple[str, ...]
    units: UnitSystem = METAL
    columns: dict = field(default_factory=dict)
    masses: np.ndarray | None = None
    bonds: np.ndarray = field(default_factory=lambda: NONE)
    totals: dict = field(default_factory=dict)


def take(structure) -> Structure | System:
    """What is to be known of a System, of ASE's Atoms, or of the last structure in a file; InputError."""
    if isinstance(structure, System | Structure):
        return structure
    if isinstance(structure, str | os.PathLike):
        return System.read(structure, labels=False)
    if not all(hasattr(structure, name) for name in ("positions", "numbers", "cell", "pbc")):
        raise InputError(
            f"evaluate: expected a System, ASE's Atoms or the path of a structure file, or a list of these, "
            f"not {type(structure).__name__}"
        )
    if not len(structure):
        raise InputError("evaluate: the structure has no atoms; give at least one")
    positions = np.array(structure.positions, dtype=np.float64)
    check_positions(positions)
    numbers, species = np.unique(structure.numbers, return_inverse=True)
    periodic = tuple(bool(flag) for flag in structure.pbc)
    box = Box.completed(structure.cell.array, periodic, positions, structure.get_celldisp().ravel())
    own = structure.get_masses() if hasattr(structure, "get_masses") else None
    names = tuple(SYMBOLS[z] for z in numbers)
    told = totals(getattr(structure, "info", {}))
    return Structure(box, positions, species.ravel(), names, columns=of_ase(structure), masses=own, totals=told)


def open_potential(potential, units=None, precision: str = "double", threads: int | None = None):
    """The potential itself, or the network potential at a path, in `units` if the files don't state them."""
    if isinstance(potential, str | os.PathLike):
        from mdcore.potentials.families import potential_of
        from mdcore.potentials.networks.files import read_model

        return potential_of(read_model(potential, units), precision=precision, threads=threads)
    if units is not None or precision != "double" or threads is not None:
        raise InputError(
            "units, precision, threads: apply to a potential given by its path; this one is made and has its own"
        )
    return as_potential(potential)
