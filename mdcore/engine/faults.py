"""The physics broke down: which atom, at which step, and what can be done?

Each function is called by all ranks together; all raise the same SimulationError
(``collective`` is set: one rank's voice is enough).
"""

import numpy as np

from mdcore.base import exact
from mdcore.base.elements import radius
from mdcore.base.errors import SimulationError
from mdcore.base.units import METAL
from mdcore.engine.domain import Domain
from mdcore.engine.sanity import ODD
from mdcore.watch.watchers import left_training

CROWD = 500  # neighbours, more than networks and pair potentials are usually given
FORCE_LIMIT = 2.0**14  # ext/core/fixed.h: sums of larger forces would not be exact


def fail(comm, message: str | None) -> None:
    """Raise the message of the first rank that has one."""
    text = next(text for text in comm.allgather(message) if text is not None)
    raise SimulationError(text).everywhere()


def bad_row(atoms) -> int:
    """Row of an owned atom whose force is not finite or beyond the limit, or -1."""
    rows = np.flatnonzero(~(np.abs(atoms.forces) < FORCE_LIMIT).all(axis=1))
    return int(rows[0]) if len(rows) else -1


def cure(sim, usual: str) -> str:
    """What can be done about motion that got out of hand: `usual`, or, where atoms had been outside what a network was
    trained on, to doubt that first."""
    if left := left_training(sim.watchers):
        name, since = left
        return (
            f"{'Atoms' if since is None else f'Since step {since} atoms'} had been outside what {name} was "
            "trained on, where its forces are guesses: a smaller timestep alone may not help. Keep the run where "
            f'it was trained, or train it on such structures (extrapolation = "save" collects them); else {usual}'
        )
    return usual[0].upper() + usual[1:]


def impossible_force(sim, row: int) -> None:
    message = None
    everywhere = Domain(sim.comm, sim.box, sim.domain.reach, sim.domain.grid)
    everywhere.make_ghosts(sim.atoms, ("tags",))  # from below too
    if row >= 0:
        if sim.step == sim.start_step:
            told = wrong_from_the_start(sim, row)
        else:
            usual = "use a smaller timestep, or relax the structure first"
            told = f"{sim.results.complaint or too_close(sim.atoms, row, sim.units.labels)}. {cure(sim, usual)}"
        message = f"step {sim.step}: {told}"
    fail(sim.comm, message)


def wrong_from_the_start(it, row: int) -> str:
    """What is wrong with an owned atom of a Simulation or an Engine whose forces are impossible before any step, with
    the cure; atoms with all ghosts and their tags."""
    atoms, unit = it.atoms, it.units.labels
    if complaint := it.work.results.complaint:
        return f"{complaint}. Check the structure and its cell"
    told, (away, near) = too_close(atoms, row, unit), nearest(atoms, row)
    sizes = sum(radius(it.symbols[int(atoms.x[k, 3])]) for k in (row, near))
    if near == row or it.units.name != METAL.name or away[near] < ODD * sizes:
        return f"{told}. Atoms overlap: check the structure and its cell"
    cutoff = it.work.potential.cutoff
    around = int(np.count_nonzero(away < cutoff))
    told = told.replace("impossible ones", "impossible ones, or of too many")
    if around < CROWD:
        return f"{told}, no nearer than bonds are: check the parameters of the potential, and their units"
    return (
        f"{told}, no nearer than bonds are, and {around:,} are within its cutoff of {cutoff:g} {unit['length']}: take "
        "a shorter one, or check the parameters of the potential, and their units"
    )


def nearest(atoms, row: int) -> tuple[np.ndarray, int]:
    """How far all others, ghosts too, are from an owned atom, and the row of the nearest, its own without others."""
    away = np.linalg.norm(atoms.x[: atoms.n_total, :3] - atoms.x[row, :3], axis=1)
    away[row] = np.inf
    return away, int(np.argmin(away)) if len(away) > 1 else row


def too_close(atoms, row: int, unit: dict[str, str]) -> str:
    """How large the force on an owned atom is, and who is near; `atoms` with all ghosts and their tags."""
    force = float(np.abs(atoms.forces[row]).max())
    away, near = nearest(atoms, row)
    size = f"is {force:.3g} {unit['energy']}/{unit['length']}" if np.isfinite(force) else "is not a finite number"
    if force < FORCE_LIMIT:  # single pairs are beyond it (ext/pair/sums.h), and cancel
        size = "is a sum of impossible ones, which cancel"
    atom, distance = int(atoms.tags[row]), f"{away[near]:.4g} {unit['length']} away"
    text = f"the force on atom {atom} (counting from 0) {size}; "
    if near == row:
        return text + "it has no neighbour"
    if atoms.tags[near] == atom:
        return text + f"its nearest neighbour is its own periodic image, {distance}: the cell is too small"
    return text + f"its nearest neighbour, atom {atoms.tags[near]}, is {distance}"


def too_much(sim) -> None:
    """The energy of some atom is beyond what can be added up: which?"""
    atoms, message = sim.atoms, None
    shares = np.zeros(atoms.n_total + 1)
    sim.work.forces(True, shares)
    row = largest_share(shares[: atoms.n_owned])
    if row >= 0:
        message = f"step {sim.step}: {beyond_sums(atoms.tags[row], sim.units.labels)}"
    fail(sim.comm, message)


def largest_share(shares) -> int:
    """Row of the atom whose energy can't be added up, or -1."""
    rows = np.flatnonzero(~(np.abs(shares) < exact.SHARE_LIMIT))
    return int(rows[0]) if len(rows) else -1


def beyond_sums(atom: int, unit: dict[str, str]) -> str:
    return (
        f"the energy of atom {atom} (counting from 0) is beyond +-{exact.SHARE_LIMIT:.3g} {unit['energy']}: it is far "
        "from what the potential was trained on, or the potential's energies have an offset that should be taken off"
    )


def runaway(sim) -> None:
    atoms = sim.atoms
    moved = np.linalg.norm(atoms.velocities, axis=1) * sim.integrator.dt
    moved[~np.isfinite(moved)] = np.inf
    everyone = sim.comm.allgather(float(moved.max(initial=-1.0)))
    message = None
    if atoms.n_owned and moved.max() == max(everyone):
        row = int(np.argmax(moved))
        message = (
            f"step {sim.step + 1}: atom {atoms.tags[row]} (counting from 0) moves {moved[row]:.3g} "
            f"{sim.units.labels['length']} in one step, farther than half the skin of {sim.neighbors.skin:g}. "
            + cure(sim, "use a smaller timestep, relax the structure first, or give a larger [neighbors] skin")
        )
    fail(sim.comm, message)


def flown_away(sim, limit: float) -> None:
    """An atom left the range in which positions are exact (only without walls or periodicity)."""
    atoms = sim.atoms
    reach = np.abs(atoms.positions).max(axis=1, initial=0.0)
    worst = sim.comm.maximum(np.array([reach.max(initial=0.0)]))[0]
    if worst < limit:
        return
    message = None
    if atoms.n_owned and reach.max() == worst:
        row = int(np.argmax(reach))
        message = (
            f"step {sim.step}: atom {atoms.tags[row]} (counting from 0) flew away, to "
            f"{np.round(atoms.positions[row], 1).tolist()} {sim.units.labels['length']}; the run keeps positions "
            f"within +-{limit:g}. " + cure(sim, "use a thermostat or a periodic cell, or remove the atom")
        )
    fail(sim.comm, message)


def explosion(sim, temperature: float) -> None:
    unit = sim.units.labels["temperature"]
    speed = np.linalg.norm(sim.atoms.velocities, axis=1) * np.sqrt(sim.atoms.masses[: sim.atoms.n_owned])
    best = sim.comm.allgather(float(speed.max(initial=-1.0)))
    message = None
    if speed.size and float(speed.max()) == max(best):
        message = (
            f"step {sim.step}: the temperature is {temperature:.4g} {unit}, beyond the limit of "
            f"{sim.max_temperature:.4g} {unit}; the hottest is atom {sim.atoms.tags[int(np.argmax(speed))]} "
            "(counting from 0). "
            + cure(sim, "use a smaller timestep or relax the structure first; if it is meant, raise [limits] "
                   "max_temperature")
        )
    fail(sim.comm, message)
