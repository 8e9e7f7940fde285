"""Do thermostats and barostats give the distributions that statistical mechanics names?

Bounds are at 4.5 standard errors or more, of values of whose correlations is known or measured: a false alarm in
100,000 or fewer.
"""

import math
from pathlib import Path

import numpy as np
import pytest

from mdcore import (
    Andersen,
    Berendsen,
    CellRescaling,
    HDNNPotential,
    InputError,
    Langevin,
    LennardJones,
    MartynaTobiasKlein,
    NoseHoover,
    PositionRestraint,
    Simulation,
    System,
    VelocityRescaling,
    VelocityVerlet,
    maxwell_boltzmann,
    read_model,
)
from mdcore.base.voigt import PLACE
from mdcore.dynamics.motion.cell_force import CellForce, exponential, modes
from mdcore.dynamics.motion.chain import Chain
from tests.systems import scattered
from tests.test_integrators import SMOOTH, melt
from tests.test_motion import gas, observed

T = 0.7
SILICON = Path(__file__).resolve().parent.parent / "potentials" / "silicon.h5"
THERMOSTATS = {
    "velocity-rescaling": lambda dt: VelocityVerlet(dt, VelocityRescaling(T, 0.05)),
    "nose-hoover": lambda dt: VelocityVerlet(dt, NoseHoover(T, 0.1)),
    "andersen": lambda dt: VelocityVerlet(dt, Andersen(T, 0.2)),
    "langevin": lambda dt: Langevin(dt, T, 10.0),
}


def droplets(integrator, seed=3):
    """32 atoms of two masses that feel each other."""
    system = System.build("fcc", density=0.7, species="A", units="lj", repeat=(2, 2, 2))
    system.masses[::2] = 4.0
    maxwell_boltzmann(system, T, seed)
    return Simulation(system, LennardJones(1.5, 1.0, 1.0, truncation="force-shifted"), integrator, seed=seed)


def independent(values) -> float:
    """How many of the values are, by the error of the means of 40 blocks."""
    blocks = values[: len(values) // 40 * 40].reshape(40, -1).mean(axis=1)
    return min(values.var() / max(blocks.var() / 40, 1e-300), float(len(values)))


def same_distribution(values, cumulative) -> None:
    """Kolmogorov's distance from a distribution, of values as many as are independent."""
    values = np.sort(values)
    have = (np.arange(len(values)) + 0.5) / len(values)
    assert np.abs(have - cumulative(values)).max() < 2.5 / math.sqrt(independent(values)) + 0.5 / len(values)


def gamma(shape, size=400_000):
    """The cumulative distribution of gamma, by its own numbers."""
    many = np.sort(np.random.default_rng(1).standard_gamma(shape, size))
    return lambda x: np.searchsorted(many, x) / size


@pytest.mark.parametrize("name", THERMOSTATS)
def test_kinetic_energy_and_equipartition(name):
    """Of n motions K / kT is distributed as gamma of n / 2; each axis and each mass has its share."""
    sim = droplets(THERMOSTATS[name](0.004))
    sim.run(500)
    rows = []
    sim.every(10, lambda s: rows.append((s.masses[:, None] * s.velocities**2).reshape(16, 2, 3).sum(axis=0)))
    sim.run(12_000)
    rows = np.array(rows)  # [times, mass, axis]
    kinetic = 0.5 * rows.sum(axis=(1, 2)) / T
    free = sim.degrees_of_freedom
    assert free == (93 if sim.integrator.conserves_momentum else 96)
    assert kinetic.mean() == pytest.approx(0.5 * free, abs=4.5 * math.sqrt(0.5 * free / independent(kinetic)))
    same_distribution(kinetic, gamma(0.5 * free))
    # of the momentum that is at rest, light and heavy atoms lack 3 motions by their share of the mass
    lacking = 96 - free
    for light, motions in ((1, 48 - lacking / 5), (0, 48 - lacking * 4 / 5)):
        own = rows[:, light].sum(axis=1) / T
        assert own.mean() == pytest.approx(motions, abs=4.5 * own.std() / math.sqrt(independent(own)))
    for axis in range(3):
        own = rows[:, :, axis].sum(axis=1) / T
        assert own.mean() == pytest.approx(free / 3, abs=4.5 * own.std() / math.sqrt(independent(own)))


@pytest.mark.parametrize("name", THERMOSTATS)
def test_kinetic_energy_with_a_network(name):
    """The same of 8 atoms of silicon, 600 K, time steps of 1 fs."""
    t, tau = 600.0, 30.0
    integrator = {
        "velocity-rescaling": lambda: VelocityVerlet(1.0, VelocityRescaling(t, tau)),
        "nose-hoover": lambda: VelocityVerlet(1.0, NoseHoover(t, tau)),
        "andersen": lambda: VelocityVerlet(1.0, Andersen(t, 2.0 * tau)),
        "langevin": lambda: Langevin(1.0, t, 1.0 / tau),
    }[name]()
    system = System.build("diamond", 5.46, "Si")
    maxwell_boltzmann(system, t, 1)
    sim = Simulation(system, HDNNPotential(read_model(SILICON)), integrator, seed=1)
    sim.run(300)
    rows = []
    thermal = system.units.boltzmann * t / system.units.velocity**2
    sim.every(10, lambda s: rows.append((s.masses[:, None] * s.velocities**2).sum(axis=0) / thermal))
    sim.run(6000)
    rows, free = np.array(rows), sim.degrees_of_freedom
    kinetic = 0.5 * rows.sum(axis=1)
    assert kinetic.mean() == pytest.approx(0.5 * free, abs=4.5 * math.sqrt(0.5 * free / independent(kinetic)))
    same_distribution(kinetic, gamma(0.5 * free))
    for own in rows.T if name != "nose-hoover" else ():  # a chain leaves so few atoms in the modes they began with
        assert own.mean() == pytest.approx(free / 3, abs=4.5 * own.std() / math.sqrt(independent(own)))


def energies(sim, steps, every):
    """float64 [times, (conserved, total)]"""
    rows = []
    sim.every(every, lambda s: rows.append((s.thermo().conserved, s.thermo().total)))
    sim.run(steps)
    return np.array(rows)


def test_nose_hoover_conserves_its_energy():
    """The error falls with the square of the time step, and does not grow."""

    def error(timestep):
        sim = Simulation(melt(4), LennardJones(**SMOOTH), VelocityVerlet(timestep, NoseHoover(1.2, 0.1)), seed=5)
        rows = energies(sim, round(6.0 / timestep), round(0.04 / timestep))
        assert np.ptp(rows[:, 1]) > 100.0
        return rows[50:, 0].std()

    coarse, fine = error(0.008), error(0.004)
    assert coarse < 0.3
    assert coarse / fine == pytest.approx(4.0, rel=0.35)


@pytest.mark.parametrize("coupling", ["isotropic", "flexible"])
def test_martyna_tobias_klein_conserves_its_energy(coupling):
    def error(timestep):
        barostat = MartynaTobiasKlein(2.0, 0.5, coupling=coupling, every=1)
        integrator = VelocityVerlet(timestep, NoseHoover(1.2, 0.1), barostat)
        sim = Simulation(melt(4), LennardJones(**SMOOTH), integrator, seed=5)
        rows = energies(sim, round(6.0 / timestep), round(0.04 / timestep))
        assert np.ptp(rows[:, 1]) > 100.0
        return rows[75:, 0].std()

    coarse, fine = error(0.004), error(0.002)
    assert coarse < 0.3
    assert coarse / fine == pytest.approx(4.0, rel=0.6)


def test_a_chain_returns_when_time_is_reversed():
    """Its energy is conserved with that of the motions, and it is reversible."""
    chain, kinetic, thermal = Chain(4), 30.0, 1.2
    start = chain.velocities = np.array([0.3, -0.5, 0.2, 0.1])
    factor, gained = chain.act(kinetic, 42, thermal, 0.4, 0.02)
    assert kinetic * factor**2 + gained == pytest.approx(kinetic, abs=1e-3)
    chain.velocities = -chain.velocities
    back, lost = chain.act(kinetic * factor**2, 42, thermal, 0.4, 0.02)
    np.testing.assert_allclose(chain.velocities, -start, atol=1e-13)
    assert factor * back == pytest.approx(1.0, abs=1e-13)
    assert gained == pytest.approx(-lost, abs=1e-9)


def test_one_link_is_nose_hoover():
    """d(velocity)/dt = (2 K - n kT) / mass: of K kept (a tiny step) the first friction is that."""
    chain = Chain(1)
    chain.act(50.0, 60, 1.0, 2.0, 1e-6)
    assert chain.velocities[0] == pytest.approx(1e-6 * (100.0 - 60.0) / (60.0 * 4.0), rel=1e-5)


def test_berendsen_only_relaxes():
    """K approaches that of the bath as exp(-t / relaxation), and has hardly a fluctuation of its own."""
    sim = gas(6, VelocityVerlet(0.05, Berendsen(1.4, 0.5)))
    sim.run(0)
    before = sim.temperature
    sim.run(10)
    assert sim.temperature - 1.4 == pytest.approx((before - 1.4) * math.exp(-1.0), rel=1e-6)
    assert sim.thermo().conserved == pytest.approx(0.5 * before * sim.degrees_of_freedom, rel=1e-9)


class Elastic:
    """A cell with a law of its own, U = k tr(C^2) / 2, C = ln(F^T F) / 2 with F from the cell at the start; in it atoms
    that feel nothing."""

    def __init__(self, stiffness, cell):
        self.stiffness, self.inverse = stiffness, np.linalg.inv(cell)

    def strain(self, cell):
        stretch = self.inverse @ cell
        values, vectors = np.linalg.eigh(stretch.T @ stretch)
        return (vectors * (0.5 * np.log(values))) @ vectors.T

    def __call__(self, positions, cell):
        strain = self.strain(cell)
        stress = self.stiffness * strain / np.linalg.det(cell)
        return 0.5 * self.stiffness * np.sum(strain**2), np.zeros_like(positions), stress


STIFFNESS = 200.0


def elastic(integrator, steps, every=4):
    """Strains of the cell float64 [times, 3, 3], and the number of atoms."""
    system = System.build("sc", density=0.1, species="A", units="lj", repeat=(2, 2, 2))
    maxwell_boltzmann(system, T, 1)
    law = Elastic(STIFFNESS, system.box.matrix)
    sim = Simulation(system, law, integrator, seed=4, skin=1.0)
    sim.run(500)
    rows = []
    sim.every(every, lambda s: rows.append(law.strain(s.cell.matrix)))
    sim.run(steps)
    return np.array(rows), system.n_atoms


def check_elastic(strains, n_atoms, coupling):
    """V^(N + 1) exp(-U / kT): normal along each mode, mean (N + 1) kT tr(mode) / k, variance kT / k."""
    for mode in modes(coupling, "xyz"):
        own = np.einsum("tij,ij->t", strains, mode)
        count = independent(own)
        spread = math.sqrt(T / STIFFNESS)
        mean = (n_atoms + 1) * T / STIFFNESS * np.trace(mode)
        assert own.mean() == pytest.approx(mean, abs=4.5 * spread / math.sqrt(count) + 0.02 * abs(mean))
        count = independent((own - own.mean()) ** 2)  # amplitudes last longer than phases
        assert own.var() == pytest.approx(spread**2, rel=0.06 + 4.5 * math.sqrt(2.0 / count))
    left = strains - sum(np.einsum("tij,ij->t", strains, m)[:, None, None] * m for m in modes(coupling, "xyz"))
    assert np.abs(left).max() < 1e-9 or coupling == "flexible"


def slow(*names):
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("coupling", ["semi-isotropic", *slow("anisotropic", "flexible")])
def test_strains_of_an_elastic_cell(coupling):
    """(Flexible: the means below, with inertia all.)"""
    barostat = CellRescaling(0.0, 4.0, 12.0, every=1, coupling=coupling)
    check_elastic(*elastic(Langevin(0.04, T, 3.0, barostat), 8000), coupling)


@pytest.mark.parametrize("coupling", ["flexible", *slow("anisotropic", "isotropic")])
def test_strains_of_an_elastic_cell_with_inertia(coupling):
    """(Isotropic: volumes of an ideal gas, below.)"""
    barostat = MartynaTobiasKlein(0.0, 1.0, coupling=coupling, every=1)
    check_elastic(*elastic(VelocityVerlet(0.04, Andersen(T, 0.3), barostat), 8000), coupling)


def test_a_stress_strains_a_crystal_as_it_should():
    """The mean strain C of an elastic cell that is sheared and pulled: k C = V_0 F^T S F + (N + 1) kT, F = exp(C)."""
    stress = np.array([0.1, -0.05, -0.05, 0.0, 0.08, 0.0])
    ways = {"coupling": "flexible", "stress": stress, "every": 1}
    for integrator in (
        Langevin(0.04, T, 3.0, CellRescaling(None, 4.0, 12.0, **ways)),
        VelocityVerlet(0.04, Andersen(T, 0.3), MartynaTobiasKlein(None, 1.0, **ways)),
    ):
        strains, n_atoms = elastic(integrator, 5000)
        wanted = np.zeros((3, 3))
        for _ in range(30):
            stretch = exponential(wanted)
            wanted = (80.0 * stretch @ stress[PLACE] @ stretch + (n_atoms + 1) * T * np.eye(3)) / STIFFNESS
        for j, k in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            own = strains[:, j, k]
            error = own.std() / math.sqrt(independent(own))
            assert own.mean() == pytest.approx(wanted[j, k], abs=4.5 * error + 0.05 * abs(wanted[j, k]))


@pytest.mark.parametrize("barostat", ["rescaling", "inertia"])
def test_a_slab_keeps_its_height(barostat):
    """Along x and y the cell moves, of the free axis nothing: an ideal gas."""
    system = System.build("sc", density=0.1, species="A", units="lj", repeat=(3, 3, 1))
    system.box = type(system.box)(system.box.matrix, (True, True, False))
    maxwell_boltzmann(system, T, 1)
    system.velocities[:, 2] = 0.0  # they stay in their plane
    if barostat == "rescaling":
        made = CellRescaling(0.07, 4.0, 14.0, every=1, axes="xy")
    else:
        made = MartynaTobiasKlein(0.07, 3.0, axes="xy", every=1)
    sim = Simulation(system, LennardJones(1.0, 0.0, 1.0), VelocityVerlet(0.04, VelocityRescaling(T, 0.2), made), seed=2)
    before = sim.cell.matrix[2].copy()
    sim.run(300)
    np.testing.assert_allclose(sim.cell.matrix[2], before, atol=1e-12)  # of the grid
    assert abs(sim.cell.matrix[0, 0] - sim.cell.matrix[1, 1]) < 1e-9
    assert abs(sim.cell.matrix[0, 0] / system.box.matrix[0, 0] - 1.0) > 0.01


def test_volume_of_an_ideal_gas_with_inertia():
    """As in tests/test_motion.py, where it is told: mean 90, variance 900."""
    sim = gas(2, VelocityVerlet(0.08, Andersen(T, 0.5), MartynaTobiasKlein(0.07, 2.0, every=1)))
    sim.run(500)
    volumes = sim.system.total_mass / observed(sim, 6000, 5, "density")[:, 0]
    count = independent(volumes)
    assert count > 80
    assert volumes.mean() == pytest.approx(90.0, abs=4.5 * 30.0 / math.sqrt(count))
    assert volumes.var() == pytest.approx(900.0, rel=0.05 + 5.5 * math.sqrt(2.6 / count))


@pytest.mark.parametrize("scheme", ["BAOAB", "plain"])
def test_error_of_the_time_step_of_a_harmonic_crystal(scheme):
    """With h = omega dt = 1: BAOAB has the right potential energy and 1 - h^2 / 4 of the kinetic, velocity Verlet
    beside a bath the right kinetic energy and 1 / (1 - h^2 / 4) of the potential (B. Leimkuhler, C. Matthews, J. Chem.
    Phys. 138, 174102 (2013))."""
    system = System.build("sc", density=0.5, species="A", units="lj", repeat=(6, 6, 6))
    system.columns["anchor"] = system.positions.copy()
    maxwell_boltzmann(system, T, 1)
    integrator = Langevin(0.1, T, 2.0) if scheme == "BAOAB" else VelocityVerlet(0.1, Andersen(T, 1.0))
    sim = Simulation(system, PositionRestraint(100.0), integrator, seed=6, skin=2.0)
    sim.run(100)
    rows = observed(sim, 4000, 5, "potential_energy", "kinetic_energy") / (1.5 * T * system.n_atoms)
    wanted = (1.0, 0.75) if scheme == "BAOAB" else (1.0 / 0.75, 1.0)
    np.testing.assert_allclose(rows.mean(axis=0), wanted, rtol=0.02)


@pytest.mark.parametrize("cuts", [(40,), (41, 90)])
def test_runs_go_on_to_the_same_bits(cuts):
    """In pieces, and by states: stages cut anywhere end as whole ones."""

    def integrator():
        return VelocityVerlet(
            0.004, NoseHoover(1.0, 0.1, chain=4), MartynaTobiasKlein((2.0, 1.0), 0.3, coupling="flexible", every=5)
        )

    whole = Simulation(melt(3), LennardJones(**SMOOTH), integrator(), seed=5)
    whole.run(120)
    system, state = melt(3), None
    for cut in (*cuts, 120):
        sim = Simulation(system, LennardJones(**SMOOTH), integrator(), seed=5, state=state)
        sim.begin_stage(120, first_step=0 if state else None)
        sim.run_until(cut)
        system, state = None, sim.state()
    assert sim.snapshot().positions.tobytes() == whole.snapshot().positions.tobytes()
    assert sim.cell.matrix.tobytes() == whole.cell.matrix.tobytes()
    assert sim.thermo().conserved == whole.thermo().conserved


@pytest.mark.parametrize(
    ("make", "needle"),
    [
        (lambda: NoseHoover(0.0, 1.0), "NoseHoover: temperature = 0.0"),
        (lambda: NoseHoover(1.0, 1.0, chain=0), "chain = 0: expected a whole number, 1 to 100"),
        (lambda: NoseHoover(1.0, 1.0, chain=True), "chain = True"),
        (lambda: Andersen(1.0, 0.0), "Andersen: relaxation = 0.0"),
        (lambda: Berendsen(-1.0, 0.1), "Berendsen: temperature = -1.0"),
        (lambda: MartynaTobiasKlein(1.0, 1.0, every=4), "every = 4: expected an odd number"),
        (lambda: MartynaTobiasKlein(None, 1.0), "give either a pressure or a stress"),
        (lambda: MartynaTobiasKlein(1.0, 1.0, stress=[0] * 6), "give either a pressure or a stress"),
        (lambda: MartynaTobiasKlein(None, 1.0, stress=[0] * 5), "expected xx, yy, zz, yz, xz, xy"),
        (lambda: MartynaTobiasKlein(None, 1.0, stress=[1, 0, 0, 0, 0, 0]), "isotropic coupling does not feel all"),
        (lambda: CellRescaling(None, 1.0, 1.0, stress=[0, 0, 0, 1, 0, 0], coupling="anisotropic"), "does not feel all"),
        (lambda: CellRescaling(1.0, 1.0, 1.0, coupling="triclinic"), "coupling = 'triclinic': choose one of isotropic"),
        (lambda: CellRescaling(1.0, 1.0, 1.0, axes="yx"), "axes = 'yx': expected some of x, y, z, in this order"),
        (lambda: CellRescaling(1.0, 1.0, 1.0, axes="z", coupling="semi-isotropic"), "moves x and y together"),
        (lambda: Langevin(1.0, 1.0, 1.0, MartynaTobiasKlein(1.0, 1.0)), "within the drift of VelocityVerlet"),
        (lambda: VelocityVerlet(1.0, None, MartynaTobiasKlein(1.0, 1.0)), "needs a thermostat beside it"),
    ],
)
def test_refused_when_made(make, needle):
    with pytest.raises(InputError, match=needle):
        make()


def test_a_free_axis_does_not_move():
    free = scattered(60, 5.0 * np.eye(3), (True, True, False), seed=14, closest=0.9)
    for axes, coupling in (("xyz", "isotropic"), ("z", "anisotropic"), ("xyz", "flexible")):
        integrator = Langevin(0.01, 1.0, 1.0, CellRescaling(1, 1, 1, axes=axes, coupling=coupling))
        with pytest.raises(InputError, match=r'cell vector c is free.*axes = "xy" moves'):
            Simulation(free, LennardJones(**SMOOTH), integrator).run(1)


def test_modes_are_orthonormal_and_the_exponential_is_one():
    for coupling, count in (("isotropic", 1), ("semi-isotropic", 2), ("anisotropic", 3), ("flexible", 6)):
        own = modes(coupling, "xyz")
        np.testing.assert_allclose([[np.sum(a * b) for a in own] for b in own], np.eye(count), atol=1e-15)
    strain = np.array([[0.1, 0.05, 0.0], [0.05, -0.1, 0.02], [0.0, 0.02, 0.03]])
    values, vectors = np.linalg.eigh(strain)
    np.testing.assert_allclose(exponential(strain), (vectors * np.exp(values)) @ vectors.T, atol=1e-15)
    assert str(CellForce("x", (1.0, 2.0), None, "flexible", "xy")) == "pressure=(1, 2), coupling='flexible', axes='xy'"
