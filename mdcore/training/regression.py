"""What must a model be to be trained? All that optimisers know of it.

A regression is a model as a function of its parameters, over a set of labelled structures. loss.py makes one of network
potentials; another model that has these attributes and methods is trained by the same optimisers and the same `Fit`.

Several ranks may share the structures. `set`, `settle`, `quadratic`, `errors`, `typical` and `loss` are collective
then: all ranks call them, and take and give the same. Structures have numbers in the whole set (`structures` below) and
numbers on their rank (`own`); residuals and rows of the Jacobian are of the rank's own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from mdcore.base.units import GIGAPASCAL


@dataclass(frozen=True)
class Errors:
    """Root mean squares of errors: of the energy an atom, of force and stress components, of charges; nan: no data.

    SHOWN : {name of each in histories: how many units of a history one of its own is}; other regressions have others
    """

    energy: float
    forces: float
    stress: float
    charges: float = math.nan

    SHOWN: ClassVar = {"energy": 1e3, "force": 1e3, "stress": 1.0 / GIGAPASCAL, "charge": 1e3}  # meV, GPa, me


@dataclass(frozen=True)
class Kind:
    """One kind of labels. weight : of an error over what is usual, 0: does not count
    pick : what an optimiser that looks at single numbers takes of a structure: "all" of them, "one" at random, or
    "some" of those with large errors
    """

    name: str
    weight: float
    pick: Literal["all", "one", "some"]


@runtime_checkable
class Regression(Protocol):
    """parameters : float64 [n_parameters]; `set` changes them; is_weight : bool [n_parameters], those to regularise
    free : bool [n_parameters], those that change (`release`)
    blocks : matrices among the parameters: where each is, and how many columns it has
    factor : the unit of energies that parameters are for; 1 where they know none
    n_total : structures in the whole set; structure_weights : float64 [n], of the rank's own
    kinds : of labels; comm : the ranks; landscape : numbers that say which loss this is
    """

    parameters: np.ndarray
    n_parameters: int
    is_weight: np.ndarray
    free: np.ndarray
    blocks: Sequence[tuple[slice, int]]
    factor: float
    n_total: int
    structure_weights: np.ndarray
    kinds: Sequence[Kind]
    landscape: np.ndarray
    comm: object

    def set(self, parameters: np.ndarray) -> None:
        """Take these parameters: on all ranks those of rank 0."""

    def release(self, part: str) -> None:
        """Let optimisers change "all" parameters, or those of "charges" or of "short" range alone, from now on."""

    def settle(self) -> bool:
        """Give parameters that a linear fit finds, offsets of energies, the best values beside the others; were any
        changed?"""

    def quadratic(self, emphasis: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(own, C, p): the loss is w . C w - 2 p . w and a constant, to second order, where w is added to
        parameters[own], the others are as they are, and `settle` follows; emphasis : times the weight of energies;
        InputError if the model has no such parameters."""

    def roughness(self) -> tuple[float, np.ndarray]:
        """How rough the model is (roughness.py), and the gradient [n_parameters]; InputError if it is not told."""

    def fitted(self):
        """The model with the present parameters."""

    def map(self, function, jobs) -> list:
        """[function(job) for each job], by all threads there are."""

    def errors(self) -> Errors:
        """Of the whole set."""

    def loss(self, structures: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """A sum over some structures (None: all), and its gradient [n_parameters]."""

    # --- single labels, for the filter -----------------------------------------------------------------------

    def local(self, structures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which places of a list of structures are of this rank's, and their numbers here."""

    def residuals(self, own: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        """Label - value of each of these structures: of each kind float64 [n], nan without a label."""

    def rows(self, kind: int, own: np.ndarray, components: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Gradients [m, n_parameters] of single values, times `scale` [m]: number `components[i]` of that kind of
        structure `own[i]`."""

    def typical(self) -> np.ndarray:
        """Root mean squares of the residuals of each kind over the whole set; nan: no labels."""

    def least(self, running: np.ndarray) -> np.ndarray:
        """What residuals of each kind come to at least, if `running` is usual, where others set a limit to them."""
