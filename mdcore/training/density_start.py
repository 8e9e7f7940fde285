"""With which parameters does a density network begin?

Random ones, scaled on the data layer by layer: densities A of each order l, then invariants, have unit root mean
square, so features and messages have. Energies are in units of the forces' root mean square; forces begin at a share of
the data's, and the zero of energy of each element such that energies fit by least squares.
"""

from dataclasses import replace

import numpy as np

from mdcore.doors._density import Densities
from mdcore.potentials.density.model import DensityNetwork, Design
from mdcore.training.graphs import Graphs
from mdcore.training.settings import SEED

SAMPLE = 2000  # atoms that tell the size of densities, at least
RARE = 0.02  # of the largest: smaller densities of an order, or invariants, are not blown up to unit size
BEGIN = 0.3  # of the data's forces
LEAST = 1e-6  # eV: scale
PATHS = 4  # 1 / this: variance of the weights of what vectors add to densities


def initialised(design: Design, graphs: Graphs, energies: dict[str, float], seed: int = SEED) -> DensityNetwork:
    """A random network that suits the data; all ranks call it. energies : {element: eV}, the zero of the data"""
    design = replace(design, neighbours=max(graphs.neighbours, LEAST), scale=scale_of(graphs))
    rng, comm = np.random.default_rng(seed), graphs.comm
    flat = rng.normal(size=design.n_parameters)
    p, k = design.views(flat), design.channels
    terms = design.radial * max(design.element_rank, 1)
    for name, own in p.items():
        word = name.split(".")[0]
        widths = {"radial": terms, "W": design.mixed, "W1": k, "V1": k, "u": PATHS}
        own /= np.sqrt(widths.get(word, k if word in "UVSc" else 1.0))
    for t in range(1, design.layers):
        p[f"S.{t}"][...] = np.eye(k)
    if design.hidden:
        p["w2"] /= np.sqrt(design.hidden)
        p["b1"] *= 0.1
    p["E0"][...] = [energies[e] for e in design.elements]
    kernels, sample = Densities(design.sizes, design.program, design.fold(flat)), sampled(graphs)
    orders = np.concatenate([[l] * (2 * l + 1) for l in range(design.l_max + 1)])
    for t in range(design.layers):
        densities = [kernels.densities(own, t) for own in sample]
        squares = _mean_squares(comm, [np.moveaxis(a, 1, 2) for a in densities], len(orders))
        size_of = _not_rare(np.sqrt([squares[orders == l].mean() for l in range(design.l_max + 1)]))
        p[f"W.{t}"] /= size_of[:, None, None]
        invariants = [design.program.evaluate(np.moveaxis(a, 1, 2) / size_of[orders]) for a in densities]
        size = _not_rare(np.sqrt(_mean_squares(comm, invariants, design.program.n_invariants)))
        p[f"w.{t}"] /= (size * np.sqrt(len(size)))[:, None]
        if f"w1.{t}" in p:
            vectors = [design.program.vectors_of(np.moveaxis(a, 1, 2) / size_of[orders]) for a in densities]
            vectors = [np.moveaxis(own, -2, -1) for own in vectors]
            size = _not_rare(np.sqrt(_mean_squares(comm, vectors, design.program.n_vectors)))
            p[f"w1.{t}"] /= (size * np.sqrt(len(size)))[:, None]
        kernels.set(design.fold(flat))
    forces = [kernels.evaluate(own)[1] for own in sample]
    size = np.sqrt(_mean_squares(comm, forces, 3).mean())
    if size > 0.0:
        for name in ("w2", *(f"c.{t}" for t in range(design.layers))):
            if name in p:
                p[name] *= BEGIN * design.scale / size
    kernels.set(design.fold(flat))
    p["E0"] += missing(graphs, np.array([kernels.evaluate(own)[0].sum() for own in graphs.edges]))
    return DensityNetwork(design=design, parameters=flat)


def scale_of(graphs: Graphs) -> float:
    """Root mean square of components of forces, times an Angstrom; without forces, of what energies differ by."""
    energy, forces, _ = graphs.spreads()
    found = forces if forces > LEAST else energy * np.sqrt(graphs.mean_atoms)
    return float(found) if found > LEAST else 1.0


def sampled(graphs: Graphs) -> list:
    """Edges of this rank's of some structures, evenly spread over the whole set."""
    step = max(1, int(graphs.n_total * graphs.mean_atoms / SAMPLE))
    return [graphs.edges[k] for k in graphs.local(np.arange(0, graphs.n_total, step))[1]]


def missing(graphs: Graphs, energies: np.ndarray, factors: np.ndarray | None = None) -> np.ndarray:
    """What each element's energy lacks, such that energies, times `factors` (1 / number of atoms), fit by least
    squares; smallest where there is a choice. All ranks call it."""
    factors = 1.0 / graphs.n_atoms if factors is None else factors
    off = (graphs.energies - energies) * factors
    counts, off = map(graphs.comm.join, (graphs.counts * factors[:, None], off))
    known = np.isfinite(off)
    return np.linalg.lstsq(counts[known], off[known], rcond=1e-10)[0] if known.any() else np.zeros(counts.shape[1])


def _mean_squares(comm, arrays: list[np.ndarray], width: int) -> np.ndarray:
    """[width] of the numbers in arrays [..., width] of all ranks."""
    rows = [own.reshape(-1, width) for own in arrays]
    sums = comm.sum(np.array([*sum((np.sum(own**2, axis=0) for own in rows), np.zeros(width)), sum(map(len, rows))]))
    return sums[:-1] / max(sums[-1], 1.0)


def _not_rare(sizes: np.ndarray) -> np.ndarray:
    """The sizes, but none so small that what is hardly there would be blown up."""
    return np.maximum(sizes, RARE * sizes.max()) if sizes.any() else np.ones_like(sizes)
