"""Dimers: the lowest curvature of a Hessian by differences, the saddle points of bands and of a known surface."""

import json
from pathlib import Path

import numpy as np
import pytest

from mdcore import InputError, PythonPotential, System, neb, saddle
from mdcore.base.errors import SimulationError
from mdcore.cli import main
from mdcore.engine.evaluation import evaluate
from mdcore.learn.explorers.modes import force_constants
from mdcore.properties.dimer import Dimer, unit, whole_motions
from mdcore.structure.box import Box
from mdcore.structure.extxyz import write_frame
from tests.mpi import mpirun, needs_mpi
from tests.test_minimise import INPUT
from tests.test_neb import ARGON, ends, plane, valley


def cluster(n=7, seed=2):
    rng = np.random.default_rng(seed)
    found = [np.zeros(3)]
    while len(found) < n:
        x = rng.uniform(-4.5, 4.5, 3)
        if 3.4 < min(np.linalg.norm(x - y) for y in found) < 4.2:
            found.append(x)
    return System(Box(np.eye(3) * 40.0, False, [-20.0] * 3), found, "Ar")


@pytest.mark.parametrize("system", [cluster(), ends()[0].displace(0.2, 3)], ids=["cluster", "crystal"])
def test_a_dimer_finds_the_lowest_curvature(system):
    """That of the Hessian by central differences, but for motions of the whole, and its direction."""

    def forces(positions):
        return evaluate(ARGON, System(system.box, positions, "Ar")).forces

    whole = whole_motions(system, system.positions)
    assert len(whole) == (3 if any(system.box.periodic) else 6)
    flat = whole.reshape(len(whole), -1)
    assert flat @ flat.T == pytest.approx(np.eye(len(flat)), abs=1e-12)
    values, vectors = np.linalg.eigh(
        (np.eye(flat.shape[1]) - flat.T @ flat)
        @ force_constants(ARGON, system)
        @ (np.eye(flat.shape[1]) - flat.T @ flat)
    )
    direction = unit(np.random.default_rng(5).normal(size=system.positions.shape))
    dimer = Dimer(forces, np.zeros(system.positions.shape, bool), lambda x: whole_motions(system, x), direction)
    dimer.turn(system.positions, forces(system.positions), 400)
    assert dimer.curvature == pytest.approx(values[0], abs=2e-3 * np.abs(values).max())
    gap = values[1] - values[0]
    assert gap > 1e-3 and abs(vectors[:, 0] @ dimer.direction.ravel()) > 0.99
    assert dimer.turns < 150


def test_a_saddle_that_is_known():
    """Of x^4 - 2 x^2 + 2 (y - x^2)^2 at (0, 0): energy 0, curvature -4; from a minimum 1 below, and from its slope."""
    for x, y, direction in ((-1.0, 1.0, (1.0, -1.0)), (-0.5, 0.4, None), (0.9, 0.7, (-1.0, 0.2))):
        start = plane(x, y)
        start.fixed = np.array([[False] * 3, [True] * 3])  # one potential acts from outside: the other atom anchors it
        push = None if direction is None else [[*direction, 0.0], [0.0] * 3]
        found = saddle(PythonPotential(valley), start, push, seed=3, max_force=1e-4)
        assert found.converged and found.energy == pytest.approx(0.0, abs=1e-6)
        assert found.system.positions[0] == pytest.approx([5.0, 5.0, 5.0], abs=1e-3)
        assert found.curvature == pytest.approx(-4.0, abs=1e-2) and found.largest_force <= 1e-4
        assert found.height == pytest.approx(-valley(start.positions)[0], abs=1e-6)


def test_vacancy_hop_is_that_of_the_band():
    start, end = ends()
    path = neb(ARGON, start, end, images=3, max_force=5e-4, relax_ends=True)
    told = []
    found = saddle(
        ARGON, path.systems[0].displace(0.01, 1), path.systems[-1].positions - path.systems[0].positions,
        max_force=5e-4, observers=[lambda *now: told.append(now)],
    )  # fmt: skip
    assert found.converged and found.curvature < 0.0
    assert found.energy - path.energies[0] == pytest.approx(path.barrier, rel=1e-3)
    assert [now[0] for now in told] == list(range(found.steps + 1)) and told[-1][1] == found.energy
    again = evaluate(ARGON, found.system)
    assert again.energy == found.energy and np.array_equal(told[-1][4], found.system.positions)
    assert found.calls < 400


def test_what_is_fixed_stays_and_what_is_wrong_is_told():
    start = ends()[0].displace(0.05, 2)
    start.fixed = np.arange(start.n_atoms * 3).reshape(-1, 3) >= 30
    found = saddle(ARGON, start, steps=5)
    assert not found.converged and found.steps == 5
    assert np.array_equal(found.system.positions[10:], start.positions[10:])
    assert not found.direction[10:].any() and not np.array_equal(found.system.positions, start.positions)
    moves = np.zeros((start.n_atoms, 3))
    for direction in (moves, moves + [1.0, 0.0, 0.0] * (np.arange(start.n_atoms) >= 10)[:, None], moves[1:], "up"):
        with pytest.raises(InputError, match="direction"):
            saddle(ARGON, start, direction)
    start.fixed = None
    with pytest.raises(InputError, match="the whole"):
        saddle(ARGON, start, np.tile([0.3, -1.0, 2.0], (start.n_atoms, 1)))
    start.positions[1] = start.positions[0] + 0.01
    with pytest.raises((InputError, SimulationError)):
        saddle(ARGON, start)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lj.toml").write_text(INPUT.replace("METHOD", "fire"))
    for name, system in zip(("a.xyz", "b.xyz"), ends(), strict=True):
        with open(name, "w") as stream:
            write_frame(stream, system)
    return "a.xyz", "--potential", "lj.toml", "--max-force", "0.002"


def test_the_command(files, capsys):
    assert main(["saddle", *files, "--toward", "b.xyz"]) == 0
    out = capsys.readouterr().out
    told = json.loads(Path("a.saddle.json").read_text())
    last = System.read("a.saddle.xyz")
    assert "saddle point after" in out and told["converged"] and told["curvature"] < 0.0
    assert last.info["energy"] == told["energy"] and last.info["Step"] == told["steps"]
    start = evaluate(ARGON, System.read("a.xyz")).energy
    assert told["height"] == told["energy"] - start == pytest.approx(last.info["energy"] - start)
    assert np.array_equal(last.positions, told["positions"]) and last.columns["direction"].shape == (last.n_atoms, 3)
    assert main(["saddle", *files]) == 4 and "exists" in capsys.readouterr().err
    assert main(["saddle", *files, "--toward", "a.xyz", "--overwrite"]) == 2
    assert "the structure itself" in capsys.readouterr().err
    assert main(["saddle", *files, "--steps", "1", "--seed", "4", "--overwrite"]) == 1
    assert "no saddle point" in capsys.readouterr().err


@pytest.mark.mpi
@needs_mpi[1]
def test_the_same_bits_on_any_ranks(files):
    told = []
    for ranks in (1, 2):
        arguments = "saddle", *files, "--steps", "2", "--output", f"{ranks}.json", "--overwrite"
        code = main(arguments) if ranks == 1 else mpirun(ranks, "-m", "mdcore", *arguments, check=False).returncode
        assert code == 1
        told.append((Path(f"{ranks}.json").read_text(), Path("a.saddle.xyz").read_text()))
    assert told[0] == told[1]
