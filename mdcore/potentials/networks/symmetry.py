"""Symmetry functions as a kind of descriptors: how files keep them, and how they are described."""

from collections import Counter

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS, SYMBOLS
from mdcore.potentials.networks.model import ANGULAR_TYPES, COMPACT_TYPES, WEIGHTED_TYPES, SymmetryFunction
from mdcore.potentials.networks.plans import Kind, make_plan

CUTOFFS = (
    "hard", "cosine", "tanh^3", "tanh^3, one at r = 0", "exponential", "polynomial of degree 3",
    "polynomial of degree 5", "polynomial of degree 7", "polynomial of degree 9",
)  # fmt: skip
RECORD = np.dtype(
    [("type", "i4"), ("neighbor_1", "i4"), ("neighbor_2", "i4")]  # atomic numbers, 0: any element
    + [(name, "f8") for name in ("eta", "rs", "lambda", "zeta", "cutoff", "rl", "thl", "thr")]
    + [("subtype", "S4"), ("cutoff_type", "i4"), ("alpha", "f8")]
)


def pack(f: SymmetryFunction) -> tuple:
    numbers = [ATOMIC_NUMBERS[e] for e in f.neighbors] + [0] * (2 - len(f.neighbors))
    shape = (f.eta, f.rs, f.lambda_, f.zeta, f.cutoff, f.rl, f.thl, f.thr)
    return (f.type, *numbers, *shape, f.subtype.encode(), f.cutoff_type, f.alpha)


def unpack(center: str, values: dict) -> SymmetryFunction:
    neighbors = tuple(SYMBOLS[z] for z in (values.pop("neighbor_1"), values.pop("neighbor_2")) if z)
    values["lambda_"] = values.pop("lambda")
    return SymmetryFunction(center=center, neighbors=neighbors, **values | {"subtype": values["subtype"].decode()})


def summary(functions, unit: str) -> list[str]:
    lines = []
    for (kind, cutoff, core, alpha), count in Counter(map(_like, functions)).items():
        ends = "compact" if core is None else f"cutoff type {core}: {CUTOFFS[core]}"
        inner = f", inner cutoff {alpha:g} rc" if alpha else ""
        what = ("angular" if kind in ANGULAR_TYPES else "radial") + (", weighted" * (kind in WEIGHTED_TYPES))
        lines.append(f"{count} of type {kind} ({what}), rc = {cutoff:g}{unit}, {ends}{inner}")
    return lines


def _like(function) -> tuple:
    """What functions are counted together by."""
    compact = function.type in COMPACT_TYPES
    core, alpha = (None, 0.0) if compact else (function.cutoff_type, function.alpha)
    return function.type, function.cutoff, core, alpha


KIND = Kind("symmetry", "symmetry functions", make_plan, RECORD, pack, unpack, summary)
