"""Which network says what dipole moment and polarizability an atom has?

Each element that carries tensors has a network. Its inputs are mixtures of invariants of the neighbours (moments.py),
its outputs weights w_k of what turns with them:

    mu_i    = sum_k w_k(i) V_k(i)              V_k vectors of neighbours ("vectors")
            + sum_j z_j (r_j - r_i)            ions j, of a given charge z, whose nearest of these atoms is i
            + q(i) (r_i - <r>)                 q a weight, <r> the mean of the positions of these atoms ("charges")
    alpha_i = sum_k w_k(i) S_k(i)              S_k symmetric matrices of neighbours

and those of the whole are sums over atoms; of a cell, polarizabilities besides have what dipoles far away add
(`local_field.py`). Ions, say the protons of water, take from the network what needs no
learning: what is left is of electrons. So tensors turn with the atoms, exactly, and neither order nor place of these
counts. The mean <r> makes the charges add up to zero: sum_i (q_i - <q>) r_i. Charges know clusters alone: in a
cell a position is one of many.

After L. Zhang et al., Phys. Rev. B 102, 041121 (2020) (vectors), G. M. Sommers et al., Phys. Chem. Chem. Phys. 22,
10592 (2020) (matrices), and M. Veit et al., J. Chem. Phys. 153, 024113 (2020) (charges beside vectors).
Units: e, Angstrom; polarizabilities Angstrom^3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.potentials.networks.frozen import frozen
from mdcore.potentials.tensors import moments as m

DIPOLES = ("none", "vectors", "charges", "charges and vectors")
DIPOLE, POLARIZABILITY = "dipole", "polarizability"
COMPONENTS = {DIPOLE: 3, POLARIZABILITY: 6}
UNITS = {DIPOLE: "e Angstrom", POLARIZABILITY: "Angstrom^3"}
MOST_CHANNELS = 64
MOST_INPUTS = 256  # of a network
BLOCK = 256  # atoms that are computed together


@dataclass(frozen=True)
class Design:
    """elements : that it knows, by atomic number; centers : those that carry tensors; cutoff : Angstrom
    radial : functions of the distance; mixed : mixtures of channels; hidden : nodes of each hidden layer
    dipole : one of DIPOLES; polarizability : is there one?
    ions : (element, charge in e) of atoms that belong to the nearest center, in its dipole moment
    local_field : polarizabilities of cells have what dipoles far away add (local_field.py)
    """

    elements: tuple[str, ...]
    centers: tuple[str, ...]
    cutoff: float
    radial: int
    mixed: int
    hidden: tuple[int, ...]
    dipole: str
    polarizability: bool
    ions: tuple[tuple[str, float], ...] = ()
    local_field: bool = False

    def __post_init__(self):
        if not self.elements or list(self.elements) != sorted(set(self.elements), key=ATOMIC_NUMBERS.__getitem__):
            raise InputError(f"elements {self.elements}: expected some, each once, by atomic number")
        if not self.centers or not set(self.centers) <= set(self.elements):
            raise InputError(f"centers {self.centers}: expected some of {', '.join(self.elements)}")
        if self.dipole not in DIPOLES or not self.quantities:
            raise InputError(f"dipole {self.dipole!r}: expected one of {', '.join(DIPOLES)}, or a polarizability")
        for element, charge in self.ions:
            if element not in self.elements or element in self.centers or not np.isfinite(charge):
                raise InputError(
                    f"ions: {element}: expected a finite charge of one of {', '.join(self.elements)} that carries no "
                    "tensors itself (centers)"
                )
        if self.ions and (self.dipole == "none" or self.has_charges):
            raise InputError('ions: belong to dipole moments of vectors: dipole = "vectors"')
        if self.channels > MOST_CHANNELS:
            raise InputError(
                f"radial = {self.radial} functions for each of {len(self.elements)} elements are {self.channels} "
                f"channels: {MOST_CHANNELS} at most; take radial = {MOST_CHANNELS // len(self.elements)}"
            )
        if not 1 <= self.mixed <= self.channels:
            raise InputError(f"mixed = {self.mixed}: expected 1 to {self.channels}, the number of channels")

    @property
    def channels(self) -> int:
        return self.radial * len(self.elements)

    @property
    def has_charges(self) -> bool:
        return "charges" in self.dipole

    @property
    def has_vectors(self) -> bool:
        return "vectors" in self.dipole

    @property
    def quantities(self) -> tuple[str, ...]:
        """Those of COMPONENTS that it tells."""
        return ((DIPOLE,) if self.dipole != "none" else ()) + ((POLARIZABILITY,) if self.polarizability else ())

    @property
    def charges(self) -> np.ndarray:
        """Of an ion of each element, e; zero of others."""
        return np.array([dict(self.ions).get(e, 0.0) for e in self.elements])

    @property
    def is_center(self) -> np.ndarray:
        """bool [n_elements]"""
        return np.array([e in self.centers for e in self.elements])

    def n_basis(self, quantity: str) -> int:
        """Of how many tensors of an atom a quantity is a sum."""
        if quantity == POLARIZABILITY:
            return m.n_matrices(self.channels, self.mixed)
        return self.has_charges + self.has_vectors * m.n_vectors(self.channels, self.mixed)

    @property
    def n_outputs(self) -> int:
        return sum(self.n_basis(quantity) for quantity in self.quantities)

    def basis(self, own: m.Moments, mixing: np.ndarray, places: np.ndarray | None) -> dict[str, np.ndarray]:
        """{quantity: float64 [n, n_basis, components]} of atoms of an element; places : [n, 3], from the mean"""
        mixed, found = m.mixtures(own, mixing), {}
        if self.dipole != "none":
            parts = [places[:, None, :]] if self.has_charges else []
            found[DIPOLE] = np.concatenate([*parts, *([m.vectors(own, mixed)] if self.has_vectors else [])], axis=1)
        if self.polarizability:
            found[POLARIZABILITY] = m.matrices(own, mixed)
        return found


@dataclass(frozen=True, eq=False)
class Scaling:
    """What is known of an element's atoms before training.

    mean [n_invariants], projection [n_invariants, n_inputs] : inputs are (invariants - mean) times projection
    mixing [2, mixed, channels] : of first and second moments; scale [n_outputs] : of what tensors are made of
    """

    mean: np.ndarray
    projection: np.ndarray
    mixing: np.ndarray
    scale: np.ndarray

    def __post_init__(self):
        for name, ndim in (("mean", 1), ("projection", 2), ("mixing", 3), ("scale", 1)):
            array = frozen(getattr(self, name), ndim)
            if not np.isfinite(array).all():
                raise InputError(f"{name}: not all are finite numbers")
            object.__setattr__(self, name, array)


@dataclass(frozen=True, eq=False)
class TestVector:
    """A small structure and its tensors. positions [n, 3]; cell [3, 3] or None; values [n_components]: of the whole"""

    __test__ = False  # not for pytest to collect

    symbols: tuple[str, ...]
    positions: np.ndarray
    cell: np.ndarray | None
    values: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class TensorNetwork:
    """A trained model. scaling, parameters : of each center; parameters float64, weights and biases of each layer
    unit : {quantity: what a weight of 1 is worth}; provenance : its card; training : errors and the like
    """

    design: Design
    scaling: tuple[Scaling, ...]
    parameters: tuple[np.ndarray, ...]
    unit: Mapping[str, float]
    provenance: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, float | int | str] = field(default_factory=dict)
    test_vectors: tuple[TestVector, ...] = ()
    name: str = ""

    def __post_init__(self):
        design = self.design
        shape = {
            "mean": (m.n_invariants(design.channels),), "mixing": (2, design.mixed, design.channels),
            "scale": (design.n_outputs,),
        }  # fmt: skip
        if not len(self.scaling) == len(self.parameters) == len(design.centers):
            raise InputError("expected scaling and parameters of each center")
        object.__setattr__(self, "parameters", tuple(frozen(own) for own in self.parameters))
        for center, own, flat in zip(design.centers, self.scaling, self.parameters, strict=True):
            for name, wanted in shape.items():
                if getattr(own, name).shape != wanted:
                    raise InputError(f"{name} of {center} is {getattr(own, name).shape}, expected {wanted}")
            n = sum(a * b + b for a, b in self.layers(own))
            if own.projection.shape[0] != shape["mean"][0] or flat.shape != (n,) or not np.isfinite(flat).all():
                raise InputError(f"parameters of {center}: expected {n} finite numbers")
        if set(self.unit) != set(design.quantities):
            raise InputError(f"unit: expected one of {', '.join(design.quantities)} each")

    def layers(self, own: Scaling) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer of an element's network."""
        sizes = [own.projection.shape[1], *self.design.hidden, self.design.n_outputs]
        return list(pairwise(sizes))

    def weights(self, k: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """(weights, biases) of each layer of center number k; views."""
        return views(self.parameters[k], self.layers(self.scaling[k]))

    @cached_property
    def folded(self) -> list[list[tuple[np.ndarray, np.ndarray]]]:
        """Layers of each center whose inputs are invariants, and whose outputs weights of what is not scaled."""
        found = []
        for k, own in enumerate(self.scaling):
            layers = [(w.copy(), b.copy()) for w, b in self.weights(k)]
            w, b = layers[0]
            layers[0] = own.projection @ w, b - own.mean @ own.projection @ w
            w, b = layers[-1]
            factor = np.concatenate([np.full(self.design.n_basis(q), self.unit[q]) for q in self.design.quantities])
            layers[-1] = w * (factor / own.scale), b * (factor / own.scale)
            found.append(layers)
        return found

    def atomic(self, center: int, own: m.Moments, places: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """{quantity: float64 [n, components]} of atoms of center number `center`; places : [n, 3], from the mean."""
        parts = []
        for begin in range(0, len(own.zeroth), BLOCK):
            block = slice(begin, begin + BLOCK)
            parts.append(self._block(center, own.take(block), None if places is None else places[block]))
        return {q: np.concatenate([part[q] for part in parts] or [np.zeros((0, COMPONENTS[q]))])
                for q in self.design.quantities}  # fmt: skip

    def _block(self, center: int, own: m.Moments, places) -> dict[str, np.ndarray]:
        y = m.invariants(own)
        layers = self.folded[center]
        for w, b in layers[:-1]:
            y = squash(m.product(y, w) + b)
        y = m.product(y, layers[-1][0]) + layers[-1][1]
        found, first = {}, 0
        for quantity, basis in self.design.basis(own, self.scaling[center].mixing, places).items():
            sums = np.zeros((len(y), basis.shape[2]))
            for k in range(basis.shape[1]):
                sums += y[:, first + k, None] * basis[:, k]
            found[quantity], first = sums, first + basis.shape[1]
        return found

    @property
    def n_parameters(self) -> int:
        return sum(map(len, self.parameters))


def ionic(counts: np.ndarray, r: np.ndarray, is_center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(entry of the nearest center among the neighbours of each ion, or -1 [n]; where the ion is from there [n, 3]).

    counts : neighbours of each ion; r [m, 3] : from the ion to these, one after the other; is_center bool [m]
    """
    squares = r[:, 0] * r[:, 0] + r[:, 1] * r[:, 1] + r[:, 2] * r[:, 2]
    squares = np.where(is_center, squares, np.inf)
    entry, place = np.full(len(counts), -1), np.zeros((len(counts), 3))
    first = np.cumsum(counts) - counts
    for k in np.flatnonzero(counts):
        own = squares[first[k] : first[k] + counts[k]]
        nearest = int(np.argmin(own))
        if np.isfinite(own[nearest]):
            entry[k] = first[k] + nearest
            place[k] = -r[entry[k]]
    return entry, place


def views(flat: np.ndarray, layers: list[tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(weights [a, b], biases [b]) of each layer (a, b), one after the other in `flat`."""
    found, first = [], 0
    for a, b in layers:
        found.append((flat[first : first + a * b].reshape(a, b), flat[first + a * b : first + a * b + b]))
        first += a * b + b
    return found


def squash(x: np.ndarray) -> np.ndarray:
    """The activation x / sqrt(1 + x^2): of operations that round the same everywhere."""
    return x / np.sqrt(1.0 + x * x)
