"""Order, ensembles and books of the integrators."""

import numpy as np
import pytest

from mdcore import Langevin, VelocityVerlet
from mdcore.base.errors import InputError
from mdcore.doors import _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.system import System
from mdcore.structure.velocities import maxwell_boltzmann


def melt(repeat=3, temperature=1.0, seed=1):
    system = System.build("fcc", density=0.8, species="A", units="lj").replicate((repeat,) * 3)
    maxwell_boltzmann(system, temperature, seed)
    return system


SMOOTH = {"cutoff": 2.5, "epsilon": 1.0, "sigma": 1.0, "truncation": "force-shifted"}


def test_velocity_verlet_is_second_order():
    """The energy error of the same stretch of time falls by 4 when the time step is halved."""

    def fluctuation(dt):
        sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(dt), seed=1)
        energies = []
        sim.every(1, lambda s: energies.append(s.thermo().total))
        sim.run(round(1.0 / dt))
        return np.std(energies)

    assert fluctuation(0.008) / fluctuation(0.004) == pytest.approx(4.0, rel=0.25)


def test_velocity_verlet_returns_when_time_is_reversed():
    sim = Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004))
    start = sim.snapshot().positions
    sim.run(200)
    sim.velocities = -sim.velocities
    sim.run(200)
    away = sim.box.wrap(sim.snapshot().positions - start + 0.5 * np.diag(sim.box.matrix))[0]
    assert np.abs(away - 0.5 * np.diag(sim.box.matrix)).max() < 1e-7


def test_langevin_conserves_what_it_books():
    sim = Simulation(melt(), LennardJones(**SMOOTH), Langevin(0.004, 1.2, 1.0), seed=5)
    sim.begin_stage(2000)
    before = sim.thermo()
    sim.run_until(2000)
    after = sim.thermo()
    assert abs(after.total - before.total) > 5.0  # heat did flow
    assert after.conserved == pytest.approx(before.conserved, abs=0.15)


def test_langevin_samples_the_canonical_distribution():
    """Ideal gas, exact in BAOAB: velocities are Gaussian with variance kT/m for each of two masses.

    864 atoms x 3 components x 40 independent times: relative error of a variance 0.44 %; the bound of
    2 % is 4.5 sigma (false alarm below 1e-5 a species).
    """
    system = System.build("sc", density=0.1, species="A", units="lj").replicate((12, 12, 6))
    system.masses[::2] = 4.0
    system.velocities = np.zeros_like(system.positions)
    sim = Simulation(system, LennardJones(1.0, 0.0, 1.0), Langevin(0.05, 0.7, 1.0), seed=9, skin=1.0)
    squares = {1.0: [], 4.0: []}
    sim.run(200)

    def collect(s):
        for mass, values in squares.items():
            values.append((s.velocities[s.masses == mass] ** 2).mean() * mass)

    sim.every(100, collect)
    sim.run(4000)
    for values in squares.values():
        assert np.mean(values) == pytest.approx(0.7, rel=0.02)


def test_ramp_ends_where_it_should():
    thermostat = Langevin(0.005, (2.0, 1.0), 1.0)
    sim = Simulation(melt(), LennardJones(**SMOOTH), thermostat)
    sim.begin_stage(100)
    assert [thermostat.temperature.after(step, 100) for step in (0, 50, 100, 200)] == [2.0, 1.5, 1.0, 1.0]


def test_runs_add_up():
    """run(30); run(70) is run(100), bit for bit."""
    once, twice = (Simulation(melt(), LennardJones(**SMOOTH), VelocityVerlet(0.004)) for _ in range(2))
    once.run(100)
    twice.run(30)
    twice.run(70)
    assert once.snapshot().positions.tobytes() == twice.snapshot().positions.tobytes()
    assert once.time == pytest.approx(0.4) and twice.time == pytest.approx(0.4)


def test_results_do_not_depend_on_what_is_observed():
    """Energies on every step or never, another skin: the same bits."""
    plain = Simulation(melt(), LennardJones(2.5, 1.0, 1.0), VelocityVerlet(0.004))
    watched = Simulation(melt(), LennardJones(2.5, 1.0, 1.0), VelocityVerlet(0.004), skin=0.5)
    watched.every(1, lambda s: s.thermo())
    plain.run(150)
    watched.run(150)
    assert plain.neighbors.builds != watched.neighbors.builds
    assert plain.snapshot().velocities.tobytes() == watched.snapshot().velocities.tobytes()


def test_momentum_is_removed_when_asked():
    system = melt()
    system.velocities += 0.3
    kept = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(0.004))
    kept.run(0)
    assert kept.degrees_of_freedom == 3 * system.n_atoms
    gone = Simulation(system, LennardJones(**SMOOTH), VelocityVerlet(0.004))
    gone.run(0, zero_momentum=True)
    assert gone.degrees_of_freedom == 3 * system.n_atoms - 3
    assert np.abs(gone.velocities.mean(axis=0)).max() < 1e-12
    assert gone.thermo().conserved == pytest.approx(kept.thermo().conserved, rel=1e-12)


def test_noise_leaves_no_momentum_behind():
    """After Langevin dynamics an NVE stage starts at rest, unless told otherwise; 3N - 3 or 3N motions."""
    for wish, free in ((None, 321), (False, 324)):
        sim = Simulation(melt(), LennardJones(**SMOOTH), Langevin(0.004, 1.0, 1.0), seed=1)
        sim.run(20)
        assert sim.degrees_of_freedom == 324
        before = sim.thermo().conserved
        sim.run(0, VelocityVerlet(0.004), zero_momentum=wish)
        assert sim.degrees_of_freedom == free
        assert sim.thermo().conserved == pytest.approx(before, abs=1e-9)


def test_a_spinning_cluster_keeps_its_spin():
    """Motion that the user gave is the user's; only motions at rest are no degrees of freedom."""
    matrix = 40.0 * np.eye(3)
    box = type(melt().box)(matrix, (False, False, False))
    positions = np.array([[20.0, 20, 20], [21.12, 20, 20], [20.5, 21.0, 20]])
    turning = System(box, positions, species="A", units="lj", velocities=np.cross([0, 0, 0.5], positions - 20.5))
    sim = Simulation(turning, LennardJones(**SMOOTH), VelocityVerlet(0.002))
    before = sim.kinetic_energy
    sim.run(0)
    assert sim.kinetic_energy == before > 0.1
    assert sim.degrees_of_freedom == 9
    still = System(box, positions, species="A", units="lj")
    sim = Simulation(still, LennardJones(**SMOOTH), VelocityVerlet(0.002))
    sim.run(0)
    assert sim.degrees_of_freedom == 3


def test_units_at_the_border():
    """Argon in metal units and in reduced units is one and the same trajectory."""
    from mdcore.base.units import METAL

    epsilon, sigma, mass = 0.0103, 3.4, 39.948
    lj = melt()
    metal = System(
        type(lj.box)(lj.box.matrix * sigma),
        lj.positions * sigma,
        species="Ar",
        masses={"Ar": mass},
        units="metal",
    )
    tau = sigma * np.sqrt(mass / epsilon) / METAL.time  # fs
    metal.velocities = lj.velocities * sigma / tau
    one = Simulation(lj, LennardJones(**SMOOTH), VelocityVerlet(0.004))
    other = Simulation(
        metal,
        LennardJones(2.5 * sigma, epsilon, sigma, truncation="force-shifted"),
        VelocityVerlet(0.004 * tau),
    )
    one.run(50)
    other.run(50)
    np.testing.assert_allclose(other.snapshot().positions / sigma, one.snapshot().positions, atol=1e-9)
    assert other.thermo().total / epsilon == pytest.approx(one.thermo().total, rel=1e-9)
    assert other.temperature * METAL.boltzmann / epsilon == pytest.approx(one.temperature, rel=1e-9)


@pytest.mark.parametrize("level", _kernels.cpu_levels())
def test_normals_are_normal(level):
    """Moments of 3e6 numbers within five standard errors (false alarm below 1e-5)."""
    try:
        _kernels.select_cpu(level)
        z = _kernels.normals(11, 5, 0, np.arange(1_000_000))
    finally:
        _kernels.select_cpu()
    error = 1.0 / np.sqrt(z.size)
    assert abs(z.mean()) < 5 * error
    assert abs((z**2).mean() - 1) < 5 * error * np.sqrt(2)
    assert abs((z**4).mean() - 3) < 5 * error * np.sqrt(96)
    assert np.abs(np.corrcoef(z.T)[np.triu_indices(3, 1)]).max() < 5 * np.sqrt(3) * error


@pytest.mark.parametrize("level", _kernels.cpu_levels())
def test_noise_is_box_muller_of_philox(level):
    try:
        _kernels.select_cpu(level)
        tags = np.array([0, 1, 17, 2**31, 2**33 + 5])
        words = _kernels.philox_words(3, 8, 0, tags).astype(np.float64)
        z = _kernels.normals(3, 8, 0, tags)
    finally:
        _kernels.select_cpu()
    radius = np.sqrt(-2 * np.log((words[:, 0::2] + 1) * 2.0**-32))
    angle = 2 * np.pi * words[:, 1::2] * 2.0**-32
    want = np.stack(
        [
            radius[:, 0] * np.cos(angle[:, 0]),
            radius[:, 0] * np.sin(angle[:, 0]),
            radius[:, 1] * np.cos(angle[:, 1]),
        ],
        axis=1,
    )
    np.testing.assert_allclose(z, want, atol=2e-14)


def noise_of_langevin(n, seed=1):
    """What the O step draws, float64 [n, 3]: velocities of atoms of mass 1 that forget all, times their spread."""
    system = System.build("sc", density=1e-3, species="A", units="lj").replicate((n, 1, 1))
    sim = Simulation(system, LennardJones(2.5, 1.0, 1.0), Langevin(1e-4, 1.0, 1e6), seed=seed)
    sim.run(1)
    return sim.snapshot().velocities


@pytest.mark.parametrize("level", _kernels.cpu_levels())
def test_noise_of_langevin_is_box_muller_in_single_precision(level):
    """Against double precision, of 40,000 atoms; blocks of 64 end in the middle."""
    try:
        _kernels.select_cpu(level)
        got = noise_of_langevin(40_001, seed=9)
        words = _kernels.philox_words(9, 0, 0, np.arange(40_001)).astype(np.float64)
    finally:
        _kernels.select_cpu()
    radius = np.sqrt(-2 * np.log((words[:, 0::2] + 1) * 2.0**-32))
    quarter, rest = words[:, 1::2] // 2.0**30, words[:, 1::2] % 2.0**30
    angle = 0.5 * np.pi * (quarter + np.where(rest < 2.0**29, rest, rest - 2.0**30) * 2.0**-30)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    want = np.stack([x[:, 0], y[:, 0], x[:, 1]], axis=1)
    np.testing.assert_allclose(got, want, atol=2e-6)
    assert abs((got**2).sum() / (want**2).sum() - 1.0) < 1e-7  # no bias in the temperature


def test_atoms_that_are_hit_are_those_of_the_words():
    tags = np.arange(1000, 8, -1)
    for chance in (0.0, 1e-12, 0.03, 0.5, 1.0):
        hit = np.flatnonzero(_kernels.philox_words(3, 8, 4, tags)[:, 0] < chance * 2.0**32)
        assert np.array_equal(_kernels.philox_below(3, 8, 4, tags, chance), hit)
    assert len(_kernels.philox_below(3, 8, 4, tags[:0], 0.5)) == 0


@pytest.mark.parametrize(
    ("make", "needle"),
    [
        (lambda: VelocityVerlet(-1.0), "timestep = -1.0"),
        (lambda: VelocityVerlet(float("nan")), "timestep = nan"),
        (lambda: Langevin(1.0, -5.0, 0.1), "temperature = -5.0"),
        (lambda: Langevin(1.0, 300.0, 0.0), "friction = 0.0"),
    ],
)
def test_refuses(make, needle):
    with pytest.raises(InputError, match=needle):
        make()
