"""How fast do atoms move at a temperature, and how many motions share the energy?"""

import numpy as np

from mdcore.base.arguments import function
from mdcore.base.errors import InputError
from mdcore.base.ranges import number

STREAM = 1  # of the random numbers; 0 is the noise of the Langevin integrator
LINEAR = 1e-10  # atoms lie on a line if the smallest moment of inertia is this fraction of the largest


def maxwell_boltzmann(
    system, temperature: float, seed: int, zero_momentum: bool = True, zero_rotation: bool | None = None,
    scale: bool = True, normals=None,
) -> np.ndarray:  # fmt: skip
    """Draw velocities; they become ``system.velocities`` (float64 [n, 3], user units) and are returned.

    temperature : K (lj: reduced)
    seed : 0 .. 2^64 - 1; each atom's velocity depends on seed and tag only, before the three options
    zero_momentum : remove the total momentum
    zero_rotation : remove the angular momentum: of a cluster, or of a wire about its axis; None: of
        clusters only. Atoms outside the cell are taken where they are.
    scale : scale to exactly ``temperature``; otherwise it fluctuates as in the canonical ensemble
    normals : replaces ``_kernels.normals(seed, step, stream, tags)``

    Components that are held (``system.fixed``) stay at rest; along their axes there is no total momentum to remove, nor
    is there a rotation.

    Raises InputError if no motion is left to be warm (one atom without momentum).
    """
    if not all(hasattr(system, name) for name in ("box", "positions", "masses", "fixed")):
        raise InputError(f"maxwell_boltzmann: system = {type(system).__name__}: expected a System")
    if normals is None:
        from mdcore.doors._kernels import normals
    function("maxwell_boltzmann: normals", normals)
    temperature = number("temperature", temperature, "temperature", zero=True)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"seed = {seed!r}: expected an integer from 0 to 2^64 - 1")
    box, masses, n = system.box, system.masses, len(system.positions)
    fixed = system.fixed
    if fixed is not None and zero_rotation:
        raise InputError("zero_rotation = true: what is partly held in place does not turn; leave it out")
    rotation = fixed is None and not any(box.periodic) if zero_rotation is None else zero_rotation
    axis = rotation_axis(box) if rotation else None
    free = degrees_of_freedom(box, n, system.positions, zero_momentum, rotation, fixed)
    if temperature > 0.0 and free == 0:
        what, cure = "nothing is left to be warm", "hold less in place"
        if fixed is None:
            what, cure = "a single atom without momentum can't be warm", "zero_momentum = false"
        raise InputError(f"temperature = {temperature:g}: {what}; set temperature = 0, or {cure}")
    if temperature == 0.0:
        system.velocities = np.zeros((n, 3))
        return system.velocities
    noise = np.asarray(normals(int(seed), 0, STREAM, np.arange(n, dtype=np.int64)))
    thermal = system.units.boltzmann * temperature
    velocities = noise * np.sqrt(thermal / masses)[:, None]
    if fixed is not None:
        velocities[fixed] = 0.0
    if zero_momentum:
        still = _zero_momentum(velocities, masses)
        velocities = still if fixed is None else np.where(fixed.any(axis=0), velocities, still)
    if rotation:
        velocities = zero_angular_momentum(system.positions, velocities, masses, axis)
    if scale:
        twice_kinetic = float(np.sum(masses[:, None] * velocities**2))
        velocities *= np.sqrt(free * thermal / twice_kinetic)
    system.velocities = velocities / system.units.velocity
    return system.velocities


def zero_momentum(velocities: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """velocities [n, 3] seen from the centre of mass."""
    for _ in range(2):  # the second pass removes what the first one's rounding left
        velocities = velocities - masses @ velocities / masses.sum()
    return velocities


_zero_momentum = zero_momentum  # an argument of maxwell_boltzmann has this name as well


def zero_angular_momentum(positions, velocities, masses, axis=None) -> np.ndarray:
    """velocities [n, 3] without rigid rotation about the centre of mass, or about ``axis`` [3] through it.

    The total momentum stays as it is. Linear molecules and single atoms are all right.
    """
    arms = positions - masses @ positions / masses.sum()
    for _ in range(2):
        momentum = np.cross(arms, masses[:, None] * velocities).sum(axis=0)
        inertia = _inertia(arms, masses)
        if axis is None:
            moments, axes = np.linalg.eigh(inertia)
            rotating = moments > LINEAR * max(moments[-1], np.finfo(float).tiny)
            axes = axes[:, rotating]
            omega = axes @ ((momentum @ axes) / moments[rotating])
        else:
            moment = axis @ inertia @ axis
            turns = moment > LINEAR * np.trace(inertia)
            omega = axis * (momentum @ axis / moment) if turns else np.zeros(3)
        velocities = velocities - np.cross(omega, arms)
    return velocities


def degrees_of_freedom(
    box, n_atoms: int, positions=None, zero_momentum=True, zero_rotation=False, fixed=None
) -> int:
    """Motions that carry kinetic energy.

    3n; less 3 for the total momentum; less the rotations that are removed: 3 of a cluster (2 if its atoms
    lie on a line, none of a single atom), 1 of a wire (periodic along one direction) about its axis, unless
    all its atoms lie on it. ``positions`` [n, 3] are needed for the rotations only. InputError if
    rotations are to be removed from a system that is periodic along two or three directions. Of what is `fixed` (bool
    [n, 3]) there are the components that are not, and momentum to remove along axes where all are loose.
    """
    if fixed is not None:
        loose = 3 - int(fixed.any(axis=0).sum())
        return max(int((~fixed).sum()) - (loose if zero_momentum else 0), 0)
    free = 3 * n_atoms - (3 if zero_momentum else 0)
    if not zero_rotation:
        return free
    axis = rotation_axis(box)
    positions = np.asarray(positions, dtype=np.float64)
    arms = positions - positions.mean(axis=0)
    inertia = _inertia(arms, np.ones(n_atoms))
    if axis is not None:
        return free - int(axis @ inertia @ axis > LINEAR * np.trace(inertia))
    moments = np.linalg.eigvalsh(inertia)
    return free - int(np.sum(moments > LINEAR * max(moments[-1], np.finfo(float).tiny)))


def rotation_axis(box) -> np.ndarray | None:
    """The axis [3] about which a wire may turn; None for a cluster, which may turn about any."""
    periodic = [k for k in range(3) if box.periodic[k]]
    if len(periodic) > 1:
        raise InputError(
            "zero_rotation = true: a system that is periodic along more than one direction can't rotate; "
            "leave zero_rotation out"
        )
    if not periodic:
        return None
    vector = box.matrix[periodic[0]]
    return vector / np.linalg.norm(vector)


def _inertia(arms: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Tensor of inertia [3, 3] of atoms at ``arms`` [n, 3] from the centre."""
    second = (masses[:, None] * arms).T @ arms
    return np.trace(second) * np.eye(3) - second
