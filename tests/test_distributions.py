"""The long form of tests/test_ensembles.py: every thermostat and barostat against its ensemble, on Lennard-Jones and on
a network potential, as `benchmarks/ensemble_validation.py` judges them (its table is in docs/benchmarks.md).

Of all rows together 450 distances and 52 p are compared; of right ones chance alone puts one beyond 4.5 standard errors
once in 330 times, and a p below 1e-5 once in 1900: if blocks know nothing of each other, a false alarm in 280 times
that all are run.
"""

import itertools
import zlib

import pytest

from benchmarks import ensemble_validation as validation

pytestmark = pytest.mark.slow
FARTHEST, LEAST = 4.5, 1e-5
ROWS = [
    (system, coupling, name)
    for system, (make, couplings) in validation.SYSTEMS.items()
    for coupling in couplings
    for name in validation.names(coupling)
]


@pytest.mark.parametrize(("system", "coupling", "name"), ROWS)
def test_distributions(system, coupling, name):
    pytest.importorskip("physical_validation", reason="the witness: pip install physical_validation")
    it = validation.SYSTEMS[system][0]()
    seeds = itertools.count(zlib.crc32(f"{system} {name}".encode()))
    found, _ = validation.study(it, coupling, name, it.steps, seeds)
    wrong = max(map(abs, found.distances)) > FARTHEST or min(found.kinetic) < LEAST
    assert wrong == ("no ensemble" in name), found
    assert abs(found.apart) < 0.3, "blocks know of each other: longer runs are needed"
