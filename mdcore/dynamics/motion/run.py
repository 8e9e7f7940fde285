"""What does an integrator know of the run it drives, and what may it do to it?"""

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import of_kind
from mdcore.base.comm import on_root
from mdcore.base.errors import InputError
from mdcore.base.voigt import PAIRS, PLACE
from mdcore.doors import _kernels
from mdcore.engine import faults
from mdcore.structure.columns import FIXED
from mdcore.structure.groups import group_of

MOST_STRAIN = 0.2  # of a length, in one step
TOO_FAST = 100.0  # times the mean kinetic energy: of a million atoms in equilibrium the fastest has 12


class Run:
    """The atoms of this rank, their cell and the clock. Internal units; all but the atoms is the same on every rank.

    work : atoms, cell and forces (work.py); seed : of random numbers
    n_fixed : components of atoms that are held in place
    step : steps done; first_step, steps : where the stage began, and how long it is; degrees_of_freedom : of the stage
    heat : energy put in from outside, int on the energy grid (exact.py), this rank's share
    """

    def __init__(self, work, seed: int, n_fixed: int = 0):
        self.work, self.seed, self.n_fixed = work, seed, n_fixed
        self.atoms, self.units, self.comm = work.atoms, work.units, work.comm
        self.step = self.first_step = self.steps = 0
        self.degrees_of_freedom = 0
        self.heat = 0
        self._groups, self._free = {}, {}
        self._random = np.random.Generator(np.random.Philox(key=np.zeros(2, dtype=np.uint64)))
        self._fresh = self._random.bit_generator.state  # before any number is drawn
        self._kinetic = None  # while parts of one step act
        self._owed = None  # strain whose work is not booked yet, virial before it

    @property
    def box(self):
        """The cell as it is now."""
        return self.work.box

    @property
    def n_atoms(self) -> int:
        return sum(self.work.counts)

    @property
    def big(self) -> float:
        """Rounds positions to their grid, x + big - big."""
        return self.work.big

    @property
    def fixed(self) -> np.ndarray | None:
        """bool [n_owned, 3], the components that are held, of this rank's atoms; None: none of any rank."""
        return self.atoms.fixed[: self.atoms.n_owned] if self.work.holds else None

    def of_columns(self, find):
        """`find(columns)`, columns : what the structure says of each atom, by tag (structure/columns.py), which rank 0
        knows; its answer, or its InputError, on every rank (collective)."""
        return on_root(self.comm, lambda: find(self.atoms.constants), share=True)

    def group(self, name: str) -> np.ndarray:
        """bool [n_atoms], by tag: is it in the group? InputError for one that is not there (collective)."""
        of_kind("group", name, str, "the name of a group")
        if name not in self._groups:
            self._groups[name] = self.of_columns(lambda columns: group_of(columns, name))
        return self._groups[name]

    def free(self, name: str) -> int:
        """Motions of the atoms of a group, but for what is held (collective)."""
        if name not in self._free:
            self._free[name] = self.of_columns(lambda columns: _free(columns, name))
        return self._free[name]

    def kinetic(self) -> np.ndarray:
        """The sum of m v (x) v, float64 [3, 3], at the end of this step; its trace is twice the kinetic energy
        (collective, exact)."""
        return np.array(self._six())[PLACE]

    def twice_kinetic(self) -> float:
        """The trace of `kinetic()`, which is quicker to have (collective, exact)."""
        xx, yy, zz, *_ = self._six()
        return xx + yy + zz

    def _six(self) -> list[float]:
        if self._kinetic is None:
            sums = self.comm.sum(_kernels.kinetic_sums(self.atoms)[:6]).tolist()
            self._kinetic = [exact.value(exact.integer(limbs), exact.ENERGY_BITS) for limbs in sums]
        return self._kinetic

    def forget(self) -> None:
        """Velocities are about to change, or have: what was measured of them does not hold any more."""
        self._kinetic = None

    def virial(self) -> np.ndarray:
        """The sum of x (x) F, float64 [3, 3], with the tail, at the end of this step (collective, exact)."""
        if not self.work.has_virial:
            self.work.forces(want_energy=False, want_virial=True)
        if not self.work.results.virial_known:
            self.fail("the potential does not tell its virial any more, so there is no pressure")
        return self.work.virial_tensor(self.comm.sum(self.work.virial.copy()))

    def pressure(self) -> float:
        """From the kinetic energy and the virial at the end of this step (collective)."""
        return (self.twice_kinetic() + float(np.trace(self.virial()))) / (3.0 * self.box.volume)

    def needs_pressure(self, name: str) -> None:
        """InputError, raised by all ranks together, unless there is a pressure for the part of that name."""
        if not all(self.box.periodic):
            self.refuse(f"{name}: for fully periodic systems only; a free surface has no pressure to hold")
        self.needs_virial(name)

    def needs_virial(self, name: str) -> None:
        """InputError, raised by all ranks together, unless the potential tells its virial."""
        if not self.work.results.virial_known:
            self.refuse(f"{name}: the potential does not tell its virial, so there is no pressure")

    def needs_velocities(self, name: str) -> None:
        """InputError, raised by all ranks together, if all atoms are at rest."""
        if not self.twice_kinetic() > 0.0:
            self.refuse(
                f"{name}: all atoms are at rest, there are no velocities to rescale: draw some first ([velocities] "
                "temperature, maxwell_boltzmann)"
            )

    def random(self, stream: int) -> np.random.Generator:
        """Random numbers that belong to (seed, stream, step) and to no atom: the same on every rank, until the next
        call."""
        start = self._fresh["state"]
        start["key"][:], start["counter"][3] = (self.seed, stream), self.step
        self._random.bit_generator.state = self._fresh
        return self._random

    def gain(self, energy: float) -> None:
        """So much came from outside, to all atoms together (rank 0 keeps the book)."""
        if self.comm.rank == 0:
            self.heat += round(energy * 2.0**exact.ENERGY_BITS)

    def whole(self, heat: int) -> str:
        """A share of heat of each rank, added up: for a checkpoint (collective)."""
        return str(exact.integer(self.comm.sum(exact.limbs(heat))))

    def share(self, heat: str) -> int:
        """The reverse: rank 0 keeps the book; TypeError or ValueError for what is no number."""
        if len(heat) > 1000:
            raise ValueError("heat")
        return int(heat) if self.comm.rank == 0 else 0 * int(heat)

    def scale_velocities(self, factor: float, gain: float | None = None) -> None:
        """All velocities times `factor`; booked is what that does to the energy, or `gain` (collective)."""
        six, twice, square = self._six(), self.twice_kinetic(), factor**2
        _kernels.scale_velocities(self.atoms, factor)
        self._kinetic = [square * number for number in six]
        self.gain(0.5 * (square - 1.0) * twice if gain is None else gain)

    def check_strain(self, strain: np.ndarray) -> None:
        """SimulationError if that is too much for one step."""
        if not (most := np.abs(strain).max()) < MOST_STRAIN:
            self.fail(
                self._too_fast()
                or f"the cell would change by {100 * most:.3g} % at once: relax the structure first, or let the cell "
                "change more slowly (a longer relaxation, a smaller rate)"
            )

    def _too_fast(self) -> str:
        """Which atom has nearly all of the kinetic energy, and is to blame; an empty text: none (collective)."""
        atoms = self.atoms
        mvv = atoms.masses[: atoms.n_owned] * (atoms.velocities**2).sum(axis=1)
        own = (float(mvv.max()), int(atoms.tags[np.argmax(mvv)])) if len(mvv) else (0.0, -1)
        sums, largest = zip(*self.comm.allgather((float(mvv.sum()), own)), strict=True)
        most, tag = max(largest)
        if not most * (self.n_atoms - 1) > TOO_FAST * (sum(sums) - most):
            return ""
        return (
            f"atom {tag} (counting from 0) has more than {TOO_FAST:g} times the kinetic energy of the others: correct "
            "its velocity, or relax the structure first"
        )

    def act_chain(self, chain, *arguments) -> tuple[float, float]:
        """`chain.act`; SimulationError where the kinetic energy is too far away for it (collective)."""
        try:
            return chain.act(*arguments)
        except OverflowError:
            self.fail(
                self._too_fast()
                or "the kinetic energy is too far from that of the bath for a chain of thermostats: begin with "
                "stochastic velocity rescaling (VelocityRescaling), and correct velocities that are wrong"
            )

    def strain(self, map_: np.ndarray, turn: np.ndarray | None = None, book: bool = True) -> None:
        """The cell vectors become `matrix @ map_` (float64 [3, 3]), positions go along, velocities become `v @ turn`
        (None: as they are). The work is booked, once the forces after it are known, unless a part keeps its own book
        (collective). Before atoms are moved only."""
        self.check_strain(map_ - np.eye(3))
        if book:
            self._owed = 0.5 * (map_ - np.linalg.inv(map_)), self.virial()
        if turn is None:
            turn = np.eye(3)
        elif book:
            before, turned = self.twice_kinetic(), turn.T @ self.kinetic() @ turn
            self._kinetic = [float(turned[j, k]) for j, k in PAIRS]
            self.gain(0.5 * (self.twice_kinetic() - before))
        else:
            self.forget()
        try:
            self.work.strain(map_, turn)
        except InputError as error:
            self.fail(str(error))

    def refuse(self, message: str) -> None:
        """InputError, raised by all ranks together."""
        raise InputError(message).everywhere()

    def fail(self, message: str) -> None:
        """SimulationError, raised by all ranks together."""
        faults.fail(self.comm, f"step {self.step}: {message}")

    @property
    def owes(self) -> bool:
        """Is the virial of the next forces needed, to book the work of a strain?"""
        return self._owed is not None

    def settle(self) -> None:
        """Book the work of the last strain: by the mean of the virials before and after it (collective)."""
        strain, before = self._owed
        self._owed = None
        self.gain(-0.5 * float(np.sum(strain * (before + self.virial()))))


def _free(columns, name: str) -> int:
    members = group_of(columns, name)
    return 3 * int(members.sum()) - int(columns[FIXED][members].sum() if FIXED in columns else 0)
