"""Lennard-Jones against its slow twin, published and exact numbers."""

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.voigt import PAIRS
from mdcore.doors import _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.reference import lj as twin
from tests.systems import cells, scattered

CUTOFF = 2.5


def variants():
    two = {"A": (1.0, 1.0), "B": (0.5, 0.88)}
    yield "cut", LennardJones(CUTOFF, 1.0, 1.0)
    yield "shifted", LennardJones(CUTOFF, 0.7, 1.1, truncation="shifted")
    yield "force-shifted", LennardJones(CUTOFF, 1.0, 1.0, truncation="force-shifted")
    yield "lorentz-berthelot", LennardJones(CUTOFF, species=two)
    yield "geometric", LennardJones(CUTOFF, species=two, mixing="geometric", truncation="shifted")
    yield (
        "explicit",
        LennardJones(CUTOFF, species=two, pairs={("B", "A"): (1.5, 0.8, 2.1)}, truncation="force-shifted"),
    )


def two_species(system):
    """The same atoms, every other one of species B."""
    species = np.arange(len(system.positions)) % 2
    return System(
        system.box, system.positions, species=species, symbols=("A", "B"), masses=system.masses, units="lj"
    )


CELLS = dict(cells(CUTOFF))


VARIANTS = dict(variants())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", VARIANTS)
def test_equals_twin(name, cell):
    system = CELLS[cell] if name in ("cut", "shifted", "force-shifted") else two_species(CELLS[cell])
    potential = VARIANTS[name]
    energy, forces, virial, _ = twin.evaluate(system, potential)
    scale = 1.0 + np.abs(forces).max()
    for level in _kernels.cpu_levels():
        try:
            _kernels.select_cpu(level)
            sim = Simulation(system, potential)
        finally:
            _kernels.select_cpu()
        assert sim.potential_energy == pytest.approx(energy, rel=1e-10, abs=1e-8), level
        np.testing.assert_allclose(sim.snapshot().forces, forces, rtol=0, atol=1e-9 * scale, err_msg=level)
        if all(system.box.periodic):
            want = -np.array([virial[a] for a in PAIRS]) / system.box.volume
            np.testing.assert_allclose(
                sim.stress, want, rtol=0, atol=1e-9 * (1 + np.abs(want).max()), err_msg=level
            )


def energy_of(system, potential):
    return Simulation(system, potential).potential_energy


def test_fcc_lattice_sum():
    """Perfect fcc crystal: lattice sums A12 = 12.13188, A6 = 14.45392 (Ashcroft & Mermin, table 20.2)."""
    crystal = System.build("fcc", lattice_constant=np.sqrt(2.0) * 1.09, species="A", units="lj")
    potential = LennardJones(30.0, 1.0, 1.0, tail_corrections=True)
    energy = energy_of(crystal, potential) / 4
    want = 2.0 * (12.13188 / 1.09**12 - 14.45392 / 1.09**6)
    assert energy == pytest.approx(want, rel=2e-6)


def test_tail_corrections_close_the_gap():
    """With tails, energy and pressure of a dense uniform fluid hardly depend on the cutoff."""
    system = System.build("fcc", density=0.8, species="A", units="lj").replicate((3, 3, 3))
    rng = np.random.default_rng(4)
    system.positions[:] += rng.normal(scale=0.08, size=system.positions.shape)
    short, far = (Simulation(system, LennardJones(rc, 1.0, 1.0, tail_corrections=True)) for rc in (3.5, 8.0))
    bare = Simulation(system, LennardJones(3.5, 1.0, 1.0))
    gap = bare.potential_energy - far.potential_energy
    assert abs(short.potential_energy - far.potential_energy) < 0.1 * abs(gap)
    assert abs(short.pressure - far.pressure) < 0.25 * abs(bare.pressure - far.pressure)


def test_published_tail_values():
    """Reduced density 0.8, cutoff 2.5: E_tail/N = -0.428, P_tail = -0.685 by Allen & Tildesley's formulas."""
    potential = LennardJones(2.5, 1.0, 1.0, tail_corrections=True)
    energy, virial = potential.bind(("A",)).tail((800,), Box.cubic(10.0))
    sr3 = 2.5**-3
    assert energy / 800 == pytest.approx(8 / 9 * np.pi * 0.8 * sr3**3 - 8 / 3 * np.pi * 0.8 * sr3)
    assert virial / 3 / 1000 == pytest.approx(32 / 9 * np.pi * 0.64 * sr3**3 - 16 / 3 * np.pi * 0.64 * sr3)


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        ({"cutoff": -1.0, "epsilon": 1.0, "sigma": 1.0}, "cutoff = -1.0"),
        ({"cutoff": 2.5, "epsilon": 1.0}, "epsilon and sigma go together"),
        ({"cutoff": 2.5}, "no parameters"),
        ({"cutoff": 2.5, "epsilon": 1.0, "sigma": float("nan")}, "sigma"),
        ({"cutoff": 2.5, "epsilon": 1.0, "sigma": 1.0, "truncation": "smooth"}, "truncation = 'smooth'"),
        ({"cutoff": 2.5, "epsilon": 1.0, "sigma": 1.0, "mixing": "waldman"}, "mixing = 'waldman'"),
        (
            {"cutoff": 2.5, "epsilon": 1.0, "sigma": 1.0, "truncation": "shifted", "tail_corrections": True},
            "tail",
        ),
    ],
)
def test_refuses(arguments, needle):
    with pytest.raises(InputError, match=needle.replace("(", r"\(")):
        LennardJones(**arguments)


def test_refuses_unknown_species_and_missing_pairs():
    with pytest.raises(InputError, match="species B"):
        LennardJones(2.5, species={"A": (1.0, 1.0)}).bind(("A", "B"))
    with pytest.raises(InputError, match="pair A-B"):
        LennardJones(2.5, species={"A": (1.0, 1.0), "B": (1.0, 1.0)}, mixing="none").bind(("A", "B"))


def test_tail_needs_periodicity():
    slab = scattered(30, 5.5 * np.eye(3), (True, True, False))
    with pytest.raises(InputError, match="not periodic"):
        Simulation(slab, LennardJones(2.5, 1.0, 1.0, tail_corrections=True))
