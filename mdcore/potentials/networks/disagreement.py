"""How much do the members of a committee disagree about this structure, and what follows?

The disagreement about atom i is the standard deviation of the force on it over the M members (C. Schran, K. Brezina,
O. Marsalek, J. Chem. Phys. 153, 104105 (2020)),

    sigma_i = sqrt( 1/M sum_m |F_i^m - <F_i>|^2 ),

that of the energy is sqrt( 1/M sum_m (E^m - <E>)^2 ) / N. Members agree where they were trained and differ elsewhere:
a large disagreement says that the data lack such surroundings. A small one is no proof of the opposite.

Members are asked one by one every so many steps only, for it costs more than a step does. Counts and structures depend
on steps alone: they are the same for any number of ranks and threads.
"""

from dataclasses import dataclass

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import DisagreementError, InputError
from mdcore.potentials.base import Finding
from mdcore.potentials.networks.saving import Saver

GRID_BITS = 24  # of the sum over atoms, in the unit of force


@dataclass(frozen=True, eq=False)
class Spread:
    """How the members of a committee differ about a structure.

    forces : float64 [n], disagreement about each atom (its owned atoms, where many ranks work), unit of force
    energies : float64 [n_members], what each says of the whole, unit of energy; energy : their standard deviation an
        atom
    largest, mean : of `forces`, over all atoms; atom : tag of the atom with the largest (of equals the first)
    """

    forces: np.ndarray
    energies: np.ndarray
    energy: float
    largest: float
    mean: float
    atom: int

    @classmethod
    def of(cls, forces, limbs, tags, comm) -> "Spread":
        """forces, tags [n_owned] and limbs [n_members, 3] of the energies: this rank's share (collective)."""
        total = np.zeros(3, dtype=np.int64)
        clipped = np.minimum(np.nan_to_num(forces, nan=np.inf), 2.0**14)  # a blow-up is reported by others
        total[:2] = np.rint(clipped * 2.0**GRID_BITS).astype(np.int64).sum(), len(forces)
        sums = comm.sum(np.concatenate([limbs, total[None]]))
        mine = (-1.0, 0)
        if len(forces):
            mine = float(clipped.max()), -int(tags[clipped == clipped.max()].min())
        largest, atom = max(comm.allgather(mine))
        n = int(sums[-1][1])
        energies = np.array([exact.value(exact.integer(row), exact.FORCE_BITS) for row in sums[:-1]])
        mean = int(sums[-1][0]) / 2.0**GRID_BITS / n
        return cls(forces, energies, float(energies.std()) / n, largest, mean, -atom)


# what a committee finds (base.py)
DISAGREEMENT = (
    Finding("max_disagreement", "force"),
    Finding("mean_disagreement", "force"),
    Finding("energy_disagreement", "energy", shown=False),
    Finding("force_disagreement", "force", per_atom=True),
)


class Disagreement:
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
            if value is not None and not 0.0 < float(value) < np.inf:
                raise InputError(f"disagreement: {name} = {value!r}: expected a positive number of eV/Angstrom")
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
        stops = self.stop is not None and found.largest > self.stop
        saves = self.limit is not None and found.largest > self.limit
        if saves or stops:
            about = {"most_disputed_atom": found.atom, "disagreement": found.largest}
            self.saver.save(sim, 1 if stops else self.pause, about, {"force_disagreement": found.forces})
        if not stops:
            return None
        where = f"atom {found.atom} (counting from 0), {self._symbol(sim, found.atom)}"
        return DisagreementError(
            f"step {sim.step}: the members of {term.potential.name} disagree by {found.largest:.4g} eV/Angstrom about "
            f"the force on {where}; the limit is {self.stop:g}"
        )

    def note(self, sim, term) -> Spread:
        """Count a look at this step, whoever asked for it (collective)."""
        found, known = term.spread(sim.atoms, sim.neighbors, sim.domain, sim.comm), term.potential.model.known
        if self._noted == sim.step:
            return found
        self._noted = sim.step
        self.looks, self.sum = self.looks + 1, self.sum + found.mean
        self.above += self.limit is not None and found.largest > self.limit
        self.disputed += known is not None and known.disputed is not None and found.largest > known.disputed
        if self.largest is None or found.largest > self.largest[0]:
            symbol = self._symbol(sim, found.atom)
            self.largest = found.largest, f"atom {found.atom} (counting from 0), {symbol}, at step {sim.step}"
        return found

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
