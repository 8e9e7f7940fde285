"""Does the Verlet list stay complete for as long as it says?"""

import numpy as np
import pytest

from mdcore.comm import SelfComm
from mdcore.integrators import VelocityVerlet
from mdcore.neighbors import MARGIN
from mdcore.potentials.lj import LennardJones
from mdcore.simulation import Simulation
from tests.systems import TRICLINIC, scattered

CUTOFF, SKIN = 2.0, 0.4


def listed(sim) -> set:
    """Pairs of rows in the half list."""
    first, index = sim.neighbors.list.arrays(sim.atoms)
    rows = np.repeat(np.arange(sim.atoms.n_owned), np.diff(first))
    return {tuple(sorted(pair)) for pair in zip(rows.tolist(), index.tolist(), strict=True)}


def gas(seed, matrix, periodic=(True, True, True)):
    n = 150 if matrix[0, 0] > 5 else 15
    system = scattered(n, matrix, periodic, seed=seed)
    return Simulation(system, LennardJones(CUTOFF, epsilon=0.0, sigma=1.0), VelocityVerlet(0.001), skin=SKIN)


@pytest.mark.parametrize("matrix", [7.0 * np.eye(3), 7.0 * TRICLINIC, 3.0 * np.eye(3)])
@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, False, False)])
def test_no_pair_is_missing_until_the_list_is_outrun(matrix, periodic):
    """Atoms fly at random; every pair within the cutoff is listed for as long as `outrun` says no."""
    late, outrun = 0, 0
    for seed in range(8):
        sim = gas(seed, matrix, periodic)
        atoms, random = sim.atoms, np.random.default_rng(seed)
        velocities = random.normal(size=(atoms.n_owned, 3))
        fastest = np.linalg.norm(velocities, axis=1).max()
        pairs = listed(sim)
        for moved in np.arange(0.42, 0.5 * (1 + MARGIN) + 0.01, 0.02) * SKIN:
            atoms.positions[:] = atoms.start[: atoms.n_owned, :3] + velocities * (moved / fastest)
            sim.domain.forward_positions(atoms)
            if sim.neighbors.outrun(atoms, moved**2, SelfComm()):
                outrun += 1
                break
            late += moved > 0.5 * SKIN
            x, n = atoms.x[: atoms.n_total, :3], atoms.n_owned
            apart = np.linalg.norm(x[None] - x[:n, None], axis=2)
            i, j = np.nonzero((apart < CUTOFF) & (apart > 0.0))
            near = set(zip(np.minimum(i, j).tolist(), np.maximum(i, j).tolist(), strict=True))
            upper = {(a, b) for a, b in near if b < n or lower_first(atoms.start, a, b)}
            assert upper <= pairs
    assert late > 3 and outrun  # the list was used for longer than half the skin allows, and not for ever


def lower_first(start, owned, ghost) -> bool:
    """Is the pair this domain's? The atom that had the lower (z, y, x) lists it."""
    return tuple(start[owned, 2::-1]) < tuple(start[ghost, 2::-1])


def test_a_pair_that_approaches_is_noticed():
    """Two atoms just beyond the list fly at each other."""
    sim = gas(3, 7.0 * np.eye(3))
    atoms = sim.atoms
    x = atoms.x[: atoms.n_owned, :3]
    apart = np.linalg.norm(x[None] - x[:, None], axis=2)
    apart[apart <= CUTOFF + SKIN] = np.inf
    i, j = np.unravel_index(np.argmin(apart), apart.shape)
    gap = apart[i, j] - CUTOFF
    assert SKIN < gap < 1.2 * SKIN
    towards = (x[j] - x[i]) / apart[i, j]
    for share, expected in ((0.49, False), (0.51, True)):
        atoms.positions[i] = atoms.start[i, :3] + share * gap * towards
        atoms.positions[j] = atoms.start[j, :3] - share * gap * towards
        sim.domain.forward_positions(atoms)
        assert sim.neighbors.outrun(atoms, (share * gap) ** 2, SelfComm()) is expected
