"""Where do these atoms come to rest? One structure, relaxed by a minimiser in a simulation of its own."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from mdcore.base.arguments import listed, of_kind
from mdcore.base.comm import SelfComm, connect
from mdcore.base.errors import MdcoreError
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.dynamics.motion.minimise import Minimiser
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.evaluation import open_potential
from mdcore.structure.system import LABELS, System


@dataclass(frozen=True, eq=False)
class Relaxed:
    """What `relax` found; user units, the same on every rank but for `system`, which rank 0 has.

    system : System, atoms in their order; energy : float; forces : float64 [n, 3]
    stress : float64 [6], xx yy zz yz xz xy, negative when compressed; nan unless fully periodic
    converged : bool; largest_force : float; stress_deviation : from what was wanted, nan for a fixed cell
    calls : evaluations of forces; minimiser : that did it
    """

    system: object
    energy: float
    forces: np.ndarray
    stress: np.ndarray
    converged: bool
    largest_force: float
    stress_deviation: float
    calls: int
    minimiser: object


def relax(potential, system, minimiser=None, steps: int = 1000, *, observers=(), comm=None) -> Relaxed:
    """Relax a structure (collective).

    potential : as for `evaluate`; system : a System or ase.Atoms (on several ranks, what rank 0 has counts)
    minimiser : LBFGS(...) or FIRE(...); None: LBFGS()
    observers : (every, function of the Simulation) pairs
    """
    comm, minimiser = connect(comm), LBFGS() if minimiser is None else minimiser
    of_kind("relax: minimiser", minimiser, Minimiser, "LBFGS(...) or FIRE(...)")
    system = at_rest(system) if comm.rank == 0 else None
    sim = Simulation(system, open_potential(potential), minimiser, comm=comm)
    for each in listed("relax: observers", observers, "(10, function)"):
        sim.every(*of_kind("relax: observer", each, tuple, "(every, function)"))
    sim.run(steps)
    thermo, snapshot = sim.thermo(), sim.snapshot()
    return Relaxed(
        None if snapshot is None else moved(system, snapshot.box, snapshot.positions),
        thermo.potential,
        sim.forces,
        thermo.stress,
        minimiser.converged,
        minimiser.force,
        minimiser.stress,
        minimiser.calls,
        minimiser,
    )


def relax_each(potential, systems, minimiser, steps: int, comm) -> Iterator[Relaxed]:
    """Relax structures, each on one rank alone, as many side by side as there are ranks (collective); the bits do not
    depend on them. Yields what was found of each, in order, without its minimiser.

    potential : an open one; systems : list of System (on several ranks, what rank 0 has counts); minimiser : makes one
    """
    systems = comm.bcast(systems)
    for first in range(0, len(systems), comm.size):
        mine = systems[first + comm.rank : first + comm.rank + 1]
        found = error = None
        try:
            for system in mine:
                found = replace(relax(potential, system, minimiser(), steps, comm=SelfComm()), minimiser=None)
        except MdcoreError as raised:
            error = raised
        for one, failed in comm.allgather((found, error)):
            if failed is not None:
                raise failed.everywhere()
            if one is not None:
                yield one


def at_rest(system):
    """The same atoms without velocities, as a System."""
    system = copy(system) if isinstance(system, System) else System.from_ase(system)
    system.velocities = None
    return system


def moved(system, box, positions):
    """The same atoms elsewhere, in another cell."""
    system = copy(system)
    system.box, system.positions = box, positions
    system.info = {key: value for key, value in system.info.items() if key not in LABELS}
    return system
