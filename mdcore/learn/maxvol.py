"""Which rows of a tall matrix span the largest volume, and how far is another row outside of what they span?

Rows are features x of atoms or of structures. A set of as many rows as there are features, A, has nearly the largest
|det A| of all (D-optimality) once no row has

    gamma(x) = max_j |(x A^-1)_j|  >  1 + a little:

to swap it for row j of A multiplies the volume by that number. A model that is linear in its features interpolates
where gamma <= 1, and extrapolates beyond. E. V. Podryabinkin, A. V. Shapeev, Comput. Mater. Sci. 140, 171 (2017);
maxvol: S. A. Goreinov et al., "How to find a good submatrix" (2010).

A begins as NOISE times the unit matrix, features measured in their root mean square: directions in which all rows
together reach less far than that are noise, and count for so much.
"""

import numpy as np

NOISE = 1e-3  # of the root mean square of a feature
MORE = 1e-3  # a swap multiplies the volume by more than 1 + this
MOST_SWAPS = 100_000
FRESH = 200  # swaps after which the inverse is made anew


class ActiveSet:
    """The rows that span the largest volume among all that it was shown.

    rows : float64 [n, d], features; they set the measure of each, and are `add`ed
    """

    def __init__(self, rows: np.ndarray):
        rows = np.asarray(rows, dtype=np.float64)
        size = np.sqrt((rows**2).mean(axis=0)) if len(rows) else np.ones(rows.shape[1])
        size[size == 0.0] = size.max(initial=0.0) or 1.0  # a feature that nobody had: as large as the largest
        self._per_size = 1.0 / size
        self.matrix = NOISE * np.eye(rows.shape[1])  # A, in units of sizes
        self._inverse = np.linalg.inv(self.matrix)
        self.swaps = 0
        self.add(rows)

    def grades(self, rows: np.ndarray) -> np.ndarray:
        """gamma [n] of rows [n, d]."""
        return np.abs(self._coordinates(rows)).max(axis=1, initial=0.0)

    def _coordinates(self, rows) -> np.ndarray:
        return (np.asarray(rows, dtype=np.float64) * self._per_size) @ self._inverse

    def add(self, rows: np.ndarray) -> int:
        """Let rows [n, d] in that make the volume larger, one after the other; returns how many swaps."""
        scaled, before = np.asarray(rows, dtype=np.float64) * self._per_size, self.swaps
        shares = scaled @ self._inverse
        while shares.size and self.swaps - before < MOST_SWAPS:
            i, j = np.unravel_index(np.argmax(np.abs(shares)), shares.shape)
            pivot = shares[i, j]
            if not abs(pivot) > 1.0 + MORE:
                break
            self.matrix[j] = scaled[i]
            self.swaps += 1
            if (self.swaps - before) % FRESH:
                change = shares[i].copy()
                change[j] -= 1.0
                # the rank-one change of A^-1 and of all coordinates: Sherman and Morrison
                self._inverse -= np.outer(self._inverse[:, j] / pivot, change)
                shares -= np.outer(shares[:, j] / pivot, change)
            else:
                self._inverse = np.linalg.inv(self.matrix)
                shares = scaled @ self._inverse
        self._inverse = np.linalg.inv(self.matrix)
        return self.swaps - before
