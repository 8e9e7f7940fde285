"""Does one call give what a simulation gives, in the order of the input, and the published numbers?"""

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import mdcore
from mdcore.base import units
from mdcore.base.errors import InputError, SimulationError
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.evaluation import evaluate
from mdcore.engine.single import Engine
from mdcore.potentials.base import Sum
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.n2p2.data import iterate_input_data
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.outside import excess_of
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.reference import hdnnp as twin
from tests.reference.hdnnp_models import random_cluster, random_model
from tests.systems import TRICLINIC, cells, scattered
from tests.test_hdnnp_potential import two_elements

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "n2p2"
MODEL = random_model(types=[2, 3, 9])
LJ = {"cutoff": 2.5, "epsilon": 0.3, "sigma": 0.9, "truncation": "force-shifted"}
CELLS = {name: two_elements(system) for name, system in cells(3.0)}
POTENTIALS = {
    "lj": lambda: LennardJones(**LJ),
    "hdnnp": lambda: HDNNPotential(MODEL),
    "sum": lambda: Sum(HDNNPotential(MODEL), LennardJones(**LJ)),
    "tail": lambda: LennardJones(2.5, 0.3, 0.9, tail_corrections=True),
}
VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


def metal(system):
    """The same atoms in metal units."""
    species = system.names
    return System(system.box, system.positions, species)


def bits(found) -> bytes:
    arrays = (np.float64(found.energy), found.energies, found.forces, found.virial, found.stress)
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", ["lj", "hdnnp", "sum"])
def test_is_what_a_simulation_says(name, cell):
    system = CELLS[cell]
    found = mdcore.evaluate(POTENTIALS[name](), system)
    sim = Simulation(system, POTENTIALS[name]())
    np.testing.assert_array_equal(found.forces, sim.snapshot().forces)
    assert found.energy == sim.potential_energy
    assert found.energies.sum() == pytest.approx(found.energy, rel=1e-12, abs=1e-9)
    if all(system.box.periodic):
        np.testing.assert_allclose(found.stress[VOIGT], sim.stress, rtol=0, atol=1e-12 * (1 + np.abs(sim.stress).max()))
        assert found.pressure == pytest.approx(sim.pressure, rel=1e-9, abs=1e-12)
    else:
        assert np.isnan(found.stress).all()
    np.testing.assert_array_equal(found.virial, found.virial.T)


@pytest.mark.parametrize("name", POTENTIALS)
def test_stress_is_the_strain_derivative(name):
    system = metal(two_elements(scattered(24, 4.4 * TRICLINIC, seed=5)))
    h = 1e-5
    for a, b in ((0, 0), (1, 2)):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * h / 2
            strain[b, a] += sign * h / 2
            strained = System(Box(system.box.matrix @ strain), system.positions @ strain, system.names)
            energies.append(evaluate(POTENTIALS[name](), strained).energy)
        found = evaluate(POTENTIALS[name](), system)
        slope = (energies[0] - energies[1]) / (2 * h)
        if name != "tail":  # its energy jumps at the cutoff
            assert slope == pytest.approx(-found.virial[a, b], rel=1e-5, abs=1e-5)
            assert slope / system.box.volume / units.GIGAPASCAL == pytest.approx(found.stress[a, b], rel=1e-5, abs=1e-5)


def test_energies_of_atoms():
    """Of a pair potential: half of each pair, in a cell that is its own neighbour; a network's: its own."""
    system = CELLS["small triclinic"]
    lj = LennardJones(**LJ)
    alone = [
        evaluate(lj, System(system.box, system.positions[[i]], [system.names[i]], units="lj")).energy for i in (0, 1)
    ]
    found = evaluate(lj, system)
    both = found.energy - sum(alone)
    np.testing.assert_allclose(found.energies, np.array(alone) + both / 2, rtol=1e-10)
    cluster = CELLS["cluster"]
    want = twin.evaluate(MODEL, cluster.names, cluster.positions)
    found = evaluate(HDNNPotential(MODEL), cluster)
    np.testing.assert_allclose(found.energies, want.atomic_energies, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.virial, want.virial, rtol=1e-9, atol=1e-8)


def test_order_is_that_of_the_input():
    """Also where the engine sorts atoms in space (many atoms), and with interleaved species."""
    system = two_elements(scattered(600, 11.0 * np.eye(3), seed=7, closest=0.8))
    order = np.random.default_rng(0).permutation(system.n_atoms)
    other = System(
        system.box, system.positions[order], species=system.species[order], symbols=system.symbols, units="lj"
    )
    one = evaluate(POTENTIALS["sum"](), system)
    two = evaluate(POTENTIALS["sum"](), other)
    np.testing.assert_allclose(two.forces, one.forces[order], rtol=0, atol=1e-9 * np.abs(one.forces).max())
    np.testing.assert_allclose(two.energies, one.energies[order], rtol=0, atol=1e-9)
    assert list(two.extrapolation.count) == list(one.extrapolation.count[order])
    assert two.extrapolation.worst == tuple(one.extrapolation.worst[i] for i in order)


# --- what networks tell ----------------------------------------------------------------------------


def test_descriptors_and_ranges():
    system = CELLS["cluster"]
    found = evaluate(HDNNPotential(MODEL), system, descriptors=True)
    want = twin.evaluate(MODEL, system.names, system.positions)
    outside = found.extrapolation
    assert len(outside.atoms) > 0
    for i, name in enumerate(system.names):
        e = MODEL.elements.index(name)
        scaling, g = MODEL.scaling[e], want.descriptors[i]
        np.testing.assert_allclose(found.descriptors[i], g, rtol=1e-9, atol=1e-12)
        excess = np.maximum(scaling.min - g, g - scaling.max) / (scaling.max - scaling.min)
        assert outside.count[i] == (excess > 0).sum()
        if outside.count[i]:
            assert outside.excess[i] == pytest.approx(excess.max(), rel=1e-9)
            assert outside.worst[i] == MODEL.symmetry_functions[e][int(excess.argmax())].label
        else:
            assert outside.worst[i] is None and outside.excess[i] == 0.0
    assert list(outside.atoms) == list(np.flatnonzero(outside.count))
    np.testing.assert_array_equal(excess_of(found.told), outside.excess)
    assert excess_of(()) is None


def test_networks_add_up_in_a_sum():
    system = CELLS["cluster"]
    one = evaluate(HDNNPotential(MODEL), system)
    twice = evaluate(Sum(HDNNPotential(MODEL), Sum(HDNNPotential(MODEL), LennardJones(**LJ))), system)
    np.testing.assert_array_equal(twice.extrapolation.count, 2 * one.extrapolation.count)
    assert twice.extrapolation.worst == one.extrapolation.worst
    assert evaluate(LennardJones(**LJ), system).extrapolation is None
    with pytest.raises(InputError, match="descriptors: this potential has no networks"):
        evaluate(LennardJones(**LJ), system, descriptors=True)
    with pytest.raises(InputError, match="descriptors: this potential has 2 networks"):
        evaluate(Sum(HDNNPotential(MODEL), HDNNPotential(MODEL)), system, descriptors=True)


# --- what is taken ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["n2p2", "h5"])
def test_paths(kind, tmp_path):
    """Potentials by path, structures by path; the last frame counts."""
    path = tmp_path / ("random.h5" if kind == "h5" else "random")
    write_h5(MODEL, path) if kind == "h5" else write_n2p2(MODEL, path)
    x = random_cluster(("O", "H", "H", "O"), seed=3)
    lines = ["4\n\n" + "\n".join(f"{s} {p[0]!r} {p[1]!r} {p[2]!r}" for s, p in zip("OHHO", x + k, strict=True))
             for k in (5.0, 0.0)]  # fmt: skip
    file = tmp_path / "two.xyz"
    file.write_text("\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")
    found = evaluate(path, [file, str(file)])
    want = twin.evaluate(MODEL, list("OHHO"), x)
    for one in found:
        assert one.energy == pytest.approx(want.energy, rel=1e-10)
        np.testing.assert_allclose(one.forces, want.forces, rtol=0, atol=1e-9)


def test_units_of_a_path(tmp_path):
    model = random_model(types=[2, 3])
    object.__setattr__(model, "units", None)
    write_n2p2(model, tmp_path / "p")
    x = random_cluster(("O", "H", "H"), seed=3)
    want = twin.evaluate(model, list("OHH"), x)
    cluster = System(Box.around(x * units.BOHR), x * units.BOHR, list("OHH"))
    found = evaluate(tmp_path / "p", cluster, units={"length": "bohr", "energy": "hartree"})
    assert found.energy == pytest.approx(want.energy * units.HARTREE, rel=1e-10)
    np.testing.assert_allclose(found.forces, want.forces * units.HARTREE / units.BOHR, rtol=0, atol=1e-8)
    with pytest.raises(InputError, match="its units are not stated"):
        evaluate(tmp_path / "p", cluster)


def test_atoms_of_ase():
    ase = pytest.importorskip("ase")
    for cell in ("triclinic", "slab", "cluster", "atoms outside"):
        system = CELLS[cell]
        atoms = ase.Atoms(system.names, system.positions, cell=system.box.matrix, pbc=system.box.periodic)
        atoms.set_celldisp(system.box.origin)
        one, two = evaluate(HDNNPotential(MODEL), metal(system)), evaluate(HDNNPotential(MODEL), atoms)
        np.testing.assert_allclose(two.forces, one.forces, rtol=0, atol=1e-9)
        np.testing.assert_allclose(two.stress, one.stress, rtol=0, atol=1e-9)
    molecule = ase.Atoms("OHH", [[0, 0, 0], [0.96, 0, 0], [0, 0.96, 0]])
    assert np.isnan(evaluate(HDNNPotential(MODEL), molecule).stress).all()


def test_lj_units_stay():
    system = scattered(20, 4.0 * np.eye(3))
    found = evaluate(LennardJones(2.0, 1.0, 1.0), system)
    np.testing.assert_allclose(found.stress, -found.virial / 64.0, rtol=1e-12)


def test_nothing_is_bound_or_kept():
    """One potential object for any species, before and after it served a simulation."""
    potential = LennardJones(2.0, 0.1, 1.0)
    before = copy.deepcopy(vars(potential)) | {"_in_use": True}  # what it leaves out can't be changed any more
    for symbols in (("A",), ("B", "C")):
        evaluate(potential, scattered(20, 4.0 * np.eye(3), symbols=symbols))
    assert vars(potential) == before
    sim = Simulation(scattered(20, 4.0 * np.eye(3)), potential)
    forces = sim.snapshot().forces
    evaluate(potential, scattered(20, 4.0 * np.eye(3), symbols=("B", "C")))
    sim.refresh()
    np.testing.assert_array_equal(sim.snapshot().forces, forces)


def test_each_structure_asks_for_its_own_species_only():
    """Pairs that never meet need no parameters."""
    one = [scattered(10, 4.0 * np.eye(3), symbols=(s,)) for s in "AB"]
    lj = LennardJones(2.0, species={"A": (1.0, 1.0), "B": (0.5, 0.9)}, mixing="none")
    found = evaluate(lj, one)
    assert found[0].energy != found[1].energy
    with pytest.raises(InputError, match=r"structure 1 .*no parameters for the pair A-B"):
        evaluate(lj, [one[0], scattered(10, 4.0 * np.eye(3), symbols=("A", "B"))])


# --- many --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lj", "hdnnp", "sum"])
def test_threads_give_the_same_bits(name):
    """Structures of all sizes and species, more than threads; also threads of the user's own."""
    several = [*CELLS.values(), *(scattered(7, 5 * np.eye(3), symbols=("H",), seed=k) for k in range(30))] * 2
    potential = POTENTIALS[name]()
    one = evaluate(potential, several)
    assert isinstance(one, list) and len(one) == len(several)
    for threads in (2, 5, 100):
        many = evaluate(potential, several, threads=threads)
        assert [bits(a) for a in many] == [bits(a) for a in one]
        assert name == "lj" or [a.extrapolation.worst for a in many] == [a.extrapolation.worst for a in one]
    with ThreadPoolExecutor(4) as pool:
        own = list(pool.map(lambda system: evaluate(potential, system), several))
    assert [bits(a) for a in own] == [bits(a) for a in one]
    assert evaluate(potential, []) == []


def test_an_engine_follows_moving_atoms():
    """Small and large steps, rebuilt lists, atoms that cross walls: the same bits as from scratch."""
    for cell, bound in (("triclinic", True), ("cluster", False), ("slab", True), ("small", True)):
        system = CELLS[cell]
        engine = Engine(POTENTIALS["sum"](), system.symbols, skin=0.4, units=system.units)
        engine.place(system.box, system.positions, system.species)
        rng, x = np.random.default_rng(1), system.positions
        for k in range(12):
            x = x + rng.normal(scale=0.03, size=x.shape)
            if k == 7 and bound:
                x = x + 3 * system.box.matrix[0]
            fresh = Engine(POTENTIALS["sum"](), system.symbols, units=system.units)
            fresh.place(system.box, x, system.species)
            engine.move(x)
            moved, want = engine.compute(), fresh.compute()
            assert moved.forces.tobytes() == want.forces.tobytes()
            assert moved.energy == want.energy
            np.testing.assert_allclose(moved.virial, want.virial, rtol=0, atol=1e-8)  # x (x) F of other images
        assert 2 <= engine.neighbors.builds < 12


@pytest.mark.parametrize("cell", ["triclinic", "cluster"])
def test_an_engine_goes_on_after_a_list_that_could_not_be_built(cell):
    """Two atoms at one place: the build fails halfway. What it leaves must not be used."""
    system = CELLS[cell]
    engine = Engine(POTENTIALS["sum"](), system.symbols, skin=0.4, units=system.units)
    engine.place(system.box, system.positions, system.species)
    want = engine.compute()
    for k in range(1, len(system.positions)):
        x = system.positions.copy()
        x[k] = x[k - 1]
        with pytest.raises(SimulationError, match="exactly on another atom"):
            engine.move(x)
        engine.move(system.positions)
        assert engine.compute().forces.tobytes() == want.forces.tobytes()


def test_an_atom_that_flies_beyond_the_grid():
    x = np.array([[0.0, 0, 0], [1.1, 0, 0], [0, 1.1, 0]])
    engine = Engine(LennardJones(**LJ), ("A",), skin=0.4)
    engine.place(Box.around(x), x, np.zeros(3, dtype=int))
    x[2, 1] = 7000.0
    engine.move(x)
    pair = evaluate(LennardJones(**LJ), System(Box.around(x[:2]), x[:2], "A", masses={"A": 1.0}))
    found = engine.compute()
    assert found.energy == pair.energy and not found.forces[2].any()


def test_potentials_travel():
    """Pickled to another process, they say the same."""
    for name in POTENTIALS:
        potential = POTENTIALS[name]()
        system = CELLS["triclinic"]
        assert bits(evaluate(pickle.loads(pickle.dumps(potential)), system)) == bits(evaluate(potential, system))


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: evaluate("no/such/folder", CELLS["cubic"]), "no/such/folder: no such file or folder"),
        (lambda: evaluate(POTENTIALS["lj"](), "no.extxyz"), r"no\.extxyz: no such file"),
        (lambda: evaluate(POTENTIALS["lj"](), 3), "expected a System, ASE's Atoms or the path .*, not int"),
        (lambda: evaluate(3, CELLS["cubic"]), "expected a potential, .*, not int"),
        (lambda: evaluate(POTENTIALS["lj"](), [CELLS["cubic"], 3]), r"structure 1 \(counting from 0\): .*not int"),
        (lambda: evaluate(POTENTIALS["lj"](), [], threads=0), "threads = 0: expected a whole number from 1"),
        (lambda: evaluate(POTENTIALS["lj"](), CELLS["cubic"], units={"length": "bohr"}), "precision, threads: apply"),
        (lambda: evaluate(POTENTIALS["hdnnp"](), scattered(3, 9 * np.eye(3), symbols="C")), "no network for species C"),
        (
            lambda: evaluate(LennardJones(2.5, 1.0, 1.0), System(Box.cubic(1e-3), [[0, 0, 0]], "A", units="lj")),
            "need about .* GiB",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("threads", [1, 2])
def test_refuses_overlapping_atoms(threads):
    x = CELLS["cubic"].positions.copy()
    x[7] = x[3] + (0.0, 0.02, 0.0)
    bad = System(CELLS["cubic"].box, x, ["Ar"] * len(x))
    good = System(CELLS["cubic"].box, CELLS["cubic"].positions, ["Ar"] * len(x))
    message = r"structure 2 \(counting from 0\): the force on atom [37] .* nearest neighbour, atom [37], is 0\.02 Angs"
    with pytest.raises(SimulationError, match=message):
        evaluate(LennardJones(2.5, 1.0, 1.0), [good, good, bad, good], threads=threads)
    alone = System(Box.cubic(0.2), [[0, 0, 0]], ["A"], units="lj")  # its images push from all sides alike
    image = r"atom 0 .* is a sum of impossible ones.* is its own periodic image, 0\.2 sigma away: the cell is too small"
    with pytest.raises(SimulationError, match=image):
        evaluate(LennardJones(0.5, 1.0, 1.0), alone, threads=threads)
    x[7] = x[3]
    with pytest.raises(InputError, match=r"atoms 3 \(Ar\) and 7 \(Ar\), counting from 0, are at the same place"):
        evaluate(LennardJones(2.5, 1.0, 1.0), System(CELLS["cubic"].box, x, ["Ar"] * len(x)))


def test_the_name_is_the_function():
    """Whichever module comes first; and neither MPI nor ASE is imported."""
    code = (
        "import sys, mdcore.engine.evaluation, mdcore; assert callable(mdcore.evaluate); "
        "assert not {'mpi4py', 'ase', 'h5py'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- published numbers -------------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize(
    "name, length, energy", [("H2O_RPBE-D3", "bohr", "hartree"), ("Cu2S_PBE", "angstrom", "ev")]
)
def test_published(name, length, energy):
    """n2p2 2.3, nnp-predict: energy to 1e-10, energies of atoms and forces to 1e-9, native units."""
    folder = REFERENCE / name
    native = {"length": length, "energy": energy}
    structure = next(iter(iterate_input_data(folder / "input.data", native)))
    here = structure.in_metal_units()
    system = System(Box(here.cell), here.positions, here.symbols)
    found = evaluate(folder, system, units=native, descriptors=True)
    ev, angstrom = structure.units.ev, structure.units.angstrom
    want = np.loadtxt(folder / "expected" / "energy.out").reshape(-1)[3]
    assert found.energy / ev == pytest.approx(want, rel=1e-10)
    forces = np.loadtxt(folder / "expected" / "nnforces.out")[:, 5:8]
    np.testing.assert_allclose(found.forces / (ev / angstrom), forces, rtol=0, atol=1e-9)
    assert found.energies.sum() == pytest.approx(found.energy, rel=1e-13)
    assert len(found.extrapolation.atoms) == 0
    model = mdcore.read_model(folder)
    lengths = dict(zip(model.elements, map(len, model.symmetry_functions), strict=True))
    assert [len(g) for g in found.descriptors] == [lengths[s] for s in here.symbols]
