"""What is a density network, apart from files and kernels?

Layers t = 0, 1, ..: densities of neighbours j of atom i in real spherical harmonics, weighted with what they send,
    A^t_i,k,lm = 1/N sum_j sum_b W^t_lbk [sum_n radial^t_b,n(z_i, z_j) f_n(r_ij)] Y_lm(r_ij / r_ij) g^t_j,k,
    m^t_i,k = sum_eta w^t_eta,k(z_i) B_eta(A^t_i,k),  h^(t+1)_i = U^t m^t_i + S^t(z_i) h^t_i,  g^t_j = V^t h^t_j;
    E_i = E0(z_i) + scale [sum_t c^t . h^(t+1)_i + w2 . tanh(W1 h^T_i + b1)]
in eV and Angstrom; radial^t_b,n(z_i, z_j) is a table, or sum_q centre^t_q(z_i) other^t_q(z_j) radial^t_q,b,n of few q;
g^0 is the embedding of an element, and S^0 h^0 its h0. With message_l = 1 an atom also sends a vector in each channel,
    v^t_j,k = sum_eta w1^t_eta,k(z_j) B1_eta(A^t_j,k),  G^(t+1)_j = V1^(t+1) v^t_j,
    A^t_i,k,lm = the above + sum_p u^t_p,k sum C^p_lm,l1m1,q D_i,k,l1m1,q,
D the above with the components q of G instead of g, p = (l1, l) the pairs with l = l1 +- 1, C their Clebsch-Gordan
coefficients. B: invariants, B1: vectors, coupling.py; f_n: Bessel
functions sqrt(2 / rc) sin(n pi r / rc) / r times 1 - (p + 1) (p + 2) / 2 u^p + p (p + 2) u^(p + 1)
- p (p + 1) / 2 u^(p + 2), u = r / rc, p the exponent `envelope`.

I. Batatia et al., arXiv:2206.07697; R. Drautz, Phys. Rev. B 99, 014104 (2019).
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.potentials.density import folding
from mdcore.potentials.density.coupling import FACTORS, L_MAX, Program, program
from mdcore.potentials.networks.frozen import frozen, plain_floats
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.trained import Model

LANES, STEP = 16, 4  # channels come in so many; mixed functions and hidden nodes
MOST_LAYERS, MOST_RADIAL, MOST_HIDDEN, MOST_WIDTH = 4, 32, 128, 1024  # as kernels have them (doors/_density)
MOST_RANK = 64
MOST_PARAMETERS = 50_000_000
LONGEST = 100.0  # Angstrom
UNITS = Units("angstrom", "ev")
PLAIN = {"element_rank": 0, "message_l": 0, "envelope": 6}  # values of which files say nothing
MOST_ENVELOPE = 32
SHARED = ("elements", "cutoff")  # by the designs of all members


@dataclass(frozen=True, kw_only=True)
class Design:
    """What is fixed before training.

    elements : by atomic number; cutoff : Angstrom; l_max, factors : of densities and their products
    layers, channels : how often, how wide; radial : Bessel functions; mixed : of these, functions a channel takes
    hidden : nodes of the last network, or 0; neighbours : mean number, N; scale : of energies, eV
    element_rank : terms, products of a number of either element, that radial functions of two elements are sums of; 0:
        those of each two are their own
    message_l : 1: messages carry vectors beside numbers; 0: numbers alone
    envelope : exponent of the window that takes radial functions to zero at the cutoff; large ones leave more of them
    """

    elements: tuple[str, ...]
    cutoff: float
    l_max: int = 3
    factors: int = 3
    layers: int = 2
    channels: int = 64
    radial: int = 8
    mixed: int = 8
    hidden: int = 16
    neighbours: float = 1.0
    scale: float = 1.0
    element_rank: int = 0
    message_l: int = 0
    envelope: int = PLAIN["envelope"]
    NUMBERS: ClassVar = (
        "cutoff", "l_max", "factors", "layers", "channels", "radial", "mixed", "hidden", "neighbours", "scale",
    )  # fmt: skip
    OPTIONS: ClassVar = tuple(PLAIN)

    def __post_init__(self):
        object.__setattr__(self, "elements", tuple(self.elements))
        plain_floats(self)
        if any(e not in ATOMIC_NUMBERS for e in self.elements) or not self.elements or list(self.elements) != sorted(
            set(self.elements), key=ATOMIC_NUMBERS.get
        ):
            raise InputError(f"elements {' '.join(self.elements)}: expected distinct ones, ordered by atomic number")
        for name, least, most, step in (
            ("l_max", 0, L_MAX, 1), ("factors", 1, FACTORS, 1), ("layers", 1, MOST_LAYERS, 1),
            ("channels", LANES, MOST_WIDTH, LANES), ("radial", 1, MOST_RADIAL, 1), ("mixed", STEP, MOST_WIDTH, STEP),
            ("hidden", 0, MOST_HIDDEN, STEP), ("element_rank", 0, MOST_RANK, 1), ("message_l", 0, 1, 1),
            ("envelope", 2, MOST_ENVELOPE, 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if value != int(value) or not least <= value <= most or value % step:
                multiple = f", a multiple of {step}" if step > 1 else ""
                raise InputError(f"{name} = {value}: expected a whole number from {least} to {most}{multiple}")
            object.__setattr__(self, name, int(value))
        if self.message_l and (self.layers < 2 or not self.l_max):
            raise InputError(
                "message_l = 1: vectors are sent between layers of l_max 1 or more; take layers = 2, or message_l = 0"
            )
        for name, most in (("cutoff", LONGEST), ("neighbours", 1e6), ("scale", 1e6)):
            if not 1e-6 <= getattr(self, name) <= most:
                raise InputError(f"{name} = {getattr(self, name)}: expected a number from 1e-6 to {most:g}")
        if max(self.n_parameters, self.n_folded) > MOST_PARAMETERS:
            raise InputError(f"a network of {max(self.n_parameters, self.n_folded):,} parameters: make it smaller")

    @property
    def options(self) -> dict[str, int]:
        """Those that are not as they were before they could be chosen."""
        return {name: own for name, usual in PLAIN.items() if (own := getattr(self, name)) != usual}

    @property
    def species(self) -> int:
        return len(self.elements)

    @property
    def features(self) -> int:
        """Of each atom: m of all layers."""
        return self.layers * self.channels

    @property
    def program(self) -> Program:
        return program(self.l_max, self.factors, bool(self.message_l))

    @property
    def words(self) -> str:
        """For people."""
        layers = f"{self.layers} layer{'s' * (self.layers > 1)} of {self.channels} channels"
        rank = f"radial functions of elements of rank {self.element_rank}, " if self.element_rank else ""
        vectors = "messages with vectors, " if self.message_l else ""
        own = f"l_max {self.l_max}, products of {self.factors}"
        return f"{layers}, {own}, {vectors}{rank}{self.n_parameters:,} parameters"

    @property
    def sizes(self) -> dict[str, float]:
        """For kernels (doors/_density)."""
        names = ("species", "layers", "channels", "l_max", "radial", "mixed", "hidden", "cutoff", "envelope")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the parameters, in the order in which they are kept."""
        s, k, b, n, orders = self.species, self.channels, self.mixed, self.radial, self.l_max + 1
        found = {"embedding": (s, k), "h0": (s, k)}
        for t in range(self.layers):
            if self.element_rank:
                rank = self.element_rank
                found |= {f"centre.{t}": (s, rank), f"other.{t}": (s, rank), f"radial.{t}": (rank, b, n)}
            else:
                found[f"radial.{t}"] = s, s, b, n
            found[f"W.{t}"] = orders, b, k
            found |= {f"w.{t}": (s, self.program.n_invariants, k), f"U.{t}": (k, k)}
            if t:
                found |= {f"V.{t}": (k, k), f"S.{t}": (s, k, k)}
            if t and self.message_l:
                found |= {f"V1.{t}": (k, k), f"u.{t}": (self.program.n_paths, k)}
            if t < self.layers - 1 and self.message_l:
                found[f"w1.{t}"] = s, self.program.n_vectors, k
        found |= {f"c.{t}": (k,) for t in range(self.layers)}
        if self.hidden:
            found |= {"W1": (k, self.hidden), "b1": (self.hidden,), "w2": (self.hidden,)}
        return found | {"E0": (s,)}

    @cached_property
    def folded_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of theta, in the order that kernels know."""
        s, k, b, orders = self.species, self.channels, self.mixed, self.l_max + 1
        found = {}
        for t in range(self.layers):
            found |= {f"radial.{t}": (s, s, b, self.radial), f"mix.{t}": (s,) * (1 if t else 2) + (orders, b, k)}
            found |= {f"product.{t}": (s, self.program.n_invariants, k)}
            if t and self.message_l:
                found[f"couple.{t}"] = self.program.n_paths, k
            if t < self.layers - 1:
                found |= {f"carry.{t}": (s, (t + 1) * k, k), f"carry_shift.{t}": (s, k)}
            if t < self.layers - 1 and self.message_l:
                found |= {f"vector.{t}": (s, self.program.n_vectors, k), f"carry_vector.{t}": (k, k)}
        width, h = self.layers * k, self.hidden
        return found | {"energy": (s,), "linear": (s, width), "hidden": (s, width, h), "bias": (s, h), "out": (s, h)}

    @property
    def n_parameters(self) -> int:
        return self._places[1]

    @property
    def n_folded(self) -> int:
        return self._folded_places[1]

    @cached_property
    def _places(self):
        return _places_of(self.shapes)

    @cached_property
    def _folded_places(self):
        return _places_of(self.folded_shapes)

    def views(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """{name: array}, views of parameters [n_parameters]."""
        return _views(self._places, flat)

    def folded_views(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """{name: array}, views of theta [n_folded]."""
        return _views(self._folded_places, theta)

    def fold(self, flat: np.ndarray) -> np.ndarray:
        """theta [n_folded] of parameters [n_parameters]."""
        return folding.fold(self, flat)

    def unfold(self, flat: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The gradient [n_parameters] by parameters, at `flat`, of one [n_folded] by theta."""
        return folding.unfold(self, flat, gradient)


def _places_of(shapes) -> tuple[dict[str, tuple[slice, tuple[int, ...]]], int]:
    """Where arrays of these shapes stand one after the other, and how many numbers they are."""
    found, at = {}, 0
    for name, shape in shapes.items():
        found[name] = slice(at, at + prod(shape)), shape
        at += prod(shape)
    return found, at


def _views(places, flat) -> dict[str, np.ndarray]:
    found, n = places
    if n != len(flat):
        raise InputError(f"{len(flat):,} parameters, expected {n:,}")
    return {name: flat[own].reshape(shape) for name, (own, shape) in found.items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class DensityNetwork(Model):
    """A whole potential; eV, Angstrom.

    parameters : float64 [design.n_parameters]; others : those of the further members of a committee, of which energy
        and forces are means
    designs : of these others, of the same elements and cutoff; empty: all have the design of the first
    ranges : of each member float64 [2, n_elements, features], least and most of each feature m of atoms of the training
        set; empty if not known
    """

    design: Design
    parameters: np.ndarray
    others: tuple[np.ndarray, ...] = ()
    designs: tuple[Design, ...] = ()
    ranges: tuple[np.ndarray, ...] = ()
    format = "mdcore-density"

    def __post_init__(self):
        object.__setattr__(self, "parameters", frozen(self.parameters))
        object.__setattr__(self, "others", tuple(map(frozen, self.others)))
        object.__setattr__(self, "designs", tuple(self.designs))
        object.__setattr__(self, "ranges", tuple(frozen(own, 3) for own in self.ranges))
        if self.designs and len(self.designs) != len(self.others):
            raise InputError(f"{len(self.designs)} designs of {len(self.others)} further members")
        for name in SHARED:
            for own in self.designs:
                if getattr(own, name) != getattr(self.design, name):
                    raise InputError(
                        f"a member's {name} is {getattr(own, name)}, expected {getattr(self.design, name)}, that of all"
                    )
        for design, parameters in zip(self.member_designs, self.members, strict=True):
            if parameters.shape != (design.n_parameters,):
                raise InputError(f"{parameters.size:,} parameters, expected {design.n_parameters:,}")
            if not np.isfinite(parameters).all():
                raise InputError("a parameter of the network is not finite")
        if self.units not in (None, UNITS):
            raise InputError(f"a density network in {self.units.length}, {self.units.energy}: expected angstrom, ev")
        object.__setattr__(self, "units", UNITS)
        shapes = [(2, own.species, own.features) for own in self.member_designs]
        if self.ranges and [own.shape for own in self.ranges] != shapes:
            raise InputError(f"ranges: expected {list(shapes[0])} numbers of each of {len(self.members)} members")
        for low, high in self.ranges:  # of an element that no structure had: inf, -inf
            if np.isnan([low, high]).any() or (np.isfinite(low) & np.isfinite(high) & (low > high)).any():
                raise InputError("ranges: not a least and a most of each feature")
        self._check()

    @property
    def members(self) -> tuple[np.ndarray, ...]:
        """Parameters of each member of a committee; one member if it is none."""
        return (self.parameters, *self.others)

    @property
    def member_designs(self) -> tuple[Design, ...]:
        """The design of each member."""
        return (self.design, *(self.designs or [self.design] * len(self.others)))

    @property
    def ends(self) -> np.ndarray:
        """Where the features of each member end, one after the other, int64 [members]."""
        return np.cumsum([own.features for own in self.member_designs])

    @property
    def elements(self) -> tuple[str, ...]:
        return self.design.elements

    @property
    def cutoff(self) -> float:
        """Angstrom"""
        return self.design.cutoff

    @property
    def deciding(self) -> tuple:
        return (*_deciding(self.design), *(item for own in self.designs for item in _deciding(own)), *self.members)

    def fold(self, member: int = 0) -> np.ndarray:
        """What kernels know of a member: theta [n_folded of its design]."""
        return self.member_designs[member].fold(self.members[member])

    def unfold(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient by parameters of one by theta, of the first member."""
        return self.design.unfold(self.parameters, gradient)


def _deciding(design: Design) -> tuple:
    options = list(design.options.items())
    return (*(getattr(design, name) for name in ("elements", *Design.NUMBERS)), *options)
