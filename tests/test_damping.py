"""Close charges that feel less of each other, next to the formulas, and the witness that nothing else changes."""

import math

import numpy as np
import pytest

from mdcore import Box, Electrostatics, InputError, Simulation, System, evaluate
from mdcore.base.units import COULOMB
from tests import contract
from tests.systems import SKEW
from tests.test_electrostatics import SALT, WIDTHS, charges_of, neutral

KINDS = {
    "cosine": {"inner": 1.5, "outer": 5.0},
    "polynomial": {"inner": 1.0, "outer": 5.5},
    "thole": {"decay": 2.5},
    "tang-toennies": {"decay": 3.0},
}


def left(kind: str, r: float, inner=0.0, outer=0.0, decay=0.0) -> float:
    """The part of 1 / r that is left."""
    if decay:
        linear = decay * r / (2.0 if kind == "thole" else 1.0)
        return 1.0 - (1.0 + linear) * math.exp(-decay * r)
    x = min(max((r - inner) / (outer - inner), 0.0), 1.0)
    return 0.5 * (1.0 - math.cos(math.pi * x)) if kind == "cosine" else x**3 * (10.0 - 15.0 * x + 6.0 * x * x)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("r", [0.9, 2.1, 4.4, 5.6, 30.0])
def test_two_charges_have_what_is_left(kind, r):
    pair = System(Box(40.0 * np.eye(3), (False, False, False)), np.array([[0.0, 0, 0], [0, 0, r]]), ["Na", "Cl"])
    potential = Electrostatics(SALT, accuracy=1e-10, damping=kind, **KINDS[kind])
    assert evaluate(potential, pair).energy == pytest.approx(-COULOMB / r * left(kind, r, **KINDS[kind]), abs=2e-9)


@pytest.mark.parametrize("kind", ["cosine", "polynomial"])
def test_gaussians_have_no_energy_in_their_own_field(kind):
    """As fourth-generation networks count it (n2p2, RuNNer: screen_electrostatics)."""
    for r in (0.7, 2.0, 7.0):
        pair = System(Box(40.0 * np.eye(3), (False, False, False)), np.array([[0.0, 0, 0], [0, 0, r]]), ["Na", "Cl"])
        potential = Electrostatics(SALT, accuracy=1e-8, widths=WIDTHS, damping=kind, **KINDS[kind])
        gamma = 1.0 / math.sqrt(2.0 * (WIDTHS["Na"] ** 2 + WIDTHS["Cl"] ** 2))
        want = -COULOMB * math.erf(gamma * r) / r * left(kind, r, **KINDS[kind])
        assert evaluate(potential, pair).energy == pytest.approx(want, abs=1e-7)


@pytest.mark.parametrize("widths", [None, {"Na": 0.5, "Cl": 0.6}], ids=["points", "gaussians"])
@pytest.mark.parametrize("kind", KINDS)
def test_forces_stress_and_potentials(kind, widths):
    if widths and "decay" in KINDS[kind]:
        pytest.skip("of points")
    system = neutral(24, 11.0 * SKEW)
    potential = Electrostatics(SALT, accuracy=1e-7, cutoff=9.0, widths=widths, damping=kind, **KINDS[kind])
    contract.assert_forces_match_energy(potential, system)
    contract.assert_stress_matches_energy(potential, system)
    contract.assert_atom_energies_add_up(potential, system)
    found = evaluate(potential, system, findings=True)
    shares = 0.5 * found.findings["electric_potential"] * charges_of(system)
    np.testing.assert_allclose(shares, found.energies, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["cosine", "thole"])
def test_a_crystal_lacks_what_its_pairs_lack(kind):
    """Over images, too; of charges of the structure alike; and nothing is taken away from pairs that have nothing."""
    system, own = neutral(20, 7.0 * np.eye(3)), KINDS[kind]
    whole, less = (evaluate(Electrostatics(SALT, accuracy=1e-9, **more), system)
                   for more in ({}, {"damping": kind, **own}))  # fmt: skip
    q, missing, steps = charges_of(system), 0.0, range(-3, 4)
    for shift in (np.array([i, j, k]) * 7.0 for i in steps for j in steps for k in steps):
        r = np.linalg.norm(system.positions[:, None] - system.positions - shift, axis=-1)
        for i, j in zip(*np.nonzero(r > 1e-9), strict=True):
            missing += 0.5 * q[i] * q[j] * (1.0 - left(kind, r[i, j], **own)) / r[i, j]
    assert whole.energy - less.energy == pytest.approx(COULOMB * missing, abs=2e-7)
    of_atoms = System(system.box, system.positions, ["Na"] * 20, charges=q)
    same = evaluate(Electrostatics(accuracy=1e-9, damping=kind, **own), of_atoms)
    np.testing.assert_allclose(same.forces, less.forces, rtol=0, atol=1e-8)


def test_joined_atoms_are_left_alone():
    ions = System(Box.cubic(30.0), np.array([[0.0, 0, 0], [1.0, 0, 0]]), ["Na", "Cl"])
    ions.bonds = np.array([[0, 1, 1]])
    energies = []
    for more in ({}, {"damping": "cosine", "inner": 1.5, "outer": 5.0}):
        potential = Electrostatics(SALT, accuracy=1e-8, cutoff=9.0, **more)
        potential.exclude_bonded = 1
        energies.append(evaluate(potential, ions).energy)
    assert energies[0] == energies[1]


def test_what_is_chosen_reaches_as_far():
    system = neutral(200, 14.0 * np.eye(3), apart=1.5)
    sim = Simulation(system, Electrostatics(SALT, accuracy=1e-3, damping="thole", decay=1.0))
    assert sim.potential.cutoff >= (1.5 - math.log(1e-3) + 2.0) / 1.0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"damping": "cos"}, "damping = 'cos'"),
        ({"damping": "cosine"}, "has inner and outer"),
        ({"damping": "cosine", "inner": 5.0, "outer": 4.0}, "expected inner < outer"),
        ({"damping": "thole"}, "has a decay"),
        ({"damping": "thole", "decay": 2.0, "outer": 3.0}, "has a decay, and neither"),
        ({"damping": "thole", "decay": 2.0, "widths": WIDTHS}, "one of points"),
        ({"damping": "cosine", "outer": 9.0, "cutoff": 8.0}, "less than damping reaches"),
        ({"decay": 2.0}, "are of a damping"),
    ],
)
def test_what_is_refused(options, text):
    with pytest.raises(InputError) as caught:
        Electrostatics(SALT, **options)
    assert text in str(caught.value)
