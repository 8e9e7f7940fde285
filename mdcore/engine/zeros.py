"""From which zero does a potential count its energies, beside another one?"""

import numpy as np

from mdcore.base.arguments import listed
from mdcore.base.errors import InputError
from mdcore.engine.evaluation import evaluate, open_potential
from mdcore.structure.system import System


def fitted_shifts(potential, baseline, structures) -> dict[str, float]:
    """{species: energy} that, added to the baseline's for each atom, come nearest to the potential's energies.

    potential, baseline : as `evaluate` takes them; structures : a list of System or ASE's Atoms, or paths
    Least squares over the structures; of species that are always there in the same proportions the shortest answer. For
    `shifts` of FallbackPotential. InputError without structures.
    """
    systems = [_system(one) for one in listed("structures", structures, "system")]
    if not systems:
        raise InputError("fitted_shifts: expected structures, e.g. those of the training set, not none")
    ours, theirs = (evaluate(open_potential(one), systems) for one in (potential, baseline))
    symbols = sorted({name for system in systems for name in system.symbols})
    counts = np.array([[sum(np.array(s.symbols)[s.species] == name) for name in symbols] for s in systems], dtype=float)
    wanted = np.array([a.energy - b.energy for a, b in zip(ours, theirs, strict=True)])
    per_atom = counts.sum(axis=1)
    found, *_ = np.linalg.lstsq(counts / per_atom[:, None], wanted / per_atom, rcond=1e-8)
    return dict(zip(symbols, found.tolist(), strict=True))


def _system(structure) -> System:
    if isinstance(structure, System):
        return structure
    return System.from_ase(structure) if hasattr(structure, "get_positions") else System.read(structure)
