"""Does a loss on energies and forces change with the network's parameters as the kernels say?"""

from itertools import pairwise

import numpy as np
import pytest

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.doors import _hdnnp
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.model import ACTIVATIONS, ElementNetwork, SymmetryFunction, n_parameters
from mdcore.potentials.networks.plans import energy_of, make_plan, network_tables
from tests.reference import hdnnp as twin
from tests.reference import hdnnp_network
from tests.reference.hdnnp_models import random_cluster, random_model
from tests.test_symmetry_kernels import Block

# inputs, hidden..., 1: one to four layers, odd widths, widths around multiples of four, more than any tile holds
SIZES = [(1, 1), (6, 1), (4, 1, 1), (3, 5, 4, 1), (13, 16, 33, 1), (7, 9, 2, 3, 1)]


def random_network(sizes, activation, normalize_nodes=False, seed=0):
    """`activation` in the hidden layers, tanh in the second; in a single layer too."""
    letters = activation if len(sizes) == 2 else (activation + "t" + activation)[: len(sizes) - 2] + "l"
    parameters = np.random.default_rng(seed).normal(size=n_parameters(sizes)) * 0.6
    return ElementNetwork.from_flat(parameters, sizes, letters, normalize_nodes)


def kernels_of(network):
    """The network of a potential whose descriptors don't matter."""
    n = network.layer_sizes[0]
    functions = [SymmetryFunction(type=2, center="H", neighbors=("H",), eta=1.0 + k, cutoff=3.0) for k in range(n)]
    plan = make_plan(tuple(functions), ("H",))
    return _hdnnp.Networks([(plan, [network_tables(network)], np.ones(n), np.zeros(n), 0.0, 1.0, 0.0)])


def samples(n, n_in, seed=1):
    """x, v [n, n_in] and a [n]"""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_in)), rng.normal(size=(n, n_in)), rng.normal(size=n)


def assert_close(got, want, tolerance=1e-12):
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * max(1.0, np.abs(want).max(initial=0)))


@pytest.mark.parametrize("normalize_nodes", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: "-".join(map(str, sizes)))
def test_equals_twin(sizes, activation, normalize_nodes, level):
    network = random_network(sizes, activation, normalize_nodes)
    kernels = kernels_of(network)
    x, v, a = samples(77, sizes[0])
    segments = [0, 0, 1, 3, 24, 48, 48, 76, 77, 77]  # empty ones, some that end where a block does, one across two
    energy, de_dx, _, dl_dx = hdnnp_network.double_backward(network, x, v, a)
    got = kernels.gradients(0, x, a, v, segments, inputs=True)
    for one, want in zip(got, (hdnnp_network.jacobian(network, x, v, a, segments), energy, de_dx, dl_dx), strict=True):
        assert_close(one, want)
    assert kernels.gradients(0, x, a, v, segments).tobytes() == got[0].tobytes()
    assert_close(kernels.gradients(0, x, a), hdnnp_network.jacobian(network, x, 0 * v, a, [0, 77]))


@pytest.mark.parametrize("normalize_nodes", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(2, 1), (3, 5, 4, 1), (4, 3, 2, 3, 1)], ids=lambda sizes: f"{len(sizes) - 1}")
def test_finite_differences(sizes, activation, normalize_nodes):
    """In every parameter: of a E + v . dE/dx, as `network` gives them after `set_parameters`."""
    network = random_network(sizes, activation, normalize_nodes)
    kernels, flat = kernels_of(network), network.flat()
    x, v, a = samples(9, sizes[0], seed=3)  # none on a kink of r

    def loss(parameters):
        kernels.set_parameters(0, parameters)
        energy, de_dx = kernels.network(0, x)
        return a @ energy + np.sum(v * de_dx)

    numerical = derivatives(loss, flat)
    kernels.set_parameters(0, flat)
    assert_close(kernels.gradients(0, x, a, v)[0], numerical, 1e-8)


def derivatives(function, at, h=1e-4):
    """Central differences of fourth order, in every variable."""

    def difference(k, step):
        up, down = at.copy(), at.copy()
        up[k] += step
        down[k] -= step
        return function(up) - function(down)

    return np.array([(8 * difference(k, h) - difference(k, 2 * h)) / (12 * h) for k in range(len(at))])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 23, 24, 25, 101])
def test_any_number_of_atoms(n, level):
    network = random_network((5, 6, 3, 1), "s")
    x, v, a = samples(n, 5)
    got = kernels_of(network).gradients(0, x, a, v, inputs=True)
    energy, de_dx, dl_dw, dl_dx = hdnnp_network.double_backward(network, x, v, a)
    for one, want in zip(got, (dl_dw[None], energy, de_dx, dl_dx), strict=True):
        assert one.shape == want.shape
        assert_close(one, want)


def test_bits_do_not_depend_on_blocks(level):
    """A segment alone or among others; E and dE/dx as `network` gives them."""
    network = random_network((30, 25, 25, 1), "t")
    kernels = kernels_of(network)
    x, v, a = samples(200, 30)
    segments = [0, 7, 90, 91, 160, 200]
    together, energy, de_dx, _ = kernels.gradients(0, x, a, v, segments, inputs=True)
    for s, (begin, end) in enumerate(pairwise(segments)):
        alone = kernels.gradients(0, x[begin:end], a[begin:end], v[begin:end])
        assert alone[0].tobytes() == together[s].tobytes()
    plain = kernels.network(0, x)
    assert energy.tobytes() == plain[0].tobytes() and de_dx.tobytes() == np.ascontiguousarray(plain[1]).tobytes()


def test_rows_of_a_wider_array():
    """Descriptors of several elements are columns of one array: no copy, the same numbers."""
    kernels = kernels_of(random_network((5, 6, 3, 1), "t"))
    x, v, a = samples(30, 9)
    want = kernels.gradients(0, x[:, :5].copy(), a, v[:, :5].copy())
    assert kernels.gradients(0, x[:, :5], a, v[:, :5]).tobytes() == want.tobytes()
    assert kernels.gradients(0, x[:, :5], a, np.asfortranarray(v)[:, :5]).tobytes() == want.tobytes()


@pytest.mark.parametrize("normalize_nodes", [False, True])
def test_set_parameters(normalize_nodes):
    """As if the networks had been made with them; the model that they were made of stays."""
    sizes = (5, 6, 3, 1)
    old, new = (random_network(sizes, "t", normalize_nodes, seed) for seed in (0, 1))
    x, v, a = samples(30, 5)
    kernels, tables = kernels_of(old), network_tables(old)
    before = [table.tobytes() for table in tables[0][:3]]
    kernels.set_parameters(0, new.flat())
    other = kernels_of(new)
    assert kernels.n_parameters(0) == new.flat().size
    for one, want in zip(kernels.network(0, x), other.network(0, x), strict=True):
        assert one.tobytes() == want.tobytes()
    assert kernels.gradients(0, x, a, v).tobytes() == other.gradients(0, x, a, v).tobytes()
    assert [table.tobytes() for table in tables[0][:3]] == before


def test_refuses_arrays_that_do_not_fit():
    kernels = kernels_of(random_network((5, 6, 3, 1), "t"))
    x, v, a = samples(30, 5)
    for bad in (
        (1, x, a, v),
        (0, x[:, :4], a, v),
        (0, x, a[1:], v),
        (0, x, a, v[1:]),
        (0, x, a, v, [0, 31]),
        (0, x, a, v, [1, 30]),
        (0, x, a, v, [0, 20, 10, 30]),
        (0, x, a, v, []),
    ):
        with pytest.raises(ValueError):
            kernels.gradients(*bad)
    for element, parameters in ((0, np.zeros(3)), (1, np.zeros(kernels.n_parameters(0)))):
        with pytest.raises(ValueError):
            kernels.set_parameters(element, parameters)


# --- the whole: from a structure's energy, forces and virial to the parameters of all elements ------------


class Fit:
    """L = w_E (E - E_0)^2 + w_F sum_i |F_i - F_i0|^2 + w_W |W - W_0|^2 of a structure, and dL/dw.

    Descriptors and their edges never change; forces are F_i += g_ij, F_j -= g_ij, W = -sum r_ij (x) g_ij
    with g_ij = sum_s dE_i/dG_s dG_s/dr_ij.
    """

    def __init__(self, model, symbols, positions, cell):
        self.model, self.networks = model, networks_of(model)
        numbers = np.array([ATOMIC_NUMBERS[s] for s in symbols])
        environments = [env for _, env in twin.environments(positions, numbers, cell, model.cutoff)]
        block = self.block = Block(model, list(zip(symbols, environments, strict=True)))
        self.values = self.networks.values(*block.arguments())
        self.edges = np.array(block.xyz)
        self.i = np.repeat(np.arange(len(symbols)), block.first[:, -1] - block.first[:, 0])
        self.j = np.concatenate([env.indices[order] for env, order in zip(environments, block.edges, strict=True)])
        rng = np.random.default_rng(8)
        self.energy0, self.forces0 = rng.normal(), rng.normal(size=(len(symbols), 3))
        self.virial0 = rng.normal(size=(3, 3))
        self.weights = 0.7, 0.4, 0.3

    def elements(self):
        """(element, its atoms, number of descriptors, slope, inputs x, factor, offset)"""
        for e, scaling in enumerate(self.model.scaling):
            slope, shift, base = scaling.affine()
            atoms = np.flatnonzero(self.block.centers == e)
            x = slope * (self.values[atoms, : len(slope)] - shift) + base
            yield e, atoms, len(slope), slope, x, *energy_of(self.model, e)

    def predict(self):
        """E, F [n, 3], W [3, 3]"""
        energy, de_dg = 0.0, np.zeros_like(self.values)
        for e, atoms, n, slope, x, factor, offset in self.elements():
            own, de_dx = self.networks.network(e, x)
            energy += factor * own.sum() + offset * len(atoms)
            de_dg[atoms, :n] = factor * slope * de_dx
        g = self.networks.vjp(*self.block.arguments(), de_dg)
        forces = np.zeros_like(self.forces0)
        np.add.at(forces, self.i, g.T)
        np.subtract.at(forces, self.j, g.T)
        return energy, forces, -self.edges @ g.T

    def loss(self):
        energy, forces, virial = self.predict()
        of_energy, of_forces, of_virial = self.weights
        loss = of_energy * (energy - self.energy0) ** 2 + of_forces * np.sum((forces - self.forces0) ** 2)
        return loss + of_virial * np.sum((virial - self.virial0) ** 2)

    def gradient(self):
        """dL/dw of each element"""
        energy, forces, virial = self.predict()
        of_energy, of_forces, of_virial = self.weights
        dl_de = 2 * of_energy * (energy - self.energy0)
        dl_df, dl_dw = 2 * of_forces * (forces - self.forces0), 2 * of_virial * (virial - self.virial0)
        tangents = (dl_df[self.i] - dl_df[self.j]).T - dl_dw.T @ self.edges  # dL/dg_ij
        rates = _hdnnp.jvp(self.networks, *self.block.arguments(), np.ascontiguousarray(tangents))  # dL/d(dE/dG)
        return [
            self.networks.gradients(e, x, np.full(len(x), factor * dl_de), factor * slope * rates[atoms, :n])[0]
            for e, atoms, n, slope, x, factor, _ in self.elements()
        ]


@pytest.mark.parametrize("cell", [None, np.array([[2.9, 0.0, 0.0], [0.7, 3.1, 0.0], [-0.4, 0.6, 2.7]])])
@pytest.mark.parametrize("normalize_nodes", [False, True])
@pytest.mark.parametrize("symbols", ["OHHOH", "OO"])
def test_gradient_of_a_loss(symbols, normalize_nodes, cell):
    """Energy, forces and virial of the twin; dL/dw of every parameter of every element against differences."""
    model = random_model(types=[2, 3, 9, 20, 21], normalize_nodes=normalize_nodes, activations="tpl")
    positions = random_cluster(symbols, seed=2, spread=1.2)
    fit = Fit(model, symbols, positions, cell)
    energy, forces, virial = fit.predict()
    want = twin.evaluate(model, symbols, positions, cell)
    assert energy == pytest.approx(want.energy, rel=1e-12)
    assert_close(forces, want.forces, 1e-11)
    assert_close(virial, want.virial, 1e-11)
    for e, gradient in enumerate(fit.gradient()):
        flat = model.networks[e].flat()

        def loss(parameters, e=e):
            fit.networks.set_parameters(e, parameters)
            return fit.loss()

        numerical = derivatives(loss, flat)
        fit.networks.set_parameters(e, flat)
        assert np.abs(gradient - numerical).max() <= 1e-8 * np.abs(numerical).max()
        assert (np.abs(gradient).max() > 1e-3) == (model.elements[e] in symbols)
