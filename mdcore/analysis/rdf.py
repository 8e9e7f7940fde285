"""How many neighbours does an atom have at a distance, compared with an ideal gas?

g_ab(r) = V / (N_a N_b) <sum_{i in a} sum_{j in b, j != i} delta(r - r_ij)> / (4 pi r^2)
(Allen and Tildesley, Computer Simulation of Liquids, 2nd ed., 2017, section 2.6). With this definition
the integral of 4 pi r^2 rho g is exactly the mean number of neighbours; an ideal gas of N atoms has
g = 1 - 1/N. Any periodic cell is all right, also one smaller than r_max: all images count, an
atom's own included.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np

from mdcore.base.errors import InputError
from mdcore.doors._kernels import AtomRows, VerletList

SLAB = 100_000  # atoms whose neighbours are listed at a time
ATOMS_AT_ONCE = 1024  # atoms whose distances are computed at a time: the arrays stay in the cache


@dataclass(frozen=True)
class RDF:
    """Radial distribution functions; lengths in the unit of the positions."""

    r: np.ndarray  # [bins], centres
    g: np.ndarray  # [bins], all atoms alike
    error: np.ndarray  # [bins], standard error from blocks of frames (nan: too few frames)
    pairs: dict[str, np.ndarray]  # "Na-Cl" -> [bins]; more than one species only
    neighbors: np.ndarray  # [bins], mean number of neighbours up to the bin's outer edge
    peak: float  # position of the first peak; nan if there is none
    peak_error: float  # standard error from blocks of frames
    peak_height: float
    n_frames: int
    symbols: tuple[str, ...] = ()  # of the species
    pair_errors: dict[str, np.ndarray] = field(default_factory=dict)  # as `error`, of each of `pairs`

    @property
    def by_pair(self) -> dict[str, np.ndarray]:
        """`pairs`, and g as the pair of the only species."""
        return self.pairs or {f"{symbol}-{symbol}": self.g for symbol in self.symbols}

    @property
    def errors_by_pair(self) -> dict[str, np.ndarray]:
        """Standard errors of `by_pair`."""
        return self.pair_errors or {f"{symbol}-{symbol}": self.error for symbol in self.symbols}


class RDFAccumulator:
    """Takes one frame after the other: ``add(positions, box)``, then ``result()``."""

    def __init__(self, species, symbols, r_max: float, bins: int):
        if not (0.0 < r_max < np.inf and bins >= 2):
            raise InputError(
                f"rdf: r_max = {r_max!r}, bins = {bins!r}: expected r_max > 0 and 2 bins or more"
            )
        self.species = np.asarray(species)
        self.symbols = tuple(symbols)
        self.counts = np.bincount(self.species, minlength=len(self.symbols))
        self.r_max, self.bins = float(r_max), int(bins)
        self.frames: list[np.ndarray] = []  # g [1 + pairs, bins] of every frame
        self.neighbors = np.zeros(self.bins)
        a, b = np.triu_indices(len(self.symbols))
        self.kinds = [(i, j) for i, j in zip(a.tolist(), b.tolist(), strict=True)]

    def add(self, positions: np.ndarray, box) -> None:
        """positions [n, 3], wrapped or not; raises InputError unless the box is fully periodic."""
        n, m = len(self.species), len(self.symbols)
        species = self.species if m > 1 else None
        histogram = pair_histogram(positions, box, self.r_max, self.bins, species, m)
        edges = np.linspace(0.0, self.r_max, self.bins + 1)
        shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
        total = histogram.sum(axis=0)
        g = [total * box.volume / (n * n * shells)]
        for counted, (a, b) in zip(histogram, self.kinds, strict=True):
            ordered = self.counts[a] * self.counts[b] * (1 if a == b else 2)
            g.append(counted * box.volume / (max(ordered, 1) * shells))
        self.frames.append(np.array(g))
        self.neighbors += np.cumsum(total) / n

    def result(self, blocks: int = 5) -> RDF:
        """The mean over the frames; errors from ``blocks`` blocks of consecutive frames."""
        if not self.frames:
            raise InputError("rdf: no frames to average")
        frames = np.array(self.frames)
        mean = frames.mean(axis=0)
        r = (np.arange(self.bins) + 0.5) * (self.r_max / self.bins)
        peak, height = first_peak(r, mean[0])
        errors, peak_error = np.full_like(mean, np.nan), np.nan
        if len(frames) >= 2:
            parts = [part.mean(axis=0) for part in np.array_split(frames, min(blocks, len(frames)))]
            errors = np.std(parts, axis=0, ddof=1) / np.sqrt(len(parts))
            peaks = [first_peak(r, part[0])[0] for part in parts]
            peak_error = float(np.std(peaks, ddof=1) / np.sqrt(len(parts)))
        names = [f"{self.symbols[a]}-{self.symbols[b]}" for a, b in self.kinds]
        return RDF(
            r=r,
            g=mean[0],
            error=errors[0],
            pairs=dict(zip(names, mean[1:], strict=True)) if len(self.symbols) > 1 else {},
            neighbors=self.neighbors / len(frames),
            peak=peak,
            peak_error=peak_error,
            peak_height=height,
            n_frames=len(frames),
            symbols=self.symbols,
            pair_errors=dict(zip(names, errors[1:], strict=True)) if len(self.symbols) > 1 else {},
        )


def rdf(positions, box, r_max: float, bins: int = 200, species=None, symbols=None, blocks: int = 5) -> RDF:
    """g(r) of one frame [n, 3] or several [frames, n, 3] in one box (or a sequence of boxes)."""
    positions = np.asarray(positions, dtype=np.float64)
    frames = positions[None] if positions.ndim == 2 else positions
    boxes = itertools.repeat(box) if hasattr(box, "matrix") else box
    if species is None:
        species, symbols = np.zeros(frames.shape[1], dtype=np.int32), ("all",)
    accumulator = RDFAccumulator(species, symbols, r_max, bins)
    for frame, cell in zip(frames, boxes, strict=False):
        accumulator.add(frame, cell)
    return accumulator.result(blocks)


def pair_histogram(positions, box, r_max, bins, species=None, n_species=1) -> np.ndarray:
    """Ordered pairs at distance [0, r_max) by bin: int64 [pairs of species, bins]; (a, b) and (b, a) are one.

    Time and memory O(n): the atoms are taken slab by slab, each with its surroundings.
    """
    n_pairs = n_species * (n_species + 1) // 2
    first, second = np.triu_indices(n_species)
    kind = np.zeros((n_species, n_species), dtype=np.int64)
    kind[first, second] = kind[second, first] = np.arange(n_pairs)
    histogram = np.zeros(n_pairs * bins, dtype=np.int64)
    pairs = VerletList()
    for rows, atoms, n_owned in _slabs(positions, box, r_max):
        bound, columns = _bind(rows, n_owned), rows.T.copy()
        pairs.build(bound, r_max, half=False)
        start, index = (np.asarray(array) for array in pairs.arrays(bound))
        for i in range(0, n_owned, ATOMS_AT_ONCE):
            bounds = start[i : i + ATOMS_AT_ONCE + 1]
            neighbor = index[bounds[0] : bounds[-1]]
            center = np.repeat(np.arange(i, i + len(bounds) - 1), np.diff(bounds))
            real = neighbor < len(rows)  # the rest is padding
            neighbor, center = neighbor[real], center[real]
            r2 = sum((x[neighbor] - x[center]) ** 2 for x in columns)
            k = (np.sqrt(r2) * (bins / r_max)).astype(np.int64)
            inside = k < bins
            if n_species > 1:
                k += bins * kind[species[atoms[center]], species[atoms[neighbor]]]
            histogram += np.bincount(k[inside], minlength=len(histogram))
    return histogram.reshape(n_pairs, bins)


def _slabs(positions, box, r_max):
    """Yield (positions [m, 3], atom of each [m], n_owned): some atoms, then all others they may reach.

    Every atom is owned in one slab; images of atoms stand among the others.
    """
    if not all(box.periodic):
        raise InputError("g(r) is defined for fully periodic systems only: there is no density otherwise")
    n = len(positions)
    scaled = box.fractional(positions)
    scaled -= np.floor(scaled)
    atoms = np.arange(n)
    reach = r_max / box.widths
    for k in range(3):
        parts = [(scaled, atoms)]
        far = int(np.ceil(reach[k]))
        for shift in (*range(-far, 0), *range(1, far + 1)):
            moved = scaled[:, k] + shift
            near = np.flatnonzero((moved >= -reach[k]) & (moved <= 1.0 + reach[k]))
            part = scaled[near]
            part[:, k] = moved[near]
            parts.append((part, atoms[near]))
        scaled, atoms = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    axis = int(np.argmax(box.widths))
    order = np.argsort(scaled[:, axis], kind="stable")
    height = scaled[order, axis]
    owned = order[order < n]  # the first n rows are the atoms themselves
    for begin in range(0, n, SLAB):
        own = owned[begin : begin + SLAB]
        low, high = scaled[own[0], axis] - reach[axis], scaled[own[-1], axis] + reach[axis]
        around = order[np.searchsorted(height, low) : np.searchsorted(height, high, side="right")]
        others = around[~np.isin(around, own)]
        rows = np.concatenate([own, others])
        yield scaled[rows] @ box.matrix, atoms[rows], len(own)


def _bind(positions: np.ndarray, n_owned: int) -> AtomRows:
    """Positions as the kernels see them; a list needs nothing else."""
    m = len(positions)
    rows = np.zeros((m + 1, 4))
    rows[:m, :3] = positions
    bound = AtomRows()
    bound.bind(rows, rows, rows, rows, np.ones(m + 1), np.arange(m + 1, dtype=np.int64))
    bound.n_owned, bound.n_ghost = n_owned, m - n_owned
    return bound


def first_peak(r: np.ndarray, g: np.ndarray) -> tuple[float, float]:
    """(position, height) of the first peak; nan if there is none.

    The peak is the highest point of the first stretch in which g exceeds 1 and half its maximum; a
    parabola is fitted to the points within 3 % of r on both sides (one bin at least).
    """
    high = np.flatnonzero(g > max(1.0, 0.5 * float(np.max(g))))
    if not len(high):
        return np.nan, np.nan
    gap = np.flatnonzero(np.diff(high) > 1)
    stretch = high[: gap[0] + 1] if len(gap) else high
    top = int(stretch[np.argmax(g[stretch])])
    half = max(1, int(0.03 * r[top] / (r[1] - r[0])))
    if top < half or top + half >= len(r):
        return float(r[top]), float(g[top])
    near = slice(top - half, top + half + 1)
    x = r[near] - r[top]
    curvature, slope, height = np.polyfit(x, g[near], 2)
    if curvature >= 0.0 or abs(shift := -0.5 * slope / curvature) > x[-1]:
        return float(r[top]), float(g[top])
    return float(r[top] + shift), float(height - 0.25 * slope**2 / curvature)
