"""Are couplings of densities invariants, all of them, each one once?"""

from itertools import pairwise

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.potentials.density.angular import three_j
from mdcore.potentials.density.coupling import program
from tests.density_twin import harmonics

SIZES = [(l_max, factors) for l_max in range(5) for factors in range(1, 5)]


def density(rng, n: int = 9):
    """Weights and directions of neighbours."""
    u = rng.normal(size=(n, 3))
    return rng.normal(size=n), u / np.linalg.norm(u, axis=1, keepdims=True)


def rotation(rng):
    q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return q * np.linalg.det(q)


def invariants(p, weights, u):
    return p.evaluate(weights @ harmonics(u, p.l_max))


@pytest.mark.parametrize("l_max, factors", SIZES)
def test_rotation_and_inversion(l_max, factors):
    """Each of a few densities and its rotated, mirrored images."""
    rng, p = np.random.default_rng(l_max), program(l_max, factors)
    for _ in range(4):
        weights, u = density(rng)
        here = invariants(p, weights, u)
        for other in (u @ rotation(rng).T, -u, u * [1, 1, -1]):
            assert invariants(p, weights, other) == pytest.approx(here, rel=1e-11, abs=1e-11 * np.abs(here).max())
        assert np.abs(here).min() > 0


@pytest.mark.parametrize("l_max, factors", SIZES)
def test_there_are_as_many_as_characters_say(l_max, factors):
    """Invariants of n-th powers: the mean over the group of the character of the symmetric power, (with p_k the
    character of the k-th power of an element) h_n = (1/n) sum_k p_k h_(n-k)."""
    points = 20_000
    angle = (np.arange(points) + 0.5) * np.pi / points
    measure = (1 - np.cos(angle)) / points
    count = np.zeros(factors + 1)
    for sign in (1, -1):
        power = [None] + [
            sum(sign ** (l * k) * np.sin((l + 0.5) * k * angle) / np.sin(0.5 * k * angle) for l in range(l_max + 1))
            for k in range(1, factors + 1)
        ]
        whole = [np.ones(points)]
        for n in range(1, factors + 1):
            whole.append(sum(power[k] * whole[n - k] for k in range(1, n + 1)) / n)
        count += [0.5 * float(measure @ h) for h in whole]
    p = program(l_max, factors)
    assert [p.degrees.count(n) for n in range(1, factors + 1)] == pytest.approx(count[1:], abs=1e-3)


def test_known_counts():
    assert [program(3, n).n_invariants for n in (1, 2, 3)] == [1, 5, 13]


@pytest.mark.parametrize("l_max, factors", SIZES)
def test_none_depends_on_others(l_max, factors):
    p = program(l_max, factors)
    values = p.evaluate(np.random.default_rng(2).normal(size=(4 * p.n_invariants, p.n_components)))
    values /= np.linalg.norm(values, axis=0)
    assert np.linalg.svd(values, compute_uv=False)[-1] > 1e-3


@pytest.mark.parametrize("l_max, factors", SIZES)
def test_degrees(l_max, factors):
    """B(2 A) = 2^degree B(A)"""
    p = program(l_max, factors)
    a = np.random.default_rng(3).normal(size=p.n_components)
    assert p.evaluate(2.0 * a) == pytest.approx(2.0 ** np.array(p.degrees) * p.evaluate(a), rel=1e-10)


def test_two_factors_are_legendre_polynomials_of_angles():
    """sum_m A_lm^2 = (2 l + 1) sum_jk w_j w_k P_l(cos jk)"""
    w, u = density(np.random.default_rng(4))
    found = invariants(program(4, 2), w, u)
    for l in range(5):
        legendre = np.polynomial.legendre.Legendre.basis(l)(u @ u.T)
        assert found[1 + l] == pytest.approx(np.sqrt(2 * l + 1) * w @ legendre @ w, rel=1e-11)


@pytest.mark.parametrize("factors", [3, 4])
def test_three_factors_are_sums_over_triples(factors):
    """Of l = 0 1 1, 1 1 2 and 2 2 2, written with vectors: A_0 A_1.A_1, A_1 Q A_1 and tr Q Q Q with Q = sum_j w_j
    (u_j u_j - 1/3)."""
    p, rng = program(2, factors), np.random.default_rng(5)
    found, wanted = [], []
    for _ in range(12):
        w, u = density(rng)
        vector, q = w @ u, np.einsum("j,ja,jb->ab", w, u, u) - w.sum() * np.eye(3) / 3
        wanted.append([w.sum() ** 3, w.sum() * vector @ vector, w.sum() * np.sum(q * q), vector @ q @ vector])
        wanted[-1].append(np.trace(q @ q @ q))
        found.append(invariants(p, w, u)[np.array(p.degrees) == 3])
    found, wanted = (np.array(rows) / np.linalg.norm(rows, axis=0) for rows in (found, wanted))
    assert np.sort(np.abs(wanted.T @ found), axis=1)[:, -1] == pytest.approx(1.0, abs=1e-12)
    assert np.linalg.matrix_rank(np.abs(wanted.T @ found) > 1 - 1e-12) == 5  # of each another one


def test_three_angular_momenta():
    """1 1 1 is the triple product, of another parity; tensors are of unit length and invariant."""
    epsilon = three_j(1, 1, 1)
    a, b, c = np.random.default_rng(6).normal(size=(3, 3))
    triple = np.linalg.det([v[[2, 0, 1]] for v in (a, b, c)])  # x, y, z of (y, z, x)
    assert abs(np.einsum("abc,a,b,c", epsilon, a, b, c)) == pytest.approx(abs(triple) / np.sqrt(6.0))
    rng = np.random.default_rng(7)
    u, r = density(rng, 30)[1], rotation(rng)
    y, z = harmonics(u, 4), harmonics(u @ r.T, 4)
    turn = {l: np.linalg.lstsq(y[:, l * l : (l + 1) ** 2], z[:, l * l : (l + 1) ** 2], rcond=None)[0] for l in range(5)}
    for l1, l2, l3 in [(0, 0, 0), (1, 1, 2), (1, 2, 2), (2, 3, 4), (3, 4, 4), (4, 4, 4)]:
        c = three_j(l1, l2, l3)
        assert np.sum(c * c) == pytest.approx(1.0)
        turned = np.einsum("abc,ai,bj,ck->ijk", c, turn[l1], turn[l2], turn[l3])
        assert turned == pytest.approx(c, abs=1e-12)


@pytest.mark.parametrize("l_max, factors", SIZES)
def test_what_kernels_rely_on(l_max, factors):
    """Sorted, in bounds, every product of two is made and used; contiguous and of the right types."""
    p = program(l_max, factors)
    for rows, values in ((p.pairs, p.pair_values), (p.terms, p.term_values)):
        assert rows.dtype == np.int32 and rows.flags.c_contiguous and rows.shape == (len(values), 3)
        assert all(a <= b for a, b in pairwise(rows[:, 0]))
        assert np.all(np.isfinite(values)) and np.all(values != 0)
    assert np.all(p.pairs[:, 1] <= p.pairs[:, 2]) and np.all(p.pairs[:, 1:] < p.n_components)
    assert set(p.pairs[:, 0]) == set(range(p.n_pairs))
    assert set(p.terms[:, 0]) == set(range(p.n_invariants))
    used = set(p.terms[:, 1:].ravel()) - set(range(-1, p.n_components))
    assert used == {p.n_components + d for d in range(p.n_pairs)}
    assert len(set(map(tuple, p.terms))) == len(p.terms) and len(set(map(tuple, p.pairs))) == len(p.pairs)


@pytest.mark.parametrize("l_max, factors", SIZES)
def test_vectors_turn_with_the_atoms(l_max, factors):
    """Also if mirrored, and none depends on others."""
    if not l_max:
        assert program(0, factors).parts == 1
        return
    rng, p = np.random.default_rng(l_max), program(l_max, factors, vectors=True)
    weights, u = density(rng)
    here = p.vectors_of(weights @ harmonics(u, l_max))[:, [2, 0, 1]]  # x, y, z of (y, z, x)
    assert p.parts == 4 and len(here) == p.n_vectors == (1 if factors == 1 else l_max + 1)
    assert np.linalg.norm(here, axis=1).min() > 1e-3
    for turn in (rotation(rng), -np.eye(3), np.diag([1, 1, -1])):
        there = p.vectors_of(weights @ harmonics(u @ turn.T, l_max))[:, [2, 0, 1]]
        assert there == pytest.approx(here @ turn.T, abs=1e-11 * np.abs(here).max())
    values = p.vectors_of(rng.normal(size=(4 * p.n_vectors, p.n_components)))[:, :, 0]
    assert np.linalg.svd(values / np.linalg.norm(values, axis=0), compute_uv=False)[-1] > 1e-2
    assert program(l_max, factors).vectors.shape == (0, 3) and not program(l_max, factors).n_paths


def test_what_vectors_make_are_densities():
    """D of l1 = 0, 1, 2 with one vector: A_1 is the vector, A_0 its product with a direction, and so on."""
    p, rng = program(2, 2, vectors=True), np.random.default_rng(9)
    u, g = density(rng, 1)[1], rng.normal(size=3)
    d = harmonics(u[0], 2)
    found = np.zeros((p.n_paths, 9))
    for (to, path, source), value in zip(p.couples, p.couple_values, strict=True):
        found[path, to] += value * g[[1, 2, 0]][source // 9] * d[source % 9]
    paths = [(1, 0), (0, 1), (2, 1), (1, 2)]
    q = np.sqrt(5.0) * (1.5 * np.outer(u[0], u[0]) - 0.5 * np.eye(3))  # |Y_2|^2 = 5
    for (l1, l), own in zip(paths, found, strict=True):
        own = own[l * l : (l + 1) ** 2]
        assert not np.delete(found[paths.index((l1, l))], range(l * l, (l + 1) ** 2)).any()
        if (l1, l) == (1, 0):
            assert abs(own[0]) == pytest.approx(abs(g @ u[0]))  # sqrt(3) u over sqrt(3)
        elif (l1, l) == (0, 1):
            assert np.abs(own[[2, 0, 1]]) == pytest.approx(np.abs(g))
        elif (l1, l) == (2, 1):
            way = q @ g
            assert abs(own[[2, 0, 1]] @ way) == pytest.approx(np.linalg.norm(own) * np.linalg.norm(way))
        else:  # the symmetric traceless part of u g
            w = density(rng, 20)[1]
            there = harmonics(w, 2)[:, 4:] @ own / (1.5 * (w @ g) * (w @ u[0]) - 0.5 * g @ u[0])
            assert there == pytest.approx(there[0], rel=1e-9) and abs(there[0]) > 0.1


def test_few_multiplications():
    """So many are needed now; less is welcome."""
    assert len(program(3, 3).pairs) + len(program(3, 3).terms) <= 100
    assert len(program(3, 4).pairs) + len(program(3, 4).terms) <= 219


def test_made_once():
    assert program(2, 3) is program(2, 3)


@pytest.mark.parametrize("l_max, factors", [(-1, 3), (5, 3), (3, 0), (3, 5)])
def test_what_is_not_made(l_max, factors):
    with pytest.raises(InputError, match="expected l_max 0 to 4, 1 to 4 factors"):
        program(l_max, factors)


@pytest.mark.parametrize("l_max, factors", SIZES)
def test_what_kernels_run_is_the_same(l_max, factors):
    """Any weights of invariants: their sum by terms and by links, and its slopes."""
    p, rng = program(l_max, factors), np.random.default_rng(3)
    steps, n = p.steps, p.n_components
    a, w = rng.normal(size=n), rng.normal(size=p.n_invariants)
    x, own = np.concatenate([a, np.zeros(steps.n_pairs), [1.0]]), steps.weights @ w
    for (dest, i, j), value in zip(steps.pairs, steps.pair_values, strict=True):
        x[n + dest] += value * a[i] * a[j]
    expected = pytest.approx(w @ p.evaluate(a), rel=1e-12, abs=1e-12 * np.abs(w).sum())
    assert sum(own[eta] * x[i] * x[j] for eta, i, j in steps.terms) == expected
    q = np.zeros(len(x))
    for row, (begin, end) in enumerate(pairwise(steps.first)):
        q[row] = sum(own[eta] * x[other] for eta, other in steps.links[begin:end])
    assert 0.5 * x @ q == expected
    for (i, j, dest), value in zip(steps.slopes, steps.slope_values, strict=True):
        q[i] += value * q[n + dest] * a[j]
        q[j] += value * q[n + dest] * a[i] * (i != j)
    assert q[:n] == pytest.approx(w @ p.slopes(a), rel=1e-11, abs=1e-11 * np.abs(q).max())


def test_kernels_run_fewer_products():
    steps, p = program(4, 4).steps, program(4, 4)
    assert len(steps.pairs) <= 433 < len(p.pairs) and len(steps.terms) <= len(p.terms)
    assert np.linalg.cond(steps.weights) < 30.0
