"""Morse: u(r) = depth [(1 - e^{-alpha (r - r0)})^2 - 1], a bond between two atoms.

P. M. Morse, Phys. Rev. 34, 57 (1929), eq. 4; for metals: L. A. Girifalco, V. G. Weizer, Phys. Rev. 114, 687 (1959).
"""

from math import exp
from typing import ClassVar

from mdcore.potentials.pair.base import ByPair


class Morse(ByPair):
    """Morse between all pairs closer than the cutoff.

    depth : of the well, unit of energy; alpha : 1 / unit of length; r0 : where the well is deepest, unit of length
    """

    formula = "morse"
    quantities: ClassVar = {"depth": "0 energy", "alpha": "inverse length", "r0": "length"}

    def energy(self, p, r):
        x = exp(-p["alpha"] * (r - p["r0"]))
        return p["depth"] * (x - 2.0) * x, -2.0 * p["alpha"] * p["depth"] * (x - 1.0) * x

    def size(self, p):
        return p["r0"] if p else super().size(p)

    def columns(self, p):
        return [p["alpha"], p["alpha"] * p["r0"], -2.0 * p["alpha"] * p["depth"]], [p["depth"]]
