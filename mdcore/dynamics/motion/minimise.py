"""How do atoms, and their cell, come to rest in a minimum? What all minimisers have in common.

A minimiser drives a run as an integrator does: a step is one evaluation of forces. All it moves is one vector: a
displacement of each atom, and, where the cell moves, the nine numbers of a strain, times a length that makes them alike
in stiffness: the deformation-gradient variables of E. B. Tadmor, G. S. Smith, N. Bernstein, E. Kaxiras, Phys. Rev. B
59, 235 (1999), each step measured from the cell that it finds.

Every rank holds that vector for all atoms, by tag, and computes the same step: one message a step, and sums whose order
is that of the tags, so the bits do not depend on the ranks. L-BFGS keeps two dozen such vectors: 0.9 GB a rank of a
million atoms at its peak, more than FIRE (measured, of 256,000 atoms 0.48 GB in all against 0.24). Vectors that migrate
with their atoms would save that memory and no time that counts beside the forces; their sums would have to be exact on
a grid that follows forces over ten decades as they vanish.
"""

import math

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number, signed
from mdcore.base.voigt import PLACE
from mdcore.dynamics.motion.verlet import VelocityVerlet
from mdcore.engine import faults

CELLS = ("fixed", "isotropic", "anisotropic", "flexible")
MOST_STRAIN = 0.04  # of a length, in one step
MOST_GROWTH = 10.0  # of the volume, from the start
MAX_STEP = 0.2  # of an atom, in one step: Angstrom; in reduced units a quarter of that in sigma
STIFFNESS = 0.6  # of the cell beside that of atoms: strains count as displacements over so many atomic distances


class Minimiser(VelocityVerlet):
    """Moves atoms, and the cell where `cell` says so, until no force and no stress is larger than wanted.

    max_force : the largest force of any atom that is left, user unit of force; max_stress : of the components of stress
    that are free, unit of pressure
    cell : "fixed"; "isotropic", it grows and shrinks; "anisotropic", along x, y and z; "flexible", strained in any way
    pressure : to hold, unit of pressure; or stress : the six components to have, xx yy zz yz xz xy, negative when
    compressed
    max_step : the farthest that an atom moves in a step, unit of length

    Velocities are left alone and not looked at: the run goes on with them, and stress here has no kinetic part.
    converged : are forces and stress as small as wanted? force, stress : the largest ones left; calls : how often
    forces were computed
    """

    conserves_momentum = True
    collective = True

    def __init__(
        self, max_force: float = 0.01, max_stress: float = 0.05, cell: str = "fixed", pressure: float | None = None,
        stress=None, max_step: float | None = None,
    ):  # fmt: skip
        name = type(self).__name__
        super().__init__(1.0)
        self.timestep = 0.0  # no time passes
        self.max_force = number(f"{name}: max_force", max_force)
        self.max_stress = number(f"{name}: max_stress", max_stress, "pressure")
        choice(f"{name}: cell", cell, CELLS)
        self.cell, self.moves_cell = cell, cell != "fixed"
        if not self.moves_cell and (pressure is not None or stress is not None):
            raise InputError(f'{name}: a pressure or stress moves the cell: give cell = "flexible", too')
        if pressure is not None and stress is not None:
            raise InputError(f"{name}: pressure and stress are both given; give one of them")
        self.pressure = signed(f"{name}: pressure", pressure or 0.0, "pressure")
        self.target = None if stress is None else _six(f"{name}: stress", stress)
        if stress is not None and cell != "flexible" and (cell == "isotropic" or any(self.target[3:])):
            raise InputError(f'{name}: stress: a cell that is "{cell}" can\'t follow it; give cell = "flexible"')
        self.max_step = None if max_step is None else number(f"{name}: max_step", max_step, "length")
        self.converged, self.force, self.stress, self.calls = False, math.inf, math.nan, 0

    def _told(self):
        told = [f"max_force={self.max_force:g}"]
        if self.moves_cell:
            told += [f"max_stress={self.max_stress:g}", f"cell={self.cell!r}"]
            told += [f"pressure={self.pressure:g}"] if self.target is None else [f"stress={list(self.target)}"]
        return told

    @property
    def done(self) -> bool:
        """Is there nothing left to do?"""
        return self.converged

    def outcome(self, units) -> str:
        """How far it came, in words."""
        said = "relaxed" if self.converged else "not relaxed yet"
        text = f"{said}: largest force {self.force:.3g} {units.labels['force']}"
        if self.moves_cell:
            text += f", largest deviation of the stress {self.stress:.3g} {units.labels['pressure']}"
        return f"{text}, {self.calls} evaluations of forces"

    # --- as an integrator --------------------------------------------------------------------------------

    def start(self, run):
        super().start(run)
        if self.moves_cell:
            run.needs_pressure(f'{type(self).__name__}: cell = "{self.cell}"')
        goal = -self.pressure * np.eye(3) if self.target is None else np.array(self.target)[PLACE]
        self.goal = goal * run.units.pressure
        n = run.n_atoms
        self.length = STIFFNESS * (run.box.volume / n) ** (1.0 / 3.0) * math.sqrt(n)
        lj = run.units.name == "lj"
        limit = self.max_step or (0.25 * MAX_STEP if lj else MAX_STEP)
        self.limit = min(limit, 0.49 * run.work.neighbors.skin)  # what may move in a step without being noticed
        self.scale = 0.25 if lj else 1.0  # of lengths
        self.calls = 0
        self.begin()
        self._look(run)

    def needs_virial(self, step):
        return self.moves_cell

    def before_forces(self, run):
        step = self.step(self.downhill)
        atoms, n = run.atoms, run.atoms.n_owned
        moves, strain = step[: 3 * run.n_atoms].reshape(-1, 3), step[3 * run.n_atoms :].reshape(-1, 3) / self.length
        if self.moves_cell:
            run.strain(np.eye(3) + strain, book=False)
        mine = moves[atoms.tags[:n]] + run.big - run.big  # on the grid: then the image an atom is in does not matter
        atoms.x[:n, :3] += mine
        far = atoms.x[:n, :3] - atoms.start[:n, :3]
        return tuple(float((rows**2).sum(axis=1).max(initial=0.0)) for rows in (mine, far))

    def after_forces(self, run):
        self._look(run)
        return faults.bad_row(run.atoms)

    def _look(self, run) -> None:
        """What are the forces now, on atoms and cell? Are they small enough (collective)?"""
        n, atoms = run.n_atoms, run.atoms
        tags, forces = run.comm.join(atoms.tags[: atoms.n_owned]), run.comm.join(atoms.f[: atoms.n_owned, :3])
        self.downhill = np.zeros(3 * n + 9 * self.moves_cell)
        self.downhill[: 3 * n].reshape(n, 3)[tags] = forces
        self.force = math.sqrt((forces**2).sum(axis=1).max())
        small = self.force <= self.max_force
        if self.moves_cell:
            volume = run.box.volume
            if not volume < MOST_GROWTH * (self.length / (STIFFNESS * math.sqrt(n))) ** 3 * n:
                run.fail(
                    f"the cell has grown {MOST_GROWTH:g} times: the potential does not hold these atoms together at "
                    "this pressure or stress"
                )
            excess = self._free(run.virial() + volume * self.goal)
            self.downhill[3 * n :] = excess.ravel() / self.length
            self.stress = float(np.abs(excess).max()) / (volume * run.units.pressure)
            small = small and self.stress <= self.max_stress
        self.converged = bool(small)
        self.calls += 1

    def _free(self, tensor: np.ndarray) -> np.ndarray:
        """What of a symmetric tensor the cell can follow."""
        if self.cell == "isotropic":
            return np.eye(3) * np.trace(tensor) / 3.0
        return np.diag(np.diag(tensor)) if self.cell == "anisotropic" else tensor

    def within_limits(self, step: np.ndarray) -> np.ndarray:
        """The step, shorter if an atom would move too far, or the cell."""
        n = 3 * self.run.n_atoms
        farthest = math.sqrt((step[:n].reshape(-1, 3) ** 2).sum(axis=1).max()) / self.limit
        if self.moves_cell:
            farthest = max(farthest, np.abs(step[n:]).max() / (MOST_STRAIN * self.length))
        return step if farthest <= 1.0 else step / farthest

    # --- what a method says ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Nothing is known yet."""
        raise NotImplementedError

    def step(self, downhill: np.ndarray) -> np.ndarray:
        """The next step, float64 [3 n (+ 9)], within limits; downhill : the force there."""
        raise NotImplementedError

    # --- checkpoints -------------------------------------------------------------------------------------

    memory = ()  # names of the numbers and arrays that `step` goes by

    def state(self):
        told = {name: getattr(self, name) for name in (*self.memory, "length")}
        return {type(self).__name__: told | {"cell": self.cell}}

    def restore(self, state):
        told = state.get(type(self).__name__)
        if told is None or told.get("cell") != self.cell:
            return  # the method or the cell was changed: it begins anew
        size = len(self.downhill)
        for name in (*self.memory, "length"):
            new, old = told.get(name), getattr(self, name)
            if type(new) is not type(old) or (isinstance(new, np.ndarray) and (
                new.shape[-1:] != (size,) or new.ndim != old.ndim or new.dtype != old.dtype)):  # fmt: skip
                self.run.refuse(f"the state of {type(self).__name__} in the checkpoint is damaged ({name})")
            setattr(self, name, new)
        if self.moves_cell:
            self._look(self.run)


def _six(name: str, values) -> tuple[float, ...]:
    if not np.ndim(values) == 1 or len(values) != 6:
        raise InputError(f"{name} = {values!r}: expected six numbers, xx, yy, zz, yz, xz, xy")
    return tuple(signed(name, value, "pressure") for value in values)


def dot(a: np.ndarray, b: np.ndarray) -> float:
    """In the order of tags, by one thread: not by BLAS, whose bits depend on its threads."""
    return float((a * b).sum())
