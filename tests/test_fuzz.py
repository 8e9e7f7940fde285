"""Is any input, however broken, told in one clear message?  Some mutations of each kind; tests/fuzz has more."""

import pytest

from tests.fuzz import good, judge
from tests.fuzz.__main__ import attempt, in_child, load, told
from tests.fuzz.kinds import KINDS

SEED, EACH = 11, 6


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("fuzz") / "good"
    in_child(lambda: good.make(root))
    load()
    return root


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.targets])
def test_what_is_not_broken_is_accepted(name, root, tmp_path):
    """Otherwise nothing behind the first message would ever be tried."""
    said = set()
    for number in range(8):
        verdict, how = attempt(SEED, name, number, root, tmp_path / "work", keep=())
        said.add((verdict.kind, how.split("; ")[1], verdict.text))
    assert {kind for kind, *_ in said} == {"accepted"}, said


@pytest.mark.parametrize("name", KINDS)
def test_broken(name, root, tmp_path):
    for number in range(EACH):
        verdict, how = attempt(SEED, name, number, root, tmp_path / "work")
        result = {"seed": SEED, "name": name, "number": number, "how": how, **vars(verdict)}
        assert verdict.kind in judge.GOOD, told(result)
