"""Does a run or a training that is killed end as if nothing had happened?  A few kills; tests/fuzz/kills.py: more."""

import collections
import functools

import pytest

from tests.fuzz import kills
from tests.mpi import needs_mpi

SEED = 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """whole(kind, ranks): (results, seconds) of a command that nothing disturbs, run once."""
    top = tmp_path_factory.mktemp("kills")
    return functools.cache(lambda kind, ranks: kills.whole(top, kind, ranks))


@pytest.mark.parametrize("ranks", [pytest.param(1, marks=pytest.mark.mpi), pytest.param(2, marks=needs_mpi)])
@pytest.mark.parametrize("kind", ["run", "train"])
def test_killed(kind, ranks, whole, tmp_path, monkeypatch):
    """On 1 rank, and on up to 2; one history at least has a kill, and the results that are compared are many."""
    monkeypatch.setattr(kills, "COMMANDS", {kind: kills.COMMANDS[kind]})
    wholes = {(kind, n): whole(kind, n) for n in range(1, (ranks if kind == "train" else 1) + 1)}
    found, number = collections.Counter(), 0
    while not found and number < 5:
        own, wrong = kills.history(tmp_path / "work", SEED, number, wholes, ranks)
        assert not wrong
        found, number = found + own, number + 1
    assert found
    assert all(len(results) > 10 for results, _ in wholes.values())
