"""Charges that are close feel less of each other: what is taken away from the sum over all images.

    E = - C sum_(i<j) q_i q_j h(r) / r,    of Gaussians erf(gamma r) / r instead of 1 / r

so that pairs have (1 - h) / r. h goes from 1 to 0:

    cosine          (1 + cos(pi x)) / 2,  x = (r - inner) / (outer - inner): fourth-generation networks leave what is
    polynomial      1 - 10 x^3 + 15 x^4 - 6 x^5   close to the network (T. W. Ko et al., Nat. Commun. 12, 398 (2021))
    thole           (1 + t / 2) exp(-t),  t = decay r: B. T. Thole, Chem. Phys. 59, 341 (1981), of exponential charges
    tang-toennies   (1 + t) exp(-t): K. T. Tang, J. P. Toennies, J. Chem. Phys. 80, 3726 (1984), eq. 11, n = 1

Pairs that `exclude_bonded` joins have nothing at all, and nothing is taken away from them.
"""

import math

import numpy as np

from mdcore.potentials.pair.base import BoundPair, PairPotential, shifts

KINDS = {"cosine": 0, "polynomial": 1, "thole": 2, "tang-toennies": 2}  # ext/pair/damped.h
LINEAR = {"thole": 0.5, "tang-toennies": 1.0}  # of the falling ones


class Damping(PairPotential):
    """What the damping of an Electrostatics takes away. of : that potential"""

    linear = True

    def __init__(self, of):
        self.of, kind = of, of.damping
        self.more = np.array([[float(KINDS[kind])]])
        self.falls = kind in LINEAR
        self.cutoff = of.cutoff if self.falls else of.outer
        self.formula = "damped_charges" if of.of_atoms else "damped"
        self._exclude_bonded = of.exclude_bonded

    def row(self, a, b):
        of = self.of
        qq = of.constant * of.charge(a) * of.charge(b)
        gamma = of.gamma(a, b) if of.widths else 0.0
        own = (of.decay, LINEAR[of.damping]) if self.falls else (of.inner, 1.0 / (of.outer - of.inner))
        shift = slope = 0.0
        if self.falls:  # less than the accuracy is left at the cutoff
            r, t = self.cutoff, of.decay * self.cutoff
            h, falls = (1.0 + own[1] * t) * math.exp(-t), of.decay * (own[1] - 1.0 - own[1] * t) * math.exp(-t)
            shift, slope = shifts("force-shifted", r, -qq * h / r, -qq * (falls - h / r) / r)
        return [self.cutoff**2, qq, *own, shift, slope, gamma, 2.0 * gamma / math.sqrt(math.pi)]

    def bind(self, symbols):
        return BoundDamping(self, symbols)


class BoundDamping(BoundPair):
    def scale(self, atoms):
        return atoms.charge if self.potential.of.of_atoms else None
