"""Do the kernels of density networks compute what the slow twin does, and its gradient?"""

import numpy as np
import pytest
from mdcore.doors._density import Densities, Edges, shapes

from tests.density_twin import Twin, random_network

CELL = np.array([[4.2, 0.0, 0.0], [0.5, 4.5, 0.0], [0.3, 0.2, 5.0]])
KINDS = [
    (("H", "O"), {}),
    (("Si",), {"layers": 1, "l_max": 2, "factors": 2}),
    (("Si",), {"layers": 1, "l_max": 2, "envelope": 12}),
    (("H", "O"), {"l_max": 1, "envelope": 3}),
    (("H", "C", "O"), {"layers": 3, "l_max": 1, "hidden": 0}),
    (("H", "O"), {"channels": 32, "l_max": 4, "factors": 4, "mixed": 8}),
    (("H", "O"), {"l_max": 0, "factors": 1, "radial": 1}),
    (("H", "O"), {"message_l": 1}),
    (("H", "C", "O"), {"layers": 3, "l_max": 1, "channels": 32, "message_l": 1}),
    (("Si",), {"layers": 4, "l_max": 4, "factors": 1, "message_l": 1}),
]


class Case:
    """Six atoms in a cell smaller than the cutoff, and the kernels of a network for them."""

    def __init__(self, elements, design, precision="double"):
        self.network, rng = random_network(elements, **design), np.random.default_rng(5)
        it, n = self.network.design, 6
        self.twin = Twin(self.network, rng.integers(0, len(elements), n), rng.random((n, 3)) @ CELL, CELL)
        self.theta = self.network.fold()
        self.kernels = Densities(it.sizes, it.program, self.theta, precision)
        order = np.argsort(self.twin.i, kind="stable")
        self.i, self.j = self.twin.i[order], self.twin.j[order]
        self.edges = Edges(np.searchsorted(self.i, np.arange(n + 1)), self.j, self.twin.d[order], self.twin.species)
        self.n, self.rng = n, rng

    def objective(self, theta, weight, tangent, strain) -> float:
        self.kernels.set(theta)
        energies, forces, virial = self.kernels.evaluate(self.edges)
        self.kernels.set(self.theta)
        return weight * energies.sum() - np.sum(forces * tangent) - np.sum(virial * strain)


@pytest.mark.parametrize(("elements", "design"), KINDS)
@pytest.mark.parametrize("precision", ["double", "mixed"])
def test_energies_forces_and_virial(elements, design, precision):
    it = Case(elements, design, precision)
    energies, forces, virial = it.kernels.evaluate(it.edges)
    least = 1e-10 if precision == "double" else 1e-5
    scale = np.abs(it.twin.forces()).max() + 1.0
    assert energies == pytest.approx(it.twin.energies(it.twin.d), abs=least * scale)
    assert forces == pytest.approx(it.twin.forces(), abs=least * scale)
    assert virial == pytest.approx(it.twin.virial(), abs=10 * least * scale)
    assert it.kernels.messages(it.edges) == pytest.approx(it.twin.messages(), abs=least * 1e2)
    last = it.network.design.layers - 1
    assert it.kernels.densities(it.edges, last) == pytest.approx(it.twin.densities(last), abs=least * 1e2)


@pytest.mark.parametrize(("elements", "design"), KINDS)
def test_the_gradient_of_a_loss_on_energy_forces_and_stress(elements, design):
    it = Case(elements, design)
    weight, tangent, strain = 0.7, it.rng.normal(size=(it.n, 3)), 0.3 * it.rng.normal(size=(3, 3))
    found = np.zeros(len(it.theta))
    it.kernels.gradient(it.edges, weight, tangent, strain, found)
    place, step = 0, 1e-4
    for name, _, shape in shapes(it.kernels.sizes, it.network.design.program):
        size = int(np.prod(shape))
        way = np.zeros(len(it.theta))  # all numbers of an array at once
        way[place : place + size] = it.rng.normal(size=size) * np.sqrt(1.0 / max(size, 1))
        two, one = (
            (
                it.objective(it.theta + h * way, weight, tangent, strain)
                - it.objective(it.theta - h * way, weight, tangent, strain)
            )
            / (2.0 * h)
            for h in (2.0 * step, step)
        )
        expected = (4.0 * one - two) / 3.0
        assert found @ way == pytest.approx(expected, rel=1e-6, abs=1e-8), name
        place += size


def test_gradients_add_up_and_mixed_ones_are_near():
    elements, design = KINDS[0]
    it, other = Case(elements, design), Case(elements, design, "mixed")
    tangent, strain = it.rng.normal(size=(it.n, 3)), np.zeros((3, 3))
    once, twice, mixed = np.zeros((3, len(it.theta)))
    it.kernels.gradient(it.edges, 1.0, tangent, strain, once)
    for _ in range(2):
        it.kernels.gradient(it.edges, 1.0, tangent, strain, twice)
    other.kernels.gradient(other.edges, 1.0, tangent, strain, mixed)
    assert twice == pytest.approx(2.0 * once, rel=1e-12)
    assert np.linalg.norm(mixed - once) < 1e-4 * np.linalg.norm(once)


def test_a_lone_atom_has_the_energy_of_no_neighbours():
    it = Case(("H", "O"), {})
    energies, forces, _ = it.kernels.evaluate(Edges([0, 0, 0], [], np.zeros((0, 3)), [0, 1]))
    lone = Twin(it.network, [0, 1], np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0]]))
    assert energies == pytest.approx(lone.energies(lone.d), abs=1e-10) and not forces.any()
