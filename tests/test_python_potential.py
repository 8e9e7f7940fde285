"""Potentials that are Python functions or calculators of ASE: in a run, in sums, on ranks, wrong ones."""

import pickle
import re
import sys

import numpy as np
import pytest

from mdcore import (
    ASEPotential,
    Box,
    HDNNPotential,
    InputError,
    LennardJones,
    PythonPotential,
    Simulation,
    SimulationError,
    Sum,
    System,
    VelocityVerlet,
    evaluate,
    maxwell_boltzmann,
)
from mdcore.base.comm import SelfComm
from mdcore.verify import verify
from tests.mpi import ROOT, mpirun, needs_mpi
from tests.mpi_python import wave
from tests.systems import TRICLINIC, scattered

LJ = {"cutoff": 2.5, "epsilon": 0.3, "sigma": 0.9, "truncation": "force-shifted"}
CELLS = {
    "periodic": (3.6 * TRICLINIC, (True,) * 3), "slab": (3.6 * np.eye(3), (True, True, False)),
    "cluster": (3.6 * np.eye(3), (False,) * 3),
}  # fmt: skip


def twin(positions, cell, species, periodic):
    """Lennard-Jones by way of a function, with the stress that goes with it."""
    found = evaluate(LennardJones(**LJ), System(Box(cell, periodic), positions, list(species), units="lj"))
    return found.energy, found.forces, -found.virial / abs(np.linalg.det(cell))


@pytest.mark.parametrize("kind", CELLS)
def test_a_function_is_a_potential_like_any_other(kind):
    system = scattered(30, *CELLS[kind], seed=3, symbols=("A", "B"))
    maxwell_boltzmann(system, 0.5, seed=1)
    want = evaluate(LennardJones(**LJ), system)
    found = evaluate(PythonPotential(twin), system)
    for name in ("energy", "forces", "virial", "stress"):
        np.testing.assert_allclose(getattr(found, name), getattr(want, name), rtol=0, atol=1e-8, err_msg=name)
    assert found.energies.sum() == pytest.approx(found.energy)
    both = evaluate(Sum(twin, LennardJones(**LJ)), system)
    np.testing.assert_allclose(both.forces, 2.0 * want.forces, rtol=0, atol=1e-8)
    np.testing.assert_allclose(both.virial, 2.0 * want.virial, rtol=0, atol=1e-7)
    ends = []
    for potential in (LennardJones(**LJ), PythonPotential(twin), twin):
        sim = Simulation(system, potential, VelocityVerlet(0.002), comm=SelfComm())
        sim.run(50)
        ends.append(np.append(unwrapped(sim), sim.total_energy))
        if kind == "periodic":
            ends[-1] = np.append(ends[-1], sim.stress)
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], rtol=0, atol=1e-6)


def unwrapped(sim) -> np.ndarray:
    frame = sim.snapshot()
    return frame.positions + frame.images @ frame.box.matrix


def test_a_function_gets_what_it_names():
    seen = {}

    def look(positions, *, periodic, strength=2.0, **others):
        seen.update(others, positions=positions, periodic=periodic)
        return 0.0, 0.0 * positions

    system = scattered(5, 4.0 * np.eye(3), (True, True, False), symbols=("A", "B"))
    system.positions[0] += 8.0  # two cells away: as it was given
    assert np.isnan(evaluate(look, system).virial).all()
    np.testing.assert_allclose(seen["positions"], system.positions, atol=1e-11)
    np.testing.assert_array_equal(seen["cell"], 4.0 * np.eye(3))
    assert list(seen["species"]) == system.names and list(seen["periodic"]) == [True, True, False]


class Spring:
    """An object with a state, and one with a method of its own."""

    def __init__(self, k):
        self.k = k

    def __call__(self, positions):
        return 0.5 * self.k * (positions**2).sum(), -self.k * positions

    compute = __call__


@pytest.mark.parametrize("potential", [Spring(2.0), PythonPotential(Spring(2.0)), Spring(2.0).compute])
def test_a_spring_oscillates_without_periodicity(potential):
    system = System(Box.cubic(20.0, periodic=False), [[1.0, 0.0, 0.0]], "A", masses=[2.0], units="lj")
    sim = Simulation(system, potential, VelocityVerlet(0.001))
    sim.run(3142)  # half a turn: omega = 1
    assert sim.positions[0, 0] == pytest.approx(-1.0, abs=1e-5)
    assert sim.total_energy == pytest.approx(1.0, abs=1e-6) and np.isnan(sim.pressure)
    assert sim.virial[0, 0] == pytest.approx(-2.0, abs=1e-4), "the sum of x (x) F"


def test_without_a_stress_there_is_no_pressure():
    system = scattered(10, 4.0 * np.eye(3))
    for potential in (lambda positions: (1.0, 0 * positions), lambda positions: (1.0, 0 * positions, None)):
        sim = Simulation(system, Sum(LennardJones(**LJ), potential), VelocityVerlet(0.001))
        sim.run(3)
        assert np.isnan(sim.pressure) and np.isnan(sim.stress).all() and np.isnan(sim.virial).all()
        assert np.isfinite(sim.total_energy)


WRONG = [
    (lambda atoms: (0.0, atoms), InputError, "argument atoms"),
    (lambda: (0.0, 0.0), InputError, "has none"),
    (lambda positions: 1.0, InputError, r"float \[10, 3\].*returned float"),
    (lambda positions: (1.0, positions[1:]), InputError, r"\(9, 3\)"),
    (lambda positions: (1.0, positions, 1.0), InputError, "3 of shapes"),
    (lambda positions: ([1.0, 2.0], positions), InputError, "expected"),
    (lambda positions: ("much", positions), InputError, "expected"),
    (lambda positions: None, InputError, "NoneType"),
    (lambda positions: (np.nan, positions), SimulationError, "the energy is not a finite"),
    (lambda positions: (0.0, np.where(positions < np.inf, np.nan, 0)), SimulationError, "force on atom 0"),
    (lambda positions: (0.0, 0 * positions, np.full(6, np.inf)), SimulationError, "stress"),
    (lambda positions: (1e300, 0 * positions), SimulationError, "the energy is 1e\\+300"),
    (lambda positions: (1.0, 0 * positions, np.full(6, 1e300)), SimulationError, "the stress"),
    (lambda positions: 1 / 0, SimulationError, "failed: ZeroDivisionError: division by zero"),
    (lambda positions: (0.0, 1e9 * (1.0 + positions)), SimulationError, "the force on atom"),
    ("water.h5", InputError, "HDNNPotential"),
    (LennardJones, InputError, "is a class"),
    (HDNNPotential, InputError, "is a class"),
    (3, InputError, "not int"),
    (None, InputError, "not NoneType"),
]  # fmt: skip


@pytest.mark.parametrize(("potential", "error", "words"), WRONG)
def test_wrong_ones_are_told(potential, error, words):
    with pytest.raises(error, match=words) as caught:
        Simulation(scattered(10, 4.0 * np.eye(3)), potential)
    assert "\n" not in str(caught.value)


def test_verify_examines_a_function():
    system = scattered(30, 3.6 * TRICLINIC, seed=3)
    rows = {row.quantity: row for row in verify(PythonPotential(twin, cutoff=2.5), system)}
    assert [name for name, row in rows.items() if row.ok is False] == []
    assert "stress times volume - finite strain, largest" in rows and "smoothness: jump of the energy" in rows

    def wrong(positions, cell, species, periodic):
        energy, forces, stress = twin(positions, cell, species, periodic)
        return energy, 1.01 * forces, -stress

    names = {row.quantity.split(",")[0] for row in verify(wrong, system) if row.ok is False}
    assert {"force - finite difference", "stress times volume - finite strain"} <= names
    with pytest.raises(InputError, match="give a structure"):
        list(verify(PythonPotential(twin)))


def test_it_can_be_pickled():
    system = scattered(20, 4.0 * np.eye(3), seed=1, symbols=("A", "B"))
    potential = pickle.loads(pickle.dumps(PythonPotential(wave)))
    assert evaluate(potential, system).energy == evaluate(wave, system).energy
    many = evaluate(potential, [system] * 6, threads=3)
    assert len({one.energy for one in many}) == 1


def test_calculators_of_ase_are_potentials():
    pytest.importorskip("ase")
    from ase.calculators.calculator import Calculator, all_changes
    from ase.calculators.emt import EMT

    from mdcore.ase import MDCore

    system = System.build("fcc", 3.61, "Cu", (3, 3, 3))
    maxwell_boltzmann(system, 300.0, seed=1)
    sim = Simulation(system, ASEPotential(EMT()), VelocityVerlet(2.0))
    before = sim.total_energy
    sim.run(50)
    assert abs(sim.total_energy - before) < 0.02 * sim.kinetic_energy and np.isfinite(sim.pressure)
    atoms = sim.snapshot().to_ase()
    atoms.calc = EMT()
    np.testing.assert_allclose(sim.forces, atoms.get_forces(), atol=1e-9)
    argon = System.build("fcc", density=1.5, species="Ar", repeat=(2, 2, 2))
    argon.positions[0] += 0.1
    lj = LennardJones(cutoff=6.0, epsilon=0.0104, sigma=3.4, truncation="force-shifted")
    for name in ("energy", "forces", "virial"):
        a, b = (getattr(evaluate(potential, argon), name) for potential in (lj, MDCore(lj)))
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
    slab = System(Box(argon.box.matrix, (True, True, False)), argon.positions, "Ar")
    np.testing.assert_allclose(evaluate(MDCore(lj), slab).virial, evaluate(lj, slab).virial, rtol=0, atol=1e-9)
    with pytest.raises(InputError, match="A is none"):
        evaluate(EMT(), scattered(5, 4.0 * np.eye(3)))
    with pytest.raises(SimulationError, match="exit failed: SystemExit: 0"):  # and no run that seems to be done
        evaluate(PythonPotential(lambda positions: sys.exit(0), name="exit"), argon)
    with pytest.raises(SimulationError, match="EMT failed: NotImplementedError"):
        evaluate(EMT(), argon)

    class Forceless(Calculator):
        implemented_properties = ("energy",)

        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            self.results = {"energy": 0.0}

    with pytest.raises(SimulationError, match="Forceless failed: PropertyNotImplementedError"):
        evaluate(Forceless(), argon)


def test_the_examples_of_the_docs_run(capsys):
    pytest.importorskip("ase")
    text = (ROOT / "docs" / "embedding.md").read_text()
    section = text.split("## A potential of your own")[1].split("\n## ")[0]
    names = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(block, names)
    assert "ASEPotential(EMT)" in capsys.readouterr().out
    potential = PythonPotential(names["morse"], cutoff=5.5)
    system = System.build("fcc", lattice_constant=4.2, species="Ar", repeat=(3, 3, 3))
    system.positions += np.random.default_rng(1).normal(scale=0.1, size=system.positions.shape)
    wrong = {row.quantity.split(",")[0] for row in verify(potential, system) if row.ok is False}
    assert not wrong & {"force - finite difference", "stress times volume - finite strain", "translation: energy"}


@pytest.mark.parametrize("marked", [pytest.param(None, marks=needs_mpi)])
def test_the_same_bits_on_ranks_and_across_restarts(marked, tmp_path):
    def run(ranks, steps, *state):
        folder = tmp_path / f"{ranks}-{steps}-{len(state)}"
        folder.mkdir()
        mpirun(ranks, ROOT / "tests" / "mpi_python.py", folder, steps, *state)
        with np.load(folder / "final.npz") as saved:
            return folder / "state.pickle", {name: saved[name].tobytes() for name in saved}

    _, whole = run(1, 60)
    state, _ = run(3, 25)
    for found in (run(4, 60), run(2, 35, state)):
        assert [name for name, own in found[1].items() if own != whole[name]] == []
