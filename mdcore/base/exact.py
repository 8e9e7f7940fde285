"""How does a sum over millions of atoms come out the same on any number of ranks?

Kernels add integers (multiples of a grid, ext/core/fixed.h) in 128 bits and hand the sum
over as three limbs, value = l0 + l1 2^40 + l2 2^80, that can be added over ranks as
int64. Here limbs become Python integers and, in one correctly rounded step, floats.
"""

import math

import numpy as np

LIMBS = 3
LIMB_BITS = 40
FORCE_BITS = 36  # forces and pair energies: multiples of 2^-36
SHARE_LIMIT = 2.0**27  # energies of atoms are less: 64 bits of that
TOO_MUCH = 2.0**62  # a total beyond this has one in it that is not (ext/core/fixed.h)
ENERGY_BITS = 40  # kinetic energies, momenta, heat: multiples of 2^-40
POSITION_BITS = 40  # positions: multiples of 2^-40 ...
POSITION_REACH = 4096.0  # ... while all of them are within +-4096 length units


def integer(limbs) -> int:
    """The integer behind limbs int64 [3]."""
    return int(limbs[0]) + (int(limbs[1]) << LIMB_BITS) + (int(limbs[2]) << 2 * LIMB_BITS)


def limbs(number: int) -> np.ndarray:
    """Limbs int64 [3] of an integer."""
    mask = (1 << LIMB_BITS) - 1
    return np.array([number & mask, number >> LIMB_BITS & mask, number >> 2 * LIMB_BITS], dtype=np.int64)


def value(number: int, bits: int) -> float:
    """number * 2^-bits, rounded once."""
    return math.ldexp(number, -bits) if -(1 << 53) < number < 1 << 53 else number / (1 << bits)


def total(numbers) -> int:
    """The sum of int64 [n], however large it is."""
    return (int((numbers >> 32).sum()) << 32) + int((numbers & 0xFFFFFFFF).sum())


def sums(comm, values: np.ndarray, bits: int) -> np.ndarray:
    """The sum of float64 [n, ...] over all rows of all ranks, each rounded to 2^-bits: the same however they are shared
    (collective)."""
    whole = np.rint(np.ldexp(values, bits)).astype(np.int64).reshape(len(values), math.prod(values.shape[1:]))
    shared = comm.sum(np.array([limbs(total(column)) for column in whole.T]))
    return np.array([value(integer(row), bits) for row in shared]).reshape(values.shape[1:])


def dots(comm, *columns: np.ndarray) -> list[float]:
    """The sum of each column float64 [n] over all rows of all ranks, each number rounded to 2^-52 of the largest of its
    column: the same however rows are shared (collective); nan for a column with one that is no number."""
    peaks = comm.maximum(np.array([np.abs(column).max(initial=0.0) for column in columns]))
    bits = [52 - math.frexp(peak)[1] if np.isfinite(peak) else 0 for peak in peaks]
    shares = np.zeros((len(columns), LIMBS), dtype=np.int64)
    for k, column in enumerate(columns):
        if np.isfinite(peaks[k]):
            shares[k] = limbs(total(np.rint(np.ldexp(column, bits[k])).astype(np.int64)))
    shares = comm.sum(shares)
    found = zip(shares, bits, peaks, strict=True)
    return [scaled(integer(row), own) if np.isfinite(peak) else math.nan for row, own, peak in found]


def scaled(number: int, bits: int) -> float:
    """number * 2^-bits, rounded once; of any number of bits."""
    return math.ldexp(float(number), -bits)


def rounded(positions, bits: int) -> np.ndarray:
    """Positions on their grid: the nearest multiples of 2^-bits."""
    scale = 2.0**bits
    return np.rint(np.asarray(positions) * scale) / scale


def position_bits(extent: float) -> int:
    """Bits behind the point for positions of a run whose coordinates stay within +-extent."""
    return POSITION_BITS - max(0, math.ceil(math.log2(max(extent, 1.0) / POSITION_REACH)))
