"""The door to the network kernels: threads that leave no trace, and what is told of each atom."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mdcore.doors import _hdnnp, _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.networks.hdnnp import HDNNPotential, networks_of
from mdcore.potentials.networks.model import Scaling
from mdcore.structure.system import System
from tests.reference import hdnnp as twin
from tests.reference.hdnnp_models import chebyshev_model, random_model
from tests.systems import TRICLINIC, scattered

MODEL = random_model(types=[2, 3, 9, 12, 13])


def water_like(n=40, edge=5.0):
    system = scattered(n, edge * TRICLINIC, seed=3)
    species = np.arange(n) % 3 % 2
    return System(system.box, system.positions, species=species, symbols=("O", "H"), units="lj")


def ask(sim, networks, threads=1, n_total=None, **notes):
    """(forces [n_total, 4], limbs [3]) of the atoms of a simulation, with arrays for what is told of them."""
    atoms, full, potential = sim.atoms, sim.neighbors.full, sim.work.bound
    forces, limbs = np.zeros_like(atoms.x), np.zeros(3, dtype=np.int64)
    networks.energy_forces(
        atoms.x, forces, full.first, full.index, full.bounds, potential.species_of, potential.element_of,
        potential.potential.native, limbs, n_total=atoms.n_total if n_total is None else n_total, threads=threads,
        **notes,
    )  # fmt: skip
    return forces, limbs


@pytest.mark.parametrize("level", _kernels.cpu_levels())
def test_threads_leave_no_trace(level):
    """The same forces, energies and notes, bit for bit; twice in a row, with more atoms and with fewer."""
    try:
        _kernels.select_cpu(level)
        networks = networks_of(MODEL)
        for n, edge in ((40, 5.0), (150, 8.0), (3, 4.0)):
            sim = Simulation(water_like(n, edge), HDNNPotential(MODEL))
            answers = {}
            for threads in (1, 2, 3, 8, 2):
                told = {
                    "atom_energy": np.zeros(n),
                    "outside": np.full(n, -7, dtype=np.int32),
                    "worst": np.full(n, -7, dtype=np.int32),
                    "excess": np.full(n, np.nan),
                    "descriptors": np.full((n, networks.n_functions), np.nan),
                }
                forces, limbs = ask(sim, networks, threads, **told)
                value = sum(int(limb) << 40 * m for m, limb in enumerate(limbs))
                mine = (value, forces.tobytes(), *(a.tobytes() for a in told.values()))
                assert mine == answers.setdefault("one", mine), threads
            assert np.isfinite(told["descriptors"]).all() and (told["outside"] >= 0).all()
    finally:
        _kernels.select_cpu()


def test_forces_without_notes_or_ghost_count():
    """Whoever asks for nothing gets the same forces."""
    sim = Simulation(water_like(), HDNNPotential(MODEL))
    networks = networks_of(MODEL)
    plain, _ = ask(sim, networks)
    every_row, _ = ask(sim, networks, threads=2, n_total=-1)
    np.testing.assert_array_equal(plain, every_row)
    excess = np.zeros(40)
    told, _ = ask(sim, networks, excess=excess)
    np.testing.assert_array_equal(plain, told)
    assert excess.any()


@pytest.mark.parametrize("precision", ["double", "mixed"])
@pytest.mark.parametrize("model", [MODEL, chebyshev_model(("O", "H"))], ids=["symmetry", "chebyshev"])
def test_passes_apart_have_the_same_bits(model, precision):
    """Descriptors, what networks say of them, and the way back, as networks of charges need them: also where the
    triplets of an atom are more than are kept."""
    n, networks = 150, networks_of(model, precision)
    sim = Simulation(water_like(n, 6.0), HDNNPotential(model))
    atoms, full, bound = sim.atoms, sim.neighbors.full, sim.work.bound
    told = {"atom_energy": np.zeros(n), "descriptors": np.zeros((n, networks.n_functions))}
    whole, _ = ask(sim, networks, **told)
    lists = full.first, full.index, full.bounds, bound.species_of, bound.element_of, bound.potential.native
    g, forces = np.full_like(told["descriptors"], np.nan), np.zeros_like(atoms.x)
    _hdnnp.descriptors_of(networks, atoms.x, *lists, g, atoms.n_total, 2)
    np.testing.assert_array_equal(g, told["descriptors"])
    energies, slopes, _ = _hdnnp.answers_of(networks, atoms.x, bound.element_of, g, threads=2)
    np.testing.assert_array_equal(np.rint(np.ldexp(energies, 36)), np.ldexp(told["atom_energy"], 36))
    _hdnnp.pull(networks, atoms.x, forces, *lists, slopes, atoms.n_total, 2)
    np.testing.assert_array_equal(forces, whole)
    assert abs(whole).max() > 0.01
    with pytest.raises(ValueError, match="more is there where networks see it"):
        _hdnnp.answers_of(networks, atoms.x, bound.element_of, g, np.zeros(n))


def test_what_is_told_of_atoms():
    """Against descriptors of the twin: raw G, the count outside, the worst and its excess."""
    system = water_like()
    sim = Simulation(system, HDNNPotential(MODEL))
    networks = networks_of(MODEL)
    n, width = 40, networks.n_functions
    outside, worst = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int32)
    excess, descriptors = np.zeros(n), np.full((n, width), np.nan)
    ask(sim, networks, outside=outside, worst=worst, excess=excess, descriptors=descriptors)
    symbols = [system.symbols[s] for s in system.species]
    want = twin.evaluate(MODEL, symbols, system.positions, system.box.matrix)
    for row, tag in enumerate(sim.atoms.tags[:n]):
        g, scaling = want.descriptors[tag], MODEL.scaling[MODEL.elements.index(symbols[tag])]
        np.testing.assert_allclose(descriptors[row, : len(g)], g, rtol=1e-9, atol=1e-9)
        assert not descriptors[row, len(g) :].any()
        out = np.maximum(scaling.min - g, g - scaling.max) / (scaling.max - scaling.min)
        assert outside[row] == np.count_nonzero(out > 0)
        assert worst[row] == (np.argmax(out) if out.max() > 0 else -1)
        assert excess[row] == pytest.approx(max(out.max(), 0.0), rel=1e-9)
    assert 0 < np.count_nonzero(outside) < n or outside.min() != outside.max()


def test_unknown_ranges_and_rounding():
    """Statistics that are missing count nothing; the last digits of a text file are no extrapolation."""
    model = random_model(types=[2, 3], mode="none")
    sim = Simulation(water_like(), HDNNPotential(model))
    descriptors = np.zeros((40, len(model.symmetry_functions[1])))
    ask(sim, networks_of(model), descriptors=descriptors)
    oxygen = sim.atoms.species == 0
    seen = descriptors[oxygen]
    low, high = seen.min(axis=0), seen.max(axis=0)

    def count(low, high):
        statistics = Scaling(low, high, low, high, mode="none")
        object.__setattr__(model, "scaling", (model.scaling[0], statistics))
        outside = np.zeros(40, dtype=np.int32)
        ask(sim, networks_of(model), outside=outside)
        return outside[oxygen].sum()

    width = high - low
    assert count(low, high) == 0
    assert count(low + 1e-11 * width, high - 1e-11 * width) == 0
    assert count(low + 1e-6 * width, high) == len(low)
    assert count(np.full_like(low, -np.inf), low) == 0
    assert count(np.full_like(low, np.nan), low) == 0
    assert count(high, high) > 0  # a range of no width


def test_refuses_arrays_of_other_sizes():
    sim = Simulation(water_like(), HDNNPotential(MODEL))
    networks = networks_of(MODEL)
    for wrong in (
        {"outside": np.zeros(39, dtype=np.int32)}, {"descriptors": np.zeros((40, 3))}, {"threads": 0},
        {"n_total": 39}, {"n_total": sim.atoms.capacity + 1}, {"threads": 513},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"n_total|n_owned|threads"):
            ask(sim, networks, **wrong)
    assert _hdnnp.most_threads() in (1, 512)


FORK = """
import multiprocessing, sys
import numpy as np
from mdcore import evaluate
from mdcore.potentials.networks.hdnnp import HDNNPotential
from tests.reference.hdnnp_models import chebyshev_model, random_model
from tests.systems import scattered

system = scattered(40, 6.0 * np.eye(3), symbols=("O", "H"), closest=0.9)
potential = HDNNPotential(random_model(types=[2, 3]), threads=2, extrapolation="ignore")
energy = evaluate(potential, system).energy

def child(queue):
    queue.put(evaluate(potential, system).energy)

fork = multiprocessing.get_context("fork")
queue = fork.Queue()
process = fork.Process(target=child, args=(queue,), daemon=True)
process.start()
assert queue.get(timeout=30) == energy
"""


def test_a_forked_process_computes_too():
    """The threads of OpenMP do not survive a fork; a child that waited for them would wait for ever."""
    subprocess.run([sys.executable, "-c", FORK], check=True, cwd=Path(__file__).parents[1], timeout=100)
