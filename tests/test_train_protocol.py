"""Do optimisers train a model that is no network, and that they have never heard of?"""

import ast
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from mdcore.base.comm import SelfComm
from mdcore.training import regression as protocol
from mdcore.training.fit import Fit, Stage
from mdcore.training.loss import NetworkRegression
from mdcore.training.optimizers.adam import Adam
from mdcore.training.optimizers.kalman import Kalman
from mdcore.training.optimizers.lbfgs import LBFGS
from mdcore.training.optimizers.least_squares import LeastSquares
from mdcore.training.optimizers.soap import Soap
from mdcore.training.regression import Errors, Kind, Regression
from mdcore.training.settings import AdamSettings, KalmanSettings, LBFGSSettings, LeastSquaresSettings, SoapSettings
from tests.test_train_optimisers import small

POWERS = (-12, -6, -1)  # of r: terms of a pair potential
TRUE = np.array([2.0, -3.0, 0.5])


class PairTerms:
    """E = sum over pairs and terms of c r^power, for the coefficients c, over clusters with energies and forces.

    energies [n, 3] and forces [n, 3 n_atoms, 3] : derivatives by c
    """

    kinds = (Kind("energy", 1.0, "all"), Kind("forces", 1.0, "some"))
    factor, comm, landscape, is_weight, blocks = 1.0, SelfComm(), np.ones(1), np.ones(3, dtype=bool), ()

    def __init__(self, n=12, seed=0):
        rng, sites = np.random.default_rng(seed), np.array(list(np.ndindex(2, 2, 1)), float)
        self.n_total = n
        rows = [self._rows(1.1 * sites + rng.normal(scale=0.08, size=sites.shape)) for _ in range(n)]
        self.energies, self.forces = (np.array(own) for own in zip(*rows, strict=True))
        self.labels = self.energies @ TRUE, self.forces @ TRUE
        self.n_parameters, self.structure_weights, self.free = 3, np.ones(n), np.ones(3, dtype=bool)
        self.set(np.zeros(3))

    @staticmethod
    def _rows(x):
        energy, forces = np.zeros(3), np.zeros((len(x), 3, 3))
        for i, j in combinations(range(len(x)), 2):
            r = np.linalg.norm(x[j] - x[i])
            for k, p in enumerate(POWERS):
                energy[k] += r**p
                push = p * r ** (p - 2) * (x[j] - x[i])  # -dE/dx_j = -push
                forces[i, :, k] += push
                forces[j, :, k] -= push
        return energy, forces.reshape(-1, 3)

    def set(self, parameters):
        self.parameters = np.array(parameters)

    def release(self, part):
        assert part == "all"

    def settle(self):
        return False

    def quadratic(self, emphasis=1.0):
        rows = np.concatenate([self.energies, self.forces.reshape(-1, 3)])
        labels = np.concatenate([own.ravel() for own in self.labels])
        assert emphasis == 1.0
        return np.ones(3, dtype=bool), rows.T @ rows, rows.T @ (labels - rows @ self.parameters)

    def roughness(self):
        return 0.0, np.zeros(3)

    def fitted(self):
        return dict(zip(POWERS, self.parameters, strict=True))

    def map(self, function, jobs):
        return list(map(function, jobs))

    def local(self, structures):
        return np.arange(len(structures)), structures

    def residuals(self, own):
        value = self.energies @ self.parameters, self.forces @ self.parameters
        return [(self.labels[0][k : k + 1] - value[0][k : k + 1], self.labels[1][k] - value[1][k]) for k in own]

    def rows(self, kind, own, components, scale):
        return (self.energies[own] if kind == 0 else self.forces[own, components]) * scale[:, None]

    def typical(self):
        found = zip(*self.residuals(np.arange(self.n_total)), strict=True)
        return np.array([np.sqrt(np.mean(np.square(own))) for own in found])

    def least(self, running):
        return np.zeros(2)

    def errors(self):
        return Errors(*self.typical(), np.nan)

    def loss(self, structures=None):
        own = np.arange(self.n_total) if structures is None else structures
        residuals = np.concatenate([np.concatenate(each) for each in self.residuals(own)])
        rows = np.concatenate([np.concatenate([self.energies[k : k + 1], self.forces[k]]) for k in own])
        return float(residuals @ residuals), -2.0 * residuals @ rows


MAKE = {
    "kalman": lambda r, seed: Kalman(r, KalmanSettings(variance=1e4, threshold=0.0), seed),
    "adam": lambda r, seed: Adam(r, AdamSettings(epochs=400, step=0.1, last_step=1e-4), seed),
    "soap": lambda r, seed: Soap(r, SoapSettings(epochs=400, step=0.1, last_step=1e-4), seed),
    "lbfgs": lambda r, seed: LBFGS(r, LBFGSSettings()),
    "least-squares": lambda r, seed: LeastSquares(r, LeastSquaresSettings()),
}


EPOCHS = {"kalman": 20, "adam": 400, "soap": 400, "lbfgs": 60, "least-squares": 9}


@pytest.mark.parametrize("name, epochs", EPOCHS.items())
def test_an_optimiser_finds_the_coefficients_of_a_pair_potential(name, epochs):
    regression = PairTerms()
    optimiser = MAKE[name](regression, 1)
    for _ in range(epochs):
        optimiser.epoch()
    np.testing.assert_allclose(regression.parameters, TRUE, rtol=0.02 if name in ("adam", "soap") else 1e-4)


def test_a_fit_takes_it_through_all_of_them_and_goes_on_from_a_state():
    def fit(epochs=6):
        stages = [Stage(name, make, epochs) for name, make in MAKE.items()]
        return Fit(PairTerms(), PairTerms(5, seed=1), stages, seed=2)

    whole, parts = fit(), (fit(), fit())
    rows = list(whole.epochs())
    assert rows[-1]["validation force"] < 1e-4 * rows[0]["validation force"]
    assert whole.training.fitted()[-6] == pytest.approx(-3.0, rel=1e-3)
    first = parts[0].epochs()
    for _ in range(9):
        next(first)
    parts[1].restore(parts[0].state())
    assert len(list(parts[1].epochs())) == len(rows) - 9
    np.testing.assert_array_equal(parts[1].best, whole.best)


def test_both_are_regressions():
    """All that the protocol names is there, and nothing else is asked for."""
    for own in (PairTerms(), small()):
        assert isinstance(own, Regression)
    assert isinstance(small(), NetworkRegression) and not isinstance(object(), Regression)
    asked = {*Regression.__annotations__, *(name for name in vars(Regression) if not name.startswith("_"))}
    optimisers = ("adam", "kalman", "soap", "lbfgs", "least_squares")
    for name in (*(f"optimizers/{name}" for name in optimisers), "fit"):
        tree = ast.parse((Path(protocol.__file__).parent / f"{name}.py").read_text())
        used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value).split(".")[-1]
                in ("regression", "training", "validation")}  # fmt: skip
        assert used and used <= asked, name
        modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and "mdcore" in n.module}
        assert not any(word in module for module in modules for word in ("potentials", "loss", "environments")), name
