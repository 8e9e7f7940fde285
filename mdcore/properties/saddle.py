"""Where is the next saddle point? A search that needs no end: the dimer climbs along the softest direction."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from mdcore.base.arguments import function, listed
from mdcore.base.comm import connect, on_root
from mdcore.base.errors import InputError
from mdcore.base.ranges import count, number
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.evaluation import open_potential
from mdcore.properties.dimer import Dimer, norm, unit, whole_motions
from mdcore.properties.neb import shortest
from mdcore.properties.relaxation import at_rest, moved

MAX_STEP = 0.1  # of an atom, Angstrom; in reduced units a quarter of that in sigma
FIRST_TURNS, TURNS = 100, 4  # at most, at the start and at each step


@dataclass(frozen=True, eq=False)
class SaddlePoint:
    """What `saddle` found; user units, the same on every rank but for `system`, which rank 0 has.

    system : System, on the saddle point if `converged`; energy : float; forces : float64 [n, 3] of the potential
    curvature : along `direction` [n, 3], a unit vector, energy / length^2: negative on a saddle point
    start_energy : where the search began; largest_force : on an atom; steps; turns : of the dimer
    calls : evaluations of forces
    """

    system: object
    energy: float
    forces: np.ndarray
    curvature: float
    direction: np.ndarray
    start_energy: float
    largest_force: float
    converged: bool
    steps: int
    turns: int
    calls: int

    @property
    def height(self) -> float:
        """Above where the search began."""
        return self.energy - self.start_energy


def saddle(
    potential, system, direction=None, *, seed: int = 1, max_force: float = 0.01, steps: int = 500,
    max_step: float | None = None, observers=(), comm=None,
) -> SaddlePoint:  # fmt: skip
    """A saddle point of first order near a structure, by the dimer method (collective).

    From a minimum the search goes up along the softest motion that the dimer finds from `direction`, to the side where
    that points, and may find any of the saddle points around, or, where energies rise for ever, none: try several.
    G. Henkelman, H. Jonsson, J. Chem. Phys. 111, 7010 (1999), with the turns of J. Kaestner, P. Sherwood, J. Chem.
    Phys. 128, 014106 (2008), and L-BFGS for the way. What moves the whole is no direction; `fixed` atoms stay.

    potential : as for `evaluate`; system : a System or ase.Atoms (on several ranks, what rank 0 has counts)
    direction : float64 [n, 3], of any length; None: at random, by `seed`
    max_force : that may be left on an atom; steps : at most; max_step : the farthest that an atom moves in one
    observers : functions of (step, energy, curvature, largest force, positions [n, 3])
    InputError for a direction that is none; SimulationError where atoms come to overlap.
    """
    comm, potential = connect(comm), open_potential(potential)
    observers = [function("saddle: observer", each) for each in listed("saddle: observers", observers, "function")]
    number("saddle: max_force", max_force)
    count("saddle: steps", steps, 0, 10**9)
    count("saddle: seed", seed, 0, 2**63 - 1)
    whole, direction = on_root(comm, lambda: _begin(system, direction, seed), share=True)
    scale = 0.25 if whole.units.name == "lj" else 1.0
    limit = MAX_STEP * scale if max_step is None else number("saddle: max_step", max_step, "length")
    sim = Simulation(whole if comm.rank == 0 else None, potential, comm=comm)
    calls = 0

    def forces(positions):
        nonlocal calls
        calls += 1
        sim.positions = positions
        return sim.forces

    held = np.zeros((whole.n_atoms, 3), dtype=bool) if whole.fixed is None else whole.fixed
    x = whole.positions.copy()
    dimer = Dimer(forces, held, lambda positions: whole_motions(whole, positions), direction, scale)
    way, start, region, step = Way(whole.n_atoms, limit, scale), None, None, 0
    while True:
        here = forces(x)
        energy = sim.potential_energy
        start = energy if start is None else start
        dimer.turn(x, here, TURNS if step else FIRST_TURNS)
        left = float(np.sqrt((np.where(held, 0.0, here) ** 2).sum(axis=1)).max())
        for tell in observers:
            tell(step, energy, dimer.curvature, left, x.copy())
        converged = left <= max_force and dimer.curvature < 0.0
        if converged or step == steps:
            break
        if region != (dimer.curvature < 0.0):  # another landscape: what was learnt of the last one is worth nothing
            region = dimer.curvature < 0.0
            way.begin()
        if not region:
            x = x + dimer.out(-here if step else direction, limit)
        x = x + way.step(dimer.push(x, here).ravel()).reshape(x.shape)
        step += 1
    return SaddlePoint(
        moved(whole, whole.box, x) if comm.rank == 0 else None, energy, here, dimer.curvature, dimer.direction, start,
        left, converged, step, dimer.turns, calls,
    )  # fmt: skip


def nudge(system, width: float, radius: float | None, rng) -> np.ndarray:
    """float64 [n, 3], random displacements to begin a search with: of the standard deviation `width`, of atoms within
    `radius` of one at random, None: of all; none of what is held."""
    push = width * rng.normal(size=system.positions.shape)
    away = shortest(system.box, system.positions - system.positions[rng.integers(system.n_atoms)])
    if radius is not None:
        push[np.linalg.norm(away, axis=1) > radius] = 0.0
    return push if system.fixed is None else np.where(system.fixed, 0.0, push)


class Way(LBFGS):
    """L-BFGS, of the forces of a dimer."""

    def __init__(self, n_atoms: int, limit: float, scale: float):
        super().__init__()
        self.run = SimpleNamespace(n_atoms=n_atoms)
        self.limit, self.scale = limit, scale
        self.begin()


def _begin(system, direction, seed: int):
    """(System at rest, direction float64 [n, 3], a unit vector); InputError."""
    system = at_rest(system)
    system.check_free()
    shape = system.positions.shape
    if direction is None:
        direction = np.random.default_rng(seed).normal(size=shape)
    try:
        direction = np.array(direction, dtype=np.float64)
    except (TypeError, ValueError):
        direction = np.empty(0)
    if direction.shape != shape or not np.isfinite(direction).all():
        raise InputError(f"saddle: direction: expected finite numbers [{shape[0]}, 3], one row an atom")
    if system.fixed is not None:
        direction = np.where(system.fixed, 0.0, direction)
    for motion in whole_motions(system, system.positions):
        direction = direction - (motion * direction).sum() * motion
    if norm(direction) < 1e-9:
        raise InputError("saddle: direction: it moves nothing but what is held, or the whole")
    return system, unit(direction)
