"""Do kept tangents say the same as the descriptors' own reverse and forward passes?"""

import numpy as np
import pytest
from mdcore.doors._hdnnp import keep_tangents

from mdcore.base.errors import InputError
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.training.environments import Environments
from tests.reference import hdnnp as twin
from tests.reference.hdnnp_models import random_model
from tests.test_symmetry_kernels import SYMBOLS, Block, cluster_environments
from tests.training_sets import Labelled, mixed_set


@pytest.mark.parametrize("kind", [2, 3, 9, 12, 13, 20, 21, 22, 23, 24, 25])
def test_tangents_equal_twin(kind, level):
    """Of every type: G, dG/dR of the centre and each neighbour, and the strain derivative."""
    model, tolerance = random_model(types=[kind], alpha=0.3), 2e-6
    environments = cluster_environments(SYMBOLS, (0, 3))
    block, networks = Block(model, environments), networks_of(model)
    e = model.elements.index("O")
    functions = model.symmetry_functions[e]
    n = [len(env.numbers) for env in block.environments]
    entry = np.concatenate([np.arange(1, m + 1) for m in n]).astype(np.int32)
    start = np.concatenate([[0], np.cumsum([m + 1 for m in n])])
    g = np.empty((2, len(functions)))
    t = np.empty((start[-1], 3, len(functions)), dtype=np.float32)
    s = np.empty((2, 6, len(functions)), dtype=np.float32)
    keep_tangents(networks, e, block.first, *block.xyz, entry, start, g, t, s)
    assert np.array_equal(g, networks.values(*block.arguments())[:, : len(functions)])
    for a, env in enumerate(block.environments):
        _, jacobian = twin.descriptors(functions, env)  # [n_f, n, 3]
        jacobian = jacobian[:, block.edges[a]]
        scale = max(1.0, np.abs(jacobian).max())
        own = t[start[a] : start[a + 1]]
        assert np.abs(own[1:] - jacobian.transpose(1, 2, 0)).max() < tolerance * scale
        assert np.abs(own[0] + jacobian.sum(axis=1).T).max() < 10 * tolerance * scale
        strain = np.einsum("na,snb->abs", env.vectors[block.edges[a]], jacobian)
        voigt = strain[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        assert np.abs(s[a] - voigt).max() < 10 * tolerance * max(1.0, np.abs(voigt).max())


def test_many_triplets():
    """More chunks of triplets than an environment keeps, and groups whose functions differ in everything."""
    rng = np.random.default_rng(0)
    model = random_model(types=[3, 9, 13], cutoff=3.0)
    grid = np.stack(np.meshgrid(*(np.arange(7),) * 3), axis=-1).reshape(-1, 3) * 0.8
    positions = grid + rng.uniform(-0.2, 0.2, grid.shape)
    symbols = tuple(rng.choice(["H", "O"], len(grid)))
    env = Environments(model, [Labelled(symbols, positions, None, 0.0)])
    networks = networks_of(model)
    de_dg = [rng.normal(size=block.g.shape) for block in env.blocks]
    forces = env.forces_of(de_dg, range(1))
    numbers = np.array([{"H": 1, "O": 8}[s] for s in symbols])
    found = list(twin.environments(positions, numbers, None, model.cutoff))
    block = Block(model, list(zip(symbols, [e for _, e in found], strict=True)))
    slopes, want = np.zeros((len(symbols), networks.n_functions)), np.zeros((len(symbols), 3))
    for own, part in zip(env.blocks, de_dg, strict=True):
        slopes[own.atom, : part.shape[1]] = part
    edges = networks.vjp(*block.arguments(), slopes)
    for a, (_, one) in enumerate(found):
        g = block.of(a, edges)
        want[a] += g.sum(axis=0)
        np.subtract.at(want, one.indices, g)
    assert np.abs(forces - want).max() < 2e-6 * np.abs(want).max()


def test_budget_of_memory_changes_no_bit():
    model, rng = random_model(types=[2, 3]), np.random.default_rng(0)
    structures = mixed_set()
    whole = Environments(model, structures)
    assert whole.kept == len(structures)
    size = sum(block.t.nbytes for block in whole.blocks)
    parts = [Environments(model, structures, memory=share * size) for share in (0.0, 0.5)]
    assert parts[0].kept == 0 < parts[1].kept < len(structures)
    assert sum(block.t.nbytes for block in parts[1].blocks) <= 0.5 * size
    de_dg = [rng.normal(size=block.g.shape) for block in whole.blocks]
    along = rng.normal(size=(whole.first[-1], 3))
    run = range(len(structures))
    for env in [*parts, Environments(model, structures, threads=2)]:
        assert env.forces_of(de_dg, run).tobytes() == whole.forces_of(de_dg, run).tobytes()
        for one, want in zip(env.rates_of(along, run), whole.rates_of(along, run), strict=True):
            assert one.tobytes() == want.tobytes()
        for e, block in enumerate(env.blocks):
            assert block.g.tobytes() == whole.blocks[e].g.tobytes()
            entries = np.arange(len(block.entry))[::-1]
            rows = env.tangent_rows(e, entries, entries % 3)
            assert np.array_equal(rows, whole.tangent_rows(e, entries, entries % 3))


def test_entries_of_atoms():
    env = Environments(random_model(types=[2]), mixed_set())
    for block in env.blocks:
        atoms = np.array([3, 0, 3, 7])
        entries, starts = block.entries_of(atoms)
        for k, atom in enumerate(atoms):
            assert np.array_equal(entries[starts[k] : starts[k + 1]], np.flatnonzero(block.entry == atom))
        centers = block.start[:-1]  # come first
        assert np.array_equal(block.atom[block.entry_environment[centers]], block.entry[centers])


def test_refuses_bad_sets():
    model = random_model(types=[2])
    with pytest.raises(InputError, match="no structures"):
        Environments(model, [])
    with pytest.raises(InputError, match=r"structure 1 .*no network for Ar; it knows H, O"):
        known = Labelled(("H",), np.zeros((1, 3)), None, 0.0)
        Environments(model, [known, Labelled(("Ar", "H"), np.arange(6.0).reshape(2, 3), None, 0.0)])
