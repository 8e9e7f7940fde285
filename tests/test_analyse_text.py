"""Does a file of structures tell the same as the trajectory of the same run, and is what it lacks said?"""

import json
from pathlib import Path

import numpy as np
import pytest

from mdcore import Trajectory
from mdcore.analysis import analyse
from mdcore.analysis.text import TextTrajectory
from mdcore.cli import main
from tests.test_rerun import INPUT


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A gas whose atoms cross the faces of a cell that moves, as .h5md and as .extxyz."""
    folder = tmp_path_factory.mktemp("text")
    text = INPUT.replace("steps = 12", "steps = 600").replace("temperature = 60", "temperature = 3000")
    text = text.replace("_every = 3", "_every = 5").replace("epsilon = 0.0104", "epsilon = 0.0001")
    text = text.replace("timestep", "strain_rate = [2e-5, 0, 0, 0, 0, 0]\ntimestep")
    (folder / "run.toml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "run.toml", "--quiet"]) == 0
    return folder


@pytest.fixture
def folder(results, tmp_path, monkeypatch):
    for name in ("run.h5md", "run.extxyz"):
        (tmp_path / name).write_bytes((results / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(path) -> dict:
    return json.loads(Path(path).read_text())


def same(one, two) -> bool:
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two if not isinstance(one, float) else two == pytest.approx(one, rel=1e-6, abs=1e-9)


def lammps_dump(target, *more, wrap=True):
    """The frames of run.h5md as LAMMPS writes them; velocities in Angstrom/ps."""
    with Trajectory("run.h5md") as frames, Path(target).open("w") as file:
        for frame in frames:
            shift = 0.0 if wrap else frame.images @ frame.box.matrix
            edges = np.diag(frame.box.matrix)
            file.write(
                f"ITEM: TIMESTEP\n{frame.step}\nITEM: NUMBER OF ATOMS\n{frame.n_atoms}\nITEM: BOX BOUNDS pp pp pp\n"
            )
            file.writelines(f"0 {edge!r}\n" for edge in edges.tolist())
            axes = "x y z" if wrap else "xu yu zu"
            file.write(f"ITEM: ATOMS id type {' '.join(more)} {axes} vx vy vz\n")
            order = np.random.default_rng(frame.step).permutation(frame.n_atoms)
            for k in order.tolist():
                x, v = (frame.positions + shift)[k], 1000.0 * frame.velocities[k]
                file.write(f"{k + 1} 1 {'Ar ' * len(more)}{' '.join(map(repr, [*x.tolist(), *v.tolist()]))}\n")


def test_a_dump_says_what_the_trajectory_says(folder, capsys):
    what = "rdf,diffusion,vibrations"
    for name in ("run.h5md", "run.extxyz"):
        assert main(["analyse", name, "--what", what, "--output", name[4:]]) == 0
    out = capsys.readouterr().out
    assert "run.extxyz: steps 0 to 600, 0 to 3000 fs" in out
    one, two = told("h5md.json"), told("extxyz.json")
    for name in ("rdf", "diffusion", "vibrations", "first_step", "last_time"):
        assert same(one[name], two[name]), name
    assert one["conditions"]["density"] == pytest.approx(two["conditions"]["density"])
    assert one["diffusion"]["Ar"]["coefficient"] > 1e-4
    with Trajectory("run.h5md") as trajectory:
        assert np.abs(trajectory[-1].images).max() > 1  # faces were crossed
    report = analyse("run.extxyz", first_step=100, last_step=200, output="part")
    assert report.steps == (100, 200) and report.rdf.n_frames == 21


def test_a_dump_of_lammps(folder, capsys):
    lammps_dump("a.lammpstrj", "element")
    assert main(["analyse", "a.lammpstrj", "--interval", "25", "--output", "a"]) == 0
    assert "vibrations: spectrum highest" in capsys.readouterr().out
    assert main(["analyse", "run.h5md", "--output", "b"]) == 0
    one, two = told("b.json"), told("a.json")
    for name in ("rdf", "diffusion", "vibrations"):
        assert same(one[name], two[name]), name
    lammps_dump("u.lammpstrj", "element", wrap=False)
    for words in ([], ["--unwrapped"]):
        assert main(["analyse", "u.lammpstrj", "--interval", "25", "--output", "u", "--overwrite", *words]) == 0
        assert same(one["diffusion"], told("u.json")["diffusion"])
    lammps_dump("types.lammpstrj")
    capsys.readouterr()
    assert main(["analyse", "types.lammpstrj"]) == 2
    assert "a dump of LAMMPS that names no elements" in capsys.readouterr().err


def test_what_lacks_is_said(folder, capsys):
    lines = Path("run.extxyz").read_text().splitlines()
    bare = [line.partition(" Time=")[0] if "Time=" in line else " ".join(line.split()[:4]) for line in lines]
    bare = [
        line.replace(line[line.index("Properties=") :].split()[0], "Properties=species:S:1:pos:R:3")
        if "Properties=" in line
        else line
        for line in bare
    ]
    Path("bare.xyz").write_text("\n".join(bare) + "\n")
    assert main(["analyse", "bare.xyz", "--what", "rdf,diffusion,vibrations,viscosity,means"]) == 0
    out = capsys.readouterr().out
    assert "g(r): first peak" in out or "g(r): no peak" in out
    for text in (
        "no diffusion: the file does not say the time between frames; --interval does",
        "no vibrations: the trajectory has no velocities",
        "no viscosity: the thermo log has no rows there",
        "no means",
    ):
        assert text in out
    assert main(["analyse", "bare.xyz", "--interval", "25", "--overwrite"]) == 0
    assert "diffusion of Ar" in capsys.readouterr().out
    n = int(lines[0]) + 2
    Path("rare.xyz").write_text("\n".join(line for k in range(0, 121, 20) for line in lines[k * n : k * n + n]) + "\n")
    assert main(["analyse", "rare.xyz", "--what", "diffusion"]) == 0
    assert "too far to follow them through its faces" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("run.h5md --interval 5", "--interval: run.h5md tells it"),
        ("run.h5md --unwrapped", "--unwrapped: run.h5md tells it"),
        ("run.extxyz --interval 0", "--interval 0.0: expected a number > 0"),
        ("run.extxyz --units kelvin", "kelvin"),
        ("mixed.xyz", "mixed.xyz: frame 1 (counting from 0) has other atoms than the first"),
        ("empty.xyz", "empty.xyz"),
        ("none.xyz", "none.xyz"),
        ("run.extxyz --first 700 --what vibrations", "no frames, no rows of the log from step 700"),
    ],
)
def test_refusals(folder, capsys, words, says):
    Path("mixed.xyz").write_text("1\n\nAr 0 0 0\n2\n\nAr 0 0 0\nAr 3 0 0\n")
    Path("empty.xyz").write_text("")
    assert main(["analyse", *words.split()]) == 2
    assert says in capsys.readouterr().err


def test_some_of_the_atoms(folder, capsys):
    """A dump of some of them says so: the centre of mass is not theirs, and their energy is no energy."""
    text = INPUT.replace("[output]", '[output]\ndump_atoms = ["one"]').replace(
        "[velocities]", '[[group]]\nname = "one"\nindices = [3, 4]\n[velocities]'
    )
    Path("some.toml").write_text(text)
    assert main(["run", "some.toml", "--quiet"]) == 0
    with TextTrajectory("some.extxyz") as frames:
        assert frames.n_atoms == 2 and not frames.whole
    capsys.readouterr()
    assert main(["rerun", "some.toml", "some.extxyz", "--output", "c.csv"]) == 2
    assert "some.extxyz: holds some of the atoms" in capsys.readouterr().err
