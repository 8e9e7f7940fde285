"""What is a Behler-Parrinello network potential, apart from the files it is stored in?

Frozen data in the author's own units (`units` says which), in the order the kernels need: elements by atomic number,
symmetry functions in network-input order. `n2p2/read.py` and `networks/h5.py` read and write it; nothing here knows a
file format. What other trained potentials have, too, is in trained.py.

Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007); Behler, J. Chem. Phys. 134, 074106 (2011).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.potentials.counted import ELECTROSTATICS
from mdcore.potentials.networks.charge_model import ChargeModel
from mdcore.potentials.networks.frozen import frozen, plain_floats
from mdcore.potentials.networks.trained import Model

RADIAL_TYPES = (2, 12, 20, 23)
ANGULAR_TYPES = (3, 9, 13, 21, 22, 24, 25)
LARGEST = 1e9  # of all parameters of descriptors
NARROW_TYPES = (3, 13, 21, 24)  # carry factors of r_jk, hence vanish beyond its cutoff
WEIGHTED_TYPES = (12, 13, 23, 24, 25)  # every element, weighted with Z_j or Z_j Z_k
COMPACT_TYPES = (20, 21, 22, 23, 24, 25)  # compact support: no cutoff function
SUBTYPES = tuple(core + suffix for core in ("p1", "p2", "p3", "p4", "e") for suffix in ("", "a"))
CUTOFF_TYPES = tuple(range(9))
ACTIVATION_NAMES = {
    "l": "linear", "t": "tanh", "s": "logistic", "p": "softplus", "r": "relu", "g": "gaussian", "c": "cosine",
    "S": "reversed logistic", "e": "exponential", "h": "harmonic",
}  # fmt: skip
ACTIVATIONS = "".join(ACTIVATION_NAMES)  # in the order of ext/networks/hdnnp.h
SCALING_MODES = ("none", "center", "scale", "scale_center", "sigma")


@dataclass(frozen=True, kw_only=True)
class SymmetryFunction:
    """One descriptor of the environment of a `center` atom; lengths native, angles in degrees.

    `neighbors` holds one element (types 2, 20), two sorted by Z (3, 9, 21, 22) or none (weighted types:
    all elements). Fields a type doesn't use stay 0. `alpha` * `cutoff` is the inner cutoff;
    `cutoff_type` and `alpha` mean nothing to the compact types 20-25.
    """

    type: int
    center: str
    neighbors: tuple[str, ...] = ()
    cutoff: float
    eta: float = 0.0
    rs: float = 0.0
    lambda_: float = 0.0
    zeta: float = 0.0
    rl: float = 0.0
    thl: float = 0.0
    thr: float = 0.0
    subtype: str = ""
    cutoff_type: int = 1
    alpha: float = 0.0
    kind: ClassVar = "symmetry"

    def __post_init__(self):
        if self.type not in RADIAL_TYPES + ANGULAR_TYPES:
            raise InputError(f"symmetry function type {self.type}: expected 2, 3, 9, 12, 13 or 20 to 25")
        plain_floats(self)
        object.__setattr__(self, "neighbors", tuple(sorted(self.neighbors, key=ATOMIC_NUMBERS.__getitem__)))
        wanted = 0 if self.type in WEIGHTED_TYPES else 1 if self.type in RADIAL_TYPES else 2
        numbers = (self.cutoff, self.eta, self.rs, self.lambda_, self.zeta, self.rl, self.thl, self.thr)
        problem = None
        if len(self.neighbors) != wanted:
            problem = f"needs {wanted} neighbour elements, has {len(self.neighbors)}"
        elif not np.all(np.abs(numbers) <= LARGEST):
            problem = f"has a parameter that is not finite, or beyond {LARGEST:g}"
        elif self.cutoff <= 0:
            problem = f"has cutoff {self.cutoff}: it must be positive"
        elif self.cutoff_type not in CUTOFF_TYPES:
            problem = f"has cutoff_type {self.cutoff_type}: expected 0 to 8"
        elif not 0 <= self.alpha < 1:
            problem = f"has an inner cutoff alpha = {self.alpha}: expected 0 <= alpha < 1"
        elif self.type in (3, 9, 13) and self.zeta == 0:
            problem = "has zeta = 0: it must be another number"
        elif self.type in COMPACT_TYPES and self.rl >= self.cutoff:
            problem = f"spans from rl = {self.rl} to rc = {self.cutoff}: rl must be less than rc"
        elif self.type in (21, 22, 24, 25) and self.thl >= self.thr:
            problem = f"spans angles from {self.thl} to {self.thr} degrees: the first must be less"
        elif self.type in COMPACT_TYPES and self.subtype not in SUBTYPES:
            problem = f"has subtype {self.subtype!r}: expected one of {', '.join(SUBTYPES)}"
        if problem:
            raise InputError(f"symmetry function {self.label} {problem}")

    @property
    def is_radial(self) -> bool:
        """Does it see distances alone?"""
        return self.type in RADIAL_TYPES

    @property
    def label(self) -> str:
        """How messages name it, e.g. ``O 3 H H eta=0.07 lambda=1 zeta=1 rc=12``."""
        parts = [self.center, str(self.type), *self.neighbors]
        for name in ("eta", "rs", "lambda_", "zeta", "rl", "thl", "thr"):
            if getattr(self, name):
                parts.append(f"{name.strip('_')}={getattr(self, name):g}")
        return " ".join([*parts, f"rc={self.cutoff:g}"] + ([self.subtype] if self.subtype else []))

    @property
    def sort_key(self) -> tuple:
        """Position among the network inputs of its centre: ascending in this key (the format's order)."""
        elements = tuple(ATOMIC_NUMBERS[element] for element in self.neighbors)
        if self.type in COMPACT_TYPES:
            return (self.type, self.subtype, *elements, self.cutoff, self.rl, self.thl, self.thr)
        return (self.type, self.cutoff, self.eta, self.rs, self.zeta, self.lambda_, *elements)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Training statistics of one element's descriptors, and how they enter the network.

    min, max, mean, sigma : float64 [n_functions]; -inf/inf/nan where the file doesn't say.
    """

    min: np.ndarray
    max: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    mode: str = "none"
    target_min: float = 0.0
    target_max: float = 1.0

    def __post_init__(self):
        if self.mode not in SCALING_MODES:
            raise InputError(f"scaling mode {self.mode!r}: expected one of {', '.join(SCALING_MODES)}")
        plain_floats(self)
        for name in ("min", "max", "mean", "sigma"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def affine(self) -> tuple[np.ndarray, np.ndarray, float]:
        """slope [n], shift [n], base: the network input is ``slope * (G - shift) + base``."""
        if self.mode == "none":
            return np.ones_like(self.min), np.zeros_like(self.min), 0.0
        if self.mode == "center":
            return np.ones_like(self.min), self.mean.copy(), 0.0
        shift = self.min if self.mode == "scale" else self.mean
        width = self.sigma if self.mode == "sigma" else self.max - self.min
        return (self.target_max - self.target_min) / width, shift.copy(), self.target_min

    @property
    def degenerate(self) -> np.ndarray:
        """Indices of functions that can't be scaled: statistics absent, or no width."""
        slope, shift, _ = self.affine_quiet()
        return np.flatnonzero(~(np.isfinite(slope) & np.isfinite(shift) & (slope != 0)))

    def affine_quiet(self):
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.affine()


@dataclass(frozen=True, eq=False)
class ElementNetwork:
    """The feed-forward network of one element: y = f(y_previous @ W + b), last layer one number.

    weights : float64 [n_in, n_out] each layer; biases : float64 [n_out]; activations : one letter a layer.
    normalize_nodes : the argument of f is divided by n_in, weights and bias alike.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activations: tuple[str, ...]
    normalize_nodes: bool = False

    def __post_init__(self):
        object.__setattr__(self, "weights", tuple(frozen(w, 2) for w in self.weights))
        object.__setattr__(self, "biases", tuple(frozen(b) for b in self.biases))
        object.__setattr__(self, "activations", tuple(self.activations))
        if not len(self.weights) == len(self.biases) == len(self.activations) > 0:
            raise InputError("a network needs one weight matrix, bias vector and activation a layer")
        for letter in self.activations:
            if letter not in ACTIVATIONS or len(letter) != 1:
                raise InputError(f"activation {letter!r}: expected one of {' '.join(ACTIVATIONS)}")
        sizes = self.layer_sizes
        shapes = tuple((w.shape, b.shape) for w, b in zip(self.weights, self.biases, strict=True))
        if shapes != tuple(((i, o), (o,)) for i, o in pairwise(sizes)) or sizes[-1] != 1:
            raise InputError(f"network layers do not fit together: weight and bias shapes {shapes}")
        if not all(np.isfinite(a).all() for a in self.weights + self.biases):
            raise InputError("a network parameter is not finite")

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """(inputs, hidden..., 1)"""
        return (self.weights[0].shape[0], *(w.shape[1] for w in self.weights))

    def flat(self) -> np.ndarray:
        """All parameters, layer by layer: weights input-major, then biases (as in weights.ZZZ.data)."""
        pairs = zip(self.weights, self.biases, strict=True)
        return np.concatenate([part.ravel() for pair in pairs for part in pair])

    @classmethod
    def from_flat(cls, parameters, layer_sizes, activations, normalize_nodes=False) -> "ElementNetwork":
        """Inverse of `flat` for the given layer sizes (inputs, hidden..., 1)."""
        parameters, weights, biases, at = np.asarray(parameters, float), [], [], 0
        if parameters.size != n_parameters(layer_sizes):
            raise InputError(
                f"layers {'-'.join(map(str, layer_sizes))} need {n_parameters(layer_sizes)} weights and "
                f"biases, found {parameters.size}"
            )
        for n_in, n_out in pairwise(layer_sizes):
            weights.append(parameters[at : at + n_in * n_out].reshape(n_in, n_out))
            at += n_in * n_out
            biases.append(parameters[at : at + n_out])
            at += n_out
        return cls(tuple(weights), tuple(biases), tuple(activations), normalize_nodes)


def n_parameters(layer_sizes) -> int:
    """Weights and biases of a network with layers (inputs, hidden..., outputs)."""
    return sum((i + 1) * o for i, o in pairwise(layer_sizes))


@dataclass(frozen=True)
class Normalisation:
    """E = sum E_NN / conv_energy + N mean_energy + sum atom_energy.

    conv_length changes no descriptor (cutoffs, shifts and etas scale along); it is kept for the files.
    """

    mean_energy: float = 0.0
    conv_energy: float = 1.0
    conv_length: float = 1.0

    def __post_init__(self):
        plain_floats(self)


@dataclass(frozen=True, eq=False, kw_only=True)
class HDNNP(Model):
    """A whole potential: short-range element networks, and charges if it has some. One entry an element, by Z.

    symmetry_functions : the descriptors of each element, all of one `kind`: symmetry functions, or objects with the
        same center, neighbors, cutoff, label and sort_key, of a kind that kinds.py knows
    others : networks of the further members of a committee, which share all else; energy and forces are means over the
        members (committee.py makes one of single potentials)
    charges : how charges of atoms follow (charge_model.py), or None: it has none (second generation)
    """

    elements: tuple[str, ...]
    symmetry_functions: tuple[tuple[SymmetryFunction, ...], ...]
    scaling: tuple[Scaling, ...]
    networks: tuple[ElementNetwork, ...]
    others: tuple[tuple[ElementNetwork, ...], ...] = ()
    atom_energies: tuple[float, ...] = ()
    normalisation: Normalisation | None = None
    charges: ChargeModel | None = None
    format = "mdcore-hdnnp"

    def __post_init__(self):
        energies = tuple(map(float, self.atom_energies)) or (0.0,) * len(self.elements)
        object.__setattr__(self, "atom_energies", energies)
        if list(self.elements) != sorted(set(self.elements), key=lambda e: ATOMIC_NUMBERS.get(e, 0)):
            raise InputError(
                f"elements {' '.join(self.elements)}: expected distinct, ordered by atomic number"
            )
        columns = (self.elements, self.symmetry_functions, self.scaling, self.networks, self.atom_energies)
        if len({len(column) for column in columns}) != 1:
            raise InputError("every element needs descriptors, scaling, a network and an atom energy")
        self._check_inputs(*columns[1:4], more=bool(self.charges and self.charges.as_input))
        inputs = [n.layer_sizes[0] for n in self.networks]
        for k, own in enumerate(self.others, start=2):
            if [n.layer_sizes[0] for n in own] != inputs:
                raise InputError(f"member {k} of the committee: its networks do not fit the descriptors of the first")
        if self.charges:
            own = self.charges
            if len(own.others) != len(self.others):
                raise InputError("charges: every member of a committee needs networks of charges, and no other")
            if len(own.networks) != len(self.elements):
                raise InputError("charges: every element of the potential needs a network of charges, and no other")
            for k in range(len(self.members)):
                self._check_inputs(own.symmetry_functions, own.scaling, own.member(k).networks)
        if not np.isfinite([*self.atom_energies, *vars(self.normalisation or Normalisation()).values()]).all():
            raise InputError("an atom energy or a number of the normalisation is not finite")
        self._check()

    def _check_inputs(self, all_functions, all_scaling, networks, more: bool = False) -> None:
        """InputError if descriptors, scaling and networks, which may have an input `more`, do not fit."""
        columns = (self.elements, all_functions, all_scaling, networks)
        for element, functions, scaling, network in zip(*columns, strict=True):
            if any(f.kind != self.kind for f in functions):
                raise InputError(f"the descriptors of {element} are not all of the kind {self.kind}")
            if any(f.center != element for f in functions):
                raise InputError(f"a symmetry function listed for {element} has another centre")
            if list(functions) != sorted(functions, key=lambda f: f.sort_key):
                raise InputError(f"the symmetry functions of {element} are not in network-input order")
            strangers = {e for f in functions for e in f.neighbors} - set(self.elements)
            if strangers:
                raise InputError(f"{element}: symmetry functions name {' '.join(strangers)}, not in elements")
            if not len(functions) == network.layer_sizes[0] - more == scaling.min.size:
                raise InputError(
                    f"{element}: {len(functions)} symmetry functions, {network.layer_sizes[0]} inputs "
                    f"{'(one of them the charge) ' * more}and {scaling.min.size} scaling records should be the same "
                    "number"
                )

    @property
    def has(self) -> dict[str, str]:
        return super().has | ({ELECTROSTATICS: "its atoms have charges"} if self.charges else {})

    @property
    def kind(self) -> str:
        """Of its descriptors (ext/networks/descriptors.h)."""
        return next((f.kind for functions in self.symmetry_functions for f in functions), "symmetry")

    @property
    def members(self) -> tuple[tuple[ElementNetwork, ...], ...]:
        """The networks of each member of a committee, one an element; one member if it is none."""
        return (self.networks, *self.others)

    @property
    def cutoff(self) -> float:
        """The largest cutoff of descriptors, native length."""
        own = max(f.cutoff for functions in self.symmetry_functions for f in functions)
        return max(own, self.charges.cutoff) if self.charges else own

    @property
    def deciding(self) -> tuple:
        found = (self.elements, self.symmetry_functions, self.scaling, self.networks, self.atom_energies)
        found = (*found, self.normalisation, self.units, self.others)
        return (*found, self.charges) if self.charges else found
