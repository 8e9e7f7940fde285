"""Thermostats and barostats: their distributions, their books, what they refuse."""

import math

import numpy as np
import pytest

from mdcore import (
    Baths,
    Box,
    CellRescaling,
    Checkpointer,
    InputError,
    Langevin,
    LennardJones,
    MartynaTobiasKlein,
    NoseHoover,
    Simulation,
    SimulationError,
    StrainRate,
    System,
    VelocityRescaling,
    VelocityVerlet,
)
from mdcore.dynamics.loading import check_state
from mdcore.dynamics.motion.verlet import Part
from mdcore.output import checkpoint
from mdcore.output.trajectory import unwrapped
from tests.systems import TRICLINIC, scattered
from tests.test_integrators import SMOOTH, melt

NOTHING = {"cutoff": 1.0, "epsilon": 0.0, "sigma": 1.0}


def gas(n=5, integrator=None, temperature=0.7, **more):
    """Atoms that do not feel each other, of two masses."""
    from mdcore import maxwell_boltzmann

    system = System.build("sc", density=0.1, species="A", units="lj", repeat=(n, n, n))
    system.masses[::2] = 4.0
    system.columns["heavy"], system.columns["light"] = system.masses == 4.0, system.masses == 1.0
    maxwell_boltzmann(system, temperature, 1)
    return Simulation(system, LennardJones(**NOTHING), integrator, seed=9, skin=1.0, **more)


def observed(sim, steps, every, *names):
    """float64 [times, names]"""
    rows = []
    sim.every(every, lambda s: rows.append([getattr(s, name) for name in names]))
    sim.run(steps)
    return np.array(rows)


def test_kinetic_energy_is_that_of_the_canonical_ensemble():
    """Of n motions: mean n kT / 2, variance n (kT)^2 / 2; 3000 values, nearly independent: 5 sigma."""
    sim = gas(2, VelocityVerlet(0.05, VelocityRescaling(0.7, 0.05)))
    sim.run(100)
    free = sim.degrees_of_freedom
    kinetic = observed(sim, 12000, 4, "kinetic_energy")[:, 0]
    assert free == 21
    assert kinetic.mean() == pytest.approx(0.5 * free * 0.7, rel=0.03)
    assert kinetic.var() == pytest.approx(0.5 * free * 0.49, rel=0.13)


def test_velocity_rescaling_leaves_directions_and_momentum_alone():
    sim = gas(4, VelocityVerlet(0.05, VelocityRescaling(1.4, 0.5)))
    before = sim.velocities
    sim.run(50)
    ratio = sim.velocities / before
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-12)
    assert ratio[0, 0] > 1.1
    assert np.abs(sim.masses @ sim.velocities).max() < 1e-12


def test_a_ramp_of_the_bath_is_followed():
    sim = gas(12, VelocityVerlet(0.05, VelocityRescaling((0.7, 2.1), 0.2)))
    sim.begin_stage(400)
    for step, wanted in ((0, 0.7), (200, 1.4), (400, 2.1)):
        sim.run_until(step)
        assert sim.temperature == pytest.approx(wanted, rel=0.08)


@pytest.mark.parametrize("integrator", ["rescaling", "langevin", "groups"])
@pytest.mark.parametrize(
    ("steps", "bounds"), [(4800, (0.17, 0.7)), pytest.param(80_000, (0.045, 0.2), marks=pytest.mark.slow)]
)
def test_volume_of_an_ideal_gas(integrator, steps, bounds):
    """V^N exp(-P V / kT): mean (N + 1) kT / P, variance (N + 1) (kT / P)^2, with the motion of the whole or without it.

    8 atoms; of 80,000 steps 1000 volumes are independent: the mean to 1 %, the variance to 5 %; bounds at 4 sigma.
    """
    barostat = CellRescaling(0.07, 4.0, 14.0, every=1)
    if integrator == "rescaling":
        sim = gas(2, VelocityVerlet(0.1, VelocityRescaling(0.7, 0.2), barostat))
    elif integrator == "groups":
        baths = {name: VelocityRescaling(0.7, 0.2) for name in ("heavy", "light")}
        sim = gas(2, VelocityVerlet(0.1, Baths(baths), barostat))
    else:
        sim = gas(2, Langevin(0.1, 0.7, 5.0, barostat))
    sim.run(400)
    volumes = sim.system.total_mass / observed(sim, steps, 10, "density")[:, 0]
    assert volumes.mean() == pytest.approx(9 * 10.0, rel=bounds[0])
    assert volumes.var() == pytest.approx(9 * 100.0, rel=bounds[1])


def test_pressure_and_density_of_a_liquid():
    """At the pressure that a run at constant volume has, the density is that of the run."""
    fixed = Simulation(melt(5), LennardJones(**SMOOTH), Langevin(0.004, 1.2, 2.0), seed=1)
    fixed.run(500)
    target = observed(fixed, 3000, 10, "pressure").mean()
    barostat = CellRescaling(target, 0.5, 0.1)
    integrator = VelocityVerlet(0.004, VelocityRescaling(1.2, 0.1), barostat)
    sim = Simulation(melt(5), LennardJones(**SMOOTH), integrator, seed=2)
    sim.run(1000)
    pressure, density, temperature = observed(sim, 6000, 10, "pressure", "density", "temperature").mean(axis=0)
    assert pressure == pytest.approx(target, abs=0.06)
    assert density == pytest.approx(0.8, rel=0.01)
    assert temperature == pytest.approx(1.2, rel=0.01)


@pytest.mark.parametrize("every", [1, 7])
def test_books_of_a_barostat(every):
    """What the bath and the moving cell put in is taken off: what is left is the error of the time step."""

    def drift(timestep):
        parts = VelocityRescaling(1.2, 0.2), CellRescaling(2.0, 0.5, 0.1, every=every)
        sim = Simulation(melt(4), LennardJones(**SMOOTH), VelocityVerlet(timestep, *parts), seed=5)
        sim.run(0)
        before = sim.thermo()
        rows = observed(sim, round(4.0 / timestep), 10, "total_energy")
        after = sim.thermo()
        assert np.ptp(rows) > 100.0
        return abs(after.conserved - before.conserved)

    assert drift(0.004) < 0.4
    assert drift(0.001) < 0.04


def test_books_of_a_deformation():
    def run(timestep):
        integrator = VelocityVerlet(timestep, barostat=StrainRate([0.1, 0, 0, 0, 0, 0.3]))
        sim = Simulation(melt(4), LennardJones(**SMOOTH), integrator)
        sim.run(0)
        before = sim.thermo()
        sim.run(round(1.0 / timestep))
        after = sim.thermo()
        assert abs(after.total - before.total) > 5.0
        return abs(after.conserved - before.conserved)

    assert run(0.004) < 0.2
    assert run(0.001) < 0.02


def test_a_strained_cell_is_the_one_that_was_asked_for():
    system = scattered(200, 7.0 * TRICLINIC, seed=12, closest=0.9)
    integrator = Langevin(0.005, 1.0, 1.0, StrainRate([0.1, 0, -0.05, 0.2, 0, 0.4]))
    sim = Simulation(system, LennardJones(**SMOOTH), integrator)
    sim.run(100)
    change = np.eye(3) + 0.5 * np.array([[0.1, 0, 0], [0.4, 0, 0], [0, 0.2, -0.05]])
    np.testing.assert_allclose(sim.cell.matrix, system.box.matrix @ change, atol=1e-9)
    frame = sim.snapshot()
    np.testing.assert_array_equal(frame.box.matrix, sim.cell.matrix)
    from mdcore import evaluate

    again = evaluate(LennardJones(**SMOOTH), frame.to_system())
    np.testing.assert_allclose(again.forces, frame.forces, atol=1e-8)
    assert again.pressure + sim.kinetic_energy * 2 / 3 / sim.cell.volume == pytest.approx(sim.pressure, rel=1e-9)


def test_a_cell_that_leans_over_gets_shorter_vectors():
    """Sheared by three cells, atoms at rest stay where they are in the cell that was given."""
    system = scattered(60, 5.0 * np.eye(3), seed=3, closest=0.9)
    system.velocities = np.zeros((60, 3))
    inside = system.box.fractional(system.positions)
    sim = Simulation(system, LennardJones(**NOTHING), VelocityVerlet(0.01, barostat=StrainRate([0, 0, 0, 0, 0, 1.0])))
    sim.run(300)
    assert sim.cell.matrix[1] == pytest.approx([15.0, 5.0, 0.0])
    assert np.abs(sim.box.matrix).max() < 7.6
    assert sim.box.volume == pytest.approx(125.0)
    frame = sim.snapshot()
    np.testing.assert_allclose(frame.box.fractional(unwrapped(frame)), inside, atol=1e-9)
    np.testing.assert_array_equal(frame.images, 0)


def test_a_growing_cell_outgrows_its_grid():
    """Coordinates beyond 4096 need a coarser grid: the run goes on, and on a restart, too."""
    system = scattered(30, 6.0 * np.eye(3), seed=3, closest=0.9)
    system.box = Box(np.diag([6.0, 6.0, 4000.0]))
    sim = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(0.002, barostat=StrainRate([0, 0, 0.5, 0, 0, 0])))
    sim.run(100)
    assert (sim.work.bits, sim.box.matrix[2, 2]) == (39, pytest.approx(4400.0))
    again = Simulation(None, LennardJones(**SMOOTH), VelocityVerlet(0.002), state=sim.state())
    assert again.work.bits == 39
    assert again.snapshot().forces.tobytes() == sim.snapshot().forces.tobytes()


def test_results_do_not_depend_on_the_skin():
    """Lists of a strained cell are complete: the same bits with another skin, when they are made at other steps."""
    builds, ends = set(), set()
    for skin in (0.15, 0.3, 0.7):
        parts = VelocityRescaling(1.2, 0.2), CellRescaling(6.0, 0.2, 0.2, every=2)
        sim = Simulation(melt(4), LennardJones(**SMOOTH), VelocityVerlet(0.004, *parts), seed=5, skin=skin)
        sim.run(200)
        builds.add(sim.neighbors.builds)
        ends.add(sim.snapshot().positions.tobytes() + sim.cell.matrix.tobytes())
    assert (len(builds), len(ends)) == (3, 1)


def test_a_sheared_cell_does_not_depend_on_lists_and_restarts():
    """Shorter vectors come in when the cell says so: the same bits with another skin, and continued at any step."""

    def run(skin=0.3, cuts=()):
        system, state = scattered(120, 6.0 * TRICLINIC, seed=12, closest=0.9), None
        system.velocities = np.random.default_rng(2).normal(size=(120, 3))
        for cut in (*cuts, 200):
            integrator = VelocityVerlet(0.004, barostat=StrainRate([0.1, -0.2, 0.1, 1.5, -2.0, 4.0]))
            sim = Simulation(system, LennardJones(**SMOOTH), integrator, skin=skin, state=state)
            sim.begin_stage(200, first_step=0 if state else None)
            sim.run_until(cut)
            system, state = None, sim.state()
        assert np.abs(sim.cell.matrix).max() > 19.0 > 12.0 > np.abs(sim.box.matrix).max()
        return sim.snapshot().positions.tobytes()

    assert len({run(), run(skin=0.2), run(skin=0.5), run(cuts=(51,)), run(cuts=(20, 99, 150))}) == 1


def test_another_rate_is_refused_in_the_middle_of_a_stage():
    one = VelocityVerlet(0.004, barostat=StrainRate([0.1, 0, 0, 0, 0, 0]))
    first = Simulation(melt(4), LennardJones(**SMOOTH), one)
    first.begin_stage(100)
    first.run_until(50)
    other = VelocityVerlet(0.004, barostat=StrainRate([0.2, 0, 0, 0, 0, 0]))
    again = Simulation(None, LennardJones(**SMOOTH), other, state=first.state())
    with pytest.raises(InputError, match="not those that this stage was begun with"):
        again.begin_stage(100, first_step=0)


def test_a_state_that_is_none_is_refused():
    integrator = Langevin(0.004, 1.0, 1.0, StrainRate([0.1, 0, 0, 0, 0, 0]))
    sim = Simulation(melt(4), LennardJones(**SMOOTH), integrator)
    sim.begin_stage(100)
    sim.run_until(10)
    good = sim.state()
    check_state(good)
    cell = good["strained"]
    for name, wrong in (
        ("integrator", ({},)), ("integrator", {"StrainRate": 3}), ("strained", 3), ("strained", {}),
        ("strained", cell | {"bits": 99}), ("strained", cell | {"matrix": cell["matrix"][0]}),
        ("strained", cell | {"matrix": 2.0 * cell["matrix"]}), ("strained", cell | {"origin": cell["origin"] * np.nan}),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError, KeyError)):  # one message in cli/run.py
            check_state(good | {name: wrong})
    other = Langevin(0.004, 1.0, 1.0, StrainRate([0.1, 0, 0, 0, 0, 0]))
    again = Simulation(None, LennardJones(**SMOOTH), other, state=good | {"integrator": {"StrainRate": {"rate": 1}}})
    with pytest.raises(InputError, match="state of StrainRate in the checkpoint is damaged"):
        again.begin_stage(100, first_step=0)


def test_a_part_serves_one_simulation():
    bath = VelocityRescaling(1.2, 0.1)
    Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004, bath)).run(1)
    with pytest.raises(InputError, match="this thermostat serves another simulation"):
        Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.001, bath)).run(1)


def test_a_potential_that_stops_to_tell_its_virial():
    told = []

    def springs(positions, cell):
        told.append(1)
        answer = 0.0, np.zeros_like(positions)
        return (*answer, np.zeros((3, 3))) if len(told) < 9 else answer

    system = scattered(30, 5.0 * np.eye(3), seed=14, closest=0.9)
    sim = Simulation(system, springs, Langevin(0.004, 1.0, 1.0, CellRescaling(1.0, 1.0, 0.1, every=1)))
    with pytest.raises(SimulationError, match="does not tell its virial any more"):
        sim.run(50)


def test_a_material_that_is_torn_apart():
    integrator = Langevin(0.004, 1.0, 1.0, CellRescaling(-5.0, 0.5, 0.1))
    sim = Simulation(melt(3), LennardJones(**SMOOTH), integrator, seed=1)
    with pytest.raises(SimulationError, match=r"the volume has grown by a factor of 100 .* below what holds"):
        sim.run(20_000)


class Chain(Part):
    """A friction that moves (Nose-Hoover), as a part with a state."""

    acts_as = "thermostat"

    def __init__(self, temperature, relaxation):
        self.aim, self.relaxation, self.friction = temperature, relaxation, 0.0

    def start(self, run, integrator):
        self.dt = integrator.dt

    def act(self, run, integrator):
        aim = run.degrees_of_freedom * run.units.boltzmann * self.aim
        self.friction += self.dt * (np.trace(run.kinetic()) / aim - 1.0) / self.relaxation**2
        run.scale_velocities(math.exp(-self.friction * self.dt))

    def state(self):
        return {"friction": float(self.friction)}

    def restore(self, state):
        self.friction = state["friction"]


def test_a_part_with_a_state_goes_on_where_it_was(tmp_path):
    def begin(state=None):
        return Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004, Chain(1.3, 0.3)), seed=5, state=state)

    whole, first = begin(), begin()
    whole.run(200)
    first.begin_stage(200)
    first.run_until(90)
    Checkpointer(tmp_path / "a.checkpoint").write(first)
    state = checkpoint.read(tmp_path / "a.checkpoint")
    assert state["integrator"] == {"Chain": {"friction": first.integrator.thermostat.friction}}
    second = begin(state)
    second.begin_stage(200, first_step=0)
    second.run_until(200)
    assert second.snapshot().velocities.tobytes() == whole.snapshot().velocities.tobytes()


@pytest.mark.parametrize(
    ("make", "needle"),
    [
        (lambda: VelocityVerlet(1.0, CellRescaling(1.0, 1.0, 1.0)), "thermostat = CellResc.*: this is no thermostat"),
        (lambda: VelocityVerlet(1.0, barostat=VelocityRescaling(1.0, 1.0)), "this is no barostat"),
        (lambda: VelocityVerlet(1.0, VelocityRescaling), "a class; make one of it"),
        (lambda: CellRescaling(math.nan, 1.0, 1.0), r"pressure = nan: expected a number \(0, or \+-1e-12 to 1e\+06\)"),
        (lambda: VelocityVerlet(1.0, barostat=CellRescaling(1.0, 1.0, 1.0)), "needs a thermostat beside it"),
        (lambda: VelocityRescaling(-1.0, 1.0), "temperature = -1.0: expected a number >= 0"),
        (lambda: VelocityRescaling((1.0, 2.0, 3.0), 1.0), "expected one number or"),
        (lambda: VelocityRescaling(1.0, 0.0), "relaxation = 0.0"),
        (lambda: CellRescaling("1", 1.0, 1.0), "pressure = '1'"),
        (lambda: CellRescaling(1.0, 1.0, 1.0, every=0), "every = 0"),
        (lambda: StrainRate([1.0, 2.0]), "expected six numbers"),
        (lambda: StrainRate([0, 0, math.nan, 0, 0, 0]), "rate zz = nan"),
    ],
)
def test_refused_when_made(make, needle):
    with pytest.raises(InputError, match=needle):
        make()


def test_refused_when_started():
    free = scattered(60, 5.0 * np.eye(3), (True, True, False), seed=14, closest=0.9)
    free.velocities = np.random.default_rng(1).normal(size=(60, 3))
    for barostat in (CellRescaling(1.0, 1.0, 1.0), StrainRate([0] * 6)):
        integrator = Langevin(0.01, 1.0, 1.0, barostat)
        with pytest.raises(InputError, match="for fully periodic systems"):
            Simulation(free, LennardJones(**SMOOTH), integrator).run(1)
    still = scattered(60, 5.0 * np.eye(3), seed=14, closest=0.9)
    with pytest.raises(InputError, match="all atoms are at rest"):
        Simulation(still, LennardJones(**SMOOTH), VelocityVerlet(0.01, VelocityRescaling(1.0, 1.0))).run(1)
    system = scattered(60, 5.0 * np.eye(3), seed=14, closest=0.9)
    integrator = Langevin(0.01, 1.0, 1.0, CellRescaling(1, 1, 1))
    unknown = Simulation(system, lambda positions: (0.0, np.zeros((60, 3))), integrator)
    with pytest.raises(InputError, match="does not tell its virial"):
        unknown.run(1)


def test_a_cell_that_changes_too_fast_is_told():
    integrator = Langevin(0.004, 1.0, 1.0, CellRescaling(1e5, 0.01, 0.1))
    sim = Simulation(melt(4), LennardJones(**SMOOTH), integrator, seed=1)
    with pytest.raises(SimulationError, match=r"step 0: the cell would change by .* % at once: relax the structure"):
        sim.run(100)


@pytest.mark.parametrize("far", [5.0, 1e5])
@pytest.mark.parametrize("parts", ["rescaling", "chains"])
def test_a_broken_velocity_is_blamed_and_not_the_cell(parts, far):
    """A chain of thermostats overflowed, or the cell changed too fast: the reader is told which atom it was."""
    from mdcore import maxwell_boltzmann

    system = System.build("fcc", 5.3, "Ar", repeat=(4, 4, 4))
    maxwell_boltzmann(system, 60.0, 1)
    system.velocities[3, 0] = far
    made = {
        "rescaling": lambda: VelocityVerlet(2.0, VelocityRescaling(60, 100.0), CellRescaling(0.0, 1000.0, 1.0)),
        "chains": lambda: VelocityVerlet(2.0, NoseHoover(60, 100.0), MartynaTobiasKlein(0.0, 1000.0)),
    }
    sim = Simulation(system, LennardJones(8.0, 0.0103, 3.4), made[parts]())
    with pytest.raises(SimulationError, match=r"step 0: atom 3 \(counting from 0\) has more than 100 times"):
        sim.run(2)
    maxwell_boltzmann(system, 60.0, 1)
    system.velocities *= 1e4
    with pytest.raises(SimulationError, match=r"the cell would change|too far from that of the bath"):
        Simulation(system, LennardJones(8.0, 0.0103, 3.4), made[parts](), max_temperature=1e15).run(2)
