"""Do the descriptor and network kernels equal their slow twins, on every CPU level?"""

import numpy as np
import pytest

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.doors import _hdnnp
from mdcore.potentials.networks.hdnnp import networks_of
from mdcore.potentials.networks.model import ACTIVATIONS, SUBTYPES, SymmetryFunction
from mdcore.potentials.networks.plans import LIMIT, make_plan
from tests.reference import hdnnp as twin
from tests.reference import hdnnp_network
from tests.reference.hdnnp_models import random_cluster, random_model


class Block:
    """Environments as the kernels take them: centers, first, x, y, z; `order`: their edges among the twin's."""

    def __init__(self, model, environments):
        """environments : (center, twin Environment)"""
        numbers = model.atomic_numbers
        self.centers = np.array([model.elements.index(c) for c, _ in environments], dtype=np.int32)
        self.environments = [env for _, env in environments]
        edges = [np.argsort(env.numbers, kind="stable") for env in self.environments]
        start, first = 0, []
        for env, order in zip(self.environments, edges, strict=True):
            first.append(start + np.append(np.searchsorted(env.numbers[order], numbers), len(order)))
            start += len(order)
        self.first = np.array(first, dtype=np.int64).reshape(len(edges), len(numbers) + 1)
        self.edges = edges
        vectors = [env.vectors[order] for env, order in zip(self.environments, edges, strict=True)]
        self.xyz = [np.ascontiguousarray(column) for column in np.concatenate([*vectors, np.empty((0, 3))]).T]

    def arguments(self):
        return self.centers, self.first, *self.xyz

    def of(self, a, columns):
        """Edge columns [3, n_edges] of environment a as [n, 3] in the twin's order."""
        out = np.empty((len(self.edges[a]), 3))
        out[self.edges[a]] = columns[:, self.first[a, 0] : self.first[a, -1]].T
        return out


def cluster_environments(symbols, centers, seed=3, spread=2.2, closest=0.7):
    positions = random_cluster(symbols, seed, spread, closest)
    numbers = np.array([ATOMIC_NUMBERS[s] for s in symbols])
    found = []
    for i in centers:
        others = np.arange(len(symbols)) != i
        found.append((symbols[i], twin.Environment(positions[others] - positions[i], numbers[others])))
    return found


def assert_equals_twin(model, environments, tolerance=1e-12):
    """values, vjp and jvp of a block against the twin's, relative to the largest number of each kind."""
    networks, block = networks_of(model), Block(model, environments)
    rng = np.random.default_rng(1)
    slopes = rng.normal(size=(len(environments), networks.n_functions))
    tangents = rng.normal(size=(3, len(block.xyz[0])))
    values = networks.values(*block.arguments())
    gradients = networks.vjp(*block.arguments(), slopes)
    rates = _hdnnp.jvp(networks, *block.arguments(), tangents)
    for a, env in enumerate(block.environments):
        functions = model.symmetry_functions[block.centers[a]]
        n = len(functions)
        want, jacobian = twin.descriptors(functions, env)
        for got, expected in (
            (values[a, :n], want),
            (block.of(a, gradients), np.einsum("s,snc->nc", slopes[a, :n], jacobian)),
            (rates[a, :n], np.einsum("snc,nc->s", jacobian, block.of(a, tangents))),
        ):
            scale = max(1.0, np.abs(expected).max(initial=0))
            np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)
        assert np.all(values[a, n:] == 0)


SYMBOLS = ("O", "H", "H", "O", "H", "O", "O", "H", "H", "H", "O", "O")


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("cutoff_type", range(9))
@pytest.mark.parametrize("kind", [2, 3, 9, 12, 13])
def test_functions_with_cutoff(kind, cutoff_type, alpha, level):
    model = random_model(types=[kind], cutoff_type=cutoff_type, alpha=alpha)
    assert_equals_twin(model, cluster_environments(SYMBOLS, (0, 1)))


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("kind", [20, 21, 22, 23, 24, 25])
def test_functions_of_compact_support(kind, subtype, level):
    assert_equals_twin(random_model(types=[kind], subtype=subtype), cluster_environments(SYMBOLS, (0, 1)), 1e-11)


def with_functions(functions, elements):
    """A model with just these symmetry functions."""
    model = random_model(elements)
    own = [tuple(sorted((f for f in functions if f.center == e), key=lambda f: f.sort_key)) for e in elements]
    object.__setattr__(model, "symmetry_functions", tuple(own))
    for e, (part, scaling, network) in enumerate(zip(own, model.scaling, model.networks, strict=True)):
        for name in ("min", "max", "mean", "sigma"):
            object.__setattr__(scaling, name, np.resize(getattr(scaling, name), len(part)))
        weights = (np.resize(network.weights[0], (len(part), network.weights[0].shape[1])), *network.weights[1:])
        object.__setattr__(model.networks[e], "weights", weights)
    return model


def angular(kind=3, center="O", neighbors=("H", "O"), eta=0.1, lambda_=1.0, zeta=1.0, cutoff=3.0, **more):
    return SymmetryFunction(
        type=kind, center=center, neighbors=neighbors, eta=eta, lambda_=lambda_, zeta=zeta, cutoff=cutoff, **more
    )


@pytest.mark.parametrize("cutoff_type", [1, 2, 6])
def test_shared_terms(cutoff_type, level):
    """Exponents that are multiples of each other, many powers, several cutoffs and shifts in one potential."""
    functions = [
        angular(kind, "O", pair, eta, lambda_, zeta, cutoff, rs=rs, cutoff_type=cutoff_type)
        for kind, pair, cutoff, rs in (
            (3, ("H", "O"), 3.0, 0.0),
            (3, ("H", "H"), 2.5, 0.0),
            (9, ("H", "O"), 3.0, 0.0),
            (3, ("O", "O"), 3.0, 0.5),
            (9, ("O", "O"), 2.0, 0.3),
        )
        for eta in (0.0, 0.001, 0.01, 0.03, 0.07, 0.2, 0.123)
        for lambda_, zeta in ((1, 1), (-1, 1), (1, 2), (-1, 4), (0.5, 6), (1, 8))
    ]
    functions += [
        SymmetryFunction(type=2, center="O", neighbors=(e,), eta=eta, rs=rs, cutoff=cutoff, cutoff_type=cutoff_type)
        for e in "HO"
        for eta in (0.001, 0.01, 0.06, 1.5)
        for rs in (0.0, 0.9)
        for cutoff in (2.0, 3.0)
    ]
    functions.append(SymmetryFunction(type=2, center="H", neighbors=("O",), cutoff=3.0))
    model = with_functions(functions, ("H", "O"))
    assert_equals_twin(model, cluster_environments(SYMBOLS, (0, 1, 3)))


@pytest.mark.parametrize(("lambda_", "zeta"), [(1, 16), (-1, 64), (1, 2.5), (-1, 0.7), (1.5, 3), (-2, 1.5), (1, 300),
                                              (1, -1), (-1, -2)])  # fmt: skip
def test_odd_powers(lambda_, zeta, level):
    """Powers that are not expanded: large, fractional, negative, and with a base that is clipped at zero."""
    functions = [angular(kind, lambda_=lambda_, zeta=zeta) for kind in (3, 9)] + [angular(3, lambda_=-1.0, zeta=4)]
    functions.append(SymmetryFunction(type=2, center="H", neighbors=("O",), cutoff=3.0))
    assert_equals_twin(with_functions(functions, ("H", "O")), cluster_environments(SYMBOLS, (0, 3)), 1e-11)


def test_more_exponents_and_angles_than_a_group_holds(level):
    functions = [angular(3, eta=0.01 + 0.017 * k, zeta=1 + k % 40, lambda_=(-1) ** k) for k in range(3 * LIMIT)]
    functions.append(SymmetryFunction(type=2, center="H", neighbors=("O",), cutoff=3.0))
    model = with_functions(functions, ("H", "O"))
    groups = make_plan(model.symmetry_functions[1], model.elements).tables[4]
    assert len(groups) > 1 and max(groups["n_exponents"].max(), groups["n_angles"].max()) <= LIMIT
    assert_equals_twin(model, cluster_environments(SYMBOLS, (0, 3)))


def test_many_elements(level):
    elements = ("H", "C", "N", "O", "S")
    model = random_model(elements, types=[2, 3, 9, 13, 20, 25])
    rng = np.random.default_rng(5)
    symbols = tuple(rng.choice(elements, 16))
    assert_equals_twin(model, cluster_environments(symbols, range(6), spread=2.6), 1e-11)


def crowd(n, seed=0, radius=3.0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 3))
    vectors *= (radius * rng.uniform(0.05, 1.0, n) ** (1 / 3) / np.linalg.norm(vectors, axis=1))[:, None]
    return twin.Environment(vectors, rng.choice([1, 8], n))


@pytest.mark.parametrize("types", [[3], [9], [13], [3, 9, 24]])
@pytest.mark.parametrize("n", [60, 150])
def test_more_triplets_than_are_kept(n, types, level):
    """Crowded environments: many chunks, more than the store holds, computed anew in the reverse pass."""
    assert_equals_twin(random_model(types=[2, *types]), [("O", crowd(n))], 1e-11)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5])
def test_few_neighbours(n, level):
    rng = np.random.default_rng(n)
    env = twin.Environment(rng.uniform(0.7, 1.2, (n, 3)), rng.choice([1, 8], n))
    assert_equals_twin(random_model(), [("O", env), ("H", env)], 1e-11)


def test_straight_lines_and_coincident_directions(level):
    """theta = pi and 0, where d theta / d cos has no value."""
    vectors = np.array([[1.0, 0, 0], [-1.2, 0, 0], [1.9, 0, 0], [0, 0.8, 0], [0, -1.1, 0]])
    env = twin.Environment(vectors, np.array([1, 1, 8, 8, 1]))
    model = random_model(types=[2, 3, 9, 21, 22])
    networks, block = networks_of(model), Block(model, [("O", env)])
    slopes = np.random.default_rng(0).normal(size=(1, networks.n_functions))
    gradients = networks.vjp(*block.arguments(), slopes)
    assert np.isfinite(gradients).all()
    want, jacobian = twin.descriptors(model.symmetry_functions[1], env)
    np.testing.assert_allclose(networks.values(*block.arguments())[0, : len(want)], want, atol=1e-12)
    expected = np.einsum("s,snc->nc", slopes[0, : len(want)], jacobian)
    np.testing.assert_allclose(block.of(0, gradients), expected, atol=1e-9)


def test_neighbours_on_the_cutoff(level):
    """Just inside, on and outside: nothing but a vanishing contribution."""
    model = random_model(types=[2, 3, 9, 12, 13], cutoff_type=2)
    networks = networks_of(model)
    inner = np.array([[0.9, 0.2, 0.1], [-0.5, 0.8, 0.4]])
    alone = twin.Environment(inner, np.array([1, 8]))
    reference = networks.values(*Block(model, [("O", alone)]).arguments())
    for r in (np.nextafter(3.0, 0), 3.0, np.nextafter(3.0, 4), 3.1):
        env = twin.Environment(np.vstack([inner, [0.0, 0.0, r]]), np.array([1, 8, 8]))
        block = Block(model, [("O", env)])
        np.testing.assert_allclose(networks.values(*block.arguments()), reference, rtol=0, atol=1e-14)
        assert np.isfinite(networks.vjp(*block.arguments(), np.ones_like(reference))).all()


def test_an_environment_does_not_know_its_block(level):
    """Alone or among others, the same bits."""
    model = random_model()
    environments = [*cluster_environments(SYMBOLS, range(len(SYMBOLS))), ("H", crowd(40))]
    networks, block = networks_of(model), Block(model, environments)
    rng = np.random.default_rng(2)
    slopes = rng.normal(size=(len(environments), networks.n_functions))
    values, gradients = networks.values(*block.arguments()), networks.vjp(*block.arguments(), slopes)
    for a, environment in enumerate(environments):
        single = Block(model, [environment])
        assert networks.values(*single.arguments()).tobytes() == values[a].tobytes()
        alone = networks.vjp(*single.arguments(), slopes[a : a + 1])
        assert alone.tobytes() == gradients[:, block.first[a, 0] : block.first[a, -1]].tobytes()


def test_vjp_is_the_transpose_of_jvp(level):
    model = random_model()
    environments = [*cluster_environments(SYMBOLS, range(5)), ("O", crowd(50))]
    networks, block = networks_of(model), Block(model, environments)
    rng = np.random.default_rng(3)
    slopes = rng.normal(size=(len(environments), networks.n_functions))
    tangents = rng.normal(size=(3, len(block.xyz[0])))
    forward = np.sum(slopes * _hdnnp.jvp(networks, *block.arguments(), tangents))
    reverse = np.sum(networks.vjp(*block.arguments(), slopes) * tangents)
    assert forward == pytest.approx(reverse, rel=1e-12)


@pytest.mark.parametrize("normalize_nodes", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (1,), (5, 4), (16, 33, 3)])
def test_network(hidden, activation, normalize_nodes, level):
    activations = (activation + "tt")[: len(hidden)] + "l"
    model = random_model(types=[2], hidden=hidden, activations=activations, normalize_nodes=normalize_nodes)
    rng = np.random.default_rng(0)
    for e, network in enumerate(model.networks):
        x = rng.normal(size=(7, network.layer_sizes[0]))
        energy, slopes = networks_of(model).network(e, x)
        want, gradient, _ = hdnnp_network.gradients(network, x)
        np.testing.assert_allclose(energy, want, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(slopes, gradient, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_far_out(activation, level):
    """Large arguments saturate or grow as they should, without overflow on the way."""
    model = random_model(elements=("H",), types=[2], hidden=(), activations=activation)
    network = networks_of(model)
    n = model.networks[0].layer_sizes[0]
    x = np.zeros((9, n))
    x[:, 0] = np.array([-900, -300, -40, -5, 0, 5, 40, 300, 900]) / model.networks[0].weights[0][0, 0]
    if activation in "e":
        x = x[3:]
    if activation == "c":
        x = x[3:6]
    energy, slopes = network.network(0, x)
    want, gradient, _ = hdnnp_network.gradients(model.networks[0], x)
    np.testing.assert_allclose(energy, want, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-11, atol=1e-15)


def test_refuses_blocks_that_do_not_fit():
    networks = networks_of(random_model())
    block = Block(random_model(), cluster_environments(SYMBOLS, (0, 1)))
    centers, first, x, y, z = block.arguments()
    for bad in (
        (centers, first[:, :-1].copy(), x, y, z),
        (centers, first + 5, x, y, z),
        (centers + np.int32(5), first, x, y, z),
        (centers, first, x[:-1], y, z),
    ):
        with pytest.raises(ValueError):
            networks.values(*bad)
    with pytest.raises(ValueError):
        networks.vjp(*block.arguments(), np.zeros((1, 3)))
