"""Which structures make one step, and in which order do they come?

Every structure once in an epoch, at random, with one condition: the set, in its own order, is cut into as many runs as
a step has structures, and each step has one of each. So each step sees the whole set, which is often sorted by what its
structures are of; and since ranks keep runs of the set, each step has work for all of them. The order does not depend
on their number.
"""

import json

import numpy as np


def batches(rng: np.random.Generator, structures: np.ndarray, size: int) -> list[np.ndarray]:
    """All of `structures`, about `size` of them in each batch."""
    n = max(1, round(len(structures) / size))
    strata = [rng.permutation(own) for own in np.array_split(structures, max(1, -(-len(structures) // n)))]
    when = np.concatenate([(np.arange(len(own)) + 0.5) / max(len(own), 1) for own in strata])
    return np.array_split(np.concatenate(strata)[np.argsort(when, kind="stable")], n)


def state_of(rng: np.random.Generator) -> np.ndarray:
    """Where a generator stands, as an array for a file."""
    return np.frombuffer(json.dumps(rng.bit_generator.state).encode(), dtype=np.uint8)


def set_state(rng: np.random.Generator, state) -> None:
    """Put a generator where state_of found it."""
    rng.bit_generator.state = json.loads(bytes(np.asarray(state, dtype=np.uint8)))
