"""Do the Verlet lists hold what each term asked for, and stay complete for as long as they say?"""

import numpy as np
import pytest

from mdcore import VelocityVerlet
from mdcore.base.comm import SelfComm
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.neighbors import MARGIN, Neighbors
from mdcore.potentials.base import Sum
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.pair.coulomb import Coulomb
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.system import System
from tests.reference.hdnnp_models import random_model
from tests.systems import TRICLINIC, scattered

CUTOFF, SKIN, NEAR = 2.0, 0.4, 1.1


def ghost_gas(cutoff) -> LennardJones:
    return LennardJones(cutoff, epsilon=0.0, sigma=1.0)


def listed(sim, term=None) -> set:
    """Pairs of rows in the half list, of a term."""
    lists = sim.neighbors if term is None else sim.neighbors.of(term)
    first, index = lists.list.arrays(sim.atoms)
    rows = np.repeat(np.arange(sim.atoms.n_owned), np.diff(first))
    return {tuple(sorted(pair)) for pair in zip(rows.tolist(), index.tolist(), strict=True)}


def gas(seed, matrix, periodic=(True, True, True)):
    n = 150 if matrix[0, 0] > 5 else 15
    system = scattered(n, matrix, periodic, seed=seed)
    return Simulation(system, Sum(ghost_gas(NEAR), ghost_gas(CUTOFF)), VelocityVerlet(0.001), skin=SKIN)


@pytest.mark.parametrize("matrix", [7.0 * np.eye(3), 7.0 * TRICLINIC, 3.0 * np.eye(3)])
@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, False, False)])
def test_no_pair_is_missing_until_the_list_is_stale(matrix, periodic):
    """Atoms fly at random; every pair within a term's cutoff is in its list for as long as `is_stale` says no."""
    late, stale = 0, 0
    for seed in range(8):
        sim = gas(seed, matrix, periodic)
        atoms, random = sim.atoms, np.random.default_rng(seed)
        velocities = random.normal(size=(atoms.n_owned, 3))
        fastest = np.linalg.norm(velocities, axis=1).max()
        own = [(term.cutoff, listed(sim, term)) for term in sim.potential.terms]
        for moved in np.arange(0.42, 0.5 * (1 + MARGIN) + 0.01, 0.02) * SKIN:
            atoms.positions[:] = atoms.start[: atoms.n_owned, :3] + velocities * (moved / fastest)
            sim.domain.forward_positions(atoms)
            if sim.neighbors.is_stale(atoms, moved**2, SelfComm()):
                stale += 1
                break
            late += moved > 0.5 * SKIN
            x, n = atoms.x[: atoms.n_total, :3], atoms.n_owned
            apart = np.linalg.norm(x[None] - x[:n, None], axis=2)
            for cutoff, pairs in own:
                i, j = np.nonzero((apart < cutoff) & (apart > 0.0))
                near = set(zip(np.minimum(i, j).tolist(), np.maximum(i, j).tolist(), strict=True))
                upper = {(a, b) for a, b in near if b < n or lower_first(atoms.start, a, b)}
                assert upper <= pairs
    assert late > 3 and stale  # the list was used for longer than half the skin allows, and not for ever


def lower_first(start, owned, ghost) -> bool:
    """Is the pair this domain's? The atom that had the lower (z, y, x) lists it."""
    return tuple(start[owned, 2::-1]) < tuple(start[ghost, 2::-1])


@pytest.mark.parametrize("cutoff", [NEAR, CUTOFF])
def test_a_pair_that_approaches_is_noticed(cutoff):
    """Two atoms just beyond the list of a term fly at each other."""
    sim = gas(3, 7.0 * np.eye(3))
    atoms = sim.atoms
    x = atoms.x[: atoms.n_owned, :3]
    apart = np.linalg.norm(x[None] - x[:, None], axis=2)
    apart[apart <= cutoff + SKIN] = np.inf
    i, j = np.unravel_index(np.argmin(apart), apart.shape)
    gap = apart[i, j] - cutoff
    assert SKIN < gap < 1.2 * SKIN
    towards = (x[j] - x[i]) / apart[i, j]
    for share, expected in ((0.49, False), (0.51, True)):
        atoms.positions[i] = atoms.start[i, :3] + share * gap * towards
        atoms.positions[j] = atoms.start[j, :3] - share * gap * towards
        sim.domain.forward_positions(atoms)
        assert sim.neighbors.is_stale(atoms, (share * gap) ** 2, SelfComm()) is expected


# --- each term its own -----------------------------------------------------------------------------------


def test_terms_share_a_list_only_where_their_radii_are_alike():
    def built(*wants):
        return {own[:2] for own in Neighbors(wants, 0.5)._built}

    assert built(("half", 6.0)) == {("half", 6.0)}
    assert built(("full", 6.0), ("half", 12.0)) == {("full", 6.0), ("half", 12.0)}
    assert built(("half", 10.0), ("half", 9.1), ("half", 9.0)) == {("half", 10.0), ("half", 9.0)}
    assert built(("half", 10.0), ("full", 10.0), ("half", 10.0)) == {("half", 10.0), ("full", 10.0)}
    near, far = LennardJones(9.1, 1.0, 1.0), LennardJones(10.0, 1.0, 1.0)
    neighbors = Neighbors(Sum(near, far).lists, 0.5)
    assert neighbors.of(near).list is neighbors.of(far).list is neighbors.list
    assert neighbors.of(near).full is neighbors.full is None


def ionic(n=60, edge=6.0) -> System:
    system = scattered(n, edge * TRICLINIC, seed=31)
    return System(system.box, system.positions, species=np.arange(n) % 3 % 2, symbols=("O", "H"))


def network():
    return HDNNPotential(random_model(("O", "H"), types=[2, 3], cutoff=1.6), extrapolation="ignore")


TERMS = {
    "network": network,
    "charges": lambda: Coulomb(3.5, {"O": -2.0, "H": 1.0}),
    "repulsion": lambda: LennardJones(0.9, 0.01, 0.4),
}


def test_each_list_has_the_pairs_within_its_own_radius():
    terms = {name: make() for name, make in TERMS.items()}
    sim = Simulation(ionic(), Sum(terms["charges"], Sum(terms["network"], terms["repulsion"])), skin=SKIN)
    atoms = sim.atoms
    x = atoms.x[: atoms.n_total, :3]
    apart = np.linalg.norm(x[None] - x[: atoms.n_owned, None], axis=2)
    for name, term in terms.items():
        lists = sim.neighbors.of(term)
        pairs = lists.list if lists.full is None else lists.full.pairs
        assert (lists.full is None) is (name != "network")
        upper = apart if lists.full else np.array([
            [apart[i, j] if lower_first(x, i, j) else np.inf for j in range(atoms.n_total)]
            for i in range(atoms.n_owned)
        ])  # fmt: skip
        wanted = np.count_nonzero((upper <= term.cutoff + SKIN) & (upper > 0.0))
        assert pairs.n_pairs == wanted > 0, name


def test_a_sum_is_the_sum_of_its_terms_bit_for_bit():
    """Forces and energies are multiples of a grid: whoever else is in the sum changes nothing."""
    system, found = ionic(), {}
    for name, make in TERMS.items():
        sim = Simulation(system, make(), skin=SKIN)
        found[name] = sim.snapshot().forces, sim.results.energy
    sim = Simulation(system, Sum(*(make() for make in TERMS.values())), skin=SKIN)
    assert sim.snapshot().forces.tobytes() == sum(forces for forces, _ in found.values()).tobytes()
    assert sim.results.energy == sum(energy for _, energy in found.values())
