"""A band of images of one structure between two ends: its forces, on ranks, and how it moves."""

import math
from types import SimpleNamespace

import numpy as np

from mdcore.base.errors import MdcoreError
from mdcore.dynamics.motion.fire import FIRE
from mdcore.dynamics.motion.minimise import MAX_STEP
from mdcore.dynamics.simulation import SKIN
from mdcore.engine.single import Engine


class Band:
    """Images [m, n, 3], the first and the last of which stay, and what the potential says of them.

    Rank r computes images r, r + size, ..., each with an engine of its own; every rank has all positions and forces,
    and goes on with the same numbers: sums are numpy's, in one order, none is of MPI or BLAS.
    """

    def __init__(self, comm, potential, system, positions, held):
        self.comm, self.potential, self.system, self.held = comm, potential, system, held
        self.positions, (m, n, _) = positions, positions.shape
        self.energies, self.forces = np.zeros(m), np.zeros((m, n, 3))
        self.engines: dict[int, Engine] = {}

    def evaluate(self, ends: bool = False) -> None:
        """Energies and forces of the images, where `ends` of those too (collective)."""
        m, n = self.positions.shape[:2]
        wanted = range(m) if ends else range(1, m - 1)
        shares = [wanted[rank :: self.comm.size] for rank in range(self.comm.size)]
        rows, error = np.zeros((len(shares[self.comm.rank]), 3 * n + 1)), None
        try:
            for row, image in zip(rows, shares[self.comm.rank], strict=True):
                row[0], row[1:] = self._one(image)
        except MdcoreError as raised:
            error = raised
        for one in self.comm.allgather(error):
            if one is not None:
                one.collective = True
                raise one
        found = self.comm.join(rows)
        images = [image for share in shares for image in share]
        self.energies[images], self.forces[images] = found[:, 0], found[:, 1:].reshape(-1, n, 3)

    def _one(self, image: int):
        """Energy, and forces [3 n]."""
        s, begins = self.system, image not in self.engines
        try:
            if begins:
                skin = SKIN.get(s.units.name, SKIN["metal"])
                engine = Engine(self.potential, s.symbols, skin, units=s.units, looks=True)
                engine.place(s.box, self.positions[image], s.species, s.columns, s.masses, s.bonds, s.totals)
                self.engines[image] = engine
            else:
                self.engines[image].move(self.positions[image])
            found = self.engines[image].compute()
        except MdcoreError as error:
            hint = ". So it is on the straight way: are the atoms of both ends in the same order?" if begins else ""
            raise type(error)(f"neb: image {image} (0 is the start): {error}{hint}") from None
        return found.energy, found.forces.ravel()

    @property
    def top(self) -> int | None:
        """The highest image, unless it is an end."""
        top = int(np.argmax(self.energies))
        return top if 0 < top < len(self.energies) - 1 else None

    def free_forces(self) -> np.ndarray:
        """Those of the potential, none on what is held."""
        return np.where(self.held, 0.0, self.forces)

    def tangents(self) -> np.ndarray:
        """Unit vectors [m, n, 3] along the path, uphill: G. Henkelman, H. Jonsson, J. Chem. Phys. 113, 9978 (2000),
        equations 8 to 11; at the ends towards the neighbour."""
        steps, e = np.diff(self.positions, axis=0), self.energies
        along = np.empty_like(self.positions)
        along[0], along[-1] = steps[0], steps[-1]
        for i in range(1, len(e) - 1):
            ahead, behind = e[i + 1] - e[i], e[i - 1] - e[i]
            if ahead > 0.0 >= behind:
                along[i] = steps[i]
            elif behind > 0.0 >= ahead:
                along[i] = steps[i - 1]
            else:
                more, less = max(abs(ahead), abs(behind)), min(abs(ahead), abs(behind))
                more, less = (more, less) if more > 0.0 else (1.0, 1.0)  # on a plain all ways are alike
                weights = (more, less) if e[i + 1] > e[i - 1] else (less, more)
                along[i] = weights[0] * steps[i] + weights[1] * steps[i - 1]
        return along / np.array([gap(one) or 1.0 for one in along])[:, None, None]

    def slopes(self) -> np.ndarray:
        """[m], d energy / d path."""
        return -(self.free_forces() * self.tangents()).sum(axis=(1, 2))

    def downhill(self, spring: float, climbing: bool) -> np.ndarray:
        """What moves the images between the ends, [m - 2, n, 3]: forces across the path, springs along it; where
        `climbing` the highest goes up along the path: G. Henkelman, B. P. Uberuaga, H. Jonsson, J. Chem. Phys. 113,
        9901 (2000)."""
        along, forces = self.tangents()[1:-1], self.free_forces()[1:-1]
        lengths = np.array([gap(step) for step in np.diff(self.positions, axis=0)])
        pull = spring * np.diff(lengths)
        push = (forces * along).sum(axis=(1, 2))
        if climbing and self.top is not None:
            pull[self.top - 1] = -push[self.top - 1]
        return forces + (pull - push)[:, None, None] * along


class Inertia(FIRE):
    """FIRE for the atoms of all images together."""

    def __init__(self, n_atoms: int, units):
        super().__init__()
        self.run = SimpleNamespace(n_atoms=n_atoms)
        self.scale = 0.25 if units.name == "lj" else 1.0
        self.limit = self.scale * MAX_STEP
        self.begin()


def gap(step) -> float:
    """The length of a step of all atoms."""
    return math.sqrt(float((step**2).sum()))
