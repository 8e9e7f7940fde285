"""Does the slow NumPy twin of the network potential do what the equations, and n2p2, say?

Everything is differentiated numerically; the functions with no published numbers are compared with the
formula written out as loops; the whole is compared with n2p2 2.3 (``expected/`` of the reference data).
"""

import itertools
import math
import time
from pathlib import Path

import numpy as np
import pytest

from mdcore.potentials.networks.model import ACTIVATIONS, SCALING_MODES, SUBTYPES, ElementNetwork
from mdcore.potentials.networks.n2p2.data import read_input_data
from mdcore.potentials.networks.n2p2.read import read_n2p2
from tests.reference import hdnnp, hdnnp_network
from tests.reference.hdnnp_models import ALL_TYPES, functions_of, random_cluster, random_model

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "n2p2"
NUMBERS = {"H": 1, "O": 8}
SYMBOLS = ("O", "H", "H", "O", "H", "O")


def environment(seed=0):
    """Atom 0 of a random cluster, all others within or beyond the cutoff of 3."""
    positions = random_cluster(SYMBOLS, seed)
    vectors = positions[1:] - positions[0]
    return hdnnp.Environment(vectors, np.array([NUMBERS[s] for s in SYMBOLS[1:]]))


def numerical_gradient(function, x, h=1e-5):
    """Central differences of a scalar function of an array."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        gradient[index] = (function(up) - function(down)) / (2 * h)
    return gradient


def numerical_derivative(function, x, h=1e-4):
    """The same to fourth order for a function of one variable, elementwise on x."""
    first, second = (function(x + h) - function(x - h)), (function(x + 2 * h) - function(x - 2 * h))
    return (8 * first - second) / (12 * h)


# --- functions of one variable ---------------------------------------------------------------------------


@pytest.mark.parametrize("cutoff_type", range(9))
@pytest.mark.parametrize("alpha", [0.0, 0.4])
def test_cutoff_function(cutoff_type, alpha):
    r = np.linspace(0.05, 3.4, 60) + 0.0013  # never on the inner or outer cutoff
    f, df = hdnnp.cutoff_function(r, 3.0, cutoff_type, alpha)
    assert np.allclose(
        df, numerical_derivative(lambda x: hdnnp.cutoff_function(x, 3.0, cutoff_type, alpha)[0], r), atol=5e-9
    )
    assert np.all(f[r > 3.0] == 0)
    if cutoff_type not in (0, 2, 3):
        assert np.all(f[r < alpha * 3.0] == 1)
    if cutoff_type:
        edge, slope = hdnnp.cutoff_function(np.array([3.0 - 1e-7]), 3.0, cutoff_type, alpha)
        assert abs(edge[0]) < 1e-12 and abs(slope[0]) < 1e-5
    start = hdnnp.cutoff_function(np.array([1e-9]), 3.0, cutoff_type, alpha)[0][0]
    assert start == pytest.approx(math.tanh(1) ** 3 if cutoff_type == 2 else 1.0, abs=1e-8)


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_compact_function(subtype):
    kind, asymmetric = subtype.removesuffix("a"), subtype.endswith("a")
    x = np.linspace(0.4, 3.3, 57)
    f, df = hdnnp.compact(x, 0.8, 2.9, kind, asymmetric)
    numerical = numerical_derivative(lambda x: hdnnp.compact(x, 0.8, 2.9, kind, asymmetric)[0], x)
    assert np.allclose(df, numerical, atol=2e-8)
    assert np.all(f[(x < 0.8) | (x > 2.9)] == 0)
    assert hdnnp.compact(np.array([1.85]), 0.8, 2.9, kind, asymmetric)[0][0] == pytest.approx(1.0)


@pytest.mark.parametrize("letter", ACTIVATIONS)
def test_activation(letter):
    f, df, ddf = hdnnp_network.ACTIVATIONS[letter]
    x = np.linspace(-3, 3, 41) + 0.01
    assert np.allclose(df(x), numerical_derivative(f, x), atol=1e-9)
    assert np.allclose(ddf(x), numerical_derivative(df, x), atol=1e-9)
    literal = {
        "l": lambda x: x, "t": math.tanh, "s": lambda x: 1 / (1 + math.exp(-x)), "r": lambda x: max(x, 0),
        "p": lambda x: math.log(1 + math.exp(x)), "g": lambda x: math.exp(-x * x / 2), "c": math.cos,
        "S": lambda x: 1 - 1 / (1 + math.exp(-x)), "e": lambda x: math.exp(-x), "h": lambda x: x * x,
    }[letter]  # fmt: skip
    assert np.allclose(f(x), [literal(v) for v in x], atol=1e-14)
    if letter != "e":
        assert np.all(np.isfinite(f(np.array([-800.0, 800.0]))))


# --- descriptors -----------------------------------------------------------------------------------------


def assert_gradient_matches(functions, env):
    g, dg = hdnnp.descriptors(functions, env)
    for s, function in enumerate(functions):

        def value(vectors, function=function):
            return hdnnp.descriptor(function, hdnnp.Environment(vectors, env.numbers))[0]

        coarse, fine = (numerical_gradient(value, env.vectors, h) for h in (2e-4, 1e-4))
        assert np.allclose(dg[s], (4 * fine - coarse) / 3, atol=2e-8 * max(1, abs(g[s]))), function.label


@pytest.mark.parametrize("alpha", [0.0, 0.35])
@pytest.mark.parametrize("cutoff_type", range(9))
@pytest.mark.parametrize("kind", [2, 3, 9, 12, 13])
def test_descriptor_gradients(kind, cutoff_type, alpha):
    functions = functions_of("O", ("H", "O"), [kind], cutoff_type=cutoff_type, alpha=alpha)
    assert_gradient_matches(functions, environment(seed=kind))


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("kind", [20, 21, 22, 23, 24, 25])
def test_compact_descriptor_gradients(kind, subtype):
    functions = functions_of("O", ("H", "O"), [kind], subtype=subtype)
    assert_gradient_matches(functions, environment(seed=kind))


@pytest.mark.parametrize("kind", ALL_TYPES)
@pytest.mark.parametrize("cutoff_type", [1, 4])
def test_descriptor_is_the_formula_written_out(kind, cutoff_type):
    """Loops over neighbours and pairs, scalar arithmetic, angles from acos: an independent reading."""
    env = environment(seed=3)

    def fc(r, rc):
        if r >= rc:
            return 0.0
        x = r / rc
        return 0.5 * (math.cos(math.pi * x) + 1) if cutoff_type == 1 else math.exp(1 - 1 / (1 - x * x))

    def bump(x, left, right, asymmetric):
        u = abs(x - (left + right) / 2) / ((right - left) / 2)
        if u >= 1:
            return 0.0
        u = (2 - u) * u if asymmetric else u
        return 1 - 10 * u**3 + 15 * u**4 - 6 * u**5

    def literal(f):
        vectors, z = env.vectors.tolist(), env.numbers.tolist()
        wanted = [NUMBERS[e] for e in f.neighbors]
        gauss = lambda r: math.exp(-f.eta * (r - f.rs) ** 2) * fc(r, f.cutoff)  # noqa: E731
        shell = lambda r: bump(r, f.rl, f.cutoff, True)  # noqa: E731
        total = 0.0
        if kind in (2, 12, 20, 23):
            for v, zj in zip(vectors, z, strict=True):
                if wanted in ([], [zj]):
                    total += (1 if wanted else zj) * (gauss if kind in (2, 12) else shell)(math.hypot(*v))
            return total
        for (v, zj), (w, zk) in itertools.combinations(zip(vectors, z, strict=True), 2):
            if wanted and sorted(wanted) != sorted([zj, zk]):
                continue
            a, b, c = math.hypot(*v), math.hypot(*w), math.dist(v, w)
            cosine = (a * a + b * b - c * c) / (2 * a * b)
            if kind in (3, 9, 13):
                term = 2 ** (1 - f.zeta) * (1 + f.lambda_ * cosine) ** f.zeta * gauss(a) * gauss(b)
                term *= 1 if kind == 9 else gauss(c)
            else:
                term = bump(math.degrees(math.acos(cosine)), f.thl, f.thr, False) * shell(a) * shell(b)
                term *= shell(c) if kind in (21, 24) else 1
            total += term * (1 if wanted else zj * zk)
        return total

    functions = functions_of("O", ("H", "O"), [kind], cutoff_type=cutoff_type)
    for function in functions:
        value, expected = hdnnp.descriptor(function, env)[0], literal(function)
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-14), function.label
    assert sum(literal(f) != 0 for f in functions) > len(functions) / 2


def test_contractions_agree_with_the_jacobian():
    env, rng = environment(seed=5), np.random.default_rng(0)
    functions = functions_of("O", ("H", "O"))
    de_dg, tangent = rng.normal(size=len(functions)), rng.normal(size=env.vectors.shape)
    assert np.sum(hdnnp.vjp(functions, env, de_dg) * tangent) == pytest.approx(
        de_dg @ hdnnp.jvp(functions, env, tangent), rel=1e-12
    )


def test_straight_lines_and_no_neighbours():
    functions = functions_of("O", ("H", "O"))
    line = hdnnp.Environment(np.array([[1.0, 0, 0], [-1.2, 0, 0], [2.1, 0, 0]]), np.array([1, 1, 8]))
    g, dg = hdnnp.descriptors(functions, line)
    assert np.all(np.isfinite(g)) and np.all(np.isfinite(dg))
    g, dg = hdnnp.descriptors(functions, hdnnp.Environment(np.zeros((0, 3)), np.zeros(0, int)))
    assert np.all(g == 0) and dg.shape == (len(functions), 0, 3)


# --- network ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize_nodes", [False, True])
@pytest.mark.parametrize(
    "letters", [*(a + b + "l" for a, b in zip(ACTIVATIONS, "ptcgsSethp", strict=True)), "l", "pht"]
)
def test_network_derivatives(letters, normalize_nodes):
    rng = np.random.default_rng(len(letters))
    sizes = (4, 5, 3, 1) if len(letters) == 3 else (4, 1)
    count = sum((i + 1) * o for i, o in itertools.pairwise(sizes))
    parameters = rng.normal(size=count) * 0.7
    x, v, w = rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), rng.normal(size=6)

    def network(p):
        return ElementNetwork.from_flat(p, sizes, letters, normalize_nodes)

    def loss(p, x):
        energy, de_dx, _ = hdnnp_network.gradients(network(p), x)
        return float(w @ energy + np.sum(v * de_dx))

    energy, de_dx, d_loss, dl_dx = hdnnp_network.double_backward(network(parameters), x, v, w)
    assert np.allclose(energy, hdnnp_network.value(network(parameters), x), atol=1e-14)
    numerical = numerical_gradient(lambda y: hdnnp_network.value(network(parameters), y).sum(), x)
    assert np.allclose(de_dx, numerical, atol=1e-7)
    numerical = numerical_gradient(lambda p: loss(p, x), parameters)
    assert np.allclose(d_loss, numerical, atol=2e-7 * max(1, np.abs(numerical).max()))
    numerical = numerical_gradient(lambda y: loss(parameters, y), x)
    assert np.allclose(dl_dx, numerical, atol=2e-7 * max(1, np.abs(numerical).max()))
    d_energy = hdnnp_network.gradients(network(parameters), x)[2]
    numerical = numerical_gradient(lambda p: hdnnp_network.value(network(p), x).sum(), parameters)
    assert np.allclose(d_energy, numerical, atol=2e-7 * max(1, np.abs(numerical).max()))


# --- the whole potential ---------------------------------------------------------------------------------

CELLS = {
    "cluster": None,
    "small triclinic": np.array([[2.9, 0.0, 0.0], [0.7, 3.1, 0.0], [-0.4, 0.6, 2.7]]),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
@pytest.mark.parametrize("mode", SCALING_MODES)
def test_forces_and_virial_match_energy(mode, cell):
    model = random_model(mode=mode, normalize_nodes=mode == "sigma", normalisation=mode != "none")
    symbols, positions = ("O", "H", "H"), random_cluster("OHH", seed=2, spread=1.2)
    result = hdnnp.evaluate(model, symbols, positions, cell)
    numerical = numerical_gradient(lambda p: hdnnp.evaluate(model, symbols, p, cell).energy, positions)
    assert np.allclose(result.forces, -numerical, atol=1e-7)
    assert np.allclose(result.forces.sum(axis=0), 0, atol=1e-12)
    assert result.energy == pytest.approx(result.atomic_energies.sum(), rel=1e-14)

    def strained(strain):
        deform = np.eye(3) + strain
        return hdnnp.evaluate(
            model, symbols, positions @ deform, None if cell is None else cell @ deform
        ).energy

    numerical = numerical_gradient(strained, np.zeros((3, 3)))
    assert np.allclose(result.virial, -numerical, atol=1e-7)
    assert np.allclose(result.virial, result.virial.T, atol=1e-11)


def test_invariance_and_extensivity():
    model, cell = random_model(), CELLS["small triclinic"]
    symbols, positions = ("O", "H", "H"), random_cluster("OHH", seed=2, spread=1.2)
    one = hdnnp.evaluate(model, symbols, positions, cell)
    q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))  # a rotation, perhaps with inversion
    turned = hdnnp.evaluate(model, symbols, positions @ q + 0.3, cell @ q)
    assert turned.energy == pytest.approx(one.energy, rel=1e-12)
    assert np.allclose(turned.forces, one.forces @ q, atol=1e-11)
    order = [2, 0, 1]
    permuted = hdnnp.evaluate(model, [symbols[i] for i in order], positions[order], cell)
    assert np.allclose(permuted.forces, one.forces[order], atol=1e-11)
    double = hdnnp.evaluate(
        model, symbols * 2, np.vstack([positions, positions + cell[0]]), cell * [[2], [1], [1]]
    )
    assert double.energy == pytest.approx(2 * one.energy, rel=1e-12)
    assert np.allclose(double.forces[3:], one.forces, atol=1e-11)


@pytest.mark.reference
@pytest.mark.parametrize("name", ["Cu2S_PBE", "H2O_RPBE-D3"])
def test_agrees_with_n2p2(name):
    """Energy within 1e-10 relative, each force component within 1e-9 (native units); seen 1e-15, 6e-14."""
    folder = REFERENCE / name
    if not folder.is_dir():
        pytest.skip(f"no reference data beside the repository ({folder})")
    model = read_n2p2(folder)
    (structure,) = read_input_data(folder / "input.data")
    start = time.perf_counter()
    result = hdnnp.evaluate(model, structure.symbols, structure.positions, structure.cell)
    assert time.perf_counter() - start < 60
    energy = np.loadtxt(folder / "expected" / "energy.out")[3]
    forces = np.loadtxt(folder / "expected" / "nnforces.out")[:, 5:8]
    atoms = np.loadtxt(folder / "expected" / "nnatoms.out")[:, 6]
    assert result.energy == pytest.approx(energy, rel=1e-10)
    assert np.abs(result.forces - forces).max() < 1e-9
    offset = model.normalisation.mean_energy  # their column has no mean and no atom energies
    assert np.abs(result.atomic_energies - offset - atoms).max() < 1e-9
