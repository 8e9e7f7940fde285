"""Minimisers: do they end in a minimum, at the pressure or stress that was asked for, the same on any ranks?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore import (
    FIRE,
    LBFGS,
    InputError,
    LennardJones,
    Simulation,
    SimulationError,
    System,
    VelocityVerlet,
    maxwell_boltzmann,
)
from mdcore.cli import main
from mdcore.dynamics.loading import check_state
from mdcore.output import checkpoint
from mdcore.structure import extxyz, frames
from tests.mpi import commands, needs_mpi

ARGON = {"cutoff": 8.5, "epsilon": 0.01034, "sigma": 3.4, "truncation": "force-shifted"}
METHODS = (FIRE, LBFGS)


def argon(repeat=3, shake=0.15, skew=0.0, a=5.2, vacancy=False):
    system = System.build("fcc", a, "Ar", repeat=(repeat,) * 3)
    rng = np.random.default_rng(3)
    positions = system.positions + rng.normal(0.0, shake, system.positions.shape)
    map_ = np.eye(3) + skew * rng.uniform(-1.0, 1.0, (3, 3))
    keep = slice(1, None) if vacancy else slice(None)
    box = type(system.box)(system.box.matrix @ map_)
    return System(box, (positions @ map_)[keep], system.species[keep], ["Ar"])


def simulation(system=None, **more):
    return Simulation(system or argon(), LennardJones(**ARGON), **more)


@pytest.mark.parametrize("method", METHODS)
def test_a_sheared_and_shaken_crystal_becomes_the_perfect_one(method):
    sim = simulation(argon(skew=0.05))
    minimiser = method(max_force=1e-5, max_stress=1e-5, cell="flexible")
    sim.run(400, minimiser)
    assert minimiser.converged and sim.step < 400
    assert np.linalg.norm(sim.forces, axis=1).max() <= 1e-5 and np.abs(sim.stress).max() <= 1e-5
    lengths = np.sort(np.linalg.svd(sim.cell.matrix, compute_uv=False))
    perfect = simulation(argon(shake=0.0))
    perfect.run(100, LBFGS(1e-5, 1e-7, cell="isotropic"))
    assert lengths == pytest.approx(perfect.cell.matrix[0, 0], rel=1e-3)
    assert sim.potential_energy == pytest.approx(perfect.potential_energy, abs=1e-6)


def test_ase_finds_the_same_minimum():
    pytest.importorskip("ase")
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS

    from mdcore.ase import MDCore

    sim = simulation(argon(vacancy=True, shake=0.1))
    atoms = argon(vacancy=True, shake=0.1).to_ase()
    sim.run(500, LBFGS(max_force=1e-4, max_stress=1e-4, cell="flexible"))
    atoms.calc = MDCore(LennardJones(**ARGON))
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=300)
    assert sim.potential_energy == pytest.approx(atoms.get_potential_energy(), abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "target", [{"pressure": 0.5}, {"stress": [0.03, -0.1, 0.0, 0.0, 0.02, 0.0]}, {"pressure": -0.05}]
)
def test_pressure_and_stress_are_those_that_were_asked_for(method, target):
    sim = simulation(argon(shake=0.05))
    sim.run(500, method(1e-4, 1e-4, cell="flexible", **target))
    wanted = target.get("stress") or [-target["pressure"]] * 3 + [0.0] * 3
    assert sim.integrator.converged
    assert sim.stress == pytest.approx(wanted, abs=1.01e-4)


def test_lengths_and_isotropic_cells_change_no_more_than_that():
    sim = simulation(argon(skew=0.03))
    before = sim.cell.matrix
    sim.run(200, LBFGS(1e-3, 1e-3, cell="isotropic"))
    ratio = sim.cell.matrix / before
    assert sim.integrator.converged and ratio == pytest.approx(ratio[0, 0], abs=1e-9)
    sim.run(200, LBFGS(1e-3, 1e-3, cell="anisotropic"))
    map_ = np.linalg.solve(before, sim.cell.matrix)
    assert map_ == pytest.approx(np.diag(np.diag(map_)), abs=1e-9)
    assert np.abs(sim.stress[:3]).max() <= 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_velocities_are_left_alone_and_dynamics_goes_on_with_them(method):
    system = argon()
    maxwell_boltzmann(system, 30.0, 1)
    sim = simulation(system)
    before = sim.velocities
    sim.run(300, method(1e-3))
    assert np.array_equal(before, sim.velocities) and sim.time == 0.0
    sim.run(10, VelocityVerlet(2.0))
    assert sim.time == 20.0


def test_held_atoms_stay():
    system = argon()
    fixed = np.zeros((system.n_atoms, 3), dtype=bool)
    fixed[:10], fixed[20:, 2] = True, True
    system.fixed = fixed
    sim = simulation(system)
    before = sim.positions
    sim.run(300, LBFGS(1e-3))
    moved = sim.positions - before
    moved -= np.rint(moved @ sim.cell.inverse) @ sim.cell.matrix
    assert sim.integrator.converged and np.abs(moved[10:20]).max() > 0.01
    assert np.abs(moved[fixed]).max() < 1e-12


def test_clusters_relax_and_no_atom_jumps():
    rng = np.random.default_rng(1)
    x = np.array([[i, j, k] for i in range(3) for j in range(3) for k in range(3)]) * 3.2 + rng.normal(0, 0.3, (27, 3))
    system = System(
        type(argon().box)(np.eye(3) * 40.0, (False,) * 3), x + 15.0, np.zeros(27, dtype=int), ["Ar"]
    )
    sim = simulation(system)
    seen = [sim.positions]
    sim.every(1, lambda s: seen.append(s.positions))
    sim.run(500, FIRE(1e-3))
    assert sim.integrator.converged
    assert np.linalg.norm(np.diff(seen, axis=0), axis=2).max() <= 0.2 + 1e-9


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"max_force": 0}, "max_force"),
        ({"cell": "free"}, "choose one of fixed, isotropic, anisotropic, flexible"),
        ({"pressure": 1.0}, 'give cell = "flexible"'),
        ({"cell": "flexible", "pressure": 1.0, "stress": [0] * 6}, "give one of them"),
        ({"cell": "anisotropic", "stress": [0, 0, 0, 1.0, 0, 0]}, 'give cell = "flexible"'),
        ({"cell": "flexible", "stress": [0, 0, 0]}, "six numbers"),
    ],
)
def test_what_makes_no_sense_is_told(arguments, words):
    with pytest.raises(InputError, match=words):
        LBFGS(**arguments)


def test_a_cell_without_a_pressure_is_told():
    sim = simulation(System(type(argon().box)(np.eye(3) * 30.0, (True, True, False)), [[1, 1, 1]], [0], ["Ar"]))
    with pytest.raises(InputError, match="fully periodic"):
        sim.run(10, FIRE(cell="flexible"))


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_state_is_told(method):
    sim = simulation()
    sim.run(3, method(1e-9, cell="flexible"))
    state = sim.state()
    check_state(state)
    name = method.__name__
    state["integrator"][name][method.memory[0]] = np.zeros(5)
    with pytest.raises(InputError, match="damaged"):
        again = simulation(state=state)
        again.begin_stage(10, method(1e-9, cell="flexible"), first_step=0)


INPUT = """
[structure]
build = "fcc"
species = "Ar"
lattice_constant = 5.5
replicate = [3, 3, 3]
[velocities]
temperature = 30.0
[potential]
type = "lj"
cutoff = 6.0
truncation = "force-shifted"
species.Ar = { epsilon = 0.01034, sigma = 3.4 }
[[stage]]
ensemble = "nve"
timestep = 10.0
steps = 100
[[stage]]
ensemble = "minimise"
method = "METHOD"
cell = "flexible"
pressure = 0.02
max_force = 1e-4
max_stress = 1e-4
steps = 200
until = "converged"
[[stage]]
ensemble = "nve"
timestep = 4.0
steps = 10
[output]
thermo_every = 20
trajectory_every = 5
checkpoint_every = 1000
"""


@pytest.mark.mpi
@needs_mpi[1]
def test_the_same_bits_on_any_ranks_and_after_a_restart_on_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    methods, wholes = ("fire", "lbfgs"), {}
    for method in methods:
        Path(f"{method}.toml").write_text(INPUT.replace("METHOD", method))
        assert main(["run", f"{method}.toml"]) == 0
        assert "relaxed: largest force" in capsys.readouterr().out
        whole = wholes[method] = checkpoint.read(f"{method}.checkpoint")
        assert whole["step"] == 310 and whole["time"] == 1040.0
    commands(3, *(("run", f"{method}.toml", "--overwrite", "--quiet") for method in methods))
    for method, whole in wholes.items():
        check_same(whole, checkpoint.read(f"{method}.checkpoint"))
        short = ("run", f"{method}.toml", "--overwrite", "--quiet", "--set", "stage.1.steps=9")
        done = commands(2, short, check=False)
        assert done.returncode == 3 and "after 9 steps: more steps" in done.stderr
        assert checkpoint.read(f"{method}.checkpoint")["step"] == 109
        assert main(["run", f"{method}.toml", "--restart", "--quiet"]) == 0
        check_same(whole, checkpoint.read(f"{method}.checkpoint"))


def check_same(whole, again):
    assert again["step"] == whole["step"]
    for name in ("positions", "velocities", "matrix"):
        assert np.array_equal(whole[name], again[name]), name


def test_the_command(tmp_path, monkeypatch, capsys):
    from mdcore.cli import main

    monkeypatch.chdir(tmp_path)
    Path("lj.toml").write_text(INPUT.replace("METHOD", "fire"))
    with open("start.xyz", "w") as stream:
        extxyz.write_frame(stream, argon(vacancy=True, skew=0.02))
    command = ["relax", "start.xyz", "--potential", "lj.toml", "--cell", "--max-force", "1e-3", "--pressure", "0.05"]
    assert main(command) == 0
    assert "relaxed: largest force" in capsys.readouterr().out
    relaxed, path = System.read("start.relaxed.xyz"), list(frames.systems("start.path.xyz"))
    assert np.linalg.norm(relaxed.info["forces"], axis=1).max() <= 1e-3
    assert relaxed.info["stress"] == pytest.approx([-0.05] * 3 + [0.0] * 3, abs=0.05)
    assert len(path) > 5
    assert main(command) == 4 and "exists" in capsys.readouterr().err
    again = ["relax", "start.relaxed.xyz", "--potential", "lj.toml", "--no-path", "--output", "other.xyz"]
    assert main([*again, "--max-force", "1e-7", "--steps", "1"]) == 1 and "more --steps" in capsys.readouterr().err
    assert main([*again, "--overwrite", "--pressure", "1"]) == 2 and 'cell = "flexible"' in capsys.readouterr().err
    assert main([*again, "--overwrite", "--cell", "free"]) == 2 and "choose from" in capsys.readouterr().err


def test_a_crystal_that_is_torn_apart_is_told():
    with pytest.raises(SimulationError, match="does not hold these atoms together"):
        simulation().run(1000, LBFGS(cell="flexible", pressure=-5.0))
