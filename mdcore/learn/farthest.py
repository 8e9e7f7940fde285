"""Which points are farthest from all that were chosen before? One after the other: T. F. Gonzalez, Theor. Comput. Sci.
38, 293 (1985)."""

import numpy as np

BLOCK = 1 << 22  # numbers of a table of distances at once


class Farthest:
    """points : float64 [n, d]; chosen : float64 [m, d], those that count as chosen at the start

    distances : float64 [n], of each point from the nearest chosen one; inf before any is chosen
    """

    def __init__(self, points: np.ndarray, chosen: np.ndarray):
        self.points = np.asarray(points, dtype=np.float64)
        self.distances = nearest(self.points, chosen)

    def farthest(self, allowed: np.ndarray) -> int:
        """Of the points that are allowed, bool [n], the farthest; of equals the first."""
        return int(np.argmax(np.where(allowed, self.distances, -1.0)))

    def choose(self, k: int) -> None:
        """Point k is chosen."""
        self.distances = np.minimum(self.distances, nearest(self.points, self.points[k : k + 1]))


def nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance [n] of each point [n, d] from the nearest of others [m, d]; inf without any."""
    found = np.full(len(points), np.inf)
    step = max(1, BLOCK // max(1, points.size))
    for begin in range(0, len(others), step):
        apart = points[:, None] - others[None, begin : begin + step]
        np.minimum(found, np.sqrt((apart**2).sum(axis=2)).min(axis=1, initial=np.inf), out=found)
    return found


def spacing(points: np.ndarray) -> float:
    """The median distance of points [n, d] from their nearest neighbours; 0 for fewer than two."""
    points = np.asarray(points, dtype=np.float64)
    if len(points) < 2:
        return 0.0
    others = [nearest(points[k : k + 1], np.delete(points, k, axis=0))[0] for k in range(len(points))]
    return float(np.median(others))
