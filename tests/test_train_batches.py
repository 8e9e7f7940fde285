"""How is the work of a training dealt out to batches and ranks? (test_train_ranks.py has real ranks.)"""

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.training.environments import Environments
from mdcore.training.loss import NetworkRegression
from mdcore.training.misfit import Weights
from mdcore.training.optimizers.batches import batches
from mdcore.training.optimizers.covariance import PANEL, Covariance
from mdcore.training.share import runs
from tests.reference.hdnnp_models import random_model
from tests.training_sets import mixed_set


def test_runs_have_about_as_many_atoms():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 8):
        sizes = rng.integers(5, 50, 200)
        found = runs(sizes, n)
        assert [k for run in found for k in run] == list(range(200))
        assert np.ptp([sizes[run.start : run.stop].sum() for run in found]) <= 2 * sizes.max()
    assert [len(run) for run in runs(np.array([100, 1, 1, 1]), 3)] == [1, 1, 2]
    assert [len(run) for run in runs(np.array([1, 1, 1, 100]), 3)] == [2, 1, 1]
    with pytest.raises(InputError, match="4 ranks for a set of 3 structures"):
        runs(np.ones(3), 4)


def test_batches_are_spread_over_the_set():
    rng, seen = np.random.default_rng(0), set()
    for _ in range(20):
        found = batches(rng, np.arange(100, 124), 4)
        assert sorted(np.concatenate(found)) == list(range(100, 124)) and [len(b) for b in found] == [4] * 6
        for batch in found:
            assert sorted((batch - 100) // 6) == [0, 1, 2, 3]  # one of each quarter
        seen |= {tuple(batch) for batch in found}
    assert len(seen) > 100
    uneven = batches(rng, np.arange(23), 4)
    assert sorted(np.concatenate(uneven)) == list(range(23)) and {len(b) for b in uneven} == {3, 4}


class Rank:
    """One of several ranks that are asked one after the other: what they say is added up by the test."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size

    def sum(self, values):
        return values

    def bcast(self, value):
        return value


def test_panels_are_shared():
    """The products of the ranks' panels add up to that of all; they are about as much work."""
    n, rng = 5 * PANEL + 20, np.random.default_rng(1)
    rows, x = rng.normal(size=(3, n)), 0.1 * rng.normal(size=(n, 2))
    whole, parts = Covariance(n, 2.0), [Covariance(n, 2.0, comm=Rank(r, 3)) for r in range(3)]
    for each in (whole, *parts):
        each.subtract_square(x, noise=0.1)
    np.testing.assert_allclose(sum(each.times(rows) for each in parts), whole.times(rows), atol=1e-11)
    sizes = [sum(own.size for own in each.panels.values()) for each in parts]
    assert sum(sizes) == sum(own.size for own in whole.panels.values()) and max(sizes) < 1.2 * np.mean(sizes)


def test_structures_are_shared():
    """Each rank has its own; losses, gradients and rows of all are those of the whole set."""
    model, structures = random_model(types=[2, 3]), mixed_set()
    whole = NetworkRegression(model, Environments(model, structures))
    parts = [NetworkRegression(model, Environments(model, structures, comm=Rank(r, 3))) for r in range(3)]
    for each in (whole, *parts):
        each.weights = Weights(1.0, 0.5, 0.1)
    envs = [each.environments for each in parts]
    assert [env.begin for env in envs] == np.cumsum([0, *(env.n_structures for env in envs[:-1])]).tolist()
    assert all(0 < env.n_structures < 4 and env.n_total == 6 for env in envs)
    for structures in (None, np.array([5, 0, 2])):
        loss, gradient = whole.loss(structures)
        shares = [each.loss(structures) for each in parts]
        assert sum(share[0] for share in shares) == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(sum(share[1] for share in shares), gradient, atol=1e-9 * np.abs(gradient).max())
    wanted, found = np.array([4, 1, 3, 0]), np.full((4, whole.n_parameters), np.nan)
    for each in parts:
        places, own = each.environments.local(wanted)
        found[places] = each.energy_rows(own)
    np.testing.assert_allclose(found, whole.energy_rows(wanted), rtol=1e-12)
