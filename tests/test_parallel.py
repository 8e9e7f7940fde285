"""The same bits on any number of ranks, and across restarts onto other numbers of ranks."""

import numpy as np
import pytest

from tests.mpi import ROOT, mpirun, needs_mpi

pytestmark = needs_mpi
SCRIPT = ROOT / "tests" / "mpi_trajectory.py"
SAME = ("positions", "velocities", "images", "step", "energy", "conserved", "pressure", "heat")


def trajectory(tmp_path, case, ranks, steps=1000, state=None):
    output = tmp_path / f"{case}-{ranks}-{steps}-{state is not None}.npz"
    mpirun(ranks, SCRIPT, case, steps, output, *([state] if state else []))
    with np.load(output) as saved:
        return output, {key: saved[key] for key in saved}


def assert_same_bits(a, b):
    for name in SAME:
        assert a[name].tobytes() == b[name].tobytes(), f"{name} differs"


@pytest.mark.parametrize(
    "case",
    ["cubic-nve", "cubic-langevin", "triclinic-nve", "triclinic-langevin", "slab-langevin", "cluster-nve"],
)
def test_same_bits_on_any_number_of_ranks(case, tmp_path):
    _, one = trajectory(tmp_path, case, 1)
    assert one["step"] == 1000
    for ranks in (2, 3, 4, 8):
        assert_same_bits(one, trajectory(tmp_path, case, ranks)[1])


def test_cell_smaller_than_the_cutoff_with_empty_domains(tmp_path):
    _, one = trajectory(tmp_path, "tiny-nve", 1, 200)
    for ranks in (2, 4, 8):  # 3 atoms on 8 ranks
        assert_same_bits(one, trajectory(tmp_path, "tiny-nve", ranks, 200)[1])


@pytest.mark.parametrize("case", ["triclinic-nve", "triclinic-langevin"])
def test_restart_on_another_number_of_ranks(case, tmp_path):
    _, straight = trajectory(tmp_path, case, 2, 600)
    state, _ = trajectory(tmp_path, case, 3, 357)
    for ranks in (1, 4):
        assert_same_bits(straight, trajectory(tmp_path, case, ranks, 600 - 357, state)[1])
