"""The same bits on any number of ranks, and across restarts onto other numbers of ranks."""

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
}
# ranks that wait for each other's processor take long: one case of what is communicated or cut up alike
ON_EIGHT = {
    "cubic-nve", "triclinic-npt", "slab-langevin", "corner-nve", "alloy-nve", "salt-nve", "ions-npt", "points-npt",
    "mixture-npt", "dispersed-npt", "layer-nve", "drop-nve", "tiny-nve",
}  # fmt: skip


def run(folder, ranks, *jobs):
    """{case: final state} of jobs CASE:STEPS[:STATE] on `ranks` ranks."""
    mpirun(ranks, SCRIPT, folder, *jobs)
    results = {}
    for job in jobs:
        case = job.split(":")[0]
        with np.load(folder / f"{case}.npz") as saved:
            results[case] = {key: saved[key] for key in saved}
    return results


@pytest.fixture(scope="module")
def on_one_rank(tmp_path_factory):
    return run(tmp_path_factory.mktemp("one"), 1, *(f"{case}:{steps}" for case, steps in CASES.items()))


def assert_same_bits(a, b, where):
    for name in (*SAME, *sorted(a.keys() & {"electric_potential", "electron_density"})):
        assert a[name].tobytes() == b[name].tobytes(), f"{where}: {name} differs"


@pytest.mark.parametrize("ranks", [2, 3, 4, 8])
def test_same_bits_on_any_number_of_ranks(ranks, on_one_rank, tmp_path):
    cases = {case: steps for case, steps in CASES.items() if ranks < 8 or case in ON_EIGHT}
    results = run(tmp_path, ranks, *(f"{case}:{steps}" for case, steps in cases.items()))
    for case, steps in cases.items():
        assert results[case]["step"] == steps
        assert_same_bits(on_one_rank[case], results[case], f"{case} on {ranks} ranks")


def test_restart_on_another_number_of_ranks(on_one_rank, tmp_path):
    names = ("nve", "langevin", "nvt", "npt", "mtk", "strain")
    cases = ("cubic-stressed", "ions-npt", *(f"triclinic-{name}" for name in names))
    begin = {case: int(0.643 * CASES[case]) for case in cases}
    run(tmp_path, 3, *(f"{case}:{steps}" for case, steps in begin.items()))
    for ranks in (1, 4):
        (tmp_path / str(ranks)).mkdir()
        jobs = (f"{case}:{CASES[case] - begin[case]}:{tmp_path / case}.checkpoint" for case in cases)
        results = run(tmp_path / str(ranks), ranks, *jobs)
        for case in cases:
            assert_same_bits(on_one_rank[case], results[case], f"{case} continued on {ranks} ranks")


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
