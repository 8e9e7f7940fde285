"""Philox4x32-10 as the paper has it.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
doi:10.1145/2063384.2063405, section 3.3 and table 2.
"""

import numpy as np

MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], dtype=np.uint64)
WEYL = np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint64)  # golden ratio, sqrt(3) - 1
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

# (counter, key, result): kat_vectors of the Random123 distribution, philox4x32 with 10 rounds
KNOWN_ANSWERS = [
    (
        (0x00000000, 0x00000000, 0x00000000, 0x00000000),
        (0x00000000, 0x00000000),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox4x32(counter, key, rounds: int = 10) -> np.ndarray:
    """counter [..., 4], key [..., 2] of 32-bit integers -> uint32 [..., 4]."""
    c = np.asarray(counter, dtype=np.uint64)
    k = np.asarray(key, dtype=np.uint64)
    for _ in range(rounds):
        product0, product1 = MULTIPLIERS[0] * c[..., 0], MULTIPLIERS[1] * c[..., 2]
        c = np.stack(
            [
                (product1 >> HALF) ^ c[..., 1] ^ k[..., 0],
                product1 & LOW,
                (product0 >> HALF) ^ c[..., 3] ^ k[..., 1],
                product0 & LOW,
            ],
            axis=-1,
        )
        k = (k + WEYL) & LOW
    return c.astype(np.uint32)


def words(seed: int, step: int, stream: int, tags) -> np.ndarray:
    """uint32 [n, 4]: key = seed; counter = step (two words), tag, and stream with the tag's upper bits."""
    counter = [
        (
            step & 0xFFFFFFFF,
            step >> 32,
            tag & 0xFFFFFFFF,
            (tag >> 32 << 8 ^ stream) & 0xFFFFFFFF,
        )
        for tag in np.asarray(tags).tolist()
    ]
    return philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32))
