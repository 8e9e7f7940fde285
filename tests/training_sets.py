"""Small labelled structures for tests of training."""

from dataclasses import dataclass

import numpy as np

from mdcore import Box, LennardJones, System, evaluate
from mdcore.potentials.networks.model import (
    HDNNP,
    ElementNetwork,
    Scaling,
    SymmetryFunction,
    n_parameters,
)
from mdcore.training.environments import Environments
from tests.reference.hdnnp_models import random_cluster

CELL = np.array([[2.9, 0.0, 0.0], [0.7, 3.1, 0.0], [-0.4, 0.6, 2.7]])  # smaller than the cutoff of random_model


@dataclass
class Labelled:
    symbols: tuple
    positions: np.ndarray
    cell: np.ndarray | None = None
    energy: float | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    weight: float = 1.0


def mixed_set(seed=0) -> list[Labelled]:
    """Clusters and small cells of H and O with random labels; some lack energy, forces or stress."""
    rng, found = np.random.default_rng(seed), []
    for k, symbols in enumerate(("OHHOH", "OO", "HHO", "OHH", "HOH", "H")):
        n, periodic = len(symbols), k % 2 == 0
        stress = rng.normal(size=(3, 3))
        found.append(
            Labelled(
                tuple(symbols),
                random_cluster(symbols, seed=seed + k, spread=1.2),
                CELL if periodic else None,
                None if k == 3 else rng.normal(),
                None if k == 2 else rng.normal(size=(n, 3)),
                stress + stress.T if periodic else None,
                rng.uniform(0.5, 2.0),
            )
        )
    return found


def lennard_jones_set(n=40, seed=0) -> list[Labelled]:
    """Crystals of 32 atoms of copper, strained and rattled, labelled by a Lennard-Jones potential (eV, Angstrom)."""
    rng, a = np.random.default_rng(seed), 3.6
    fcc = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    sites = np.concatenate([fcc + np.array((i, j, k)) for i in range(2) for j in range(2) for k in range(2)])
    potential = LennardJones(5.0, 0.4, 2.3, truncation="force-shifted")
    found = []
    for _ in range(n):
        strain = np.eye(3) + rng.uniform(-0.03, 0.03, (3, 3))
        cell = 2 * a * np.eye(3) @ strain
        positions = a * sites @ strain + rng.normal(scale=0.06, size=sites.shape)
        system = System(positions=positions, species=np.zeros(len(sites), int), symbols=("Cu",), box=Box(cell))
        result = evaluate(potential, system)
        found.append(Labelled(("Cu",) * len(sites), positions, cell, result.energy, result.forces,
                              -result.virial / system.box.volume))  # fmt: skip
    return found


def copper_model(hidden=(12, 12), cutoff=5.0) -> HDNNP:
    """Sixteen radial functions and a network of zeros; not scaled yet."""
    functions = [
        SymmetryFunction(type=2, center="Cu", neighbors=("Cu",), eta=6.0, rs=rs, cutoff=cutoff, cutoff_type=2)
        for rs in np.linspace(1.8, 4.6, 16)
    ]
    functions = tuple(sorted(functions, key=lambda f: f.sort_key))
    sizes = (len(functions), *hidden, 1)
    network = ElementNetwork.from_flat(np.zeros(n_parameters(sizes)), sizes, "t" * len(hidden) + "l")
    zeros, ones = np.zeros(len(functions)), np.ones(len(functions))
    return HDNNP(elements=("Cu",), symmetry_functions=(functions,), networks=(network,),
                 scaling=(Scaling(zeros, ones, zeros, ones, "sigma"),))  # fmt: skip


def scaled(model: HDNNP, environments: Environments) -> HDNNP:
    """The model with the statistics of the set."""
    from dataclasses import replace

    statistics = [(g.min(0), g.max(0), g.mean(0), g.std(0)) for g in (block.g for block in environments.blocks)]
    scaling = tuple(Scaling(*s, old.mode) for s, old in zip(statistics, model.scaling, strict=True))
    return replace(model, scaling=scaling)
