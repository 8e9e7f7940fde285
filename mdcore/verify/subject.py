"""What is examined: a potential on a structure, and ways to ask for its energy elsewhere."""

from functools import cached_property

import numpy as np

from mdcore.engine.single import Engine, Evaluation
from mdcore.potentials.base import Sum
from mdcore.potentials.networks.running import TrainedPotential
from mdcore.structure.bonds import NONE
from mdcore.structure.box import Box

SKIN = 0.3
UNKNOWN = "the potential states no cutoff; PythonPotential(..., cutoff=...) does"


def networks_in(potential, precision: str, threads: int = 1):
    """The same potential with its networks in a precision, and silent about the range of training."""
    if isinstance(potential, Sum):
        return potential.of_terms([networks_in(term, precision, threads) for term in potential.terms])
    if not isinstance(potential, TrainedPotential):
        return potential
    return type(potential)(
        potential.model, potential.units, precision=precision, threads=threads, extrapolation="ignore"
    )


class Subject:
    """A potential and a structure (box, positions [n, 3], species, symbols, units).

    origin : where the structure comes from, in words; seed : of the random choices
    `base` is the answer for the structure itself, `scale` the size of its forces.
    """

    def __init__(self, potential, structure, origin: str = "", seed: int = 1):
        self.potential, self.structure, self.origin, self.seed = potential, structure, origin, seed
        self.box, self.positions = structure.box, np.array(structure.positions, dtype=np.float64)
        self.columns, self.bonds = getattr(structure, "columns", {}), getattr(structure, "bonds", NONE)
        self.masses, self.total_charge = getattr(structure, "masses", None), getattr(structure, "total_charge", 0.0)
        self.species, self.symbols, self.units = structure.species, tuple(structure.symbols), structure.units
        self.engine = Engine(potential, self.symbols, SKIN, self.units)
        self.base = self.of(self.positions)

    @property
    def n(self) -> int:
        return len(self.positions)

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def of(self, positions, box: Box | None = None, rows=None, bonds=None) -> Evaluation:
        """The answer for other positions, in another box, for other atoms: rows, int [m], which atom each is like."""
        rows = np.arange(self.n) if rows is None else rows
        columns = {name: values[rows] for name, values in self.columns.items()}
        bonds, masses = self.bonds if bonds is None else bonds, None if self.masses is None else self.masses[rows]
        charge = self.total_charge * len(rows) / self.n  # copies have theirs, too
        self.engine.place(box or self.box, positions, self.species[rows], columns, masses, bonds, charge)
        return self.engine.compute()

    def mover(self, positions):
        """A function of positions that keeps the neighbour list while it can."""
        engine = Engine(self.potential, self.symbols, SKIN, self.units)
        engine.place(self.box, positions, self.species, self.columns, self.masses, self.bonds, self.total_charge)

        def answer(moved) -> Evaluation:
            engine.move(moved)
            return engine.compute()

        return answer

    @cached_property
    def scale(self) -> float:
        """Root mean square of the force components, at least one unit in a thousand."""
        return max(1e-3, float(np.sqrt((self.base.forces**2).mean())))

    @property
    def spacing(self) -> float:
        """The mean distance of atoms: the edge of the cube that each would have to itself, in a cluster too."""
        volume = self.box.volume
        if not all(self.box.periodic):
            volume = min(volume, float(np.prod(np.ptp(self.positions, axis=0) + 1.0)))
        return (volume / self.n) ** (1.0 / 3.0)

    @property
    def force_unit(self) -> str:
        return f"{self.units.labels['energy']}/{self.units.labels['length'].replace('Angstrom', 'A')}"

    @property
    def energy_unit(self) -> str:
        return self.units.labels["energy"]
