"""Does a network potential answer as it did when its file was written?

A native .h5 file carries a few small structures with their energies and forces. Whoever loads the potential into
the engine computes them anew, with the same kernels that will run, and refuses a file that answers otherwise. Who
answers has `model` and `respond(symbols, positions, cell) -> (energy, forces [n, 3], how strongly it responds)`, native
units, cell rows a, b, c, or None for a cluster; `periodic`: does it answer for cells? `rounding`: what energies are
rounded to.
"""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.networks.trained import TestVector

ENERGY_TOLERANCE, FORCE_TOLERANCE = 1e-10, 1e-9  # relative; native, for forces beyond 1 relative to the largest

MOST_DISTANCES = 1e9  # that are computed for a test vector

SPACINGS = np.array([0.2, 0.25, 0.3, 0.37, 0.45, 0.6])  # of self-made structures, in cutoffs


def environments(positions, center, cell, cutoff, n_elements):
    """first int64 [n, n_elements + 1], neighbours [n_edges] and r_ij [3, n_edges], elements ascending."""
    shifts = np.zeros((1, 3))
    if cell is not None:
        inverse = np.linalg.inv(cell)
        span = np.ptp(positions @ inverse, axis=0)
        reach = np.floor(cutoff * np.linalg.norm(inverse, axis=0) + span)
        if np.prod(2.0 * reach + 1.0) * len(center) ** 2 > MOST_DISTANCES:
            raise InputError("a test vector whose cell is too small, or has too many atoms, for its cutoff")
        reach = reach.astype(int)
        grid = np.meshgrid(*(np.arange(-m, m + 1) for m in reach), indexing="ij")
        shifts = np.stack(grid, axis=-1).reshape(-1, 3) @ cell
    elif len(center) ** 2 > MOST_DISTANCES:
        raise InputError(f"a test vector of {len(center):,} atoms is too large")
    first = np.zeros((len(center), n_elements + 1), dtype=np.int64)
    sources, vectors, begin = [], [], 0
    for i in range(len(center)):
        r = (positions - positions[i])[None] + shifts[:, None]
        r2 = np.einsum("snc,snc->sn", r, r)
        image, j = np.nonzero((r2 < cutoff**2) & (r2 > 0.0))
        order = np.argsort(center[j], kind="stable")
        image, j = image[order], j[order]
        first[i] = begin + np.searchsorted(center[j], np.arange(n_elements + 1))
        begin += len(j)
        sources.append(j)
        vectors.append(r[image, j])
    return first, np.concatenate(sources), np.ascontiguousarray(np.concatenate(vectors).T)


def check_test_vectors(answers) -> None:
    """InputError with the numbers if the potential answers otherwise than its test vectors say."""
    for number, vector in enumerate(answers.model.test_vectors):
        energy, forces, _ = answers.respond(vector.symbols, vector.positions, vector.cell)
        off = abs(energy - vector.energy)
        far = np.abs(forces - vector.forces)
        atom, axis = np.unravel_index(np.argmax(np.where(np.isnan(far), np.inf, far)), far.shape)
        what = None
        if not off <= ENERGY_TOLERANCE * max(abs(vector.energy), 1e-10) + answers.rounding:
            what = f"the energy is {energy!r}, expected {vector.energy!r}"
        elif not far.max() <= FORCE_TOLERANCE * max(1.0, np.abs(vector.forces).max()):
            what = (
                f"the force on atom {atom} along {'xyz'[axis]} is {float(forces[atom, axis])!r}, "
                f"expected {float(vector.forces[atom, axis])!r}"
            )
        if what:
            raise InputError(
                f"{answers.model.name or 'potential'}: test vector {number} ({''.join(vector.symbols)}): {what} "
                "(native units); the file is damaged or was changed: get it anew, or convert it again from its source"
            )


def make_test_vectors(answers, seed: int = 1) -> tuple[TestVector, ...]:
    """Two clusters and, if it answers for such, a periodic structure of all elements, with the potential's answers.

    Each is made in several densities. Where atoms are too close or too far the networks may not respond to
    anything; the density with the strongest response is taken.
    """
    rng, model = np.random.default_rng(seed), answers.model
    vectors = []
    for sites, periodic in ((2, False), (3, False), (2, True))[: 3 if answers.periodic else 2]:
        grid = np.stack(np.meshgrid(*(np.arange(sites),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        grid = grid[rng.permutation(len(grid))][: 4 * sites]
        shape = grid + rng.uniform(-0.2, 0.2, grid.shape)
        edges = sites * np.eye(3) + rng.uniform(-0.2, 0.2, (3, 3))
        symbols = tuple(model.elements[k % len(model.elements)] for k in range(len(grid)))
        densities = [
            (symbols, spacing * shape, spacing * edges if periodic else None) for spacing in SPACINGS * model.cutoff
        ]
        best = max(densities, key=lambda structure: answers.respond(*structure)[2])
        vectors.append(test_vector(answers, *best))
    return tuple(vectors)


def test_vector(answers, symbols, positions, cell=None) -> TestVector:
    """A structure, native units, with the potential's answer."""
    energy, forces, _ = answers.respond(symbols, positions, cell)
    return TestVector(tuple(symbols), np.asarray(positions), cell, energy, forces)
