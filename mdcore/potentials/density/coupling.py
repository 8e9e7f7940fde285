"""Which polynomials of a density of neighbours do not change under rotation and inversion?

A_lm, components of a density in real spherical harmonics, m = -l..l. Two of them couple to components of a third by
Clebsch-Gordan coefficients, P_LM = sum_m1m2 C A_l1m1 A_l2m2; invariants are P_LM times A_LM or times another pair,
summed over M. Many of them depend on each other (A A A A can be paired in three ways): what counts is the rank. Each
polynomial is kept as few multiplications: the `Program` that kernels run for every channel. Vectors, products of up to
two that turn with the atoms and change sign under inversion, are made likewise: what atoms send beside numbers.

R. Drautz, Phys. Rev. B 99, 014104 (2019); G. Dusson et al., J. Comput. Phys. 454, 110946 (2022).
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations_with_replacement
from math import isqrt, sqrt

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.density.angular import invariant_of, pair_of, three_j, triples

L_MAX, FACTORS = 4, 4
_POINTS = 64  # where polynomials are compared; of one degree in each A_l no more than 9 are independent
# l1 l2 L of pairs, beside l l 0, of which kernels make invariants of up to four factors: those of fewest operations
# that a search met (dropping and adding a few at a time). Those of parameters are others (`Program`): files have them.
_FEW = "011 022 044 112 121 132 134 222 231 242 244 332 334 341 442 444"


@dataclass(frozen=True, eq=False)
class Program:
    """Invariants of A_lm, index lm = l l + l + m: first products of two, then products of those.

    pairs : int32 [n, 3] (dest, i, j), P_dest += value A_i A_j; sorted by dest; i <= j; pair_values : float64 [n]
    terms : int32 [n, 3] (eta, a, b), B_eta += value X_a X_b with X = [A, P], b = -1: X_a alone; sorted by eta;
        term_values : float64 [n], the same for all terms of an invariant
    degrees : int [n_invariants], factors of each
    vectors : int32 [n, 3] (3 eta + m, a, b), component m of vector eta += value X_a X_b, m of y, z, x; likewise;
        vector_values : float64 [n]
    couples : int32 [n, 3] (dest, path, source), A_dest += value u_path D_source, where D is the density of what
        component 0, 1 or 2 of vectors makes, source = component (l_max + 1)^2 + lm; sorted by dest; couple_values
        : float64 [n]; path (l1, l), l = l1 +- 1, couples the D of l1 to the A of l
    """

    l_max: int
    factors: int
    degrees: tuple[int, ...]
    n_pairs: int
    pairs: np.ndarray
    pair_values: np.ndarray
    terms: np.ndarray
    term_values: np.ndarray
    vectors: np.ndarray
    vector_values: np.ndarray
    n_vectors: int
    couples: np.ndarray
    couple_values: np.ndarray
    n_paths: int

    @cached_property
    def steps(self) -> "Steps":
        """What kernels run in its place."""
        return Steps.of(self, _made(self.l_max, 4, _FEW).program() if self.factors == 4 else self)

    @property
    def parts(self) -> int:
        """Of a message: a number, and a vector's components."""
        return 4 if self.n_vectors else 1

    @property
    def n_components(self) -> int:
        """Of A."""
        return (self.l_max + 1) ** 2

    @property
    def n_invariants(self) -> int:
        return len(self.degrees)

    def evaluate(self, a: np.ndarray) -> np.ndarray:
        """B [..., n_invariants] of A [..., (l_max + 1)^2]."""
        x = np.zeros((*a.shape[:-1], self.n_components + self.n_pairs), dtype=a.dtype)
        x[..., : self.n_components] = a
        for (dest, i, j), value in zip(self.pairs, self.pair_values, strict=True):
            x[..., self.n_components + dest] += value * a[..., i] * a[..., j]
        b = np.zeros((*a.shape[:-1], self.n_invariants), dtype=a.dtype)
        for (eta, i, j), value in zip(self.terms, self.term_values, strict=True):
            b[..., eta] += value * x[..., i] * (x[..., j] if j >= 0 else 1.0)
        return b

    def vectors_of(self, a: np.ndarray) -> np.ndarray:
        """[..., n_vectors, 3] of A [..., (l_max + 1)^2]."""
        found = np.zeros((*a.shape[:-1], 3 * self.n_vectors), dtype=a.dtype)
        for (to, i, j), value in zip(self.vectors, self.vector_values, strict=True):
            found[..., to] += value * a[..., i] * (a[..., j] if j >= 0 else 1.0)
        return found.reshape(*a.shape[:-1], self.n_vectors, 3)

    def slopes(self, a: np.ndarray) -> np.ndarray:
        """dB/dA [n_invariants, (l_max + 1)^2, ...] of A [(l_max + 1)^2, ...]."""
        n, rest = self.n_components, a.shape[1:]
        x, dx = np.zeros((n + self.n_pairs, *rest)), np.zeros((n + self.n_pairs, n, *rest))
        x[:n] = a
        dx[np.arange(n), np.arange(n)] = 1.0
        for (dest, i, j), value in zip(self.pairs, self.pair_values, strict=True):
            x[n + dest] += value * a[i] * a[j]
            dx[n + dest, i] += value * a[j]
            dx[n + dest, j] += value * a[i]
        db = np.zeros((self.n_invariants, n, *rest))
        for (eta, i, j), value in zip(self.terms, self.term_values, strict=True):
            if j < 0:
                db[eta] += value * dx[i]
            else:
                db[eta] += value * (x[j] * dx[i] + x[i] * dx[j])
        return db


@dataclass(frozen=True, eq=False)
class Steps:
    """A program as kernels run it: sum_eta w_eta B_eta = 1/2 sum_a X_a Q_a, X = [A, P, 1], Q_a = sum w'_eta X_b, where
    w' = weights @ w.

    pairs, pair_values : as of a program; slopes, slope_values : the same as (i, j, dest), sorted by i and j; where
        i = j with twice the value
    terms : int32 [n, 3] (eta, a, b), B'_eta += X_a X_b, sorted by eta
    links, first : int32 [n, 2] (eta, b) of which Q_a is made, for each a those from first[a] to first[a + 1] - 1
    weights : float64 [n_invariants, n_invariants]
    """

    n_pairs: int
    pairs: np.ndarray
    pair_values: np.ndarray
    slopes: np.ndarray
    slope_values: np.ndarray
    terms: np.ndarray
    links: np.ndarray
    first: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, wanted: Program, run: Program) -> "Steps":
        """Those of `run`, whose invariants are combinations of those that are wanted."""
        n, (dest, i, j) = run.n_components + run.n_pairs + 1, run.pairs.T
        order = np.lexsort((dest, j, i))
        slopes = np.stack([i, j, dest], axis=1)[order], (np.where(i == j, 2.0, 1.0) * run.pair_values)[order]
        eta, a, b = run.terms.T
        b = np.where(b < 0, n - 1, b)
        rows = np.concatenate([np.stack([a, eta, b], axis=1), np.stack([b, eta, a], axis=1)])
        rows = rows[np.lexsort(rows.T[::-1])]
        first = np.searchsorted(rows[:, 0], np.arange(n + 1))
        values = run.term_values[np.searchsorted(eta, np.arange(run.n_invariants))]
        return cls(run.n_pairs, run.pairs, run.pair_values, *slopes, np.stack([eta, a, b], axis=1), rows[:, 1:], first,
                   values[:, None] * _combinations(wanted, run).T)  # fmt: skip

    def turned(self, w: np.ndarray) -> np.ndarray:
        """w' [species, n_invariants, ...] of w"""
        return _product(self.weights, w)

    def turned_back(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient by w of one by w'."""
        return _product(self.weights.T, gradient)


def _product(matrix: np.ndarray, w: np.ndarray) -> np.ndarray:
    """matrix @ w, of few entries: sums over w's second axis, in an order that no library chooses"""
    row, column = np.nonzero(matrix)
    entries = matrix[row, column].reshape(-1, *(1,) * (w.ndim - 2))
    return np.add.reduceat(entries * w[:, column], np.searchsorted(row, np.arange(len(matrix))), axis=1)


def _combinations(wanted: Program, given: Program) -> np.ndarray:
    """C [wanted, given], with which invariants are C @ those of a program that has as many."""
    if wanted is given:
        return np.eye(given.n_invariants)
    points = np.random.default_rng(1).normal(size=(_POINTS, wanted.n_components))
    found = np.zeros((wanted.n_invariants, given.n_invariants))
    left, right, degrees = wanted.evaluate(points), given.evaluate(points), _degrees(given)
    for content, own in _degrees(wanted).items():
        others = degrees[content]
        found[np.ix_(own, others)] = np.linalg.lstsq(right[:, others], left[:, own], rcond=None)[0].T
    return found


def _degrees(it: Program) -> dict[tuple[int, ...], list[int]]:
    """{degrees in each A_l: the invariants that have them}"""
    pair = {int(d): (isqrt(i), isqrt(j)) for d, i, j in it.pairs}
    of = [(isqrt(a),) for a in range(it.n_components)] + [pair[d] for d in range(it.n_pairs)] + [()]
    found = {}
    for eta in range(it.n_invariants):
        _, a, b = it.terms[np.searchsorted(it.terms[:, 0], eta)]
        found.setdefault(tuple(sorted(of[a] + of[b])), []).append(eta)
    return found


@cache
def program(l_max: int, factors: int, vectors: bool = False) -> Program:
    """All independent invariants of 1 to `factors` factors, and vectors if asked; InputError for what is not made."""
    if not (0 <= l_max <= L_MAX and 1 <= factors <= FACTORS):
        raise InputError(f"l_max = {l_max}, {factors} factors: expected l_max 0 to {L_MAX}, 1 to {FACTORS} factors")
    made = _made(l_max, factors)
    return made.program(*_vectors(l_max, factors), *_couples(l_max)) if vectors else made.program()


def _made(l_max: int, factors: int, few: str = "") -> "_Maker":
    """few : l1 l2 L of the pairs that invariants of four factors may be made of"""
    made = _Maker(l_max, factors)
    made.invariant(1, [(0, -1, 1.0)])
    if factors >= 2:
        for l in range(l_max + 1):
            made.square(l)
    if factors == 3:
        for ls in triples(l_max):
            made.cubic(invariant_of(ls))
    if factors == 4:
        made.chains(few)
    return made


# Vectors ---------------------------------------------------------------------------------------------------------


def _vectors(l_max: int, factors: int):
    """(rows, number of vectors): A_1 and, with two factors or more, what A_l and A_(l + 1) couple to."""
    rows = [(m, 1 + m, -1, 1.0) for m in range(3)]
    pairs = [pair_of(l, l + 1, 1) for l in range(l_max)] if factors > 1 else []
    for eta, pair in enumerate(pairs, 1):
        rows += [(3 * eta + m, *own, value) for m, row in enumerate(pair) for own, value in sorted(row.items())]
    return rows, 1 + len(pairs)


def _couples(l_max: int):
    """(rows, number of paths)"""
    paths = [(l1, l) for l in range(l_max + 1) for l1 in (l - 1, l + 1) if 0 <= l1 <= l_max]
    rows = []
    for path, (l1, l) in enumerate(paths):
        c = sqrt(2 * l + 1) * three_j(l1, 1, l)
        rows += [
            (l * l + int(m), path, int(component) * (l_max + 1) ** 2 + l1 * l1 + int(m1), float(c[m1, component, m]))
            for m1, component, m in np.argwhere(c)
        ]
    return sorted(rows), len(paths)


# The program -----------------------------------------------------------------------------------------------------


class _Maker:
    """A program that grows; a product of two that is needed again is not made again."""

    def __init__(self, l_max: int, factors: int):
        self.l_max, self.factors = l_max, factors
        self.first = (l_max + 1) ** 2
        self.degrees, self.terms, self.rows = [], [], []
        self.known = {}  # {(monomials and coefficients up to a factor): (dest, factor)}

    def invariant(self, degree: int, terms) -> None:
        self.terms += [(len(self.degrees), *term) for term in terms]
        self.degrees.append(degree)

    def pair(self, row: dict) -> tuple[int, float]:
        """(index in X, factor) of a sum of products of two components."""
        monomials = sorted(row)
        size = row[monomials[0]]
        key = tuple((*m, round(row[m] / size, 9)) for m in monomials)
        if key not in self.known:
            self.known[key] = len(self.rows), size
            self.rows.append(row)
        dest, own = self.known[key]
        return self.first + dest, size / own

    def square(self, l: int) -> None:
        """sum_m A_lm^2"""
        row = {(i, i): 1.0 / sqrt(2 * l + 1) for i in range(l * l, (l + 1) ** 2)}
        if self.factors > 2:
            self.invariant(2, [(self.pair(row)[0], -1, 1.0)])
        else:
            self.invariant(2, [(*m, value) for m, value in row.items()])

    def cubic(self, polynomial: dict) -> None:
        """sum_a A_a (products of two), with few a."""
        terms = []
        for a in _cover(polynomial):
            row = {}
            for monomial in [m for m in polynomial if a in m]:
                rest = list(monomial)
                rest.remove(a)
                row[tuple(rest)] = polynomial.pop(monomial)
            x, factor = self.pair(row)
            terms.append((a, x, factor))
        self.invariant(3, terms)

    def chains(self, few: str) -> None:
        """Invariants of three and four factors, of coupled pairs (of few of them, if these are named): always the one
        that costs least next, until none is missing."""
        points = np.random.default_rng(1).normal(size=(_POINTS, self.first))
        couplings = {}  # {(l1, l2, L): (rows, their values at the points)}
        for l1, l2 in combinations_with_replacement(range(self.l_max + 1), 2):
            for l in range(l2 - l1, l1 + l2 + 1):
                rows = pair_of(l1, l2, l)
                if all(rows) and (not few or l == 0 or f"{l1}{l2}{l}" in few.split()):
                    values = [sum(v * points[:, i] * points[:, j] for (i, j), v in row.items()) for row in rows]
                    couplings[l1, l2, l] = rows, np.stack(values)
        candidates = [(a, (a[2],), a[2] * a[2]) for a in couplings if a[2] <= self.l_max and sum(a) % 2 == 0]
        candidates += [(a, b, None) for a in couplings for b in couplings if a <= b and a[2] == b[2]]
        self._choose([c for c in candidates if sum(c[0][:2] + c[1][:2]) % 2 == 0], couplings, points)

    def _choose(self, candidates, couplings, points) -> None:
        bases, values, chosen, made = {}, {}, [], {(l, l, 0) for l in range(self.l_max + 1)}
        for c in candidates:
            a, b, at = c
            right = couplings[b][1] if at is None else points.T[at : at + 2 * a[2] + 1]
            values[c] = (couplings[a][1] * right).sum(axis=0) / sqrt(2 * a[2] + 1)
            bases.setdefault(_content(c), np.zeros((_POINTS, 0)))

        def cost(c):
            new = {p for p in c[:2] if len(p) == 3} - made
            return sum(len(row) for p in new for row in couplings[p][0]) + 2 * c[0][2] + 1

        left = set(candidates)
        while left:
            best = min(left, key=lambda c: (cost(c), len(c[1]), c[0], c[1]))
            left.remove(best)
            basis, v = bases[_content(best)], values[best] / np.linalg.norm(values[best])
            for _ in range(2):
                v = v - basis @ (basis.T @ v)
            if np.linalg.norm(v) > 1e-8:
                bases[_content(best)] = np.column_stack([basis, v / np.linalg.norm(v)])
                chosen.append(best)
                made |= {p for p in best[:2] if len(p) == 3}
        for a, b, at in sorted(chosen, key=lambda c: (len(_content(c)), _content(c), c[0][2], c[:2])):
            terms = []
            for m, row in enumerate(couplings[a][0]):
                x, u = self.pair(row)
                y, v = self.pair(couplings[b][0][m]) if at is None else (at + m, 1.0)
                terms.append((min(x, y), max(x, y), u * v / sqrt(2 * a[2] + 1)))
            self.invariant(3 if at is not None else 4, terms)

    def program(self, vectors=(), n_vectors: int = 0, couples=(), n_paths: int = 0) -> Program:
        pairs = [(d, *m, value) for d, row in enumerate(self.rows) for m, value in sorted(row.items())]
        made = []
        for rows in (pairs, self.terms, vectors, couples):
            own = np.array(rows, dtype=float).reshape(-1, 4)
            made.append((np.ascontiguousarray(own[:, :3], dtype=np.int32), own[:, 3].copy()))
            for array in made[-1]:
                array.setflags(write=False)
        return Program(
            self.l_max, self.factors, tuple(self.degrees), len(self.rows), *made[0], *made[1], *made[2], n_vectors,
            *made[3], n_paths,
        )  # fmt: skip


def _content(candidate) -> tuple[int, ...]:
    """Degrees in each A_l: polynomials of different ones are independent."""
    a, b, at = candidate
    return tuple(sorted(a[:2] + (b[:2] if at is None else b)))


def _cover(polynomial) -> list[int]:
    """Components of which each monomial has one, few: each time the one that most of what is left have."""
    left, found = set(polynomial), []
    while left:
        counts = Counter(a for m in left for a in set(m))
        best = min(counts, key=lambda a: (-counts[a], a))
        found.append(best)
        left = {m for m in left if best not in m}
    smallest = sorted({m[0] for m in polynomial})  # all components of the smallest l are a cover, too
    return smallest if len(smallest) < len(found) else found
