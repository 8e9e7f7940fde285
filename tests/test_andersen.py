"""Does the bath give its temperature, and is what it gives booked?"""

import numpy as np
import pytest

from mdcore import Andersen, LennardJones, Simulation, System, VelocityVerlet


def gas():
    """Atoms at rest that do not feel each other, of two masses."""
    system = System.build("sc", density=0.1, species="A", units="lj", repeat=(12, 12, 12))
    system.masses[::2] = 4.0
    system.velocities = np.zeros_like(system.positions)
    integrator = VelocityVerlet(0.05, thermostat=Andersen(0.7, 0.5))
    return Simulation(system, LennardJones(1.0, 0.0, 1.0), integrator, seed=9, skin=1.0)


def test_velocities_are_those_of_the_bath():
    """m v^2 is k T on average: of 5184 components, to 2 %."""
    sim = gas()
    sim.run(200)  # twenty collisions of each atom
    assert np.mean(sim.masses[:, None] * sim.velocities**2) == pytest.approx(0.7, rel=0.08)


def test_collisions_are_as_many_as_asked():
    """After a time t a part exp(-t / relaxation) of the atoms was not hit yet: 636 of 1728, to 20."""
    sim = gas()
    sim.run(10)
    assert np.count_nonzero(~sim.velocities.any(axis=1)) == pytest.approx(1728 * np.exp(-1.0), abs=80)


def test_heat_is_booked():
    sim = gas()
    before = sim.thermo()
    sim.run(50)
    after = sim.thermo()
    assert after.total - before.total > 1000.0
    assert after.conserved == pytest.approx(before.conserved, abs=1e-6)
