"""How high is the barrier between two structures, and what is on top of it? The nudged elastic band."""

from dataclasses import dataclass

import numpy as np

from mdcore.base.arguments import function, listed
from mdcore.base.comm import connect, on_root
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.ranges import count, number
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.engine.evaluation import open_potential
from mdcore.properties.band import Band, Inertia, gap
from mdcore.properties.relaxation import at_rest, moved, relax

STEPS = 2000  # of the relaxation of an end, at most
SPRING = {"metal": 0.1, "lj": 10.0}  # energy / length^2
EARLY = 5.0  # an image climbs once forces are less than so many times the wanted ones
SAME = 1e-4  # of a cell: by how much those of two files may differ
HELD = 0.01  # unit of length: how far apart the two ends may have an atom that is held
LEAST = 1e-6  # unit of length: shorter is no path


@dataclass(frozen=True, eq=False)
class MinimumEnergyPath:
    """What `neb` found; user units, the same on every rank. Images are counted from 0, the start.

    systems : list of System; coordinates : float64 [images], length of the path up to each; energies : [images]
    slopes : [images], d energy / d coordinate, minus the force along the path
    forces : [images, n, 3] of the potential; largest_forces : [images] on an atom: of the band, at the ends of the
    potential
    saddle : the highest image; climbed : is it on the saddle point? converged; steps; calls : of an image each
    """

    systems: list
    coordinates: np.ndarray
    energies: np.ndarray
    slopes: np.ndarray
    forces: np.ndarray
    largest_forces: np.ndarray
    saddle: int
    climbed: bool
    converged: bool
    steps: int
    calls: int

    @property
    def barrier(self) -> float:
        """From the start to the highest image."""
        return float(self.energies[self.saddle] - self.energies[0])

    @property
    def backward(self) -> float:
        """From the end to the highest image."""
        return float(self.energies[self.saddle] - self.energies[-1])

    def energy_at(self, coordinate):
        """Cubic pieces through energies and slopes: G. Henkelman, H. Jonsson, J. Chem. Phys. 113, 9978 (2000), app."""
        x, s = self.coordinates, np.asarray(coordinate, dtype=np.float64)
        k = np.clip(np.searchsorted(x, s, side="right") - 1, 0, len(x) - 2)
        h = x[k + 1] - x[k]
        t = (s - x[k]) / h
        u = 1.0 - t
        ends = self.energies[k] * (1.0 + 2.0 * t) * u**2 + self.energies[k + 1] * (1.0 + 2.0 * u) * t**2
        return ends + h * t * u * (self.slopes[k] * u - self.slopes[k + 1] * t)


def neb(
    potential, start, end, *, images: int = 7, max_force: float = 0.01, climb: bool = True, relax_ends: bool = False,
    spring: float | None = None, steps: int = 1000, observers=(), watchers=(), comm=None,
) -> MinimumEnergyPath:  # fmt: skip
    """The path of least energy between two structures of the same atoms in the same order, in one cell (collective).

    A band of images is relaxed across the path by FIRE, with improved tangents; the highest image climbs along it, to
    the saddle point: G. Henkelman, H. Jonsson, J. Chem. Phys. 113, 9978 and (with B. P. Uberuaga) 9901 (2000).
    The band begins as the straight line; each atom takes the shortest way in a periodic cell. Atoms that are `fixed` in
    one of the ends stay. Images are computed side by side on ranks, the results are the same bits on any number.

    potential : as for `evaluate`; start, end : a System or ase.Atoms (on several ranks, what rank 0 has counts)
    images : between the ends; max_force : that is left on an atom of the band
    relax_ends : first, to max_force; spring : between images, energy / length^2 (0.1 eV/Angstrom^2)
    steps : at most; observers : functions of (step, energies, largest force); watchers : functions of (step, positions
    float64 [images + 2, n, 3])
    InputError if the ends don't belong together, Unrelaxed if one does not come to rest.
    """
    comm, potential = connect(comm), open_potential(potential)
    observers = [function("neb: observer", each) for each in listed("neb: observers", observers, "function")]
    watchers = [function("neb: watcher", each) for each in listed("neb: watchers", watchers, "function")]
    count("neb: images", images, 1, 1000)
    count("neb: steps", steps, 0, 10**9)
    number("neb: max_force", max_force)
    first, last = on_root(comm, lambda: matched(start, end), share=True)
    spring = number("neb: spring", SPRING.get(first.units.name, SPRING["metal"]) if spring is None else spring)
    if relax_ends:
        first, last = (_relaxed(potential, *one, max_force, comm) for one in (("start", first), ("end", last)))
    held = np.zeros(first.positions.shape, dtype=bool)
    for one in (first, last):
        held |= False if one.fixed is None else one.fixed
    way = on_root(comm, lambda: _way(first, last, held), share=True)
    band = Band(comm, potential, first, first.positions + np.linspace(0.0, 1.0, images + 2)[:, None, None] * way, held)
    inertia = Inertia(images * first.n_atoms, first.units)
    band.evaluate(ends=True)
    climbing, step = False, 0
    while True:
        down = band.downhill(spring, climbing)
        largest = np.sqrt((down**2).sum(axis=2).max(axis=1))
        worst = float(largest.max())
        for tell in observers:
            tell(step, band.energies, worst)
        for watch in watchers:
            watch(step, band.positions.copy())
        if climb and not climbing and worst <= EARLY * max_force and band.top is not None:
            climbing = True
            continue
        if worst <= max_force or step == steps:
            break
        band.positions[1:-1] += inertia.step(down.ravel()).reshape(down.shape)
        band.evaluate()
        step += 1
    return _told(band, (first, last), largest, climbing and band.top is not None, worst <= max_force, step)


def _told(band, ends, largest, climbed, converged, steps) -> MinimumEnergyPath:
    lengths = [gap(step) for step in np.diff(band.positions, axis=0)]
    rest = np.sqrt((band.free_forces()[[0, -1]] ** 2).sum(axis=2).max(axis=1))
    systems = [moved(ends[0], ends[0].box, positions) for positions in band.positions]
    return MinimumEnergyPath(
        systems, np.append(0.0, np.cumsum(lengths)), band.energies, band.slopes(), band.forces,
        np.concatenate((rest[:1], largest, rest[1:])), int(np.argmax(band.energies)), climbed, converged, steps,
        (steps + 1) * len(largest) + 2,
    )  # fmt: skip


def matched(start, end, name: str = "neb"):
    """Both ends as Systems at rest; InputError, of the function of that name, if they are not of the same atoms in the
    same cell."""
    first, last = at_rest(start), at_rest(end)
    for one in (first, last):
        one.check_free()
    if first.units.name != last.units.name:
        raise InputError(f"{name}: the start is in {first.units.name} units, the end in {last.units.name}")
    if first.n_atoms != last.n_atoms:
        raise InputError(
            f"{name}: the start has {first.n_atoms} atoms, the end {last.n_atoms}: both need the same, in the same "
            "order"
        )
    for k, (a, b) in enumerate(zip(first.names, last.names, strict=True)):
        if a != b:
            raise InputError(
                f"{name}: atom {k} (counting from 0) is {a} at the start and {b} at the end: put the atoms of both in "
                "the same order"
            )
    same = first.box.periodic == last.box.periodic
    for axis, here in enumerate(first.box.periodic):
        a, b = first.box.matrix[axis], last.box.matrix[axis]
        same = same and not (here and np.abs(a - b).max() > SAME * np.abs(a).max())
    if not same:
        raise InputError(
            f"{name}: the cells differ, {first.box!r} at the start and {last.box!r} at the end: relax the end in the "
            "cell of the start (mdcore relax without --cell)"
        )
    return first, last


def _way(first, last, held) -> np.ndarray:
    """float64 [n, 3] from the start to the end, the shortest way of each atom; InputError."""
    way = shortest(first.box, last.positions - first.positions)
    apart = np.abs(np.where(held, way, 0.0)).max(axis=1)
    if apart.max() > HELD:
        k = int(np.argmax(apart))
        raise InputError(
            f"neb: atom {k} (counting from 0) is held, but start and end have it {apart[k]:.3g} apart: free it, or put "
            "it at one place"
        )
    way[held] = 0.0
    if gap(way) < LEAST:
        raise InputError("neb: start and end are the same structure (mdcore relax may have brought both to one)")
    return way


def shortest(box, way) -> np.ndarray:
    """float64 [n, 3], the shortest of each vector's periodic images."""
    box = box.reduced()
    fractional = way @ box.inverse
    base = fractional - np.where(box.periodic, np.round(fractional), 0.0)
    reach = [(0, -1, 1) if here else (0,) for here in box.periodic]
    shifts = np.array(np.meshgrid(*reach, indexing="ij")).reshape(3, -1).T
    ways = (base[:, None] + shifts) @ box.matrix
    return ways[np.arange(len(way)), (ways**2).sum(axis=2).argmin(axis=1)]


class Unrelaxed(SimulationError):
    """An end of the path is not at rest after as many steps as there are."""


def _relaxed(potential, what: str, system, max_force: float, comm):
    found = relax(potential, system, LBFGS(max_force), STEPS, comm=comm)
    if not found.converged:
        raise Unrelaxed(
            f"neb: the {what} is not relaxed after {STEPS} steps, largest force {found.largest_force:.3g}: a larger "
            "max_force is met sooner"
        ).everywhere()
    return comm.bcast(found.system)
