"""The simulation as a library: views, observers, state, and what it refuses."""

import itertools
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mdcore
from mdcore import InputError, Interrupted, Langevin, LennardJones, Simulation, SimulationError, System, VelocityVerlet
from mdcore.base import exact
from mdcore.dynamics.loading import check_state
from mdcore.engine.evaluation import evaluate
from mdcore.output.trajectory import unwrapped
from mdcore.structure.box import Box
from mdcore.structure.velocities import maxwell_boltzmann
from tests.contract import spoilt
from tests.test_integrators import SMOOTH, melt


def test_atoms_are_changed_by_assignment_only():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    sim.run(40)
    for name in ("positions", "velocities", "forces"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(sim, name)[0] = 0.0
    assert sim.kinetic_energy > 1.0
    sim.velocities = np.zeros((sim.n_atoms, 3))
    assert sim.kinetic_energy == 0.0
    moved = sim.positions + np.random.default_rng(1).normal(scale=0.01, size=(sim.n_atoms, 3))
    sim.positions = moved
    want = evaluate(LennardJones(**SMOOTH), System(sim.box, moved, "A", units="lj"))
    np.testing.assert_allclose(sim.forces, want.forces, rtol=0, atol=1e-8)
    np.testing.assert_allclose(sim.virial, want.virial, rtol=0, atol=1e-7)
    assert sim.potential_energy == pytest.approx(want.energy, rel=1e-12)
    for wrong in (moved[1:], "far", np.full((sim.n_atoms, 3), np.nan)):
        with pytest.raises(InputError, match="positions"):
            sim.positions = wrong
    assert sim.potential_energy == pytest.approx(want.energy, rel=1e-12)


def test_assigned_atoms_are_in_the_order_of_the_system():
    """Also where the engine has sorted its own; and they keep their tracks through the faces of the cell."""
    system = System.build("fcc", density=0.8442, units="lj", repeat=(6, 6, 6))
    maxwell_boltzmann(system, 1.5, seed=3)
    sim = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(0.004))
    assert (np.diff(sim.atoms.tags[: sim.n_atoms]) < 0).any(), "the engine has sorted"
    np.testing.assert_allclose(sim.positions, system.box.wrap(system.positions)[0], rtol=0, atol=1e-11)
    np.testing.assert_array_equal(sim.velocities, sim.snapshot().velocities)
    sim.run(100)
    before, forces = unwrapped(sim.snapshot()), sim.forces
    sim.positions = sim.positions + 3.0 * np.diag(system.box.matrix)
    np.testing.assert_array_equal(sim.forces, forces)
    np.testing.assert_allclose(unwrapped(sim.snapshot()) - before, 3.0 * system.box.matrix.trace() / 3.0, atol=1e-9)
    sim.run(10)
    energy = sim.total_energy
    assert energy == sim.kinetic_energy + sim.potential_energy


def test_what_can_not_be_assigned_changes_nothing():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    sim.run(20)
    before = unwrapped(sim.snapshot()), sim.forces, sim.total_energy
    together = sim.positions.copy()
    together[1] = together[0]
    for wrong, error in (
        (together, SimulationError), (1e9 * sim.positions, InputError), (1e300 * sim.positions, InputError),
        (None, InputError), (np.zeros((3, 3)), InputError),
    ):  # fmt: skip
        with pytest.raises(error):
            sim.positions = wrong
        np.testing.assert_array_equal(unwrapped(sim.snapshot()), before[0])
        np.testing.assert_array_equal(sim.forces, before[1])
        assert sim.total_energy == before[2]
    for wrong in (1e200, 1e5, np.nan):
        with pytest.raises(InputError, match="velocities: atom 0"):
            sim.velocities = np.full((sim.n_atoms, 3), wrong)
        assert sim.total_energy == before[2]
    sim.run(20)


def test_positions_may_be_assigned_while_it_runs():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    seen = []

    def kick(sim):
        seen.append(sim.potential_energy)
        sim.positions = sim.positions * 0.999
        seen.append(sim.potential_energy)

    sim.every(10, kick)
    sim.run(10)
    assert len(seen) == 4 and all(a != b for a, b in itertools.pairwise(seen))


def test_representations_are_short():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    for thing in (sim, sim.system.box, sim.snapshot(), sim.potential, sim.integrator, melt(), Langevin(1.0, 2.0, 3.0)):
        assert type(thing).__name__ in repr(thing) and len(repr(thing)) < 400
    assert f"A{sim.n_atoms}" in repr(sim) and "step 0" in repr(sim)


def test_callbacks_are_called_when_due():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    seen = {3: [], 5: []}
    for every, steps in seen.items():
        sim.every(every, lambda s, steps=steps: steps.append(s.step))
    sim.run(10)
    sim.run(5)
    assert seen == {3: [0, 3, 6, 9, 12, 15], 5: [0, 5, 10, 15]}


def test_state_continues_bit_for_bit():
    straight = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    straight.run(300)
    first = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    first.begin_stage(300)
    first.run_until(123)
    second = Simulation(None, LennardJones(**SMOOTH), VelocityVerlet(0.004), state=first.state())
    second.begin_stage(300, first_step=0)
    second.run_until(300)
    a, b = straight.snapshot(), second.snapshot()
    for name in ("positions", "velocities", "forces", "images"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
    assert a.time == b.time and straight.thermo().conserved == second.thermo().conserved


def test_a_restored_simulation_simply_runs_on():
    straight = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    straight.run(200)
    first = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    first.run(100)
    with pytest.raises(TypeError, match=r"a Simulation can't be copied or sent .* state=state\) goes on"):
        pickle.dumps(first)
    potential, state = pickle.loads(pickle.dumps((first.potential, first.state())))
    second = Simulation(None, potential, state=state)
    assert second.time == first.time and second.thermo().temperature == first.thermo().temperature
    second.run(100, VelocityVerlet(0.004))
    assert straight.snapshot().velocities.tobytes() == second.snapshot().velocities.tobytes()


def test_refreshed_positions_are_on_the_grid():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    sim.positions = sim.positions + 0.1
    scaled = sim.positions * 2.0**40
    np.testing.assert_array_equal(scaled, np.rint(scaled))
    overlapping = sim.positions.copy()
    overlapping[0] = overlapping[1] + 1e-4
    with pytest.raises(SimulationError, match="overlap"):
        sim.positions = overlapping


def test_an_integrator_serves_one_simulation_and_a_potential_many():
    potential, thermostat = LennardJones(**SMOOTH), Langevin(0.004, 1.0, 1.0)
    first = Simulation(melt(), potential, thermostat)
    first.run(1)
    with pytest.raises(InputError, match="serves another simulation"):
        Simulation(melt(), potential, thermostat).run(1)
    other = System(Box.cubic(10.0), [[1, 1, 1], [3, 1, 1]], species="B", units="lj")
    Simulation(other, potential)
    first.run(1)


def test_a_stop_is_honoured_after_the_step():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    sim.stop_requested = lambda: sim.step >= 4
    with pytest.raises(Interrupted, match="step 5"):
        sim.run(100)
    assert sim.step == 5


def test_a_folder_of_sources_says_what_it_lacks(tmp_path):
    """Python started in the clone after `pip install .` finds the sources first."""
    package = Path(mdcore.__file__).parent
    (tmp_path / "mdcore").mkdir()
    (tmp_path / "mdcore" / "__init__.py").write_text((package / "__init__.py").read_text())
    done = subprocess.run([sys.executable, "-c", "import mdcore"], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False)  # fmt: skip
    assert done.returncode == 1 and "without its compiled kernels" in done.stderr
    assert "pip install --editable ." in done.stderr


def test_importing_is_quiet_and_starts_nothing():
    code = (
        "import sys; before = dict(vars(sys.modules['os']).get('environ')); import mdcore; "
        "from mdcore import System, Simulation, LennardJones, VelocityVerlet, Langevin; import os; "
        "assert dict(os.environ) == before; "
        "assert not {'mpi4py.MPI', 'h5py', 'ase', 'matplotlib'} & set(sys.modules), sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", "import os; " + code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def two(distance):
    return System(Box.cubic(10.0), [[1, 1, 1], [1 + distance, 1, 1]], species="A", units="lj")


@pytest.mark.parametrize(("distance", "needle"), [(1e-3, "overlap"), (0.0, "exactly on another atom")])
def test_refuses_overlapping_atoms(distance, needle):
    with pytest.raises(SimulationError, match=needle) as raised:
        Simulation(two(distance), LennardJones(**SMOOTH))
    assert "atom" in str(raised.value)


@pytest.mark.parametrize("lattice_constant", [0.5, 0.3])
def test_refuses_a_crystal_whose_forces_cancel(lattice_constant):
    crystal = System.build("fcc", lattice_constant, species="A", units="lj").replicate((4, 4, 4))
    with pytest.raises(SimulationError, match="overlap"):
        Simulation(crystal, LennardJones(2.5, 1.0, 1.0))


def test_an_atom_too_near_to_its_own_image_is_told_so():
    system = System.build("sc", 1.0, "Ar")
    with pytest.raises(SimulationError, match=r"its own periodic image, 1 Angstrom away: the cell is too small"):
        Simulation(system, LennardJones(8.5, 0.0103, 3.4))


def test_refuses_energies_beyond_the_exact_range():
    system = melt()
    system.velocities[0], system.velocities[1] = (3000.0,) * 3, (-3000.0,) * 3
    sim = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(1e-6), max_temperature=1e3)
    with pytest.raises(SimulationError, match="beyond the limit"):
        sim.thermo()


def test_refuses_a_step_beyond_the_skin():
    system = melt()
    system.velocities[13] = (500.0, 0, 0)
    sim = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(0.004))
    with pytest.raises(
        SimulationError, match=r"step 1: atom 13 .*farther than half the skin.*smaller timestep"
    ):
        sim.run(10)


def test_refuses_forces_that_are_no_numbers():
    class Broken(LennardJones):
        def bind(self, symbols):
            return spoilt(super().bind(symbols), self.spoil)

        def spoil(self, atoms, neighbors, domain, out):
            if sim is not None and sim.step == 5:
                atoms.f[int(np.flatnonzero(atoms.tags[: atoms.n_owned] == 7)[0]), 1] = np.nan

    sim = None
    sim = Simulation(melt(), Broken(**SMOOTH), VelocityVerlet(0.004))
    with pytest.raises(SimulationError, match=r"step 5: the force on atom 7 .*not a finite number"):
        sim.run(10)


def test_refuses_a_temperature_explosion():
    sim = Simulation(
        melt(temperature=4.0), LennardJones(**SMOOTH), VelocityVerlet(0.004), max_temperature=2.0
    )
    with pytest.raises(SimulationError, match=r"temperature is .* beyond the limit of 2 .*max_temperature"):
        sim.thermo()


def test_refuses_an_atom_that_flies_away():
    system = System(
        Box.around(np.array([[0.0, 0, 0], [50.0, 0, 0]])),
        [[0, 0, 0], [50, 0, 0]],
        species="A",
        units="lj",
        velocities=[[0, 0, 0], [1.0, 0, 0]],
    )
    sim = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(4.0), skin=10.0)
    with pytest.raises(SimulationError, match=r"atom 1 .*flew away"):
        sim.run(5000, zero_momentum=False)


def pair_far_out(pbc, distance=1e5):
    """Two atoms at rest, far outside of their cell, as a file with a lattice and free faces may have them."""
    x = np.array([[distance, 0.0, 0.0], [distance, 0.0, 4.0]])
    return System(Box(10.0 * np.eye(3), pbc), x, species="Ar", velocities=np.zeros((2, 3)))


@pytest.mark.parametrize("pbc", [(False, False, False), (False, True, False)])
def test_atoms_far_outside_a_free_cell(pbc):
    """What `evaluate` accepts can be run, and goes on with the same bits."""
    potential = LennardJones(8.5, 0.0103, 3.4, truncation="force-shifted")
    system = pair_far_out(pbc)
    sim = Simulation(system, potential, VelocityVerlet(2.0))
    np.testing.assert_allclose(sim.forces, evaluate(potential, system).forces, atol=1e-9)
    sim.begin_stage(20)
    sim.run_until(10)
    state = sim.state()
    check_state(state)
    again = Simulation(None, potential, VelocityVerlet(2.0), state=state)
    again.begin_stage(20, first_step=0)
    for one in (sim, again):
        one.run_until(20)
    assert sim.positions.tobytes() == again.positions.tobytes()
    assert 3.8 < sim.positions[1, 2] - sim.positions[0, 2] < 3.9999  # they attract each other
    near = Simulation(pair_far_out(pbc, distance=4000.0), potential, VelocityVerlet(2.0))
    assert near.work.bits == exact.POSITION_BITS  # the usual grid as long as it does
    with pytest.raises(InputError, match=r"atom 0 .*\+-4096: make a Simulation of a System"):
        near.positions = system.positions


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        ({"skin": -1.0}, "skin = -1.0"),
        ({"processor_grid": (2, 2, 1)}, "4 domains for 1 ranks"),
        ({"skin": 5000.0}, r"need about .* GiB, and .* GiB are free.*skin"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 1.5}, "seed = 1.5"),
    ],
)
def test_refuses_settings(change, needle):
    with pytest.raises(InputError, match=needle):
        Simulation(melt(), LennardJones(**SMOOTH), **change)


def test_refuses_odd_numbers_of_steps():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    for steps in (-5, 2.5, "10"):
        with pytest.raises(InputError, match="number of steps"):
            sim.run(steps)
        with pytest.raises(InputError, match="number of steps"):
            sim.every(steps, print)
    with pytest.raises(InputError, match="every: function = None: expected a function"):
        sim.every(1, None)
    sim.every(np.int64(2), lambda s: s.run(1))
    with pytest.raises(InputError, match=r"run\(1\): called by what this simulation calls"):
        sim.run(np.int64(2))


def test_needs_an_integrator():
    with pytest.raises(InputError, match="no integrator"):
        Simulation(melt(), LennardJones(**SMOOTH)).run(1)


def test_energy_is_conserved_in_every_kind_of_cell():
    for periodic in ((True, True, True), (True, True, False), (True, False, False), (False, False, False)):
        system = System.build("fcc", density=1.0, species="A", units="lj", periodic=periodic).replicate(
            (3, 3, 3)
        )
        maxwell_boltzmann(system, 0.3, seed=2)
        sim = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(0.002))
        before = sim.thermo().total
        sim.run(500)
        assert sim.thermo().total == pytest.approx(before, abs=2e-2), periodic


def test_lennard_jones_needs_no_threads(tmp_path):
    """The network kernels, and OpenMP with them, are loaded for networks alone; by Python and by the command."""
    (tmp_path / "in.toml").write_text(
        '[structure]\nbuild = "fcc"\nspecies = "Ar"\nlattice_constant = 5.3\nreplicate = [3, 3, 3]\n'
        '[potential]\ntype = "lj"\ncutoff = 8.5\n[potential.species.Ar]\nepsilon = 0.0104\nsigma = 3.4\n'
        '[[stage]]\nensemble = "nve"\ntimestep = 1.0\nsteps = 3\n'
    )
    script = (
        "import sys, mdcore as m; s = m.System.build('fcc', 5.3, 'Ar').replicate((3, 3, 3))\n"
        "m.Simulation(s, m.LennardJones(8.5, 0.0104, 3.4), m.VelocityVerlet(1.0)).run(3)\n"
        "from mdcore.__main__ import main\n"
        "assert main(['run', 'in.toml', '--quiet']) == 0\n"
        "maps = open('/proc/self/maps').read() if sys.platform == 'linux' else ''\n"
        "print('mdcore.doors._hdnnp' in sys.modules, 'libgomp' in maps)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(mdcore.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout.split() == ["False", "False"]
