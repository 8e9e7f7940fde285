"""Why invariance matters, and why it is not enough: the claims of docs/invariance.md."""

import numpy as np
import pytest

from benchmarks import invariance
from benchmarks.invariance import SETS, butane, descriptors, energy, network_potential, raw_energy, torsion_energy, turn

BLIND, SEEING = list(SETS)[:2], list(SETS)[2:]
ANGLES = np.arange(0.0, 181.0, 12.0)
TRAIN = np.arange(0.0, 181.0, 10.0)  # the networks are asked between these angles as well


def distances(x):
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def test_geometry():
    """Bonds and angles of the textbook at every dihedral, which is the one that was asked for."""
    c2, c1, c3, c4 = 0, 1, 7, 8
    for angle in ANGLES:
        x = butane(angle)
        bonds = [distances(x)[pair] for pair in ((c1, c2), (c2, c3), (c3, c4))]
        np.testing.assert_allclose(bonds, invariance.CC)
        carbon = np.array([s == "C" for s in invariance.SYMBOLS])
        np.testing.assert_allclose(distances(x)[~carbon][:, carbon].min(axis=1), invariance.CH)
        a, b, c = x[c2] - x[c1], x[c3] - x[c2], x[c4] - x[c3]
        assert np.degrees(np.arccos(-a @ b / invariance.CC**2)) == pytest.approx(invariance.CCC)
        m, n = np.cross(a, b), np.cross(b, c)
        cosine = m @ n / np.linalg.norm(m) / np.linalg.norm(n)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))) == pytest.approx(angle, abs=1e-5)


def test_coordinates_change_energy_on_rotation():
    """A network of the coordinates, the centre of mass taken out, answers otherwise when the molecule is turned or two
    hydrogens change places; a network of symmetry functions does not."""
    x, q = butane(180.0), turn(40.0, axis=(1.0, 2.0, 0.5))
    order = np.arange(14)
    order[[2, 9]] = 9, 2
    assert invariance.SYMBOLS[2] == invariance.SYMBOLS[9] == "H"
    potential = network_potential(SEEING[1])
    want = energy(potential, x)
    for seed in range(1, 6):
        assert abs(raw_energy(x @ q, seed) - raw_energy(x, seed)) > 0.1
        assert abs(raw_energy(x[order], seed) - raw_energy(x, seed)) > 0.01
        assert raw_energy(x + 3.0, seed) == pytest.approx(raw_energy(x, seed), abs=1e-9)
    for changed in (x @ q, x[order], x + 3.0, -x):
        assert energy(potential, changed) == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", BLIND)
def test_what_ends_at_bonds_and_angles_has_no_torsional_barrier(name, seed):
    """Whatever the weights: the descriptors are those of trans butane, so the energy is."""
    potential = network_potential(name, seed)
    trans = descriptors(potential, butane(180.0))
    assert np.abs(trans).max() > 0.5
    for angle in ANGLES:
        np.testing.assert_allclose(descriptors(potential, butane(angle)), trans, rtol=0, atol=1e-13)
    assert np.ptp([energy(potential, butane(angle)) for angle in ANGLES]) < 1e-7


@pytest.mark.parametrize("name", BLIND)
def test_fitting_does_not_help(name):
    """The best such a network can learn is the mean."""
    fitted = network_potential(name, dihedrals=TRAIN)
    found = [energy(fitted, butane(angle)) for angle in TRAIN]
    np.testing.assert_allclose(found, torsion_energy(TRAIN).mean(), rtol=1e-6)


@pytest.mark.parametrize("name", SEEING)
def test_symmetry_functions_see_the_torsion(name):
    """Once they reach across the middle bond, radial ones too. The barrier is learnt, between the angles as well."""
    assert np.ptp([energy(network_potential(name), butane(angle)) for angle in ANGLES]) > 1.0  # random weights
    fitted = network_potential(name, dihedrals=TRAIN)
    g = np.array([descriptors(fitted, butane(angle)) for angle in ANGLES])
    assert np.ptp(g, axis=0).max() > 0.1 * np.abs(g).max()
    found = np.array([energy(fitted, butane(angle)) for angle in ANGLES])
    np.testing.assert_allclose(found, torsion_energy(ANGLES), atol=0.02)
    assert np.ptp(torsion_energy(ANGLES)) == pytest.approx(19.8, abs=0.1)  # kJ/mol, cis


def test_mirror_images_are_alike():
    fitted = network_potential(SEEING[0], dihedrals=TRAIN)
    for angle in (30.0, 65.0, 140.0):
        assert energy(fitted, butane(angle)) == pytest.approx(energy(fitted, butane(-angle)), rel=1e-9)


def test_figure(tmp_path):
    pytest.importorskip("matplotlib")
    invariance.draw(tmp_path / "invariance.png")
    assert (tmp_path / "invariance.png").stat().st_size > 20_000
