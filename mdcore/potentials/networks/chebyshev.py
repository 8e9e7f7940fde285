"""Chebyshev polynomials of distances and angles as descriptors (ext/networks/chebyshev.c).

Artrith, Urban, Ceder, Phys. Rev. B 96, 014112 (2017): their number does not grow with the number of elements.
"""

from collections import Counter
from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.networks.frozen import plain_floats
from mdcore.potentials.networks.model import LARGEST
from mdcore.potentials.networks.plans import Kind, Plan

PARTS = ("radial", "angular")
ORDERS = 32  # of each part: ORDERS of ext/networks/chebyshev.c
SHAPE = np.dtype([("cutoff", "f8", 2), ("orders", "i8", 2), ("sets", "i8"), ("elements", "i8"), ("functions", "i8")])


@dataclass(frozen=True, kw_only=True)
class ChebyshevFunction:
    """One descriptor of the environment of a `center` atom: order `order` of a part, "radial" or "angular".

    weighted : neighbours count by the weight of their element (`weights`), not all alike; cutoff : native length
    """

    center: str
    part: str
    order: int
    cutoff: float
    weighted: bool = False
    kind: ClassVar = "chebyshev"
    neighbors: ClassVar = ()  # all elements

    def __post_init__(self):
        order, cutoff = self.order, self.cutoff
        known = isinstance(order, Integral) and not isinstance(order, bool) and isinstance(cutoff, Real)
        if not (known and self.part in PARTS and 0 <= order < ORDERS and 0 < cutoff <= LARGEST):
            raise InputError(
                f"ChebyshevFunction of {self.center}: {self.part!r}, order {order!r}, cutoff {cutoff!r}: "
                f'expected "radial" or "angular", an order from 0 to {ORDERS - 1} and a cutoff above 0'
            )
        object.__setattr__(self, "order", int(order))
        object.__setattr__(self, "weighted", bool(self.weighted))
        plain_floats(self)

    @property
    def is_radial(self) -> bool:
        """Does it see distances alone?"""
        return self.part == "radial"

    @property
    def label(self) -> str:
        """How messages name it, e.g. ``O chebyshev angular 3 weighted rc=6``."""
        return f"{self.center} chebyshev {self.part} {self.order}{' weighted' * self.weighted} rc={self.cutoff:g}"

    @property
    def sort_key(self) -> tuple:
        """Position among the network inputs of its centre."""
        return (self.weighted, PARTS.index(self.part), self.order, self.cutoff)


def chebyshev(
    center: str, *, radial: int, cutoff: float, angular: int, angular_cutoff: float, weighted: bool
) -> tuple[ChebyshevFunction, ...]:
    """The whole set of an element: so many radial and angular orders; weighted: once more, with weights of elements."""
    parts = (("radial", radial, cutoff), ("angular", angular, angular_cutoff))
    return tuple(
        ChebyshevFunction(center=center, part=part, order=m, cutoff=reach, weighted=twice)
        for twice in ((False, True) if weighted else (False,))
        for part, orders, reach in parts
        for m in range(orders)
    )


def weights(n_elements: int) -> np.ndarray:
    """... -2, -1, 1, 2 ...: integers around 0, without it where the number of elements is even."""
    half = n_elements // 2
    return np.array([k for k in range(-half, half + 1) if k or n_elements % 2], dtype=np.float64)


def make_plan(functions: tuple[ChebyshevFunction, ...], elements: tuple[str, ...]) -> Plan:
    """The plan of the descriptors of one central element."""
    cutoff, orders, sets = np.ones(2), np.zeros(2, dtype=np.int64), 1
    for part, name in enumerate(PARTS):
        own = [f for f in functions if f.part == name]
        reaches = sorted({f.cutoff for f in own})
        if len(reaches) > 1:
            raise InputError(
                f"{own[0].center}: its {name} Chebyshev functions have the cutoffs {reaches[0]:g} and {reaches[1]:g}; "
                "those of an element and a part share one"
            )
        if own:
            cutoff[part], orders[part] = reaches[0], 1 + max(f.order for f in own)
    if any(f.weighted for f in functions):
        if len(elements) == 1:
            raise InputError(f"{functions[0].center}: weighted Chebyshev functions need two elements: take the others")
        sets = 2
    counts = np.array([(cutoff, orders, sets, len(elements), len(functions))], dtype=SHAPE)
    starts = {"radial": 0, "angular": orders[0]}
    place = [f.weighted * orders.sum() + starts[f.part] + f.order for f in functions]
    all_weights = np.array([np.ones(len(elements)), weights(len(elements))])[:sets]
    return Plan("chebyshev", (counts, all_weights, np.array(place, dtype=np.int64)), len(functions))


# --- in files and words ----------------------------------------------------------------------------------

RECORD = np.dtype([("part", "S8"), ("order", "i4"), ("cutoff", "f8"), ("weighted", "u1")])


def pack(f: ChebyshevFunction) -> tuple:
    return f.part.encode(), f.order, f.cutoff, f.weighted


def unpack(center: str, values: dict) -> ChebyshevFunction:
    return ChebyshevFunction(center=center, **values | {"part": values["part"].decode()})


def summary(functions, unit: str) -> list[str]:
    like = Counter((f.part, f.weighted, f.cutoff) for f in functions)
    return [
        f"{n} {part} orders{', weighted by element' * weighted}, rc = {cutoff:g}{unit}"
        for (part, weighted, cutoff), n in like.items()
    ]


KIND = Kind("chebyshev", "Chebyshev polynomials", make_plan, RECORD, pack, unpack, summary)
