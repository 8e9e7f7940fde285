"""Do drawn velocities follow Maxwell and Boltzmann, at rest as a whole, with the right number of motions?

False alarms: the distributions are drawn from fixed seeds, so the tests always give the same result;
the bounds are such that an independent seed would fail with the stated probability.
"""

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.structure import velocities
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.reference import philox

RNG = np.random.default_rng(2)


def normals(seed, step, stream, tags):
    """Box-Muller on Philox words, in NumPy."""
    u = (philox.words(seed, step, stream, tags).astype(float) + 0.5) / 2.0**32
    r0, r1 = np.sqrt(-2.0 * np.log(u[:, 0])), np.sqrt(-2.0 * np.log(u[:, 2]))
    a0, a1 = 2.0 * np.pi * u[:, 1], 2.0 * np.pi * u[:, 3]
    return np.stack([r0 * np.cos(a0), r0 * np.sin(a0), r1 * np.cos(a1)], axis=1)


def draw(system, temperature=300.0, seed=1, **options):
    return velocities.maxwell_boltzmann(system, temperature, seed, normals=normals, **options)


def temperature_of(system, free):
    v = system.velocities * system.units.velocity
    return float(np.sum(system.masses[:, None] * v**2)) / free / system.units.boltzmann


def cluster(n, periodic=False, units="metal", spread=5.0):
    positions = RNG.normal(0.0, spread, (n, 3))
    box = Box([[30, 1, 2], [3, 30, 4], [5, 6, 30]], periodic, (-15, -15, -15))
    names = [("Ar", "He", "Xe")[k] for k in RNG.integers(0, 3, n)]
    return System(box, positions, names, units=units, masses={"Ar": 40.0, "He": 4.0, "Xe": 131.0})


@pytest.mark.parametrize("counter, key, result", philox.KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(counter, key, result):
    assert tuple(philox.philox4x32(counter, key).tolist()) == result
    repeated = philox.philox4x32([counter] * 3, key)
    assert repeated.shape == (3, 4) and tuple(repeated[2].tolist()) == result


def test_the_kernels_words_and_normals_are_those_of_the_reference():
    kernels = pytest.importorskip("mdcore.doors._kernels")
    tags = np.array([0, 1, 17, 2**32 - 1, 2**32 + 5, 2**40 - 1], dtype=np.int64)
    for seed, step, stream in [(0, 0, 0), (1, 2, 3), (2**64 - 1, 2**40 + 7, 1)]:
        expected = philox.words(seed, step, stream, tags)
        assert np.array_equal(kernels.philox_words(seed, step, stream, tags), expected)
        np.testing.assert_allclose(
            kernels.normals(seed, step, stream, tags), normals(seed, step, stream, tags), atol=1e-6
        )


@pytest.mark.parametrize("units", ["metal", "lj"])
@pytest.mark.parametrize("periodic", [True, (True, True, False), (False, True, False), False])
def test_temperature_is_exact_and_momentum_zero(units, periodic):
    system = cluster(40, periodic, units)
    returned = draw(system, 2.5, seed=7)
    assert returned is system.velocities
    free = 3 * 40 - 3 - (3 if periodic is False else 0)
    assert temperature_of(system, free) == pytest.approx(2.5, rel=1e-14)
    momenta = system.masses[:, None] * system.velocities
    assert np.abs(momenta.sum(axis=0)).max() < 1e-14 * np.abs(momenta).sum()


def test_clusters_do_not_rotate():
    system = cluster(40)
    draw(system)
    arms = system.positions - system.masses @ system.positions / system.masses.sum()
    each = np.cross(arms, system.masses[:, None] * system.velocities)
    assert np.abs(each.sum(axis=0)).max() < 1e-13 * np.abs(each).sum()
    draw(system, zero_rotation=False)
    each = np.cross(arms, system.masses[:, None] * system.velocities)
    assert np.abs(each.sum(axis=0)).max() > 1e-3 * np.abs(each).sum()


def test_wires_may_be_kept_from_turning():
    system = cluster(40, (False, False, True))
    draw(system, zero_rotation=True)
    axis = system.box.matrix[2] / np.linalg.norm(system.box.matrix[2])
    arms = system.positions - system.masses @ system.positions / system.masses.sum()
    each = np.cross(arms, system.masses[:, None] * system.velocities) @ axis
    assert abs(each.sum()) < 1e-13 * np.abs(each).sum()
    assert temperature_of(system, 3 * 40 - 4) == pytest.approx(300.0, rel=1e-14)


LINE = np.outer([0.0, 1.0, 3.0], [1.0, -2.0, 0.5]) + 7.0
BENT = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    "periodic, positions, momentum, rotation, expected",
    [
        ((True,) * 3, np.eye(3), True, False, 6),
        ((True,) * 3, np.eye(3), False, False, 9),
        ((True, True, False), np.eye(3), True, False, 6),
        ((False, False, True), np.eye(3), True, False, 6),
        ((False, False, True), np.eye(3), True, True, 5),
        ((False, False, True), [[1, 1, 0], [1, 1, 4]], True, True, 3),  # all atoms on the axis
        ((False,) * 3, BENT, True, True, 3),
        ((False,) * 3, BENT, True, False, 6),
        ((False,) * 3, BENT, False, True, 6),
        ((False,) * 3, LINE, True, True, 4),
        ((False,) * 3, LINE[:2], True, True, 1),
        ((False,) * 3, LINE[:1], True, True, 0),
        ((False,) * 3, LINE[:1], False, True, 3),
        ((False,) * 3, RNG.normal(size=(50, 3)), True, True, 144),
    ],
)
def test_degrees_of_freedom(periodic, positions, momentum, rotation, expected):
    box = Box.cubic(10.0, periodic)
    assert velocities.degrees_of_freedom(box, len(positions), positions, momentum, rotation) == expected


@pytest.mark.parametrize("positions", [LINE, LINE[:2], BENT])
def test_small_molecules_get_their_temperature(positions):
    system = System(Box.around(positions), positions, "Ar")
    draw(system, 50.0)
    free = velocities.degrees_of_freedom(system.box, len(positions), positions, True, True)
    assert temperature_of(system, free) == pytest.approx(50.0, rel=1e-12)
    arms = system.positions - system.positions.mean(axis=0)
    assert np.abs(np.cross(arms, system.velocities).sum(axis=0)).max() < 1e-15


def test_a_single_atom():
    system = System(Box.around([[0, 0, 0]]), [[0.0, 0.0, 0.0]], "Ar")
    with pytest.raises(InputError, match="a single atom without momentum"):
        draw(system)
    assert not draw(system, 0.0).any()
    assert draw(system, 10.0, zero_momentum=False).any()


def test_maxwell_boltzmann_distribution():
    """Without scaling: mean, variance and kurtosis of each species; each bound fails with 6e-5 (4 sigma)."""
    n = 30000
    system = System(Box.cubic(100), RNG.uniform(0, 100, (n, 3)), ["Ar", "He"] * (n // 2))
    draw(system, 300.0, seed=12345, zero_momentum=False, scale=False)
    for k in range(2):
        chosen = system.species == k
        mass, v = system.masses[chosen][0], system.velocities[chosen] * system.units.velocity
        z = (v * np.sqrt(mass / (system.units.boltzmann * 300.0))).ravel()
        m = len(z)
        assert abs(z.mean()) < 4.0 / np.sqrt(m)
        assert abs((z**2).mean() - 1.0) < 4.0 * np.sqrt(2.0 / m)
        assert abs((z**4).mean() - 3.0) < 4.0 * np.sqrt(96.0 / m)
        x, y, _ = v.T / v.std()
        assert abs((x * y).mean()) < 4.0 / np.sqrt(len(x))


def test_equipartition_holds_for_a_rigid_count_of_motions():
    """Unscaled, the mean energy of many draws of a small cluster tells 3N - 6 from 3N - 5 and 3N - 7.

    2K / kT of 4 atoms is chi-squared with 6 degrees; the mean of 2000 draws is 6 +- sqrt(12 / 2000) = 0.077,
    and 4 sigma fail with 6e-5.
    """
    system = cluster(4)
    energies = []
    for seed in range(2000):
        draw(system, 100.0, seed=seed, scale=False)
        energies.append(temperature_of(system, 1.0) / 100.0)
    assert abs(np.mean(energies) - 6.0) < 4.0 * np.sqrt(12.0 / 2000)


def test_an_atoms_velocity_depends_on_seed_and_tag_only():
    few = System(Box.cubic(10), np.zeros((5, 3)), "Ar")
    many = System(Box.cubic(10), np.zeros((9, 3)), "Ar")
    options = {"zero_momentum": False, "scale": False}
    assert np.array_equal(draw(few, seed=3, **options), draw(many, seed=3, **options)[:5])
    assert not np.array_equal(draw(few, seed=3, **options), draw(few, seed=4, **options))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"temperature": -1.0}, "temperature = -1.0"),
        ({"temperature": float("nan")}, "temperature = nan"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 1.5}, "seed = 1.5"),
        ({"zero_rotation": True}, "can't rotate"),
    ],
)
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        draw(System(Box.cubic(10), np.zeros((5, 3)), "Ar"), **options)
