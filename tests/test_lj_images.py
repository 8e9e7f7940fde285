"""Lennard-Jones whose attraction has all its images: is it the sum over them, are forces and stress its derivatives?"""

import itertools
import math

import numpy as np
import pytest

from mdcore import Box, InputError, LennardJones, LongLennardJones, System, evaluate
from mdcore.potentials.dispersion import images
from tests import contract
from tests.systems import SKEW, scattered

MATRIX = np.array([[12.0, 0.0, 0.0], [3.0, 11.0, 0.0], [-2.0, 4.0, 10.0]])
SPECIES = {"Ar": (0.5, 2.2), "Kr": (1.0, 2.6)}
waves_or_mesh = pytest.mark.parametrize("mesh_from", [0, math.inf], ids=["mesh", "waves"])


def lattice(n=24, noise=0.02) -> System:
    rng = np.random.default_rng(0)
    sites = np.array(list(itertools.product(range(3), repeat=3)))[:n] / 3.0
    where = (sites + rng.normal(size=(n, 3)) * noise) @ MATRIX
    return System(Box(MATRIX), where, species=np.arange(n) % 2, symbols=("Ar", "Kr"))


def direct(system: System, far: float, mixing: str) -> tuple[float, np.ndarray]:
    """Energy and forces [n, 3] of pairs up to a distance, beyond it the mean."""
    x, m, energy = system.positions, system.box.matrix, 0.0
    n, forces = len(x), np.zeros_like(system.positions)
    most = [int(far * size) + 1 for size in np.linalg.norm(np.linalg.inv(m), axis=0)]
    shifts = np.array(list(itertools.product(*(range(-k, k + 1) for k in most)))) @ m
    for i, j in itertools.product(range(n), repeat=2):
        (ea, sa), (eb, sb) = (SPECIES[system.symbols[system.species[k]]] for k in (i, j))
        sigma = math.sqrt(sa * sb) if mixing == "geometric" else 0.5 * (sa + sb)
        a, b = (4.0 * math.sqrt(ea * eb) * sigma**power for power in (12, 6))
        d = x[j] - x[i] + shifts
        r2 = (d**2).sum(axis=1)
        near = (r2 < far * far) & (r2 > 0.0)
        d, r2 = d[near], r2[near]
        energy += 0.5 * (a / r2**6 - b / r2**3).sum() - 2.0 * math.pi * b / (3.0 * far**3 * system.box.volume)
        forces[i] += ((6.0 * b / r2**4 - 12.0 * a / r2**7)[:, None] * d).sum(axis=0)
    return energy, forces


@waves_or_mesh
@pytest.mark.parametrize("mixing", ["geometric", "lorentz-berthelot"])
def test_the_sum_over_all_images(mixing, mesh_from, monkeypatch):
    monkeypatch.setattr(images, "MESH_FROM", mesh_from)
    system = lattice()
    energy, forces = direct(system, 45.0, mixing)
    potential = LongLennardJones(10.0, species=SPECIES, mixing=mixing, accuracy=1e-6)
    found = evaluate(potential, [system])[0]
    # the repulsion ends at the cutoff, where it is 1e-7; unlike species mix as they should but beyond
    size = math.sqrt((forces**2).mean())
    assert found.energy == pytest.approx(energy, abs=2e-3 if mixing == "geometric" else 4e-3)
    assert np.abs(found.forces - forces).max() < (3e-5 if mixing == "geometric" else 1e-4) * size * 10
    short = evaluate(LennardJones(10.0, species=SPECIES, mixing=mixing), [system])[0]
    assert np.abs(short.forces - forces).max() > 10.0 * np.abs(found.forces - forces).max()


@waves_or_mesh
@pytest.mark.parametrize("accuracy", [1e-2, 1e-3, 1e-5])
def test_forces_are_as_accurate_as_asked(accuracy, mesh_from, monkeypatch):
    """In a liquid; next to themselves, at a far better accuracy."""
    monkeypatch.setattr(images, "MESH_FROM", mesh_from)
    system = lattice(27, noise=0.05)
    want = evaluate(LongLennardJones(7.0, species=SPECIES, accuracy=1e-7), [system])[0].forces
    found = evaluate(LongLennardJones(7.0, species=SPECIES, accuracy=accuracy), [system])[0].forces
    error = math.sqrt(((found - want) ** 2).mean() / (want**2).mean())
    assert 1e-4 * accuracy < error < accuracy


def test_the_cutoff_does_not_matter():
    system = lattice(27, noise=0.05)
    one, other = (
        evaluate(LongLennardJones(rc, species=SPECIES, mixing="geometric", accuracy=1e-6), [system])[0]
        for rc in (8.0, 11.0)
    )
    size = math.sqrt((other.forces**2).mean())
    np.testing.assert_allclose(one.forces, other.forces, rtol=0, atol=1e-4 * size)
    np.testing.assert_allclose(one.stress, other.stress, rtol=0, atol=1e-3 * np.abs(other.stress).max())


@waves_or_mesh
def test_forces_and_stress_are_the_derivatives_of_the_energy(mesh_from, monkeypatch):
    """Exactly, however coarse the mesh is; of waves, but for those that come and go where the cell is strained."""
    monkeypatch.setattr(images, "MESH_FROM", mesh_from)
    system = scattered(60, 4.6 * SKEW, seed=5, closest=0.9, symbols=("A", "B"))
    own = {"species": {"A": (1.0, 1.0), "B": (0.5, 0.88)}, "pairs": {("A", "B"): (1.5, 0.9)}}
    potential = LongLennardJones(2.0, **own, accuracy=1e-8 if mesh_from else 1e-2)
    contract.assert_forces_match_energy(potential, system)
    contract.assert_stress_matches_energy(potential, system)
    contract.assert_atom_energies_add_up(potential, system)
    contract.assert_list_does_not_matter(potential, system)


def test_pairs_that_bonds_join_do_not_feel_each_other():
    """Two atoms in a large cell, one bond: what is left is what images do."""
    box = Box(20.0 * np.eye(3))
    for d in (1.1, 1.5, 3.0):
        system = System(box, np.array([[1.0, 1.0, 1.0], [1.0 + d, 1.0, 1.0]]), species=[0, 0], symbols=("Ar",))
        system.bonds = [[0, 1, 1]]
        potential = LongLennardJones(8.0, 0.5, 2.2, accuracy=1e-6)
        potential.exclude_bonded = 1
        left = evaluate(potential, [system])[0]
        lattice_sum = 8.40192 / 20.0**6 * 4.0 * 0.5 * 2.2**6  # of r^-6 over a simple cubic lattice
        # each atom has its own images, and those of the other: about the same
        assert left.energy == pytest.approx(-2.0 * lattice_sum, rel=0.3, abs=2e-6)
        contract.assert_forces_match_energy(potential, system)


def test_what_is_wrong_is_told():
    flat = scattered(30, 5.0 * np.eye(3), (True, True, False), seed=3, closest=0.9)
    with pytest.raises(InputError, match="periodic along three axes"):
        evaluate(LongLennardJones(2.0, 1.0, 1.0), [flat])
    with pytest.raises(InputError, match=r"accuracy = 0\.1"):
        LongLennardJones(2.0, 1.0, 1.0, accuracy=0.1)
    with pytest.raises(InputError, match="cutoff of its own"):
        LongLennardJones(2.0, species=SPECIES, pairs={("Ar", "Kr"): (1.0, 1.0, 1.5)})
    assert "too many" in LongLennardJones(2.0, 1.0, 1.0, accuracy=1e-8).too_many(1e3 * np.eye(3))
