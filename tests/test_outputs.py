"""With the real engine: does a run that was killed and restarted leave the files of one that was not?"""

import io
import itertools

import h5py
import numpy as np
import pytest

from mdcore import Langevin, VelocityVerlet
from mdcore.doors import _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.output import checkpoint
from mdcore.output.dump import ExtxyzDump
from mdcore.output.h5md import H5MDFile
from mdcore.output.progress import Meter, Progress, banner
from mdcore.output.thermo_log import ThermoLog
from mdcore.output.trajectory import Trajectory, unwrapped
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.extxyz import read
from mdcore.structure.system import System

PROVENANCE = {"version": "1", "seed": "5", "cpu": "any"}


def make_simulation(integrator=None, state=None, speed=3e-3):
    system = None
    if state is None:
        system = System.build("fcc", 5.6, "Ar", repeat=(3, 3, 3), units="metal")
        system.velocities = speed * _kernels.normals(5, 0, 1, np.arange(len(system.positions)))
    potential = LennardJones(8.0, epsilon=0.0103, sigma=3.4)
    return Simulation(system, potential, integrator or Langevin(4.0, 80.0, 0.01), seed=5, state=state)


def observe(sim, folder, resume_step=None):
    files = {"provenance": PROVENANCE, "resume_step": resume_step, "note": pytest.fail}
    file = H5MDFile(folder / "a.h5md", **files)
    dump = ExtxyzDump(folder / "a.extxyz", 8, **files)
    log = ThermoLog(3, file=file)
    saver = checkpoint.Checkpointer(folder / "a.checkpoint", 10, provenance=PROVENANCE, outputs=[file, dump])
    for observer in (log, H5MDWriter(file, 6), dump, saver):
        sim.add_observer(observer)
    return file


def go(sim, last, first=None):
    sim.begin_stage(100, first_step=first)
    sim.run_until(last)


def contents(path):
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("provenance"):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


def test_restarted_run_leaves_the_files_of_an_uninterrupted_one(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    sim = make_simulation()
    file = observe(sim, whole)
    go(sim, 100)
    file.close()

    sim = make_simulation()
    file = observe(sim, parts)
    go(sim, 57)
    file.close()  # killed at step 57, checkpoint at 50
    state = checkpoint.read(parts / "a.checkpoint")
    assert state["step"] == 50
    sim = make_simulation(state=state)
    file = observe(sim, parts, resume_step=50)
    go(sim, 100, first=0)
    file.close()

    assert (parts / "a.extxyz").read_bytes() == (whole / "a.extxyz").read_bytes()
    a, b = contents(whole / "a.h5md"), contents(parts / "a.h5md")
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].tobytes() == b[name].tobytes(), name
    x, y = checkpoint.read(whole / "a.checkpoint"), checkpoint.read(parts / "a.checkpoint")
    assert x["step"] == y["step"] == 100
    for name in ("positions", "velocities", "images"):
        assert x[name].tobytes() == y[name].tobytes()


def test_trajectory_holds_the_motion(tmp_path):
    sim = make_simulation(VelocityVerlet(2.0))
    observe(sim, tmp_path).close()
    go(sim, 60)
    with Trajectory(tmp_path / "a.h5md") as t:
        assert t.steps.tolist() == list(range(0, 61, 6))
        frames = list(t)
        thermo = t.thermo()
    for before, after in itertools.pairwise(frames):
        moved = unwrapped(after) - unwrapped(before)
        # the trapezoidal rule over 12 fs of smooth motion
        expected = 0.5 * (before.velocities + after.velocities) * (after.time - before.time)
        np.testing.assert_allclose(moved, expected, atol=2e-3)
    np.testing.assert_allclose(thermo["total"], thermo["kinetic"] + thermo["potential"], rtol=1e-14)
    last = sim.snapshot()
    np.testing.assert_array_equal(frames[-1].positions, last.positions)
    np.testing.assert_allclose(frames[-1].forces, last.forces, rtol=3e-16)


def test_dumped_stress_is_that_of_the_potential_alone(tmp_path):
    for name, speed in (("hot", 3e-3), ("cold", 0.0)):
        sim = make_simulation(VelocityVerlet(2.0), speed=speed)
        ExtxyzDump(tmp_path / name, 1, PROVENANCE).observe(sim)
    hot, cold = read(tmp_path / "hot"), read(tmp_path / "cold")
    scale = abs(cold.stress).max()
    np.testing.assert_allclose(hot.stress, cold.stress, atol=1e-9 * scale)
    assert hot.energy == cold.energy


def test_words_on_the_screen():
    sim = make_simulation()
    text = banner(sim, {"version": "9"})
    assert "mdcore 9" in text and "108 (108 Ar)" in text
    stream, meter = io.StringIO(), Meter(sim)
    sim.add_observer(Progress(40, stream, "lines"))
    sim.run(40)
    lines = meter.report(sim).splitlines()
    assert any(line.startswith("40 steps of 108 atoms") for line in lines)
    shares = [float(line.split()[-1]) for line in lines[1:7]]
    assert sum(shares) == pytest.approx(100.0, abs=0.5)
