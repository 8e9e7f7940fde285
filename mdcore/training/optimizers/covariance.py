"""How sure is the filter of each parameter, and what does a batch of observations change in that?

The covariance P of all parameters is symmetric: of each panel of rows only what is left of the diagonal is kept and
computed with. Ranks have panels of their own, and threads share those of a rank; sums over threads have one order, sums
over ranks are rounded differently. BLAS itself should run on one thread (`single_threaded_blas`).
"""

import ctypes
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mdcore.base.comm import SelfComm

PANEL = 256


class Covariance:
    """P float64 [n, n], symmetric; of the rows [a, b) of a panel the columns [0, b) are kept.

    comm : ranks that share the panels; all of them call each method with the same arguments
    panels : {(a, b): float64 [b - a, b]}, this rank's, the largest first
    """

    def __init__(self, n: int, variance: float, threads_map=None, comm=None):
        self.n, self.comm = n, comm or SelfComm()
        self.map = threads_map or (lambda function, jobs: list(map(function, jobs)))
        self.owners = _deal([(a, min(a + PANEL, n)) for a in range(0, n, PANEL)], self.comm.size)
        self.panels = {}
        for (a, b), owner in self.owners.items():
            if owner == self.comm.rank:
                self.panels[a, b] = np.zeros((b - a, b))
                _diagonal(self.panels[a, b])[:] = variance

    def times(self, rows: np.ndarray) -> np.ndarray:
        """P rows^T, [n, m], of rows [m, n]"""
        columns = np.ascontiguousarray(rows.T)

        def product(bounds):
            (a, b), own = bounds, self.panels[bounds]
            return own @ columns[:b], own[:, :a].T @ columns[a:b]

        out = np.zeros_like(columns)
        for (a, b), (below, left) in zip(self.panels, self.map(product, self.panels), strict=True):
            out[a:b] += below
            out[:a] += left
        return self.comm.sum(out)

    def subtract_square(self, x: np.ndarray, fading: float = 1.0, noise: float = 0.0) -> None:
        """P becomes (P - x x^T) / fading + noise; x [n, m]"""

        def update(bounds):
            (a, b), own = bounds, self.panels[bounds]
            own -= x[a:b] @ x[:b].T
            if fading != 1.0:
                own /= fading

        self.map(update, self.panels)
        if noise:
            self.add(noise)

    def add(self, noise: float) -> None:
        """As much to the variance of every parameter."""
        for own in self.panels.values():
            _diagonal(own)[:] += noise

    def mend(self, times: float = 1.0) -> None:
        """Where rounding cost P its sign: add a little to every variance, and more than the most negative one lacks.

        times : so much more than a little
        """
        own = np.concatenate([np.empty(0), *map(_diagonal, self.panels.values())])
        total = self.comm.sum(np.array([np.abs(own).sum()]))[0]
        lacking = self.comm.maximum(np.array([(-own).max(initial=-np.inf)]))[0]
        self.add(max(times * 1e-6 * total / self.n, 2.0 * lacking))

    def packed(self) -> np.ndarray | None:
        """All panels, those with the first rows first, row by row, as one array on rank 0; None elsewhere."""
        found = self.comm.gather(np.concatenate([np.empty(0), *(own.ravel() for own in self.panels.values())]))
        return None if found is None else np.concatenate([found[at] for at in self._places()[0]])

    def unpack(self, packed: np.ndarray | None) -> None:
        """Take what `packed` gave, on any number of ranks; only rank 0 needs it."""
        places, counts = self._places()
        if packed is not None and self.comm.rank == 0:
            whole, at = np.empty(sum(counts)), 0
            for place in places:
                size = place.stop - place.start
                whole[place] = packed[at : at + size]
                at += size
            packed = whole
        found, at = self.comm.scatter(packed, counts), 0
        for own in self.panels.values():
            own[:] = found[at : at + own.size].reshape(own.shape)
            at += own.size

    def _places(self) -> tuple[list[slice], list[int]]:
        """Where each panel, first rows first, stands among those of rank 0, then rank 1, ...; numbers of each rank."""
        at, places, counts = 0, {}, []
        for rank in range(self.comm.size):
            begin = at
            for (a, b), owner in self.owners.items():
                if owner == rank:
                    places[a] = slice(at, at + (b - a) * b)
                    at += (b - a) * b
            counts.append(at - begin)
        return [places[a] for a in sorted(places)], counts


def _deal(panels, ranks: int) -> dict[tuple[int, int], int]:
    """{panel: rank}, the largest first, each to the rank that has least."""
    load, owners = [0] * ranks, {}
    for a, b in sorted(panels, key=lambda p: -(p[1] - p[0]) * p[1]):
        owners[a, b] = load.index(min(load))
        load[owners[a, b]] += (b - a) * b
    return owners


def _diagonal(panel: np.ndarray) -> np.ndarray:
    """The variances in a panel [b - a, b], a view."""
    width, high = len(panel), panel.shape[1]
    return panel.reshape(-1)[high - width :: high + 1]


@contextmanager
def single_threaded_blas():
    """NumPy's OpenBLAS on one thread meanwhile, where it can be told; our threads share the panels."""
    calls = _openblas()
    before = calls[0]() if calls else None
    try:
        if calls:
            calls[1](1)
        yield
    finally:
        if calls:
            calls[1](before)


def _openblas():
    """(get, set) number of threads of the OpenBLAS that NumPy's wheels bring along, or None."""
    folder = Path(np.__file__).parent
    for path in sorted([*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")]):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for before, after in (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", "")):
            try:
                return tuple(getattr(library, f"{before}openblas_{verb}_num_threads{after}") for verb in ("get", "set"))
            except AttributeError:
                continue
    return None
