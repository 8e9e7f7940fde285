"""Does the whole move, and which motions are left to be warm?

The total momentum is conserved along an axis along which nothing is held and no potential pushes the whole; so is the
angular momentum of a cluster, or of a wire about its axis, if there is no such axis.
"""

import numpy as np

from mdcore.base import exact
from mdcore.doors import _kernels
from mdcore.dynamics.loading import by_tag
from mdcore.structure import velocities

AT_REST = 1e-9  # of the kinetic energy: less in the motion of the whole is rounding


def loose(sim, pushed: bool = False) -> np.ndarray:
    """bool [3]: can the whole move freely along x, y, z? pushed : also where a potential pushes it"""
    pushes = [axis in sim.potential.pushes and not pushed for axis in "xyz"]
    return ~(np.array(sim.system.fixed, dtype=bool) | pushes)


def _momentum(sim) -> tuple[np.ndarray, int]:
    """(total momentum [3], total kinetic energy on the energy grid), from exact sums: the same on every rank."""
    sums = [exact.integer(row) for row in sim.comm.sum(_kernels.kinetic_sums(sim.atoms))]
    return np.array([exact.value(p, exact.ENERGY_BITS) for p in sums[6:]]), sum(sums[:3]) // 2


def remove_momentum(sim, pushed: bool = False) -> None:
    """Zero the total momentum where it is conserved, and so the angular momentum of a cluster; the energy goes to
    `sim.heat`. pushed : as for `loose`"""
    momentum, before = _momentum(sim)
    free = loose(sim, pushed)
    sim.atoms.velocities[:] -= np.where(free, momentum, 0.0) / sim.system.total_mass
    if not any(sim.box.periodic) and free.all():
        gathered, new = by_tag(sim, sim.atoms.x, sim.atoms.v, sim.atoms.masses), None
        if gathered is not None:
            x, v, masses = gathered
            new = velocities.zero_angular_momentum(x[:, :3], v[:, :3], masses)
        sim.atoms.velocities[:] = sim.comm.bcast(new)[sim.atoms.tags[: sim.atoms.n_owned]]
    _, after = _momentum(sim)
    if sim.comm.rank == 0:
        sim.driven.heat += after - before


def degrees_of_freedom(sim, conserves: bool) -> int:
    """Motions that share the kinetic energy; those that the dynamics conserve and that are at rest do not.

    conserves : the integrator conserves momentum (and the angular momentum of a cluster or wire)
    """
    n, free = sim.system.n_atoms, loose(sim)
    every = 3 * n - sum(sim.system.fixed)
    momentum, kinetic = _momentum(sim)
    momentum = np.where(free, momentum, 0.0)
    energy = exact.value(kinetic, exact.ENERGY_BITS)
    if not conserves or momentum @ momentum / (2.0 * sim.system.total_mass) > AT_REST * energy:
        return every
    if not free.all():
        return max(every - int(free.sum()), 0)
    if sum(sim.box.periodic) > 1:
        return velocities.degrees_of_freedom(sim.box, n)
    gathered, found = by_tag(sim, sim.atoms.x, sim.atoms.v, sim.atoms.masses, sim.atoms.images), None
    if gathered is not None:
        x, v, masses, images = gathered
        x, v = x[:, :3] + images @ sim.box.matrix, v[:, :3]
        still = velocities.zero_angular_momentum(x, v, masses, velocities.rotation_axis(sim.box))
        rotation = 0.5 * float(masses @ ((v**2).sum(axis=1) - (still**2).sum(axis=1)))
        found = velocities.degrees_of_freedom(sim.box, n, x, zero_rotation=abs(rotation) <= AT_REST * energy)
    return sim.comm.bcast(found)
