"""Do structures of a list, one after the other, depend on those before?"""

import numpy as np
import pytest

from mdcore.engine import work
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.box import Box
from mdcore.structure.system import System


@pytest.mark.parametrize("periodic", [True, (True, True, False)])
def test_a_cell_that_stays_is_not_made_anew_and_changes_no_bit(periodic, monkeypatch):
    """Of structures one after the other: the same cell, another one, the first again, other atoms in it."""
    rng, made, crystal = np.random.default_rng(3), [], System.build("fcc", lattice_constant=5.3, species="Ar")
    own = work.Domain
    monkeypatch.setattr(work, "Domain", lambda *given, **how: made.append(1) or own(*given, **how))
    cells = [Box(scale * crystal.box.matrix * 3, periodic) for scale in (1.0, 1.0, 1.01, 1.0, 1.0)]
    lattice = crystal.replicate((3, 3, 3)).positions
    structures = [
        System(box, (lattice + rng.normal(scale=0.1, size=lattice.shape))[:n], ["Ar"] * n)
        for box, n in zip(cells, (108, 108, 108, 108, 90), strict=True)
    ]
    potential = LennardJones(8.5, epsilon=0.0103, sigma=3.4)
    found = evaluate(potential, structures)
    many = len(made)
    alone = [evaluate(potential, own) for own in structures]
    assert len(made) - many == 5 and (many == 4 or periodic is not True)
    for one, other in zip(found, alone, strict=True):
        assert one.energy == other.energy
        np.testing.assert_array_equal(one.forces, other.forces)
        np.testing.assert_array_equal(one.virial, other.virial)
