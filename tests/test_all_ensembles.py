"""Every ensemble: the same bits on any number of ranks and threads, and after a kill in the middle of it."""

import itertools

import numpy as np
import pytest

from tests.all_ensembles import ARGON, SILICON, STAGES, text
from tests.fuzz.kills import results
from tests.mpi import mpirun, needs_mpi

pytestmark = needs_mpi
QUICK = ("langevin", "velocity rescaling, groups", "nose-hoover", "cell rescaling, flexible", "mtk, flexible", "lbfgs")


def ended(folder, ranks, *command, doomed=False, threads=1) -> dict:
    """What `mdcore run` in this folder leaves; doomed : it is killed."""
    done = mpirun(ranks, *command, check=False, cwd=folder, MDCORE_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive")
    told = f"{command} on {ranks} ranks: {done.returncode}\n{done.stdout}{done.stderr}"
    assert (done.returncode != 0) == doomed, told
    return {} if doomed else results(folder, "run")


def assert_same(one, other, where):
    assert one.keys() == other.keys()
    assert [name for name in one if not np.array_equal(one[name], other[name])] == [], where


RUN = ("-m", "mdcore", "run", "run.toml", "--quiet", "--overwrite")


@pytest.fixture(scope="module")
def silicon(tmp_path_factory):
    """A network potential through all ensembles, on one rank with one thread."""
    folder = tmp_path_factory.mktemp("one")
    (folder / "run.toml").write_text(text(SILICON, 6))
    found = ended(folder, 1, *RUN)
    assert found["checkpoint state/step"].tobytes().decode() == str(6 * len(STAGES)) and len(found) > 10
    return found


ALL = [(ranks, threads) for ranks in (1, 2, 3, 4, 8) for threads in (1, 2)]
FEW = [(1, 2), (2, 2), (4, 1)]


@pytest.mark.parametrize(
    ("ranks", "threads"),
    [pytest.param(*both, marks=() if both in FEW else pytest.mark.slow) for both in ALL[1:]],
)
def test_same_bits_on_any_ranks_and_threads(ranks, threads, silicon, tmp_path):
    (tmp_path / "run.toml").write_text(text(SILICON, 6))
    found = ended(tmp_path, ranks, *RUN, threads=threads)
    assert_same(silicon, found, f"{ranks} ranks, {threads} threads")


@pytest.mark.parametrize("stages", [QUICK, pytest.param(tuple(STAGES), marks=pytest.mark.slow)], ids=["few", "all"])
def test_killed_in_the_middle_of_each(stages, tmp_path):
    """A run is killed in the middle of a step in every stage, and goes on each time on another number of ranks."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "run.toml").write_text(text(ARGON, 12, stages, often=6))
    whole = ended(one, 1, *RUN)
    how, ranks = "--overwrite", itertools.cycle((3, 1, 4, 2))
    for k in range(len(stages)):
        ended(other, next(ranks), "-m", "tests.die", 12 * k + 8, *RUN[2:-1], how, doomed=True)
        how = "--restart"
    assert_same(whole, ended(other, next(ranks), *RUN[:-1], how), "killed in each stage")
