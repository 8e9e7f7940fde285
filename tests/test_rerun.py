"""Does `mdcore rerun` give every frame what `evaluate` gives it, in every kind of file, on any number of ranks?"""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

import mdcore
from mdcore import LennardJones, System, Trajectory, evaluate, rerun
from mdcore.cli import main
from tests.mpi import mpirun, needs_mpi

INPUT = """\
seed = 3
[structure]
build = "fcc"
species = "Ar"
lattice_constant = 5.4
replicate = [3, 3, 3]
[velocities]
temperature = 60
[potential]
type = "lj"
cutoff = 7.0
[potential.species.Ar]
epsilon = 0.0104
sigma = 3.4
[[stage]]
ensemble = "nve"
timestep = 5.0
steps = 12
trajectory_every = 3
dump_every = 3
thermo_every = 3
[output]
checkpoint_minutes = 0
"""
OTHER = LennardJones(cutoff=6.0, epsilon=0.012, sigma=3.3)


MOVING = """
[[group]]
name = "some"
where = "x < 6"
[[potential]]
type = "harmonic-wall"
axis = "z"
position = 15.0
keeps = "below"
stiffness = 1.0
velocity = -0.004
[[potential]]
type = "force"
force = [0.002, 0.0, 0.0]
[[potential]]
type = "distance-restraint"
sites = ["some", 40]
stiffness = 1.0
length = 5.0
rate = 0.01
"""


def table(path) -> list[dict]:
    return list(csv.DictReader(Path(path).read_text().splitlines()))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A run of five frames, and an input with another potential."""
    folder = tmp_path_factory.mktemp("rerun")
    (folder / "run.toml").write_text(INPUT)
    other = INPUT.replace("7.0", "6.0").replace("0.0104", "0.012").replace("3.4", "3.3")
    (folder / "other.toml").write_text(other)
    before = os.getcwd()
    os.chdir(folder)
    try:
        assert main(["run", "run.toml", "--quiet"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def folder(results, tmp_path, monkeypatch):
    for file in results.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_kind_of_file_says_the_same(folder, capsys):
    outputs = [word for name in ("new.extxyz", "new.h5md", "new.csv") for word in ("--output", name)]
    assert main(["rerun", "other.toml", "run.h5md", *outputs]) == 0
    told = capsys.readouterr().out
    assert "5 frames" in told and "wrote new.csv" in told
    rows = table("new.csv")
    with Trajectory("run.h5md") as old, Trajectory("new.h5md") as new:
        assert new.steps.tolist() == old.steps.tolist() == [0, 3, 6, 9, 12]
        log, before = new.thermo(), old.thermo()
        for k, frame in enumerate(old):
            right = evaluate(OTHER, frame.to_system())
            system = System.read("new.extxyz", k)
            assert float(rows[k]["energy"]) == right.energy == system.info["energy"] == log["potential"][k]
            assert float(rows[k]["stress_xy"]) == right.stress[0, 1] == pytest.approx(system.info["stress"][5])
            assert np.array_equal(system.info["forces"], right.forces)
            assert np.allclose(new[k].forces, right.forces, rtol=1e-12, atol=1e-15)
            assert np.array_equal(new[k].velocities, frame.velocities)
        assert np.allclose(log["kinetic"], before["kinetic"], rtol=1e-12)
        assert np.allclose(log["density"], before["density"], rtol=1e-12)


def test_the_same_potential_gives_the_run_itself(folder):
    found = rerun(LennardJones(cutoff=7.0, epsilon=0.0104, sigma=3.4), "run.h5md", "again.h5md")
    with Trajectory("run.h5md") as old, Trajectory("again.h5md") as new:
        assert np.allclose(found.energy, old.thermo()["potential"], rtol=1e-13)
        for name in ("stress", "pressure", "total"):
            assert np.allclose(new.thermo()[name], old.thermo()[name], rtol=1e-10)
        assert np.array_equal(new[4].forces, old[4].forces)


def test_from_extxyz_and_some_of_the_frames(folder):
    every, some = rerun(OTHER, "run.extxyz"), rerun(OTHER, "run.extxyz", frames=slice(1, None, 2))
    assert some.steps.tolist() == [3, 9] and some.times.tolist() == [15.0, 45.0]
    assert np.array_equal(some.energy, every.energy[1::2]) and np.array_equal(some.stress, every.stress[1::2])
    assert every.energy == pytest.approx(rerun(OTHER, "run.h5md").energy, rel=1e-12)
    assert main(["rerun", "other.toml", "run.extxyz", "--output", "b.csv", "--frames", "1::2"]) == 0
    assert [row["step"] for row in table("b.csv")] == ["3", "9"]


def test_structures_of_another_size_and_without_steps(folder):
    text = "1\n\nAr 0 0 0\n2\n\nAr 0 0 0\nAr 0 0 3.7\n"
    Path("two.xyz").write_text(text)
    found = rerun(OTHER, "two.xyz", ["two.csv", "new.xyz"])
    assert found.n_atoms.tolist() == [1, 2] and found.steps.tolist() == [0, 1] and found.energy[0] == 0.0
    assert np.isnan(found.pressure).all() and "nan" in Path("two.csv").read_text()
    with pytest.raises(mdcore.InputError, match="different atoms"):
        rerun(OTHER, "two.xyz", "two.h5md")
    assert "two.h5md" not in os.listdir()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("other.toml run.h5md --output new.dat", "ends with .extxyz, .h5md or .csv"),
        ("other.toml run.h5md --output run.h5md --overwrite", "is what is read"),
        ("other.toml run.h5md --output other.toml --overwrite", "is what is read"),
        ("other.toml run.h5md --output a.csv --output ./a.csv", "are one file"),
        ("other.toml none.h5md --output a.csv", "none.h5md"),
        ("other.toml run.h5md --output a.csv --frames 5:", "no frames to evaluate"),
        ("other.toml run.h5md --output a.csv --frames=-1:", "expected FIRST:END"),
        ("other.toml run.h5md --output a.csv --frames 3", "expected FIRST:END"),
        ("other.toml run.h5md --output a.csv --frames ::0", "--frames ::0: the stride is 1 or more"),
        ("other.toml broken.xyz --output a.csv", "structure 1 (counting from 0)"),
        ("other.toml run.h5md", "--output"),
        ("other.toml run.h5md --output a.csv --threads 0", "threads"),
        ("reduced.toml run.h5md --output a.csv", "has units metal, the potential lj"),
    ],
)
def test_refusals_leave_nothing_behind(folder, capsys, words, says):
    Path("broken.xyz").write_text("1\n\nAr 0 0 0\n1\n\nKr 0 0 0\n")
    Path("reduced.toml").write_text('units = "lj"\n' + INPUT)
    before = sorted(os.listdir())
    assert main(["rerun", *words.split()]) in (2, 4)
    assert says in capsys.readouterr().err
    assert sorted(os.listdir()) == before


def test_results_are_not_written_over(folder, capsys):
    Path("new.csv").write_text("mine")
    assert main(["rerun", "other.toml", "run.h5md", "--output", "new.csv"]) == 4
    assert Path("new.csv").read_text() == "mine"
    assert main(["rerun", "other.toml", "run.h5md", "--output", "new.csv", "--overwrite"]) == 0
    assert Path("new.csv").read_text().startswith("step,time,energy")


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_same_bits(self, folder):
        main(["rerun", "other.toml", "run.h5md", "--output", "1.extxyz", "--output", "1.csv"])
        for ranks in (3,):
            words = ["--output", f"{ranks}.extxyz", "--output", f"{ranks}.csv"]
            assert mpirun(ranks, "-m", "mdcore", "rerun", "other.toml", "run.h5md", *words).stdout.count("wrote") == 2
            for kind in ("extxyz", "csv"):
                assert Path(f"{ranks}.{kind}").read_bytes() == Path(f"1.{kind}").read_bytes()

    def test_one_message(self, folder):
        Path("broken.xyz").write_text("1\n\nAr 0 0 0\n1\n\nKr 0 0 0\n")
        done = mpirun(2, "-m", "mdcore", "rerun", "other.toml", "broken.xyz", "--output", "a.csv", check=False)
        assert done.returncode == 2 and done.stderr.count("structure 1") == 1 and not Path("a.csv").exists()


def test_what_moves_is_where_it_was_at_the_time_of_the_frame(tmp_path, monkeypatch, capsys):
    """Walls, lengths, forces whose energy goes on beyond the faces of the cell: energies are those of the run."""
    monkeypatch.chdir(tmp_path)
    text = INPUT.replace("[potential]", "[[potential]]").replace("temperature = 60", "temperature = 600")
    text = text.replace("steps = 12", "steps = 90").replace("[[stage]]", MOVING + "[[stage]]", 1)
    Path("run.toml").write_text(text)
    assert main(["run", "run.toml", "--quiet"]) == 0
    found = rerun(assembled("run.toml"), "run.h5md")
    with Trajectory("run.h5md") as run:
        log = run.thermo()
        assert np.array_equal(found.energy, log["potential"]) and np.ptp(found.energy) > 0.1
        assert np.abs(run[-1].images).max() > 0
    for name in ("--output new.csv", "--output new.h5md"):
        assert main(["rerun", "run.toml", "run.h5md", *name.split()]) == 0
    assert [float(row["energy"]) for row in table("new.csv")] == log["potential"].tolist()
    Path("timeless.xyz").write_text(Path("run.extxyz").read_text().replace("Time=", "Nothing="))
    capsys.readouterr()
    assert main(["rerun", "run.toml", "timeless.xyz", "--output", "other.csv"]) == 2
    assert "structure 0" in (told := capsys.readouterr().err) and "the time of this structure is not known" in told


def assembled(path):
    """The potential of an input."""
    from mdcore.cli.evaluate import with_units

    return with_units(path, None)[0]
