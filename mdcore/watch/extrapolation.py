"""Which atoms are beyond what a network was trained on, and what follows?

An atom is outside if one of its descriptors is below the minimum or above the maximum of the training set
(scaling.data), or the distance to its nearest neighbour of an element (nearest.py), and far outside if it is farther
than atoms of the same kind of structures get (known.py; where that is not known, whenever it is outside). The kernel
compares; here atoms are counted over all ranks at the end of every step, and a policy says what follows:

ignore   nothing is compared
warn     a report now and then: at the first step with atoms far outside, then after pauses that double, so that a run
         of any length tells little; and once too many have been outside, however far. Totals and a verdict at the end
save     also writes structures with atoms far outside to a file, for labelling, not closer in time than `every` steps
stop     also ends the run once `limit` atoms are far outside in one step, with that structure in the file

Counts and reports depend on steps alone, never on clocks: they are the same for any number of ranks and threads.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import ExtrapolationError, InputError
from mdcore.potentials.networks.known import Known, percent
from mdcore.potentials.networks.outside import APART, EXCESS, NEAREST, OUTSIDE, RANGE, WORST
from mdcore.watch.base import Watcher
from mdcore.watch.saving import Saver, warn
from mdcore.watch.verdict import OFTEN, often

POLICIES = ("ignore", "warn", "save", "stop")
PAUSE = 100  # steps from the first report to the second
ENOUGH = 1000  # steps after which the share of atoms outside says something; then after twice as many, ...


@dataclass(frozen=True, order=True)
class Sighting:
    """The atom that was farthest outside: by how much of the width of the range, of which function."""

    excess: float
    atom: int  # tag, negative: of equals the first atom is the larger
    step: int
    species: str
    function: str

    def __str__(self):
        return (
            f"atom {-self.atom} (counting from 0), {self.species}, by {100.0 * self.excess:.3g} % of the range of "
            f"{self.function}"
        )


@dataclass(frozen=True, order=True)
class Distance:
    """The atom whose nearest neighbour was farthest outside, in units of what is far; in words; whose, Angstrom."""

    excess: float
    atom: int  # as of Sighting
    step: int
    species: str
    told: str
    other: str
    length: float

    def __str__(self):
        return f"atom {-self.atom} (counting from 0), {self.species}, {self.told}"


@dataclass
class Count:
    """Of the steps first ... last: how many had atoms outside, how many at most, in all, and the farthest, by
    descriptors and by the distance to a nearest neighbour.

    far : atoms far outside, in all; most_far : in a step; since : the first step with such
    n_atoms : of the system; seen : atoms of all steps
    """

    first: int | None = None
    last: int | None = None
    looked: int = 0
    steps: int = 0
    most: int = 0
    atoms: int = 0
    farthest: Sighting | None = None
    apart: Distance | None = None
    far: int = 0
    most_far: int = 0
    since: int | None = None
    n_atoms: int = 0
    seen: int = 0

    def add(
        self, step: int, atoms: int, sighting: Sighting | None, far: int = 0, n_atoms: int = 0,
        apart: Distance | None = None,
    ) -> None:  # fmt: skip
        self.first = step if self.first is None else self.first
        self.last, self.looked = step, self.looked + 1
        self.n_atoms, self.seen = max(n_atoms, self.n_atoms), self.seen + n_atoms
        if atoms:
            self.steps, self.atoms, self.most = self.steps + 1, self.atoms + atoms, max(self.most, atoms)
            if sighting and (self.farthest is None or sighting.excess > self.farthest.excess):
                self.farthest = sighting
            if apart and (self.apart is None or apart.excess > self.apart.excess):
                self.apart = apart
        if far:
            self.far, self.most_far = self.far + far, max(self.most_far, far)
            self.since = step if self.since is None else self.since


class Extrapolation(Watcher):
    """What is done about atoms outside the range of training, and what was seen so far.

    policy : "ignore", "warn", "save" or "stop"
    limit : with "stop", so many atoms far outside in one step end the run
    every : fewest steps between structures in the file
    dump : an ExtxyzDump, which "save" needs and "stop" uses if there is one
    tell : called with a report, on rank 0 (default: a Python warning)

    total : Count of all steps since this object was made
    """

    def __init__(self, policy: str = "warn", *, limit: int = 1, every: int = 100, dump=None, tell=None):
        if policy not in POLICIES:
            raise InputError(f"extrapolation = {policy!r}: expected one of {', '.join(POLICIES)}")
        for name, value in (("limit", limit), ("every", every)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"extrapolation: {name} = {value!r}: expected a whole number >= 1")
        self.policy, self.limit, self.every, self.tell = policy, limit, every, tell or warn
        self.saver = Saver(dump)
        self.total = Count()
        self._recent = Count()  # since the last report
        self._next_report, self._pause = None, PAUSE
        self._enough = ENOUGH

    @property
    def watches(self) -> bool:
        """Are atoms outside the range of training counted?"""
        return self.policy != "ignore"

    @property
    def reads(self):
        return RANGE if self.watches else ()

    def told(self, potential) -> list[str]:
        return [self.summary(potential.name, potential.usual)] if self.watches else []

    def look(self, sim, term):
        """Count the atoms of a step and do what the policy says; an ExtrapolationError if the run must stop, or None
        (collective).

        term : a bound potential that finds RANGE
        """
        if not self.watches:
            return None
        known, name = term.potential.usual, term.potential.name
        outside = term.find(sim.work, (OUTSIDE,))[OUTSIDE]
        if self.policy == "save" and self.saver.dump is None:
            raise InputError(
                'extrapolation "save" needs a file: Extrapolation("save", dump=ExtxyzDump("extrapolated.extxyz", 0))'
            )
        n_atoms = sim.system.n_atoms
        mine = far = np.count_nonzero(outside)
        if mine and known is not None:
            found = term.find(sim.work, RANGE)
            far = np.count_nonzero((found[EXCESS] > known.far) | (found[APART] > 1.0))
        atoms, far = sim.comm.sum(np.array([mine, far], dtype=np.int64)).tolist()
        sighting = strangest = None
        if atoms:
            found = term.find(sim.work, RANGE)
            sighting = self._farthest(sim, found[WORST], found[EXCESS], term.potential.label)
            strangest = self._strangest(sim, found[APART], found[NEAREST], term.potential.distance)
        for count in (self.total, self._recent):
            count.add(sim.step, atoms, sighting, far, n_atoms, strangest)
        if self.total.looked == self._enough:
            self._enough *= 2
            self._report_share(sim, known)
        if not far:
            return None
        stops = self.policy == "stop" and far >= self.limit
        if self.policy in ("save", "stop"):
            self._save(sim, far, sighting, strangest, now=stops)
        if stops:
            return ExtrapolationError(
                f"step {sim.step}: {far} of {n_atoms} atoms are {'far ' * (known is not None)}outside the range {name} "
                f"was trained on, the limit is {self.limit}; farthest is "
                + ", and ".join(str(own) for own in (sighting, strangest) if own)
            )
        if self._next_report is None or sim.step >= self._next_report:
            self._report(sim)
        return None

    def _farthest(self, sim, worst, excess, label) -> Sighting | None:
        return _most(sim, excess, Sighting, lambda symbol, row: (label(symbol, int(worst[row])),))

    def _strangest(self, sim, apart, nearest, told) -> Distance | None:
        return _most(sim, apart, Distance, lambda symbol, row: told(symbol, nearest[row]))

    def _save(self, sim, atoms: int, sighting: Sighting | None, strangest: Distance | None, now: bool) -> None:
        about = {"atoms_outside": atoms}
        if sighting:
            about |= {"farthest_atom": -sighting.atom, "excess": sighting.excess}
            about |= {"symmetry_function": sighting.function}
        if strangest:
            about |= {"distance_of_atom": -strangest.atom, "distance": strangest.length, "distance_to": strangest.other}
        self.saver.save(sim, 1 if now else self.every, about)

    def _report_share(self, sim, known: Known | None) -> None:
        """Tell if many atoms were outside, however far; a line, as all reports are."""
        times = often(known, self.total.atoms, self.total.seen)
        if times > OFTEN and sim.comm.rank == 0:
            self.tell(f"step {sim.step}: {times:.0f} times as many atoms out of range as usual")

    def _report(self, sim) -> None:
        seen = self._recent  # which atom was the farthest, in which function, is told at the end
        if sim.comm.rank == 0:
            when = f"step {sim.step}: " if self._next_report is None else f"steps {seen.first}-{seen.last}: up to "
            atoms = f"{seen.most_far} of {sim.system.n_atoms} atoms out of range"
            near = seen.apart if seen.apart and (seen.apart.excess > 1.0 or not seen.farthest) else None
            how = f"{near.species}-{near.other} {near.length:.3g} Angstrom" if near else percent(seen.farthest.excess)
            self.tell(f"{when}{atoms}, " + ("" if near else "by ") + how)
        self._pause *= 1 if self._next_report is None else 2
        self._next_report = sim.step + self._pause
        self._recent = Count()

    def summary(self, name: str = "the potential", known: Known | None = None) -> str:
        """What was seen since this object was made, in one line; known : what is usual."""
        t = self.total
        if not self.watches:
            return f"extrapolation: {name} was not watched"
        if not t.steps:
            return f"extrapolation: none in {t.looked} steps; all atoms stayed inside the range {name} was trained on"
        usual = ""
        if known is not None and t.seen:
            usual = f", {percent(t.atoms / t.seen)} of all (usual: {percent(known.share)})"
        both = "; ".join(f"{own}, at step {own.step}" for own in (t.farthest, t.apart) if own)
        return (
            f"extrapolation: {t.steps} of {t.looked} steps had atoms outside the range {name} was trained on, up to "
            f"{t.most} at once, {t.atoms} in all{usual}; farthest {both}"
        )


def _most(sim, excess, what, told):
    """The atom of all ranks that is farthest outside, the first of several, as a `what`; None without one (collective).

    told : (symbol, row) -> the last fields of `what`
    """
    mine = None
    if len(excess) and excess.max() > 0.0:
        tags, species = sim.atoms.tags[: len(excess)], sim.atoms.species
        rows = np.flatnonzero(excess == excess.max())
        row = rows[np.argmin(tags[rows])]
        symbol = sim.symbols[species[row]]
        mine = what(float(excess[row]), -int(tags[row]), sim.step, symbol, *told(symbol, row))
    return max((found for found in sim.comm.allgather(mine) if found is not None), default=None)
