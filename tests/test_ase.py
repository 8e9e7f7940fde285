"""Does ASE get what it expects: its signs and order, its optimisers and dynamics, a list that is kept?"""

import copy
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

ase = pytest.importorskip("ase")

from ase import Atoms, units  # noqa: E402
from ase.build import bulk, fcc111  # noqa: E402
from ase.filters import UnitCellFilter  # noqa: E402
from ase.md.verlet import VelocityVerlet  # noqa: E402
from ase.optimize import BFGS  # noqa: E402

from mdcore.ase import MDCore  # noqa: E402
from mdcore.base.errors import InputError, SimulationError  # noqa: E402
from mdcore.base.units import GIGAPASCAL  # noqa: E402
from mdcore.engine.evaluation import evaluate  # noqa: E402
from mdcore.potentials.base import Sum  # noqa: E402
from mdcore.potentials.networks.hdnnp import HDNNPotential  # noqa: E402
from mdcore.potentials.networks.n2p2.write import write_n2p2  # noqa: E402
from mdcore.potentials.pair.lj import LennardJones  # noqa: E402
from tests.reference.hdnnp_models import random_model  # noqa: E402

ARGON = {"cutoff": 8.0, "epsilon": 0.0104, "sigma": 3.4, "truncation": "force-shifted"}
MODEL = random_model(types=[2, 3, 9])
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def argon(repeat=(2, 2, 2)) -> Atoms:
    atoms = bulk("Ar", "fcc", 5.1, cubic=True).repeat(repeat)
    atoms.rattle(0.1, seed=1)
    return atoms


def water(pbc=True) -> Atoms:
    rng = np.random.default_rng(2)
    grid = 2.2 * np.indices((2, 2, 2)).reshape(3, -1).T + rng.normal(scale=0.15, size=(8, 3))
    return Atoms("OHHOHHOH", grid, cell=[[4.4, 0, 0], [0.5, 4.5, 0], [0, -0.4, 4.3]], pbc=pbc)


POTENTIALS = {
    "lj": (lambda: LennardJones(**ARGON), argon),
    "hdnnp": (lambda: HDNNPotential(MODEL), water),
    "sum": (lambda: Sum(HDNNPotential(MODEL), LennardJones(2.0, 0.1, 1.2, truncation="force-shifted")), water),
}


@pytest.mark.parametrize("name", POTENTIALS)
def test_is_what_evaluate_says(name):
    potential, make = POTENTIALS[name]
    atoms = make()
    atoms.calc = MDCore(potential())
    found = evaluate(potential(), atoms)
    assert atoms.get_potential_energy() == found.energy == atoms.get_potential_energy(force_consistent=True)
    np.testing.assert_array_equal(atoms.get_forces(), found.forces)
    np.testing.assert_array_equal(atoms.get_potential_energies(), found.energies)
    np.testing.assert_allclose(atoms.get_stress(voigt=False), found.stress * GIGAPASCAL, rtol=1e-12, atol=1e-15)
    assert atoms.calc.evaluation.extrapolation is None or name != "lj"


@pytest.mark.parametrize("name", POTENTIALS)
def test_stress_is_the_strain_derivative(name):
    potential, make = POTENTIALS[name]
    atoms = make()
    atoms.calc = MDCore(potential())
    stress, h = atoms.get_stress(), 1e-5
    for k, (a, b) in enumerate(VOIGT):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * h / 2
            strain[b, a] += sign * h / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            strained.calc = MDCore(potential())
            energies.append(strained.get_potential_energy())
        slope = (energies[0] - energies[1]) / (2 * h) / atoms.get_volume()
        assert slope == pytest.approx(stress[k], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", POTENTIALS)
def test_forces_are_the_gradient(name):
    potential, make = POTENTIALS[name]
    atoms = make()
    atoms.calc = MDCore(potential())
    forces, h = atoms.get_forces(), 2.0**-12
    for i, d in ((0, 0), (3, 1), (7, 2)):
        energies = []
        for sign in (1, -1):
            atoms.positions[i, d] += sign * h
            energies.append(atoms.get_potential_energy())
            atoms.positions[i, d] -= sign * h
        assert -(energies[0] - energies[1]) / (2 * h) == pytest.approx(forces[i, d], rel=1e-5, abs=1e-6)
    assert atoms.calc.builds == 1


def test_optimiser_of_positions_and_cell():
    """The rattled crystal finds back to the lattice constant at which its pressure vanishes."""
    atoms = argon((2, 1, 1))
    atoms.calc = MDCore(LennardJones(**ARGON))
    assert BFGS(UnitCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=200)
    assert np.abs(atoms.get_forces()).max() < 1e-4 and np.abs(atoms.get_stress()).max() < 1e-5

    def energy(a):
        return evaluate(LennardJones(**ARGON), bulk("Ar", "fcc", a, cubic=True)).energy / 4

    lattice = np.linspace(5.25, 5.36, 23)
    fit = np.polynomial.Polynomial.fit(lattice, [energy(a) for a in lattice], 6)
    best = next(r.real for r in fit.deriv().roots() if abs(r.imag) < 1e-9 and 5.25 < r.real < 5.36)
    assert np.cbrt(atoms.get_volume() / 2) == pytest.approx(best, abs=2e-3)
    assert atoms.get_potential_energy() / len(atoms) == pytest.approx(energy(best), abs=1e-6)


@pytest.mark.parametrize("name", ["lj", "hdnnp"])
def test_dynamics_conserves_energy(name):
    """Second order in the time step, while lists are kept and rebuilt."""
    potential, make = POTENTIALS[name]
    strays = []
    for divisor in (1, 2):
        atoms = make()
        noise = np.random.default_rng(1).normal(size=(len(atoms), 3))
        atoms.set_momenta(noise * np.sqrt(atoms.get_masses() * 60 * units.kB)[:, None])
        atoms.calc = MDCore(potential(), skin=0.6)
        dynamics = VelocityVerlet(atoms, (4.0 if name == "lj" else 0.5) * units.fs / divisor)
        totals = []
        dynamics.attach(lambda a=atoms, t=totals: t.append(a.get_total_energy()), interval=divisor)
        dynamics.run(200 * divisor)
        strays.append(np.std(totals))
        assert 2 <= atoms.calc.builds < 100
    assert 3.3 < strays[0] / strays[1] < 4.8


def test_the_list_is_kept_while_it_holds():
    """Small steps, then each thing that makes a new list necessary."""
    atoms = water()
    calc = atoms.calc = MDCore(HDNNPotential(MODEL), skin=0.5)
    expect = 0

    def count(rebuilt):
        nonlocal expect
        expect += rebuilt
        fresh = evaluate(HDNNPotential(MODEL), atoms)
        assert atoms.get_potential_energy() == pytest.approx(fresh.energy, rel=1e-12, abs=1e-9)
        np.testing.assert_allclose(atoms.get_forces(), fresh.forces, rtol=0, atol=1e-9)
        assert calc.builds == expect

    count(1)
    atoms.positions[2] += 0.2
    count(0)  # 0.35: more than half the skin, but no pair is missing
    atoms.positions[2] += 0.2
    count(1)  # 0.69: more than the skin
    atoms.positions[2] += 0.1
    count(0)
    atoms.positions[2] -= 0.1
    atoms.positions[1] -= 0.1
    count(0)
    atoms.positions[0, 0] += atoms.cell[0, 0]
    count(1)
    atoms.cell[0, 0] += 0.01
    count(1)
    atoms.numbers[3] = 1
    count(1)
    atoms.pbc = (True, False, True)
    count(1)
    del atoms[4]
    count(1)
    atoms.set_celldisp([0.1, 0.2, 0.3])
    atoms.positions[0] += 1e-3
    count(1)


def test_clusters_and_slabs():
    """No stress without a cell; ASE's for a slab: with the volume of its cell."""
    atoms = water(pbc=False)
    atoms.cell = None
    atoms.calc = MDCore(HDNNPotential(MODEL))
    assert np.isfinite(atoms.get_potential_energy())
    with pytest.raises(ase.calculators.calculator.PropertyNotImplementedError):
        atoms.get_stress()
    slab = fcc111("Ar", (2, 2, 3), a=5.3, vacuum=6.0)
    slab.calc = MDCore(LennardJones(**ARGON))
    found = evaluate(LennardJones(**ARGON), slab)
    want = [-found.virial[pair] / slab.get_volume() for pair in VOIGT]
    np.testing.assert_allclose(slab.get_stress(), want, rtol=1e-12, atol=1e-15)


def test_paths_and_refusals(tmp_path):
    write_n2p2(MODEL, tmp_path / "random")
    atoms = water()
    atoms.calc = MDCore(tmp_path / "random")
    assert atoms.get_potential_energy() == evaluate(HDNNPotential(MODEL), atoms).energy
    atoms.numbers[:] = 6
    with pytest.raises(InputError, match="no network for species C"):
        atoms.get_potential_energy()
    with pytest.raises(InputError, match="skin = -1: expected a number >= 0"):
        MDCore(LennardJones(**ARGON), skin=-1)
    with pytest.raises(InputError, match="expected a potential"):
        MDCore(42)
    crowd = argon()
    crowd.calc = MDCore(LennardJones(**ARGON))
    crowd.get_potential_energy()
    crowd.positions[1] = crowd.positions[0] + 0.05
    with pytest.raises(SimulationError, match=r"Atoms overlap"):
        crowd.get_potential_energy()
    crowd.positions[1] += 3.0  # and it goes on
    assert crowd.get_potential_energy() == pytest.approx(evaluate(LennardJones(**ARGON), crowd).energy, rel=1e-12)
    before = crowd.positions.copy()
    crowd.positions[1] = crowd.positions[0]  # no list can be built
    with pytest.raises(InputError, match=r"atoms 0 \(Ar\) and 1 \(Ar\), counting from 0, are at the same place"):
        crowd.get_potential_energy()
    crowd.positions = before
    assert crowd.get_potential_energy() == pytest.approx(evaluate(LennardJones(**ARGON), crowd).energy, rel=1e-12)
    crowd.positions[3, 1] = np.nan
    with pytest.raises(InputError, match=r"atom 3 .*not finite"):
        crowd.get_potential_energy()


def test_one_calculator_for_many():
    """Atoms that take turns, and calculators that share a potential."""
    potential = HDNNPotential(MODEL)
    shared = MDCore(potential)
    one, two = water(), water()[[0, 3, 1]]
    for _ in range(2):
        for atoms in (one, two):
            atoms.calc = shared
            assert atoms.get_potential_energy() == evaluate(potential, atoms).energy


def test_without_ase():
    """One clear message; the package's own module ase hides nothing."""
    code = (
        "import sys; sys.modules['ase'] = None\n"
        "from mdcore.base.errors import InputError\n"
        "try:\n    import mdcore.ase\nexcept InputError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == 'ASE is not installed: pip install "mdcore[ase]"\n', done.stderr


def test_copies_and_pickles_compute_on_their_own():
    first, second = argon(), argon()
    second.positions += 0.1 * np.random.default_rng(3).normal(size=second.positions.shape)
    first.calc = MDCore(LennardJones(**ARGON))
    want = [evaluate(LennardJones(**ARGON), atoms).energy for atoms in (first, second)]
    assert first.get_potential_energy() == pytest.approx(want[0], rel=1e-12)
    for made in (copy.copy(first.calc), copy.deepcopy(first.calc), pickle.loads(pickle.dumps(first.calc))):
        second.calc = made
        assert second.get_potential_energy() == pytest.approx(want[1], rel=1e-12)
        first.positions[0, 0] += 1e-3  # the first one has not lost its place
        first.positions[0, 0] -= 1e-3
        first.calc.reset()
        assert first.get_potential_energy() == pytest.approx(want[0], rel=1e-12)


def test_threads_that_share_one_get_what_they_ask_for():
    calculator, told = MDCore(LennardJones(**ARGON)), []
    both = [argon(), argon()]
    both[1].rattle(0.2, seed=2)
    want = [evaluate(LennardJones(**ARGON), atoms).energy for atoms in both]

    def ask(atoms, energy):
        told.extend(abs(calculator.get_potential_energy(atoms) - energy) for _ in range(20))

    threads = [threading.Thread(target=ask, args=each) for each in zip(both, want, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 40 and max(told) < 1e-9
    with pytest.raises(InputError, match=r"MDCore: no atoms to compute for: atoms\.calc = "):
        MDCore(LennardJones(**ARGON)).get_potential_energy()


def test_options_it_does_not_know_are_refused():
    with pytest.raises(TypeError, match="precison"):
        MDCore(LennardJones(**ARGON), precison="mixed")
    with pytest.raises(InputError, match="threads: apply to a potential given by its path"):
        MDCore(LennardJones(**ARGON), threads=2)
