"""Functions as tables: a cubic polynomial from each point to the next."""

import numpy as np


def cubics(values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """[..., n, 4]: coefficients, in t from 0 at a point to 1 at the next, of the cubic polynomials with these values
    and slopes [..., n] (by t) at the points; behind the last point value and slope alone. Overflows are infinite."""
    found = np.zeros((*values.shape, 4))
    found[..., 0], found[..., 1] = values, slopes
    with np.errstate(over="ignore", invalid="ignore"):
        rise = values[..., 1:] - values[..., :-1]
        found[..., :-1, 2] = 3.0 * rise - 2.0 * slopes[..., :-1] - slopes[..., 1:]
        found[..., :-1, 3] = slopes[..., :-1] + slopes[..., 1:] - 2.0 * rise
    return found
