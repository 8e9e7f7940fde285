"""Charges with all their images on a mesh, next to the sum over waves one by one (test_electrostatics.py)."""

import itertools
import math
import mmap
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from mdcore import ZBL, Box, Electrostatics, InputError, Langevin, Simulation, StrainRate, Sum, System, evaluate
from mdcore.base.comm import SelfComm
from mdcore.base.units import METAL
from mdcore.doors import _kernels
from mdcore.potentials.charges.mesh import MeshPlan, numbers_before
from mdcore.potentials.charges.shared import LARGE_PAGE, Room
from mdcore.potentials.charges.waves import Smeared
from mdcore.structure.atoms import Atoms
from tests import contract
from tests.systems import SKEW
from tests.test_electrostatics import LIQUIDS, SALT, neutral

MATRIX = np.array([[12.0, 0.0, 0.0], [3.0, 11.0, 0.0], [-2.0, 4.0, 10.0]])


def both(system, accuracy, cutoff, **options):
    """Answers by the mesh and by waves one by one, far more accurate."""
    mesh = Electrostatics(SALT, accuracy=accuracy, cutoff=cutoff, method="mesh", **options)
    waves = Electrostatics(SALT, accuracy=1e-10, cutoff=cutoff, method="ewald", **options)
    return evaluate(mesh, [system])[0], evaluate(waves, [system])[0]


@pytest.mark.parametrize("cutoff", [5.0, 8.0])
@pytest.mark.parametrize("accuracy", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("name", LIQUIDS)
def test_forces_are_as_accurate_as_asked(name, accuracy, cutoff):
    if name == "gas" and accuracy < 1e-7:
        accuracy = 1e-6  # for a mesh of some hundred points
    found, want = both(LIQUIDS[name], accuracy, cutoff)
    error = math.sqrt(((found.forces - want.forces) ** 2).mean() / (want.forces**2).mean())
    assert 1e-5 * accuracy < error < accuracy


@pytest.mark.parametrize("order", [4, 6, 8])
def test_errors_fall_with_the_order(order, monkeypatch):
    """Half the distance of points: 2^(order - 1) to 2^(order + 1) times less."""
    system, errors = neutral(24, MATRIX), []
    want = evaluate(Electrostatics(SALT, accuracy=1e-10, cutoff=6.0, method="ewald"), [system])[0].forces
    for n in (24, 48):
        potential = Electrostatics(SALT, accuracy=1e-8, cutoff=6.0, method="mesh")
        potential.order = order
        monkeypatch.setattr("mdcore.potentials.charges.electrostatics.sizes", lambda *_, n=n: (n, n, n))
        monkeypatch.setattr("mdcore.potentials.charges.electrostatics.MOST_POINTS", math.inf)
        errors.append(np.abs(evaluate(potential, [system])[0].forces - want).max())
    assert 2.0 ** (order - 1) < errors[0] / errors[1] < 2.0 ** (order + 1.5)


@pytest.mark.parametrize("widths", [None, {"Na": 0.5, "Cl": 0.7}], ids=["points", "gaussians"])
@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, True, True)])
@pytest.mark.parametrize("n", [20, 21], ids=["neutral", "charged"])
def test_slabs_total_charges_and_gaussians(n, periodic, widths):
    system = neutral(n, MATRIX, periodic)
    found, want = both(system, 1e-6, 9.5, widths=widths)
    assert found.energy == pytest.approx(want.energy, rel=3e-6)
    np.testing.assert_allclose(found.forces, want.forces, rtol=0, atol=2e-6 * np.abs(want.forces).max())


@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False)])
def test_forces_and_stress_are_the_derivatives_of_the_energy(periodic):
    """Exactly, however coarse the mesh is."""
    system = neutral(30, 11.0 * SKEW, periodic)
    potential = Electrostatics(SALT, accuracy=1e-3, cutoff=6.0, method="mesh")
    contract.assert_forces_match_energy(potential, system)
    if all(periodic):  # of slabs to the accuracy: the mesh stands still where they are strained along the normal
        contract.assert_stress_matches_energy(potential, system)
    contract.assert_atom_energies_add_up(potential, system)
    contract.assert_list_does_not_matter(potential, system)


def test_a_mesh_for_many_waves():
    small, large = neutral(8), np.diag([80.0, 80.0, 80.0])
    potential = Electrostatics(SALT, cutoff=9.0)
    assert potential.order_for(small.box.matrix) == 0 and potential.order_for(large) > 0
    one, other = (evaluate(Electrostatics(SALT, method=m), [small])[0].energy for m in ("auto", "ewald"))
    assert one == other


def test_the_choice_is_of_the_structure_alone():
    """Cutoff, order and mesh follow from atoms and cell, and a cutoff that is given stays."""
    crystal = neutral(64, 14.0 * np.eye(3), apart=2.3)
    large = crystal.replicate((4, 4, 4))
    free = Electrostatics(SALT, accuracy=1e-4)
    one, other = (free.suited(s.n_atoms, s.box, METAL) for s in (crystal, large))
    assert free.suited(large.n_atoms, large.box, METAL) is other
    assert one.cutoff >= 5.0 and other.order in (4, 6, 8)
    sharp = Electrostatics(SALT, accuracy=1e-8).suited(large.n_atoms, large.box, METAL)
    assert sharp.cutoff > other.cutoff
    given = Electrostatics(SALT, accuracy=1e-4, cutoff=7.3).suited(large.n_atoms, large.box, METAL)
    assert given.cutoff == 7.3
    for potential in (Electrostatics(SALT, accuracy=1e-4, method=m) for m in ("ewald", "mesh")):
        assert (potential.suited(crystal.n_atoms, crystal.box, METAL).order == 0) == (potential.method == "ewald")
    slab = Box(np.diag([14.0, 14.0, 40.0]), (True, True, False))
    assert free.suited(64, slab, METAL).cutoff == 10.0


@pytest.mark.parametrize("accuracy", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("name", LIQUIDS)
def test_what_is_chosen_is_as_accurate_as_asked(name, accuracy):
    system = LIQUIDS[name]
    want = evaluate(Electrostatics(SALT, accuracy=1e-10, cutoff=9.0, method="ewald"), [system])[0].forces
    for method in ("auto", "mesh"):
        found = evaluate(Electrostatics(SALT, accuracy=accuracy, method=method), [system])[0].forces
        assert math.sqrt(((found - want) ** 2).mean() / (want**2).mean()) < accuracy


@pytest.mark.parametrize("method", ["ewald", "mesh"])
def test_a_cell_that_changes_keeps_its_mesh_and_goes_on_from_a_checkpoint(method):
    """The cell grows by a tenth: its mesh or waves are others three times; a run that stopped has the same bits."""
    system = neutral(40, 12.0 * np.eye(3), apart=2.0)
    system.velocities = np.zeros_like(system.positions)

    def simulation(state=None):
        integrator = Langevin(1.0, 300.0, 0.01, StrainRate([0.002, 0.002, 0.002, 0.0, 0.0, 0.0]))
        potential = Sum(Electrostatics(SALT, accuracy=1e-4, method=method), ZBL(0.5, 1.5))
        return Simulation(None if state else system, potential, integrator, seed=2, state=state)

    whole = simulation()
    whole.begin_stage(50)
    first, states, references = whole.cell.matrix, [], []
    for step in range(10, 51, 10):
        whole.run_until(step)
        states.append(whole.state())
        references.append(whole.state()["terms"]["0"]["reference"][0, 0])
    assert len(set(references)) == 4 and references[0] == first[0, 0]
    for state in states[1:4]:
        again = simulation(state)
        again.begin_stage(50, first_step=0)
        again.run_until(50)
        np.testing.assert_array_equal(again.positions, whole.positions)
        assert again.potential_energy == whole.potential_energy


def test_atoms_may_be_anywhere():
    """Points and their images are the same, also where atoms stand on them."""
    box = Box(np.diag([8.0, 9.0, 10.0]))
    x = np.array([[0.0, 0, 0], [3.0, 2.5, 2.0], [7.999999, 8.999999, 9.999999], [4.0, 4.5, 5.0]])
    potential = Electrostatics(SALT, accuracy=1e-8, cutoff=6.0, method="mesh")
    names = ["Na", "Cl", "Cl", "Na"]
    x[2] -= 3.0
    one, other = evaluate(potential, [System(box, x, names), System(box, x + np.array([16.0, -27.0, 0.0]), names)])
    assert one.energy == pytest.approx(other.energy, abs=1e-9)
    np.testing.assert_allclose(one.forces, other.forces, rtol=0, atol=1e-9)


class Thread:
    """A communicator of ranks that are threads of this process."""

    def __init__(self, rank: int, size: int, shared, shares_memory: bool):
        self.rank, self.size, self._shared, self.shares_memory = rank, size, shared, shares_memory

    @classmethod
    def all(cls, size: int, shares_memory: bool = True) -> list["Thread"]:
        barrier = threading.Barrier(size, timeout=60.0)
        mail = {ways: queue.Queue() for ways in itertools.product(range(size), repeat=2)}
        shared = SimpleNamespace(barrier=barrier, parts=[None] * size, mail=mail)
        return [cls(rank, size, shared, shares_memory) for rank in range(size)]

    def allgather(self, value):
        self._shared.parts[self.rank] = value
        self._shared.barrier.wait()
        found = list(self._shared.parts)
        self._shared.barrier.wait()
        return found

    def sum(self, values):
        values[...] = sum(self.allgather(values.copy()))
        return values

    def post(self, send, dest, receive, source):
        come = source is None
        if dest is not None:
            self._shared.mail[self.rank, dest].put(send.copy())

        def arrived(wait=True):
            nonlocal come
            if not come and (wait or not self._shared.mail[source, self.rank].empty()):
                receive[...], come = self._shared.mail[source, self.rank].get(timeout=60.0), True
            return come

        return arrived


def potentials_of_ranks(ranks, grid, steps, owners):
    """[(potentials, forces of all atoms, energy, virial)] of each step, positions [n, 3]; owners : [n]"""
    charges = np.where(np.arange(len(owners)) % 2, 1.0, -1.0)
    matrix = np.diag([8.0, 10.0, 16.0]) @ SKEW
    box = Box(matrix, origin=[-3.0, 1.0, 20.0])

    def work(comm):
        mine = np.flatnonzero(owners == comm.rank)
        plan = MeshPlan(matrix, Smeared(0.6, 1.0), (24, 30, 48), 4, 4.5)
        domain = SimpleNamespace(comm=comm, grid=grid, box=box)
        atoms, found = Atoms(len(mine)), []
        for x in steps:
            atoms.n_owned = len(mine)
            atoms.x[: len(mine), :3], atoms.f[:] = x[mine], 0.0
            potentials, pieces = np.zeros(len(mine) + 1), []
            others = (pieces.append(k) for k in range(5))
            told = plan.act(atoms, np.append(charges[mine], 0.0), domain, potentials, meanwhile=others)
            assert pieces == [0, 1, 2, 3, 4]
            found.append((mine, potentials[:-1], atoms.forces.copy(), told))
        return found

    with ThreadPoolExecutor(len(ranks)) as pool:
        of_ranks = list(pool.map(work, ranks))
    whole = []
    for parts in zip(*of_ranks, strict=True):
        order = np.argsort(np.concatenate([part[0] for part in parts]))
        columns = [np.concatenate([part[k] for part in parts])[order] for k in (1, 2)]
        assert all(part[3][0] == parts[0][3][0] for part in parts)
        whole.append((*columns, parts[0][3][0], parts[0][3][1]))
    return whole


@pytest.mark.parametrize("grid", [(1, 1, 2), (2, 1, 1), (1, 2, 2), (3, 1, 2), (2, 2, 2), (1, 1, 13)])
def test_the_same_bits_whoever_has_which_atoms_and_planes(grid):
    """Domains along and across the planes; atoms that strayed, that are anywhere, or all with one rank; more ranks than
    some have planes; of one machine and of several."""
    rng = np.random.default_rng(3)
    cell, size = Box(np.diag([8.0, 10.0, 16.0]) @ SKEW, origin=[-3.0, 1.0, 20.0]), math.prod(grid)
    fractions = rng.random((60, 3))
    steps = [cell.cartesian(fractions + rng.normal(scale=0.02, size=(60, 3))) for _ in range(2)]
    want = potentials_of_ranks([SelfComm()], (1, 1, 1), steps, np.zeros(60, dtype=int))
    by_place = np.ravel_multi_index(np.floor(fractions * grid).astype(int).T, grid)
    owned = by_place, rng.integers(size, size=60), np.zeros(60, dtype=int)
    for owners, together in itertools.product(owned, (True, False)):
        found = potentials_of_ranks(Thread.all(size, together), grid, steps, owners)
        for one, other in zip(found, want, strict=True):
            for own, expected in zip(one, other, strict=True):
                np.testing.assert_array_equal(own, expected)


def test_whoever_looks_up_potentials():
    """Two at once find the same, once batches are offered; of an atom outside of the window the owner is told."""
    rng, n, size = np.random.default_rng(1), 700, (12, 16, 20)
    atoms, mesh = Atoms(n), _kernels.Mesh(size, 6)
    atoms.n_owned, atoms.x[:n, :3] = n, rng.random((n, 3))
    charges, points = rng.normal(size=n + 1), rng.normal(size=mesh.shape)
    want, found = np.zeros((2, n + 1))
    mesh.gather(atoms, charges, points, want)
    forces, atoms.f[:] = atoms.f.copy(), 0.0
    state = np.zeros(8, dtype=np.int64)
    batches = _kernels.Batches(atoms.x[:n].copy(), charges[:n], np.zeros((n, 4)), state)
    batches.offer(False)
    mesh.help(batches, points)
    assert not batches.offered and not batches.done
    batches.offer(True)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: mesh.help(batches, points), range(2))) == [None, None]
    assert batches.offered and batches.done
    mesh.collect(atoms, batches, found)
    np.testing.assert_array_equal(found, want)
    np.testing.assert_array_equal(atoms.f, forces)
    batches.offer(False)
    batches.offer(True)
    mesh.look_at((0, 0, 0), (6, 16, 20))
    mesh.help(batches, rng.normal(size=mesh.shape))
    with pytest.raises(ValueError, match="outside of the window"):
        mesh.collect(atoms, batches, found)


@pytest.mark.parametrize("shape", [(3, 5), (300, 100, 4)])
@pytest.mark.parametrize("advice", [getattr(mmap, "MADV_HUGEPAGE", None), 9999])
def test_arrays_that_are_used_again(shape, advice, monkeypatch):
    """Large ones, which are sent, on large pages; a kernel may not know of such."""
    monkeypatch.setattr(mmap, "MADV_HUGEPAGE", advice, raising=False)
    room = Room()
    one, other = room.take("one", shape, np.int64), room.take("other", shape)
    one[...], other[...] = 1, 2.0
    again = room.take("one", shape, np.int64)
    assert again.shape == shape and (again == 1).all() and (other == 2.0).all()
    again[0] = 3
    assert (one[0] == 3).all()
    if math.prod(shape) > 1e5 and advice is not None:
        assert one.ctypes.data % LARGE_PAGE == other.ctypes.data % LARGE_PAGE == 0


def test_waves_that_are_left_out_are_too_long_to_count():
    """Of a cell that leans: all waves up to the longest are there, and of each its opposite."""
    vectors, size, longest = 2.0 * math.pi * np.linalg.inv(MATRIX).T, (36, 30, 40), 8.0
    most = np.diff(numbers_before(vectors, size, longest))
    n = np.stack(np.meshgrid(*(np.arange(-20, 21) for _ in range(3)), indexing="ij"), -1).reshape(-1, 3)
    n = n[(n[:, 2] >= 0) & (((n @ vectors) ** 2).sum(axis=1) <= longest**2)]
    assert (np.abs(n[:, 1]) < 15).all() and (n[:, 2] < most[n[:, 1]]).all()
    assert (most == most[-np.arange(30)]).all() and not (most % 4).any()
    assert 0.3 < most.sum() / (30 * 24) < 0.8  # something is left out


def test_what_is_refused():
    with pytest.raises(InputError, match="method = 'pme'"):
        Electrostatics(SALT, method="pme")
