"""What does DFT-D3 know of the elements? Reference systems with their C6, and radii.

The numbers are those of S. Grimme, J. Antony, S. Ehrlich, H. Krieg, J. Chem. Phys. 132, 154104 (2010), actinides those
of L. Wittmann et al., Phys. Chem. Chem. Phys. 26, 21379 (2024); reference.h5 is made of a package that has them
(docs/d3_tables.py; its licence: LICENSE.tables).
"""

import math
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS, SYMBOLS, element_of
from mdcore.base.errors import InputError
from mdcore.base.files import open_h5
from mdcore.base.units import BOHR, HARTREE

NOWHERE = -1e4  # number of neighbours of a reference system that an element does not have


class Reference:
    """Tables of the elements 1 to `last`; index: atomic number - 1. eV, Angstrom.

    numbers : [most] of neighbours of the reference systems of each, c6 : {(z, z'): [k, k']} of these;
    ratios : square roots of what C8 / C6 of a pair is three times the product of
    covalent : radii, 4/3 of them; pair_radii : [last, last], R0 of zero damping
    """

    def __init__(self, path: Path):
        with open_h5(path, "tables of DFT-D3") as file:
            names = ("element", "cn", "c6", "r4r2", "covalent", "pair_radii")
            element, cn, c6, r4r2, covalent, pairs = (file[name][:] for name in names)
        self.last = len(covalent)
        z = np.arange(1, self.last + 1)
        self.covalent = 4.0 / 3.0 * covalent
        self.ratios = np.sqrt(0.5 * r4r2 * np.sqrt(z)) * BOHR
        self.pair_radii = _symmetric(pairs, self.last)
        self._c6, self._cn = _symmetric(c6, len(cn)) * (HARTREE * BOHR**6), cn
        ends = np.searchsorted(element, np.arange(self.last + 2))
        self._rows = [slice(a, b) for a, b in pairwise(ends)]

    def numbers(self, z: int) -> np.ndarray:
        """Of neighbours, of the reference systems of an element: [k]."""
        return self._cn[self._rows[z]]

    def c6(self, z: int, other: int) -> np.ndarray:
        """C6 [k, k'] of the reference systems of two elements."""
        return self._c6[self._rows[z], self._rows[other]]


def _symmetric(lower: np.ndarray, n: int) -> np.ndarray:
    """[n, n] of its lower triangle."""
    full = np.empty((n, n))
    full[np.tril_indices(n)] = lower
    full.T[np.tril_indices(n)] = lower
    return full


@cache
def reference() -> Reference:
    return Reference(Path(__file__).with_name("reference.h5"))


def unknown(name: str) -> str:
    """What is wrong with a species, or nothing."""
    last = reference().last
    if 1 <= ATOMIC_NUMBERS.get(element_of(name), 0) <= last:
        return ""
    return f"no parameters for species {name}; there are some for H to {SYMBOLS[last]}"


class Tables:
    """What kernels know of these species (ext/dispersion/dispersion.h): covalent [n], reference [n, refs], ratios
    [n, n] = C8 / C6, radii [n, n] = R0; of pairs, where C6_ab = sum_k s_k F_ak F'_bk: factors [n, n, refs, refs], F of
    the first, and signs [n, n, refs]. InputError for a species without parameters."""

    def __init__(self, symbols):
        for complaint in filter(None, map(unknown, symbols)):
            raise InputError(f"D3: {complaint}")
        it, numbers = reference(), [ATOMIC_NUMBERS[element_of(name)] for name in symbols]
        most = max((len(it.numbers(z)) for z in numbers), default=1)
        n, refs = len(numbers), 4 * math.ceil(most / 4)
        rows = np.array(numbers, dtype=int) - 1
        self.covalent = it.covalent[rows]
        self.ratios = 3.0 * np.outer(it.ratios[rows], it.ratios[rows])
        self.radii = it.pair_radii[np.ix_(rows, rows)]
        self.reference, self.factors = np.full((n, refs), NOWHERE), np.zeros((n, n, refs, refs))
        self.signs = np.ones((n, n, refs))
        for a, z in enumerate(numbers):
            own = it.numbers(z)
            self.reference[a, : len(own)] = own
            for b, other in enumerate(numbers):
                factor, signs = factors(it, z, other)
                self.factors[a, b, : factor.shape[0], : factor.shape[1]] = factor
                self.signs[a, b, : len(signs)] = signs


def factors(it: Reference, z: int, other: int) -> tuple[np.ndarray, np.ndarray]:
    """F [k, m] and signs [m] by which C6 of the reference systems of two elements is F diag(signs) F'^T, F' of the
    other element with this one: so both atoms of a pair are treated alike. Of two elements the heavier one has F = 1;
    of one, F is what Gauss's elimination leaves, the largest pivot first, for C6 is an integral of products: positive,
    but for the rounding of tables.
    """
    c6 = it.c6(z, other)
    if z != other:
        factor = c6 if z < other else np.eye(len(c6))
        return factor, np.ones(factor.shape[1])
    factor, signs, rest = np.zeros_like(c6), np.ones(len(c6)), c6.copy()
    for k in range(len(c6)):
        pivot = int(np.abs(rest.diagonal()).argmax())
        if rest[pivot, pivot] == 0.0:
            break
        signs[k] = np.sign(rest[pivot, pivot])
        factor[:, k] = rest[pivot] / np.sqrt(abs(rest[pivot, pivot]))
        rest -= signs[k] * np.outer(factor[:, k], factor[:, k])
        rest[pivot] = rest[:, pivot] = 0.0
    return factor, signs
