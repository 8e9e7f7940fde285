"""Do structures of a list, one after the other, depend on those before?"""

import numpy as np
import pytest

from mdcore.engine import work
from mdcore.engine.evaluation import evaluate
from mdcore.engine.single import Engine
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.systems import cells
from tests.test_contract import POTENTIALS

KINDS = ("cubic", "small triclinic", "slab", "wire", "cluster", "atoms outside")


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


@pytest.mark.parametrize("skin", [0.0, 0.7])
@pytest.mark.parametrize("name", POTENTIALS)
def test_no_potential_remembers_what_was_before(name, skin):
    """One engine for structures in any order, in cells that stay and that change, with other species in other numbers,
    answers bit by bit as a new one for each does."""
    case, rng, structures = POTENTIALS[name], np.random.default_rng(5), []
    potential = case.make()
    for kind, system in cells(potential.cutoff):
        if kind in KINDS and not (kind == "wire" and case.far):
            own = case.of(system)
            for _ in range(2):
                x = own.positions + rng.normal(scale=0.03, size=own.positions.shape)
                structures.append((own.box, x, rng.permutation(own.species)))
            structures.append((own.box, own.positions, np.zeros_like(own.species)))

    def ask(engine, structure):
        engine.place(*structure)
        told = engine.compute()
        return told.energy, *(getattr(told, own).tobytes() for own in ("energies", "forces", "virial"))

    def engine():
        return Engine(potential, case.symbols, skin, own.units)

    alone, several = [ask(engine(), structure) for structure in structures], engine()
    order = [*range(len(structures)), *rng.integers(len(structures), size=2 * len(structures))]
    assert [ask(several, structures[k]) for k in order] == [alone[k] for k in order]
