"""Ghosts and migration, against brute force over images."""

import itertools

import numpy as np
import pytest

from mdcore.base.comm import SelfComm
from mdcore.base.errors import InputError
from mdcore.engine.domain import Domain, processor_grid
from mdcore.engine.neighbors import Neighbors
from mdcore.structure.atoms import Atoms
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.systems import cells

CUTOFF = 2.5
CELLS = dict(cells(CUTOFF))


def on_grid(array):
    return np.rint(np.asarray(array) * 2.0**40) / 2.0**40


def loaded(system, reach, half_halo=False):
    """(box on the grid, Domain, Atoms) of a system on one rank."""
    box = Box(on_grid(system.box.matrix), system.box.periodic, on_grid(system.box.origin))
    atoms, n = Atoms(), len(system.positions)
    x = np.zeros((n, 4))
    x[:, :3] = on_grid(system.positions)
    v = np.ones((n, 4))
    atoms.append(
        {"x": x, "v": v, "masses": np.ones(n), "tags": np.arange(n), "images": np.zeros((n, 3), np.int32)}
    )
    domain = Domain(SelfComm(), box, reach, half_halo=half_halo)
    domain.migrate(atoms)
    return box, domain, atoms


def all_images(box, x, reach):
    """(tag, position) of every image within reach of the cell, as exact numbers."""
    spans = [range(-n, n + 1) for n in np.ceil(reach / box.widths + 1).astype(int) * np.array(box.periodic)]
    for shift in itertools.product(*spans):
        yield from enumerate(x + np.array(shift) @ box.matrix)


@pytest.mark.parametrize("cell", CELLS)
def test_ghosts_are_all_images_within_reach(cell):
    box, domain, atoms = loaded(CELLS[cell], CUTOFF + 0.3)
    domain.make_ghosts(atoms, ("tags",))
    n = atoms.n_owned
    x = atoms.x[:n, :3].copy()
    held = {
        (int(t), *p) for t, p in zip(atoms.tags[: atoms.n_total], atoms.x[: atoms.n_total, :3], strict=True)
    }
    assert len(held) == atoms.n_total, "an image is held twice"
    tags = atoms.tags[:n]
    for row, image in all_images(box, x, domain.reach):
        s = box.fractional(image)
        near = (
            (s > -domain.fraction + 1e-9) & (s < 1 + domain.fraction - 1e-9) | ~np.array(box.periodic)
        ).all()
        if near:
            assert (int(tags[row]), *image) in held


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_list_holds_every_pair_once(cell, half):
    _, domain, atoms = loaded(CELLS[cell], CUTOFF + 0.3)
    domain.make_ghosts(atoms)
    neighbors = Neighbors([("half", CUTOFF)], 0.3)
    neighbors.list.build(atoms, neighbors.reach, half)
    first, index = (np.asarray(a) for a in neighbors.list.arrays(atoms))
    found = {
        (i, j) for i in range(atoms.n_owned) for j in index[first[i] : first[i + 1]] if j < atoms.n_total
    }
    x = atoms.x[: atoms.n_total, :3]
    want = set()
    for i in range(atoms.n_owned):
        r = x - x[i]
        for j in np.flatnonzero((r**2).sum(axis=1) <= neighbors.reach**2):
            if j != i and (not half or tuple(r[j][::-1]) > (0.0, 0.0, 0.0)):
                want.add((i, int(j)))
    assert neighbors.list.n_pairs == len(found)
    assert want <= found
    for i, j in found - want:  # single precision may let in a few that are just too far
        assert half and np.linalg.norm(x[j] - x[i]) < neighbors.reach * (1 + 1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_ghosts_from_above_are_enough_for_half_lists(cell):
    pairs, ghosts = [], []
    for upper in (True, False):
        _, domain, atoms = loaded(CELLS[cell], CUTOFF + 0.3, upper)
        domain.make_ghosts(atoms, ("tags",))
        neighbors = Neighbors([("half", CUTOFF)], 0.3)
        neighbors.build(atoms)
        first, index = (np.asarray(a) for a in neighbors.list.arrays(atoms))
        x, tags = atoms.x[:, :3], atoms.tags
        pairs.append(
            {
                (int(tags[i]), int(tags[j]), *(x[j] - x[i]))
                for i in range(atoms.n_owned)
                for j in index[first[i] : first[i + 1]]
                if j < atoms.n_total
            }
        )
        ghosts.append(atoms.n_ghost)
    assert pairs[0] == pairs[1]
    skew = cell == "skew" or cell == "one atom" or not CELLS[cell].box.periodic[2]
    assert ghosts[0] == ghosts[1] if skew else ghosts[0] < ghosts[1]


def test_forward_and_reverse_of_a_column():
    system = CELLS["small triclinic"]
    _, domain, atoms = loaded(system, CUTOFF)
    domain.make_ghosts(atoms, ("tags",))
    charge = atoms.masses
    charge[: atoms.n_owned] = [1.5, -2.0]
    domain.forward(atoms, "masses")
    np.testing.assert_array_equal(charge[: atoms.n_total], np.array([1.5, -2.0])[atoms.tags[: atoms.n_total]])
    ones = np.ones(atoms.capacity)
    domain.reverse_add_rows(ones)
    counts = np.bincount(atoms.tags[: atoms.n_total])
    np.testing.assert_array_equal(ones[: atoms.n_owned], counts[atoms.tags[: atoms.n_owned]])
    with pytest.raises(InputError, match="column 'masses' is not declared so"):
        domain.reverse_add(atoms, "masses")


@pytest.mark.parametrize("far", [30.0, 3000.0])
def test_list_with_atoms_far_away(far):
    """A droplet and a pair of atoms far from it: single precision must not lose a pair."""
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.random((300, 3)) * 8.0, far + rng.random((20, 3)) * 3.0])
    system = System(Box(4096 * np.eye(3), False), x, species="A", units="lj")
    _, domain, atoms = loaded(system, CUTOFF)
    domain.make_ghosts(atoms)
    neighbors = Neighbors([("half", CUTOFF - 0.3)], 0.3)
    neighbors.sort(atoms)
    neighbors.build(atoms)
    x = atoms.positions
    away = np.linalg.norm(x[:, None] - x, axis=2)
    assert neighbors.list.n_pairs == np.sum(np.triu(away <= neighbors.reach, 1))


def test_wrapping_is_exact():
    system = CELLS["atoms outside"]
    box, _, atoms = loaded(system, CUTOFF)
    back = atoms.positions + atoms.images[: atoms.n_owned] @ box.matrix
    np.testing.assert_array_equal(back, on_grid(system.positions)[atoms.tags[: atoms.n_owned]])
    s = box.fractional(atoms.positions)
    assert (s >= 0).all() and (s <= 1).all()


@pytest.mark.parametrize(
    ("size", "widths", "grid"),
    [
        (1, (1, 1, 1), (1, 1, 1)),
        (2, (1, 1, 1), (1, 1, 2)),
        (8, (1, 1, 1), (2, 2, 2)),
        (4, (1, 1, 10), (1, 1, 4)),
        (6, (3, 2, 1), (3, 2, 1)),
        (7, (5, 1, 1), (7, 1, 1)),
    ],
)
def test_processor_grid_has_least_surface(size, widths, grid):
    assert processor_grid(size, widths) == grid


def test_processor_grid_must_fit():
    with pytest.raises(InputError, match=r"\[2, 1, 1\]: 2 domains for 1 ranks"):
        Domain(SelfComm(), Box.cubic(10.0), 3.0, (2, 1, 1))
