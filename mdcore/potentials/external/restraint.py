"""Springs: between atoms and the places they are kept at, between atoms, between groups, at an angle of three."""

import math
import numbers

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.base.ranges import number, signed
from mdcore.potentials.base import Bound, Potential
from mdcore.potentials.external.base import GRID, HEAT_BITS, MEMBER, BoundExternal, External, add, vector
from mdcore.structure.atoms import Column

ANCHOR = "anchor"  # column of the structure: where atoms are kept
SITE_BITS = 36  # a centre is a sum of multiples of 2^-36: coordinates are below 1e8


class PositionRestraint(External):
    """Each atom of a group on a spring: stiffness r^2 / 2, r from its place in the structure's column "anchor" to its
    nearest image.

    stiffness : unit of energy by length squared; group : its name, None: all atoms; axes : along which the spring pulls
    velocity : of the anchors, unit of length by user unit of time, from time 0 on
    """

    def __init__(self, stiffness: float, group: str | None = None, *, axes: str = "xyz", velocity=(0.0, 0.0, 0.0)):
        super().__init__(group)
        self.stiffness = number("PositionRestraint: stiffness", stiffness)
        if not (isinstance(axes, str) and axes and set(axes) <= set("xyz") and len(set(axes)) == len(axes)):
            raise InputError(f'PositionRestraint: axes = {axes!r}: expected some of "xyz"')
        self.axes = self.pushes = "".join(sorted(axes))
        self.velocity = vector("PositionRestraint: velocity", velocity)
        self._along = np.array([axis in axes for axis in "xyz"], dtype=np.float64)

    def __repr__(self):
        return f"PositionRestraint({self.stiffness:g}{self._on()}, axes={self.axes!r})"

    def bind(self, symbols):
        bound = BoundExternal(self, symbols)
        bound.columns = {**bound.columns, ANCHOR: Column("f8", (3,), "structure")}
        return bound

    def act(self, atoms, rows, box, time):
        x = atoms.x[rows, :3]
        if any(box.periodic):
            x, _ = box.wrap(x)  # the same image whatever became of the lists: the same bits
        away = _nearest(x - (atoms.anchor[rows] + self.velocity * time), box) * self._along
        return rows, 0.5 * self.stiffness * np.einsum("ij,ij->i", away, away), -self.stiffness * away


class Restraint(Potential):
    """A spring between sites: atoms, or centres of mass of groups. A kind of its own says `energy`.

    sites : numbers of atoms, or names of groups; stiffness, target, rate : of the spring, its length or angle, and how
    fast that changes, from time 0 on
    """

    list_kinds = ()
    cutoff = 0.0
    outside = True
    n_sites = 2

    def __init__(self, sites, stiffness: float, target: float, rate: float):
        kind = type(self).__name__
        self.sites = tuple(sites) if isinstance(sites, list | tuple | np.ndarray) else (sites,)
        whole = [isinstance(s, numbers.Integral) and not isinstance(s, bool) and s >= 0 for s in self.sites]
        named = [isinstance(s, str) for s in self.sites]
        if len(self.sites) != self.n_sites or not all(a or b for a, b in zip(whole, named, strict=True)):
            raise InputError(f"{kind}: {sites!r}: expected {self.n_sites} atoms (from 0) or names of groups")
        if len(set(self.sites)) < self.n_sites:
            raise InputError(f"{kind}: {sites!r}: they must differ")
        self.stiffness = number(f"{kind}: stiffness", stiffness)
        self.target, self.rate = target, signed(f"{kind}: rate", rate)

    def __repr__(self):
        moves = f", rate={self.rate:g}" if self.rate else ""
        return f"{type(self).__name__}({list(self.sites)}, {self.stiffness:g}, {self.target:g}{moves})"

    def describe(self, unit):
        return " - ".join(map(str, self.sites))

    def bind(self, symbols):
        return BoundRestraint(self)

    def at(self, time: float) -> float:
        """The target."""
        return self.target + self.rate * time

    def energy(self, places, box, time: float):
        """(energy, forces on the sites [n_sites, 3], virial [3, 3] sum of r (x) F)."""
        raise NotImplementedError


class DistanceRestraint(Restraint):
    """stiffness (r - length)^2 / 2, r the distance of two sites, to the nearest image.

    sites : two atoms (numbers from 0) or names of groups, whose centres of mass are meant
    stiffness : unit of energy by length squared; length : unit of length; rate : by which it grows, length by user unit
    of time
    """

    def __init__(self, sites, stiffness: float, length: float, *, rate: float = 0.0):
        super().__init__(sites, stiffness, number("DistanceRestraint: length", length, "length", zero=True), rate)

    def energy(self, places, box, time):
        r = _nearest(places[1] - places[0], box)
        d = math.sqrt(float(r @ r))
        stretch = d - self.at(time)
        pull = self.stiffness * stretch / d * r if d > 0.0 else np.zeros(3)  # on the first
        return 0.5 * self.stiffness * stretch**2, np.array([pull, -pull]), -np.outer(r, pull)


class AngleRestraint(Restraint):
    """stiffness (angle - target)^2 / 2 of the angle at the second of three sites.

    sites : three atoms (numbers from 0) or names of groups; stiffness : unit of energy (by radian squared); angle :
    degrees, 0 to 180; rate : degrees by user unit of time
    """

    n_sites = 3

    def __init__(self, sites, stiffness: float, angle: float, *, rate: float = 0.0):
        angle = number("AngleRestraint: angle", angle, zero=True)
        if angle > 180.0:
            raise InputError(f"AngleRestraint: angle = {angle:g}: expected degrees, 0 to 180")
        super().__init__(sites, stiffness, angle, rate)

    def energy(self, places, box, time):
        a, b = _nearest(places[0] - places[1], box), _nearest(places[2] - places[1], box)
        la, lb = math.sqrt(float(a @ a)), math.sqrt(float(b @ b))
        if not la or not lb:
            return 0.0, np.zeros((3, 3)), np.zeros((3, 3))
        a, b = a / la, b / lb
        cos = min(max(float(a @ b), -1.0), 1.0)
        sin = math.sqrt(1.0 - cos * cos)
        off = math.acos(cos) - math.radians(self.at(time))
        slope = self.stiffness * off / sin if sin > 1e-9 else 0.0  # on a line the direction is anybody's guess
        fa, fb = slope * (b - cos * a) / la, slope * (a - cos * b) / lb
        return 0.5 * self.stiffness * off**2, np.array([fa, -fa - fb, fb]), np.outer(la * a, fa) + np.outer(lb * b, fb)


class BoundRestraint(Bound):
    """A spring between sites. Where they are is found by a sum over ranks, so they may be as far as they like."""

    def __init__(self, potential: Restraint):
        self.potential = potential
        self.columns = {site: MEMBER for site in potential.sites if isinstance(site, str)}

    @property
    def moves(self):
        return self.potential.rate != 0.0

    def _members(self, atoms, domain):
        """(rows, shares of the mass) of the owned atoms of each site (collective)."""
        n, found = atoms.n_owned, []
        for site in self.potential.sites:
            rows = np.flatnonzero(getattr(atoms, site)[:n] if isinstance(site, str) else atoms.tags[:n] == site)
            found.append((rows, atoms.masses[rows]))
        masses = [exact.limbs(exact.total(np.rint(w * GRID).astype(np.int64))) for _, w in found]
        masses = [exact.value(exact.integer(row), exact.FORCE_BITS) for row in domain.comm.sum(np.array(masses))]
        if 0.0 in masses:
            raise _missing(self.potential, self.potential.sites[masses.index(0.0)])
        return [(rows, w / mass) for (rows, w), mass in zip(found, masses, strict=True)]

    def _places(self, members, atoms, domain) -> np.ndarray:
        """float64 [n_sites, 3], the same on every rank."""
        sums = np.zeros((len(members), 3, exact.LIMBS), dtype=np.int64)
        for k, (rows, parts) in enumerate(members):
            x = atoms.x[rows, :3] + atoms.images[rows] @ domain.box.matrix
            whole = np.rint(x * parts[:, None] * 2.0**SITE_BITS).astype(np.int64)
            sums[k] = [exact.limbs(exact.total(column)) for column in whole.T]
        sums = domain.comm.sum(sums)
        return np.array([[exact.value(exact.integer(row), SITE_BITS) for row in site] for site in sums])

    def compute(self, atoms, neighbors, domain, out) -> None:
        members = self._members(atoms, domain)
        places = self._places(members, atoms, domain)
        energy, forces, virial = self.potential.energy(places, domain.box, out.time)
        rows = np.concatenate([rows for rows, _ in members])
        own = np.concatenate([np.outer(parts, force) for (_, parts), force in zip(members, forces, strict=True)])
        first = domain.comm.rank == 0
        voigt = 0.5 * (virial + virial.T)[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)] if first else np.zeros(6)
        unique, place = np.unique(rows, return_inverse=True)  # groups may share atoms
        total = np.zeros((len(unique), 3))
        np.add.at(total, place, np.rint(own * GRID) / GRID)
        add(atoms, unique, np.zeros(len(unique)), total, voigt, out)
        if out.want_energy and first:
            out.energy += round(energy * GRID)
        if out.atom_energies is not None:
            for mine, parts in members:
                np.add.at(out.atom_energies, mine, parts * energy / len(members))

    def work(self, atoms, domain, before, after):
        places = self._places(self._members(atoms, domain), atoms, domain)
        if domain.comm.rank:
            return 0
        old, new = (round(self.potential.energy(places, domain.box, time)[0] * GRID) for time in (before, after))
        return (new - old) << HEAT_BITS


def _missing(potential, site) -> InputError:
    what = f"group {site} is empty" if isinstance(site, str) else f"there is no atom {site} (counting from 0)"
    return InputError(f"{potential!r}: {what}").everywhere()


def _nearest(r: np.ndarray, box) -> np.ndarray:
    """Vectors [..., 3] to the nearest image."""
    if not any(box.periodic):
        return r
    return r - np.where(box.periodic, np.rint(r @ box.inverse), 0.0) @ box.matrix
