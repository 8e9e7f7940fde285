"""Constant temperature by friction and noise, of all atoms or of groups."""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import listed, of_kind
from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.doors import _kernels
from mdcore.dynamics.motion.ramp import Ramp
from mdcore.dynamics.motion.verlet import VelocityVerlet
from mdcore.structure.columns import FIXED
from mdcore.structure.groups import group_of

MOST_BATHS = 30
HEATS = "heats of baths"  # in a checkpoint


class Bath:
    """What rubs against the atoms of a group and warms them.

    group : its name, None: all atoms; temperature, friction : as for Langevin
    """

    def __init__(self, group: str | None, temperature, friction: float):
        self.group = group
        self.temperature = Ramp("Langevin: temperature", temperature, bath_temperature)
        self.friction = number("friction", friction, "friction")

    def __repr__(self):
        return f"Bath({self.group!r}, temperature={self.temperature}, friction={self.friction:g})"


class Langevin(VelocityVerlet):
    """Langevin dynamics: constant temperature, by friction and noise (NVT).

    timestep : user unit of time; temperature : one number, or (first, last) for a linear ramp over the
    stage, user unit of temperature; friction : 1 / user unit of time; barostat : as for VelocityVerlet
    group : of which atoms, None: of all; others : a Bath for each other group; atoms of no group move by Newton's
    equations
    BAOAB splitting: Leimkuhler & Matthews, J. Chem. Phys. 138, 174102 (2013), eq. 11. Noise belongs to
    (seed, step, atom), so it does not depend on ranks or restarts.
    """

    conserves_momentum = False
    has_bath = True

    def __init__(self, timestep: float, temperature, friction: float, barostat=None, *, group=None, others=()):
        others = [of_kind("Langevin: other", one, Bath, "a Bath") for one in listed("Langevin: others", others, "Bath")]
        self.baths = [Bath(group, temperature, friction), *others]
        self.temperature, self.friction = self.baths[0].temperature, self.baths[0].friction
        groups = [bath.group for bath in self.baths]
        if (len(groups) > 1 and (None in groups or len(set(groups)) < len(groups))) or len(groups) > MOST_BATHS:
            raise InputError(f"Langevin: baths of the groups {groups}: expected different ones, up to {MOST_BATHS}")
        super().__init__(timestep, barostat=barostat)

    def _told(self):
        first, *rest = super()._told()
        own = [first, f"temperature={self.temperature}", f"friction={self.friction:g}", *rest]
        own += [f"group={self.baths[0].group!r}"] if self.baths[0].group else []
        return own + ([f"others={self.baths[1:]}"] if self.baths[1:] else [])

    def start(self, run):
        super().start(run)
        self.decays = [math.exp(-bath.friction * self.timestep) for bath in self.baths]
        self._bath = self._kinds = None
        self._heats = [0] * len(self.baths)
        if run.n_fixed or self.baths[0].group is not None:
            self._sort(run)
        self._limbs = np.zeros((1 if self._kinds is None else len(self._kinds), exact.LIMBS), dtype=np.int64)

    def _sort(self, run) -> None:
        """Which kind is an atom of, by tag: kinds have a bath, or -1 for none, and components that are held."""
        def sorted_out(columns):
            bath = np.full(run.n_atoms, -1, dtype=np.int64)
            for k, name in enumerate(own.group for own in self.baths):
                members = np.ones(len(bath), dtype=bool) if name is None else group_of(columns, name)
                if (bath[members] >= 0).any():
                    other = self.baths[bath[members].max()].group
                    raise InputError(f"Langevin: groups {other!r} and {name!r} share atoms; one atom has one bath")
                bath[members] = k
            fixed = columns.get(FIXED, np.zeros((len(bath), 3), dtype=bool))
            kinds, kind = np.unique(np.column_stack([bath, fixed]), axis=0, return_inverse=True)
            return kind.ravel().astype(np.uint8), kinds

        self._bath, self._kinds = run.of_columns(sorted_out)

    def bath(self, run):
        return self.temperature.at(run)

    def first_half(self, run):
        spreads = [
            math.sqrt(run.units.boltzmann * bath.temperature.at(run) * (1.0 - decay**2))
            for bath, decay in zip(self.baths, self.decays, strict=True)
        ]
        rows = None if self._kinds is None else self._rows(spreads)
        motion = _kernels.langevin_first(
            run.atoms, self.dt, run.big, run.seed, run.step, self.decays[0], spreads[0], self._limbs, self._bath, rows
        )
        for limbs, kind in zip(self._limbs.tolist(), [(0,)] if self._kinds is None else self._kinds, strict=True):
            heat = exact.integer(limbs)
            run.heat += heat
            self._heats[kind[0]] += heat  # of no bath it is 0
        return motion

    def heat_of(self, group):
        return next((h for h, bath in zip(self._heats, self.baths, strict=True) if bath.group == group), None)

    def state(self):
        if self.baths[0].group is None:
            return super().state()
        told = {bath.group: self.run.whole(h) for h, bath in zip(self._heats, self.baths, strict=True)}
        return super().state() | {HEATS: told}

    def restore(self, state):
        super().restore(state)
        told = state.get(HEATS, {})
        self._heats = [self.run.share(told.get(bath.group, "0")) for bath in self.baths]

    def _rows(self, spreads) -> np.ndarray:
        """float64 [kinds, 8], what the kernel reads (ext/core/md_types.h)."""
        rows = np.tile([1.0] * 4 + [0.0] * 4, (len(self._kinds), 1))
        for row, (bath, *fixed) in zip(rows, self._kinds, strict=True):
            if bath >= 0:
                free = np.flatnonzero(~np.array(fixed, dtype=bool))
                row[free], row[4 + free] = self.decays[bath], spreads[bath]
        return rows


def bath_temperature(name: str, value) -> float:
    """A temperature, or 0; InputError."""
    return number(name, value, "temperature", zero=True)
