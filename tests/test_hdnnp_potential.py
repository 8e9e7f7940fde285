"""Network potentials in the engine: published answers, the twin's answers, gradients, symmetries, ranks."""

import functools
from pathlib import Path

import numpy as np
import pytest

from mdcore import VelocityVerlet
from mdcore.base.errors import InputError
from mdcore.doors import _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.base import Sum
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import Scaling
from mdcore.potentials.networks.n2p2.data import read_input_data
from mdcore.potentials.networks.n2p2.read import read_n2p2
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.reference import hdnnp as twin
from tests.reference.hdnnp_models import random_cluster, random_model
from tests.systems import TRICLINIC, cells, scattered

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "n2p2"
CUTOFF = 3.0
MODEL = random_model()
FEW = random_model(types=[2, 3, 9], cutoff_type=2)  # quicker


def two_elements(system):
    """The same atoms as oxygen and hydrogen."""
    species = np.arange(len(system.positions)) % 3 % 2
    return System(
        system.box, system.positions, species=species, symbols=("O", "H"), masses=system.masses, units="lj"
    )


CELLS = {name: two_elements(system) for name, system in cells(CUTOFF)}


def expected(system, model):
    symbols = [system.symbols[s] for s in system.species]
    box = system.box
    if all(box.periodic) or not any(box.periodic):
        return twin.evaluate(model, symbols, system.positions, box.matrix if any(box.periodic) else None)
    # the twin knows three periodic directions or none: make room along the others
    matrix = box.matrix * np.where(box.periodic, 1.0, 30.0)[:, None]
    return twin.evaluate(model, symbols, system.positions, matrix)


@functools.cache
def expected_of(cell):
    return expected(CELLS[cell], MODEL)  # once for all levels


@pytest.mark.parametrize("level", _kernels.cpu_levels())
@pytest.mark.parametrize("cell", CELLS)
def test_equals_twin(cell, level):
    system = CELLS[cell]
    try:
        _kernels.select_cpu(level)
        sim = Simulation(system, HDNNPotential(MODEL))
        snapshot, energy = sim.snapshot(), sim.potential_energy
    finally:
        _kernels.select_cpu()
    want = expected_of(cell)
    scale = 1.0 + np.abs(want.forces).max()
    assert energy == pytest.approx(want.energy, rel=1e-10, abs=1e-8)
    np.testing.assert_allclose(snapshot.forces, want.forces, rtol=0, atol=1e-9 * scale)
    if all(system.box.periodic):
        pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
        stress = -np.array([want.virial[p] for p in pairs]) / system.box.volume
        np.testing.assert_allclose(sim.stress, stress, rtol=0, atol=1e-9 * (1 + np.abs(stress).max()))


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize("level", _kernels.cpu_levels())
@pytest.mark.parametrize(
    ("name", "length", "energy"), [("H2O_RPBE-D3", "bohr", "hartree"), ("Cu2S_PBE", "angstrom", "ev")]
)
def test_published_potentials(name, length, energy, level):
    """n2p2 2.3, nnp-predict: energies to 1e-10 relative, forces to 1e-9, native units."""
    folder = REFERENCE / name
    model = read_n2p2(folder, units={"length": length, "energy": energy})
    structure = next(iter(read_input_data(folder / "input.data")))
    units = model.stated_units
    symbols = tuple(dict.fromkeys(structure.symbols))
    system = System(
        Box(structure.cell * units.angstrom),
        structure.positions * units.angstrom,
        species=np.array([symbols.index(s) for s in structure.symbols]),
        symbols=symbols,
    )
    try:
        _kernels.select_cpu(level)
        sim = Simulation(system, HDNNPotential(model))
    finally:
        _kernels.select_cpu()
    want = np.loadtxt(folder / "expected" / "energy.out").reshape(-1)[3]
    forces = np.loadtxt(folder / "expected" / "nnforces.out")[:, 5:8]
    assert sim.potential_energy / units.ev == pytest.approx(want, rel=1e-10)
    got = sim.snapshot().forces / (units.ev / units.angstrom)
    np.testing.assert_allclose(got, forces, rtol=0, atol=1e-9)


def test_smooth_where_a_neighbour_leaves():
    """Energy and force of a pair at and around the cutoff."""
    potential = HDNNPotential(FEW)
    symbols = ("O", "H")

    def pair(r):
        x = np.array([[0.0, 0, 0], [r, 0, 0]])
        sim = Simulation(
            System(Box(9 * np.eye(3), (False,) * 3), x, species=[0, 1], symbols=symbols, units="lj"), potential
        )
        return sim.potential_energy, sim.snapshot().forces[0, 0]

    apart, _ = pair(CUTOFF + 0.5)
    for gap in (1e-2, 1e-4, 1e-6, -1e-6, -1e-2):
        energy, force = pair(CUTOFF - gap)
        assert abs(energy - apart) <= max(abs(gap) ** 3, 1e-10) and abs(force) <= max(3 * gap**2, 1e-10)


def test_one_atom_and_absent_species():
    """An atom without neighbours has the energy its network gives to empty surroundings."""
    potential = HDNNPotential(MODEL)
    for e, element in enumerate(MODEL.elements):
        alone = System(Box(50 * np.eye(3)), np.zeros((1, 3)), species=[0], symbols=(element,), units="lj")
        sim = Simulation(alone, HDNNPotential(MODEL))
        want = twin.evaluate(MODEL, [element], np.zeros((1, 3)))
        assert sim.potential_energy == pytest.approx(want.energy, rel=1e-10), e
        assert np.all(sim.forces == 0)
    x = random_cluster(("H",) * 5, seed=4)
    hydrogen = System(Box(50 * np.eye(3)), x, species=np.zeros(5, int), symbols=("H",), units="lj")
    want = twin.evaluate(MODEL, ["H"] * 5, x)
    sim = Simulation(hydrogen, potential)
    np.testing.assert_allclose(sim.snapshot().forces, want.forces, atol=1e-9)


def test_units_are_converted_at_the_border():
    """The same model called bohr and hartree: its energies and forces, in eV and Angstrom."""
    native = random_model(types=[2, 3], cutoff=5.0)
    object.__setattr__(native, "units", Units("bohr", "hartree"))
    x = random_cluster(("O", "H", "H", "O"), seed=1, spread=2.5)
    want = twin.evaluate(native, ["O", "H", "H", "O"], x)
    units = native.units
    system = System(
        Box(60 * np.eye(3), (False,) * 3), x * units.angstrom, species=[0, 1, 1, 0], symbols=("O", "H")
    )
    sim = Simulation(system, HDNNPotential(native))
    assert sim.potential_energy == pytest.approx(want.energy * units.ev, rel=1e-10)
    np.testing.assert_allclose(sim.snapshot().forces, want.forces * units.ev / units.angstrom, atol=1e-9)


def test_sum_with_another_potential():
    """Full and half list side by side."""
    system = two_elements(scattered(25, 4.2 * TRICLINIC, seed=6))
    lj = {"cutoff": 2.0, "epsilon": 0.1, "sigma": 0.8}
    both = Simulation(system, Sum(HDNNPotential(FEW), LennardJones(**lj)))
    parts = [Simulation(system, p) for p in (HDNNPotential(FEW), LennardJones(**lj))]
    np.testing.assert_array_equal(both.snapshot().forces, sum(p.snapshot().forces for p in parts))
    assert both.potential_energy == pytest.approx(sum(p.potential_energy for p in parts), rel=1e-12)


@pytest.mark.filterwarnings("ignore:.* of 30 atoms out of range")
def test_energy_is_conserved():
    check_conservation("double")


def check_conservation(precision: str) -> None:
    """Second order: half the time step, a quarter of the fluctuation; no drift."""
    spread = []
    for dt in (0.02, 0.01):
        system = two_elements(scattered(30, 4.6 * np.eye(3), seed=8))
        system.velocities = 0.3 * np.random.default_rng(1).normal(size=(30, 3))
        sim = Simulation(system, HDNNPotential(FEW, precision=precision), VelocityVerlet(dt), skin=0.3)
        energies = []
        sim.every(1, lambda s, energies=energies: energies.append(s.thermo().total))
        sim.run(round(2.0 / dt))
        assert sim.neighbors.builds > 2
        spread.append(np.std(energies))
        half = len(energies) // 2
        assert abs(np.mean(energies[half:]) - np.mean(energies[:half])) < 2 * np.std(energies)
    assert 3.0 < spread[0] / spread[1] < 5.0


def test_refuses():
    system = scattered(3, 9.0 * np.eye(3), symbols=("O", "C", "N"))
    with pytest.raises(InputError, match=r"no network for species C; it knows H, O"):
        Simulation(system, HDNNPotential(MODEL))
    with pytest.raises(InputError, match="its units are not stated"):
        HDNNPotential(random_model_without_units())
    HDNNPotential(random_model_without_units(), units={"length": "bohr", "energy": "ev"})
    with pytest.raises(InputError, match="bohr, ev given, but random states angstrom, ev"):
        HDNNPotential(MODEL, units={"length": "bohr", "energy": "ev"})
    flat = random_model()
    n = len(flat.symmetry_functions[0])
    object.__setattr__(flat, "scaling", (Scaling(*np.ones((4, n)), mode="scale"), *flat.scaling[1:]))
    with pytest.raises(InputError, match=r"has no width in scaling\.data"):
        HDNNPotential(flat)


def random_model_without_units():
    model = random_model()
    object.__setattr__(model, "units", None)
    return model


def test_a_path_is_no_model():
    with pytest.raises(InputError, match=r"HDNNPotential\('water.h5'\): expected a model; read one from a file"):
        HDNNPotential("water.h5")
