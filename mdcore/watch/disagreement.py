"""The members of a committee disagree (potentials/networks/spread.py): what follows?

Members are asked one by one every so many steps only, for it costs more than a step does. Counts and structures depend
on steps alone: they are the same for any number of ranks and threads.
"""

import numpy as np

from mdcore.base.errors import DisagreementError, InputError
from mdcore.base.ranges import number
from mdcore.potentials.networks.spread import ATOM, DISAGREEMENT, FORCES, LARGEST, MEAN
from mdcore.watch.base import Watcher
from mdcore.watch.saving import Saver


class Disagreement(Watcher):
    """What is done about disagreement in a run, and what was seen so far.

    every : steps between looks; None: 10 with `save` or `stop`, none without
    save, stop : eV/Angstrom; structures with an atom of larger disagreement go to a file, not closer in time than
        `pause` steps; the run ends, with that structure in the file
    dump : an ExtxyzDump, which `save` needs and `stop` uses if there is one
    """

    def __init__(self, every: int | None = None, *, save: float | None = None, stop: float | None = None,
                 pause: int = 100, dump=None):  # fmt: skip
        for name, value in (("every", every), ("pause", pause)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InputError(f"disagreement: {name} = {value!r}: expected a whole number >= 1")
        for name, value in (("save", save), ("stop", stop)):
            if value is not None:
                number(f"disagreement: {name}", value)
        default = 10 if save is not None or stop is not None else 0
        self.every = default if every is None else every  # 0: never
        self.limit, self.stop, self.pause, self.saver = save, stop, pause, Saver(dump)
        self.looks = self.above = self.disputed = 0
        self._noted = None  # the last step
        self.sum, self.largest = 0.0, None  # of the means; (disagreement, atom, species, step)

    @property
    def watches(self) -> bool:
        """Is the committee looked at?"""
        return self.every > 0

    def look(self, sim, term) -> DisagreementError | None:
        """Look at a step, if it is due, and do what follows; an error if the run must stop (collective).

        term : a bound committee
        """
        if not self.every or sim.step % self.every:
            return None
        if self.limit is not None and self.saver.dump is None:
            raise InputError(
                'disagreement: save needs a file: Disagreement(save=0.3, dump=ExtxyzDump("disputed.extxyz", 0))'
            )
        found = self.note(sim, term)
        largest, atom = found[LARGEST], found[ATOM]
        stops = self.stop is not None and largest > self.stop
        saves = self.limit is not None and largest > self.limit
        if saves or stops:
            about = {"most_disputed_atom": atom, "disagreement": largest}
            self.saver.save(sim, 1 if stops else self.pause, about, {FORCES.name: found[FORCES]})
        if not stops:
            return None
        where = f"atom {atom} (counting from 0), {self._symbol(sim, atom)}"
        return DisagreementError(
            f"step {sim.step}: the members of {term.potential.name} disagree by {largest:.4g} eV/Angstrom about "
            f"the force on {where}; the limit is {self.stop:g}"
        )

    def note(self, sim, term) -> dict:
        """Count a look at this step, whoever asked for it; what is found (collective)."""
        found, usual = term.find(sim.work, DISAGREEMENT), term.potential.usual
        if self._noted == sim.step:
            return found
        self._noted = sim.step
        largest = found[LARGEST]
        self.looks, self.sum = self.looks + 1, self.sum + found[MEAN]
        self.above += self.limit is not None and largest > self.limit
        self.disputed += usual is not None and usual.disputed is not None and largest > usual.disputed
        if self.largest is None or largest > self.largest[0]:
            symbol = self._symbol(sim, found[ATOM])
            self.largest = largest, f"atom {found[ATOM]} (counting from 0), {symbol}, at step {sim.step}"
        return found

    def told(self, potential) -> list[str]:
        usual = potential.usual
        return [self.summary(potential.name, usual and usual.disagreement)] if self.looks else []

    @staticmethod
    def _symbol(sim, tag: int) -> str:
        rows = np.flatnonzero(sim.atoms.tags[: sim.atoms.n_owned] == tag)
        mine = sim.symbols[sim.atoms.species[rows[0]]] if len(rows) else None
        return next(found for found in sim.comm.allgather(mine) if found is not None)

    def summary(self, name: str = "the potential", usual: float | None = None) -> str:
        """What was seen since this object was made, in one line; usual : the largest about atoms of the data."""
        if not self.looks:
            return f"disagreement: the members of {name} were not asked"
        above = f"; above {self.limit:g} in {self.above} of {self.looks} looks" if self.limit is not None else ""
        known = f" (usual: up to {usual:.3g})" if usual is not None else ""
        return (
            f"disagreement: the members of {name} differ by {self.sum / self.looks:.3g} eV/Angstrom on average; most, "
            f"{self.largest[0]:.3g}, about {self.largest[1]}{above}{known}"
        )
