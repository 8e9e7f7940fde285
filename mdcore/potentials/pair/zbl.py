"""Two nuclei at close quarters: the screened Coulomb repulsion of Ziegler, Biersack and Littmark.

    u(r)   = Z_i Z_j e^2 / (4 pi epsilon_0 r) phi(r / a),    a = 0.46850 Angstrom / (Z_i^0.23 + Z_j^0.23)
    phi(x) = 0.18175 exp(-3.19980 x) + 0.50986 exp(-0.94229 x) + 0.28022 exp(-0.40290 x) + 0.02817 exp(-0.20162 x)

J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Matter, vol. 1, Pergamon (1985).

It ends at the cutoff: E(r) = u(r) + S(r) with

    S(r) = S0                             for r < inner
    S(r) = S0 + S3 t^3 + S4 t^4, t = r - inner    for inner <= r < cutoff

where S0, S3, S4 make energy, slope and curvature zero at the cutoff; they are continuous everywhere. This is
the switch of LAMMPS's pair_style zbl, so numbers agree with it. It shifts the energy inside by the constant S0;
the forces there are those of u. Each pair of species may have its own `inner` and cutoff.
"""

import numbers as kinds

import numpy as np

from mdcore.base.arguments import by_pair, table
from mdcore.base.elements import ATOMIC_NUMBERS, element_of
from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.base.units import COULOMB
from mdcore.potentials.pair.base import PairPotential

SCREENING = 0.46850  # Angstrom: 0.8854 Bohr radii
EXPONENT = 0.23
COEFFICIENTS = (0.18175, 0.50986, 0.28022, 0.02817)
DECAYS = (3.19980, 0.94229, 0.40290, 0.20162)
HEAVIEST = 118


class ZBL(PairPotential):
    """Nuclear repulsion between all pairs closer than the cutoff; eV, Angstrom.

    inner, cutoff : Angstrom; up to `inner` the force is the universal one, at `cutoff` nothing is left; without them,
        only `pairs` repel
    pairs : {(species, species): (inner, cutoff)} for pairs that have others; `cutoff` becomes the largest of all
    numbers : {species: atomic number} for species that are not called after an element

    InputError for values out of range, and from `bind` for species without an atomic number.
    """

    formula, weighable = "zbl", True
    at_any_distance = True  # it knows what happens (sanity.py)

    def __init__(
        self, inner: float | None = None, cutoff: float | None = None, *, pairs: dict | None = None,
        numbers: dict | None = None,
    ):  # fmt: skip
        self.range = None if inner is None and cutoff is None and pairs else _range(inner, cutoff, "")
        each = by_pair("ZBL: pairs", pairs)
        self.pairs = {frozenset(pair): _range(*own, f"{'-'.join(pair)}: ") for pair, own in each.items()}
        self.numbers = table("ZBL: numbers", numbers)
        for name, z in self.numbers.items():
            if isinstance(z, bool) or not (isinstance(z, kinds.Integral) and 0 < z <= HEAVIEST):
                raise InputError(f"ZBL: numbers: {name} = {z!r}: expected an atomic number, 1 to {HEAVIEST}")
        self.cutoff = max(own for _, own in filter(None, (self.range, *self.pairs.values())))

    def __repr__(self):
        pairs = {"-".join(sorted((*pair, *pair)[:2])): own for pair, own in self.pairs.items()}
        return f"ZBL(inner={self.range[0]:g}, cutoff={self.range[1]:g}{f', pairs={pairs}' if pairs else ''})"

    def atomic_number(self, symbol: str) -> int:
        """Z of a species, as `numbers` or the periodic table says; InputError if neither does."""
        z = self.numbers.get(symbol, ATOMIC_NUMBERS.get(element_of(symbol)))
        if z is None:
            raise InputError(
                f'potential "zbl": species {symbol} is no chemical element; give its atomic number: '
                f"numbers = {{{symbol!r}: ...}}"
            )
        return z

    def range_of(self, a: str, b: str) -> tuple[float, float] | None:
        """(inner, cutoff) of a pair of species; None for one that does not repel."""
        return self.pairs.get(frozenset((a, b)), self.range)

    def row(self, first, second):
        a, b = self.atomic_number(first), self.atomic_number(second)
        span = self.range_of(first, second)
        if span is None:
            return []  # the cutoff is zero
        inner, r = span
        strengths = np.array(COEFFICIENTS) * (COULOMB * a * b)
        decays = np.array(DECAYS) * ((a**EXPONENT + b**EXPONENT) / SCREENING)
        width = r - inner
        terms = strengths * np.exp(-decays * r) / r
        energy = terms.sum()
        slope = -(terms * (decays + 1.0 / r)).sum()
        curvature = (terms * (decays**2 + 2.0 * decays / r + 2.0 / r**2)).sum()
        # u' + 3 S3 w^2 + 4 S4 w^3 = 0 and u'' + 6 S3 w + 12 S4 w^2 = 0 at the cutoff
        s3 = (-3.0 * slope + width * curvature) / (3.0 * width**2)
        s4 = (2.0 * slope - width * curvature) / (4.0 * width**3)
        shift = -energy - s3 * width**3 - s4 * width**4
        return [r**2, inner, s3, s4, shift, 0.0, 0.0, 0.0, *strengths, *decays]


def _range(inner, cutoff, whose: str) -> tuple[float, float]:
    inner = number(f"ZBL: {whose}inner", inner, "length", zero=True)
    cutoff = number(f"ZBL: {whose}cutoff", cutoff, "length")
    if not inner < cutoff:
        raise InputError(f"ZBL: {whose}inner = {inner!r}, cutoff = {cutoff!r}: inner must be less than the cutoff")
    return inner, cutoff
