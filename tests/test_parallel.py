"""The same bits on any number of ranks, and across restarts onto other numbers of ranks.

One launch for each number of ranks. Three run all cases from begin to end and leave a state in the middle, from which
one, two and four go on; eight begin anew. Whatever the number, the end is that of one rank that nothing stopped.
"""

import numpy as np
import pytest

from tests.mpi import ROOT, mpirun, needs_mpi

pytestmark = needs_mpi
SCRIPT = ROOT / "tests" / "mpi_trajectory.py"
SAME = ("positions", "velocities", "images", "step", "total", "conserved", "pressure", "heat", "matrix")
CASES = {
    "cubic-nve": 100,
    "cubic-langevin": 100,
    "triclinic-nve": 100,
    "triclinic-langevin": 100,
    "triclinic-nvt": 30,
    "triclinic-npt": 42,  # the cell breathes
    "cubic-langevin+npt": 30,
    "triclinic-mtk": 30,
    "cubic-stressed": 20,
    "triclinic-strain": 120,  # shear to 2.4: the lattice gets shorter vectors on the way
    "slab-langevin": 100,
    "cluster-nve": 100,
    "corner-nve": 100,  # all atoms in the first domain: the others have neither atoms nor ghosts
    "alloy-nve": 80,  # embedded atoms: densities go home, slopes go out
    "angles-nve": 80,  # Stillinger-Weber
    "bonds-nve": 80,  # Tersoff
    "salt-nve": 80,  # two terms with lists of their own
    "ions-npt": 30,  # waves of charges, whose cell changes
    "points-npt": 30,  # a mesh of charges
    "mixture-npt": 30,  # of Lennard-Jones, all images
    "layer-nve": 30,
    "drop-nve": 40,  # all pairs of charges
    "dispersed-npt": 20,  # D3 with triples: numbers of neighbours go home, weights and pulls go out
    "few-nve": 40,  # 5 atoms, cutoffs of three cells
    "tiny-nve": 80,  # 3 atoms in a cell smaller than the cutoff: empty domains
    **{f"network-{case}": 40 for case in (
        "cubic-nve", "triclinic-langevin", "slab-nve", "cluster-nve", "wall-nve", "tiny-nve", "cubic-nve-mixed",
        "tiny-nve-mixed", "density-nve", "densities-langevin-mixed", "speck-nve", "chebyshev-nve",
        "chebyshev-langevin-mixed",
    )},
    **{f"network-{case}": 8 for case in (
        "ions-nve", "layer-nve", "drop-nve", "cloud-langevin", "predicted-nve", "members-nve",
    )},
}  # fmt: skip
MIDDLE = {case: int(0.643 * steps) for case, steps in CASES.items()}
AGAIN_ALONE = ("cubic-stressed", "ions-npt", "points-npt", "network-ions-nve", "network-cloud-langevin",
               *(f"triclinic-{name}" for name in ("nve", "langevin", "nvt", "npt", "mtk", "strain")))  # fmt: skip
# ranks that wait for each other's processor take long: one case of what is communicated or cut up alike
ON_EIGHT = (
    "cubic-nve", "triclinic-npt", "slab-langevin", "corner-nve", "alloy-nve", "salt-nve", "ions-npt", "points-npt",
    "mixture-npt", "dispersed-npt", "layer-nve", "drop-nve", "tiny-nve", "network-density-nve",
    "network-densities-langevin-mixed", "network-speck-nve",
)  # fmt: skip


def run(folder, ranks, jobs):
    """{case: final state} of jobs {case: what mpi_trajectory.py is told of it} on `ranks` ranks."""
    mpirun(ranks, SCRIPT, folder, *(f"{case}:{how}" for case, how in jobs.items()))
    results = {}
    for case in jobs:
        with np.load(folder / f"{case}.npz") as saved:
            results[case] = {key: saved[key] for key in saved}
    return results


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """{case: final state} on one rank."""
    return run(tmp_path_factory.mktemp("one"), 1, CASES)


@pytest.fixture(scope="module")
def on_three(tmp_path_factory):
    """(folder of the states in the middle, {case: final state}) on three ranks."""
    folder = tmp_path_factory.mktemp("three")
    return folder, run(folder, 3, {case: f"{MIDDLE[case]}+{steps - MIDDLE[case]}" for case, steps in CASES.items()})


def assert_same_bits(wanted, found, where):
    assert len(found) > 8
    for case, b in found.items():
        a = wanted[case]
        assert b["step"] == CASES[case]
        for name in (*SAME, *sorted(a.keys() & {"electric_potential", "electron_density"})):
            assert a[name].tobytes() == b[name].tobytes(), f"{case} {where}: {name} differs"


def test_same_bits_on_three_ranks(alone, on_three):
    assert_same_bits(alone, on_three[1], "on 3 ranks")


@pytest.mark.parametrize("ranks", [1, 2, 4, 8])
def test_same_bits_on_any_number_of_ranks_and_across_restarts(ranks, alone, on_three, tmp_path):
    cases = {1: AGAIN_ALONE, 8: ON_EIGHT}.get(ranks, tuple(CASES))
    jobs = {case: f"{CASES[case] - MIDDLE[case]}:{on_three[0] / case}.checkpoint" for case in cases}
    if ranks == 8:
        jobs = {case: CASES[case] for case in cases}
    assert_same_bits(alone, run(tmp_path, ranks, jobs), f"on {ranks} ranks")


def test_atoms_are_seen_and_moved_alike_on_any_number_of_ranks(tmp_path):
    seen = []
    for ranks in (1, 3, 4):
        (tmp_path / str(ranks)).mkdir()
        mpirun(ranks, ROOT / "tests" / "mpi_view.py", tmp_path / str(ranks))
        for rank in range(ranks):
            with np.load(tmp_path / str(ranks) / f"{rank}.npz") as saved:
                seen.append({name: saved[name].tobytes() for name in saved})
    for other in seen[1:]:
        assert [name for name in other if other[name] != seen[0][name]] == []
