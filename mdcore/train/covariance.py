"""How sure is the filter of each parameter, and what does a batch of observations change in that?

The covariance P of all parameters is symmetric: of each panel of rows only what is left of the diagonal is kept and
computed with. Panels are what threads share; their sums have one order, so results are the same for any number of them.
BLAS itself should run on one thread (`single_threaded_blas`).
"""

import ctypes
from contextlib import contextmanager
from pathlib import Path

import numpy as np

PANEL = 256


class Covariance:
    """P float64 [n, n], its lower panels; `matrix` [n, n], what is right of a panel's diagonal block is not used."""

    def __init__(self, n: int, variance: float, threads_map=None):
        self.matrix = np.zeros((n, n))
        self.matrix[np.diag_indices(n)] = variance
        self.panels = [(a, min(a + PANEL, n)) for a in range(0, n, PANEL)][::-1]  # the largest first
        self.map = threads_map or (lambda function, jobs: list(map(function, jobs)))

    def times(self, rows: np.ndarray) -> np.ndarray:
        """P rows^T, [n, m], of rows [m, n]"""
        columns = np.ascontiguousarray(rows.T)

        def product(panel):
            a, b = panel
            own = self.matrix[a:b, :b]
            return own @ columns[:b], own[:, :a].T @ columns[a:b]

        out = np.zeros_like(columns)
        for (a, b), (below, left) in zip(self.panels, self.map(product, self.panels), strict=True):
            out[a:b] += below
            out[:a] += left
        return out

    def subtract_square(self, x: np.ndarray, fading: float = 1.0, noise: float = 0.0) -> None:
        """P becomes (P - x x^T) / fading + noise; x [n, m]"""

        def update(panel):
            a, b = panel
            own = self.matrix[a:b, :b]
            own -= x[a:b] @ x[:b].T
            if fading != 1.0:
                own /= fading

        self.map(update, self.panels)
        if noise:
            self.add(noise)

    def add(self, noise: float) -> None:
        """As much to the variance of every parameter."""
        self.matrix[np.diag_indices(len(self.matrix))] += noise


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
