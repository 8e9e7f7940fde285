"""What drives the cell at a given pressure or stress, and in which ways may it move?

The enthalpy P V - V_0 tr(S E) of a pressure P and a traceless stress S, with the strain E = (F F^T - 1) / 2 since the
start of the stage (cell = cell at the start @ F); the cell moves by symmetric strains e, cell <- cell @ exp(e). Strains
that follow each other still turn a cell whose angles move, a little: it is turned back, so that F stays symmetric.
M. Parrinello, A. Rahman, J. Appl. Phys. 52, 7182 (1981); for symmetric strains: G. J. Martyna, D. J. Tobias,
M. L. Klein, J. Chem. Phys. 101, 4177 (1994).
"""

import itertools
import math

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, signed
from mdcore.base.voigt import PLACE
from mdcore.dynamics.motion.ramp import Ramp

COUPLINGS = ("isotropic", "semi-isotropic", "anisotropic", "flexible")
AXES = "xyz"
MOST_GROWTH = 100.0  # of the volume in a stage


def modes(coupling: str, axes: str) -> list[np.ndarray]:
    """Strains by which a cell may move, symmetric float64 [3, 3], orthonormal: tr(a b) = 1 if a is b, else 0."""
    which = [AXES.index(axis) for axis in axes]
    own = [np.outer(np.eye(3)[k], np.eye(3)[k]) for k in which]
    if coupling == "isotropic":
        return [sum(own) / math.sqrt(len(own))]
    if coupling == "semi-isotropic":
        return [sum(own[:2]) / math.sqrt(2.0), *own[2:]]
    if coupling == "anisotropic":
        return own
    pairs = [np.outer(np.eye(3)[j], np.eye(3)[k]) for j, k in itertools.combinations(which, 2)]
    return own + [(pair + pair.T) / math.sqrt(2.0) for pair in pairs]


def exponential(strain: np.ndarray) -> np.ndarray:
    """exp of a small symmetric matrix, by its series: the same bits everywhere."""
    whole = term = np.eye(3)
    for k in range(1, 13):
        term = term @ strain / k
        whole = whole + term
    return whole


def rotation_of(deformation: np.ndarray) -> np.ndarray:
    """The rotation R of F = U R with a symmetric U, by Newton's iteration (N. J. Higham, SIAM J. Sci. Stat. Comput. 7,
    1160 (1986))."""
    turn = deformation
    for _ in range(30):
        last, turn = turn, 0.5 * (turn + np.linalg.inv(turn).T)
        if np.abs(turn - last).max() < 1e-15:
            break
    return turn


class CellForce:
    """The force on the cell.

    pressure : one number or (first, last) for a ramp over the stage, user unit; or stress : xx, yy, zz, yz, xz, xy, or
    two rows of them, positive where it pulls
    coupling, axes : `modes`; owner : name for messages
    """

    def __init__(self, owner: str, pressure, stress, coupling: str, axes: str):
        self.owner = owner
        choice(f"{owner}: coupling", coupling, COUPLINGS)
        if not (isinstance(axes, str) and axes and axes == "".join(a for a in AXES if a in axes)):
            raise InputError(f"{owner}: axes = {axes!r}: expected some of x, y, z, in this order, such as 'xy'")
        if coupling == "semi-isotropic" and not axes.startswith("xy"):
            raise InputError(f"{owner}: axes = {axes!r}: semi-isotropic coupling moves x and y together")
        self.coupling, self.axes, self.modes = coupling, axes, modes(coupling, axes)
        if (pressure is None) == (stress is None):
            raise InputError(f"{owner}: give either a pressure or a stress")
        self.volume, self.deformation = 0.0, np.eye(3)  # at the start; since
        self._of_stress = stress is not None
        if not self._of_stress:
            self._target = Ramp(f"{owner}: pressure", pressure, lambda name, p: signed(name, p, "pressure"))
            return
        rows = np.shape(stress) == (2, 6)
        if not rows and np.shape(stress) != (6,):
            raise InputError(f"{owner}: stress = {stress!r}: expected xx, yy, zz, yz, xz, xy, or two rows of them")
        self._target = [
            Ramp(f"{owner}: stress {name}", [row[k] for row in stress] if rows else stress[k],
                 lambda name, s: signed(name, s, "pressure"))
            for k, name in enumerate(("xx", "yy", "zz", "yz", "xz", "xy"))
        ]  # fmt: skip
        for end in ("first", "last"):
            tensor = np.array([getattr(ramp, end) for ramp in self._target])[PLACE]
            own = tensor - np.trace(tensor) / 3.0 * np.eye(3)
            felt = sum(np.sum(mode * own) * mode for mode in self.modes)
            if axes == AXES and not np.allclose(felt, own, atol=1e-9 * np.abs(tensor).max()):
                raise InputError(
                    f'{owner}: stress = {stress!r}: {coupling} coupling does not feel all of it; coupling = "flexible" '
                    'does, "anisotropic" where yz, xz, xy are zero'
                )

    def __str__(self):
        told = f"stress=[{', '.join(map(str, self._target))}]" if self._of_stress else f"pressure={self._target}"
        told += "" if self.coupling == "isotropic" else f", coupling={self.coupling!r}"
        return told + ("" if self.axes == AXES else f", axes={self.axes!r}")

    def start(self, run) -> None:
        """InputError, raised by all ranks together, if the cell cannot move so."""
        run.needs_virial(self.owner)
        if stuck := run.box.free_along(self.axes):
            run.refuse(
                f"{self.owner}: for fully periodic systems, or periodic axes that move alone: cell vector {stuck} is "
                'free, its surface has no pressure to hold. Of a slab along z, axes = "xy" moves'
            )
        if not self.volume:
            self.volume = run.box.volume

    def target(self, run) -> tuple[float, np.ndarray]:
        """(pressure, traceless stress float64 [3, 3]) of this step, internal units."""
        if not self._of_stress:
            return self._target.at(run) * run.units.pressure, np.zeros((3, 3))
        tensor = np.array([ramp.at(run) for ramp in self._target])[PLACE] * run.units.pressure
        mean = np.trace(tensor) / 3.0
        return -mean, tensor - mean * np.eye(3)

    def at(self, run, thermal: float) -> np.ndarray:
        """Minus the derivative of the free enthalpy with the strain, float64 [3, 3] (collective).

        thermal : kT. Motions of the whole that are held have no kinetic energy, yet a part in the pressure.
        """
        pressure, stress = self.target(run)
        own = thermal * self.held(run) - pressure * run.box.volume
        pull = self.volume * self.deformation.T @ stress @ self.deformation
        return run.kinetic() + run.virial() + pull + own * np.eye(3)

    def held(self, run) -> float:
        """Motions along an axis that have no kinetic energy, though the cell moves them like others."""
        return run.n_atoms - (run.n_fixed + run.degrees_of_freedom) / 3.0

    def follow(self, run, map_) -> tuple[np.ndarray, float, float]:
        """The cell is about to become cell @ map_ @ back: (back, which turns it back, float64 [3, 3]; enthalpy that it
        gains; ln of the ratio of volumes)."""
        pressure, stress = self.target(run)
        grown = abs(np.linalg.det(map_))
        after = self.deformation @ map_
        strained = 0.5 * (after @ after.T - self.deformation @ self.deformation.T)
        back = rotation_of(after).T if self.coupling == "flexible" else np.eye(3)
        self.deformation = after @ back
        volume = run.box.volume * grown
        if not volume < MOST_GROWTH * self.volume:
            run.fail(
                f"the volume has grown by a factor of {MOST_GROWTH:g} in this stage: the pressure is below what holds "
                "the material together at this temperature"
            )
        gained = pressure * (volume - run.box.volume) - self.volume * float(np.sum(stress * strained))
        return back, gained, math.log(grown)

    def state(self) -> dict:
        """What a continued run must know."""
        return {"volume": self.volume, "deformation": self.deformation.tolist()}

    def restore(self, state) -> None:
        """The reverse."""
        deformation = np.array(state["deformation"], dtype=np.float64)
        if deformation.shape != (3, 3) or not np.isfinite(deformation).all() or not 0.0 < state["volume"] < math.inf:
            raise ValueError("volume or deformation")
        self.volume, self.deformation = float(state["volume"]), deformation
