"""Lennard-Jones with a soft core: atoms that appear (lambda from 0 to 1) may lie on others at first.

    u(r) = 4 lambda^n epsilon (1 / d^2 - 1 / d),    d = alpha (1 - lambda)^2 + (r / sigma)^6

T. C. Beutler et al., Chem. Phys. Lett. 222, 529 (1994). At lambda = 1 it is Lennard-Jones.
"""

from typing import ClassVar

from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.potentials.pair.base import ByPair


class SoftCore(ByPair):
    """Soft-core Lennard-Jones between all pairs closer than the cutoff.

    epsilon : unit of energy; sigma : unit of length
    coupling : lambda, from 0 (nothing is felt) to 1; alpha, n : how soft (default 0.5, 1)
    """

    formula = "soft_core"
    quantities: ClassVar = {"epsilon": "0 energy", "sigma": "length"}

    def __init__(self, cutoff, *, coupling: float = 1.0, alpha: float = 0.5, n: int = 1, **options):
        super().__init__(cutoff, **options)
        self.coupling = number("SoftCore: coupling", coupling, zero=True)
        if self.coupling > 1.0:
            raise InputError(f"SoftCore: coupling = {coupling!r}: expected a number from 0 to 1")
        self.alpha = number("SoftCore: alpha", alpha, zero=True)
        if isinstance(n, bool) or not (isinstance(n, int) and 0 < n < 10):
            raise InputError(f"SoftCore: n = {n!r}: expected a whole number from 1 to 9")
        self.n = n
        self.at_any_distance = self.coupling < 1.0 and self.alpha > 0.0  # it knows what happens (sanity.py)

    def __repr__(self):
        return f"{super().__repr__()[:-1]}, coupling={self.coupling:g}, alpha={self.alpha:g}, n={self.n})"

    def _numbers(self, p) -> tuple[float, float, float]:
        """4 lambda^n epsilon, alpha (1 - lambda)^2, sigma^-6"""
        return 4.0 * self.coupling**self.n * p["epsilon"], self.alpha * (1.0 - self.coupling) ** 2, p["sigma"] ** -6

    def energy(self, p, r):
        e0, soft, s6 = self._numbers(p)
        d = soft + s6 * r**6
        return e0 * (1.0 - d) / d**2, 6.0 * s6 * e0 * r**5 * (d - 2.0) / d**3

    def size(self, p):
        return p["sigma"] if p else super().size(p)

    def columns(self, p):
        e0, soft, s6 = self._numbers(p)
        return [s6, soft, 6.0 * s6 * e0], [e0]
