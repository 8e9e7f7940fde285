"""In which order does the kernel compute a potential's descriptors, so that each term is computed once?

Symmetry functions with the same radial window and shift form a family; in it, angular functions of one pair
of elements form a group with a list of Gaussian exponents and a list of angular factors. The tables made
here are the structs of ext/networks/hdnnp.h.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.potentials.networks.model import (
    ACTIVATIONS,
    ANGULAR_TYPES,
    COMPACT_TYPES,
    HDNNP,
    NARROW_TYPES,
    WEIGHTED_TYPES,
    ElementNetwork,
    SymmetryFunction,
)

HARD, COS, TANH3, BUMP, POLY1, POLY2, POLY3, POLY4 = range(8)  # cores of windows
CUTOFF_CORES = (HARD, COS, TANH3, TANH3, BUMP, POLY1, POLY2, POLY3, POLY4)  # by cutoff type
COMPACT_CORES = {"p1": POLY1, "p2": POLY2, "p3": POLY3, "p4": POLY4, "e": BUMP}
CUTOFF, COMPACT, COMPACT_ASYMMETRIC = range(3)  # shapes of windows
INTEGER_POWER, REAL_POWER, ANGLE_WINDOW = range(3)  # kinds of angular factors
ALL = -1  # weighted: neighbours of every element
DEGREE = 8  # highest power that is expanded in cos(theta)
LIMIT = 32  # most exponents and angular factors of a group
EVERYTHING = 1e24  # cutoff2 of r_jk where there is none
MULTIPLICATIONS = 9  # what a power may cost before exp is the better way

_f8, _i4 = "f8", "i4"


@dataclass(frozen=True)
class Kind:
    """A kind of descriptors (ext/networks/descriptors.h), as kinds.py lists them.

    plural : of what there are so many; make_plan : (descriptors of an element, elements) -> Plan
    record : dtype of one in a file; pack : descriptor -> its tuple; unpack : (centre, {name: value}) -> descriptor
    summary : (descriptors, unit of length) -> lines about them
    """

    name: str
    plural: str
    make_plan: Callable
    record: np.dtype
    pack: Callable
    unpack: Callable
    summary: Callable


def _struct(*fields):
    return np.dtype([(name, kind) for kind, names in fields for name in names.split()], align=True)


WINDOW = _struct((_f8, "edge inverse norm"), (_i4, "core shape"))
EXPONENT = _struct((_f8, "eta"), (_i4, "base power column unused"))
RADIAL = _struct((_i4, "element exponent out"))
ANGLE = np.dtype([("window", WINDOW), ("lambda", _f8), ("zeta", _f8), ("kind", _i4), ("power", _i4)], align=True)
TERM = np.dtype(
    [("scale", _f8), ("series", _f8, (DEGREE + 1,))] + [(n, _i4) for n in ("exponent", "angle", "out", "degree")],
    align=True,
)
GROUP = _struct(
    (_f8, "cutoff2"),
    (_i4, "element1 element2 narrow expanded sine exponents n_exponents angles n_angles terms n_terms unused"),
)
FAMILY = np.dtype(
    [("window", WINDOW), ("shift", _f8), ("cutoff2", _f8), ("elements", "u8")]
    + [(n, _i4) for n in ("exponents", "n_exponents", "radials", "n_radials", "groups", "n_groups")],
    align=True,
)


COUNTS = _struct(("i8", "families elements functions"))


@dataclass(frozen=True, eq=False)
class Plan:
    """The descriptors of one central element, as the kernels of their kind read them.

    kind : an entry of ext/networks/descriptors.h; tables : arrays, in the order of the pointers of the kind's
    struct there; n_functions : how many numbers the network gets
    """

    kind: str
    tables: tuple[np.ndarray, ...]
    n_functions: int


@dataclass(frozen=True)
class _Factor:
    """Where a symmetry function belongs."""

    window: tuple  # fields of WINDOW
    shift: float
    eta: float
    cutoff: float


def make_plan(functions: tuple[SymmetryFunction, ...], elements: tuple[str, ...]) -> Plan:
    """The plan of the symmetry functions of one central element, `out` in the order given."""
    families: dict[tuple, list] = {}
    for out, function in enumerate(functions):
        factor = _radial_factor(function)
        families.setdefault((factor.window, factor.shift), []).append((out, function, factor))
    tables = {name: [] for name in ("families", "exponents", "radials", "groups", "angles", "terms")}
    for (window, shift), members in families.items():
        _add_family(tables, window, shift, members, elements)
    kinds = (FAMILY, EXPONENT, RADIAL, GROUP, ANGLE, TERM)
    counts = np.array([(len(families), len(elements), len(functions))], dtype=COUNTS)
    arrays = [np.array(rows, dtype=kind) for rows, kind in zip(tables.values(), kinds, strict=True)]
    charges = np.array([ATOMIC_NUMBERS[element] for element in elements], dtype=np.float64)
    return Plan("symmetry", (counts, *arrays, charges), len(functions))


def network_tables(network: ElementNetwork) -> list[tuple]:
    """(weights [n_in, wide n_out], transposed [n_out, wide n_in], biases, n_in, n_out, activation, scale) a layer."""
    layers = []
    for weights, biases, letter in zip(network.weights, network.biases, network.activations, strict=True):
        n_in, n_out = weights.shape
        scale = 1 / n_in if network.normalize_nodes else 1.0
        layers.append(
            (_widen(weights * scale), _widen(weights.T * scale), _widen(biases[None] * scale)[0], n_in, n_out,
             ACTIVATIONS.index(letter), scale)
        )  # fmt: skip
    return layers


def energy_of(model: HDNNP, element: int) -> tuple[float, float]:
    """(factor, offset): an atom's energy, native, is factor * E_NN + offset."""
    norm = model.normalisation
    factor, mean = (1.0, 0.0) if norm is None else (1.0 / norm.conv_energy, norm.mean_energy)
    return factor, mean + model.atom_energies[element]


def _radial_factor(f: SymmetryFunction) -> _Factor:
    if f.type in COMPACT_TYPES:
        core = COMPACT_CORES[f.subtype.removesuffix("a")]
        shape = COMPACT_ASYMMETRIC if f.subtype.endswith("a") else COMPACT
        window = ((f.rl + f.cutoff) / 2, 2 / (f.cutoff - f.rl), 1.0, core, shape)
        return _Factor(window, 0.0, 0.0, f.cutoff)
    inner = 0.0 if f.cutoff_type in (0, 2, 3) else f.alpha * f.cutoff
    norm = 1 / math.tanh(1.0) ** 3 if f.cutoff_type == 3 else 1.0
    window = (f.cutoff, 1 / (f.cutoff - inner), norm, CUTOFF_CORES[f.cutoff_type], CUTOFF)
    return _Factor(window, f.rs, f.eta, f.cutoff)


def _add_family(tables, window, shift, members, elements) -> None:
    etas = sorted({factor.eta for _, _, factor in members})
    cutoff = members[0][2].cutoff
    seen = 0
    radials, groups = [], {}
    for out, function, factor in members:
        weighted = function.type in WEIGHTED_TYPES
        pair = [ALL] if weighted else [elements.index(e) for e in function.neighbors]
        for e in range(len(elements)) if weighted else pair:
            seen |= 1 << e
        if function.type in ANGULAR_TYPES:
            key = (pair[0], pair[-1], function.type in NARROW_TYPES)
            groups.setdefault(key, []).append((factor.eta, _angle(function), _term(function), out))
        else:
            radials.append((pair[0], etas.index(factor.eta), out))
    first = {name: len(tables[name]) for name in ("exponents", "radials", "groups")}
    tables["exponents"] += _exponents(etas, etas)
    tables["radials"] += radials
    for (one, two, narrow), terms in groups.items():
        for part in _parts(sorted(terms, key=lambda term: (term[0], term[1]))):
            _add_group(tables, one, two, narrow, cutoff, part, etas)
    row = [window, shift, cutoff**2, seen]
    counts = {"exponents": len(etas), "radials": len(radials), "groups": len(tables["groups"]) - first["groups"]}
    for name in ("exponents", "radials", "groups"):
        row += [first[name], counts[name]]
    tables["families"].append(tuple(row))


def _parts(terms):
    """Lists of terms with at most LIMIT exponents and angular factors each."""
    part, etas, angles = [], set(), set()
    for term in terms:
        etas.add(term[0])
        angles.add(term[1])
        if max(len(etas), len(angles)) > LIMIT:
            yield part
            part, etas, angles = [], {term[0]}, {term[1]}
        part.append(term)
    yield part


def _add_group(tables, one, two, narrow, cutoff, terms, columns) -> None:
    etas = sorted({eta for eta, *_ in terms})
    angles = sorted({angle for _, angle, *_ in terms})
    sine = any(angle[3] == ANGLE_WINDOW for angle in angles)
    expanded = all(degree >= 0 for _, _, (_, _, degree), _ in terms)
    row = [cutoff**2 if narrow else EVERYTHING, one, two, narrow, expanded, sine]
    for name, new in (
        ("exponents", _exponents(etas, columns)),
        ("angles", angles),
        ("terms", [(s, c, etas.index(eta), angles.index(a), out, d) for eta, a, (s, c, d), out in terms]),
    ):
        row += [len(tables[name]), len(new)]
        tables[name] += new
    tables["groups"].append((*row, 0))


def _angle(f: SymmetryFunction) -> tuple:
    """Fields of ANGLE: (1 + lambda cos)^zeta, or a window of theta."""
    if f.type in COMPACT_TYPES:
        left, right = math.radians(f.thl), math.radians(f.thr)
        core = COMPACT_CORES[f.subtype.removesuffix("a")]
        return (((left + right) / 2, 2 / (right - left), 1.0, core, COMPACT), 0.0, 0.0, ANGLE_WINDOW, 0)
    # beyond: negative powers, which a published folder has, and bases that may be negative, which are clipped
    integer = 0 < f.zeta == int(f.zeta) <= 256 and abs(f.lambda_) <= 1
    kind, power = (INTEGER_POWER, int(f.zeta)) if integer else (REAL_POWER, 0)
    return ((0.0, 0.0, 0.0, HARD, CUTOFF), f.lambda_, f.zeta, kind, power)


def _term(f: SymmetryFunction) -> tuple[float, tuple[float, ...], int]:
    """(scale, series, degree) of TERM."""
    none = (0.0,) * (DEGREE + 1)
    if f.type in COMPACT_TYPES:
        return 1.0, none, -1
    scale, zeta = 2.0 ** (1 - f.zeta), int(f.zeta)
    if zeta != f.zeta or not 0 < zeta <= DEGREE or abs(f.lambda_) > 1:
        return scale, none, -1
    return scale, tuple(scale * math.comb(zeta, p) * f.lambda_**p for p in range(DEGREE + 1)), zeta


def _exponents(etas, columns) -> list[tuple]:
    """Rows of EXPONENT: exp(-eta a) itself, or as an integer power of an earlier one."""
    rows, bases = [], []
    for index, eta in enumerate(etas):
        base, power = (-1, 0) if eta == 0 else (index, 1)
        best = MULTIPLICATIONS
        for earlier in bases:
            ratio = eta / etas[earlier]
            n = round(min(ratio, 2.0**MULTIPLICATIONS))  # which costs too much
            cost = n.bit_length() + n.bit_count() - 2
            if n > 1 and abs(ratio - n) < 1e-15 * n and cost < best:
                base, power, best = earlier, n, cost
        if base == index:
            bases.append(index)
        rows.append((eta, base, power, columns.index(eta), 0))
    return rows


def _widen(matrix) -> np.ndarray:
    """The same with columns of zeros, up to a multiple of four."""
    rows, columns = matrix.shape
    wide = np.zeros((rows, (columns + 3) & ~3))
    wide[:, :columns] = matrix
    return wide
