"""On which structure is a potential examined if none is given?

The smallest of the first structures in the input.data beside it. Else a test vector of the potential, or atoms thrown
into a box, as dense as the means of the descriptors say that the training set was: relaxed a little, and whichever is
nearer to the range of training then.
"""

from itertools import islice
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_MASSES
from mdcore.base.errors import InputError, MdcoreError
from mdcore.engine.evaluation import evaluate
from mdcore.engine.single import Engine
from mdcore.potentials.base import leaves
from mdcore.potentials.density.model import DensityNetwork
from mdcore.potentials.python import PythonPotential
from mdcore.structure.box import Box
from mdcore.structure.system import System

ATOMS = 48
LOOK_AT = 20  # structures of input.data
TRIALS = 60  # places tried for each atom; the freest is taken
RELAX = 40  # steps downhill, the average at most LONGEST mean distances
LONGEST = 0.03
KNOWN = 0.1  # of the range of training: no need to look for a structure that is less outside on average


def sample(potential, seed: int = 1, beside=None) -> tuple[System, str]:
    """(structure, where it comes from in words) for a potential; beside : the folder of its files."""
    if any(isinstance(term, PythonPotential) for term in leaves(potential)):
        raise InputError(f"{potential!r}: give a structure to examine it on, e.g. verify(potential, system)")
    model = next((term.model for term in leaves(potential) if term.trained), None)
    if model is not None and beside is not None and (data := Path(beside) / "input.data").is_file():
        from mdcore.potentials.networks.n2p2.data import iterate_input_data

        first = list(islice(iterate_input_data(data), LOOK_AT))
        possible = [s for s in first if set(s.symbols) <= set(model.elements)]
        if possible:
            structure = min(possible, key=lambda s: len(s.symbols))
            return _labelled(structure, potential), f"structure {first.index(structure)} (counting from 0) of {data}"
    known = None
    if model is not None and model.test_vectors:
        smallest = min(model.test_vectors, key=lambda v: len(v.symbols))
        known = _relaxed(potential, _labelled(smallest, potential)), "a test vector of the potential, relaxed a little"
        if _outside(potential, known[0]) <= KNOWN:
            return known
    densities = _trained_densities(potential) if model is not None else _typical_densities(potential)
    system = scattered(densities, seed, "metal" if all(s in ATOMIC_MASSES for s in densities) else "lj")
    found = _relaxed(potential, system), f"{system.n_atoms} atoms at random, relaxed a little"
    return min((known, found), key=lambda one: _outside(potential, one[0])) if known else found


def _outside(potential, system: System) -> float:
    """How far, on average, atoms are outside the range of training, at most 10; infinite if there is no answer."""
    try:
        outside = evaluate(potential, system).extrapolation
        return KNOWN if outside is None else float(np.minimum(outside.excess, 10.0).mean())  # None: nobody knows
    except MdcoreError:
        return np.inf


def _labelled(structure, potential) -> System:
    """A structure in a network's own units as a System."""
    length = next(term.units.angstrom for term in leaves(potential) if term.trained)
    cell = np.zeros((3, 3)) if structure.cell is None else structure.cell * length
    positions = structure.positions * length
    return System(Box.completed(cell, structure.cell is not None, positions), positions, structure.symbols)


def _trained_densities(potential) -> dict[str, float]:
    """Atoms of each element per volume: where one neighbour at r contributes g(r), the mean of a radial descriptor
    is about density * integral of 4 pi r^2 g(r) dr."""
    term = next(term for term in leaves(potential) if term.trained)
    model, scale = term.model, term.units.angstrom
    if isinstance(model, DensityNetwork):
        volume = 4.0 / 3.0 * np.pi * model.cutoff**3
        return dict.fromkeys(model.elements, model.design.neighbours / volume / len(model.elements))
    r = np.linspace(0.0, model.cutoff, 201)[1:]
    shells = 4.0 * np.pi * r**2 * (r[1] - r[0])
    found: dict[str, float] = {}
    for e, functions in enumerate(model.symmetry_functions):
        for b, element in enumerate(model.elements):
            first = np.zeros((len(r), len(model.elements) + 1), dtype=np.int64)
            first += np.arange(len(r))[:, None]
            first[:, b + 1 :] += 1
            centers, zeros = np.full(len(r), e, dtype=np.int32), np.zeros_like(r)
            volumes = shells @ term.networks.values(centers, first, r.copy(), zeros, zeros)
            for k, function in enumerate(functions):
                mean = model.scaling[e].mean[k]
                if function.neighbors == (element,) and mean > 0 and volumes[k] > 0:
                    weight, best = volumes[k], found.get(element, (0.0, 0.0))
                    found[element] = max(best, (weight, mean / weight / scale**3))
    fallback = 0.05 / len(model.elements)
    return {e: min(max(found[e][1], 1e-3), 0.2) if e in found else fallback for e in model.elements}


def _typical_densities(potential) -> dict[str, float]:
    """A liquid of the species that a classical potential names: as many of each, a little apart."""
    names: dict[str, float] = {}
    for term in leaves(potential):
        names = term.sizes() | names
    if not names:
        names = {"A": potential.cutoff / 2.5}
    volume = sum(sigma**3 for sigma in names.values()) / 0.7
    return dict.fromkeys(names, 1.0 / volume)


def scattered(densities: dict[str, float], seed: int, units: str) -> System:
    """Atoms in a cube, each as far from the others as the best of some trials."""
    rng = np.random.default_rng(seed)
    total = sum(densities.values())
    counts = [max(1, round(ATOMS * density / total)) for density in densities.values()]
    n = sum(counts)
    edge = (n / total) ** (1.0 / 3.0)
    x = np.empty((0, 3))
    for _ in range(n):
        trials = rng.random((TRIALS, 3))
        away = trials[:, None] - x
        away -= np.rint(away)
        free = (away**2).sum(axis=2).min(axis=1, initial=np.inf)
        x = np.vstack([x, trials[int(np.argmax(free))]])
    species = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return System(Box.cubic(edge), x * edge, species, tuple(densities), units=units)


def _relaxed(potential, system: System) -> System:
    """Some steps downhill; of the structures on the way, the one nearest to the range of training is kept."""
    engine = Engine(potential, system.symbols, units=system.units)
    longest = LONGEST * (system.box.volume / system.n_atoms) ** (1.0 / 3.0)
    x, best, kept = system.positions, np.inf, system.positions
    for _ in range(RELAX):
        try:
            engine.place(system.box, x, system.species)
            found = engine.compute()
        except MdcoreError:
            break
        outside = found.extrapolation
        badness = found.energy if outside is None else float(np.minimum(outside.excess, 10.0).sum())
        if badness < best:
            best, kept = badness, x
        length = np.linalg.norm(found.forces, axis=1, keepdims=True)
        x = x + longest * found.forces / np.maximum(length, float(length.mean()) + 1e-12)
    return System(system.box, kept, system.species, system.symbols, masses=system.masses, units=system.units)
