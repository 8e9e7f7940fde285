"""Which atoms are beyond what a network was trained on, and what follows?

An atom is outside if one of its descriptors is below the minimum or above the maximum of the training set
(scaling.data). Networks interpolate; outside, their answers mean little. The kernel compares; here atoms are
counted over all ranks at the end of every step, and a policy says what follows:

ignore   nothing is compared
warn     a report now and then: at the first step with atoms outside, then after pauses that double, so that a
         run of any length tells little; totals at the end
save     also writes such structures to a file, for labelling, not closer in time than `every` steps
stop     also ends the run once `limit` atoms are outside in one step, with that structure in the file

Counts and reports depend on steps alone, never on clocks: they are the same for any number of ranks and threads.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.errors import ExtrapolationError, InputError
from mdcore.potentials.saving import Saver, warn

POLICIES = ("ignore", "warn", "save", "stop")
PAUSE = 100  # steps from the first report to the second


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


@dataclass
class Count:
    """Of the steps first ... last: how many had atoms outside, how many at most, in all, and the farthest."""

    first: int | None = None
    last: int | None = None
    looked: int = 0
    steps: int = 0
    most: int = 0
    atoms: int = 0
    farthest: Sighting | None = None

    def add(self, step: int, atoms: int, sighting: Sighting | None) -> None:
        self.first = step if self.first is None else self.first
        self.last, self.looked = step, self.looked + 1
        if atoms:
            self.steps, self.atoms, self.most = self.steps + 1, self.atoms + atoms, max(self.most, atoms)
            if self.farthest is None or sighting.excess > self.farthest.excess:
                self.farthest = sighting


class Extrapolation:
    """What is done about atoms outside the range of training, and what was seen so far.

    policy : "ignore", "warn", "save" or "stop"
    limit : with "stop", so many atoms outside in one step end the run
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

    @property
    def watches(self) -> bool:
        return self.policy != "ignore"

    def look(self, sim, name: str, outside, worst, excess, label) -> ExtrapolationError | None:
        """Count the atoms of a step and do what the policy says; an error if the run must stop (collective).

        name : of the potential, for messages
        outside int32, worst int32, excess float64, [>= n_owned] : what the kernel found
        label : function (species, worst) -> label of a symmetry function
        """
        if self.policy == "save" and self.saver.dump is None:
            raise InputError(
                'extrapolation "save" needs a file: Extrapolation("save", dump=ExtxyzDump("extrapolated.extxyz", 0))'
            )
        n = sim.atoms.n_owned
        atoms = int(sim.comm.sum(np.array([np.count_nonzero(outside[:n])], dtype=np.int64))[0])
        sighting = self._farthest(sim, worst[:n], excess[:n], label) if atoms else None
        for count in (self.total, self._recent):
            count.add(sim.step, atoms, sighting)
        if not atoms:
            return None
        stops = self.policy == "stop" and atoms >= self.limit
        if self.policy in ("save", "stop"):
            self._save(sim, atoms, sighting, now=stops)
        if stops:
            return ExtrapolationError(
                f"step {sim.step}: {atoms} of {sim.system.n_atoms} atoms are outside the range {name} was trained on, "
                f"the limit is {self.limit}; farthest is {sighting}"
            )
        if self._next_report is None or sim.step >= self._next_report:
            self._report(sim, name)
        return None

    def _farthest(self, sim, worst, excess, label) -> Sighting:
        mine = None
        if len(excess) and excess.max() > 0.0:
            tags, species = sim.atoms.tags[: len(excess)], sim.atoms.species
            rows = np.flatnonzero(excess == excess.max())
            row = rows[np.argmin(tags[rows])]
            symbol = sim.symbols[species[row]]
            function = label(symbol, int(worst[row]))
            mine = Sighting(float(excess[row]), -int(tags[row]), sim.step, symbol, function)
        return max(found for found in sim.comm.allgather(mine) if found is not None)

    def _save(self, sim, atoms: int, sighting: Sighting, now: bool) -> None:
        about = {"atoms_outside": atoms, "farthest_atom": -sighting.atom, "excess": sighting.excess}
        self.saver.save(sim, 1 if now else self.every, about | {"symmetry_function": sighting.function})

    def _report(self, sim, name: str) -> None:
        seen = self._recent
        if sim.comm.rank == 0:
            if self._next_report is None:
                text = f"step {sim.step}: {seen.most} of {sim.system.n_atoms} atoms are"
            else:
                text = (
                    f"steps {seen.first} to {seen.last}: in {seen.steps} of {seen.looked} steps up to {seen.most} of "
                    f"{sim.system.n_atoms} atoms were"
                )
            far = f"{100.0 * seen.farthest.excess:.3g} %"  # of which atom and function is told at the end
            self.tell(f"extrapolation: {text} outside the range {name} was trained on, by up to {far}")
        self._pause *= 1 if self._next_report is None else 2
        self._next_report = sim.step + self._pause
        self._recent = Count()

    def summary(self, name: str = "the potential") -> str:
        """What was seen since this object was made, in one line."""
        t = self.total
        if not self.watches:
            return f"extrapolation: {name} was not watched"
        if not t.steps:
            return f"extrapolation: none in {t.looked} steps; all atoms stayed inside the range {name} was trained on"
        return (
            f"extrapolation: {t.steps} of {t.looked} steps had atoms outside the range {name} was trained on, up to "
            f"{t.most} at once, {t.atoms} in all; farthest {t.farthest}, at step {t.farthest.step}"
        )
