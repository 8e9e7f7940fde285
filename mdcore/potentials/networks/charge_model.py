"""How do the charges of atoms follow from their surroundings? The part of a network potential that says so, frozen.

A network an element gives, from descriptors, either the charge of an atom (third generation: T. Morawietz, V. Sharma,
J. Behler, J. Chem. Phys. 136, 064103 (2012); latent charges: B. Cheng, npj Comput. Mater. 11, 80 (2025)) or its
electronegativity chi_i, from which charges follow by equilibration (fourth generation: T. W. Ko, J. A. Finkler, S.
Goedecker, J. Behler, Nat. Commun. 12, 398 (2021)):

    sum_j A_ij Q_j + lambda = -chi_i,    sum_j Q_j = Q,    A_ii = J_i + C / (s_i sqrt(pi)),
    A_ij = C erf(r_ij / sqrt(2 (s_i^2 + s_j^2))) / r_ij

with all images in a periodic cell. Charges are Gaussians of width s. They interact by

    E = 1/2 sum_i C Q_i^2 / (s_i sqrt(pi))  +  sum_{i<j} f(r_ij) Q_i Q_j A_ij

without the first sum unless `own_energy`, f = 1 but for a `Screening`.
"""

from dataclasses import dataclass, replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.charges.truncated import Truncation
from mdcore.potentials.networks.frozen import plain_floats

PREDICTED, EQUILIBRATED = "predicted", "equilibrated"
KINDS = (PREDICTED, EQUILIBRATED)
CORES = ("cosine", "p1", "p2", "p3", "p4", "exp")  # of a screening: 1 at the inner radius, 0 at the outer one


@dataclass(frozen=True)
class Screening:
    """How charges that are near stop feeling each other: f(r) = 1 - g(x), x = (r - inner) / (outer - inner).

    inner, outer : native length; f is 0 below, 1 beyond
    core : g: "cosine", (1 + cos(pi x)) / 2; "p1" to "p4", polynomials of degree 3, 5, 7, 9; "exp",
        exp(1 - 1 / (1 - x^2))
    """

    inner: float
    outer: float
    core: str = "cosine"

    def __post_init__(self):
        plain_floats(self)
        if self.core not in CORES:
            raise InputError(f"screening of charges: core {self.core!r}: expected one of {', '.join(CORES)}")
        if not 0.0 <= self.inner < self.outer < np.inf:
            raise InputError(
                f"screening of charges from {self.inner:g} to {self.outer:g}: expected 0 <= inner < outer"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class ChargeModel:
    """Charges of atoms by networks; one entry an element, in the order of the potential's; native units, e.

    kind : "predicted", networks give charges; "equilibrated", electronegativities (native energy / e)
    symmetry_functions, scaling, networks : as a potential's own, which may be the same objects (the same descriptors
        are computed once); what a network gives is multiplied by `output_scale`
    widths : s of the Gaussians, native length; 0 for all: points, of predicted charges
    hardness : J, native energy / e^2; of "equilibrated", else empty
    conserve : of predicted charges: the same is added to each, so that they sum up to the total charge of the structure
        (0 if it says none); equilibrated ones always do
    as_input : the short-range network has one input more, the last: the charge, times `input_scale`
    own_energy : the energy of each Gaussian in its own field counts; not with a screening, or of points
    constant : C, native energy times length / e^2 (1 with hartree and bohr)
    truncation : how sums over images ended where it was trained, if it is known; they are converged unless a run asks
        for this
    others : (networks, hardness) of the further members of a committee, which share all else
    """

    kind: str
    symmetry_functions: tuple[tuple, ...]
    scaling: tuple
    networks: tuple
    widths: tuple[float, ...]
    hardness: tuple[float, ...] = ()
    conserve: bool = True
    as_input: bool = False
    own_energy: bool = False
    screening: Screening | None = None
    constant: float = 1.0
    output_scale: float = 1.0
    input_scale: float = 1.0
    truncation: Truncation | None = None
    others: tuple[tuple[tuple, tuple[float, ...]], ...] = ()

    def __post_init__(self):
        plain_floats(self)
        for name in ("widths", "hardness"):
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        for name in ("symmetry_functions", "scaling", "networks"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("conserve", "as_input", "own_energy"):
            object.__setattr__(self, name, bool(getattr(self, name)))
        members = tuple((tuple(networks), tuple(map(float, hardness))) for networks, hardness in self.others)
        object.__setattr__(self, "others", members)
        n, found = len(self.networks), None
        if self.kind not in KINDS:
            found = f"kind {self.kind!r}: expected one of {', '.join(KINDS)}"
        elif not len(self.symmetry_functions) == len(self.scaling) == len(self.widths) == n:
            found = "every element needs descriptors, scaling, a network and a width"
        elif len(self.hardness) != (n if self.equilibrated else 0):
            found = "every element needs a hardness, of charges that are equilibrated, and no other"
        elif any((len(networks), len(hardness)) != (n, len(self.hardness)) for networks, hardness in self.others):
            found = "members of a committee have networks, and hardnesses, of the same elements"
        elif not np.isfinite([*self.widths, *self.hardness]).all() or min(self.widths) < 0.0:
            found = f"widths {self.widths}, hardness {self.hardness}: expected numbers, and no width below 0"
        elif min(self.widths) == 0.0 and (max(self.widths) > 0.0 or self.equilibrated or self.own_energy):
            found = "points (width 0) have no energy of their own, can't be equilibrated, and are so of all elements"
        elif self.own_energy and self.screening:
            found = "screened charges have no energy of their own; leave own_energy away"
        elif self.equilibrated and not self.conserve:
            found = "charges that are equilibrated conserve the total charge"
        elif not all(0.0 < x < np.inf for x in (self.constant, self.output_scale, self.input_scale)):
            found = "constant, output_scale and input_scale must be positive"
        if found:
            raise InputError(f"charges of a network potential: {found}")

    def member(self, k: int) -> "ChargeModel":
        """That of member k (from 0) alone."""
        networks, hardness = ((self.networks, self.hardness), *self.others)[k]
        return replace(self, networks=networks, hardness=hardness, others=())

    @property
    def fixed(self) -> tuple[float, ...]:
        """Charges of elements, e, that no descriptor changes (networks without weights); () where they change."""
        deep = self.equilibrated or any(len(own.weights) > 1 or own.weights[0].any() for own in self.networks)
        return () if deep else tuple(self.output_scale * float(own.biases[0][0]) for own in self.networks)

    @property
    def equilibrated(self) -> bool:
        return self.kind == EQUILIBRATED

    @property
    def points(self) -> bool:
        """Are they points, not Gaussians?"""
        return max(self.widths) == 0.0

    @property
    def cutoff(self) -> float:
        """The largest cutoff of its descriptors, native length."""
        return max(f.cutoff for functions in self.symmetry_functions for f in functions)
