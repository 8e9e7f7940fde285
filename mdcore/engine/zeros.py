"""From which zero do potentials count, and the members of a committee? What constants do structures say that they
differ by?"""

import numpy as np

from mdcore.base.arguments import listed
from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.engine.evaluation import evaluate, open_potential
from mdcore.engine.single import Engine
from mdcore.potentials.committees.base import check_members
from mdcore.potentials.networks.running import TrainedPotential
from mdcore.structure.system import System

SKIN = 0.3  # Angstrom


def fitted_shifts(potential, baseline, structures) -> dict[str, float]:
    """{species: energy} that, added to the baseline's for each atom, come nearest to the potential's energies.

    potential, baseline : as `evaluate` takes them; structures : a list of System or ASE's Atoms, or paths
    Least squares over the structures; of species that are always there in the same proportions the shortest answer. For
    `shifts` of FallbackPotential. InputError without structures.
    """
    systems = _systems(structures)
    ours, theirs = (evaluate(open_potential(one), systems) for one in (potential, baseline))
    symbols = sorted({name for system in systems for name in system.names})
    counts = np.array([[system.names.count(name) for name in symbols] for system in systems], dtype=np.float64)
    n = counts.sum(axis=1)
    wanted = np.array([a.energy - b.energy for a, b in zip(ours, theirs, strict=True)])
    found, *_ = np.linalg.lstsq(counts / n[:, None], wanted / n, rcond=1e-8)
    return dict(zip(symbols, found.tolist(), strict=True))


def member_zeros(network, structures) -> dict[str, list[float]]:
    """{element: eV of each member} by which the members of a committee differ from their mean about an atom of the
    element, on average over structures that they know: how each shares the energy among elements, which says nothing
    of what it knows.

    network : a committee, such as HDNNPotential, or its path; structures : as of fitted_shifts. For `zeros` of
    FallbackPotential and BiasedPotential. InputError for a single network, or without structures.
    """
    network = open_potential(network)
    if not isinstance(network, TrainedPotential) or not network.is_committee:
        raise InputError(f"member_zeros: expected a committee of networks, not {network!r}")
    check_members("member_zeros", network)
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    for system in _systems(structures):
        engine = Engine(network, system.symbols, SKIN, system.units)
        engine.place(system.box, system.positions, system.species, system.columns)
        work = engine.work
        shares = work.bound.shares_of(work.atoms, work.neighbors.of(network), work.domain)
        shares -= shares.mean(axis=1, keepdims=True)
        for k, symbol in enumerate(system.symbols):
            element, rows = element_of(symbol), work.atoms.species == k
            sums[element] = sums.get(element, 0.0) + shares[rows].sum(axis=0)
            counts[element] = counts.get(element, 0) + int(rows.sum())
    means = {element: own / max(counts[element], 1) for element, own in sums.items()}
    return {element: (own - own.mean()).tolist() for element, own in sorted(means.items())}


def _systems(structures) -> list[System]:
    found = [_system(one) for one in listed("structures", structures, "system")]
    if not found:
        raise InputError("expected structures, e.g. some of the training set, not none")
    return found


def _system(structure) -> System:
    if isinstance(structure, System):
        return structure
    return System.from_ase(structure) if hasattr(structure, "get_positions") else System.read(structure)
