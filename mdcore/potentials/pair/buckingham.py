"""Buckingham: u(r) = a e^{-r / rho} - c / r^6, ions and rare gases.

R. A. Buckingham, Proc. R. Soc. A 168, 264 (1938). At short distance the second term wins, and atoms fall into each
other: keep them apart, where they may come so near, with a ZBL beside it.
"""

from math import exp
from typing import ClassVar

from mdcore.potentials.pair.base import ByPair


class Buckingham(ByPair):
    """Buckingham between all pairs closer than the cutoff.

    a : unit of energy; rho : unit of length; c : unit of energy times length^6
    """

    formula = "buckingham"
    quantities: ClassVar = {"a": "0 ", "rho": "length", "c": "0 "}

    def energy(self, p, r):
        rise, fall = p["a"] * exp(-r / p["rho"]), p["c"] / r**6
        return rise - fall, -rise / p["rho"] + 6.0 * fall / r

    def columns(self, p):
        return [1.0 / p["rho"], -p["a"] / p["rho"], 6.0 * p["c"]], [p["a"], p["c"]]
