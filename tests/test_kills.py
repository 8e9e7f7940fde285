"""Does a run or a training that is killed end as if nothing had happened?  A few kills; tests/fuzz/kills.py: more."""

import collections

import pytest

from tests.fuzz import kills
from tests.mpi import needs_mpi

SEED = 3


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=needs_mpi)])
@pytest.mark.parametrize("kind", ["run", "train"])
def test_killed(kind, ranks, tmp_path, monkeypatch):
    """On 1 rank, and on up to 2; one history at least has a kill, and the results that are compared are many."""
    monkeypatch.setattr(kills, "COMMANDS", {kind: kills.COMMANDS[kind]})
    wholes = {(kind, 1): kills.whole(tmp_path, kind, 1)}
    if kind == "train" and ranks == 2:
        wholes[kind, 2] = kills.whole(tmp_path, kind, 2)
    found, number = collections.Counter(), 0
    while not found and number < 5:
        own, wrong = kills.history(tmp_path / "work", SEED, number, wholes, ranks)
        assert not wrong
        found, number = found + own, number + 1
    assert found
    assert all(len(results) > 10 for results, _ in wholes.values())
